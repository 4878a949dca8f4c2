/* SPDX-License-Identifier: MIT */
/* LMAX's 3-to-1 sequencer: three producers that compete for the slots, one consumer. */
#include "bench.h"
#include "work.h"

/* Each number once, by whichever producer. */
static uint64_t checksum(const struct perf_case *what)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < what->events; i++)
        sum += i;
    return sum;
}

static const struct perf_scenario sequencer = {
    .name = "sequencer3",
    .about = "three producers, one consumer, 8-byte events one by one",
    .what =
        {.shape = PERF_SEQUENCER, .events = 300000, .event_size = 8, .batch = 1, .capacity = 65536},
    .checksum = checksum,
};
PERF_SCENARIO(sequencer)

static const struct perf_scenario sequencer_batch = {
    .name = "sequencer3-batch10",
    .about = "the same, each producer in batches of 10",
    .what = {.shape = PERF_SEQUENCER,
             .events = 300000,
             .event_size = 8,
             .batch = 10,
             .capacity = 65536},
    .checksum = checksum,
};
PERF_SCENARIO(sequencer_batch)
