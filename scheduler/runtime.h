/* SPDX-License-Identifier: MIT */
/*
 * The runtime, its workers, and the pipelines it carries: what the files of this folder share.
 *
 * A pipeline is attached by storing it in one of the runtime's places, and detached by clearing the
 * place and waiting until every thread that might still be looking at it has looked elsewhere
 * (quiescence): each worker, and the scheduler thread, counts its passes in `epoch`, which is odd
 * while it is inside one and even while it sleeps.
 */
#ifndef TAKT_SCHEDULER_RUNTIME_H
#define TAKT_SCHEDULER_RUNTIME_H

#include <pthread.h>
#include <string.h>

#include <takt/pipeline.h>

#include "disruptor/park.h"
#include "scheduler/decide.h"
#include "scheduler/observe/watch.h"
#include "scheduler/overload.h"
#include "shard/stage.h"

/* The most events that a worker takes from a shard at once. */
#define TAKT__BATCH_MAX 4096

/* What pipeline.state says. */
enum takt__state {
    TAKT__STATE_BUILDING,
    TAKT__STATE_RUNNING,
    TAKT__STATE_STOPPED, /* may be started again; those below are final */
    TAKT__STATE_ENDED,   /* all events have passed */
    TAKT__STATE_FAILED,  /* all events before the failed one have passed */
    TAKT__STATE_HALTED,
};

struct takt_stage {
    struct takt__stage core;
    takt_pipeline *pipeline;
    char *name;
    size_t name_size;
    double weight;
    uint32_t index;                       /* in the pipeline */
    uint32_t upstream[TAKT_UPSTREAM_MAX]; /* indices; none: the ring's producer */
    uint32_t upstream_count;
    bool sink;       /* no stage comes after it */
    uint32_t number; /* for the figures: its pipeline's place + 1, and its index */
    int64_t errors;  /* handlers that failed; under the pipeline's failure_lock */
    struct takt__shard *shards;
    const takt_sequence **members;
    /* A source's; written by its owner. */
    TAKT_ALIGNED uint32_t ended;
    int64_t idle_until; /* it had nothing: not asked again before */
    int64_t idle_ns;    /* how long it was left alone the last time */
    int64_t claims;     /* how often it was offered room, */
    int64_t waits;      /* and had nothing to put there */
    /* The scheduler thread's. */
    TAKT_ALIGNED struct takt__decision decision;
    int64_t preference; /* the bits of a double, for workers; 0: the weight */
};

/* What the scheduler thread has read and measured of a pipeline's stages at this tick. */
struct takt__sample {
    struct takt__reading readings[TAKT_STAGES_MAX];
    takt_load loads[TAKT_STAGES_MAX];
};

struct takt_pipeline {
    takt_runtime *runtime;
    takt_ring *ring;
    char *name;
    size_t name_size;
    uint32_t *keys;
    size_t keys_size;
    bool needs_keys;
    bool closed_ring; /* the producer waits for the last stages, */
    bool changed;     /* but since then stages have been added */
    bool fixed_widths;
    const takt_policy *policy;
    double weight;
    struct takt__decisions decisions; /* the scheduler thread's, */
    struct takt__sample sample;       /* and so is this */
    int64_t slice_ns;
    uint32_t batch_max; /* events: no batch holds the ring for itself */
    uint32_t count;
    takt_stage *stages[TAKT_STAGES_MAX]; /* each after those it depends on; last the taps' */
    takt_stage *source;
    struct takt__taps *taps;    /* tap.h */
    bool has_taps;              /* they are among the stages */
    int64_t serial;             /* which pipeline of its runtime it is; 0: it was never started */
    struct takt__intake intake; /* overload.h */
    struct takt__park waiters;
    TAKT_ALIGNED int64_t served; /* the bits of a double: its account (seat.c) */
    TAKT_ALIGNED uint32_t state;
    uint32_t closed;  /* the outside producer has ended */
    uint32_t paused;  /* the source is not to run */
    uint32_t failing; /* a handler has failed: `failure` holds */
    uint32_t callers; /* threads in calls that let another one destroy the pipeline meanwhile */
    pthread_mutex_t failure_lock;
    takt_failure failure; /* the lowest so far; of several stages the first */
    uint32_t failed_stage;
};

/* What a worker has had last: the events of a batch, in whatever stage. */
struct takt__trail {
    uint32_t worker; /* its name as an owner: 1, 2, ... */
    const takt_pipeline *pipeline;
    int64_t first, past;
};

/*
 * A worker; or a place for a helper, an outside thread that works as one for a while. A place is
 * claimed by whoever sets `taken`, and what is in it goes from one helper to the next with it.
 */
struct takt__worker {
    takt_runtime *runtime;
    pthread_t thread; /* a worker's */
    bool helps;
    bool blocked;       /* the scheduler thread's: it slept in a handler when last looked at */
    uint32_t thread_id; /* a worker's, as the kernel has it */
    uint32_t recalls;   /* of the runtime, when the helper came */
    struct takt__trail trail;
    uint32_t *picks;
    struct takt__probe probe;
    TAKT_ALIGNED int64_t epoch;
    TAKT_ALIGNED uint32_t taken; /* a helper's place: somebody is in it, */
    int64_t helper;              /* namely this thread; 0: nobody */
};

/* What the scheduler thread knows of duty and reserve (duty.c). */
struct takt__duty {
    struct takt__park lot; /* where the reserve sleeps */
    uint32_t cores;        /* so many workers are to be awake */
    uint32_t next;         /* whose thread is looked at next */
    uint32_t ticks_below;  /* so many ticks in a row have wanted fewer on duty, */
    uint32_t most_below;   /* and so many at most */
};

struct takt_runtime {
    const takt_allocator *allocator;
    uint32_t worker_count; /* with threads of their own: the first in `workers` */
    uint32_t crew;         /* those and the places for helpers */
    uint32_t started;      /* workers whose threads run */
    bool pin;
    bool scheduler_started;
    int64_t tick_ns;
    struct takt__worker *workers;
    uint32_t *picks;
    pthread_t scheduler;
    struct takt__park park;          /* where workers sleep */
    struct takt__park scheduler_lot; /* where the scheduler thread does between ticks */
    struct takt__watch watch;        /* for those who look on */
    struct takt__duty duty;
    TAKT_ALIGNED uint32_t stopping;
    uint32_t on_duty; /* so many workers, the first; the others are the reserve */
    uint32_t recalls; /* how often helpers have been called back */
    int64_t scheduler_epoch;
    takt_pipeline *places[TAKT_PIPELINES_MAX];
    TAKT_ALIGNED int64_t clock; /* the bits of a double: what accounts are measured by (seat.c) */
    TAKT_ALIGNED uint32_t helping; /* threads in takt_runtime_help */
};

/* An option's, 0 being the default. TAKT_FOREVER is a day: times are added up, and multiplied. */
static inline int64_t takt__duration(int64_t ns, int64_t usual)
{
    const int64_t day = INT64_C(86400000000000);
    return ns == 0 ? usual : ns < day ? ns : day;
}

/* How much workers count the stage's backlog. */
static inline double takt__preference(const takt_stage *stage)
{
    int64_t bits = takt__ld64_rlx(&stage->preference);
    double preference;
    memcpy(&preference, &bits, sizeof preference);
    return bits ? preference : stage->weight;
}

/* Whether the worker with such an epoch looks for work, or is at it. */
static inline bool takt__runtime_in_pass(int64_t epoch)
{
    return epoch & 1;
}

/* Enters a pass: pipelines seen in it stay whole until the next pass, or the rest. */
void takt__runtime_enter(int64_t *epoch);

/* Rests: no pipeline is being looked at. */
void takt__runtime_rest(int64_t *epoch);

/* The pipeline of a place, if it is running. */
takt_pipeline *takt__runtime_place(takt_runtime *runtime, uint32_t place);

/* Puts a pipeline into a free place: TAKT_ELIMIT if there is none. */
int takt__runtime_attach(takt_runtime *runtime, takt_pipeline *pipeline);

/* Gives its place to others: nobody begins to look at it any more. */
void takt__runtime_vacate(takt_runtime *runtime, takt_pipeline *pipeline);

/* Takes it out and waits until nobody looks at it. */
void takt__runtime_detach(takt_runtime *runtime, takt_pipeline *pipeline);

/*
 * Wakes a worker that sleeps, if there is one, to look around in place of the caller, which has
 * done something that others may be waiting for and will not look itself.
 */
void takt__runtime_wake_another(takt_runtime *runtime);

/*
 * Takes a pending change of a stage's division as far as it goes, for threads that are no workers.
 * While such a thread is the changer, a worker may find every shard owned or wanted, and go to
 * sleep; nobody but the changer knows when that is over, so it wakes one.
 */
void takt__runtime_step_cut(takt_runtime *runtime, struct takt__stage *stage);

/* The threads' bodies. */
void *takt__worker_main(void *worker);
void *takt__scheduler_main(void *runtime);

/* Makes the source stage of a thread outside that has a waiting room (overload.h), the first. */
int takt__pipeline_add_pump(takt_pipeline *pipeline);

/*
 * Works until the deadline, or until the runtime ends or calls helpers back. False: others may rely
 * on the caller to look around once more, so that, when it does not, it has to wake one of them.
 */
bool takt__worker_stay(struct takt__worker *worker, int64_t deadline);

/* Waits until all helpers have left; `stopping` is set, and they have been woken. */
void takt__helpers_leave(takt_runtime *runtime);

/* Notes a failure, if it is the lowest so far. */
void takt__pipeline_fail(takt_pipeline *pipeline, const takt_stage *stage, int64_t sequence,
                         int code);

/*
 * Ends the pipeline if all that can pass has passed: called when a worker finds nothing to do in
 * it.
 */
void takt__pipeline_settle(takt_pipeline *pipeline);

/* Waits until nobody is in a call that ends the pipeline. */
void takt__pipeline_await_callers(const takt_pipeline *pipeline);

/* How far the last stages have come. */
int64_t takt__pipeline_done(const takt_pipeline *pipeline);

#endif
