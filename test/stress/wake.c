/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: a producer outside the runtime publishes a few events, waits until they have
 * passed, and leaves the workers idle for a time that is now too short for them to fall asleep,
 * now long enough, now just about. A wake-up that is lost leaves an event behind, and the drain
 * runs into its deadline.
 *
 * TAKT_STRESS_ROUNDS: bursts for each number of workers.
 */
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define DEADLINE_NS INT64_C(20000000000)

static int on_event(void *context, takt_batch *b)
{
    int64_t *sum = context;
    for (uint32_t i = 0; i < b->count; i++)
        *sum += *(int64_t *)takt_batch_at(b, i);
    return 0;
}

static int pass_on(void *context, takt_batch *b)
{
    (void)context;
    (void)b;
    return 0;
}

static void idle_for(int64_t ns)
{
    struct timespec t = {0, (long)ns};
    if (ns > 50000)
        nanosleep(&t, NULL);
    else
        for (int64_t until = takt_after(ns); takt_now() < until;)
            ;
}

static takt_pipeline *build(takt_runtime *runtime, int64_t *sum)
{
    takt_pipeline *p;
    takt_stage *first;
    takt_pipeline_create(&p, runtime, TAKT_PIPELINE(.event_size = sizeof(int64_t), .capacity = 64));
    takt_stage_options options = {.size = sizeof options, .handler = pass_on};
    takt_pipeline_add_stage(p, &first, &options);
    options = (takt_stage_options){
        .size = sizeof options,
        .handler = on_event,
        .context = sum,
        .after = &first,
        .after_count = 1,
        .shards_max = 1,
    };
    takt_pipeline_add_stage(p, NULL, &options);
    takt_pipeline_start(p);
    return p;
}

static void burst(uint32_t workers, long rounds)
{
    takt_runtime *runtime;
    int64_t sum = 0, expected = 0, left = 0;
    struct rng rng = {workers};
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = workers, .cores = workers));
    takt_pipeline *p = build(runtime, &sum);
    takt_ring *ring = takt_pipeline_ring(p);
    for (long round = 0; round < rounds && left == 0; round++) {
        for (uint32_t n = rng_between(&rng, 1, 100); n > 0; n--) {
            int64_t s = takt_ring_next_until(ring, 1, takt_after(DEADLINE_NS));
            if (s < 0) {
                left = s;
                break;
            }
            *(int64_t *)takt_ring_at(ring, s) = n;
            expected += n;
            takt_ring_publish(ring, s);
            if (rng_below(&rng, 4) == 0)
                idle_for(rng_below(&rng, 30000));
        }
        if (left == 0)
            left = takt_pipeline_drain(p, takt_after(DEADLINE_NS));
        idle_for(rng_below(&rng, 2) ? rng_below(&rng, 40000) : rng_below(&rng, 300000));
    }
    ok(left == 0, "%u workers: no burst of %ld is left behind", workers, rounds);
    takt_pipeline_close(p);
    int result = takt_pipeline_wait(p, takt_after(DEADLINE_NS));
    ok(result == 0, "the pipeline ends when it is closed while the workers sleep");
    ok(sum == expected, "every event was handled once");
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 2000);
    for (uint32_t workers = 1; workers <= 4; workers *= 2)
        burst(workers, rounds);
    return done();
}
