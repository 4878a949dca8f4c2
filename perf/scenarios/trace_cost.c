/* SPDX-License-Identifier: MIT */
/*
 * What it costs to be looked at: one pipeline of four stages, never recorded, with a recording that
 * is off again, with one that is on, and with the counters file open. The stages are those of
 * stages-balanced, and, for the most that it can cost, those of stages-cheap.
 */
#include <string.h>

#include "bench.h"
#include "stages.h"
#include "systems/takt_job.h"
#include "work.h"

#define CASE(...)                                                                                  \
    {                                                                                              \
        .shape = PERF_OTHER, .events = 30000, .event_size = sizeof(struct perf_stages),            \
        .batch = 1, .capacity = 16384, __VA_ARGS__                                                 \
    }

static const struct perf_scenario usual = {
    .name = "trace-cost",
    .about = "four stages of 60 ns each, watched and unwatched",
    .what = CASE(.cost = {50, 50, 50, 50}),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(usual)

static const struct perf_scenario cheap = {
    .name = "trace-cost-cheap",
    .about = "four stages of 3 ns each, watched and unwatched",
    .what = CASE(.cost = {3, 3, 3, 3}),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(cheap)

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_OTHER && strncmp(what->scenario, "trace-cost", 10) == 0;
}

/* To the systems of other scenarios these are none of theirs; to takt's plans they are stages. */
static int run(const struct perf_case *what, struct perf_run *run, enum job_watch watch)
{
    struct perf_case stages = *what;
    stages.shape = PERF_STAGES;
    return runtime_run_watched(&stages, run, usable_cores(what), watch);
}

/* A system: its variable, its name, and who looks on. */
#define SYSTEM(variable, title, text, watch)                                                       \
    static int run_##variable(const struct perf_case *what, struct perf_run *result)               \
    {                                                                                              \
        return run(what, result, watch);                                                           \
    }                                                                                              \
    static const struct perf_system variable = {                                                   \
        .name = title,                                                                             \
        .about = text,                                                                             \
        .can = can,                                                                                \
        .run = run_##variable,                                                                     \
        .records = can,                                                                            \
    };                                                                                             \
    PERF_SYSTEM(variable)

SYSTEM(never, "trace-never", "takt, never recorded", WATCH_NEVER)
SYSTEM(off, "trace-off", "takt, with a recording that was on and is off", WATCH_OFF)
SYSTEM(on, "trace-on", "takt, with a recording that is on", WATCH_ON)
SYSTEM(counters, "trace-counters", "takt, with the counters file open", WATCH_COUNTERS)
