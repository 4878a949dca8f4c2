/* SPDX-License-Identifier: MIT */
/*
 * The worker's choice over plain numbers: which shard of a stage, and which stage. No clock, no
 * atomics: seat.c reads the numbers from the running stages, takt-sim from simulated ones.
 *
 * Of a stage's shards that are vacant and have something to do, the one that is furthest behind is
 * taken, since it holds up the stages after it. But the worker would rather have one that is warm
 * (its events, or what belongs to its keys, are in the worker's caches): it pretends that these
 * stand a leash further behind than they do. Without the leash (warm shards first, whatever
 * happens) a stage with more shards than workers starves the shards that nobody had last, and with
 * them every stage after it, until the ring is full.
 *
 * Of the stages, the one with the highest quotient V / (held + 1) wins the worker: one step of
 * D'Hondt's method. V is the cost of the backlog by the scheduler's preference, and counts
 * TAKT__STICKINESS times where the shard is warm.
 *
 * Each function is offered one candidate after another and remembers the best.
 */
#ifndef TAKT_SCHEDULER_CHOICE_H
#define TAKT_SCHEDULER_CHOICE_H

#include "scheduler/apportion.h"

/*
 * How much dearer another stage's backlog must be before a worker leaves a shard that it had last
 * to others: the state that the handler keeps, and often the events, are in its caches.
 */
#define TAKT__STICKINESS 16

/* How long the leash is: this part of the ring. */
#define TAKT__LEASH 16

/* The shards of one stage. Zeroed at the start. */
struct takt__shard_choice {
    uint32_t vacancies; /* how many have been offered */
    uint32_t held;      /* how many have an owner; the caller counts them */
    bool own;           /* the best is one that the worker had last */
    int64_t behind;     /* where the best stands, leash and all */
};

/* The stages of all pipelines. Zeroed at the start. */
struct takt__stage_choice {
    bool found;
    double value;   /* of the best, */
    double mine_ns; /* and the work in it that one worker would take */
    double all_ns;  /* the work in all that have been offered */
};

/*
 * Offers a vacant shard with something to do, which stands at `progress`. A worker's own is given
 * `leash` sequences. True: it is the best.
 */
static inline bool takt__choose_shard(struct takt__shard_choice *choice, int64_t progress, bool own,
                                      int64_t leash)
{
    if (own)
        progress -= leash;
    bool first = choice->vacancies++ == 0;
    if (!first && progress >= choice->behind)
        return false;
    choice->own = own;
    choice->behind = progress;
    return true;
}

/*
 * Offers a stage that has a vacant shard with something to do, and `work_ns` of work in all. True:
 * it is the best.
 */
static inline bool takt__choose_stage(struct takt__stage_choice *choice,
                                      const struct takt__shard_choice *shards, double work_ns,
                                      double preference, double stickiness)
{
    double value = takt__quotient(work_ns * preference, shards->held);
    if (shards->own)
        value *= stickiness;
    choice->all_ns += work_ns;
    if (choice->found && value <= choice->value)
        return false;
    choice->found = true;
    choice->value = value;
    choice->mine_ns = work_ns / shards->vacancies;
    return true;
}

/* Nanoseconds of work that are left for other workers. */
static inline double takt__choice_others(const struct takt__stage_choice *choice)
{
    return choice->all_ns - choice->mine_ns;
}

#endif
