/* SPDX-License-Identifier: MIT */
/* Rings that begin at other sequences than 0, up to the end of 63 bits, and rings of one slot. */
#include "random.h"
#include "rig.h"

TestSuite(first, .timeout = 20);

/* The highest first sequence of a ring. */
static int64_t highest(int64_t capacity)
{
    return TAKT_SEQUENCE_GONE - 1 - 3 * capacity;
}

Test(first, must_leave_room_for_two_laps)
{
    for (int64_t capacity = 1; capacity <= 64; capacity *= 4) {
        const int64_t bad[] = {-1, INT64_MIN, highest(capacity) + 1, INT64_MAX};
        takt_ring *ring;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            ring = (takt_ring *)&ring;
            cr_assert_eq(takt_ring_create(&ring, TAKT_RING(.event_size = 8, .capacity = capacity,
                                                           .first = bad[i])),
                         TAKT_EINVAL);
            cr_assert(ring == NULL);
        }
        ring = RIG_RING(.capacity = capacity, .first = highest(capacity));
        cr_assert_eq(takt_ring_cursor(ring), highest(capacity) - 1);
        takt_ring_destroy(ring);
    }
}

/* Two laps of single events and of whole rings through a chain, with nothing amiss. */
static void check_two_laps(int64_t capacity, bool multi, int64_t first, bool at_once)
{
    struct rig_log log[2] = {{0}};
    takt_ring *ring = RIG_RING(.capacity = capacity, .multi = multi, .first = first);
    takt_consumer *a = rig_poller(ring);
    takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
    int64_t n = at_once ? capacity : 1;
    cr_assert_eq(takt_ring_cursor(ring), first - 1, "%ld", takt_ring_cursor(ring));
    cr_assert_eq(rig_done(a), first - 1);
    cr_assert_eq(takt_ring_remaining_capacity(ring), capacity);
    for (int64_t s = first; s < first + 2 * capacity; s += n) {
        cr_assert(!takt_ring_is_available(ring, s) && takt_ring_is_available(ring, s - 1));
        cr_assert_eq(rig_claim(ring, n), s + n - 1);
        cr_assert_eq(takt_ring_cursor(ring), s - 1);
        rig_poll(a, &log[0], UINT32_MAX, 0);
        rig_fill(ring, s, s + n - 1);
        takt_ring_publish_range(ring, s, s + n - 1);
        cr_assert(takt_ring_is_available(ring, s + n - 1));
        cr_assert_eq(takt_ring_cursor(ring), s + n - 1);
        cr_assert_eq(takt_ring_remaining_capacity(ring), capacity - n);
        rig_poll(a, &log[0], UINT32_MAX, n);
        rig_poll(b, &log[1], UINT32_MAX, n);
    }
    rig_has(&log[0], first, (uint32_t)(2 * capacity));
    rig_has(&log[1], first, (uint32_t)(2 * capacity));
    cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), 0);
    takt_ring_destroy(ring);
}

/* Sequences at which a number of 31, 32 or 63 bits ends, counted in events or in laps. */
Test(first, may_be_any_sequence)
{
    for (int64_t capacity = 1; capacity <= 64; capacity *= 2) {
        const int64_t firsts[] = {0,
                                  1,
                                  capacity - 1,
                                  capacity + 1,
                                  INT32_MAX - INT64_C(1),
                                  UINT32_MAX - INT64_C(1),
                                  INT32_MAX * capacity,
                                  UINT32_MAX * capacity,
                                  UINT32_MAX * capacity - 1,
                                  (UINT32_MAX + INT64_C(1)) * capacity - 1,
                                  INT64_C(1) << 62,
                                  (INT64_C(1) << 62) - 1,
                                  highest(capacity) - 1,
                                  highest(capacity)};
        for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
            for (int way = 0; way < 4; way++)
                check_two_laps(capacity, way % 2, firsts[i], way / 2);
    }
}

/* Many producers: a word that was never stored must not look like the lap that begins there. */
Test(first, does_not_show_what_nobody_has_published)
{
    for (int64_t capacity = 1; capacity <= 64; capacity *= 8)
        for (int64_t lap = UINT32_MAX - INT64_C(2); lap <= UINT32_MAX + INT64_C(2); lap++) {
            int64_t first = lap * capacity;
            takt_ring *ring = RIG_RING(.capacity = capacity, .multi = true, .first = first);
            cr_assert_eq(takt_ring_cursor(ring), first - 1, "lap %ld: %ld", lap,
                         takt_ring_cursor(ring) - first);
            for (int64_t s = first; s < first + capacity; s++)
                cr_assert(!takt_ring_is_available(ring, s));
            takt_ring_destroy(ring);
        }
}

Test(first, is_where_void_events_may_begin)
{
    for (int64_t capacity = 2; capacity <= 64; capacity *= 2)
        for (int64_t lap = UINT32_MAX - INT64_C(1); lap <= UINT32_MAX + INT64_C(1); lap++) {
            struct rig_log log = {0};
            int64_t first = lap * capacity;
            takt_ring *ring = RIG_RING(.capacity = capacity, .first = first);
            takt_consumer *c = rig_poller(ring);
            cr_assert_eq(rig_claim(ring, capacity), first + capacity - 1);
            rig_fill(ring, first, first + capacity - 1);
            takt_ring_publish_void(ring, first + capacity - 1, first + capacity - 1);
            rig_poll(c, &log, 64, capacity);
            rig_has(&log, first, (uint32_t)(capacity - 1));
            takt_ring_destroy(ring);
        }
}

/* At random over many laps, up to as near to the end as a run of this length can come. */
static void run_at_random(int64_t first, bool multi, uint64_t seed)
{
    struct rng rng = {seed};
    static struct rig_log log;
    log = (struct rig_log){0};
    takt_ring *ring = RIG_RING(.capacity = 16, .multi = multi, .first = first);
    takt_consumer *c = rig_poller(ring);
    int64_t claimed = first - 1;
    while (claimed < first + 3900) {
        int64_t n = 1 + rng_below(&rng, 16);
        bool fits = claimed + n - rig_done(c) <= 16;
        int64_t high = takt_ring_try_next(ring, n);
        cr_assert_eq(high, fits ? claimed + n : TAKT_EFULL);
        if (fits) {
            rig_fill(ring, claimed + 1, high);
            takt_ring_publish_range(ring, claimed + 1, high);
            claimed = high;
        }
        rig_poll(c, &log, 1 + rng_below(&rng, 16), -1);
    }
    rig_poll(c, &log, 16, -1);
    rig_has(&log, first, (uint32_t)(claimed - first + 1));
    takt_ring_destroy(ring);
}

Test(first, makes_no_difference_in_a_long_run)
{
    const int64_t firsts[] = {0,
                              5,
                              UINT32_MAX - INT64_C(2000),
                              UINT32_MAX * INT64_C(16) - 2000,
                              (INT64_C(1) << 62) - 2000,
                              INT64_MAX - 5000};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        run_at_random(firsts[i], false, i);
        run_at_random(firsts[i], true, 100 + i);
    }
}

Test(first, is_where_consumers_and_sequences_of_ones_own_begin)
{
    static struct rig_log log;
    takt_sequence own;
    takt_barrier *barrier;
    int64_t first = INT64_MAX - 1000;
    takt_ring *ring = RIG_RING(.capacity = 8, .first = first);
    takt_sequence_init(&own, first - 1);
    cr_assert_eq(takt_ring_add_gating(ring, &own), 0);
    cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, NULL), 0);
    takt_consumer *c = rig_add(
        ring, TAKT_CONSUMER(.handler = rig_record, .context = &log, .from = TAKT_FROM_OLDEST));
    cr_assert_eq(takt_barrier_available(barrier), first - 1);
    cr_assert_eq(takt_ring_remaining_capacity(ring), 8);
    rig_start(c);
    rig_publish(ring, 8);
    cr_assert_eq(takt_barrier_wait(barrier, first, TAKT_FOREVER), first + 7);
    rig_comes_to(c, first + 7);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    takt_sequence_set(&own, first + 3);
    cr_assert_eq(takt_ring_try_next(ring, 4), first + 11);
    takt_barrier_destroy(barrier);
    takt_ring_destroy(ring);
    rig_has(&log, first, 8);
}

Test(first, and_a_ring_of_one_slot)
{
    for (int multi = 0; multi < 2; multi++) {
        struct rig_log log[3] = {{0}};
        takt_consumer *c[3];
        takt_ring *ring = RIG_RING(.capacity = 1, .multi = multi, .first = 77);
        for (int i = 0; i < 3; i++)
            c[i] = rig_add(ring, TAKT_CONSUMER(.after = &c[i - (i > 0)], .after_count = i > 0));
        for (int64_t s = 77; s < 577; s++) {
            cr_assert_eq(rig_publish(ring, 1), s);
            for (int i = 0; i < 3; i++) {
                cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
                rig_poll(c[i], &log[i], 9, 1);
                rig_poll(c[i], &log[i], 9, 0);
            }
        }
        cr_assert_eq(takt_ring_try_next(ring, 2), TAKT_EINVAL);
        rig_has(&log[2], 77, 500);
        takt_ring_destroy(ring);
    }
}
