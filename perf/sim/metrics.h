/* SPDX-License-Identifier: MIT */
/*
 * What takt-sim measures.
 *
 * The bound is a fluid: work that has arrived is done as fast as all workers together, or the
 * stage that can be widened least, could do it, without waiting for anything. Efficiency is the
 * work done over what the fluid has done in the same time.
 */
#ifndef TAKT_SIM_METRICS_H
#define TAKT_SIM_METRICS_H

#include "perf/sim/engine.h"

#define SIM_TICKS_MAX 1000
#define SIM_BUCKETS   (64 * 16)

struct sim_tick {
    double done, bound; /* nanoseconds of work in this tick */
    bool caught_up;     /* next to nothing was left to do at its end */
};

struct sim_metrics {
    /* The fluid: since the warm-up, and since the last tick. */
    double left_all, left_tick;
    double bound_all, bound_tick;
    double done_before, done_at_tick; /* work done when they began */
    int64_t events_before;
    int64_t redivisions_before;
    struct sim_tick ticks[SIM_TICKS_MAX];
    uint32_t tick_count;
    uint16_t widths[SIM_TICKS_MAX][SIM_STAGES_MAX];
    uint64_t latency[SIM_BUCKETS];
};

/* `count` events took `ns` each. */
void sim_metrics_latency(struct sim_metrics *m, int64_t ns, int64_t count);

/* Work `arrives`, and `could` be done until now. */
void sim_metrics_flow(struct sim_metrics *m, double arrives, double could);

/* The latency that so many of a hundred events were below. */
double sim_metrics_percentile(const struct sim_metrics *m, double percent);

/*
 * Ticks from `from` on until three in a row did 95 % of what the last ticks did, or were caught up.
 */
uint32_t sim_metrics_settle(const struct sim_metrics *m, uint32_t from);

/* By what part any stage's width went above where it began and ended, from tick `from` on. */
double sim_metrics_overshoot(const struct sim_metrics *m, uint32_t from, uint32_t stages);

/* The most changes of direction of any stage's width in ten ticks from [from, to). */
uint32_t sim_metrics_reversals(const struct sim_metrics *m, uint32_t from, uint32_t to,
                               uint32_t stages);

#endif
