/* SPDX-License-Identifier: MIT */
/*
 * Many producers around a small ring: batches, parts of a claim published out of order, and slots
 * given up as void. Two consumers work side by side on every event, a third comes after both. Each
 * sees every producer's events in that producer's order, none lost, none twice.
 *
 * TAKT_STRESS_EVENTS: events of each producer.
 */
#include <pthread.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define PRODUCERS 3
#define CONSUMERS 3
#define BATCH     5

struct event {
    int64_t producer, number;
    int64_t left, right;
};

struct producer {
    takt_ring *ring;
    uint32_t index;
    int64_t claims, filled;
    int64_t error;
    pthread_t thread;
};

struct consumer {
    int role;
    int64_t next[PRODUCERS]; /* the number that the producer's next event has */
    int64_t events, wrong;
};

/* Publishes one claim in three parts, in any order; the middle one is a slot, and void at times. */
static void publish(struct producer *p, struct rng *rng, int64_t low, int64_t high)
{
    int64_t middle = low + rng_below(rng, (uint32_t)(high - low + 1));
    bool hollow = rng_below(rng, 8) == 0;
    const int64_t parts[3][2] = {{low, middle - 1}, {middle, middle}, {middle + 1, high}};
    for (int64_t s = low; s <= high; s++) {
        int64_t number = s == middle && hollow ? -1 : p->filled++;
        *(struct event *)takt_ring_at(p->ring, s) = (struct event){p->index, number, 0, 0};
    }
    uint32_t first = rng_below(rng, 3), step = 1 + rng_below(rng, 2);
    for (uint32_t i = 0; i < 3; i++) {
        const int64_t *part = parts[(first + i * step) % 3];
        if (part == parts[1] && hollow)
            takt_ring_publish_void(p->ring, middle, middle);
        else
            takt_ring_publish_range(p->ring, part[0], part[1]);
    }
}

static void *produce(void *argument)
{
    struct producer *p = argument;
    struct rng rng = {p->index + 1};
    while (p->claims > 0) {
        int64_t n = 1 + rng_below(&rng, BATCH);
        int64_t high = takt_ring_next(p->ring, n);
        if (high < 0) {
            p->error = high;
            break;
        }
        publish(p, &rng, high - n + 1, high);
        p->claims -= n;
    }
    return NULL;
}

static int consume(void *context, takt_batch *b)
{
    struct consumer *c = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        c->wrong += e->number != c->next[e->producer]++;
        if (c->role == 0)
            e->left = e->number * 3;
        else if (c->role == 1)
            e->right = e->number * 5;
        else
            c->wrong += e->left != e->number * 3 || e->right != e->number * 5;
        c->events++;
    }
    return 0;
}

static void start(takt_ring *ring, struct consumer *consumers, enum takt_wait_kind kind)
{
    takt_consumer *handles[CONSUMERS] = {NULL};
    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i] = (struct consumer){.role = i};
        takt_consumer_add(ring, &handles[i],
                          TAKT_CONSUMER(.handler = consume, .context = &consumers[i],
                                        .wait = {.kind = kind}, .after = handles,
                                        .after_count = i == 2 ? 2 : 0));
        takt_consumer_start(handles[i]);
    }
}

static void run(int64_t capacity, int64_t events, enum takt_wait_kind kind)
{
    takt_ring *ring;
    struct producer producers[PRODUCERS];
    struct consumer consumers[CONSUMERS];
    int64_t filled = 0, wrong = 0, events_seen = 0, errors = 0;
    takt_ring_create(&ring, TAKT_RING(.event_size = sizeof(struct event), .capacity = capacity,
                                      .multi = true, .wait = {.kind = kind}));
    start(ring, consumers, kind);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.ring = ring, .index = i, .claims = events};
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        errors += producers[i].error != 0;
        filled += producers[i].filled;
    }
    int64_t left = takt_ring_drain(ring, takt_after(INT64_C(20000000000)));
    takt_ring_destroy(ring); /* joins the consumers */
    for (int i = 0; i < CONSUMERS; i++) {
        wrong += consumers[i].wrong;
        events_seen += consumers[i].events;
        for (int k = 0; k < PRODUCERS; k++)
            wrong += consumers[i].next[k] != producers[k].filled;
    }
    ok(errors == 0 && left == 0, "ring of %ld, strategy %d: all claims and the drain go through",
       (long)capacity, (int)kind);
    ok(events_seen == CONSUMERS * filled, "each consumer has seen %ld events", (long)filled);
    ok(wrong == 0, "in the order of each producer, as those before left them");
}

int main(void)
{
    int64_t events = tap_setting("TAKT_STRESS_EVENTS", 20000);
    run(64, events, TAKT_WAIT_BLOCK);
    run(8, events, TAKT_WAIT_BLOCK);
    run(8, events, TAKT_WAIT_YIELD);
    run(1024, events, TAKT_WAIT_PHASED);
    run(16, events / 4, TAKT_WAIT_SLEEP);
    return done();
}
