/* SPDX-License-Identifier: MIT */
/*
 * Workers: take the next seat, run the shard for a slice of time, give it up, look around again.
 *
 * A batch is bounded by time, so that a worker looks around every slice (20 microseconds unless the
 * pipeline says otherwise), and by the ring, so that one worker does not hold everything that the
 * others could work on. A worker with nothing to do spins for a moment, gives its core to whoever
 * else wants it, and then sleeps where a publish wakes it (park.h). A worker that sees more work
 * than it can take wakes the next one, so a burst into a sleeping runtime gets as many workers as
 * it is worth. Workers beyond the number of cores sleep in reserve (duty.c).
 */
#include <sched.h>
#include <unistd.h>

#include <takt/clock.h>

#include "disruptor/wait.h"
#include "scheduler/duty.h"
#include "scheduler/seat.h"
#include "scheduler/topo.h"

/* How long a worker looks for work before it sleeps. */
#define SPIN_NS 20000

/*
 * From this much work on for others, another worker is woken: what a wake-up costs, roughly. What
 * is left is for who comes back first; if nobody does, a tick sees to it (scheduler.c).
 */
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
    if (seat->all_ns - seat->mine_ns > WAKE_NS && takt__park_occupied(&w->runtime->park)) {
        takt__park_wake_one(&w->runtime->park);
        takt__probe_wake(&w->probe);
    }
    int64_t service = takt__ld64_rlx(&seat->stage->core.service_ps);
    int64_t busy_ns = w->probe.busy_ns, events = w->probe.events;
    bool failed = run_shard(w, seat);
    takt__probe_leave(&w->probe);
    takt__seat_charge(w->runtime, seat, w->probe.busy_ns - busy_ns,
                      (w->probe.events - events) * service / 1000);
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
            takt__intake_arm(p);
    }
}

/* Whether the worker is to leave its work. */
static bool is_called_off(const struct takt__worker *w)
{
    const takt_runtime *runtime = w->runtime;
    return takt__ld32_rlx(&runtime->stopping) || takt__duty_over(w) ||
           (w->helps && takt__ld32_rlx(&runtime->recalls) != w->recalls);
}

/*
 * Sleeps until woken, or until the deadline, unless there is work after all. Nor does a worker
 * sleep whose last look was the changer of a cut for a step: others may have been turned away by
 * it, or have read what it was about to move, and sleep already; they rely on the changer to look
 * once more.
 */
static void sleep_on_it(struct takt__worker *w, struct takt__seat *seat, int64_t deadline)
{
    takt_runtime *runtime = w->runtime;
    uint32_t ticket;
    takt__park_prepare(&runtime->park, &ticket);
    arm(runtime);
    bool everywhere = takt__barrier_everywhere();
    takt__seat_choose(runtime, &w->trail, seat);
    if (seat->shard || seat->stepped || is_called_off(w)) {
        takt__park_cancel(&runtime->park);
        return;
    }
    takt__runtime_rest(&w->epoch);
    takt__probe_sleep(&w->probe);
    takt__park_sleep(&runtime->park, ticket, everywhere,
                     seat->look_again < deadline ? seat->look_again : deadline);
    takt__probe_rise(&w->probe);
    takt__runtime_enter(&w->epoch);
    /* Being woken has disarmed the producer; the others that sleep may be needed yet. */
    if (takt__park_occupied(&runtime->park)) {
        arm(runtime);
        takt__fence(); /* before looking for work */
    }
}

/*
 * Finds nothing to do: spins for a moment, then yields, then sleeps. False: it has slept, or was
 * about to.
 */
static bool wait_for_work(struct takt__worker *w, struct takt__seat *seat, int64_t idle_ns,
                          int64_t deadline)
{
    if (idle_ns < SPIN_NS / 4) {
        takt__pause();
    } else if (idle_ns < SPIN_NS) {
        sched_yield();
    } else {
        sleep_on_it(w, seat, deadline);
        return false;
    }
    return true;
}

static bool is_over(int64_t deadline)
{
    return deadline != TAKT_FOREVER && takt_now() >= deadline;
}

/*
 * Others rely on a worker that has had a shard, or was the changer of a cut, to look around
 * afterwards: they may have been turned away by it, and sleep. So do those who know that a source
 * is asked again by whoever saw last that it had nothing. That is over when a look finds nothing at
 * all. Those who woke the worker, and nobody else, rely on it until it sleeps again: being woken
 * has disarmed the producer, who may not have seen yet that it was armed anew, and have published
 * since, unseen by that look. Only the barrier before a sleep settles that.
 */
bool takt__worker_stay(struct takt__worker *w, int64_t deadline)
{
    bool late = is_over(deadline), relied_on = false, slept = false;
    int64_t idle_since = 0, events = w->probe.events;
    while (!is_called_off(w)) {
        struct takt__seat seat;
        takt__runtime_enter(&w->epoch);
        takt__seat_choose(w->runtime, &w->trail, &seat);
        relied_on = seat.shard || seat.stepped || seat.look_again != TAKT_FOREVER;
        if (seat.shard) {
            work(w, &seat);
            idle_since = 0;
            /* Whoever came late has one seat that was worth it. */
            if (is_over(deadline) && (!late || w->probe.events != events))
                break;
            continue;
        }
        int64_t now = takt_now();
        if (now >= deadline)
            break;
        if (idle_since == 0)
            idle_since = now;
        if (!wait_for_work(w, &seat, now - idle_since, deadline)) {
            idle_since = 0;
            slept = true;
            if (is_over(deadline))
                break;
        }
    }
    takt__runtime_rest(&w->epoch);
    return !relied_on && !slept;
}

void *takt__worker_main(void *argument)
{
    struct takt__worker *w = argument;
    if (w->runtime->pin)
        takt__topo_pin(w->trail.worker - 1);
    takt__st32_rlx(&w->thread_id, (uint32_t)gettid());
    while (takt__duty_wait(w))
        if (!takt__worker_stay(w, TAKT_FOREVER))
            takt__runtime_wake_another(w->runtime);
    return NULL;
}
