/* SPDX-License-Identifier: MIT */
/*
 * Latency at a given rate: four cheap stages one after the other behind a producer outside, from
 * the time at which the event should have been sent to when the last stage has it. A system that
 * holds the producer up is charged for every event that was due meanwhile, so that a stall is not
 * one slow event but all that it delayed (no coordinated omission).
 */
#include "bench.h"
#include "stages.h"
#include "work.h"

#define CASE(events_per_second)                                                                    \
    {                                                                                              \
        .shape = PERF_CHAIN, .events = 30000, .event_size = sizeof(struct perf_chain), .batch = 1, \
        .capacity = 65536, .cost = {10, 10, 10, 10}, .rate = (events_per_second)                   \
    }

static const struct perf_scenario slow = {
    .name = "chain-latency-200k",
    .about = "latency through four chained stages at 200,000 events/s",
    .what = CASE(200000),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(slow)

static const struct perf_scenario fast = {
    .name = "chain-latency-1m",
    .about = "latency through four chained stages at 1,000,000 events/s",
    .what = CASE(1000000),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(fast)
