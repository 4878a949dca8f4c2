/* SPDX-License-Identifier: MIT */
/* Consumers that are polled: nothing there, held up by another, something to do. */
#include "rig.h"

TestSuite(poll, .timeout = 20);

Test(poll, refuses_what_makes_no_sense)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    rig_publish(ring, 1);
    cr_assert_eq(takt_consumer_poll(NULL, rig_record, &log, 1), TAKT_EINVAL);
    cr_assert_eq(takt_consumer_poll(poller, NULL, &log, 1), TAKT_EINVAL);
    cr_assert_eq(takt_consumer_poll(poller, rig_record, &log, 0), TAKT_EINVAL);
    cr_assert_eq(takt_consumer_start(poller), TAKT_EINVAL, "it has no handler of its own");
    cr_assert_eq(takt_consumer_run(poller), TAKT_EINVAL);
    rig_has(&log, 0, 0);
    rig_poll(poller, &log, 1, 1);
    takt_ring_destroy(ring);
}

Test(poll, finds_nothing_and_calls_nobody)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    rig_poll(poller, &log, 8, 0);
    cr_assert_eq(rig_claim(ring, 2), 1);
    rig_poll(poller, &log, 8, 0);
    takt_ring_publish_range(ring, 0, 1);
    log.wrong = 0;
    rig_poll(poller, &log, 8, 2);
    rig_poll(poller, &log, 8, 0);
    cr_assert_eq(log.batches, 1);
    takt_ring_destroy(ring);
}

Test(poll, is_held_up_by_the_consumer_before)
{
    struct rig_log first = {0}, second = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_poller(ring);
    takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
    rig_publish(ring, 6);
    rig_poll(b, &second, 8, 0);
    rig_poll(a, &first, 4, 4);
    rig_poll(b, &second, 3, 3);
    rig_poll(b, &second, 3, 1);
    rig_poll(b, &second, 3, 0);
    rig_poll(a, &first, 4, 2);
    rig_poll(b, &second, 3, 2);
    rig_has(&first, 0, 6);
    rig_has(&second, 0, 6);
    takt_ring_destroy(ring);
}

Test(poll, takes_at_most_so_many)
{
    for (uint32_t most = 1; most <= 9; most++)
        for (uint32_t least = 1; least <= 9; least++) {
            struct rig_log log = {0};
            uint32_t limit = most < least ? most : least;
            takt_ring *ring = RIG_RING(.capacity = 8);
            takt_consumer *poller = rig_add(ring, TAKT_CONSUMER(.batch_most = least));
            rig_publish(ring, 8);
            for (uint32_t left = 8; left > 0;) {
                uint32_t n = left < limit ? left : limit;
                rig_poll(poller, &log, most, n);
                left -= n;
                cr_assert_eq(takt_ring_remaining_capacity(ring), 8 - left);
            }
            rig_has(&log, 0, 8);
            takt_ring_destroy(ring);
        }
}

Test(poll, hands_over_one_batch_across_the_end_of_the_ring)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    for (uint32_t lap = 0; lap < 40; lap++) {
        rig_publish(ring, 5);
        rig_poll(poller, &log, 8, 5);
        cr_assert_eq(log.batches, lap + 1);
    }
    rig_has(&log, 0, 200);
    takt_ring_destroy(ring);
}

static int look_at_batch(void *context, takt_batch *b)
{
    int *good = context;
    takt_batch_set_key(b, 0, 99); /* there are no keys: nothing happens */
    *good = b->shard == 0 && b->shards == 1 && b->count == 3 && b->first == 0 && !b->keys;
    return 0;
}

Test(poll, hands_over_a_batch_of_one_shard)
{
    int good = 0;
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    rig_publish(ring, 3);
    cr_assert_eq(takt_consumer_poll(poller, look_at_batch, &good, 8), 3);
    cr_assert(good);
    takt_ring_destroy(ring);
}

Test(poll, of_several_consumers_gives_each_every_event)
{
    struct rig_log logs[3] = {{0}};
    takt_consumer *pollers[3];
    takt_ring *ring = RIG_RING(.capacity = 8);
    for (int i = 0; i < 3; i++)
        pollers[i] = rig_poller(ring);
    for (int64_t lap = 0; lap < 10; lap++) {
        rig_publish(ring, 8);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "each holds the producer");
            rig_poll(pollers[i], &logs[i], 8, 8);
        }
    }
    for (int i = 0; i < 3; i++)
        rig_has(&logs[i], 0, 80);
    takt_ring_destroy(ring);
}

/* Fails at one sequence; says so by takt_batch_fail, or only by its result. */
struct faulty {
    struct rig_log log;
    int64_t fails_at;
    bool says_where;
    uint32_t index; /* that it says instead, if not 0 */
};

static int fail_at(void *context, takt_batch *b)
{
    struct faulty *f = context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == f->fails_at)
            return f->says_where ? takt_batch_fail(b, f->index ? f->index : i, -77) : -78;
    return rig_record(&f->log, b);
}

Test(poll, returns_a_failure_and_begins_with_the_failed_event_again)
{
    for (int64_t fails_at = 0; fails_at < 6; fails_at++) {
        struct faulty f = {.fails_at = fails_at, .says_where = true};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *poller = rig_add(ring, TAKT_CONSUMER(.policy = TAKT_SKIP, .retries = 3));
        rig_publish(ring, 6);
        for (int again = 0; again < 3; again++) {
            cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), -77, "no policy here");
            cr_assert_eq(rig_done(poller), fails_at - 1);
        }
        cr_assert_eq(takt_ring_remaining_capacity(ring), 2 + fails_at);
        cr_assert_eq(takt_consumer_failure(poller, &(int64_t){0}, &(int){0}), 0);
        f.fails_at = -1;
        cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), 6 - fails_at);
        rig_has(&f.log, fails_at, (uint32_t)(6 - fails_at));
        takt_ring_destroy(ring);
    }
}

Test(poll, takes_a_failure_that_does_not_say_where_for_the_first_event)
{
    const uint32_t beyond[] = {4, 5, UINT32_MAX};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    struct faulty f = {.fails_at = 2};
    rig_publish(ring, 4);
    cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), -78);
    cr_assert_eq(rig_done(poller), -1);
    f.says_where = true;
    for (size_t i = 0; i < 3; i++) {
        f.index = beyond[i];
        cr_assert_eq(takt_consumer_poll(poller, fail_at, &f, 8), -77);
        cr_assert_eq(rig_done(poller), -1);
    }
    takt_ring_destroy(ring);
}

Test(poll, is_refused_while_the_consumer_runs)
{
    struct rig_log log = {0}, polled = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *c = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &log));
    rig_publish(ring, 1);
    rig_poll(c, &polled, 8, 1);
    rig_start(c);
    rig_publish(ring, 2);
    rig_comes_to(c, 2);
    cr_assert_eq(takt_consumer_poll(c, rig_record, &polled, 8), TAKT_ESTATE);
    takt_consumer_halt(c);
    takt_consumer_join(c);
    rig_publish(ring, 1);
    rig_poll(c, &polled, 8, 1);
    rig_has(&log, 1, 2);
    cr_assert_eq(polled.count, 2);
    cr_assert_eq(polled.sequences[1], 3);
    takt_ring_destroy(ring);
}

static int release_and_fail(void *context, takt_batch *b)
{
    (void)context;
    takt_batch_release(b, 2);
    return takt_batch_fail(b, 1, TAKT_EUSER);
}

/* What should not be: an event that fails after it was released. Others may have it by now. */
Test(poll, what_was_released_is_not_taken_back)
{
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *poller = rig_poller(ring);
    rig_publish(ring, 4);
    cr_assert_eq(takt_consumer_poll(poller, release_and_fail, NULL, 4), TAKT_EUSER);
    cr_assert_eq(takt_sequence_get(takt_consumer_sequence(poller)), 2);
    takt_ring_destroy(ring);
}
