/* SPDX-License-Identifier: MIT */
/*
 * How a pipeline ends: by its stream's end, by a failure, by a halt; and draining.
 *
 * A failure is deterministic although shards run side by side. The failed shard stays at the event
 * that failed, so the stage's progress, and with it every later stage, ends exactly before it.
 * Shards that are behind go on, and may fail at a lower sequence, which then takes its place. Once
 * the last stages have done everything below the lowest failure known, no lower one can come, and
 * the pipeline has failed for good. The taps count as a last stage.
 */
#include <takt/clock.h>

#include "disruptor/backoff.h"
#include "scheduler/runtime.h"
#include "shard/cut.h"

void takt__pipeline_fail(takt_pipeline *p, const takt_stage *stage, int64_t sequence, int code)
{
    pthread_mutex_lock(&p->failure_lock);
    takt__st64_rlx((int64_t *)&stage->errors, stage->errors + 1);
    bool lower = sequence < p->failure.sequence ||
                 (sequence == p->failure.sequence && stage->index < p->failed_stage);
    if (!p->failing || lower) {
        p->failure = (takt_failure){stage->name, sequence, code};
        p->failed_stage = stage->index;
    }
    takt__st32_rel(&p->failing, 1); /* release [pairs: failing] */
    pthread_mutex_unlock(&p->failure_lock);
}

int takt_pipeline_failure(const takt_pipeline *pipeline, takt_failure *failure)
{
    takt_pipeline *p = (takt_pipeline *)pipeline; /* for the lock */
    if (!takt__ld32_acq(&p->failing))             /* acquire [pairs: failing] */
        return 0;
    pthread_mutex_lock(&p->failure_lock);
    *failure = p->failure;
    pthread_mutex_unlock(&p->failure_lock);
    return 1;
}

int64_t takt__pipeline_done(const takt_pipeline *p)
{
    int64_t least = TAKT_SEQUENCE_GONE;
    for (uint32_t i = 0; i < p->count; i++) {
        int64_t done = p->stages[i]->sink ? takt__stage_done(&p->stages[i]->core) : least;
        if (done < least)
            least = done;
    }
    return least;
}

/* Moves a pipeline to its last state: one that runs, or, to halt it, one that is stopped. */
static bool finish(takt_pipeline *p, enum takt__state state)
{
    for (;;) {
        uint32_t before = takt__ld32_rlx(&p->state);
        if (before != TAKT__STATE_RUNNING &&
            (before != TAKT__STATE_STOPPED || state != TAKT__STATE_HALTED))
            return false;
        if (takt__cas32(&p->state, before, state)) /* release [pairs: state] */
            return true;
        /* It has been started or stopped meanwhile, or another one was faster. */
    }
}

/* Moves it there and tells who waits. */
static void end(takt_pipeline *p, enum takt__state state)
{
    if (!finish(p, state))
        return;
    takt__runtime_vacate(p->runtime, p);
    takt_ring_halt(p->ring);
    takt__park_wake_all(&p->waiters);
}

static bool stream_has_ended(const takt_pipeline *p)
{
    /* acquire [pairs: source-ended], [pairs: closed]: the cursor read after is the last */
    return p->source ? takt__ld32_acq(&p->source->ended) : takt__ld32_acq(&p->closed);
}

void takt__pipeline_settle(takt_pipeline *p)
{
    takt_failure failure;
    if (takt_pipeline_failure(p, &failure)) {
        if (takt__pipeline_done(p) >= failure.sequence - 1)
            end(p, TAKT__STATE_FAILED);
    } else if (stream_has_ended(p)) {
        int64_t cursor = takt_ring_cursor(p->ring);
        if (takt__pipeline_done(p) >= cursor)
            end(p, TAKT__STATE_ENDED);
    }
}

/*
 * What ends a pipeline may let another thread return from its wait, and destroy the pipeline,
 * before the call is over. So it is counted first, and the destruction waits for it.
 */
static void come(takt_pipeline *p)
{
    takt__add32_rlx(&p->callers, 1); /* seen by who sees what comes after it */
}

static void go(takt_pipeline *p)
{
    takt__add32(&p->callers, (uint32_t)-1); /* release [pairs: callers] */
}

void takt__pipeline_await_callers(const takt_pipeline *p)
{
    struct takt__backoff backoff = {0};
    while (takt__ld32_acq(&p->callers)) /* acquire [pairs: callers] */
        takt__backoff_wait(&backoff, TAKT_FOREVER);
}

void takt_pipeline_close(takt_pipeline *p)
{
    come(p);
    takt__st32_rel(&p->closed, 1); /* release [pairs: closed] */
    takt__fence();                 /* a worker that sleeps looked at `closed` after saying so */
    takt__park_wake_one(&p->runtime->park);
    go(p);
}

/* The result of a pipeline that has come to its last state; 1 while it runs. */
static int result(const takt_pipeline *p)
{
    takt_failure failure = {0};
    switch ((enum takt__state)takt__ld32_acq(&p->state)) { /* acquire [pairs: state] */
    case TAKT__STATE_ENDED: return 0;
    case TAKT__STATE_FAILED: takt_pipeline_failure(p, &failure); return failure.code;
    case TAKT__STATE_HALTED: return TAKT_EHALTED;
    case TAKT__STATE_BUILDING:
    case TAKT__STATE_STOPPED: return TAKT_ESTATE;
    case TAKT__STATE_RUNNING: break;
    }
    return 1;
}

int takt_pipeline_wait(takt_pipeline *p, int64_t deadline)
{
    for (;;) {
        uint32_t ticket = takt__park_ticket(&p->waiters);
        int code = result(p);
        if (code != 1)
            return code;
        if (deadline != TAKT_FOREVER && takt_now() >= deadline)
            return TAKT_ETIMEDOUT;
        takt__park_wait(&p->waiters, ticket, deadline);
    }
}

/* Keeps workers from the source, and waits until none is in it. */
static bool pause_source(takt_pipeline *p, int64_t deadline)
{
    takt__st32_rlx(&p->paused, 1);
    takt__fence(); /* between `paused` and the owner: see the worker's run_shard */
    if (!p->source || p->intake.pump)
        return true; /* what is left in the waiting room is to pass */
    const struct takt__shard *shard = &p->source->shards[0];
    struct takt__backoff backoff = {0};
    while (takt__ld32_acq(&shard->owner) != TAKT__VACANT) { /* acquire [pairs: owner] */
        if (takt_now() >= deadline)
            return false;
        takt__backoff_wait(&backoff, deadline);
    }
    return true;
}

/*
 * How many events have not passed yet. With a waiting room it may be 1 too many, for those that are
 * just being moved to the ring. What was taken out of the room that is seen empty was taken by an
 * owner of the source's shard: if nobody is seen to own it afterwards, it is in the ring. What is
 * done is read first, so that the cursor read after is not below it.
 */
static int64_t count_left(const takt_pipeline *p)
{
    int64_t done = takt__pipeline_done(p);
    int64_t waiting = takt__intake_waiting(p);
    int64_t moving = 0;
    if (p->source && p->intake.waiting)
        moving = takt__ld32_acq(&p->source->shards[0].owner) != TAKT__VACANT; /* [pairs: owner] */
    int64_t left = takt_ring_cursor(p->ring) - done;
    return left + (waiting || left ? waiting : moving);
}

/* Whether no worker is in any stage: after the end of a pipeline, none will be again. */
static bool is_quiet(const takt_pipeline *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const struct takt__stage *core = &p->stages[i]->core;
        for (uint32_t k = 0; k < 2 * core->shards_max; k++) {
            const struct takt__shard *shard = &core->division[k & 1].shards[k >> 1];
            uint32_t owner = takt__ld32_acq(&shard->owner); /* acquire [pairs: owner] */
            if (owner != TAKT__VACANT && owner != TAKT__FAILED)
                return false;
        }
    }
    return true;
}

int64_t takt_pipeline_drain(takt_pipeline *p, int64_t deadline)
{
    if (takt__ld32_acq(&p->state) == TAKT__STATE_BUILDING) /* acquire [pairs: state] */
        return TAKT_ESTATE;
    bool paused = pause_source(p, deadline);
    struct takt__backoff backoff = {0};
    for (;;) {
        /* Looked at first: what is left when nobody runs any more will not change. */
        bool over = result(p) != 1 && is_quiet(p);
        int64_t left = count_left(p);
        if (over || (left == 0 && paused))
            return left;
        if (takt_now() >= deadline)
            return left ? left : TAKT_ETIMEDOUT;
        takt__backoff_wait(&backoff, deadline);
    }
}

void takt_pipeline_resume(takt_pipeline *p)
{
    takt__st32_rel(&p->paused, 0); /* release [pairs: resumed] */
    takt__fence();                 /* before looking for sleepers */
    takt__park_wake_one(&p->runtime->park);
}

void takt_pipeline_halt(takt_pipeline *p)
{
    come(p);
    end(p, TAKT__STATE_HALTED);
    go(p);
}

int takt_stage_set_shards(takt_stage *stage, uint32_t shards)
{
    struct takt__stage *core = &stage->core;
    if (core->source || shards < core->shards_min || shards > core->shards_max)
        return TAKT_EWIDTH;
    takt__cut_request(core, shards);
    if (takt__ld32_acq(&stage->pipeline->state) == TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        takt__runtime_step_cut(stage->pipeline->runtime, core);
    return 0;
}

void takt_stage_get_stats(const takt_stage *stage, takt_stage_stats *stats)
{
    const struct takt__stage *core = &stage->core;
    const struct takt__change *change = &core->change;
    *stats = (takt_stage_stats){.name = stage->name};
    uint32_t most = takt__ld32_rlx(&change->most);
    for (uint32_t i = 0; i < 2 * most; i++) {
        const struct takt__shard *shard = &core->division[i & 1].shards[i >> 1];
        stats->events += takt__ld64_rlx(&shard->events);
        stats->busy_ns += takt__ld64_rlx(&shard->busy_ns);
    }
    int64_t done = takt__stage_done(core);
    int64_t available = takt__stage_available(core);
    /* A source has no input before the start. */
    if (available != TAKT_SEQUENCE_GONE && available - 1 > done)
        stats->backlog = available - 1 - done;
    uint32_t current = takt__ld32_acq(&core->current); /* acquire [pairs: current] */
    stats->shards_now = takt__division_shards(&core->division[current]);
    stats->shards_least = takt__ld32_rlx(&change->least);
    stats->shards_most = most;
    stats->shards_mean = takt__cut_mean_width(core);
    stats->redivisions = takt__ld64_rlx(&change->redivisions);
    stats->cut = takt__ld64_rlx(&change->from);
}
