/* SPDX-License-Identifier: MIT */
/*
 * Duty and reserve: no more workers are awake than there are cores for them.
 *
 * Workers that share a core lose what makes them fast. The system takes one off its core for some
 * milliseconds in the middle of a batch, and with it a shard that nobody else may run; a pipeline
 * of cheap stages goes through its ring many times in so long, so everything behind that shard
 * stands still. And whoever gets the core instead works on events that are warm in nobody's cache.
 * A worker beyond the number of cores is of use only while another one cannot use its core, because
 * its handler waits for something. So the first workers are on duty, as many as there are cores and
 * one more for each of them that is stuck in a handler; the others are the reserve, and sleep. In a
 * runtime with no more workers than cores there is no reserve, and nothing of this is done.
 *
 * Stuck is who sits in a seat, or is in a call-back, and
 *
 * - is blocked: the system says of its thread, at the moment of the tick, that it sleeps. One look
 *   says little about a handler that waits for part of its time, but many looks do, and what is
 *   wanted is the most of the last ticks. Or
 * - has not moved since the last tick, whatever it does: it may be spinning until a worker has done
 *   something that is in reserve.
 *
 * So every worker comes on duty sooner or later if those before it are stuck, and a handler that
 * waits for another one is served as it would be without a reserve, some ticks later. The number on
 * duty grows at once, as widths do (decide.h), and shrinks when ten ticks in a row wanted fewer.
 *
 * The reserve sleeps apart from the workers that wait for something to do (park.h), so that a
 * publisher never wakes a worker that is to stay asleep. A worker that goes into reserve leaves as
 * a helper does (help.c): those who rely on it to look around once more have somebody else woken in
 * its place. There is somebody else: the workers before it are on duty, since `on_duty` is at least
 * one. One that comes out of the reserve looks around before anything else, and needs no wake-up.
 * `on_duty` is a hint otherwise: who reads an old value works a little longer, or sleeps until the
 * wake-up that follows every growth; the event count of the lot sees to that.
 *
 * A look at a thread is a file that is read, four microseconds or so. There are LOOKS of them in a
 * tick, at one worker after another; what is known of the others is what was seen at the last look.
 */
#include "scheduler/duty.h"
#include "scheduler/topo.h"

/* After so many ticks in a row that wanted fewer, there are fewer on duty. */
#define SHRINK_TICKS 10

/* Threads whose state is looked at in a tick. */
#define LOOKS 8

void takt__duty_init(takt_runtime *runtime, uint32_t cores)
{
    if (runtime->worker_count > 1 && cores == 0)
        cores = takt__topo_cores();
    if (cores == 0 || cores > runtime->worker_count)
        cores = runtime->worker_count;
    runtime->duty.cores = cores;
    runtime->on_duty = cores;
}

bool takt__duty_wait(struct takt__worker *w)
{
    takt_runtime *runtime = w->runtime;
    bool slept = false;
    for (;;) {
        uint32_t ticket = takt__park_ticket(&runtime->duty.lot);
        bool stopping = takt__ld32_rlx(&runtime->stopping);
        if (stopping || !takt__duty_over(w)) {
            if (slept)
                takt__probe_rise(&w->probe);
            return !stopping;
        }
        if (!slept)
            takt__probe_sleep(&w->probe);
        slept = true;
        takt__park_wait(&runtime->duty.lot, ticket, TAKT_FOREVER);
    }
}

void takt__duty_set(takt_runtime *runtime, uint32_t count)
{
    bool more = count > takt__ld32_rlx(&runtime->on_duty);
    takt__st32_rlx(&runtime->on_duty, count);
    if (more)
        takt__park_wake_all(&runtime->duty.lot);
}

static bool is_in_pass(const struct takt__worker *w)
{
    return takt__runtime_in_pass(takt__ld64_rlx(&w->epoch));
}

/* Whether the worker was in one pass all the while that its thread was looked at, and slept. */
static bool is_blocked(const struct takt__worker *w)
{
    int64_t epoch = takt__ld64_rlx(&w->epoch);
    return takt__runtime_in_pass(epoch) && takt__topo_blocked(takt__ld32_rlx(&w->thread_id)) &&
           takt__ld64_rlx(&w->epoch) == epoch;
}

/* Looks at some of those on duty, at others each time. */
static void look(takt_runtime *runtime)
{
    struct takt__duty *duty = &runtime->duty;
    uint32_t there = takt__ld32_rlx(&runtime->on_duty);
    for (uint32_t i = 0; i < there && i < LOOKS; i++) {
        struct takt__worker *w = &runtime->workers[duty->next++ % there];
        w->blocked = is_blocked(w);
    }
}

/* So many of the first workers that as many of them as there are cores are not stuck. */
static uint32_t count_wanted(const takt_runtime *runtime)
{
    uint32_t able = 0, count = 0;
    while (count < runtime->worker_count && able < runtime->duty.cores) {
        const struct takt__worker *w = &runtime->workers[count++];
        bool still = takt__ld64_rlx(&w->probe.still_since) != 0;
        able += !still && !(w->blocked && is_in_pass(w));
    }
    return count;
}

bool takt__duty_tick(takt_runtime *runtime)
{
    struct takt__duty *duty = &runtime->duty;
    if (duty->cores == runtime->worker_count)
        return false;
    look(runtime);
    uint32_t wanted = count_wanted(runtime), there = takt__ld32_rlx(&runtime->on_duty);
    if (wanted >= there) {
        duty->ticks_below = 0;
        duty->most_below = 0;
        if (wanted == there)
            return false;
        takt__duty_set(runtime, wanted);
        return true;
    }
    if (wanted > duty->most_below)
        duty->most_below = wanted;
    if (++duty->ticks_below < SHRINK_TICKS)
        return false;
    takt__duty_set(runtime, duty->most_below);
    duty->ticks_below = 0;
    duty->most_below = 0;
    return false;
}
