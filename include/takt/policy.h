/* SPDX-License-Identifier: MIT */
/*
 * Policies: how many shards each stage of a pipeline should have, and which stages its workers
 * should prefer. A policy is a function over numbers, called by the scheduler thread once in every
 * tick. It reads no clock, takes no lock, and keeps what it wants to keep in its context.
 *
 * The library has some (docs/scheduling.md compares them). To write one of your own, fill in a
 * table; the least of one decides nothing:
 *
 *     static void decide(void *context, takt_load *loads, uint32_t count, uint32_t workers) {}
 *     static const takt_policy mine = TAKT_POLICY(.name = "mine", .decide = decide);
 *
 * and a useful one sets each load's cost and calls takt_policy_share. What it asks for is a wish:
 * the scheduler keeps widths within the stage's limits, and does not follow every small change.
 */
#ifndef TAKT_POLICY_H
#define TAKT_POLICY_H

#include <takt/base.h>

/* One stage, as measured over the last ticks. Stages come in the order in which they were added. */
typedef struct takt_load {
    double rate;       /* events handled per second */
    double service_ns; /* time in the handler for one event; 0: not known yet */
    double backlog;    /* events that wait for it; a source: free slots */
    double capacity;   /* slots of the ring: what the backlog can be at most */
    double weight;     /* what the stage's options say */
    uint32_t least;    /* shards that it may have */
    uint32_t most;
    uint32_t depth; /* stages before it, on the longest way from the source */
    bool source;    /* it fills the ring */
    bool keyed;     /* divided by key: every shard looks at every event */
    bool done;      /* nothing will come any more */
    /* What the policy says. */
    double cost;       /* workers that the stage has work for, weighted; before: 0 */
    double preference; /* how much workers count its backlog; before: the weight */
    uint32_t width;    /* shards; before: the number it has now, or is about to have */
} takt_load;

typedef struct takt_policy {
    size_t size; /* sizeof(takt_policy) */
    const char *name;
    /*
     * `workers`: how many the pipeline has to share out among its stages. If it runs alone, those
     * of the runtime, helpers included; beside others, what its stages have won of them by demand
     * and by the pipelines' weights, but at least one.
     */
    void (*decide)(void *context, takt_load *loads, uint32_t count, uint32_t workers);
    void *context;
} takt_policy;

#ifndef __cplusplus
#define TAKT_POLICY(...)                                                                           \
    {                                                                                              \
        .size = sizeof(takt_policy), __VA_ARGS__                                                   \
    }
#endif

/* How seats are shared out by cost: what each rule makes as small as it can be. */
typedef enum takt_rule {
    TAKT_RULE_DHONDT,       /* the greatest cost / (seats + 1); Jefferson's method */
    TAKT_RULE_ADAMS,        /* the greatest cost / seats: one each, then D'Hondt from zero */
    TAKT_RULE_SAINTE_LAGUE, /* the distance from the exact shares; Webster's method */
    TAKT_RULE_MIN_SUM,      /* the sum of cost / (seats + 1) */
} takt_rule;

TAKT__DECLS_BEGIN

/*
 * Shares out the workers as seats by the loads' costs, and makes widths of them. Stages that are
 * done get no seat. `shards_per_seat` is how many shards a stage that is not keyed has for each of
 * its seats, if it has won more than one (0: what suits most pipelines); twice as many shards as
 * workers are spread over all stages besides, as the least of each.
 */
void takt_policy_share(takt_load *loads, uint32_t count, uint32_t workers, takt_rule rule,
                       double shards_per_seat);

/* The policy used where none is named. */
const takt_policy *takt_policy_default(void);

/* The library's policy of that name; NULL if there is none. */
const takt_policy *takt_policy_find(const char *name);

/* The library's policies one by one: NULL after the last. */
const takt_policy *takt_policy_at(uint32_t index);

TAKT__DECLS_END

#endif
