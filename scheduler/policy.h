/* SPDX-License-Identifier: MIT */
/*
 * What the library's policies are made of. Every one but `fixed` is a way to put a cost on a stage,
 * a rule to share out seats by these costs, and numbers; takt-sim tries others.
 */
#ifndef TAKT_SCHEDULER_POLICY_H
#define TAKT_SCHEDULER_POLICY_H

#include <takt/policy.h>

struct takt__scheme {
    takt_rule rule;
    double catch_up_s;      /* 0: the cost is that of the backlog alone */
    double shards_per_seat; /* 0: the default */
    double spread;          /* shards per worker that are spread over all stages; 0: the default */
    double downstream;      /* a stage's preference over the one before it; 0: none */
};

/*
 * How many workers a stage has work for: those that its events take as they come, and those that
 * work off its backlog within the catch-up time.
 */
double takt__demand(const takt_load *load, double catch_up_s);

/* The catch-up time of the library's policies. */
#define TAKT__CATCH_UP_S 0.01

/* A policy's decide function; the context is a scheme. */
void takt__scheme_decide(void *scheme, takt_load *loads, uint32_t count, uint32_t workers);

#endif
