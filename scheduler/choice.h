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
 * Of several pipelines the one whose stage it is to be is chosen first, by what it has been served:
 * worker time over weight, slice by slice. That is D'Hondt's method once more, with slices of time
 * for seats: the next slice goes to the pipeline with the highest weight / (slices + 1), which is
 * the one with the least (slices + 1) / weight, where a shard that is owned counts as a slice that
 * is being had. Over time each gets its part to the slice, however few workers there are, and
 * whatever its backlog: by backlog the pipeline with the larger ring would win, and for ever, for a
 * source fills it again. A worker stays with its pipeline for some slices for its caches' sake.
 *
 * A pipeline that has had nothing to do must not be owed all that time, or it would shut the others
 * out when it comes back. So there is a clock, which stands where the last of those stood that were
 * offered for a choice, and nobody counts as having had less than that but for a few slices: enough
 * to be chosen at once. (Start-time fair queueing has such a clock.) A pipeline that cannot use its
 * part, because it has too few shards, leaves it to the others in the same way.
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

/* For how many slices more than the others a pipeline keeps a worker. */
#define TAKT__STAY 2

/* The shards of one stage. Zeroed at the start. */
struct takt__shard_choice {
    uint32_t vacancies; /* how many have been offered */
    uint32_t held;      /* how many have an owner; the caller counts them */
    bool own;           /* the best is one that the worker had last */
    int64_t behind;     /* where the best stands, leash and all */
};

/* The stages of a pipeline. Zeroed at the start. */
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

/* A pipeline as it stands against others. Times are nanoseconds. */
struct takt__account {
    double served; /* worker time over weight */
    double weight;
    double slice;
    uint32_t held; /* shards of it that are owned */
    bool own;      /* the worker has been there last */
};

/* The pipelines. Zeroed at the start. */
struct takt__pipeline_choice {
    bool found;
    double finish; /* where the best would stand after one slice more, */
    double start;  /* and where it stands: what it is charged from */
    double least;  /* where the last of all stands: what the clock is set to */
};

/* Offers a pipeline in which there is something to do. True: it is the best. */
static inline bool takt__choose_pipeline(struct takt__pipeline_choice *choice,
                                         const struct takt__account *account, double clock)
{
    double slice = account->slice / account->weight;
    double least = clock - TAKT__STAY * slice;
    double start = account->served > least ? account->served : least;
    double finish = start + ((double)account->held + 1) * slice;
    if (account->own)
        finish -= TAKT__STAY * slice;
    if (!choice->found || start < choice->least)
        choice->least = start;
    if (choice->found && finish >= choice->finish)
        return false;
    choice->found = true;
    choice->finish = finish;
    choice->start = start;
    return true;
}

#endif
