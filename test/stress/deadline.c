/* SPDX-License-Identifier: MIT */
/*
 * Deadlines that pass just when what is waited for comes. Producers claim with deadlines of zero to
 * some microseconds from a ring that is nearly always full, so that now the room is first and now
 * the deadline. Whatever a claim returned must be true: a sequence is the caller's, an error has
 * taken nothing. A thread at a barrier does the same beside the consumer.
 *
 * TAKT_STRESS_EVENTS: events of each producer.
 */
#include <pthread.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define CAPACITY  4
#define PRODUCERS 3

struct event {
    int64_t producer, number;
};

struct producer {
    takt_ring *ring;
    uint32_t index;
    int64_t events; /* to publish */
    int64_t timeouts, claims, wrong;
    pthread_t thread;
};

struct consumer {
    int64_t next[PRODUCERS];
    int64_t wrong, sequence;
    struct rng rng;
};

struct waiter {
    takt_ring *ring;
    takt_barrier *barrier;
    uint32_t stop;
    int64_t timeouts, arrivals, wrong;
};

/* From none to somewhat more than a consumer's pause. */
static int64_t soon(struct rng *rng)
{
    return rng_below(rng, 8) == 0 ? TAKT_NOW : takt_after(rng_below(rng, 30000));
}

static void *produce(void *argument)
{
    struct producer *p = argument;
    struct rng rng = {p->index};
    while (p->events > 0) {
        int64_t n = 1 + rng_below(&rng, 3), deadline = soon(&rng);
        int64_t high = takt_ring_next_until(p->ring, n, deadline);
        p->claims++;
        if (high < 0) {
            bool early = deadline != TAKT_NOW && takt_now() < deadline;
            p->wrong += early || high != (deadline == TAKT_NOW ? TAKT_EFULL : TAKT_ETIMEDOUT);
            p->timeouts++;
            continue;
        }
        for (int64_t s = high - n + 1; s <= high; s++)
            *(struct event *)takt_ring_at(p->ring, s) =
                (struct event){p->index, p->events - (s - (high - n + 1))};
        takt_ring_publish_range(p->ring, high - n + 1, high);
        p->events -= n;
    }
    return NULL;
}

static void dawdle(struct consumer *c)
{
    for (int64_t until = takt_after(rng_below(&c->rng, 20000)); takt_now() < until;)
        ;
}

static int consume(void *context, takt_batch *b)
{
    struct consumer *c = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        c->wrong += takt_batch_sequence(b, i) != c->sequence++;
        c->wrong += e->number != c->next[e->producer]--;
    }
    dawdle(c);
    return 0;
}

/* Waits for each sequence in turn, with deadlines that pass before it comes, or after. */
static void *wait_there(void *argument)
{
    struct waiter *w = argument;
    struct rng rng = {99};
    int64_t next = 0;
    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        int64_t deadline = takt_after(rng_below(&rng, 30000));
        int64_t high = takt_barrier_wait(w->barrier, next, deadline);
        if (high >= next) {
            w->wrong += high > takt_ring_cursor(w->ring);
            w->arrivals++;
            next = high + 1;
        } else {
            w->wrong += high != TAKT_ETIMEDOUT || takt_now() < deadline;
            w->timeouts++;
        }
    }
    return NULL;
}

static void run(enum takt_wait_kind kind, bool multi, int64_t events)
{
    struct producer producers[PRODUCERS];
    struct consumer consumer = {.rng = {7}};
    struct waiter waiter = {.stop = 0};
    pthread_t thread;
    takt_consumer *c;
    takt_wait wait = {.kind = kind};
    int64_t timeouts = 0, claims = 0, wrong = 0;
    int count = multi ? PRODUCERS : 1;
    takt_ring_create(&waiter.ring, TAKT_RING(.event_size = sizeof(struct event), .multi = multi,
                                             .capacity = CAPACITY, .wait = wait));
    takt_consumer_add(waiter.ring, &c,
                      TAKT_CONSUMER(.handler = consume, .context = &consumer, .wait = wait));
    takt_barrier_create(&waiter.barrier, waiter.ring, NULL, 0, &wait);
    for (int i = 0; i < count; i++)
        consumer.next[i] = events;
    takt_consumer_start(c);
    pthread_create(&thread, NULL, wait_there, &waiter);
    for (int i = 0; i < count; i++) {
        producers[i] = (struct producer){waiter.ring, (uint32_t)i, events, 0, 0, 0, 0};
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(producers[i].thread, NULL);
        timeouts += producers[i].timeouts;
        claims += producers[i].claims;
        wrong += producers[i].wrong;
    }
    int64_t left = takt_ring_drain(waiter.ring, takt_after(INT64_C(20000000000)));
    __atomic_store_n(&waiter.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    int64_t cursor = takt_ring_cursor(waiter.ring);
    takt_barrier_destroy(waiter.barrier);
    takt_ring_destroy(waiter.ring);
    for (int i = 0; i < count; i++)
        wrong += consumer.next[i] != producers[i].events;
    ok(timeouts > 0 && timeouts < claims, "strategy %d, %d producers: %ld of %ld claims gave up",
       (int)kind, count, (long)timeouts, (long)claims);
    ok(wrong == 0, "none too early, and none took anything");
    ok(left == 0 && consumer.wrong == 0 && consumer.sequence == cursor + 1,
       "what was claimed came, in order and once");
    ok(waiter.wrong == 0 && waiter.arrivals > 0, "%ld of %ld waits at the barrier gave up",
       (long)waiter.timeouts, (long)(waiter.timeouts + waiter.arrivals));
}

int main(void)
{
    int64_t events = tap_setting("TAKT_STRESS_EVENTS", 2000);
    run(TAKT_WAIT_BLOCK, false, events);
    run(TAKT_WAIT_BLOCK, true, events);
    run(TAKT_WAIT_YIELD, true, events);
    run(TAKT_WAIT_SLEEP, true, events);
    run(TAKT_WAIT_PHASED, false, events);
    return done();
}
