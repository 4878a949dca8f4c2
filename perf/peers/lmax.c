/* SPDX-License-Identifier: MIT */
/*
 * LMAX Disruptor, in a Java virtual machine: the program is in lmax/.
 *
 * Settings, after its own performance tests: rings and BatchEventProcessors without the wiring of
 * its DSL, batches by next(n), YieldingWaitStrategy (with two threads on two cores too, where
 * BusySpinWaitStrategy is not faster), only the ping-pong spins. The heap is given at once and
 * touched, and collected before every run, so that no run pays for it. Where Java lets an event
 * lie is its own affair; one of 1 KiB is an object with an array.
 */
#include "bench.h"
#include "external.h"

static bool can(const struct perf_case *what)
{
    return what->shape != PERF_OTHER;
}

static const struct perf_external java = {
    .command = {"java", "-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch", "-jar", "@/peers/lmax/lmax.jar"},
    .built = "@/peers/lmax/lmax.jar",
};

static const struct perf_system lmax = {
    .name = "lmax",
    .about = "LMAX Disruptor 4.0.0, Java",
    .peer = true,
    .can = can,
    .external = &java,
};
PERF_SYSTEM(lmax)
