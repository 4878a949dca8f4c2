/* SPDX-License-Identifier: MIT */
/*
 * The classic way: one thread for the producer and one for each consumer, around a small ring. Two
 * consumers read side by side, a third comes after both (a diamond). Every event is written, read
 * and written again in place, so that a consumer or producer that goes too far is seen, by the
 * values here and by the thread sanitizer.
 */
#include <pthread.h>

#include <takt/takt.h>

#include "tap.h"

#define CAPACITY 16

struct event {
    int64_t value, left, right;
};

struct consumer {
    takt_ring *ring;
    takt_barrier *barrier;
    takt_sequence sequence;
    int64_t events, wrong;
    void (*use)(struct consumer *, struct event *, int64_t);
};

static void use_left(struct consumer *c, struct event *e, int64_t s)
{
    c->wrong += e->value != s;
    e->left = e->value * 3;
}

static void use_right(struct consumer *c, struct event *e, int64_t s)
{
    c->wrong += e->value != s;
    e->right = e->value * 5;
}

static void use_both(struct consumer *c, struct event *e, int64_t s)
{
    c->wrong += e->left != s * 3 || e->right != s * 5;
    e->value = -1;
}

static void *consume(void *argument)
{
    struct consumer *c = argument;
    int64_t next = 0;
    while (next < c->events) {
        int64_t high = takt_barrier_wait(c->barrier, next, TAKT_FOREVER);
        for (; next <= high; next++)
            c->use(c, takt_ring_at(c->ring, next), next);
        takt_sequence_set(&c->sequence, high);
    }
    return NULL;
}

static int64_t produce(takt_ring *ring, int64_t events)
{
    for (int64_t made = 0; made < events;) {
        int64_t n = 1 + made % 7;
        if (n > events - made)
            n = events - made;
        int64_t high = takt_ring_next(ring, n);
        if (high < 0)
            return high;
        for (int64_t s = high - n + 1; s <= high; s++)
            *(struct event *)takt_ring_at(ring, s) = (struct event){s, 0, 0};
        takt_ring_publish(ring, high);
        made += n;
    }
    return 0;
}

int main(void)
{
    int64_t events = tap_setting("TAKT_STRESS_EVENTS", 400000);
    takt_ring *ring;
    struct consumer c[3] = {{.use = use_left}, {.use = use_right}, {.use = use_both}};
    const takt_sequence *both[2] = {&c[0].sequence, &c[1].sequence};
    pthread_t threads[3];
    takt_ring_create(&ring, TAKT_RING(.event_size = sizeof(struct event), .capacity = CAPACITY));
    for (int i = 0; i < 3; i++) {
        c[i].ring = ring;
        c[i].events = events;
        takt_sequence_init(&c[i].sequence, TAKT_SEQUENCE_INITIAL);
        takt_barrier_create(&c[i].barrier, ring, i == 2 ? both : NULL, i == 2 ? 2 : 0, NULL);
    }
    takt_ring_add_gating(ring, &c[2].sequence);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, consume, &c[i]);
    int64_t result = produce(ring, events);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ok(result == 0, "%ld events are published", (long)events);
    for (int i = 0; i < 3; i++) {
        ok(c[i].wrong == 0, "consumer %d finds each event as it should be", i);
        ok(takt_sequence_get(&c[i].sequence) == events - 1, "and has seen them all");
        takt_barrier_destroy(c[i].barrier);
    }
    takt_ring_destroy(ring);
    return done();
}
