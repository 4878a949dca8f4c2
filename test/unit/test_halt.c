/* SPDX-License-Identifier: MIT */
/* Halting: consumers that wait in every strategy, before they start, from their own handlers. */
#include "rig.h"

TestSuite(halt, .timeout = 40);

struct worker {
    struct rig_log log;
    takt_ring *ring;
    takt_consumer *self;
    int64_t halts_at; /* the handler halts its consumer, or the ring, at this event */
    bool halts_ring;
    int64_t started, stopped;
};

static void on_start(void *context)
{
    struct worker *w = context;
    takt__store_release(&w->started, w->started + 1);
}

static void on_stop(void *context)
{
    struct worker *w = context;
    takt__store_release(&w->stopped, w->stopped + 1);
}

static int work(void *context, takt_batch *b)
{
    struct worker *w = context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == w->halts_at) {
            if (w->halts_ring)
                takt_ring_halt(w->ring);
            else
                takt_consumer_halt(w->self);
        }
    return rig_record(&w->log, b);
}

#define WORKER(w, ...)                                                                             \
    TAKT_CONSUMER(.handler = work, .context = (w), .on_start = on_start, .on_stop = on_stop,       \
                  __VA_ARGS__)

static struct worker workers[4];

static struct worker *clear(int i)
{
    workers[i] = (struct worker){.halts_at = -1};
    return &workers[i];
}

static void check_stopped(int i)
{
    cr_assert_eq(workers[i].started, 1);
    cr_assert_eq(workers[i].stopped, 1);
}

/* Starts a consumer and leaves it time to begin to wait, which no result depends on. */
static void start(takt_consumer *c, const struct worker *w)
{
    rig_start(c);
    rig_reaches(&w->started, 1);
    usleep(2000);
}

Test(halt, ends_a_wait_for_the_producer_in_every_strategy)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = k % 2);
        takt_consumer *c = rig_add(ring, WORKER(clear(0), .wait = {.kind = rig_kinds[k]}));
        start(c, &workers[0]);
        takt_consumer_halt(c);
        takt_consumer_join(c);
        check_stopped(0);
        rig_has(&workers[0].log, 0, 0);
        takt_ring_destroy(ring);
    }
}

Test(halt, ends_a_wait_for_another_consumer_in_every_strategy)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        struct rig_log log = {0};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *a = rig_poller(ring);
        takt_consumer *b =
            rig_add(ring, WORKER(clear(0), .wait = {.kind = rig_kinds[k]}, RIG_AFTER(a)));
        rig_publish(ring, 8);
        rig_poll(a, &log, 3, 3);
        start(b, &workers[0]);
        rig_comes_to(b, 2);
        takt_consumer_halt(b);
        takt_consumer_join(b);
        check_stopped(0);
        rig_has(&workers[0].log, 0, 3);
        takt_ring_destroy(ring);
    }
}

Test(halt, of_one_consumer_leaves_the_others_alone)
{
    takt_ring *ring = RIG_RING(.capacity = 16);
    takt_consumer *a = rig_add(ring, WORKER(clear(0), .name = "a"));
    takt_consumer *b = rig_add(ring, WORKER(clear(1), .name = "b"));
    start(a, &workers[0]);
    start(b, &workers[1]);
    rig_publish(ring, 4);
    rig_comes_to(a, 3);
    takt_consumer_halt(a);
    takt_consumer_join(a);
    rig_publish(ring, 12);
    rig_comes_to(b, 15);
    cr_assert_eq(takt_ring_try_next(ring, 5), TAKT_EFULL, "who is halted still holds the producer");
    cr_assert_eq(takt_ring_drain(ring, takt_after(2000000)), 12);
    takt_ring_destroy(ring);
    rig_has(&workers[0].log, 0, 4);
    rig_has(&workers[1].log, 0, 16);
    check_stopped(1);
}

Test(halt, before_the_start_lets_no_event_through)
{
    for (int on_thread = 0; on_thread < 2; on_thread++) {
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *c = rig_add(ring, WORKER(clear(0), .name = "late"));
        rig_publish(ring, 5);
        takt_consumer_halt(c);
        if (on_thread)
            rig_start(c);
        else
            cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
        takt_consumer_join(c);
        check_stopped(0);
        rig_has(&workers[0].log, 0, 0);
        cr_assert_eq(rig_done(c), -1);
        takt_ring_destroy(ring);
    }
}

Test(halt, by_the_handler_ends_after_its_batch)
{
    for (int64_t at = 0; at < 12; at++) {
        takt_ring *ring = RIG_RING(.capacity = 16);
        struct worker *w = clear(0);
        takt_consumer *c = w->self = rig_add(ring, WORKER(w, .batch_most = 4));
        w->halts_at = at;
        rig_publish(ring, 12);
        cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
        rig_has(&w->log, 0, (uint32_t)(at / 4 * 4 + 4));
        check_stopped(0);
        takt_ring_destroy(ring);
    }
}

/* A chain of three, and one beside it, all waiting. */
static takt_ring *start_four(takt_consumer **c, takt_wait wait, bool multi)
{
    takt_ring *ring = RIG_RING(.capacity = 8, .multi = multi);
    c[0] = rig_add(ring, WORKER(clear(0), .wait = wait));
    c[1] = rig_add(ring, WORKER(clear(1), .wait = wait, RIG_AFTER(c[0])));
    c[2] = rig_add(ring, WORKER(clear(2), .wait = wait, RIG_AFTER(c[1])));
    c[3] = rig_add(ring, WORKER(clear(3), .wait = wait));
    for (int i = 3; i >= 0; i--) {
        workers[i].ring = ring;
        start(c[i], &workers[i]);
    }
    return ring;
}

Test(halt, of_the_ring_ends_every_consumer_in_every_strategy)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        takt_consumer *c[4];
        takt_ring *ring = start_four(c, (takt_wait){.kind = rig_kinds[k]}, k % 2);
        rig_publish(ring, 5);
        cr_assert_eq(takt_ring_drain(ring, takt_after(RIG_PATIENCE_NS)), 0);
        takt_ring_halt(ring);
        for (int i = 0; i < 4; i++) {
            takt_consumer_join(c[i]);
            check_stopped(i);
            rig_has(&workers[i].log, 0, 5);
        }
        takt_ring_halt(ring);
        takt_ring_destroy(ring);
    }
}

Test(halt, of_the_ring_by_a_handler_ends_after_its_batch)
{
    takt_consumer *c[4];
    takt_ring *ring = start_four(c, (takt_wait){.kind = TAKT_WAIT_BLOCK}, false);
    workers[1].halts_ring = true;
    workers[1].halts_at = 2;
    rig_publish(ring, 6);
    for (int i = 0; i < 4; i++)
        takt_consumer_join(c[i]);
    rig_has(&workers[1].log, 0, workers[1].log.count);
    cr_assert(workers[1].log.count >= 3);
    cr_assert(rig_done(c[2]) <= rig_done(c[1]) && rig_done(c[1]) <= rig_done(c[0]));
    takt_ring_destroy(ring);
}

/* The gates of a ring whose consumers have followers, or have gone, have places with nobody in. */
Test(halt, of_a_ring_whose_consumers_have_changed)
{
    for (int remove = 0; remove < 2; remove++) {
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *a = rig_poller(ring);
        takt_consumer *b = remove ? rig_poller(ring) : rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
        rig_publish(ring, 3);
        if (remove)
            cr_assert_eq(takt_consumer_remove(b), 0);
        takt_ring_halt(ring);
        cr_assert_eq(takt_ring_next(ring, 6), TAKT_EHALTED);
        takt_ring_destroy(ring);
    }
}

/* The producer sleeps at a consumer that no longer holds it when the ring is halted. */
Test(halt, finds_a_producer_that_sleeps_at_a_consumer_with_a_new_follower)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        struct rig_claimer claimer;
        takt_ring *ring = RIG_RING(.capacity = 2, .wait = {.kind = rig_kinds[k]});
        takt_consumer *a = rig_poller(ring);
        rig_publish(ring, 2);
        rig_start_claim(&claimer, ring, 1);
        rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
        takt_ring_halt(ring);
        cr_assert_eq(rig_end_claim(&claimer), TAKT_EHALTED, "kind %zu", k);
        takt_ring_destroy(ring);
    }
}

/* A drain made by another thread. */
struct drainer {
    takt_ring *ring;
    int64_t result, at_it, took_ns;
};

static void *drain_there(void *argument)
{
    struct drainer *d = argument;
    int64_t began = takt_now();
    takt__store_release(&d->at_it, 1);
    d->result = takt_ring_drain(d->ring, takt_after(RIG_PATIENCE_NS));
    d->took_ns = takt_now() - began;
    return NULL;
}

Test(halt, ends_a_drain_which_says_what_is_left)
{
    pthread_t thread;
    struct rig_log log = {0};
    struct drainer d = {.ring = RIG_RING(.capacity = 8)};
    takt_consumer *c = rig_poller(d.ring);
    rig_publish(d.ring, 7);
    rig_poll(c, &log, 2, 2);
    cr_assert_eq(pthread_create(&thread, NULL, drain_there, &d), 0);
    rig_reaches(&d.at_it, 1);
    usleep(3000);
    takt_ring_halt(d.ring);
    pthread_join(thread, NULL);
    cr_assert_eq(d.result, 5);
    cr_assert(d.took_ns < RIG_PATIENCE_NS, "it ran into its deadline");
    takt_ring_destroy(d.ring);
}

Test(halt, lets_who_is_added_later_be_destroyed)
{
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_ring_halt(ring);
    takt_consumer *c = rig_add(ring, WORKER(clear(0), .name = "later"));
    start(c, &workers[0]);
    takt_ring_destroy(ring);
    check_stopped(0);
}

/* Even if it takes the place of one that was removed before the halt. */
Test(halt, reaches_who_is_added_later)
{
    for (int again = 0; again < 2; again++) {
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *before = rig_poller(ring);
        rig_publish(ring, 3);
        if (again)
            cr_assert_eq(takt_consumer_remove(before), 0);
        takt_ring_halt(ring);
        takt_consumer *c =
            rig_add(ring, WORKER(clear(0), .name = "later", .from = TAKT_FROM_OLDEST));
        rig_start(c);
        rig_reaches(&workers[0].stopped, 1);
        takt_consumer_join(c);
        check_stopped(0);
        rig_has(&workers[0].log, 0, 0);
        takt_ring_destroy(ring);
    }
}
