/* SPDX-License-Identifier: MIT */
/* Handlers that fail, and what a consumer does then: halt, skip, try again. */
#include "random.h"
#include "rig.h"

TestSuite(consumer_failure, .timeout = 30);

#define EVENTS 24

/* A handler that fails at some events so many times, and a consumer that runs until it is idle. */
struct faulty {
    struct rig_log log;    /* events that were handled */
    uint32_t fail[EVENTS]; /* how many times each fails yet */
    uint32_t tries[EVENTS];
    uint32_t firsts[RIG_MOST]; /* the first event of each call, */
    uint32_t counts[RIG_MOST]; /* and how many there were */
    uint32_t calls;
    bool releases; /* what it has handled, at once */
    takt_consumer *self;
    uint32_t stopped;
};

static int code_of(int64_t sequence)
{
    return TAKT_EUSER - (int)sequence;
}

static int handle(void *context, takt_batch *b)
{
    struct faulty *f = context;
    f->firsts[f->calls] = (uint32_t)takt_batch_sequence(b, 0);
    f->counts[f->calls++] = b->count;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        f->tries[s]++;
        if (f->fail[s] > 0) {
            f->fail[s] -= f->fail[s] != UINT32_MAX;
            return takt_batch_fail(b, i, code_of(s));
        }
        f->log.sequences[f->log.count++] = s;
        if (f->releases)
            takt_batch_release(b, i);
    }
    return 0;
}

static void halt_self(void *context, int64_t sequence)
{
    struct faulty *f = context;
    f->log.wrong += sequence >= EVENTS;
    takt_consumer_halt(f->self);
}

static void count_stop(void *context)
{
    ((struct faulty *)context)->stopped++;
}

#define FAULTY(f, ...)                                                                             \
    TAKT_CONSUMER(.handler = handle, .context = (f), .on_timeout = halt_self,                      \
                  .on_stop = count_stop, .timeout_ns = 200000, __VA_ARGS__)

static takt_ring *ring;
static struct faulty f;

/* Runs over all events until there are no more, or until it stops by itself. */
static int run(const takt_consumer_options *options)
{
    ring = RIG_RING(.capacity = 32);
    f.self = rig_add(ring, options);
    rig_publish(ring, EVENTS);
    int code = takt_consumer_run(f.self);
    cr_assert_eq(f.stopped, 1);
    cr_assert_eq(f.log.wrong, 0);
    return code;
}

static void check_failure(int64_t sequence, int code)
{
    int64_t at = -5;
    int why = 0;
    cr_assert_eq(takt_consumer_failure(f.self, &at, &why), 1);
    cr_assert_eq(at, sequence, "failed at %ld, not %ld", at, sequence);
    cr_assert_eq(why, code);
}

static void check_no_failure(void)
{
    int64_t at = -5;
    int why = 5;
    cr_assert_eq(takt_consumer_failure(f.self, &at, &why), 0);
    cr_assert(at == -5 && why == 5);
}

/* All events but those that `fails` names were handled, once and in order. */
static void check_handled(const bool *fails)
{
    uint32_t n = 0;
    for (int64_t s = 0; s < EVENTS; s++)
        if (!fails[s])
            cr_assert_eq(f.log.sequences[n++], s);
    cr_assert_eq(f.log.count, n);
    cr_assert_eq(rig_done(f.self), EVENTS - 1);
}

Test(consumer_failure, halts_and_says_where_and_why)
{
    for (int64_t at = 0; at < EVENTS; at++) {
        f = (struct faulty){.fail = {[0] = 0}};
        f.fail[at] = 1;
        cr_assert_eq(run(FAULTY(&f, .batch_most = 7)), code_of(at));
        check_failure(at, code_of(at));
        rig_has(&f.log, 0, (uint32_t)at);
        cr_assert_eq(rig_done(f.self), at - 1, "what was before it is done");
        cr_assert_eq(takt_ring_drain(ring, TAKT_NOW), EVENTS - at);
        takt_ring_destroy(ring);
    }
}

static int fail_plainly(void *context, takt_batch *b)
{
    const int *code = context;
    return takt_batch_sequence(b, 0) == 14 ? *code : 0;
}

Test(consumer_failure, of_any_code_and_of_no_event_is_of_the_first_in_the_batch)
{
    int codes[] = {-1, TAKT_EHANDLER, TAKT_EHALTED, TAKT_EUSER, INT32_MIN};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        ring = RIG_RING(.capacity = 32);
        f.self = rig_add(
            ring, TAKT_CONSUMER(.handler = fail_plainly, .context = &codes[i], .batch_most = 7));
        rig_publish(ring, EVENTS);
        cr_assert_eq(takt_consumer_run(f.self), codes[i]);
        check_failure(14, codes[i]);
        takt_ring_destroy(ring);
    }
}

Test(consumer_failure, is_nothing_that_a_positive_result_means)
{
    int code = 1;
    struct rig_log log = {0};
    ring = RIG_RING(.capacity = 32);
    takt_consumer *c = rig_poller(ring);
    rig_publish(ring, 15);
    rig_poll(c, &log, 14, 14);
    cr_assert_eq(takt_consumer_poll(c, fail_plainly, &code, 5), 1);
    cr_assert_eq(rig_done(c), 14);
    takt_ring_destroy(ring);
}

Test(consumer_failure, is_skipped)
{
    struct rng rng = {3};
    for (int round = 0; round < 60; round++) {
        bool fails[EVENTS] = {false};
        f = (struct faulty){.releases = round % 2};
        for (int s = 0; s < EVENTS; s++) {
            fails[s] = round == 0 || rng_below(&rng, 3) == 0;
            f.fail[s] = fails[s] ? UINT32_MAX : 0;
        }
        uint32_t most = rng_below(&rng, EVENTS);
        cr_assert_eq(run(FAULTY(&f, .policy = TAKT_SKIP, .batch_most = most)), TAKT_EHALTED);
        check_handled(fails);
        check_no_failure();
        for (int s = 0; s < EVENTS; s++)
            cr_assert_eq(f.tries[s], 1);
        takt_ring_destroy(ring);
    }
}

Test(consumer_failure, is_tried_again_from_the_failed_event_on)
{
    f = (struct faulty){.fail = {[3] = 2, [4] = 1, [20] = 2}};
    cr_assert_eq(run(FAULTY(&f, .retries = 2)), TAKT_EHALTED);
    const uint32_t firsts[] = {0, 3, 3, 4, 20, 20};
    cr_assert_eq(f.calls, 6);
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert_eq(f.firsts[i], firsts[i], "call %u begins with %u", i, f.firsts[i]);
        cr_assert_eq(f.counts[i], EVENTS - firsts[i], "and has those after it");
    }
    check_handled((bool[EVENTS]){false});
    check_no_failure();
    takt_ring_destroy(ring);
}

Test(consumer_failure, is_tried_again_so_often_for_each_event)
{
    for (uint32_t retries = 0; retries <= 4; retries++)
        for (uint32_t most = 1; most <= EVENTS; most += 11) {
            f = (struct faulty){.releases = most % 2};
            for (int s = 0; s < EVENTS; s++)
                f.fail[s] = retries;
            f.fail[EVENTS - 2] = retries + 1;
            int code = run(FAULTY(&f, .retries = retries, .batch_most = most));
            cr_assert_eq(code, code_of(EVENTS - 2));
            check_failure(EVENTS - 2, code);
            rig_has(&f.log, 0, EVENTS - 2);
            for (int s = 0; s < EVENTS - 1; s++)
                cr_assert_eq(f.tries[s], retries + 1, "event %d was tried %u times", s, f.tries[s]);
            takt_ring_destroy(ring);
        }
}

Test(consumer_failure, is_skipped_after_the_last_try)
{
    bool fails[EVENTS] = {[0] = true, [5] = true, [6] = true, [EVENTS - 1] = true};
    f = (struct faulty){.fail = {[0] = UINT32_MAX, [5] = 4, [6] = 9, [EVENTS - 1] = 4, [9] = 3}};
    cr_assert_eq(run(FAULTY(&f, .policy = TAKT_SKIP, .retries = 3)), TAKT_EHALTED);
    check_handled(fails);
    check_no_failure();
    for (int s = 0; s < EVENTS; s++)
        cr_assert_eq(f.tries[s], fails[s] || s == 9 ? 4 : 1, "event %d: %u", s, f.tries[s]);
    takt_ring_destroy(ring);
}

Test(consumer_failure, is_left_alone_for_a_while_before_each_try)
{
    f = (struct faulty){.fail = {[2] = 3}};
    int64_t began = takt_now();
    cr_assert_eq(run(FAULTY(&f, .retries = 3, .retry_ns = 5000000)), TAKT_EHALTED);
    cr_assert(takt_now() >= began + 3 * 5000000);
    check_handled((bool[EVENTS]){false});
    takt_ring_destroy(ring);
}

/* A consumer that waits before it tries again handles no batch: a halt need not wait for it. */
Test(consumer_failure, may_be_halted_between_two_tries)
{
    f = (struct faulty){.fail = {[2] = UINT32_MAX}};
    ring = RIG_RING(.capacity = 32);
    takt_consumer *c =
        rig_add(ring, TAKT_CONSUMER(.handler = handle, .context = &f, .retries = UINT32_MAX,
                                    .retry_ns = INT64_C(4000000000)));
    rig_start(c);
    rig_publish(ring, 4);
    rig_comes_to(c, 1);
    usleep(20000);
    int64_t began = takt_now();
    takt_consumer_halt(c);
    takt_consumer_join(c);
    int64_t took = takt_now() - began;
    cr_assert(took < 2000000000, "it took %ld ms", took / 1000000);
    cr_assert_eq(rig_done(c), 1);
    takt_ring_destroy(ring);
}

Test(consumer_failure, lets_exactly_what_came_before_it_through)
{
    for (int64_t at = 0; at < EVENTS; at += 5) {
        struct rig_log after = {0};
        f = (struct faulty){.fail = {[0] = 0}};
        f.fail[at] = UINT32_MAX;
        ring = RIG_RING(.capacity = 32);
        takt_consumer *a =
            rig_add(ring, TAKT_CONSUMER(.handler = handle, .context = &f, .retries = 1));
        takt_consumer *b =
            rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &after, RIG_AFTER(a)));
        rig_publish(ring, EVENTS);
        rig_start(b);
        rig_start(a);
        takt_consumer_join(a); /* it stops by itself */
        rig_comes_to(b, at - 1);
        usleep(2000);
        takt_consumer_halt(b);
        takt_consumer_join(b);
        rig_has(&after, 0, (uint32_t)at);
        takt_ring_destroy(ring);
    }
}

/* Whether a drain that cannot be done waits until its deadline. */
static bool drain_waits(int64_t ns)
{
    int64_t deadline = takt_after(ns);
    cr_assert_eq(takt_ring_drain(ring, deadline), EVENTS);
    return takt_now() >= deadline;
}

Test(consumer_failure, ends_drains_until_all_who_failed_are_removed)
{
    struct faulty faults[2] = {{.fail = {1}}, {.fail = {1}}};
    takt_consumer *failed[2];
    ring = RIG_RING(.capacity = 32);
    takt_consumer *slow = rig_poller(ring);
    for (int i = 0; i < 2; i++)
        failed[i] = rig_add(ring, TAKT_CONSUMER(.handler = handle, .context = &faults[i]));
    rig_publish(ring, EVENTS);
    cr_assert(drain_waits(1000000), "nobody has failed yet");
    for (int i = 0; i < 2; i++)
        cr_assert_eq(takt_consumer_run(failed[i]), code_of(0));
    cr_assert_not(drain_waits(RIG_PATIENCE_NS));
    cr_assert_eq(takt_consumer_remove(failed[0]), 0);
    cr_assert_not(drain_waits(RIG_PATIENCE_NS), "one who failed is still there");
    cr_assert_eq(takt_consumer_remove(failed[1]), 0);
    cr_assert(drain_waits(1000000), "nobody is there who failed");
    cr_assert_eq(takt_consumer_remove(slow), 0);
    takt_ring_destroy(ring);
}

Test(consumer_failure, options_are_checked)
{
    takt_consumer *c = (takt_consumer *)&f;
    ring = RIG_RING(.capacity = 8);
    cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.retry_ns = -1)), TAKT_EINVAL);
    cr_assert(c == NULL);
    cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.timeout_ns = -1)), TAKT_EINVAL);
    cr_assert_eq(takt_ring_next(ring, 1), TAKT_ENOCONSUMER, "none was added");
    takt_ring_destroy(ring);
}
