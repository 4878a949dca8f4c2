/* SPDX-License-Identifier: MIT */
/*
 * Four stages of given cost, about 240 ns for an event in all, output in input order: what a
 * scheduler of stages is for. The single thread beside them is limit-batch.
 */
#include "stages.h"
#include "bench.h"
#include "systems/limits.h"
#include "work.h"

#define BATCH 64

/* As fast as one thread can: a batch through one stage at a time, so that events overlap. */
uint64_t perf_stages_checksum(const struct perf_case *what)
{
    struct perf_stages event[BATCH];
    uint64_t result = 0;
    for (uint64_t first = 0; first < what->events; first += BATCH) {
        uint64_t rest = what->events - first;
        int count = rest < BATCH ? (int)rest : BATCH;
        for (int i = 0; i < count; i++)
            event[i].input = first + (uint64_t)i;
        for (int k = 0; k < 4; k++) {
            for (int i = 0; i < count; i++)
                perf_stage(&event[i], k, perf_cost(what, k, event[i].input));
        }
        for (int i = 0; i < count; i++)
            result = perf_order(result, event[i].word[3]);
    }
    return result;
}

#define CASE(...)                                                                                  \
    {                                                                                              \
        .shape = PERF_STAGES, .events = 30000, .event_size = sizeof(struct perf_stages),           \
        .batch = 1, .capacity = 16384, __VA_ARGS__                                                 \
    }

static const struct perf_scenario balanced = {
    .name = "stages-balanced",
    .about = "four stages of 60 ns each",
    .what = CASE(.cost = {50, 50, 50, 50}),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(balanced)

static const struct perf_scenario skewed = {
    .name = "stages-skewed",
    .about = "four stages, the third has nearly all of the work: 10:10:170:10",
    .what = CASE(.cost = {10, 10, 170, 10}),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(skewed)

static const struct perf_scenario moving = {
    .name = "stages-moving",
    .about =
        "the same, but the hot stage is the first for 262,144 events, then the third, and so on",
    .what =
        CASE(.cost = {170, 10, 10, 10}, .cost_then = {10, 10, 170, 10}, .turn = UINT64_C(1) << 18),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(moving)

static const struct perf_scenario cheap = {
    .name = "stages-cheap",
    .about = "four stages of 3 ns each: what it costs to hand an event on",
    .what = CASE(.cost = {3, 3, 3, 3}),
    .checksum = perf_stages_checksum,
};
PERF_SCENARIO(cheap)

/* The single thread by itself, on the balanced stages. */
static const struct perf_scenario batch = {
    .name = "limit-batch",
    .about = "the balanced stages on one thread, stage by stage over batches of 256",
    .what = CASE(.cost = {50, 50, 50, 50}),
    .checksum = perf_stages_checksum,
    .own = &perf_limit_batch,
};
PERF_SCENARIO(batch)
