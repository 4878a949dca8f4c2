/* SPDX-License-Identifier: MIT */
/*
 * The latency that nothing can beat: the producer's own thread does all stages of an event before
 * it looks at the next, so nothing is handed over. What is in the tail here are the moments at
 * which the machine ran something else on that core. A system of several threads meets such moments
 * on each of their cores.
 */
#include "bench.h"
#include "work.h"

static int run(const struct perf_case *what, struct perf_run *run)
{
    uint64_t result = 0;
    perf_thread_begin(what, 0);
    perf_begin(run);
    int64_t start = perf_now();
    for (uint64_t i = 0; i < what->events; i++) {
        struct perf_chain event = {.due = perf_due(what, start, i), .stages = {.input = i}};
        for (int k = 0; k < 4; k++)
            perf_stage(&event.stages, k, perf_cost(what, k, i));
        perf_latency(run, perf_now() - event.due);
        result = perf_order(result, event.stages.word[3]);
    }
    perf_end(run);
    perf_thread_end();
    run->checksum = result;
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_CHAIN;
}

static const struct perf_system limit_inline = {
    .name = "limit-inline",
    .about = "the bare machine: the producer's thread does all stages of each event itself",
    .limit = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(limit_inline)
