/* SPDX-License-Identifier: MIT */
/*
 * The bare machine by itself: what unicast and ping-pong cannot exceed. (limit-batch is beside the
 * stages, in stages.c.) The same systems run beside the others in the scenarios whose limit they
 * are.
 */
#include "bench.h"
#include "systems/limits.h"
#include "work.h"

static uint64_t answers(const struct perf_case *what)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < what->events; i++)
        sum += perf_pong(i);
    return sum;
}

static uint64_t words(const struct perf_case *what)
{
    uint64_t sum = 0, count = what->event_size / 8;
    for (uint64_t i = 0; i < what->events; i++)
        sum += count * i + count * (count - 1) / 2;
    return sum;
}

static const struct perf_scenario line = {
    .name = "limit-line",
    .about = "a cache line there and back between two cores",
    .what = {.shape = PERF_PINGPONG,
             .events = 300,
             /* on fewer cores than two each takes two time slices */ .event_size = 8,
             .batch = 1,
             .capacity = 1},
    .checksum = answers,
    .own = &perf_limit_line,
};
PERF_SCENARIO(line)

#define LOOP(variable, called, size, slots, says)                                                  \
    static const struct perf_scenario variable = {                                                 \
        .name = called,                                                                            \
        .about = says,                                                                             \
        .what = {.shape = PERF_UNICAST,                                                            \
                 .events = 300000,                                                                 \
                 .event_size = size,                                                               \
                 .batch = 1,                                                                       \
                 .capacity = slots},                                                               \
        .checksum = words,                                                                         \
        .own = &perf_limit_loop,                                                                   \
    };                                                                                             \
    PERF_SCENARIO(variable)

LOOP(one, "limit-loop", 8, 65536,
     "the bound of unicast: two threads over its memory, 16 KiB handed over at once")
LOOP(block64, "limit-loop-64b", 64, 65536, "the same over the memory of unicast-64b")
LOOP(block1k, "limit-loop-1k", 1024, 8192, "the same over the memory of unicast-1k")
