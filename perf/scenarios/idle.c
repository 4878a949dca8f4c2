/* SPDX-License-Identifier: MIT */
/*
 * What a pipeline costs while nothing happens in it: the part of a core that its workers and its
 * scheduler use when they are asleep. Events pass before and after, so that what is measured is a
 * pipeline that works and not one that is dead.
 */
#include <takt/clock.h>
#include <takt/pipeline.h>
#include <time.h>

#include "bench.h"

#define STAGES      4
#define AT_A_TIME   3
#define ASLEEP_SOON INT64_C(100000000)

static int count(void *context, takt_batch *batch)
{
    *(uint64_t *)context += batch->count;
    return 0;
}

static void sleep_for(int64_t ns)
{
    nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, NULL);
}

static void send(takt_ring *ring)
{
    for (int i = 0; i < AT_A_TIME; i++) {
        int64_t s = takt_ring_next(ring, 1);
        *(uint64_t *)takt_ring_at(ring, s) = (uint64_t)s;
        takt_ring_publish(ring, s);
    }
}

static int add_stages(takt_pipeline *pipeline, uint64_t counts[STAGES])
{
    takt_stage *before = NULL;
    int error = 0;
    for (int k = 0; k < STAGES && error == 0; k++) {
        takt_stage *stage = NULL;
        error = takt_pipeline_add_stage(pipeline, &stage,
                                        TAKT_STAGE(.name = "count", .handler = count,
                                                   .context = &counts[k], .after = &before,
                                                   .after_count = before ? 1 : 0, .shards_max = 1));
        before = stage;
    }
    return error ? error : takt_pipeline_start(pipeline);
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    uint64_t counts[STAGES] = {0};
    takt_runtime *runtime = NULL;
    takt_pipeline *pipeline = NULL;

    int error = takt_runtime_create(&runtime, TAKT_RUNTIME(.pin = what->cpu_count > 0));
    if (error == 0)
        error = takt_pipeline_create(&pipeline, runtime,
                                     TAKT_PIPELINE(.event_size = 8, .capacity = what->capacity));
    if (error == 0)
        error = add_stages(pipeline, counts);
    if (error == 0) {
        takt_ring *ring = takt_pipeline_ring(pipeline);
        send(ring);
        sleep_for(what->time_ns < ASLEEP_SOON ? what->time_ns : ASLEEP_SOON);
        perf_begin(run);
        sleep_for(what->time_ns);
        perf_end(run);
        send(ring);
        takt_pipeline_close(pipeline);
        error = takt_pipeline_wait(pipeline, TAKT_FOREVER);
    }
    run->events = 0;
    for (int k = 0; k < STAGES; k++)
        run->checksum += counts[k];
    takt_pipeline_destroy(pipeline);
    takt_runtime_destroy(runtime);
    return error;
}

static uint64_t checksum(const struct perf_case *what)
{
    (void)what;
    return (uint64_t)STAGES * 2 * AT_A_TIME;
}

static const struct perf_system takt = {
    .name = "takt",
    .about = "a pipeline of four stages whose workers are asleep",
    .run = run,
};

static const struct perf_scenario idle = {
    .name = "idle",
    .about = "the part of a core that a pipeline uses while nothing happens in it",
    .what = {.shape = PERF_OTHER, .events = 3, .event_size = 8, .batch = 1, .capacity = 1024},
    .fixed = true,
    .checksum = checksum,
    .own = &takt,
};
PERF_SCENARIO(idle)
