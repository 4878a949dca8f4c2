/* SPDX-License-Identifier: MIT */
/*
 * Workers: take the next seat, run the shard for a slice of time, give it up, look around again.
 *
 * A batch is bounded by time, so that a worker looks around every slice (20 microseconds unless the
 * pipeline says otherwise), and by the ring, so that one worker does not hold everything that the
 * others could work on. A worker with nothing to do spins for a moment, gives its core to whoever
 * else wants it, and then sleeps where a publish wakes it (park.h). A worker that sees more work
 * than it can take wakes the next one, so a burst into a sleeping runtime gets as many workers as
 * it is worth.
 */
#include <sched.h>

#include <takt/clock.h>

#include "disruptor/wait.h"
#include "scheduler/seat.h"
#include "scheduler/topo.h"

/* How long a worker looks for work before it sleeps. */
#define SPIN_NS 20000

/* From this much work on for others, another worker is woken: what a wake-up costs, roughly. */
#define WAKE_NS 5000

/* The first batch of a stage whose service time is not known yet. */
#define FIRST_BATCH 16

/* How long a source that had nothing is left alone: at first and at most. */
#define SOURCE_IDLE_NS     1000
#define SOURCE_IDLE_MAX_NS 1000000

/* How many events fit into a slice. */
static uint32_t batch_limit(const takt_pipeline *p, const struct takt__stage *core)
{
    int64_t service = takt__ld64_rlx(&core->service_ps);
    int64_t limit = service ? p->slice_ns * 1000 / service : FIRST_BATCH;
    if (limit < 1)
        limit = 1;
    return limit < p->batch_max ? (uint32_t)limit : p->batch_max;
}

/* A source that had nothing is asked again after a while that doubles. */
static void leave_source_alone(takt_stage *stage, bool had_something)
{
    if (had_something) {
        stage->idle_ns = 0;
        takt__st64_rlx(&stage->idle_until, 0);
        return;
    }
    stage->idle_ns = stage->idle_ns ? stage->idle_ns * 2 : SOURCE_IDLE_NS;
    if (stage->idle_ns > SOURCE_IDLE_MAX_NS)
        stage->idle_ns = SOURCE_IDLE_MAX_NS;
    takt__st64_rlx(&stage->idle_until, takt_now() + stage->idle_ns);
}

/*
 * Runs the seat's shard, which the caller owns, for about a slice. True if it failed: it stays
 * owned for ever then.
 */
static bool run_shard(struct takt__worker *w, const struct takt__seat *seat)
{
    takt_stage *stage = seat->stage;
    takt_pipeline *p = stage->pipeline;
    struct takt__run run;
    int64_t began = 0;
    for (;;) {
        if (stage->core.source) {
            takt__fence(); /* between owning the shard and reading `paused`: see drain */
            /* acquire [pairs: resumed] */
            bool paused = takt__ld32_acq(&p->paused) && !stage->core.feed; /* it looks itself */
            if (paused || takt__ld32_rlx(&stage->ended))
                return false;
        }
        uint32_t limit = batch_limit(p, &stage->core);
        takt__shard_run(&stage->core, seat->shard, limit, w->picks, &run);
        if (run.called)
            takt__probe_batch(&w->probe, run.began_ns, run.ended_ns, run.events, run.first);
        if (run.code < 0) {
            takt__pipeline_fail(p, stage, run.sequence, run.code);
            if (!run.ended)
                return true;
        }
        if (stage->core.source) {
            if (run.called) {
                leave_source_alone(stage, run.worked);
                takt__count(&stage->claims, 1);
                takt__count(&stage->waits, !run.worked);
            }
            if (run.ended)
                takt__st32_rel(&stage->ended, 1); /* release [pairs: source-ended] */
        }
        /* A batch is as long as a slice, once it is known how long an event takes. */
        if (run.events < limit || run.ended || takt__ld32_rlx(&seat->shard->wanted))
            return false;
        if (!began)
            began = run.began_ns;
        if (run.ended_ns - began >= p->slice_ns / 2)
            return false;
    }
}

/* Takes the seat and works; false if somebody else was faster. */
static bool work(struct takt__worker *w, const struct takt__seat *seat)
{
    struct takt__shard *shard = seat->shard;
    if (!takt__shard_take(shard, w->trail.worker))
        return false;
    if (takt__ld32_rlx(&shard->last) != w->trail.worker)
        takt__st32_rlx(&shard->last, w->trail.worker);
    w->trail.pipeline = seat->stage->pipeline;
    w->trail.first = shard->next;
    takt__probe_take(&w->probe, seat->stage->number, shard->index);
    if (takt__choice_others(&seat->choice) > WAKE_NS && takt__park_occupied(&w->runtime->park)) {
        takt__park_wake_one(&w->runtime->park);
        takt__probe_wake(&w->probe);
    }
    bool failed = run_shard(w, seat);
    takt__probe_leave(&w->probe);
    w->trail.past = shard->next;
    if (failed)
        takt__st32_rel(&shard->owner, TAKT__FAILED); /* release [pairs: owner] */
    else
        takt__shard_leave(shard);
    return true;
}

/* Has every outside producer look for sleepers when it next publishes. */
static void arm(takt_runtime *runtime)
{
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        takt_pipeline *p = takt__runtime_place(runtime, i);
        if (p)
            takt__sequence_arm(&p->ring->cursor);
    }
}

/*
 * Sleeps until woken, unless there is work after all. Nor does a worker sleep whose last look was
 * the changer of a cut for a step: others may have been turned away by it, or have read what it was
 * about to move, and sleep already; they rely on the changer to look once more.
 */
static void sleep_on_it(struct takt__worker *w, struct takt__seat *seat)
{
    takt_runtime *runtime = w->runtime;
    uint32_t ticket;
    takt__park_prepare(&runtime->park, &ticket);
    arm(runtime);
    bool everywhere = takt__barrier_everywhere();
    takt__seat_choose(runtime, &w->trail, seat);
    if (seat->shard || seat->stepped || takt__ld32_rlx(&runtime->stopping)) {
        takt__park_cancel(&runtime->park);
        return;
    }
    takt__runtime_rest(&w->epoch);
    takt__probe_sleep(&w->probe);
    takt__park_sleep(&runtime->park, ticket, everywhere, seat->look_again);
    takt__probe_rise(&w->probe);
    takt__runtime_enter(&w->epoch);
    /* Being woken has disarmed the producer; the others that sleep may be needed yet. */
    if (takt__park_occupied(&runtime->park)) {
        arm(runtime);
        takt__fence(); /* before looking for work */
    }
}

void *takt__worker_main(void *argument)
{
    struct takt__worker *w = argument;
    takt_runtime *runtime = w->runtime;
    if (runtime->pin)
        takt__topo_pin(w->trail.worker - 1);
    int64_t idle_since = 0;
    while (!takt__ld32_rlx(&runtime->stopping)) {
        struct takt__seat seat;
        takt__runtime_enter(&w->epoch);
        takt__seat_choose(runtime, &w->trail, &seat);
        if (seat.shard) {
            work(w, &seat);
            idle_since = 0;
            continue;
        }
        int64_t now = takt_now();
        if (idle_since == 0)
            idle_since = now;
        if (now - idle_since < SPIN_NS / 4) {
            takt__pause();
        } else if (now - idle_since < SPIN_NS) {
            sched_yield();
        } else {
            sleep_on_it(w, &seat);
            idle_since = 0;
        }
    }
    takt__runtime_rest(&w->epoch);
    return NULL;
}
