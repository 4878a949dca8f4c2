/* SPDX-License-Identifier: MIT */
/* Sequence barriers: what is available to a consumer, waiting for it, chains and diamonds. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include <takt/barrier.h>

#include "probe.h"

TestSuite(barrier, .timeout = 20);

struct event {
    int64_t number;
    int64_t left;
    int64_t right;
    int64_t sum;
};

static takt_ring *make_ring(int64_t capacity, const takt_allocator *allocator)
{
    takt_ring *ring;
    cr_assert_eq(takt_ring_create(&ring, &(takt_ring_options){.size = sizeof(takt_ring_options),
                                                              .event_size = sizeof(struct event),
                                                              .capacity = capacity,
                                                              .allocator = allocator}),
                 0);
    return ring;
}

static takt_barrier *make_barrier(takt_ring *ring, const takt_sequence *const *sequences,
                                  size_t count)
{
    takt_barrier *barrier;
    cr_assert_eq(takt_barrier_create(&barrier, ring, sequences, count, NULL), 0);
    return barrier;
}

/* Publishes the next n sequences. */
static void publish(takt_ring *ring, int64_t n)
{
    int64_t high = takt_ring_next(ring, n);
    cr_assert(high >= 0);
    takt_ring_publish(ring, high);
}

/* A ring that a consumer which has gone lets run freely, and a barrier at its cursor. */
static takt_sequence nobody = {.value = TAKT_SEQUENCE_GONE};
static takt_ring *ring;
static takt_barrier *at_cursor;

static void set_up(void)
{
    ring = make_ring(16, NULL);
    cr_assert_eq(takt_ring_add_gating(ring, &nobody), 0);
    at_cursor = make_barrier(ring, NULL, 0);
}

static void tear_down(void)
{
    takt_barrier_destroy(at_cursor);
    takt_ring_destroy(ring);
}

TestSuite(wait, .init = set_up, .fini = tear_down, .timeout = 20);

Test(barrier, refuses_what_it_cannot_watch)
{
    struct probe probe;
    takt_sequence s = {.value = 3};
    const takt_sequence *many[TAKT_GATING_MAX + 1];
    takt_barrier *barrier = (takt_barrier *)&barrier;

    for (size_t i = 0; i <= TAKT_GATING_MAX; i++)
        many[i] = &s;
    probe_start(&probe, 0, false);
    takt_ring *probed = make_ring(4, &probe.table);
    cr_assert_eq(takt_barrier_create(NULL, probed, many, 1, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_barrier_create(&barrier, NULL, many, 1, NULL), TAKT_EINVAL);
    cr_assert(barrier == NULL);
    cr_assert_eq(takt_barrier_create(&barrier, probed, NULL, 1, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_barrier_create(&barrier, probed, many, TAKT_GATING_MAX + 1, NULL),
                 TAKT_ELIMIT);
    cr_assert(barrier == NULL);
    cr_assert_eq(takt_barrier_create(&barrier, probed, many, TAKT_GATING_MAX, NULL), 0);
    takt_barrier_destroy(barrier);
    probe.fail_at = probe.calls + 1;
    cr_assert_eq(takt_barrier_create(&barrier, probed, many, 1, NULL), TAKT_ENOMEM);
    cr_assert(barrier == NULL);
    takt_ring_destroy(probed);
    takt_barrier_destroy(NULL);
    cr_assert(probe_is_clean(&probe));
}

Test(wait, at_the_cursor_returns_all_that_is_published)
{
    cr_assert_eq(takt_barrier_available(at_cursor), TAKT_SEQUENCE_INITIAL);
    publish(ring, 6);
    cr_assert_eq(takt_barrier_available(at_cursor), 5);
    for (int64_t s = 0; s <= 5; s++)
        cr_assert_eq(takt_barrier_wait(at_cursor, s, TAKT_FOREVER), 5);
    publish(ring, 1);
    cr_assert_eq(takt_barrier_wait(at_cursor, 0, TAKT_NOW), 6);
}

Test(wait, gives_up_at_the_deadline)
{
    publish(ring, 3);
    cr_assert_eq(takt_barrier_wait(at_cursor, 3, TAKT_NOW), TAKT_ETIMEDOUT);
    cr_assert_eq(takt_barrier_wait(at_cursor, 3, takt_now() - 1), TAKT_ETIMEDOUT);
    for (int64_t ns = 1000; ns <= 16000000; ns *= 16) {
        int64_t deadline = takt_after(ns);
        cr_assert_eq(takt_barrier_wait(at_cursor, 3, deadline), TAKT_ETIMEDOUT);
        cr_assert(takt_now() >= deadline);
    }
    cr_assert_eq(takt_barrier_wait(at_cursor, 2, 1), 2, "it is there: no need to wait");
}

Test(wait, over_consumers_follows_the_slowest)
{
    takt_sequence s[3] = {{.value = 4}, {.value = 2}, {.value = 9}};
    const takt_sequence *watched[] = {&s[0], &s[1], &s[2]};
    takt_barrier *barrier = make_barrier(ring, watched, 3);

    watched[1] = NULL; /* the barrier keeps its own list */
    publish(ring, 12);
    cr_assert_eq(takt_barrier_available(barrier), 2);
    cr_assert_eq(takt_barrier_wait(barrier, 1, TAKT_FOREVER), 2);
    cr_assert_eq(takt_barrier_wait(barrier, 3, TAKT_NOW), TAKT_ETIMEDOUT);
    takt_sequence_set(&s[1], 7);
    cr_assert_eq(takt_barrier_wait(barrier, 3, TAKT_NOW), 4);
    takt_sequence_set(&s[0], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt_barrier_available(barrier), 7);
    takt_sequence_set(&s[1], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt_barrier_available(barrier), 9);
    takt_sequence_set(&s[2], TAKT_SEQUENCE_GONE);
    cr_assert_eq(takt_barrier_available(barrier), 11, "with nobody between, the producer counts");
    takt_barrier_destroy(barrier);
}

Test(wait, each_of_many_consumers_counts)
{
    static takt_sequence s[TAKT_GATING_MAX];
    const takt_sequence *watched[TAKT_GATING_MAX];

    for (size_t i = 0; i < TAKT_GATING_MAX; i++) {
        takt_sequence_init(&s[i], 100);
        watched[i] = &s[i];
    }
    takt_barrier *barrier = make_barrier(ring, watched, TAKT_GATING_MAX);
    for (size_t i = 0; i < TAKT_GATING_MAX; i++) {
        takt_sequence_set(&s[i], 50);
        cr_assert_eq(takt_barrier_available(barrier), 50, "consumer %zu", i);
        takt_sequence_set(&s[i], 100);
    }
    takt_barrier_destroy(barrier);
}

Test(wait, an_alert_ends_it_until_it_is_cleared)
{
    publish(ring, 3);
    takt_barrier_alert(at_cursor);
    cr_assert_eq(takt_barrier_wait(at_cursor, 0, TAKT_FOREVER), TAKT_EALERTED);
    cr_assert_eq(takt_barrier_wait(at_cursor, 3, TAKT_FOREVER), TAKT_EALERTED);
    cr_assert_eq(takt_barrier_available(at_cursor), 2, "looking is no waiting");
    takt_barrier_clear(at_cursor);
    cr_assert_eq(takt_barrier_wait(at_cursor, 0, TAKT_FOREVER), 2);
}

Test(wait, after_a_halt_finds_what_was_published)
{
    publish(ring, 3);
    takt_ring_halt(ring);
    cr_assert_eq(takt_barrier_wait(at_cursor, 0, TAKT_FOREVER), 2);
    cr_assert_eq(takt_barrier_wait(at_cursor, 3, TAKT_FOREVER), TAKT_EHALTED);
    cr_assert_eq(takt_barrier_wait(at_cursor, 3, TAKT_NOW), TAKT_EHALTED);
}

#define PATIENCE_NS INT64_C(5000000000)

/* A wait made by another thread, which is to end before its deadline. */
struct waiter {
    takt_barrier *barrier;
    int64_t sequence;
    int64_t result;
    bool late;
    int64_t waiting;
    pthread_t thread;
};

static void *wait_there(void *argument)
{
    struct waiter *waiter = argument;
    int64_t deadline = takt_after(PATIENCE_NS);
    takt__store_release(&waiter->waiting, 1);
    waiter->result = takt_barrier_wait(waiter->barrier, waiter->sequence, deadline);
    waiter->late = takt_now() >= deadline;
    return NULL;
}

/* Starts the wait and leaves it time to begin, which no result depends on. */
static void start_waiter(struct waiter *waiter)
{
    cr_assert_eq(pthread_create(&waiter->thread, NULL, wait_there, waiter), 0);
    while (!takt__load_acquire(&waiter->waiting))
        usleep(100);
    usleep(3000);
}

static void finds(struct waiter *waiter, int64_t result)
{
    pthread_join(waiter->thread, NULL);
    cr_assert_eq(waiter->result, result, "the wait found %ld", waiter->result);
    cr_assert(!waiter->late, "nobody woke it");
}

Test(wait, of_another_thread_is_ended_by_a_publish)
{
    struct waiter waiter = {.barrier = at_cursor, .sequence = 4};
    start_waiter(&waiter);
    publish(ring, 4);
    publish(ring, 1);
    finds(&waiter, 4);
}

Test(wait, of_another_thread_is_ended_by_an_alert)
{
    struct waiter waiter = {.barrier = at_cursor};
    start_waiter(&waiter);
    takt_barrier_alert(at_cursor);
    finds(&waiter, TAKT_EALERTED);
}

Test(wait, of_another_thread_is_ended_by_a_halt)
{
    struct waiter waiter = {.barrier = at_cursor};
    start_waiter(&waiter);
    takt_ring_halt(ring);
    finds(&waiter, TAKT_EHALTED);
}

/* The ring knows nothing of these sequences: it finds who waits by the barriers. */
Test(wait, at_sequences_of_the_callers_is_ended_by_a_halt)
{
    takt_sequence s[] = {{.value = -1}, {.value = -1}};
    const takt_sequence *watched[] = {&s[0], &s[1]};
    struct waiter waiters[3] = {{0}};
    takt_barrier *gone[3];
    for (int i = 0; i < 3; i++) {
        gone[i] = make_barrier(ring, watched, (size_t)i);
        waiters[i].barrier = make_barrier(ring, watched, 2);
    }
    for (int i = 0; i < 3; i++)
        takt_barrier_destroy(gone[i]);
    takt_sequence_set(&s[0], 0);
    for (int i = 0; i < 3; i++)
        start_waiter(&waiters[i]);
    takt_ring_halt(ring);
    for (int i = 0; i < 3; i++) {
        finds(&waiters[i], TAKT_EHALTED);
        takt_barrier_destroy(waiters[i].barrier);
    }
}

/* A consumer on its own thread. */
struct consumer {
    takt_ring *ring;
    takt_barrier *barrier;
    takt_sequence sequence;
    int64_t events;
    int64_t wrong; /* events that did not hold what the consumers before should have left */
    int64_t error;
    bool (*handle)(struct event *event, int64_t sequence);
};

static void *consume(void *argument)
{
    struct consumer *c = argument;
    int64_t next = 0;
    while (next < c->events && !c->error) {
        int64_t high = takt_barrier_wait(c->barrier, next, TAKT_FOREVER);
        c->error = high < 0 ? high : 0;
        for (; next <= high; next++)
            c->wrong += !c->handle(takt_ring_at(c->ring, next), next);
        takt_sequence_set(&c->sequence, high);
    }
    return NULL;
}

static bool set_left(struct event *event, int64_t s)
{
    event->left = 3 * event->number;
    return event->number == s;
}

static bool set_right(struct event *event, int64_t s)
{
    event->right = 5 * event->number;
    return event->number == s;
}

/* After both of them: the diamond's join. */
static bool join(struct event *event, int64_t s)
{
    event->sum = event->left + event->right;
    return event->sum == 8 * s;
}

static bool set_right_from_left(struct event *event, int64_t s)
{
    event->right = event->left + 2 * s;
    return event->left == 3 * s;
}

#define CONSUMERS 3

static struct consumer consumers[CONSUMERS];

/* The ring's consumer i waits at the barrier over `count` of the others. */
static void add_consumer(takt_ring *shared, int i, bool (*handle)(struct event *, int64_t),
                         const takt_sequence *const *after, size_t count, int64_t events)
{
    consumers[i] = (struct consumer){.ring = shared, .events = events, .handle = handle};
    takt_sequence_init(&consumers[i].sequence, TAKT_SEQUENCE_INITIAL);
    consumers[i].barrier = make_barrier(shared, after, count);
}

/* Sends the events past the three consumers, of whom the last holds the producer. */
static void run_consumers(takt_ring *shared, int64_t events)
{
    pthread_t threads[CONSUMERS];

    cr_assert_eq(takt_ring_add_gating(shared, &consumers[CONSUMERS - 1].sequence), 0);
    for (int i = 0; i < CONSUMERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, consume, &consumers[i]), 0);
    for (int64_t next = 0; next < events;) {
        int64_t n = next % takt_ring_capacity(shared) / 2 + 1;
        int64_t high = takt_ring_next(shared, n < events - next ? n : events - next);
        for (; next <= high; next++)
            *(struct event *)takt_ring_at(shared, next) = (struct event){next, -1, -1, -1};
        takt_ring_publish(shared, high);
    }
    for (int i = 0; i < CONSUMERS; i++) {
        pthread_join(threads[i], NULL);
        takt_barrier_destroy(consumers[i].barrier);
    }
    for (int i = 0; i < CONSUMERS; i++) {
        cr_assert_eq(consumers[i].error, 0);
        cr_assert_eq(consumers[i].wrong, 0, "consumer %d: %ld wrong", i, consumers[i].wrong);
        cr_assert_eq(takt_sequence_get(&consumers[i].sequence), events - 1);
    }
    takt_ring_destroy(shared);
}

static void check_chain(int64_t capacity, int64_t events)
{
    takt_ring *shared = make_ring(capacity, NULL);
    const takt_sequence *first = &consumers[0].sequence, *second = &consumers[1].sequence;

    add_consumer(shared, 0, set_left, NULL, 0, events);
    add_consumer(shared, 1, set_right_from_left, &first, 1, events);
    add_consumer(shared, 2, join, &second, 1, events);
    run_consumers(shared, events);
}

static void check_diamond(int64_t capacity, int64_t events)
{
    takt_ring *shared = make_ring(capacity, NULL);
    const takt_sequence *both[] = {&consumers[0].sequence, &consumers[1].sequence};

    add_consumer(shared, 0, set_left, NULL, 0, events);
    add_consumer(shared, 1, set_right, NULL, 0, events);
    add_consumer(shared, 2, join, both, 2, events);
    run_consumers(shared, events);
}

Test(barrier, a_chain_of_three_threads)
{
    check_chain(256, 100000);
    check_chain(16, 10000);
    check_chain(1, 300);
}

Test(barrier, a_diamond_of_three_threads)
{
    check_diamond(256, 100000);
    check_diamond(16, 10000);
    check_diamond(1, 300);
}
