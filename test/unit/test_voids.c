/* SPDX-License-Identifier: MIT */
/* Void events: published so that nobody waits for them, and seen by no handler. */
#include "random.h"
#include "rig.h"

TestSuite(voids, .timeout = 20);

/* Publishes `count` claimed events from `low` on; bit i of `mask` makes the i-th one void. */
static void publish_masked(takt_ring *ring, int64_t low, uint32_t count, uint32_t mask)
{
    bool backwards = ring->laps != NULL; /* many producers may publish in any order */
    for (uint32_t k = 0; k < count; k++) {
        uint32_t i = backwards ? count - 1 - k : k;
        rig_fill(ring, low + i, low + i);
        if (mask >> i & 1)
            takt_ring_publish_void(ring, low + i, low + i);
        else
            takt_ring_publish(ring, low + i);
    }
}

/* What a handler should get of those. */
static void check_seen(const struct rig_log *log, int64_t low, uint32_t count, uint32_t mask)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!(mask >> i & 1)) {
            cr_assert_eq(log->sequences[n], low + i, "mask %x from %ld", mask, low);
            n++;
        }
    cr_assert_eq(log->count, n, "mask %x from %ld: %u events", mask, low, log->count);
    cr_assert_eq(log->wrong + log->empty, 0);
}

/* A lap with these void events that begins `offset` slots into the ring, and one without. */
static void check_mask(bool multi, uint32_t offset, uint32_t mask, uint32_t most)
{
    struct rig_log before = {0}, log = {0}, after = {0};
    takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
    takt_consumer *poller = rig_poller(ring);
    if (offset) {
        rig_publish(ring, offset);
        rig_poll(poller, &before, 8, offset);
    }
    cr_assert_eq(rig_claim(ring, 8), offset + 7);
    publish_masked(ring, offset, 8, mask);
    for (uint32_t i = 0; i < 8; i++)
        cr_assert_eq(takt_ring_is_void(ring, offset + i), mask >> i & 1);
    for (uint32_t done = 0; done < 8; done += most)
        rig_poll(poller, &log, most, 8 - done < most ? 8 - done : most);
    rig_poll(poller, &log, most, 0);
    check_seen(&log, offset, 8, mask);
    cr_assert_eq(rig_done(poller), offset + 7);
    rig_publish(ring, 8);
    rig_poll(poller, &after, 8, 8);
    rig_has(&after, offset + 8, 8);
    takt_ring_destroy(ring);
}

Test(voids, of_every_pattern_are_seen_by_nobody)
{
    for (uint32_t mask = 0; mask < 256; mask++) {
        check_mask(false, mask % 8, mask, 8);
        check_mask(false, (mask + 3) % 8, mask, 3);
        check_mask(true, (mask + 5) % 8, mask, 8);
        check_mask(true, mask % 8, mask, 1);
    }
    for (uint32_t offset = 0; offset < 8; offset++) {
        const uint32_t masks[] = {0, 255, 1, 128, 129, 126};
        for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
            check_mask(false, offset, masks[i], 8);
            check_mask(true, offset, masks[i], 5);
        }
    }
}

static int must_not_be_called(void *context, takt_batch *b)
{
    ++*(int *)context;
    return b->count ? 0 : TAKT_EINVAL;
}

Test(voids, alone_call_no_handler_but_count_as_done)
{
    int calls = 0;
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    cr_assert_eq(rig_claim(ring, 8), 7);
    takt_ring_publish_void(ring, 0, 7);
    cr_assert_eq(takt_ring_cursor(ring), 7);
    cr_assert_eq(takt_consumer_poll(poller, must_not_be_called, &calls, 8), 8);
    cr_assert_eq(calls, 0);
    cr_assert_eq(rig_done(poller), 7);
    cr_assert_eq(rig_claim(ring, 8), 15, "and make room");
    takt_ring_destroy(ring);
}

Test(voids, of_one_producer_publish_what_was_claimed_before_them)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    cr_assert_eq(rig_claim(ring, 6), 5);
    rig_fill(ring, 0, 2);
    takt_ring_publish_void(ring, 3, 4);
    cr_assert_eq(takt_ring_cursor(ring), 4);
    rig_fill(ring, 5, 5);
    takt_ring_publish(ring, 5);
    rig_poll(poller, &log, 8, 6);
    check_seen(&log, 0, 6, 0x18);
    takt_ring_destroy(ring);
}

Test(voids, leave_the_next_lap_alone)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 4, .multi = true);
    takt_consumer *poller = rig_poller(ring);
    for (int64_t lap = 0; lap < 12; lap++) {
        uint32_t mask = 1u << lap % 4; /* another slot each time */
        cr_assert_eq(rig_claim(ring, 4), 4 * lap + 3);
        publish_masked(ring, 4 * lap, 4, mask);
        log = (struct rig_log){0};
        rig_poll(poller, &log, 4, 4);
        check_seen(&log, 4 * lap, 4, mask);
    }
    takt_ring_destroy(ring);
}

/* Where a sequence's lap, counted in 32 bits, is what a slot says that was never published. */
Test(voids, are_only_those_that_were_published_so)
{
    for (int64_t capacity = 1; capacity <= 64; capacity *= 8)
        for (int64_t lap = UINT32_MAX - INT64_C(2); lap <= UINT32_MAX + INT64_C(2); lap++) {
            takt_ring *ring = RIG_RING(.capacity = capacity, .first = lap * capacity);
            for (int64_t s = lap * capacity; s < (lap + 1) * capacity; s++)
                cr_assert(!takt_ring_is_void(ring, s), "%ld in a ring of %ld", s, capacity);
            takt_ring_destroy(ring);
        }
}

/* Fails at one event, and lets the next consumer have what is before it. */
struct faulty {
    struct rig_log log;
    int64_t fails_at;
    takt_consumer *self;
};

static int fail_at(void *context, takt_batch *b)
{
    struct faulty *f = context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == f->fails_at)
            return takt_batch_fail(b, i, -1234);
    return rig_record(&f->log, b);
}

Test(voids, do_not_hide_which_event_failed)
{
    for (int64_t fails_at = 0; fails_at < 8; fails_at++) {
        uint32_t mask = 0x6d & ~(1u << fails_at);
        struct faulty f = {.fails_at = fails_at};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *poller = rig_poller(ring);
        cr_assert_eq(rig_claim(ring, 8), 7);
        publish_masked(ring, 0, 8, mask);
        cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), -1234);
        cr_assert_eq(rig_done(poller), fails_at - 1, "what was before it is done");
        f.fails_at = -1;
        cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), 8 - fails_at);
        check_seen(&f.log, fails_at, (uint32_t)(8 - fails_at), mask >> fails_at);
        takt_ring_destroy(ring);
    }
}

static int release_one_by_one(void *context, takt_batch *b)
{
    struct faulty *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        takt_batch_release(b, i);
        f->log.wrong += rig_done(f->self) != takt_batch_sequence(b, i);
        f->log.count++;
    }
    return 0;
}

Test(voids, are_passed_over_by_early_release)
{
    struct faulty f = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    f.self = poller;
    cr_assert_eq(rig_claim(ring, 8), 7);
    publish_masked(ring, 0, 8, 0xa6);
    cr_assert_eq(takt_consumer_poll(poller, release_one_by_one, &f, 8), 8);
    cr_assert_eq(f.log.count, 4);
    cr_assert_eq(f.log.wrong, 0);
    cr_assert_eq(rig_done(poller), 7, "those at the end as well");
    takt_ring_destroy(ring);
}

/* Every event not void, in order, beside what on_batch was told. */
struct counter {
    struct rig_log log;
    uint32_t announced, announcements, unlike;
};

static void announce(void *context, uint32_t events, int64_t depth)
{
    struct counter *c = context;
    c->announced = events;
    c->announcements++;
    c->unlike += depth < events;
}

static int count(void *context, takt_batch *b)
{
    struct counter *c = context;
    c->unlike += b->count != c->announced;
    return rig_record(&c->log, b);
}

static uint32_t publish_at_random(takt_ring *ring, struct rng *rng, uint32_t rounds)
{
    uint32_t filled = 0;
    for (; rounds > 0; rounds--) {
        uint32_t n = 1 + rng_below(rng, 5);
        uint32_t mask = rng_below(rng, 4) ? rng_below(rng, 32) : 31;
        int64_t high = rig_claim(ring, n);
        publish_masked(ring, high - n + 1, n, mask);
        for (uint32_t i = 0; i < n; i++)
            filled += !(mask >> i & 1);
    }
    return filled;
}

static struct counter first, second;

/* Two consumers, one after the other, on their threads: how many events they should have had. */
static uint32_t run_two(bool multi)
{
    struct rng rng = {17};
    takt_ring *ring = RIG_RING(.capacity = 16, .multi = multi);
    first = second = (struct counter){0};
    takt_consumer *a =
        rig_add(ring, TAKT_CONSUMER(.handler = count, .context = &first, .on_batch = announce));
    takt_consumer *b =
        rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &second.log, RIG_AFTER(a)));
    rig_start(a);
    rig_start(b);
    uint32_t filled = publish_at_random(ring, &rng, 1000);
    cr_assert_eq(takt_ring_drain(ring, takt_after(RIG_PATIENCE_NS)), 0);
    takt_ring_destroy(ring); /* joins them */
    return filled;
}

Test(voids, pass_consumers_on_their_threads)
{
    for (int multi = 0; multi < 2; multi++) {
        uint32_t filled = run_two(multi);
        cr_assert_eq(first.log.count, filled);
        cr_assert_eq(second.log.count, filled);
        cr_assert_eq(first.log.wrong + second.log.wrong, 0);
        cr_assert_eq(first.log.empty + second.log.empty, 0);
    }
}

Test(voids, are_no_part_of_the_batch_that_on_batch_is_told)
{
    for (int multi = 0; multi < 2; multi++) {
        run_two(multi);
        cr_assert_eq(first.announcements, first.log.batches, "told of %u batches, had %u",
                     first.announcements, first.log.batches);
        cr_assert_eq(first.unlike, 0, "%u batches were not as told", first.unlike);
    }
}
