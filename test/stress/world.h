/* SPDX-License-Identifier: MIT */
/*
 * A pipeline at random, for random.c: what its stages are, what they do to an event, and the
 * sequential model of it.
 *
 * Each stage makes one number from those that the stages before it have left in the event, from the
 * version of its handler, and, where it is keyed or serial, from all events of the key, or all of
 * them, before. So an event that was lost, doubled, out of order, or given to the wrong version of
 * a handler changes what this stage and all after it make of it, and mostly of all later ones.
 */
#ifndef TAKT_TEST_WORLD_H
#define TAKT_TEST_WORLD_H

#include <string.h>

#include <takt/takt.h>

#include "random.h"

#define PLACES     7 /* the source, or producer, and up to six stages */
#define AFTER      3
#define EVENTS     640
#define KEYS       5
#define SHARDS     6
#define VERSIONS   12
#define HANDOVERS  256
#define FAILURE    (-2000)
#define NEVER      INT64_MAX
#define NOT_GIVEN  INT64_MIN /* a version that no stage has */
#define NOT_ENDED  (INT64_MIN + 1)
#define OUT(e, at) ((e)->out[(at)->index])

struct event {
    int64_t number;
    uint64_t key;
    uint64_t out[PLACES];
};

/* BLOCKS: stateless. SUMS: ordered, a sum for each shard. KEYED, COMPUTED, SERIAL: chained. */
enum kind { SOURCE, BLOCKS, SUMS, KEYED, COMPUTED, SERIAL, KINDS };

/* A handler that a stage was given. */
struct version {
    struct place *place;
    uint32_t id;
    int64_t end; /* where on_retired says that its events end */
    uint32_t retired;
    uint32_t order; /* in which those of a place were */
};

/* A stage, or the source, or what an outside producer does. */
struct place {
    struct world *world;
    enum kind kind;
    uint32_t index, block, shards, shards_min, shards_max;
    uint32_t after[AFTER], after_count;
    bool below_failure; /* it comes after the stage that fails, or is that */
    int64_t fails_at;
    takt_stage *stage;
    uint64_t chain[KEYS];
    uint64_t sums[SHARDS];
    uint32_t version_count, retired_count, handover_count;
    struct version version[VERSIONS];
    struct {
        int64_t cut;
        uint64_t sum;
    } handover[HANDOVERS];
    uint64_t result[EVENTS];
    uint8_t handled[EVENTS];
};

struct world {
    uint64_t seed;
    struct rng rng;
    takt_pipeline *pipeline;
    int64_t total, made, capacity;
    bool has_source, stored_keys, fixed_widths, halts;
    uint32_t workers, place_count, change_every;
    uint64_t calls; /* of the source */
    struct place place[PLACES];
    bool is_void[EVENTS];
    uint32_t fault; /* the line that found one */
};

#define FAULT(w) note_fault(w, __LINE__)

/* The first fault found is the one to look at. */
static inline void note_fault(struct world *w, uint32_t line)
{
    uint32_t none = 0;
    __atomic_compare_exchange_n(&w->fault, &none, line, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline uint64_t mix(uint64_t x)
{
    return rng_next(&(struct rng){x});
}

static inline uint64_t key_of(const struct world *w, int64_t number)
{
    return mix(w->seed ^ (uint64_t)number) % KEYS;
}

static inline uint64_t event_key(const void *event)
{
    return ((const struct event *)event)->key;
}

/* What a stage makes of an event, as version `id`, with the chains that it keeps. */
static inline uint64_t make_of(const struct place *at, const struct event *e, uint32_t id,
                               uint64_t *chain)
{
    uint64_t x = mix((uint64_t)e->number * PLACES + at->index) + id;
    if (at->kind != SOURCE && at->after_count == 0)
        x = mix(x ^ e->out[0]);
    for (uint32_t i = 0; i < at->after_count; i++)
        x = mix(x ^ e->out[at->after[i]]);
    if (at->kind == KEYED || at->kind == COMPUTED)
        return chain[e->key] = mix(chain[e->key] ^ x);
    if (at->kind == SERIAL)
        return chain[0] = mix(chain[0] ^ x);
    return x;
}

/* Handles one event in a pipeline. */
static inline void handle(struct version *v, struct event *e, int64_t s, uint32_t shard)
{
    struct place *at = v->place;
    if (e->number != s || at->handled[s]++ || v->end != NOT_ENDED)
        FAULT(at->world);
    OUT(e, at) = at->result[s] = make_of(at, e, v->id, at->chain);
    if (at->kind == SUMS)
        at->sums[shard] += OUT(e, at);
}

/*
 * Which version of its code a place was to use for sequence s, by where they were told to end. Of
 * several that ended at one place the first was there before; the others got nothing.
 */
static inline uint32_t version_at(const struct place *at, int64_t s)
{
    const struct version *found = NULL;
    for (uint32_t i = 0; i < at->version_count; i++) {
        const struct version *v = &at->version[i];
        if (v->end > s &&
            (!found || v->end < found->end || (v->end == found->end && v->order < found->order)))
            found = v;
    }
    return found ? found->id : 0;
}

/* The sequential model: what every place makes of every event. */
static inline void model(const struct world *w, uint64_t (*out)[EVENTS])
{
    static uint64_t chain[PLACES][KEYS];
    memset(chain, 0, sizeof chain);
    memset(out, 0, PLACES * sizeof out[0]);
    for (int64_t s = 0; s < w->total; s++) {
        struct event e = {.number = s, .key = key_of(w, s)};
        for (uint32_t i = 0; i < w->place_count && !w->is_void[s]; i++) {
            const struct place *at = &w->place[i];
            out[i][s] = OUT(&e, at) = make_of(at, &e, version_at(at, s), chain[i]);
        }
    }
}

static inline void choose_stage(struct world *w, uint32_t index)
{
    struct rng *rng = &w->rng;
    struct place *at = &w->place[index];
    at->kind = (enum kind)rng_between(rng, BLOCKS, SERIAL);
    if (at->kind == KEYED && !w->has_source)
        at->kind = COMPUTED; /* the source stores the keys */
    w->stored_keys |= at->kind == KEYED;
    at->shards_max = at->kind == SERIAL ? 1 : rng_between(rng, 1, SHARDS);
    at->shards_min = rng_between(rng, 1, at->shards_max);
    at->shards = rng_between(rng, at->shards_min, at->shards_max);
    uint32_t blocks = 1; /* the ring has room for so many powers of two */
    while ((1 << blocks) <= w->capacity)
        blocks++;
    at->block = rng_below(rng, 4) ? 1u << rng_below(rng, blocks < 6 ? blocks : 6) : 0;
    if (index > 1 && rng_below(rng, 8))
        at->after_count = rng_between(rng, 1, index - 1 < AFTER ? index - 1 : AFTER);
    else
        at->after_count = w->has_source && rng_below(rng, 2);
    uint32_t first = index - at->after_count; /* a chain more often than not */
    for (uint32_t i = 0; i < at->after_count; i++)
        at->after[i] = index == 1          ? 0
                       : rng_below(rng, 2) ? first + i
                                           : rng_between(rng, 1, index - 1);
}

/* Which stages never get an event from the failed one on. */
static inline void mark_below(struct world *w, uint32_t failing)
{
    for (uint32_t i = failing; i < w->place_count; i++) {
        struct place *at = &w->place[i];
        at->below_failure = i == failing || failing == 0;
        for (uint32_t k = 0; k < at->after_count; k++)
            at->below_failure |= w->place[at->after[k]].below_failure;
    }
}

/* A pipeline at random. */
static inline void choose_world(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->seed = seed;
    struct rng *rng = &w->rng;
    rng->state = seed;
    w->workers = rng_between(rng, 1, 4);
    w->capacity = INT64_C(1) << rng_between(rng, 1, 10);
    w->total = rng_between(rng, 1, w->capacity < 32 ? (uint32_t)w->capacity * 16 : EVENTS);
    w->has_source = rng_below(rng, 2);
    w->fixed_widths = rng_below(rng, 4);
    w->halts = rng_below(rng, 32) == 0;
    w->change_every = rng_below(rng, 3) ? 0 : rng_between(rng, 5, 100);
    w->place_count = rng_between(rng, 3, PLACES);
    for (uint32_t i = 0; i < w->place_count; i++) {
        struct place *at = &w->place[i];
        at->world = w;
        at->index = i;
        at->fails_at = NEVER;
        if (i > 0)
            choose_stage(w, i);
    }
    w->place[0].shards_max = 1;
    for (uint32_t n = rng_below(rng, 4) ? 0 : rng_between(rng, 1, 2); n > 0; n--) {
        uint32_t place = rng_between(rng, !w->has_source, w->place_count - 1);
        w->place[place].fails_at = rng_below(rng, (uint32_t)w->total);
        /* If two stages side by side fail at one event, either may be the first to say so. */
        for (uint32_t i = 0; i < w->place_count; i++)
            if (i != place && w->place[i].fails_at == w->place[place].fails_at)
                w->place[i].fails_at = NEVER;
    }
    for (int64_t s = 0; s < w->total && !w->has_source && rng_below(rng, 3) == 0; s++)
        w->is_void[s] = rng_below(rng, 16) == 0;
}

/* The failure that the pipeline must end with: NULL and the total if there is to be none. */
static inline const struct place *find_failure(struct world *w, int64_t *at)
{
    const struct place *failing = NULL;
    *at = w->total;
    for (uint32_t i = 0; i < w->place_count; i++) {
        const struct place *p = &w->place[i];
        if (p->fails_at < *at && !w->is_void[p->fails_at]) {
            failing = p;
            *at = p->fails_at;
        }
    }
    if (failing)
        mark_below(w, failing->index);
    return failing;
}

#endif
