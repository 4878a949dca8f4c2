/* SPDX-License-Identifier: MIT */
/* LMAX's diamond: two consumers side by side and a third that waits for both; fizz buzz. */
#include "bench.h"
#include "work.h"

static uint64_t checksum(const struct perf_case *what)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < what->events; i++) {
        struct perf_fizzbuzz event = {.value = i};
        perf_fizz(&event);
        perf_buzz(&event);
        count = perf_fizzbuzz(count, &event);
    }
    return count;
}

static const struct perf_scenario diamond = {
    .name = "diamond3",
    .about = "one producer, two consumers side by side, and a third after both; 24-byte events",
    .what = {.shape = PERF_DIAMOND,
             .events = 300000,
             .event_size = sizeof(struct perf_fizzbuzz),
             .batch = 1,
             .capacity = 8192},
    .checksum = checksum,
};
PERF_SCENARIO(diamond)
