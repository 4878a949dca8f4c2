/* SPDX-License-Identifier: MIT */
/*
 * What is not done where it is not needed: nobody is woken who does not sleep, waits are counted
 * only if there are any, memory is used again, and what cannot be had is an error that keeps
 * nothing.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include <takt/payload.h>
#include <takt/takt.h>

#include "disruptor/ring.h"
#include "disruptor/wait.h"
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

Test(spared, naps_where_wake_ups_may_be_missed_and_nowhere_else)
{
    int64_t soon = takt_after(1000), now = takt_now();
    cr_assert_eq(takt__nap(true, TAKT_FOREVER), TAKT_FOREVER);
    cr_assert_eq(takt__nap(false, soon), soon);
    int64_t nap = takt__nap(false, TAKT_FOREVER);
    cr_assert(nap >= now + TAKT__NAP_NS && nap <= takt_now() + TAKT__NAP_NS);
}

/* One of them is being woken already, which is not enough. */
Test(spared, a_halt_wakes_the_workers_that_there_are)
{
    struct takt__park lot = {.waking = 1};
    takt_ring *ring = make_ring(false);
    takt__ring_set_park(ring, &lot);
    takt_ring_halt(ring);
    cr_assert_eq(lot.events, 1);
    takt_ring_destroy(ring);
}

Test(spared, gates_come_before_the_first_claim_and_are_not_too_many)
{
    static struct takt__gate gate;
    const struct takt__gate *gates[TAKT_GATING_MAX + 1];
    takt_ring *ring = make_ring(false);
    for (int i = 0; i <= TAKT_GATING_MAX; i++)
        gates[i] = &gate;
    cr_assert_eq(takt__ring_set_gates(ring, gates, TAKT_GATING_MAX + 1, false), TAKT_ELIMIT);
    cr_assert_eq(takt__ring_set_gates(ring, gates, TAKT_GATING_MAX, false), 0);
    cr_assert_eq(ring->hidden->consumers.count, TAKT_GATING_MAX + 1);
    takt_ring_destroy(ring);
    ring = make_ring(false);
    add(ring);
    publish(ring);
    cr_assert_eq(takt__ring_set_gates(ring, gates, 1, false), TAKT_ESTATE);
    takt_ring_destroy(ring);
}

/* Another producer has been stopped in the middle of a claim. */
Test(spared, a_claim_of_bytes_does_not_wait_for_the_lock_past_its_deadline)
{
    takt_ring *ring = make_ring(true);
    takt_payload *payload;
    void *memory;
    add(ring);
    cr_assert_eq(takt_payload_create(&payload, ring, TAKT_PAYLOAD(.capacity = 64)), 0);
    payload->lock = 1;
    cr_assert_eq(takt_payload_try_next(payload, 8, &memory), TAKT_EFULL);
    cr_assert_eq(takt_payload_next_until(payload, 8, takt_after(5000000), &memory), TAKT_ETIMEDOUT);
    payload->lock = 0;
    cr_assert_eq(takt_payload_try_next(payload, 8, &memory), 0);
    takt_payload_destroy(payload);
    takt_ring_destroy(ring);
}

static int note_calls(void *context, takt_batch *b)
{
    __atomic_add_fetch((int *)context, (int)b->count, __ATOMIC_RELAXED);
    return 0;
}

Test(spared, a_time_out_that_nobody_wants_to_hear_of)
{
    static int calls;
    takt_ring *ring = make_ring(false);
    takt_consumer *c;
    takt_consumer_options *o =
        TAKT_CONSUMER(.handler = note_calls, .context = &calls, .timeout_ns = 100000);
    cr_assert_eq(takt_consumer_add(ring, &c, o), 0);
    cr_assert_eq(takt_consumer_start(c), 0);
    usleep(5000);
    publish(ring);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    cr_assert_eq(calls, 1);
    takt_ring_destroy(ring);
}

Test(spared, a_batch_without_a_sequence_of_its_own_has_nothing_to_release)
{
    takt_batch b = {.count = 1};
    takt_batch_release(&b, 0);
    cr_assert_null(b.own);
}

/* The consumer goes back, which none does, so that a look at it would find no room. */
Test(spared, the_room_that_is_known_is_not_looked_for_again)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_ring *ring = make_ring(multi);
        takt_sequence slow;
        takt_sequence_init(&slow, TAKT_SEQUENCE_INITIAL);
        cr_assert_eq(takt_ring_add_gating(ring, &slow), 0);
        cr_assert_eq(takt_ring_try_next(ring, 1), 0);
        takt_sequence_init(&slow, -100);
        for (int i = 1; i < 4; i++)
            cr_assert_eq(takt_ring_try_next(ring, 1), i);
        takt_ring_destroy(ring);
    }
}

Test(spared, nor_is_that_for_bytes)
{
    takt_ring *ring = make_ring(false);
    takt_payload *payload;
    takt_sequence slow;
    takt_sequence_init(&slow, TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_add_gating(ring, &slow), 0);
    cr_assert_eq(takt_payload_create(&payload, ring, TAKT_PAYLOAD(.capacity = 64)), 0);
    cr_assert_eq(takt_payload_try_next(payload, 8, NULL), 0);
    takt_sequence_init(&slow, -100);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(takt_payload_try_next(payload, 8, NULL), i);
    takt_payload_destroy(payload);
    takt_ring_destroy(ring);
}

/* Moving it is for who wants to know how far all is published, and a producer does not. */
Test(spared, a_claim_leaves_the_cursor_of_many_producers_alone)
{
    takt_ring *ring = make_ring(true);
    takt_sequence slow;
    takt_sequence_init(&slow, TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_add_gating(ring, &slow), 0);
    for (int i = 0; i < 4; i++)
        publish(ring);
    cr_assert_eq(takt_ring_cursor(ring), 3);
    for (int i = 4; i < 8; i++) {
        takt_sequence_init(&slow, i - 4);
        publish(ring);
    }
    cr_assert_eq(ring->cursor.value, 3);
    cr_assert_eq(takt_ring_cursor(ring), 7);
    takt_ring_destroy(ring);
}

static int see_no_picks(void *context, takt_batch *b)
{
    (void)context;
    cr_assert_null(b->picks);
    return 0;
}

Test(spared, a_batch_without_void_events_is_not_looked_through)
{
    takt_ring *ring = make_ring(false);
    takt_consumer *c = add(ring);
    publish(ring);
    cr_assert_eq(takt_consumer_poll(c, see_no_picks, NULL, 4), 1);
    takt_ring_destroy(ring);
}

Test(spared, a_barrier_is_not_made_over_a_sequence_that_is_not_there)
{
    takt_ring *ring = make_ring(false);
    takt_barrier *barrier;
    const takt_sequence *sequences[] = {&ring->cursor, NULL};
    cr_assert_eq(takt_barrier_create(&barrier, ring, sequences, 2, NULL), TAKT_EINVAL);
    cr_assert_null(barrier);
    takt_ring_destroy(ring);
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
