/* SPDX-License-Identifier: MIT */
/* Waiting: every strategy wakes for the producer and for the consumer before, and can time out. */
#include "rig.h"

TestSuite(wait_kinds, .timeout = 40);

/* Each strategy with figures of its own, and with the good ones that zeros stand for. */
static takt_wait wait_of(size_t i)
{
    takt_wait wait = {.kind = rig_kinds[i / 2]};
    if (i % 2) {
        wait.spins = 1;
        wait.yields = 1;
        wait.sleep_ns = 1000;
    }
    return wait;
}

#define WAITS (2 * RIG_KINDS)

/* Publishes one event at a time, with pauses that let the consumers wait in all ways. */
static void publish_slowly(takt_ring *ring, takt_consumer *last)
{
    for (int64_t s = 0; s < 20; s++) {
        rig_publish(ring, 1);
        rig_comes_to(last, s);
        if (s % 5 == 0)
            usleep(2000);
    }
}

Test(wait_kinds, wake_for_the_producer)
{
    for (size_t i = 0; i < WAITS; i++)
        for (int multi = 0; multi < 2; multi++) {
            static struct rig_log log;
            log = (struct rig_log){0};
            takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
            takt_consumer *c = rig_add(
                ring, TAKT_CONSUMER(.handler = rig_record, .context = &log, .wait = wait_of(i)));
            rig_start(c);
            publish_slowly(ring, c);
            takt_ring_destroy(ring);
            rig_has(&log, 0, 20);
        }
}

/* Each has a strategy of its own: a wake-up must come from the consumer before. */
Test(wait_kinds, wake_for_the_consumer_before)
{
    for (size_t i = 0; i < WAITS; i++) {
        static struct rig_log logs[3];
        takt_consumer *c[3] = {NULL};
        takt_ring *ring = RIG_RING(.capacity = 8);
        for (size_t k = 0; k < 3; k++) {
            logs[k] = (struct rig_log){0};
            c[k] = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &logs[k],
                                               .wait = wait_of((i + 5 * k) % WAITS),
                                               .after = &c[k - (k > 0)], .after_count = k > 0));
        }
        for (size_t k = 0; k < 3; k++)
            rig_start(c[k]);
        publish_slowly(ring, c[2]);
        takt_ring_destroy(ring);
        for (size_t k = 0; k < 3; k++)
            rig_has(&logs[k], 0, 20);
    }
}

/* Nobody publishes: only the polled consumer before moves. */
Test(wait_kinds, wake_for_a_consumer_that_is_polled)
{
    for (size_t i = 0; i < WAITS; i++) {
        static struct rig_log log;
        struct rig_log polled = {0};
        takt_ring *ring = RIG_RING(.capacity = 16);
        takt_consumer *a = rig_poller(ring);
        log = (struct rig_log){0};
        takt_consumer *b = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &log,
                                                       .wait = wait_of(i), RIG_AFTER(a)));
        rig_publish(ring, 16);
        rig_start(b);
        for (int64_t s = 0; s < 16; s++) {
            usleep(s % 4 ? 0 : 1000);
            rig_poll(a, &polled, 1, 1);
            rig_comes_to(b, s);
        }
        takt_ring_destroy(ring);
        rig_has(&log, 0, 16);
    }
}

Test(wait_kinds, at_a_barrier_time_out)
{
    for (size_t i = 0; i < WAITS; i++) {
        takt_barrier *barrier;
        takt_wait wait = wait_of(i);
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = i % 3 == 0);
        rig_poller(ring);
        cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, &wait), 0);
        rig_publish(ring, 3);
        cr_assert_eq(takt_barrier_wait(barrier, 2, TAKT_NOW), 2);
        cr_assert_eq(takt_barrier_wait(barrier, 3, TAKT_NOW), TAKT_ETIMEDOUT);
        int64_t deadline = takt_after(2000000);
        cr_assert_eq(takt_barrier_wait(barrier, 3, deadline), TAKT_ETIMEDOUT);
        cr_assert(takt_now() >= deadline, "wait %zu", i);
        takt_barrier_destroy(barrier);
        takt_ring_destroy(ring);
    }
}

/* A wait at a barrier, made by another thread. */
struct waiter {
    takt_barrier *barrier;
    int64_t sequence, result, at_it;
    pthread_t thread;
};

static void *wait_there(void *argument)
{
    struct waiter *w = argument;
    takt__store_release(&w->at_it, 1);
    w->result = takt_barrier_wait(w->barrier, w->sequence, takt_after(RIG_PATIENCE_NS));
    return NULL;
}

static void start_waiter(struct waiter *w, takt_barrier *barrier, int64_t sequence)
{
    *w = (struct waiter){.barrier = barrier, .sequence = sequence};
    cr_assert_eq(pthread_create(&w->thread, NULL, wait_there, w), 0);
    rig_reaches(&w->at_it, 1);
    usleep(2000);
}

static int64_t end_waiter(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->result;
}

Test(wait_kinds, at_a_barrier_are_ended_by_what_may_end_them)
{
    for (size_t i = 0; i < WAITS; i++) {
        struct waiter w;
        takt_barrier *barrier;
        takt_wait wait = wait_of(i);
        takt_sequence own = {.value = -1};
        const takt_sequence *before = &own;
        takt_ring *ring = RIG_RING(.capacity = 8);
        rig_poller(ring);
        cr_assert_eq(takt_barrier_create(&barrier, ring, &before, 1, &wait), 0);
        rig_publish(ring, 6);
        start_waiter(&w, barrier, 2);
        takt_sequence_set(&own, 1);
        usleep(500);
        takt_sequence_set(&own, 4);
        cr_assert_eq(end_waiter(&w), 4, "wait %zu", i);
        start_waiter(&w, barrier, 5);
        takt_barrier_alert(barrier);
        cr_assert_eq(end_waiter(&w), TAKT_EALERTED);
        takt_barrier_clear(barrier);
        start_waiter(&w, barrier, 5);
        takt_sequence_set(&own, TAKT_SEQUENCE_GONE);
        cr_assert_eq(end_waiter(&w), 5, "who has gone holds nobody");
        takt_barrier_destroy(barrier);
        takt_ring_destroy(ring);
    }
}

Test(wait_kinds, at_a_barrier_are_ended_by_a_halt)
{
    for (size_t i = 0; i < WAITS; i++) {
        struct waiter w;
        takt_barrier *barrier;
        takt_wait wait = wait_of(i);
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = i % 3 == 0);
        takt_consumer *c = rig_poller(ring);
        const takt_sequence *before = takt_consumer_sequence(c);
        bool at_cursor = i % 2;
        cr_assert_eq(takt_barrier_create(&barrier, ring, at_cursor ? NULL : &before,
                                         at_cursor ? 0 : 1, &wait),
                     0);
        start_waiter(&w, barrier, 0);
        takt_ring_halt(ring);
        cr_assert_eq(end_waiter(&w), TAKT_EHALTED, "wait %zu", i);
        takt_barrier_destroy(barrier);
        takt_ring_destroy(ring);
    }
}

/* Several threads at one sequence rise all at once, each for what it waits for. */
Test(wait_kinds, of_several_threads_at_one_sequence)
{
    for (size_t i = 0; i < WAITS; i += 2) {
        struct waiter w[4];
        takt_barrier *barrier;
        takt_wait wait = wait_of(i);
        takt_ring *ring = RIG_RING(.capacity = 8);
        rig_poller(ring);
        cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, &wait), 0);
        for (int k = 0; k < 4; k++)
            start_waiter(&w[k], barrier, k);
        for (int k = 0; k < 4; k++) {
            rig_publish(ring, 1);
            cr_assert(end_waiter(&w[k]) >= k, "wait %zu", i);
        }
        takt_barrier_destroy(barrier);
        takt_ring_destroy(ring);
    }
}
