/* SPDX-License-Identifier: MIT */
/* How many shards each stage should have: arithmetic on what was measured, nothing else. */
#ifndef TAKT_SCHEDULER_POLICY_H
#define TAKT_SCHEDULER_POLICY_H

#include <takt/base.h>
#include <takt/pipeline.h>

/* One stage as the policy sees it. */
struct takt__load {
    double rate;       /* events handled per second, over the window */
    double service_ns; /* of one event */
    double backlog;    /* events */
    double weight;
    uint32_t least, most; /* shards that it may have */
    double cost;          /* result: workers' worth of demand */
    uint32_t width;       /* result */
};

/* Fills cost and width of each stage, for `workers` workers. At most TAKT_STAGES_MAX stages. */
void takt__policy_decide(struct takt__load *loads, uint32_t count, uint32_t workers);

#endif
