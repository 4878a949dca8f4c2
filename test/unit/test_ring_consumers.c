/* SPDX-License-Identifier: MIT */
/* The ring and its consumers: none, several, the slowest, and one on a thread of its own. */
#include <criterion/criterion.h>
#include <pthread.h>

#include <takt/barrier.h>
#include <takt/ring.h>

#include "random.h"

TestSuite(ring_consumers, .timeout = 20);

static takt_ring *make_ring(int64_t capacity)
{
    takt_ring *ring;
    cr_assert_eq(takt_ring_create(&ring, &(takt_ring_options){.size = sizeof(takt_ring_options),
                                                              .event_size = 8,
                                                              .capacity = capacity}),
                 0);
    return ring;
}

/* How many slots may be claimed now; they are claimed. */
static int64_t room(takt_ring *ring)
{
    int64_t n = 0;
    while (n < 1000 && takt_ring_try_next(ring, 1) >= 0)
        n++;
    return n;
}

Test(ring_consumers, a_ring_without_any_gives_no_slot)
{
    takt_ring *ring = make_ring(4);
    takt_sequence consumer = {.value = TAKT_SEQUENCE_INITIAL};

    cr_assert_eq(takt_ring_next(ring, 1), TAKT_ENOCONSUMER);
    cr_assert_eq(takt_ring_try_next(ring, 4), TAKT_ENOCONSUMER);
    cr_assert_eq(takt_ring_next_until(ring, 1, 1), TAKT_ENOCONSUMER);
    cr_assert_eq(takt_ring_next(ring, 5), TAKT_EINVAL);
    cr_assert_eq(takt_ring_add_gating(ring, &consumer), 0);
    cr_assert_eq(takt_ring_next(ring, 1), 0, "nothing had been claimed");
    takt_ring_destroy(ring);
}

Test(ring_consumers, are_added_before_the_first_claim_only)
{
    takt_ring *ring = make_ring(4);
    takt_sequence consumers[2] = {{.value = TAKT_SEQUENCE_INITIAL},
                                  {.value = TAKT_SEQUENCE_INITIAL}};

    cr_assert_eq(takt_ring_add_gating(ring, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_ring_add_gating(NULL, &consumers[0]), TAKT_EINVAL);
    cr_assert_eq(takt_ring_add_gating(ring, &consumers[0]), 0);
    cr_assert_eq(takt_ring_next(ring, 5), TAKT_EINVAL);
    cr_assert_eq(takt_ring_add_gating(ring, &consumers[1]), 0, "a claim in vain is none");
    cr_assert_eq(takt_ring_next(ring, 1), 0);
    cr_assert_eq(takt_ring_add_gating(ring, &consumers[0]), TAKT_ESTATE);
    takt_ring_destroy(ring);
}

Test(ring_consumers, at_most_so_many_and_each_of_them_counts)
{
    static takt_sequence consumers[TAKT_GATING_MAX + 1];
    for (size_t slow = 0; slow < TAKT_GATING_MAX; slow++) {
        takt_ring *ring = make_ring(4);
        for (size_t i = 0; i < TAKT_GATING_MAX; i++) {
            takt_sequence_init(&consumers[i], i == slow ? 2 : 90);
            cr_assert_eq(takt_ring_add_gating(ring, &consumers[i]), 0);
        }
        cr_assert_eq(takt_ring_add_gating(ring, &consumers[TAKT_GATING_MAX]), TAKT_ELIMIT);
        /* Claims begin at 0 and must stay within a ring's length of the slow one. */
        cr_assert_eq(takt_ring_next(ring, 4), 3);
        cr_assert_eq(takt_ring_next(ring, 3), 6);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "overtook consumer %zu", slow);
        takt_ring_destroy(ring);
    }
}

Test(ring_consumers, the_slowest_holds_the_producer)
{
    struct rng rng = {7};
    takt_sequence consumers[3];
    takt_ring *ring = make_ring(8);
    int64_t done[3] = {-1, -1, -1}, claimed = -1;

    for (int i = 0; i < 3; i++) {
        takt_sequence_init(&consumers[i], TAKT_SEQUENCE_INITIAL);
        cr_assert_eq(takt_ring_add_gating(ring, &consumers[i]), 0);
    }
    for (int step = 0; step < 5000; step++) {
        uint32_t who = rng_below(&rng, 3);
        int64_t least = done[0];
        done[who] += rng_below(&rng, (uint32_t)(claimed - done[who]) + 1);
        takt_sequence_set(&consumers[who], done[who]);
        for (int i = 0; i < 3; i++)
            least = i == 0 || done[i] < least ? done[i] : least;
        int64_t n = room(ring);
        cr_assert_eq(claimed + n, least + 8, "step %d", step);
        claimed += n;
        takt_ring_publish(ring, claimed);
    }
    cr_assert(claimed > 1000);
    takt_ring_destroy(ring);
}

Test(ring_consumers, who_has_gone_holds_nobody)
{
    takt_sequence consumers[2] = {{.value = TAKT_SEQUENCE_INITIAL},
                                  {.value = TAKT_SEQUENCE_INITIAL}};
    takt_ring *ring = make_ring(4);

    cr_assert_eq(takt_ring_add_gating(ring, &consumers[0]), 0);
    cr_assert_eq(takt_ring_add_gating(ring, &consumers[1]), 0);
    cr_assert_eq(room(ring), 4);
    takt_sequence_set(&consumers[0], TAKT_SEQUENCE_GONE);
    cr_assert_eq(room(ring), 0);
    takt_sequence_set(&consumers[1], 2);
    cr_assert_eq(room(ring), 3);
    takt_sequence_set(&consumers[1], TAKT_SEQUENCE_GONE);
    /* Nobody is overtaken, but a newcomer would begin at the cursor. */
    cr_assert_eq(room(ring), 0);
    takt_ring_publish(ring, 6);
    cr_assert_eq(room(ring), 4);
    takt_ring_publish(ring, 10);
    cr_assert_eq(takt_ring_next(ring, 4), 14);
    cr_assert_eq(takt_ring_next(ring, 5), TAKT_EINVAL);
    takt_ring_destroy(ring);
}

Test(ring_consumers, one_slot_after_the_other_in_a_ring_of_one)
{
    takt_sequence consumer = {.value = TAKT_SEQUENCE_INITIAL};
    takt_ring *ring = make_ring(1);
    void *slot = takt_ring_at(ring, 0);

    cr_assert_eq(takt_ring_add_gating(ring, &consumer), 0);
    for (int64_t s = 0; s < 1000; s++) {
        cr_assert_eq(takt_ring_try_next(ring, 1), s);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
        cr_assert(takt_ring_at(ring, s) == slot);
        takt_ring_publish(ring, s);
        takt_sequence_set(&consumer, s);
    }
    cr_assert_eq(takt_ring_try_next(ring, 2), TAKT_EINVAL);
    takt_ring_destroy(ring);
}

/* A producer and a consumer, each on its thread. */
struct traffic {
    takt_ring *ring;
    takt_barrier *barrier;
    takt_sequence consumer;
    int64_t events;
    uint64_t sent, received; /* checksums, which depend on the order */
    int64_t error;           /* what a wait returned that should not have failed */
};

static uint64_t add_to(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u + (sum >> 40);
}

static void *produce(void *argument)
{
    struct traffic *t = argument;
    struct rng rng = {31};
    int64_t next = 0;
    while (next < t->events) {
        int64_t n = 1 + rng_below(&rng, (uint32_t)takt_ring_capacity(t->ring));
        n = n < t->events - next ? n : t->events - next;
        int64_t high = takt_ring_next(t->ring, n);
        for (; next <= high; next++) {
            uint64_t value = rng_next(&rng);
            *(uint64_t *)takt_ring_at(t->ring, next) = value;
            t->sent = add_to(t->sent, value);
        }
        takt_ring_publish(t->ring, high);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct traffic *t = argument;
    int64_t next = 0;
    while (next < t->events && !t->error) {
        int64_t high = takt_barrier_wait(t->barrier, next, TAKT_FOREVER);
        t->error = high < 0 ? high : 0;
        for (; next <= high; next++) {
            uint64_t *slot = takt_ring_at(t->ring, next);
            t->received = add_to(t->received, *slot);
            *slot = 0; /* the slot is ours until the sequence moves */
        }
        takt_sequence_set(&t->consumer, high);
    }
    return NULL;
}

static void check_traffic(int64_t capacity, int64_t events)
{
    static struct traffic t;
    pthread_t producer, consumer;

    t = (struct traffic){.ring = make_ring(capacity), .events = events};
    takt_sequence_init(&t.consumer, TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_add_gating(t.ring, &t.consumer), 0);
    cr_assert_eq(takt_barrier_create(&t.barrier, t.ring, NULL, 0, NULL), 0);
    cr_assert_eq(pthread_create(&consumer, NULL, consume, &t), 0);
    cr_assert_eq(pthread_create(&producer, NULL, produce, &t), 0);
    pthread_join(consumer, NULL);
    pthread_join(producer, NULL);
    cr_assert_eq(t.error, 0);
    cr_assert_eq(t.received, t.sent);
    cr_assert_eq(takt_ring_cursor(t.ring), events - 1);
    takt_barrier_destroy(t.barrier);
    takt_ring_destroy(t.ring);
}

Test(ring_consumers, on_another_thread_gets_every_event_in_order)
{
    check_traffic(1024, 400000);
    check_traffic(64, 100000);
    check_traffic(2, 5000);
    check_traffic(1, 5000);
}
