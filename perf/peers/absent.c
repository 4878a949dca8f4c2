/* SPDX-License-Identifier: MIT */
/*
 * The native peers that were not found when takt-perf was built (meson.build gives their names), so
 * that the list and the tables say that they are missing instead of nothing.
 */
#include <stddef.h>

#include "bench.h"

static const struct absent {
    const char *name;
    bool flow; /* carries events through stages; the others are queues */
} absent[] = {PERF_ABSENT};

#define COUNT (sizeof absent / sizeof absent[0])

static struct perf_system systems[COUNT];

static bool flows(const struct perf_case *what)
{
    return what->shape == PERF_PIPELINE || what->shape == PERF_STAGES || what->shape == PERF_CHAIN;
}

static bool queues(const struct perf_case *what)
{
    return what->shape < PERF_STAGES;
}

static const char *missing(void)
{
    return "not built: its library, or a C++ compiler, was not found (make bench-deps)";
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    (void)what;
    (void)run;
    return -1; /* a system that is missing is never run */
}

__attribute__((constructor)) static void add_all(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        systems[i] = (struct perf_system){
            .name = absent[i].name,
            .about = "not on this machine",
            .peer = true,
            .can = absent[i].flow ? flows : queues,
            .missing = missing,
            .run = run,
        };
        perf_add_system(&systems[i]);
    }
}
