/* SPDX-License-Identifier: MIT */
/* LMAX's ping-pong: there on one ring and back on another, one event at a time. */
#include "bench.h"
#include "work.h"

static uint64_t checksum(const struct perf_case *what)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < what->events; i++)
        sum += perf_pong(i);
    return sum;
}

static const struct perf_scenario pingpong = {
    .name = "pingpong",
    .about = "round trips: one event there on one ring and its answer back on another",
    .what = {.shape = PERF_PINGPONG,
             .events = 300,
             /* on fewer cores than two each takes two time slices */ .event_size = 8,
             .batch = 1,
             .capacity = 1024},
    .checksum = checksum,
};
PERF_SCENARIO(pingpong)
