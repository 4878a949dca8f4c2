/* SPDX-License-Identifier: MIT */
/*
 * The CPU's event counters (perf_event_open), for every thread of a run and for the measured part
 * only. Any event that libpfm4 knows on this CPU can be named. What the machine does not give is
 * found out once, at the start; the kernel's software events take its place then.
 */
#ifndef TAKT_PERF_COUNTERS_H
#define TAKT_PERF_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PERF_EVENTS_MAX  16
#define PERF_THREADS_MAX 64
#define PERF_EVENT_NAME  64

/* What is counted: the events asked for that this machine has, and the software events. */
struct perf_events {
    char name[PERF_EVENTS_MAX][PERF_EVENT_NAME];
    int count;
    bool hardware; /* all that were asked for are there */
};

/*
 * How often, scaled up if the counter was not on all the time (then `scaled` is set); not a number
 * if it was never on.
 */
struct perf_count {
    double value;
    bool scaled;
};

struct perf_thread_counts {
    int thread; /* as in perf_thread_begin; -1: a thread that did not say */
    struct perf_count count[PERF_EVENTS_MAX];
};

struct perf_counts {
    struct perf_thread_counts thread[PERF_THREADS_MAX];
    int threads;
    int uncounted;  /* threads for which no counter could be opened */
    uint64_t tsc;   /* of the time-stamp counter, from begin to end; 0 where there is none */
    int64_t cpu_ns; /* that all threads together were on a core, */
    int64_t of_ns;  /* of this time */
};

/*
 * Reads `list` (names with commas between them) and tries each event. Returns 0, or -1 after having
 * said on standard error which name nobody knows. What is known but not given here is said in
 * `missing` (one line; empty if nothing is missing) and left out.
 */
int perf_counters_setup(const char *list, struct perf_events *events, char *missing,
                        unsigned missing_size);

/*
 * In the process of a run. begin opens counters for every thread that the process has at that time
 * and starts them together; a thread that comes later is counted with the one that started it.
 * stop_thread stops those of the calling thread; end stops all; read adds them up.
 */
void perf_counters_begin(void);
void perf_counters_stop_thread(pid_t thread);
void perf_counters_end(void);
void perf_counters_read(struct perf_counts *counts, int (*number_of)(pid_t thread));

#endif
