/* SPDX-License-Identifier: MIT */
/* The state of a simulation: what engine.c, workers.c and arrivals.c share. */
#ifndef TAKT_SIM_WORLD_H
#define TAKT_SIM_WORLD_H

#include "perf/sim/engine.h"
#include "perf/sim/metrics.h"
#include "perf/sim/record.h"
#include "perf/sim/stage.h"

struct sim_worker {
    struct sim_shard *shard; /* NULL: idle */
    struct sim_batch batch;
    int64_t seated;       /* when its slice began */
    int64_t taken;        /* when it had its shard */
    int64_t begins, ends; /* of the batch */
    int64_t first;        /* event that it may be about */
    int64_t idle_since;
    bool waking;
    uint64_t limit;
    struct sim_shard *mine; /* the shards that it had last */
};

/* A worker's next moment: the end of its batch, or that it has woken up. */
struct sim_moment {
    int64_t at;
    uint32_t worker;
};

/* Events that came at one time: all below `end` that did not come before. */
struct sim_arrival {
    int64_t end;
    int64_t at;
};

struct sim_world {
    const struct sim_workload *workload;
    const struct sim_options *options;
    struct sim_random random;
    int64_t now;
    struct sim_stage *stages;
    uint32_t count;
    struct sim_worker *workers;
    struct sim_moment *heap;
    uint32_t heap_count;
    uint32_t *idle; /* a stack: the last to fall idle is the first to be called */
    uint32_t idle_count;
    uint32_t acting; /* the worker whose moment it is, or SIM_NOBODY */
    double owed_ns;  /* of work on changes of division: the next to choose a seat does it */
    /* The ring. */
    int64_t capacity;
    int64_t batch_most;
    int64_t leash;
    int64_t cursor; /* published up to here */
    int64_t sink_done;
    uint16_t *writers; /* who wrote each block of 64 events last, if moving them costs anything */
    /* Arrivals. */
    struct sim_arrival *log; /* of what is not done: a ring */
    uint64_t log_mask, log_head, log_tail;
    int64_t arrived;
    double burst_left_ns;
    /* The bound. */
    double work_ns;                   /* of one event in all stages */
    const struct sim_stage *limiting; /* the stage that limits all; NULL: the workers do */
    double could;                     /* work in a nanosecond, at most */
    double work_done;                 /* so far, of batches that have ended */
    struct takt__decisions decisions;
    struct sim_metrics metrics;
    bool out_of_memory;
};

/* arrivals.c */
void sim_bound(struct sim_world *world);
int64_t sim_arrive(struct sim_world *world);
void sim_publish(struct sim_world *world);
void sim_log_arrival(struct sim_world *world, int64_t end, int64_t at);
void sim_finish(struct sim_world *world);
double sim_left(const struct sim_world *world);

/* workers.c */
void sim_call_workers(struct sim_world *world);
void sim_moment(struct sim_world *world);
double sim_in_flight(const struct sim_world *world, int64_t at, const struct sim_stage *of);

/* Where a stage's input ends. */
int64_t sim_available(const struct sim_world *world, const struct sim_stage *stage);

#endif
