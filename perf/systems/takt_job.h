/* SPDX-License-Identifier: MIT */
/*
 * takt's own systems: what they have in common. One run of a scenario on takt is a job: the case,
 * the parts that consumers play in it, and where their results go. Which handlers a shape has, and
 * in which order, stands in one table (takt_plan.c) that serves threads and runtime alike: a
 * handler does not know which of them calls it.
 */
#ifndef TAKT_PERF_SYSTEMS_TAKT_JOB_H
#define TAKT_PERF_SYSTEMS_TAKT_JOB_H

#include <pthread.h>

#include <takt/takt.h>

#include "bench.h"
#include "work.h"

#define PARTS_MAX 5
#define PRODUCERS 3 /* of PERF_SEQUENCER */
#define CREW_MAX  64

/* What one consumer does: which handler, after which of the consumers before it. */
struct plan_part {
    const char *name;
    takt_handler handler;
    uint32_t after; /* bit i: after part i; 0: after the producer */
    bool serial;    /* keeps a result from event to event, so it cannot be divided */
};

/* A shape: its consumers, and the source that fills events where takt's workers produce. */
struct plan {
    int parts;
    struct plan_part part[PARTS_MAX];
    takt_handler source;
};

/* The plan of a shape that takt has. `wide`: for workers, that may divide what is not serial. */
const struct plan *plan_of(enum perf_shape shape, bool wide);

struct job;

/* A consumer's part in a job: the context of its handler. */
struct part {
    struct job *job;
    int index;
    int64_t linger_ns;            /* how long to leave the cursor alone after a small batch */
    TAKT_ALIGNED uint64_t result; /* on lines of its own: only the handler writes it */
};

struct job {
    const struct perf_case *what;
    struct perf_run *run;
    uint32_t words; /* of an event */
    uint32_t cores; /* that the run may use */
    const struct plan *plan;
    struct part parts[PARTS_MAX];
};

/* Sets up the parts. Call it before perf_thread_begin, which may pin the thread. */
void job_init(struct job *job, const struct perf_case *what, struct perf_run *run, bool wide);

/* Touches the ring's slots, as those of the peers are: before perf_begin and the first claim. */
void job_touch(takt_ring *ring);

/* The sum of the parts' results. */
uint64_t job_checksum(const struct job *job);

/* A takt error as a negative errno. */
int job_error(int code);

/*
 * Claims, fills and publishes events number `from` to `to` - 1 as the case says, on the calling
 * thread. 0, or a takt error.
 */
int job_produce(const struct job *job, takt_ring *ring, uint64_t from, uint64_t to);

/* PERF_CHAIN: publishes each event at its time, or as soon as it can. 0, or a takt error. */
int job_send(const struct job *job, takt_ring *ring);

/*
 * The systems' run functions: one thread for each producer and consumer, `tuned` with what makes
 * them fast, or not; or a runtime of `workers` threads. 0, or a negative errno.
 */
int threads_run(const struct perf_case *what, struct perf_run *run, bool tuned);
int pingpong_run(const struct perf_case *what, struct perf_run *run);
int runtime_run(const struct perf_case *what, struct perf_run *run, uint32_t workers);

/* Whether somebody looks on. */
enum job_watch {
    WATCH_NEVER,    /* nobody, unless the case asks for a recording */
    WATCH_OFF,      /* a recording was on once, and is off */
    WATCH_ON,       /* one is on; nothing is written */
    WATCH_COUNTERS, /* the counters file is open */
};

/* The same, watched; scenarios of another shape give the stages' plan their own name. */
int runtime_run_watched(const struct perf_case *what, struct perf_run *run, uint32_t workers,
                        enum job_watch watch);

/*
 * Before the pipeline starts and when it is at its end. The second writes what the case asks for,
 * and says on standard error which file could not be written. 0, or a takt error.
 */
int watch_begin(const struct perf_case *what, takt_runtime *runtime, enum job_watch watch);
int watch_end(const struct perf_case *what, takt_runtime *runtime, enum job_watch watch);

/* How many cores a run may use. */
uint32_t usable_cores(const struct perf_case *what);

/*
 * Threads that begin together: each is set up by perf_thread_begin, and when all are, and the
 * caller of crew_go as well, they work.
 */
struct crew {
    const struct perf_case *what;
    pthread_barrier_t start;
    uint32_t members;
    struct crew_member {
        struct crew *crew;
        pthread_t thread;
        bool joined;
        int number;
        void *(*work)(void *);
        void *argument;
    } member[CREW_MAX];
};

/*
 * Starts `members` threads numbered from 1 on; number i does work(arguments[i - 1]). A thread that
 * cannot be started ends the process: nobody could be told to go home.
 */
void crew_start(struct crew *crew, const struct perf_case *what, uint32_t members,
                void *(*work)(void *), void *const *arguments);

/* Lets them work. The caller is thread 0 of the run if it works too. */
void crew_go(struct crew *crew);

/* Waits for the members from `first` on, `count` of them, that are there still. */
void crew_join(struct crew *crew, uint32_t first, uint32_t count);

#endif
