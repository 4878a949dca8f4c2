/* SPDX-License-Identifier: MIT */
/*
 * The standard suite. Every workload begins with one shard for each stage, so every run begins with
 * a step. Slots per worker are what a ring needs on a machine of that size: a batch is a part of
 * it.
 */
#include <string.h>

#include "perf/sim/workload.h"

#define RING .capacity = 65536, .slots_per_worker = 4096

/* Stages one after the other. */
#define STAGE(title, time) .name = title, .mean_ns = time, .weight = 1
#define AFTER(stage)       .upstream = {stage}, .upstream_count = 1

#define CHAIN_OF_4(law_, a, b, c, d)                                                               \
    {                                                                                              \
        {STAGE("a", a), .law = law_}, {STAGE("b", b), .law = law_, AFTER(0)},                      \
            {STAGE("c", c), .law = law_, AFTER(1)}, {STAGE("d", d), .law = law_, AFTER(2)},        \
    }

static const struct sim_workload suite[] = {
    {.name = "balanced",
     .what = "four stages of 60 ns, always full",
     .stages = CHAIN_OF_4(SIM_CONSTANT, 60, 60, 60, 60),
     .count = 4,
     RING},
    {.name = "skewed",
     .what = "10:10:170:10 ns, always full",
     .stages = CHAIN_OF_4(SIM_CONSTANT, 10, 10, 170, 10),
     .count = 4,
     RING},
    {.name = "cheap",
     .what = "four stages of 3 ns, always full",
     .stages = CHAIN_OF_4(SIM_CONSTANT, 3, 3, 3, 3),
     .count = 4,
     .capacity = 65536,
     .slots_per_worker = 16384},
    {.name = "coarse",
     .what = "5, 20 and 1 microseconds, exponential, always full",
     .stages = {{STAGE("a", 5000), .law = SIM_EXPONENTIAL},
                {STAGE("b", 20000), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 1000), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .capacity = 4096,
     .slots_per_worker = 256},
    {.name = "bimodal",
     .what = "100, 400 and 200 ns, one event in 50 takes 25 times as long, always full",
     .stages = {{STAGE("a", 100), .law = SIM_BIMODAL},
                {STAGE("b", 400), .law = SIM_BIMODAL, AFTER(0)},
                {STAGE("c", 200), .law = SIM_BIMODAL, AFTER(1)}},
     .count = 3,
     RING},
    {.name = "heavy-tail",
     .what = "200, 500 and 100 ns, one in 200 by Pareto up to 1,000 times as long, always full",
     .stages = {{STAGE("a", 200), .law = SIM_HEAVY_TAIL},
                {STAGE("b", 500), .law = SIM_HEAVY_TAIL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_HEAVY_TAIL, AFTER(1)}},
     .count = 3,
     RING},
    {.name = "serial-sink",
     .what = "100, 300 and 20 ns, the last cannot be widened, always full",
     .stages = {{STAGE("a", 100)},
                {STAGE("b", 300), AFTER(0)},
                {STAGE("tape", 20), .most = 1, AFTER(1)}},
     .count = 3,
     RING},
    {.name = "source",
     .what = "a source of 15 ns, which one worker runs, then 80, 150 and 40 ns",
     .stages = {{STAGE("source", 15), .source = true},
                {STAGE("a", 80), AFTER(0)},
                {STAGE("b", 150), AFTER(1)},
                {STAGE("c", 40), AFTER(2)}},
     .count = 4,
     RING},
    {.name = "diamond",
     .what = "50 ns, then 200 and 90 ns side by side, then 60 ns, always full",
     .stages = {{STAGE("a", 50), .law = SIM_EXPONENTIAL},
                {STAGE("b", 200), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 90), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("d", 60), .law = SIM_EXPONENTIAL, .upstream = {1, 2}, .upstream_count = 2}},
     .count = 4,
     RING},
    {.name = "keyed",
     .what = "60 ns, 200 ns by 1,000 keys with Zipf's law of exponent 0.6, 60 ns, always full",
     .stages = {{STAGE("decode", 60)},
                {STAGE("book", 200), .keys = 1000, .skew = 0.6, AFTER(0)},
                {STAGE("format", 60), AFTER(1)}},
     .count = 3,
     .capacity = 65536,
     .slots_per_worker = 1024},
    {.name = "sixteen",
     .what = "sixteen stages of 20 to 170 ns, exponential, always full",
     .stages = {{STAGE("s0", 20), .law = SIM_EXPONENTIAL},
                {STAGE("s1", 150), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("s2", 30), .law = SIM_EXPONENTIAL, AFTER(1)},
                {STAGE("s3", 40), .law = SIM_EXPONENTIAL, AFTER(2)},
                {STAGE("s4", 90), .law = SIM_EXPONENTIAL, AFTER(3)},
                {STAGE("s5", 20), .law = SIM_EXPONENTIAL, AFTER(4)},
                {STAGE("s6", 170), .law = SIM_EXPONENTIAL, AFTER(5)},
                {STAGE("s7", 60), .law = SIM_EXPONENTIAL, AFTER(6)},
                {STAGE("s8", 30), .law = SIM_EXPONENTIAL, AFTER(7)},
                {STAGE("s9", 110), .law = SIM_EXPONENTIAL, AFTER(8)},
                {STAGE("s10", 20), .law = SIM_EXPONENTIAL, AFTER(9)},
                {STAGE("s11", 80), .law = SIM_EXPONENTIAL, AFTER(10)},
                {STAGE("s12", 50), .law = SIM_EXPONENTIAL, AFTER(11)},
                {STAGE("s13", 140), .law = SIM_EXPONENTIAL, AFTER(12)},
                {STAGE("s14", 20), .law = SIM_EXPONENTIAL, AFTER(13)},
                {STAGE("s15", 70), .law = SIM_EXPONENTIAL, AFTER(14)}},
     .count = 16,
     RING},
    {.name = "moving",
     .what = "10:170:10:10 ns, half-way 10:10:10:170, always full",
     .stages = {{STAGE("a", 10), .mean_after_ns = 10},
                {STAGE("b", 170), .mean_after_ns = 10, AFTER(0)},
                {STAGE("c", 10), .mean_after_ns = 10, AFTER(1)},
                {STAGE("d", 10), .mean_after_ns = 170, AFTER(2)}},
     .count = 4,
     RING},
    {.name = "poisson",
     .what = "100, 300 and 100 ns, exponential, at 70 % of what can be done",
     .stages = {{STAGE("a", 100), .law = SIM_EXPONENTIAL},
                {STAGE("b", 300), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .shape = SIM_POISSON,
     .load = 0.7,
     RING},
    {.name = "step",
     .what = "the same stages, from 20 % of what can be done to 90 % half-way",
     .stages = {{STAGE("a", 100), .law = SIM_EXPONENTIAL},
                {STAGE("b", 300), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .shape = SIM_STEP,
     .load = 0.2,
     .other_load = 0.9,
     RING},
    {.name = "sine",
     .what = "the same stages, between 10 % and 90 % every 8 ms",
     .stages = {{STAGE("a", 100), .law = SIM_EXPONENTIAL},
                {STAGE("b", 300), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .shape = SIM_SINE,
     .load = 0.1,
     .other_load = 0.9,
     .period_ms = 8,
     RING},
    {.name = "burst",
     .what = "the same stages, 30 % and every 3 ms a fifth of the ring at once",
     .stages = {{STAGE("a", 100), .law = SIM_EXPONENTIAL},
                {STAGE("b", 300), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .shape = SIM_BURST,
     .load = 0.3,
     .period_ms = 3,
     .burst = 0.2,
     RING},
    {.name = "on-off",
     .what = "the same stages, 2 ms at 120 % of what can be done, 2 ms nothing",
     .stages = {{STAGE("a", 100), .law = SIM_EXPONENTIAL},
                {STAGE("b", 300), .law = SIM_EXPONENTIAL, AFTER(0)},
                {STAGE("c", 100), .law = SIM_EXPONENTIAL, AFTER(1)}},
     .count = 3,
     .shape = SIM_ON_OFF,
     .load = 1.2,
     .other_load = 0,
     .period_ms = 4,
     RING},
};

const struct sim_workload *sim_suite_at(uint32_t index)
{
    return index < sizeof suite / sizeof suite[0] ? &suite[index] : NULL;
}

const struct sim_workload *sim_suite_find(const char *name)
{
    for (uint32_t i = 0; i < sizeof suite / sizeof suite[0]; i++)
        if (strcmp(suite[i].name, name) == 0)
            return &suite[i];
    return NULL;
}
