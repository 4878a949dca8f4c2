/* SPDX-License-Identifier: MIT */
/* A worker's choice of what to do next. */
#ifndef TAKT_SCHEDULER_SEAT_H
#define TAKT_SCHEDULER_SEAT_H

#include "scheduler/choice.h"
#include "scheduler/runtime.h"

struct takt__seat {
    takt_stage *stage;
    struct takt__shard *shard; /* NULL: there is nothing to do */
    struct takt__trail trail;  /* of the worker whose seat it is to be */
    struct takt__pipeline_choice choice;
    double all_ns;      /* the work that has been found, */
    double mine_ns;     /* and what of it the worker would take */
    uint32_t rivals;    /* pipelines that run beside the one chosen */
    bool stepped;       /* a cut was pending, and the worker was its changer for a step */
    int64_t look_again; /* when a source that had nothing is to be asked again */
};

/*
 * Finds the best seat for a worker in all pipelines of the runtime, and steps cuts that are
 * pending.
 */
void takt__seat_choose(takt_runtime *runtime, const struct takt__trail *trail,
                       struct takt__seat *seat);

/*
 * Charges the seat's pipeline with worker time that it has had, if it has rivals: `ns` by the
 * clock, for events that should have taken `expected_ns`.
 */
void takt__seat_charge(takt_runtime *runtime, const struct takt__seat *seat, int64_t ns,
                       int64_t expected_ns);

#endif
