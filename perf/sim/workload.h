/* SPDX-License-Identifier: MIT */
/* What takt-sim runs: stages, how long their events take, and how events arrive. */
#ifndef TAKT_SIM_WORKLOAD_H
#define TAKT_SIM_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_STAGES_MAX   64
#define SIM_UPSTREAM_MAX 8
#define SIM_NAME_MAX     32

/* The time of one event. */
enum sim_law {
    SIM_CONSTANT,
    SIM_EXPONENTIAL,
    SIM_BIMODAL,    /* one in 50 takes 25 times as long as the others */
    SIM_HEAVY_TAIL, /* exponential, but one in 200 is Pareto (1.3) from 10 to 10,000 times longer */
};

/* How events arrive, from outside. Loads are parts of what the workers could do at most. */
enum sim_shape {
    SIM_SATURATED, /* the ring is always full */
    SIM_POISSON,   /* all the others are Poisson processes too, of a rate that changes */
    SIM_STEP,      /* from one load to another half-way through */
    SIM_SINE,      /* to and fro between two loads */
    SIM_BURST,     /* one load, and every period so many events at once */
    SIM_ON_OFF,    /* half a period of one load, half of the other */
};

struct sim_stage_spec {
    char name[SIM_NAME_MAX];
    enum sim_law law;
    double mean_ns;
    double mean_after_ns; /* from half-way on; 0: as before */
    double weight;
    double skew;   /* keyed: the exponent of Zipf's law over the keys */
    uint32_t keys; /* keyed: how many; 0: divided by blocks */
    uint32_t most; /* shards; 0: the library's default for so many workers */
    bool source;   /* it fills the ring; the first stage only */
    uint32_t upstream[SIM_UPSTREAM_MAX];
    uint32_t upstream_count;
};

struct sim_workload {
    char name[SIM_NAME_MAX];
    char what[96];
    struct sim_stage_spec stages[SIM_STAGES_MAX];
    uint32_t count;
    enum sim_shape shape;
    double load, other_load;
    double period_ms;
    double burst;     /* events at once, as a part of the ring */
    int64_t capacity; /* slots of the ring at least; */
    int64_t slots_per_worker;
};

/* The standard suite: NULL after the last. */
const struct sim_workload *sim_suite_at(uint32_t index);
const struct sim_workload *sim_suite_find(const char *name);

/*
 * Reads a workload from a file of lines (takt-sim --help tells the format). False, and why in
 * `error`, if it is none.
 */
bool sim_workload_read(struct sim_workload *workload, FILE *file, char *error, size_t size);

#endif
