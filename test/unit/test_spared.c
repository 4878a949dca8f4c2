/* SPDX-License-Identifier: MIT */
/*
 * What is not done where it is not needed: nobody is woken who does not sleep, waits are counted
 * only if there are any, memory is used again, and what cannot be had is an error that keeps
 * nothing.
 */
#include <criterion/criterion.h>

#include <takt/takt.h>

#include "disruptor/ring.h"
#include "probe.h"

TestSuite(spared, .timeout = 40);

static struct probe probe;

static int nothing(void *context, takt_batch *b)
{
    (void)context, (void)b;
    return 0;
}

/* A ring of four slots, with memory from the probe. */
static takt_ring *make_ring(bool multi)
{
    probe_start(&probe, 0, false);
    takt_ring *ring;
    cr_assert_eq(takt_ring_create(&ring, TAKT_RING(.event_size = 8, .capacity = 4, .multi = multi,
                                                   .allocator = &probe.table)),
                 0);
    return ring;
}

static takt_consumer *add(takt_ring *ring)
{
    takt_consumer *c;
    cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.handler = nothing)), 0);
    return c;
}

static void publish(takt_ring *ring)
{
    int64_t s = takt_ring_try_next(ring, 1);
    cr_assert(s >= 0);
    takt_ring_publish(ring, s);
}

Test(spared, nobody_is_woken_who_does_not_sleep)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_ring *ring = make_ring(multi);
        takt_consumer *c = add(ring);
        for (int i = 0; i < 8; i++) {
            publish(ring);
            cr_assert_eq(takt_ring_cursor(ring), i);
            cr_assert_eq(takt_consumer_poll(c, nothing, NULL, 4), 1);
        }
        cr_assert_eq(ring->cursor.events, 0);
        cr_assert_eq(takt_consumer_sequence(c)->events, 0);
        takt_ring_destroy(ring);
    }
}

Test(spared, one_wake_up_of_a_worker_is_under_way_at_a_time)
{
    struct takt__park lot = {0};
    uint32_t ticket;
    takt__park_wake_one(&lot);
    takt__park_wake_one(&lot);
    cr_assert_eq(lot.events, 1);
    takt__park_prepare(&lot, &ticket);
    takt__park_wake_one(&lot);
    cr_assert_eq(lot.events, 2);
}

Test(spared, waits_for_room_are_counted_and_nothing_else)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_ring *ring = make_ring(multi);
        takt_consumer *c = add(ring);
        for (int i = 0; i < 4; i++)
            publish(ring);
        cr_assert_eq(ring->hidden->full, 0);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
        cr_assert_eq(ring->hidden->full, 1);
        cr_assert_eq(takt_consumer_poll(c, nothing, NULL, 4), 4);
        for (int i = 0; i < 4; i++)
            publish(ring);
        cr_assert_eq(ring->hidden->full, 1);
        takt_ring_destroy(ring);
    }
}

Test(spared, a_consumer_that_was_removed_is_used_again)
{
    takt_ring *ring = make_ring(false);
    cr_assert_eq(takt_consumer_remove(add(ring)), 0);
    uint32_t calls = probe.calls;
    for (int i = 0; i < 10; i++)
        cr_assert_eq(takt_consumer_remove(add(ring)), 0);
    cr_assert_eq(probe.calls, calls);
    takt_ring_destroy(ring);
    cr_assert(probe_is_clean(&probe));
}

Test(spared, what_cannot_be_had_is_an_error)
{
    takt_ring *ring = make_ring(false);
    takt_consumer *c;
    takt_barrier *barrier;
    uint32_t live = probe.live;
    for (uint32_t n = 1; n <= 2; n++) {
        probe.fail_at = probe.calls + n;
        cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.handler = nothing)), TAKT_ENOMEM);
        cr_assert_null(c);
        cr_assert_eq(probe.live, live);
    }
    probe.fail_at = probe.calls + 1;
    cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, NULL), TAKT_ENOMEM);
    cr_assert_null(barrier);
    takt_ring_destroy(ring);
    cr_assert(probe_is_clean(&probe));
}

Test(spared, a_barrier_waits_as_it_was_told)
{
    takt_ring *ring = make_ring(false);
    takt_barrier *barrier;
    for (int kind = TAKT_WAIT_BLOCK; kind <= TAKT_WAIT_YIELD; kind++) {
        takt_wait how = {.kind = (enum takt_wait_kind)kind, .spins = 1};
        cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, &how), 0);
        ring->cursor.sleepers = 0;
        cr_assert_eq(takt_barrier_wait(barrier, 0, takt_after(2000000)), TAKT_ETIMEDOUT);
        cr_assert_eq(ring->cursor.sleepers, kind == TAKT_WAIT_BLOCK, "kind %d", kind);
        takt_barrier_destroy(barrier);
    }
    takt_ring_destroy(ring);
    cr_assert(probe_is_clean(&probe));
}
