/* SPDX-License-Identifier: MIT */
/*
 * The cut on one thread, in random order: upstream publishes, shards are taken, run and given up,
 * divisions change, handlers are replaced, and a reader downstream looks, all as a random number
 * says. What threads could do at the granularity of these calls happens here; finer interleavings
 * are for the stress tests.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "shard/cut.h"
#include "shard/keys.h"

#define EVENTS     3000
#define CAPACITY   64
#define SHARDS_MAX 5
#define HANDS      4
#define KEYS       7
#define VERSIONS   1000 /* of the handler */

struct event {
    int64_t sequence;
};

enum kind { BLOCKS, ORDERED, STORED_KEYS, COMPUTED_KEYS };

/* One of the handlers that the stage was given. */
struct version {
    struct world *world;
    bool retired;
    int64_t least, most; /* sequences that it was called for */
    int64_t end;
};

struct world {
    struct rng rng;
    struct event slots[CAPACITY];
    uint32_t keys[CAPACITY];
    takt_sequence upstream;
    const takt_sequence *upstream_member[1];
    struct takt__gate upstream_gate;
    struct takt__stage stage;
    struct takt__shard shards[2 * SHARDS_MAX];
    const takt_sequence *members[2 * SHARDS_MAX];
    struct takt__shard *hands[HANDS]; /* shards that are owned at present */
    int handled[EVENTS];
    int64_t last_of_key[KEYS];
    int64_t done;
    struct version versions[VERSIONS];
    int version_count;
    int64_t handovers;
    const char *fault;
};

static uint64_t key_of(int64_t sequence)
{
    return (uint64_t)sequence * 2654435761u % KEYS;
}

static uint64_t event_key(const void *event)
{
    return key_of(((const struct event *)event)->sequence);
}

static int handle(void *context, takt_batch *b)
{
    struct version *v = context;
    struct world *w = v->world;
    if (v->retired)
        w->fault = "a retired handler was called";
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        v->least = s < v->least ? s : v->least;
        v->most = s > v->most ? s : v->most;
        if (e->sequence != s)
            w->fault = "a slot held another event";
        if (w->handled[s]++)
            w->fault = "an event was handled twice";
        int64_t *last = &w->last_of_key[key_of(s)];
        if (w->stage.keyed && s < *last)
            w->fault = "a key's events were out of order";
        *last = s;
    }
    return 0;
}

static void on_retired(void *context, int64_t end)
{
    struct version *v = context;
    if (v->retired)
        v->world->fault = "a handler was retired twice";
    v->retired = true;
    v->end = end;
}

/* Everything below the cut has been done, and nothing from it on. */
static void on_handover(void *context, const takt_handover *h)
{
    struct world *w = ((struct version *)context)->world;
    w->handovers++;
    for (int64_t s = 0; s < EVENTS; s++)
        if (w->handled[s] != (s < h->cut))
            w->fault = "a hand-over between two that worked";
    if (((struct version *)h->context_before)->retired)
        w->fault = "a hand-over from a retired handler";
}

static struct version *new_version(struct world *w)
{
    struct version *v = &w->versions[w->version_count++];
    *v = (struct version){.world = w, .least = INT64_MAX, .most = -1};
    return v;
}

/* Each handler was called from where the one before ended to where it ended itself. */
static void check_versions(struct world *w)
{
    int64_t begin = 0;
    for (int i = 0; i < w->version_count; i++) {
        const struct version *v = &w->versions[i];
        if (v->end < 0 && v->most >= 0)
            w->fault = "a handler was called that never began";
        if (v->end < 0)
            continue;
        if (!v->retired)
            w->fault = "a handler was not retired";
        if (v->most >= v->end || v->least < begin)
            w->fault = "a handler was called beyond its cut";
        begin = v->end;
    }
}

static void set_up(struct world *w, uint64_t seed, enum kind kind)
{
    bool keyed = kind == STORED_KEYS || kind == COMPUTED_KEYS;
    memset(w, 0, sizeof *w);
    w->rng.state = seed;
    takt_sequence_init(&w->upstream, -1);
    w->upstream_member[0] = &w->upstream;
    w->upstream_gate.members = w->upstream_member;
    takt__gate_cover(&w->upstream_gate, 1);
    w->done = -1;
    for (int k = 0; k < KEYS; k++)
        w->last_of_key[k] = -1;
    struct takt__stage *stage = &w->stage;
    stage->slots = (unsigned char *)w->slots;
    stage->mask = CAPACITY - 1;
    stage->event_size = sizeof(struct event);
    stage->keys = w->keys;
    stage->keyed = keyed;
    stage->key = kind == COMPUTED_KEYS ? event_key : NULL;
    stage->shards_min = 1;
    stage->shards_max = SHARDS_MAX;
    stage->upstream.gate[stage->upstream.count++] = &w->upstream_gate;
    uint32_t width = rng_between(&w->rng, 1, SHARDS_MAX);
    const takt_stage_options *options =
        TAKT_STAGE(.handler = handle, .context = new_version(w), .on_retired = on_retired,
                   .on_handover = kind == BLOCKS ? NULL : on_handover);
    takt__stage_init(stage, options, rng_below(&w->rng, 4), width, w->shards, w->members);
}

static void publish(struct world *w)
{
    int64_t room = w->done + CAPACITY;
    int64_t n = rng_between(&w->rng, 1, 20);
    int64_t at = w->upstream.value;
    takt_batch b = {.mask = CAPACITY - 1, .keys = w->keys};
    for (; n > 0 && at < room && at < EVENTS - 1; n--) {
        b.first = ++at;
        w->slots[at & (CAPACITY - 1)].sequence = at;
        takt_batch_set_key(&b, 0, key_of(at));
    }
    takt_sequence_set(&w->upstream, at);
}

static void take(struct world *w)
{
    struct takt__shard **hand = &w->hands[rng_below(&w->rng, HANDS)];
    struct takt__shard *shard = &w->shards[rng_below(&w->rng, 2 * SHARDS_MAX)];
    if (!*hand && !takt__ld32_rlx(&shard->wanted) && takt__shard_take(shard, 1))
        *hand = shard;
}

static void run_or_leave(struct world *w)
{
    struct takt__shard **hand = &w->hands[rng_below(&w->rng, HANDS)];
    uint32_t picks[32];
    struct takt__run run;
    if (!*hand)
        return;
    if (rng_below(&w->rng, 3) > 0) {
        takt__shard_run(&w->stage, *hand, rng_between(&w->rng, 1, 32), picks, &run);
    } else {
        takt__shard_leave(*hand);
        *hand = NULL;
    }
}

static void look(struct world *w)
{
    int64_t done = takt__stage_done(&w->stage);
    if (done < w->done)
        w->fault = "the stage's progress fell";
    for (int64_t s = w->done + 1; s <= done && s < EVENTS; s++)
        if (w->handled[s] != 1)
            w->fault = "progress passed an event that was not handled";
    if (done > w->upstream.value)
        w->fault = "progress passed what was published";
    if (done > w->done)
        w->done = done;
}

static void change(struct world *w)
{
    if (rng_below(&w->rng, 4) == 0)
        takt__cut_request(&w->stage, rng_between(&w->rng, 1, SHARDS_MAX));
    if (rng_below(&w->rng, 16) == 0 && w->version_count < VERSIONS)
        takt__cut_replace(&w->stage, &(struct takt__code){
                                         .handler = handle,
                                         .context = new_version(w),
                                         .on_handover = w->stage.ordered ? on_handover : NULL,
                                         .on_retired = on_retired,
                                     });
    takt__cut_step(&w->stage);
}

/* Runs a world to its end. NULL, or what went wrong. */
static const char *live(struct world *w)
{
    for (long step = 0; w->done < EVENTS - 1 && !w->fault; step++) {
        switch (rng_below(&w->rng, 6)) {
        case 0: publish(w); break;
        case 1: take(w); break;
        case 2:
        case 3: run_or_leave(w); break;
        case 4: look(w); break;
        default: change(w); break;
        }
        if (step > 2000000)
            return "it came to a standstill";
    }
    takt__cut_retire(&w->stage);
    check_versions(w);
    return w->fault;
}

static void try_worlds(enum kind kind)
{
    struct world *w = malloc(sizeof *w);
    int64_t redivisions = 0, versions = 0, handovers = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        set_up(w, seed, kind);
        const char *fault = live(w);
        cr_assert(fault == NULL, "seed %lu: %s", (unsigned long)seed, fault);
        redivisions += w->stage.change.redivisions;
        versions += w->version_count;
        handovers += w->handovers;
    }
    cr_assert(redivisions > 2000, "only %ld re-divisions", (long)redivisions);
    cr_assert(versions > 1000, "only %ld handlers", (long)versions);
    cr_assert_eq(handovers, kind == BLOCKS ? 0 : redivisions);
    free(w);
}

TestSuite(cut, .timeout = 60);

Test(cut, blocks_lose_double_and_reorder_nothing)
{
    try_worlds(BLOCKS);
}

Test(cut, ordered_blocks_are_handed_over)
{
    try_worlds(ORDERED);
}

Test(cut, stored_keys_lose_double_and_reorder_nothing)
{
    try_worlds(STORED_KEYS);
}

Test(cut, computed_keys_lose_double_and_reorder_nothing)
{
    try_worlds(COMPUTED_KEYS);
}

/* A change needs no event to come: it completes on an idle stage, whatever the old blocks. */
Test(cut, completes_on_an_idle_stage)
{
    struct world *w = malloc(sizeof *w);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        set_up(w, seed, seed & 1 ? STORED_KEYS : BLOCKS);
        uint32_t target = 1 + (uint32_t)seed % SHARDS_MAX;
        takt__cut_request(&w->stage, target);
        for (int step = 0; step < 3 && takt__cut_pending(&w->stage); step++)
            takt__cut_step(&w->stage);
        cr_assert(!takt__cut_pending(&w->stage));
        uint32_t current = w->stage.current;
        cr_assert_eq(takt__division_shards(&w->stage.division[current]), target);
    }
    free(w);
}

/* A shard that is owned holds up the change, and nothing else. */
Test(cut, waits_for_an_owner_without_blocking)
{
    struct world *w = malloc(sizeof *w);
    set_up(w, 7, BLOCKS);
    struct takt__shard *shard = &w->stage.division[0].shards[0];
    cr_assert(takt__shard_take(shard, 1));
    uint32_t target = takt__division_shards(&w->stage.division[0]) % SHARDS_MAX + 1;
    takt__cut_request(&w->stage, target);
    for (int step = 0; step < 10; step++)
        takt__cut_step(&w->stage);
    cr_assert(takt__cut_pending(&w->stage));
    cr_assert_eq(takt__ld32_rlx(&shard->wanted), 1u);
    takt__shard_leave(shard);
    takt__cut_step(&w->stage);
    cr_assert(!takt__cut_pending(&w->stage));
    cr_assert_eq(takt__ld32_rlx(&shard->wanted), 0u);
    free(w);
}
