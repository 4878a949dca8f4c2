/* SPDX-License-Identifier: MIT */
/*
 * A producer that others have been faster than again and again. Here one waits in a thread for two
 * slots, and the test frees one at a time and takes it again at once: it can never have them, until
 * the others are made to leave them alone.
 */
#include <pthread.h>

#include "disruptor/ring.h"
#include "rig.h"

#define CAPACITY 8

TestSuite(wish, .timeout = 30);

struct late {
    takt_ring *ring;
    int64_t deadline, result;
    pthread_t thread;
};

static void *claim_two(void *argument)
{
    struct late *late = argument;
    late->result = takt_ring_next_until(late->ring, 2, late->deadline);
    return NULL;
}

/* A full ring, whose consumer is a sequence that the test moves. */
static takt_ring *full_ring(takt_sequence *done)
{
    takt_ring *ring =
        RIG_RING(.capacity = CAPACITY, .multi = true, .wait = {.kind = TAKT_WAIT_YIELD});
    takt_sequence_init(done, -1);
    cr_assert_eq(takt_ring_add_gating(ring, done), 0);
    cr_assert_eq(takt_ring_next(ring, CAPACITY), CAPACITY - 1);
    takt_ring_publish_range(ring, 0, CAPACITY - 1);
    return ring;
}

static void come_late(struct late *late, takt_ring *ring, int64_t patience_ns)
{
    *late = (struct late){.ring = ring, .deadline = takt_after(patience_ns)};
    cr_assert_eq(pthread_create(&late->thread, NULL, claim_two, late), 0);
}

/* Frees a slot and takes it, until that is refused. Returns the highest sequence claimed. */
static int64_t be_faster(takt_ring *ring, takt_sequence *done)
{
    int64_t last = CAPACITY - 1;
    int64_t deadline = takt_after(INT64_C(20000000000));
    while (takt_now() < deadline) {
        takt_sequence_set(done, takt_sequence_get(done) + 1);
        int64_t s = takt_ring_try_next(ring, 1);
        if (s == TAKT_EFULL)
            return last;
        cr_assert_eq(s, last + 1);
        takt_ring_publish(ring, s);
        last = s;
        sched_yield();
    }
    cr_assert_fail("a slot that was free could always be taken");
    return -1;
}

Test(wish, who_came_too_late_often_gets_its_slots)
{
    takt_sequence done;
    struct late late;
    takt_ring *ring = full_ring(&done);
    come_late(&late, ring, INT64_C(20000000000));
    int64_t last = be_faster(ring, &done);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 1, "free, and kept");
    takt_sequence_set(&done, takt_sequence_get(&done) + 1);
    pthread_join(late.thread, NULL);
    cr_assert_eq(late.result, last + 2);
    takt_sequence_set(&done, takt_sequence_get(&done) + 1);
    cr_assert_eq(takt_ring_try_next(ring, 1), last + 3, "the wish is fulfilled, and gone");
    takt_ring_destroy(ring);
}

Test(wish, is_not_had_at_once)
{
    takt_sequence done;
    struct late late;
    takt_ring *ring = full_ring(&done);
    come_late(&late, ring, INT64_C(20000000000));
    while (__atomic_load_n(&ring->hidden->full, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    cr_assert_eq(__atomic_load_n(&ring->hidden->wish, __ATOMIC_RELAXED), 0);
    takt_ring_halt(ring);
    pthread_join(late.thread, NULL);
    takt_ring_destroy(ring);
}

Test(wish, is_gone_with_who_gave_up)
{
    takt_sequence done;
    struct late late;
    takt_ring *ring = full_ring(&done);
    come_late(&late, ring, INT64_C(2000000000));
    int64_t last = be_faster(ring, &done);
    pthread_join(late.thread, NULL);
    cr_assert_eq(late.result, TAKT_ETIMEDOUT);
    cr_assert_eq(takt_ring_try_next(ring, 1), last + 1);
    takt_ring_destroy(ring);
}

Test(wish, is_gone_with_a_halt)
{
    takt_sequence done;
    struct late late;
    takt_ring *ring = full_ring(&done);
    come_late(&late, ring, INT64_C(20000000000));
    be_faster(ring, &done);
    takt_ring_halt(ring);
    pthread_join(late.thread, NULL);
    cr_assert_eq(late.result, TAKT_EHALTED);
    cr_assert_eq(ring->hidden->wish, 0);
    takt_ring_destroy(ring);
}

/* Whoever waits does so for a moment only: it may hold what the wish waits for. */
Test(wish, is_a_courtesy_and_no_lock)
{
    takt_sequence done;
    takt_ring *ring = full_ring(&done);
    ring->hidden->wish = 3;
    takt_sequence_set(&done, 4);
    cr_assert_eq(takt_ring_try_next(ring, 3), TAKT_EFULL);
    cr_assert_eq(takt_ring_try_next(ring, 2), CAPACITY + 1, "five are free, three are kept");
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    cr_assert_eq(takt_ring_next_until(ring, 1, takt_now() + 1), CAPACITY + 2);
    cr_assert_eq(takt_ring_next(ring, 2), CAPACITY + 4);
    cr_assert_eq(takt_ring_next_until(ring, 1, takt_after(1000000)), TAKT_ETIMEDOUT);
    takt_ring_destroy(ring);
}
