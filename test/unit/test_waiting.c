/* SPDX-License-Identifier: MIT */
/* The waiting room (disruptor/waiting.h) on one thread, against a queue that drops its oldest. */
#include <criterion/criterion.h>
#include <string.h>

#include <takt/error.h>

#include "disruptor/waiting.h"
#include "probe.h"
#include "random.h"

#define MODEL_MAX 4096

TestSuite(waiting, .timeout = 40);

/* What waits, by number; the oldest first. */
struct model {
    int64_t waits[MODEL_MAX];
    int64_t count, dropped;
};

static void model_put(struct model *m, int64_t number, int64_t room)
{
    m->waits[m->count++] = number;
    if (m->count <= room)
        return;
    memmove(m->waits, m->waits + 1, (size_t)--m->count * sizeof *m->waits);
    m->dropped++;
}

static void model_take(struct model *m, uint32_t n)
{
    m->count -= n;
    memmove(m->waits, m->waits + n, (size_t)m->count * sizeof *m->waits);
}

struct rig {
    struct takt__waiting *w;
    struct model model;
    struct rng rng;
    int64_t number; /* of the next event */
    uint32_t taken; /* and not given back */
};

/* Claims some, fills more of them than it puts in. */
static void put_some(struct rig *r)
{
    takt_batch b;
    uint32_t n = rng_below(&r->rng, r->w->claim_most + 2);
    takt__waiting_claim(r->w, &b, n);
    cr_assert_eq(b.count, n < r->w->claim_most ? n : r->w->claim_most);
    uint32_t used = rng_below(&r->rng, b.count + 1);
    for (uint32_t i = 0; i < b.count; i++) {
        *(int64_t *)takt_batch_at(&b, i) = i < used ? r->number + i : -1;
        takt_batch_set_key(&b, i, (uint64_t)(r->number + i));
    }
    takt__waiting_put(r->w, used == b.count ? used + 1 : used); /* no more than was claimed */
    for (uint32_t i = 0; i < used; i++)
        model_put(&r->model, r->number++, r->w->room);
}

/* The key column holds hashes: equal keys have equal ones. */
static uint32_t hash_of(int64_t number)
{
    uint32_t hash;
    takt_batch_set_key(&(takt_batch){.keys = &hash}, 0, (uint64_t)number);
    return hash;
}

static void take_some(struct rig *r)
{
    uint32_t n = 1 + rng_below(&r->rng, r->w->take_most + 1);
    uint32_t expected = n < r->w->take_most ? n : r->w->take_most;
    if (expected > r->model.count)
        expected = (uint32_t)r->model.count;
    r->taken = takt__waiting_take(r->w, n);
    cr_assert_eq(r->taken, expected);
    for (uint32_t i = 0; i < r->taken; i++) {
        cr_assert_eq(*(const int64_t *)takt__waiting_at(r->w, i), r->model.waits[i]);
        cr_assert_eq(takt__waiting_key(r->w, i), hash_of(r->model.waits[i]));
    }
    model_take(&r->model, r->taken);
}

/* What is held stays whole while the producer goes on; then it is given back. */
static void run(struct rig *r, int steps)
{
    for (int i = 0; i < steps; i++) {
        int64_t first = r->taken ? *(const int64_t *)takt__waiting_at(r->w, 0) : 0;
        if (rng_below(&r->rng, 2)) {
            put_some(r);
            if (r->taken)
                cr_assert_eq(*(const int64_t *)takt__waiting_at(r->w, 0), first);
        } else if (r->taken) {
            takt__waiting_give_back(r->w, r->taken);
            r->taken = 0;
        } else {
            take_some(r);
        }
        cr_assert_eq(takt__waiting_count(r->w), r->model.count);
        cr_assert_eq(r->w->dropped, r->model.dropped);
    }
}

Test(waiting, drops_its_oldest_as_a_queue_would)
{
    int64_t dropped = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct probe probe;
        static struct rig rig;
        probe_start(&probe, 0, false);
        rig = (struct rig){.rng = {seed}};
        struct takt__waiting_options options = {
            .event_size = 8,
            .alignment = 8,
            .room = 1 + rng_below(&rig.rng, 20),
            .claim_most = 1 + rng_below(&rig.rng, 8),
            .take_most = 1 + rng_below(&rig.rng, 8),
            .keys = true,
            .allocator = &probe.table,
        };
        cr_assert_eq(takt__waiting_create(&rig.w, &options), 0);
        run(&rig, 2000);
        dropped += rig.model.dropped;
        takt__waiting_destroy(rig.w);
        cr_assert(probe_is_clean(&probe));
    }
    cr_assert(dropped > 10000, "hardly anything was dropped");
}

/* A claim alone costs nothing, and may be repeated. */
Test(waiting, a_claim_that_comes_to_nothing_drops_nothing)
{
    struct takt__waiting *w;
    takt_batch b;
    cr_assert_eq(takt__waiting_create(&w,
                                      &(struct takt__waiting_options){
                                          .event_size = 8,
                                          .room = 2,
                                          .claim_most = 2,
                                          .take_most = 1,
                                          .allocator = takt_allocator_default(),
                                      }),
                 0);
    cr_assert_null(w->keys, "nobody has asked for them");
    for (int64_t i = 0; i < 2; i++) {
        takt__waiting_claim(w, &b, 1);
        *(int64_t *)takt_batch_at(&b, 0) = i;
        takt__waiting_put(w, 1);
    }
    for (int i = 0; i < 100; i++) {
        takt__waiting_claim(w, &b, 2);
        *(int64_t *)takt_batch_at(&b, 0) = *(int64_t *)takt_batch_at(&b, 1) = -1;
        takt__waiting_put(w, 0);
    }
    cr_assert_eq(w->dropped, 0);
    for (int64_t i = 0; i < 2; i++) {
        cr_assert_eq(takt__waiting_take(w, 5), 1);
        cr_assert_eq(*(const int64_t *)takt__waiting_at(w, 0), i);
        takt__waiting_give_back(w, 1);
    }
    cr_assert_eq(takt__waiting_take(w, 1), 0);
    takt__waiting_destroy(w);
}

/* Every allocation may fail. */
Test(waiting, runs_out_of_memory_cleanly)
{
    for (uint32_t n = 1;; n++) {
        struct probe probe;
        struct takt__waiting *w = (struct takt__waiting *)&probe;
        probe_start(&probe, n, false);
        int error = takt__waiting_create(&w, &(struct takt__waiting_options){
                                                 .event_size = 8,
                                                 .room = 4,
                                                 .claim_most = 2,
                                                 .take_most = 2,
                                                 .keys = true,
                                                 .allocator = &probe.table,
                                             });
        if (error == 0) {
            takt__waiting_destroy(w);
            cr_assert(probe_is_clean(&probe));
            cr_assert(n > 7, "there are more allocations than that");
            break;
        }
        cr_assert_eq(error, TAKT_ENOMEM);
        cr_assert(w == NULL);
        cr_assert(probe_is_clean(&probe));
    }
}
