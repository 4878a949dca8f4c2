/* SPDX-License-Identifier: MIT */
/* LMAX's 1-to-3 multicast: three consumers, each of which sees every event. */
#include "bench.h"
#include "work.h"

static uint64_t checksum(const struct perf_case *what)
{
    uint64_t result[3] = {0};
    for (uint64_t i = 0; i < what->events; i++) {
        for (int k = 0; k < 3; k++)
            result[k] = perf_multicast(k, result[k], i);
    }
    return result[0] + result[1] + result[2];
}

static const struct perf_scenario multicast = {
    .name = "multicast3",
    .about = "one producer, three consumers that each see every 8-byte event",
    .what =
        {.shape = PERF_MULTICAST, .events = 300000, .event_size = 8, .batch = 1, .capacity = 65536},
    .checksum = checksum,
};
PERF_SCENARIO(multicast)
