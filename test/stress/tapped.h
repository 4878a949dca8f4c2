/* SPDX-License-Identifier: MIT */
/* Taps of a random pipeline (world.h), and what they must have seen when they are taken out. */
#ifndef TAKT_TEST_TAPPED_H
#define TAKT_TEST_TAPPED_H

#include "world.h"

#define TAPS 3

/* A tap that looks at the numbers of one place. */
struct tapped {
    struct world *world;
    takt_tap *tap; /* NULL: there is none */
    uint32_t place;
    bool polled, failed;
    int64_t from, next, fails_at;
    uint64_t hash;
};

static inline int on_tap(void *context, takt_batch *b)
{
    struct tapped *t = context;
    struct world *w = t->world;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        if (t->next < 0)
            t->from = t->next = s; /* checked against takt_tap_first later */
        for (; t->next < s; t->next++)
            if (!w->is_void[t->next])
                FAULT(w);
        if (e->number != s || t->next++ != s)
            FAULT(w);
        t->failed = s == t->fails_at;
        if (t->failed)
            return takt_batch_fail(b, i, FAILURE);
        t->hash = mix(t->hash ^ e->out[t->place] ^ (uint64_t)s);
    }
    return 0;
}

/* True if it is in. */
static inline bool tap_in(struct world *w, struct tapped *t)
{
    *t = (struct tapped){.world = w, .from = -1, .next = -1, .fails_at = NEVER};
    t->place = rng_below(&w->rng, w->place_count);
    t->polled = rng_below(&w->rng, 3) == 0;
    if (rng_below(&w->rng, 6) == 0)
        t->fails_at = rng_below(&w->rng, (uint32_t)w->total);
    takt_tap_options options = {
        .size = sizeof options,
        .handler = t->polled ? NULL : on_tap,
        .context = t,
        .after = w->place[t->place].stage,
        .batch_most = rng_below(&w->rng, 10),
    };
    int error = takt_tap_add(w->pipeline, &t->tap, &options);
    if (error < 0 && error != TAKT_ESTATE)
        FAULT(w);
    return error == 0;
}

/* Takes a tap out: it has seen every event from its first to its last, and none else. */
static inline void tap_out(struct tapped *t, int result)
{
    struct world *w = t->world;
    int64_t first = takt_tap_first(t->tap), last;
    int code = takt_tap_remove(t->tap, &last);
    t->tap = NULL;
    if (code != (t->failed && !t->polled ? FAILURE : 0))
        FAULT(w);
    if (t->failed ? last != t->fails_at - 1 : result == 0 && last != w->total - 1)
        FAULT(w);
    uint64_t hash = 0;
    int64_t from = -1, next = -1;
    for (int64_t s = first; s <= last; s++) {
        if (w->is_void[s])
            continue;
        hash = mix(hash ^ w->place[t->place].result[s] ^ (uint64_t)s);
        from = from < 0 ? s : from;
        next = s + 1;
    }
    if (t->failed) {
        from = from < 0 ? t->fails_at : from;
        next = t->fails_at + 1;
    }
    if (hash != t->hash || from != t->from || next != t->next)
        FAULT(w);
}

static inline void poll_taps(struct world *w, struct tapped *taps)
{
    for (struct tapped *t = taps; t < taps + TAPS; t++) {
        if (!t->tap || !t->polled)
            continue;
        int64_t passed = takt_tap_poll(t->tap, on_tap, t, rng_between(&w->rng, 1, 64));
        if (passed < 0 && passed != FAILURE)
            FAULT(w);
        if (passed < 0)
            tap_out(t, TAKT_ETIMEDOUT);
    }
}

#endif
