/* SPDX-License-Identifier: MIT */
/* Room in the ring: how much there is, deadlines that pass, claims that a halt ends. */
#include "random.h"
#include "rig.h"

TestSuite(room, .timeout = 40);

Test(room, goes_from_the_capacity_to_none_and_back)
{
    for (int multi = 0; multi < 2; multi++) {
        struct rig_log log = {0};
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
        takt_consumer *poller = rig_poller(ring);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 8);
        for (int64_t n = 1; n <= 8; n++) {
            rig_publish(ring, 1);
            cr_assert_eq(takt_ring_remaining_capacity(ring), 8 - n);
        }
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 0, "a claim in vain takes nothing");
        for (int64_t n = 1; n <= 8; n++) {
            rig_poll(poller, &log, 1, 1);
            cr_assert_eq(takt_ring_remaining_capacity(ring), n);
        }
        takt_ring_destroy(ring);
    }
}

Test(room, is_counted_from_claims_and_not_from_publishing)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_ring *ring = RIG_RING(.capacity = 4, .multi = multi);
        rig_poller(ring);
        cr_assert_eq(takt_ring_next(ring, 3), 2);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 1);
        takt_ring_publish_range(ring, 0, 2);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 1);
        takt_ring_destroy(ring);
    }
}

Test(room, is_never_more_than_the_capacity)
{
    takt_sequence ahead = {.value = 90}, gone = {.value = TAKT_SEQUENCE_GONE};
    takt_ring *ring = RIG_RING(.capacity = 4);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 4);
    cr_assert_eq(takt_ring_add_gating(ring, &gone), 0);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 4);
    cr_assert_eq(takt_ring_add_gating(ring, &ahead), 0);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 4);
    cr_assert_eq(takt_ring_next(ring, 2), 1);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 4);
    takt_ring_destroy(ring);
}

/* Once nobody is there, a ring beyond the cursor is free and no more: a newcomer starts there. */
Test(room, is_what_can_be_claimed_when_the_consumers_have_gone)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_ring *ring = RIG_RING(.capacity = 4, .multi = multi);
        takt_consumer *poller = rig_poller(ring);
        cr_assert_eq(takt_ring_next(ring, 3), 2);
        cr_assert_eq(takt_consumer_remove(poller), 0);
        cr_assert_eq(takt_ring_try_next(ring, 2), TAKT_EFULL);
        cr_assert_eq(takt_ring_next(ring, 2), TAKT_EFULL, "there is nobody to wait for");
        int64_t remaining = takt_ring_remaining_capacity(ring);
        cr_assert_eq(remaining, 1, "%ld", remaining);
        cr_assert_eq(takt_ring_next(ring, 1), 3);
        takt_ring_publish_range(ring, 0, 3);
        for (int64_t s = 4; s < 100; s++)
            cr_assert_eq(rig_publish(ring, 1), s);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 4);
        takt_ring_destroy(ring);
    }
}

/* A claim on a ring of which `used` slots are taken, with a deadline that will pass. */
static void check_deadline(bool multi, int64_t used, int64_t n, int64_t deadline)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 4, .multi = multi);
    takt_consumer *poller = rig_poller(ring);
    for (int64_t s = 0; s < 6; s++) { /* so that the claims go around the end */
        rig_publish(ring, 1);
        rig_poll(poller, &log, 4, 1);
    }
    if (used)
        cr_assert_eq(takt_ring_next(ring, used), 5 + used);
    int64_t result = takt_ring_next_until(ring, n, deadline);
    bool waited = takt_now() >= deadline;
    if (used + n <= 4)
        cr_assert_eq(result, 5 + used + n, "there is room: the deadline does not matter");
    else
        cr_assert_eq(result, deadline == TAKT_NOW ? TAKT_EFULL : TAKT_ETIMEDOUT);
    cr_assert(result >= 0 || waited);
    used += result >= 0 ? n : 0;
    cr_assert_eq(takt_ring_remaining_capacity(ring), 4 - used);
    if (used < 4)
        cr_assert_eq(takt_ring_next(ring, 1), 6 + used, "no hole");
    takt_ring_destroy(ring);
}

Test(room, is_not_claimed_by_a_deadline_that_passes)
{
    for (int multi = 0; multi < 2; multi++)
        for (int64_t used = 0; used <= 4; used++)
            for (int64_t n = 1; n <= 4; n++) {
                const int64_t past[] = {TAKT_NOW, 1, -1, INT64_MIN, takt_now() - 1};
                for (size_t i = 0; i < sizeof past / sizeof *past; i++)
                    check_deadline(multi, used, n, past[i]);
                for (int64_t ns = 0; ns <= 400000; ns = 4 * ns + 100)
                    check_deadline(multi, used, n, takt_after(ns));
            }
}

Test(room, is_waited_for_to_the_deadline_in_every_strategy)
{
    for (size_t i = 0; i < 2 * RIG_KINDS; i++) {
        takt_wait wait = {.kind = rig_kinds[i / 2], .spins = 3, .yields = 3, .sleep_ns = 20000};
        takt_ring *ring = RIG_RING(.capacity = 2, .multi = i % 2, .wait = wait);
        rig_poller(ring);
        rig_publish(ring, 2);
        int64_t deadline = takt_after(3000000);
        cr_assert_eq(takt_ring_next_until(ring, 1, deadline), TAKT_ETIMEDOUT, "kind %zu", i / 2);
        cr_assert(takt_now() >= deadline);
        cr_assert_eq(takt_ring_remaining_capacity(ring), 0);
        takt_ring_destroy(ring);
    }
}

Test(room, that_a_consumer_makes_ends_a_claim_in_every_strategy)
{
    for (size_t i = 0; i < 2 * RIG_KINDS; i++) {
        struct rig_log log = {0};
        struct rig_claimer claimer;
        takt_ring *ring =
            RIG_RING(.capacity = 4, .multi = i % 2, .wait = {.kind = rig_kinds[i / 2]});
        takt_consumer *poller = rig_poller(ring);
        rig_publish(ring, 4);
        rig_start_claim(&claimer, ring, 3);
        rig_poll(poller, &log, 1, 1);
        rig_poll(poller, &log, 3, 3);
        cr_assert_eq(rig_end_claim(&claimer), 6, "kind %zu", i / 2);
        takt_ring_destroy(ring);
    }
}

Test(room, that_a_halt_takes_away_ends_a_claim_in_every_strategy)
{
    for (size_t i = 0; i < 2 * RIG_KINDS; i++) {
        struct rig_claimer claimer;
        takt_ring *ring =
            RIG_RING(.capacity = 4, .multi = i % 2, .wait = {.kind = rig_kinds[i / 2]});
        rig_poller(ring);
        rig_publish(ring, 4);
        rig_start_claim(&claimer, ring, 1);
        takt_ring_halt(ring);
        cr_assert_eq(rig_end_claim(&claimer), TAKT_EHALTED, "kind %zu", i / 2);
        takt_ring_destroy(ring);
    }
}

static void check_halted(takt_ring *ring)
{
    const int64_t deadlines[] = {TAKT_NOW, 1, takt_after(1000000000), TAKT_FOREVER};
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++)
        for (int64_t n = 1; n <= 4; n += 3)
            cr_assert_eq(takt_ring_next_until(ring, n, deadlines[i]), TAKT_EHALTED);
}

Test(room, is_none_after_a_halt)
{
    for (int multi = 0; multi < 2; multi++)
        for (int64_t used = 0; used <= 4; used++) {
            takt_ring *ring = RIG_RING(.capacity = 4, .multi = multi);
            rig_poller(ring);
            if (used)
                rig_publish(ring, used);
            takt_ring_halt(ring);
            check_halted(ring);
            cr_assert_eq(takt_ring_cursor(ring), used - 1, "what is published stays");
            takt_ring_halt(ring);
            check_halted(ring);
            takt_ring_destroy(ring);
        }
}

/* Looks at the room while others claim and consume. */
struct watcher {
    takt_ring *ring;
    int64_t stop;
    int64_t looks, outside;
};

static void *watch(void *argument)
{
    struct watcher *w = argument;
    while (!takt__load_acquire(&w->stop)) {
        int64_t room = takt_ring_remaining_capacity(w->ring);
        w->outside += room < 0 || room > takt_ring_capacity(w->ring);
        w->looks++;
    }
    return NULL;
}

Test(room, stays_within_its_bounds_for_who_only_looks)
{
    for (int multi = 0; multi < 2; multi++) {
        struct rig_log log = {0};
        struct rng rng = {5};
        pthread_t thread;
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
        takt_consumer *poller = rig_poller(ring);
        struct watcher watcher = {.ring = ring};
        cr_assert_eq(pthread_create(&thread, NULL, watch, &watcher), 0);
        for (int64_t deadline = takt_after(100000000); takt_now() < deadline;) {
            int64_t n = 1 + rng_below(&rng, 8);
            if (takt_ring_remaining_capacity(ring) >= n)
                rig_publish(ring, n);
            rig_poll(poller, &log, 1 + rng_below(&rng, 8), -1);
        }
        takt__store_release(&watcher.stop, 1);
        pthread_join(thread, NULL);
        cr_assert(watcher.looks > 0);
        cr_assert_eq(watcher.outside, 0, "%ld of %ld", watcher.outside, watcher.looks);
        takt_ring_destroy(ring);
    }
}
