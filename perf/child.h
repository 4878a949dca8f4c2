/* SPDX-License-Identifier: MIT */
/* One run of a system on a case, in a process of its own. */
#ifndef TAKT_PERF_CHILD_H
#define TAKT_PERF_CHILD_H

#include "bench.h"
#include "counters.h"
#include "histogram.h"

struct perf_outcome {
    bool failed;
    char why[256]; /* if it failed */
    struct perf_run run;
    struct perf_counts counts;
    struct perf_histogram latency;
};

/* The memory that both processes see; there is one for all runs. NULL if there is none. */
struct perf_outcome *perf_outcome_create(void);

/*
 * Runs, whichever way the system runs, and waits; `limit` is in seconds. Never fails itself:
 * whatever goes wrong is in the outcome.
 */
void perf_run_once(const struct perf_system *system, const struct perf_case *what, int limit,
                   struct perf_outcome *outcome);

#endif
