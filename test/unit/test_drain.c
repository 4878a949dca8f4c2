/* SPDX-License-Identifier: MIT */
/* Draining: how many events are left, at once or at a deadline, and a ring that stays usable. */
#include "random.h"
#include "rig.h"

TestSuite(drain, .timeout = 40);

Test(drain, of_an_idle_ring_is_done_at_once)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0, "nobody is there");
    takt_consumer *c = rig_poller(ring);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0, "nothing is there");
    cr_assert_eq(takt_ring_next(ring, 3), 2);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0, "what is claimed is not published");
    rig_fill(ring, 0, 2);
    takt_ring_publish(ring, 2);
    rig_poll(c, &log, 8, 3);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    rig_publish(ring, 2);
    cr_assert_eq(takt_consumer_remove(c), 0);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0, "nobody will do them");
    takt_ring_destroy(ring);
}

Test(drain, says_how_much_the_slowest_has_left)
{
    struct rig_log log = {0};
    struct rng rng = {11};
    takt_consumer *c[3];
    takt_ring *ring = RIG_RING(.capacity = 16);
    int64_t done[3] = {-1, -1, -1}, cursor = -1;
    for (int i = 0; i < 3; i++)
        c[i] = rig_poller(ring);
    for (int step = 0; step < 3000; step++) {
        int64_t n = rng_below(&rng, 6);
        if (n && takt_ring_remaining_capacity(ring) >= n)
            cursor = rig_publish(ring, n);
        uint32_t who = rng_below(&rng, 3);
        rig_poll(c[who], &log, 1 + rng_below(&rng, 6), -1);
        done[who] = rig_done(c[who]);
        int64_t least = done[0] < done[1] ? done[0] : done[1];
        least = least < done[2] ? least : done[2];
        cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), cursor - least);
    }
    cr_assert(cursor > 1000);
    takt_ring_destroy(ring);
}

Test(drain, gives_up_at_the_deadline_and_changes_nothing)
{
    for (int multi = 0; multi < 2; multi++) {
        struct rig_log log = {0};
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
        takt_consumer *c = rig_poller(ring);
        rig_publish(ring, 6);
        for (int64_t left = 6; left > 0; left--) {
            int64_t deadline = takt_after(1000000);
            cr_assert_eq(takt_ring_drain(ring, deadline), left);
            cr_assert(takt_now() >= deadline);
            cr_assert_eq(takt_ring_drain(ring, 1), left);
            rig_poll(c, &log, 1, 1);
        }
        cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
        rig_publish(ring, 8);
        cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), 8);
        rig_poll(c, &log, 8, 8);
        cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), 0);
        rig_has(&log, 0, 14);
        takt_ring_destroy(ring);
    }
}

Test(drain, is_held_by_the_last_of_a_chain)
{
    struct rig_log log[2] = {{0}};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_poller(ring);
    takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
    rig_publish(ring, 5);
    rig_poll(a, &log[0], 8, 5);
    cr_assert_eq(takt_ring_drain(ring, takt_after(500000)), 5);
    rig_poll(b, &log[1], 3, 3);
    cr_assert_eq(takt_ring_drain(ring, takt_after(500000)), 2);
    rig_poll(b, &log[1], 3, 2);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    takt_ring_destroy(ring);
}

Test(drain, of_many_producers_is_of_what_all_have_published)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8, .multi = true);
    takt_consumer *c = rig_poller(ring);
    cr_assert_eq(rig_claim(ring, 5), 4);
    rig_fill(ring, 0, 4);
    takt_ring_publish_range(ring, 0, 1);
    takt_ring_publish_range(ring, 3, 4);
    cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), 2);
    rig_poll(c, &log, 8, 2);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    takt_ring_publish(ring, 2);
    cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), 3);
    takt_ring_destroy(ring);
}

/* A slow handler. */
static int dawdle(void *context, takt_batch *b)
{
    usleep(100);
    return rig_record(context, b);
}

/* Whether its consumers run already or start much later: what was published is handled. */
Test(drain, waits_for_consumers_that_run_or_will)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        static struct rig_log log[2];
        log[0] = log[1] = (struct rig_log){0};
        takt_wait wait = {.kind = rig_kinds[k]};
        takt_ring *ring = RIG_RING(.capacity = 32);
        takt_consumer *a = rig_add(ring, TAKT_CONSUMER(.handler = dawdle, .context = &log[0],
                                                       .wait = wait, .batch_most = 3));
        takt_consumer *b = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &log[1],
                                                       .wait = wait, RIG_AFTER(a)));
        rig_publish(ring, 30);
        rig_start(a);
        rig_start(b);
        cr_assert_eq(takt_ring_drain(ring, takt_after(RIG_PATIENCE_NS)), 0);
        rig_has(&log[0], 0, 30);
        rig_has(&log[1], 0, 30);
        for (uint32_t n = 31; n < 60; n++) {
            rig_publish(ring, 1);
            cr_assert_eq(takt_ring_drain(ring, takt_after(RIG_PATIENCE_NS)), 0);
            rig_has(&log[1], 0, n);
        }
        takt_ring_destroy(ring);
    }
}

/* A drain that another thread makes; the consumer starts when it is under way. */
struct drainer {
    takt_ring *ring;
    int64_t result, at_it;
};

static void *drain_there(void *argument)
{
    struct drainer *d = argument;
    takt__store_release(&d->at_it, 1);
    d->result = takt_ring_drain(d->ring, takt_after(RIG_PATIENCE_NS));
    return NULL;
}

Test(drain, that_waits_sees_its_consumers_start_move_and_go)
{
    for (int ending = 0; ending < 3; ending++) {
        pthread_t thread;
        static struct rig_log log;
        log = (struct rig_log){0};
        struct drainer d = {.ring = RIG_RING(.capacity = 8)};
        takt_consumer *c = rig_add(d.ring, TAKT_CONSUMER(.handler = rig_record, .context = &log));
        rig_publish(d.ring, 8);
        cr_assert_eq(pthread_create(&thread, NULL, drain_there, &d), 0);
        rig_reaches(&d.at_it, 1);
        usleep(3000);
        if (ending == 0)
            rig_start(c);
        else if (ending == 1)
            rig_poll(c, &log, 8, 8);
        else
            cr_assert_eq(takt_consumer_remove(c), 0);
        pthread_join(thread, NULL);
        cr_assert_eq(d.result, 0);
        takt_ring_destroy(d.ring);
        rig_has(&log, 0, ending == 2 ? 0 : 8);
    }
}

static int fail_at_three(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == 3)
            return takt_batch_fail(b, i, -55);
    return 0;
}

Test(drain, says_what_a_consumer_that_failed_has_left)
{
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *c = rig_add(ring, TAKT_CONSUMER(.handler = fail_at_three));
    rig_publish(ring, 8);
    rig_start(c);
    takt_consumer_join(c);
    cr_assert_eq(takt_ring_drain(ring, takt_after(1000000)), 5);
    cr_assert_eq(takt_consumer_remove(c), 0);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    takt_ring_destroy(ring);
}
