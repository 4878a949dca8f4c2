/* SPDX-License-Identifier: MIT */
/* What a stage and a worker did between two readings. */
#ifndef TAKT_TOP_RATES_H
#define TAKT_TOP_RATES_H

#include "source.h"

#define HISTORY 120 /* readings that are kept */

struct rates {
    int64_t written; /* the reading before: when it was written, */
    int64_t serial[TAKT_PIPELINES_MAX];
    int64_t events[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX]; /* and its sums */
    int64_t busy[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX];
    int64_t worker_busy[TAKT_WORKERS_MAX], worker_sleeping[TAKT_WORKERS_MAX];
    bool known; /* there have been two readings */
    /* The results. */
    double seconds; /* between the two */
    double per_second[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX];
    double service_ns[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX];
    double busy_part[TAKT_WORKERS_MAX], sleeping_part[TAKT_WORKERS_MAX];
    /* Events per second, the newest last. */
    uint32_t kept;
    double history[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX][HISTORY];
};

/* Takes a reading in. */
void rates_add(struct rates *rates, const struct reading *reading);

#endif
