/* SPDX-License-Identifier: MIT */
/* A scenario on every system that can, round by round, and what came of it. */
#ifndef TAKT_PERF_SESSION_H
#define TAKT_PERF_SESSION_H

#include "child.h"
#include "options.h"
#include "registry.h"
#include "statistics.h"

/* Of one thread, summed up over all rounds. */
struct perf_thread_sum {
    int thread;
    double count[PERF_EVENTS_MAX];
};

/* A figure of the system's own (perf_note_figure), by the rounds in which it was noted. */
struct perf_own_figure {
    char name[sizeof((struct perf_figure *)0)->name];
    double *values;
    int rounds;
    struct perf_spread spread;
};

struct perf_row {
    const struct perf_system *system;
    bool skipped, failed; /* and why */
    char why[256];
    struct perf_case what;
    uint64_t known_events, known_sum; /* what the result of so many must be; 0: not known yet */
    int rounds;                       /* that went well */

    /* By round, and then their spread. Events per second; nothing if there are no events. */
    double *rates;
    struct perf_spread rate;

    /* Counted for one event; for one second if there are none. */
    double *counted[PERF_EVENTS_MAX], *tsc, *cpu;
    struct perf_spread count[PERF_EVENTS_MAX], tsc_count, cpu_percent;
    bool scaled[PERF_EVENTS_MAX];
    struct perf_thread_sum thread[PERF_THREADS_MAX];
    int threads, uncounted;
    double units; /* events, or seconds, of all rounds */
    struct perf_own_figure own[PERF_FIGURES_MAX];
    int owned;

    struct perf_histogram *latency;               /* of all rounds */
    double ratio_to_best_peer, speedup_to_single; /* 0: there is nobody to compare with */
};

struct perf_table {
    const struct perf_scenario *scenario;
    struct perf_row row[PERF_KNOWN_MAX];
    int rows;
    bool counts_events; /* or are there none to count? */
    bool unrecorded;    /* a recording was asked for, and is not there */
};

/* Runs it. What went wrong is in the rows. */
void perf_session(const struct perf_scenario *scenario, const struct perf_options *options,
                  const struct perf_events *events, struct perf_outcome *outcome,
                  struct perf_table *table);
void perf_session_free(struct perf_table *table);

#endif
