/* SPDX-License-Identifier: MIT */
/*
 * How many of a runtime's workers each of its pipelines may count on: numbers in, numbers out, for
 * the scheduler thread and for tests.
 */
#ifndef TAKT_SCHEDULER_SHARE_H
#define TAKT_SCHEDULER_SHARE_H

#include "scheduler/apportion.h"

/* A pipeline in which events flow. */
struct takt__claimant {
    const takt_load *loads; /* of its stages */
    uint32_t count;
    double weight;
    uint32_t workers; /* the result: at least 1 */
};

/*
 * Shares out the workers among the claimants: one gets all, several what share.c says.
 */
void takt__share(struct takt__claimant *claimants, uint32_t count, uint32_t workers);

#endif
