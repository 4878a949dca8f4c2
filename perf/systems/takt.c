/* SPDX-License-Identifier: MIT */
/*
 * takt's own systems.
 *
 *   takt          what we would recommend for the shape on the cores that there are: a thread for
 *                 producer and consumer while each has a core, workers and stages beyond that
 *   takt-threads  a thread for each producer and each consumer, however many
 *   takt-1, takt-2x, takt-4x
 *                 the stages with one worker, and with twice and four times as many as cores
 */
#include "takt_job.h"

/* The size that the shape's events have. */
static bool fits(const struct perf_case *what)
{
    switch (what->shape) {
    case PERF_PIPELINE: return what->event_size == sizeof(struct perf_steps);
    case PERF_DIAMOND: return what->event_size == sizeof(struct perf_fizzbuzz);
    case PERF_STAGES: return what->event_size == sizeof(struct perf_stages);
    case PERF_CHAIN: return what->event_size == sizeof(struct perf_chain);
    case PERF_MULTICAST: return what->event_size == sizeof(uint64_t);
    case PERF_UNICAST:
    case PERF_POLLER:
    case PERF_SEQUENCER:
    case PERF_PINGPONG:
        return what->event_size >= sizeof(uint64_t) && what->event_size % sizeof(uint64_t) == 0;
    default: return false;
    }
}

static int run_takt(const struct perf_case *what, struct perf_run *run)
{
    uint32_t cores = usable_cores(what);
    switch (what->shape) {
    case PERF_PINGPONG: return pingpong_run(what, run);
    case PERF_MULTICAST:
    case PERF_PIPELINE:
    case PERF_DIAMOND:
    case PERF_STAGES: return runtime_run(what, run, cores);
    /* The producer has a core of its own, and the workers the others. */
    case PERF_CHAIN: return runtime_run(what, run, cores > 1 ? cores - 1 : 1);
    default: return threads_run(what, run, true);
    }
}

/* What runtime_run does, and threads_run does not. */
static bool has_pipeline(const struct perf_case *what)
{
    switch (what->shape) {
    case PERF_MULTICAST:
    case PERF_PIPELINE:
    case PERF_DIAMOND:
    case PERF_STAGES:
    case PERF_CHAIN: return true;
    default: return false;
    }
}

static const struct perf_system takt = {
    .name = "takt",
    .about = "takt: threads while there are cores for them, stages beyond",
    .can = fits,
    .run = run_takt,
    .records = has_pipeline,
};
PERF_SYSTEM(takt)

static int run_threads(const struct perf_case *what, struct perf_run *run)
{
    return threads_run(what, run, false);
}

static bool has_threads(const struct perf_case *what)
{
    return fits(what) && what->shape != PERF_PINGPONG;
}

static const struct perf_system takt_threads = {
    .name = "takt-threads",
    .about = "takt: one thread for each producer and consumer",
    .can = has_threads,
    .run = run_threads,
};
PERF_SYSTEM(takt_threads)

static bool is_stages(const struct perf_case *what)
{
    return fits(what) && what->shape == PERF_STAGES;
}

static int run_1(const struct perf_case *what, struct perf_run *run)
{
    return runtime_run(what, run, 1);
}

static const struct perf_system takt_1 = {
    .name = "takt-1",
    .about = "takt: one worker for all stages",
    .can = is_stages,
    .run = run_1,
};
PERF_SYSTEM(takt_1)

static int run_2x(const struct perf_case *what, struct perf_run *run)
{
    return runtime_run(what, run, 2 * usable_cores(what));
}

static const struct perf_system takt_2x = {
    .name = "takt-2x",
    .about = "takt: twice as many workers as cores",
    .can = is_stages,
    .run = run_2x,
};
PERF_SYSTEM(takt_2x)

static int run_4x(const struct perf_case *what, struct perf_run *run)
{
    return runtime_run(what, run, 4 * usable_cores(what));
}

static const struct perf_system takt_4x = {
    .name = "takt-4x",
    .about = "takt: four times as many workers as cores",
    .can = is_stages,
    .run = run_4x,
};
PERF_SYSTEM(takt_4x)
