/* SPDX-License-Identifier: MIT */
/*
 * What takt-perf is made of: scenarios, systems, and the runs of one on the other.
 *
 * A scenario says what is to be done: a shape (who publishes, who reads after whom), the events'
 * size, the work on each event (work.h, the same for every system), and what the result must be. A
 * system does it: takt, a peer, or the bare machine. Each run happens in a process of its own, so
 * that no system inherits another's memory, threads or mistakes; peers in other languages are
 * processes that stay and are told what to run (external.c).
 *
 * To add a scenario: one file in perf/scenarios/ that defines a struct perf_scenario and hands it
 * to PERF_SCENARIO, and its name in the list in perf/meson.build. To add a peer: one file in
 * perf/peers/ that defines a struct perf_system and hands it to PERF_SYSTEM, and its name in the
 * list there. A file may define several.
 *
 *     static const struct perf_system ck_ring = {
 *         .name = "ck_ring", .about = "ConcurrencyKit 0.7.1, ck_ring", .peer = true,
 *         .can = can, .run = run,
 *     };
 *     PERF_SYSTEM(ck_ring)
 *
 * The header is for C and C++ alike.
 */
#ifndef TAKT_PERF_BENCH_H
#define TAKT_PERF_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum perf_shape {
    PERF_UNICAST,   /* producer -> consumer */
    PERF_POLLER,    /* the same, the consumer polling from a loop of its own */
    PERF_MULTICAST, /* producer -> each of three consumers */
    PERF_PIPELINE,  /* producer -> first -> second -> third */
    PERF_DIAMOND,   /* producer -> first and second -> third */
    PERF_SEQUENCER, /* three producers -> consumer */
    PERF_PINGPONG,  /* there on one ring and back on another, one event at a time */
    PERF_STAGES,    /* four stages of given cost, in input order, wide where the system can */
    PERF_CHAIN,     /* the same behind a producer that sends at a fixed rate; latency is noted */
    PERF_OTHER,     /* no peer has it: the scenario's own file runs it on takt */
};

/*
 * What is to be done. The events are numbered 0 to events - 1, and events is a multiple of 3 *
 * batch: each of the three producers of PERF_SEQUENCER publishes a third of the numbers, one after
 * the other (work.h: perf_first_of). What work.h says is done with each event, shape by shape.
 */
struct perf_case {
    const char *scenario;
    enum perf_shape shape;
    uint64_t events;     /* in all; the system publishes exactly so many */
    uint32_t event_size; /* bytes: 8, or a multiple; that of the shape's struct where it has one */
    uint32_t batch;      /* events that a producer claims and publishes at once */
    uint32_t capacity;   /* slots of a ring or queue, a power of two */
    uint32_t cost[4];    /* PERF_STAGES, PERF_CHAIN: steps of work in each stage (work.h) */
    uint32_t cost_then[4]; /* instead of cost for events whose number has the bit `turn`; ask */
    uint64_t turn;         /* perf_cost(); 0: cost holds for all */
    uint64_t rate;         /* PERF_CHAIN: events per second that the producer sends; see perf_due */
    int64_t time_ns;       /* about how long a run is to take; for what has no events to count */
    int cpus[64];          /* cores to pin to, thread by thread, round robin; */
    int cpu_count;         /* 0: do not pin */
    const char *report;    /* where to write a page about the run, */
    const char *trace;     /* and a Chrome trace; NULL: nowhere */
};

/* The steps of stage `stage` on the event whose input is `input` (its number). */
static inline uint32_t perf_cost(const struct perf_case *what, int stage, uint64_t input)
{
    return input & what->turn ? what->cost_then[stage] : what->cost[stage];
}

struct perf_histogram;

/* A figure of a system's own, beside what is measured of all. */
struct perf_figure {
    char name[24];
    double value;
};

#define PERF_FIGURES_MAX 8

/*
 * What a run gives. The system fills in checksum; perf_begin and perf_end fill in ns, perf_latency
 * the latencies, perf_note_figure the figures. events is the case's, unless the system says
 * otherwise (0: there are none to count).
 */
struct perf_run {
    uint64_t events;
    int64_t ns;                     /* of the measured part, from perf_begin to perf_end */
    uint64_t checksum;              /* must equal the scenario's */
    struct perf_histogram *latency; /* nanoseconds; given by the harness */
    struct perf_figure figure[PERF_FIGURES_MAX];
    int figures;
};

struct perf_external; /* external.h */

/* takt's own systems are those that are neither peer, limit nor single. */
struct perf_system {
    const char *name;
    const char *about; /* one line: what it is and in which version */
    bool peer;         /* somebody else's; not takt, not the bare machine */
    bool limit;        /* the bare machine */
    bool single;       /* one thread does all: what speedup_to_single is counted from */
    bool (*can)(const struct perf_case *what);
    int (*run)(const struct perf_case *what, struct perf_run *run); /* 0, or a negative errno */
    const char *(*missing)(void); /* why it cannot run on this machine, or NULL; may be NULL */
    const struct perf_external *external; /* a process that is told, instead of run; or NULL */
    bool (*records)(const struct perf_case *what); /* it heeds report and trace; NULL: never */
};

struct perf_scenario {
    const char *name;
    const char *about;     /* one line: what it measures */
    struct perf_case what; /* events: for the first try, the harness finds the number itself; */
    bool fixed;            /* unless this is set */
    uint64_t (*checksum)(const struct perf_case *what); /* what the result must be; may be NULL */
    const struct perf_system *own; /* runs this scenario alone, and no other does; or NULL */
};

void perf_add_system(const struct perf_system *system);
void perf_add_scenario(const struct perf_scenario *scenario);

/* Outside of functions: makes a system or scenario known, by its variable's name. */
#define PERF_SYSTEM(variable)                                                                      \
    __attribute__((constructor)) static void perf_register_##variable(void)                        \
    {                                                                                              \
        perf_add_system(&(variable));                                                              \
    }
#define PERF_SCENARIO(variable)                                                                    \
    __attribute__((constructor)) static void perf_register_##variable(void)                        \
    {                                                                                              \
        perf_add_scenario(&(variable));                                                            \
    }

/*
 * Around the measured part. Every thread that takes part calls perf_thread_begin(i) when it is set
 * up (i: 0, 1, ... among the run's threads; it pins the thread and opens its counters) and
 * perf_thread_end() when it has done its share. The thread that starts and awaits the others calls
 * perf_begin() before the first event and perf_end() when the last consumer has the last event.
 * The memory of the events is touched before perf_begin(): a page's first touch is not measured.
 * Threads that are not the system's own to prepare (a library's workers) may use all of the run's
 * cores. They are counted if they are there at perf_begin, or with the thread that starts them. (A
 * thread inherits the core of the one that starts it: start workers before perf_thread_begin.)
 */
void perf_thread_begin(const struct perf_case *what, int thread);
void perf_thread_end(void);
void perf_begin(struct perf_run *run);
void perf_end(struct perf_run *run);

/* Notes one latency, in nanoseconds. One thread at a time. */
void perf_latency(struct perf_run *run, int64_t ns);

/*
 * Notes a figure of the run, once under each name; its row has the median over the rounds in which
 * it was noted. Beyond PERF_FIGURES_MAX none is taken.
 */
void perf_note_figure(struct perf_run *run, const char *name, double value);

/* Monotonic nanoseconds. */
int64_t perf_now(void);

/*
 * PERF_CHAIN's producer: waits until event number i is due, counted from `start` (a perf_now()),
 * and returns the time at which it was due; the latency of the event counts from there, whether the
 * producer was late or had to wait for room. It waits with sched_yield() between looks at the
 * clock, in every language alike; when it is late it does not wait, and sends one by one.
 */
int64_t perf_due(const struct perf_case *what, int64_t start, uint64_t i);

#ifdef __cplusplus
}
#endif
#endif
