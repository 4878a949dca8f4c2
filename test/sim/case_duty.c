/* SPDX-License-Identifier: MIT */
/*
 * Workers that go into reserve and come out of it (scheduler/duty.c) while a pipeline runs, and
 * handlers that wait for another worker.
 */
#include "cases.h"
#include "line.h"
#include "scheduler/duty.h"

#define EVENTS 4

struct duty {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    struct takt__park lot; /* for those who wait for an event */
    int64_t begun[EVENTS], handled[EVENTS];
    int64_t total;
    bool meet; /* the first event is not done before the second */
};

/* Sleeps until an event's number is no longer 0: of those begun, or of those handled. */
static void wait_for(struct duty *d, const int64_t *number)
{
    for (;;) {
        uint32_t ticket = takt__park_ticket(&d->lot);
        if (takt__ld64_acq(number))
            return;
        takt__park_wait(&d->lot, ticket, TAKT_FOREVER);
    }
}

static int on_event(void *context, takt_batch *b)
{
    struct duty *d = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        if (d->meet) {
            takt__st64_rel(&d->begun[s], 1);
            takt__park_wake_all(&d->lot);
            if (s == 0)
                wait_for(d, &d->handled[1]);
        }
        takt__st64_rel(&d->handled[s], takt__ld64_rlx(&d->handled[s]) + 1);
        takt__park_wake_all(&d->lot);
    }
    return 0;
}

/* A stage in two shards. */
static struct duty *begin_with(uint32_t workers, uint32_t cores, enum takt_overload overload)
{
    struct duty *d = sim_memory(sizeof *d);
    d->runtime = LINE_RUNTIME(.workers = workers, .cores = cores);
    d->pipeline = LINE_PIPELINE(d->runtime, .event_size = 8, .capacity = 4, .overload = overload);
    line_stage(d->pipeline, TAKT_STAGE(.handler = on_event, .context = d, .shards = 2,
                                       .shards_max = 2, .block = 1));
    return d;
}

/* Some workers and one core. */
static struct duty *begin(uint32_t workers)
{
    return begin_with(workers, 1, TAKT_OVERLOAD_BLOCK);
}

static void produce(struct duty *d, int64_t events)
{
    takt_ring *ring = takt_pipeline_ring(d->pipeline);
    for (int64_t i = 0; i < events; i++)
        takt_ring_publish(ring, takt_ring_next(ring, 1));
    d->total += events;
}

/* Before the close: what was published last has to be handled without a wake-up by that. */
static void end(struct duty *d)
{
    for (int64_t i = 0; i < d->total; i++)
        wait_for(d, &d->handled[i]);
    takt_pipeline_close(d->pipeline);
    line_ends_with(d->pipeline, 0);
    takt_pipeline_destroy(d->pipeline);
    takt_runtime_destroy(d->runtime);
    for (int64_t i = 0; i < d->total; i++)
        sim_check(d->handled[i] == 1, "event %lld was handled %lld times", (long long)i,
                  (long long)d->handled[i]);
}

/* One goes into reserve while it is at work, looks around, sleeps, or has just been woken. */
static void duty_over(void *unused)
{
    (void)unused;
    struct duty *d = begin(2);
    takt__duty_set(d->runtime, 2);
    line_start(d->pipeline);
    produce(d, 1);
    takt__duty_set(d->runtime, 1);
    produce(d, 1);
    end(d);
}

/* It comes and goes. */
static void duty_turns(void *unused)
{
    (void)unused;
    struct duty *d = begin(2);
    line_start(d->pipeline);
    for (uint32_t i = 0; i < 2; i++) {
        takt__duty_set(d->runtime, 2);
        produce(d, 1);
        takt__duty_set(d->runtime, 1);
    }
    end(d);
}

/* A handler that waits for another one gets a worker from the reserve. */
static void duty_stuck(void *unused)
{
    (void)unused;
    struct duty *d = begin(2);
    d->meet = true;
    line_start(d->pipeline);
    produce(d, 2);
    end(d);
}

/*
 * There is no reserve, and the events come at once: who handles the first leaves the second, which
 * is not worth a wake-up, and does not come back.
 */
static void duty_left(void *unused)
{
    (void)unused;
    struct duty *d = begin_with(2, 2, TAKT_OVERLOAD_BLOCK);
    takt_ring *ring = takt_pipeline_ring(d->pipeline);
    d->meet = true;
    line_start(d->pipeline);
    takt_ring_publish_range(ring, 0, takt_ring_next(ring, 2));
    d->total = 2;
    end(d);
}

/*
 * What comes while a handler waits is for the other worker, who may sleep; and who publishes it
 * says so at once, no tick does. A waiting room's events come into the ring through a worker, who
 * has moved its cursor in between.
 */
static void meet_at_once(enum takt_overload overload)
{
    struct duty *d = begin_with(2, 2, overload);
    d->meet = true;
    line_start(d->pipeline);
    sim_clock_wakes(false);
    for (; d->total < 2; d->total++) {
        int result = takt_source_offer(d->pipeline, &d->total, TAKT_NOW);
        sim_check(result == 0, "not taken: %d", result);
        wait_for(d, &d->begun[d->total]);
    }
    wait_for(d, &d->handled[0]);
    sim_clock_wakes(true);
    end(d);
}

static void duty_ring(void *unused)
{
    (void)unused;
    meet_at_once(TAKT_OVERLOAD_BLOCK);
}

static void duty_waiting(void *unused)
{
    (void)unused;
    meet_at_once(TAKT_OVERLOAD_DROP_OLDEST);
}

/* The reserve goes home with the others. */
static void duty_end(void *unused)
{
    (void)unused;
    struct duty *d = begin(3);
    takt__duty_set(d->runtime, 2);
    line_start(d->pipeline);
    takt__duty_set(d->runtime, 1);
    end(d);
}

const struct sim_case sim_duty_cases[] = {
    {"duty_over", "a worker goes into reserve", duty_over, 0, 20, false, false},
    {"duty_turns", "it comes and goes", duty_turns, 0, 20, false, false},
    {"duty_stuck", "it comes for one that is stuck", duty_stuck, 0, 16, false, false},
    {"duty_left", "a handler waits for what it left", duty_left, 0, 16, false, false},
    {"duty_ring", "it waits for what is published next", duty_ring, 0, 16, false, false},
    {"duty_waiting", "the same, by a waiting room", duty_waiting, 0, 16, false, false},
    {"duty_end", "the runtime ends under the reserve", duty_end, 0, 12, false, false},
    {0},
};
