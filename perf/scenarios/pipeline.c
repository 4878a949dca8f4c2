/* SPDX-License-Identifier: MIT */
/* LMAX's three-step pipeline: each consumer works on what the one before it left in the event. */
#include "bench.h"
#include "work.h"

static uint64_t checksum(const struct perf_case *what)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < what->events; i++) {
        struct perf_steps event;
        perf_steps_fill(&event, i);
        perf_steps_first(&event);
        perf_steps_second(&event);
        count = perf_steps_third(count, &event);
    }
    return count;
}

static const struct perf_scenario pipeline = {
    .name = "pipeline3",
    .about = "one producer, three consumers one after the other, 32-byte events",
    .what = {.shape = PERF_PIPELINE,
             .events = 300000,
             .event_size = sizeof(struct perf_steps),
             .batch = 1,
             .capacity = 8192},
    .checksum = checksum,
};
PERF_SCENARIO(pipeline)
