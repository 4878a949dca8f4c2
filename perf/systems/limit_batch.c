/* SPDX-License-Identifier: MIT */
/*
 * What one thread can do: four stages, one after the other over a batch of events that stays in the
 * first cache. Inside of a stage the events do not depend on each other, so the CPU overlaps them;
 * event by event the same work takes about half as long again.
 */
#include "bench.h"
#include "limits.h"
#include "work.h"

#define BATCH 256

uint64_t limit_batch(const struct perf_case *what, uint64_t from, uint64_t to)
{
    struct perf_stages event[BATCH];
    uint64_t result = 0;

    for (uint64_t first = from; first < to; first += BATCH) {
        uint64_t rest = to - first;
        uint64_t count = rest < BATCH ? rest : BATCH;
        for (uint64_t i = 0; i < count; i++)
            event[i].input = first + i;
        for (int k = 0; k < 4; k++) {
            for (uint64_t i = 0; i < count; i++)
                perf_stage(&event[i], k, perf_cost(what, k, event[i].input));
        }
        for (uint64_t i = 0; i < count; i++)
            result = perf_order(result, event[i].word[3]);
    }
    return result;
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    perf_thread_begin(what, 0);
    perf_begin(run);
    run->checksum = limit_batch(what, 0, what->events);
    perf_end(run);
    perf_thread_end();
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_STAGES;
}

const struct perf_system perf_limit_batch = {
    .name = "limit-batch",
    .about = "the bare machine: one thread, stage by stage over batches of 256",
    .limit = true,
    .single = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(perf_limit_batch)
