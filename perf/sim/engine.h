/* SPDX-License-Identifier: MIT */
/*
 * The simulator: workers, ring, arrivals and the scheduler's ticks on virtual time. The decisions
 * are the library's (scheduler/decide.h with a policy, scheduler/choice.h); what happens between
 * them is modelled, batch by batch.
 */
#ifndef TAKT_SIM_ENGINE_H
#define TAKT_SIM_ENGINE_H

#include "perf/sim/record.h"
#include "perf/sim/workload.h"
#include "scheduler/decide.h"

struct sim_options {
    uint32_t workers;
    const takt_policy *policy;
    struct takt__tuning tuning;
    double stickiness;
    uint32_t block; /* events in a row that go to one shard: a power of two */
    double leash;   /* the part of the ring that it is: so many to the ring */
    int64_t tick_ns, slice_ns;
    int64_t seat_ns; /* to look around and take a shard */
    int64_t wake_ns; /* to wake a worker that sleeps; it falls asleep after `spin_ns` */
    int64_t spin_ns;
    double redivide_ns;  /* of a change, for each shard, old and new */
    double look_ns;      /* to look at the key of another shard's event */
    double state_ns;     /* to fetch a shard's state from another worker's cache, once a seat */
    double move_ns;      /* to fetch an event from another worker's cache */
    uint32_t far_cut;    /* a change takes effect where the input ends, not near the shards */
    uint32_t ticks;      /* to run, */
    uint32_t warm_ticks; /* of which so many before anything counts */
    int64_t seed;
    FILE *csv;                 /* where to write a line for each tick and stage; NULL: nowhere */
    struct sim_record *record; /* NULL: nothing is recorded */
};

struct sim_result {
    double efficiency;
    uint32_t settle_ticks;
    double overshoot;
    double redivisions_per_s;
    double p50_ns, p99_ns;
    double events_per_s;
    double bound_per_s; /* the most that the bound allowed */
    double busy;        /* part of the workers' time spent in handlers */
    uint32_t reversals; /* of a stage's width, the most in any ten ticks of constant load */
};

/* Defaults for everything but the workers. */
void sim_options_init(struct sim_options *options);

/* Runs one workload; false if there is no memory. */
bool sim_run(const struct sim_workload *workload, const struct sim_options *options,
             struct sim_result *result);

#endif
