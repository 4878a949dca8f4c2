/* SPDX-License-Identifier: MIT */
/*
 * disruptor-rs and crossbeam's channel, in one program: it is in rust/.
 *
 * disruptor-rs' settings: with a thread for each of two cores BusySpin, which its documentation
 * recommends; where there are more threads than that, a wait strategy that yields, and a producer
 * that yields while there is no room, because spinning threads would keep the one that has work off
 * the core. On a machine that has other things to do that is the better with two threads too, so
 * there it runs both ways. Crossbeam has neither batches nor graphs.
 */
#include "bench.h"
#include "external.h"

static bool words_fit(const struct perf_case *what)
{
    return what->event_size == 8 || what->event_size == 64 || what->event_size == 1024;
}

static bool disruptor_can(const struct perf_case *what)
{
    switch (what->shape) {
    case PERF_UNICAST:
    case PERF_POLLER:
    case PERF_SEQUENCER:
    case PERF_PINGPONG: return words_fit(what);
    case PERF_MULTICAST:
    case PERF_PIPELINE:
    case PERF_DIAMOND:
    case PERF_STAGES:
    case PERF_CHAIN: return true;
    case PERF_OTHER: break;
    }
    return false;
}

static bool disruptor_yield_can(const struct perf_case *what)
{
    return (what->shape == PERF_UNICAST || what->shape == PERF_POLLER) && words_fit(what);
}

static bool crossbeam_can(const struct perf_case *what)
{
    bool shaped = what->shape == PERF_UNICAST || what->shape == PERF_SEQUENCER ||
                  what->shape == PERF_PINGPONG;
    return shaped && what->batch == 1 && words_fit(what);
}

static const struct perf_external rust = {
    .command = {"@/peers/rust/release/takt-perf-rust"},
    .built = "@/peers/rust/release/takt-perf-rust",
};

static const struct perf_system disruptor_rs = {
    .name = "disruptor-rs",
    .about = "disruptor-rs 4.4.0, Rust",
    .peer = true,
    .can = disruptor_can,
    .external = &rust,
};
PERF_SYSTEM(disruptor_rs)

static const struct perf_system disruptor_rs_yield = {
    .name = "disruptor-rs-yield",
    .about = "the same with yielding instead of spinning threads",
    .peer = true,
    .can = disruptor_yield_can,
    .external = &rust,
};
PERF_SYSTEM(disruptor_rs_yield)

static const struct perf_system crossbeam = {
    .name = "crossbeam",
    .about = "crossbeam-channel 0.5.17, bounded, Rust",
    .peer = true,
    .can = crossbeam_can,
    .external = &rust,
};
PERF_SYSTEM(crossbeam)
