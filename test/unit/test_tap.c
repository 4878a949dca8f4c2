/* SPDX-License-Identifier: MIT */
/* Taps: what they see, from where to where, and whom they hold back. */
#include "flow.h"

#include <takt/barrier.h>
#include <takt/tap.h>

TestSuite(tap, .timeout = 60);

/* A tap's handler: events must come one after the other, with what the stage left in them. */
struct watcher {
    int64_t first; /* the first event seen, */
    int64_t next;  /* and one past the last */
    int64_t wrong;
    int64_t fails_at;
    bool (*is_right)(const struct flow_event *event);
};

#define WATCHER(right) ((struct watcher){.first = -1, .fails_at = -1, .is_right = (right)})

static int watch(void *context, takt_batch *b)
{
    struct watcher *w = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *e = takt_batch_at(b, i);
        if (w->first < 0)
            w->first = w->next = e->number;
        if (e->number == w->fails_at)
            return takt_batch_fail(b, i, TAKT_EUSER);
        w->wrong += e->number != w->next || takt_batch_sequence(b, i) != w->next ||
                    (w->is_right && !w->is_right(e));
        takt__store_release(&w->next, w->next + 1);
    }
    return 0;
}

static const takt_tap_options *on_thread(takt_stage *after, struct watcher *w)
{
    static takt_tap_options options;
    options = (takt_tap_options){.size = sizeof options,
                                 .name = "a tap with a long name",
                                 .handler = watch,
                                 .context = w,
                                 .after = after};
    return &options;
}

Test(tap, asks_for_what_can_be)
{
    struct flow_line line;
    struct flow_maker maker = {.total = 100};
    struct watcher w = WATCHER(NULL);
    takt_tap *tap = (takt_tap *)&line;
    takt_tap *taps[TAKT_TAPS_MAX];
    takt_runtime *other_runtime = flow_runtime(1);
    takt_pipeline *other = flow_pipeline(other_runtime, 8);

    flow_lay(&line, 1, &maker, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, NULL, TAKT_TAP(.context = NULL)), TAKT_EINVAL);
    cr_assert_eq(takt_tap_add(NULL, &tap, TAKT_TAP(.context = NULL)), TAKT_EINVAL);
    cr_assert_null(tap);
    cr_assert_eq(takt_tap_add(line.p, &tap, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_tap_add(line.p, &tap, &(takt_tap_options){.size = 1}), TAKT_EINVAL);
    cr_assert_eq(takt_tap_add(other, &tap, TAKT_TAP(.after = line.left)), TAKT_EGRAPH);
    for (int i = 0; i < TAKT_TAPS_MAX; i++)
        cr_assert_eq(takt_tap_add(line.p, &taps[i], TAKT_TAP(.after = line.left)), 0);
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), TAKT_ELIMIT);
    for (int i = 0; i < TAKT_TAPS_MAX; i++)
        cr_assert_eq(takt_tap_remove(taps[i], NULL), 0);
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), 0);
    cr_assert_eq(takt_tap_poll(NULL, watch, &w, 1), TAKT_EINVAL);
    cr_assert_eq(takt_tap_poll(tap, NULL, &w, 1), TAKT_EINVAL);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 0), TAKT_EINVAL);
    cr_assert_eq(takt_tap_drain(tap, TAKT_NOW), TAKT_ESTATE, "it has no thread");
    cr_assert_eq(takt_tap_drain(NULL, TAKT_NOW), TAKT_EINVAL);
    cr_assert_eq(takt_tap_remove(NULL, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_tap_remove(tap, NULL), 0);
    cr_assert_eq(takt_tap_add(line.p, &tap, on_thread(line.left, &w)), 0);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 1), TAKT_ESTATE, "it has one");
    cr_assert_eq(takt_tap_remove(tap, NULL), 0);
    flow_start(line.p);
    flow_ends_with(line.p, 0);
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), TAKT_ESTATE);
    flow_take_up(&line);
    takt_pipeline_destroy(other);
    takt_runtime_destroy(other_runtime);
}

/* Of a full pipeline: there is no place for the stage that stands for the taps. */
Test(tap, has_no_place_beside_the_most_stages)
{
    struct flow_checker checkers[TAKT_STAGES_MAX] = {{0}};
    takt_runtime *runtime = flow_runtime(1);
    takt_pipeline *p = flow_pipeline(runtime, 8);
    takt_tap *tap;

    for (int i = 0; i < TAKT_STAGES_MAX; i++)
        flow_last(p, NULL, &checkers[i]);
    cr_assert_eq(takt_tap_add(p, &tap, TAKT_TAP(.context = NULL)), 0);
    cr_assert_eq(takt_pipeline_start(p), TAKT_ELIMIT, "it would miss events");
    cr_assert_eq(takt_tap_remove(tap, NULL), 0);
    flow_start(p);
    cr_assert_eq(takt_tap_add(p, &tap, TAKT_TAP(.context = NULL)), TAKT_ELIMIT);
    flow_publish(p, 20);
    takt_pipeline_close(p);
    flow_ends_with(p, 0);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(tap, before_the_start_sees_all)
{
    struct flow_line line;
    struct watcher after_source = WATCHER(NULL), after_left = WATCHER(flow_has_left),
                   at_producer = WATCHER(NULL);
    struct watcher *watchers[] = {&after_source, &after_left, &at_producer};
    takt_tap *taps[3];

    flow_lay(&line, 2, &(struct flow_maker){.total = 20000}, TAKT_STAGE(.shards = 3));
    takt_stage *after[] = {line.source, line.left, NULL};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(takt_tap_add(line.p, &taps[i], on_thread(after[i], watchers[i])), 0);
        cr_assert_eq(takt_tap_first(taps[i]), 0);
    }
    flow_start(line.p);
    flow_ends_with(line.p, 0);
    for (int i = 0; i < 3; i++) {
        int64_t last;
        cr_assert_eq(watchers[i]->next, 20000, "a pipeline ends when its taps have seen all");
        cr_assert_eq(watchers[i]->first, 0);
        cr_assert_eq(watchers[i]->wrong, 0);
        cr_assert_eq(takt_tap_drain(taps[i], takt_after(FLOW_PATIENCE_NS)), 0);
        cr_assert_eq(takt_tap_remove(taps[i], &last), 0);
        cr_assert_eq(last, 19999);
    }
    flow_take_up(&line);
}

Test(tap, comes_and_goes_while_events_flow)
{
    struct flow_line line;
    int64_t seen = 0;

    flow_lay(&line, 3, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 2, .block = 4));
    flow_start(line.p);
    for (int i = 0; i < 300; i++) {
        struct watcher w = WATCHER(flow_has_left);
        takt_tap *tap;
        int64_t last;
        cr_assert_eq(takt_tap_add(line.p, &tap, on_thread(i % 4 ? line.left : line.last, &w)), 0);
        int64_t first = takt_tap_first(tap);
        cr_assert_eq(takt_stage_set_shards(line.left, 1 + (uint32_t)i % 7), 0);
        if (i % 3)
            flow_reaches(&w.next, first + i);
        cr_assert_eq(takt_tap_remove(tap, &last), 0);
        cr_assert_eq(w.wrong, 0);
        cr_assert_eq(w.first, last < first ? -1 : first);
        cr_assert_eq(w.next, last < first ? 0 : last + 1);
        seen += w.next;
    }
    cr_assert(seen > 0);
    cr_assert_eq(flow_drain(line.p), 0);
    flow_has_seen(&line.checker, line.maker.made);
    flow_take_up(&line);
}

/* Nobody but the tap moves: it alone must let the source go on, and end the pipeline. */
Test(tap, that_is_polled_holds_the_source_back_and_lets_it_go)
{
    struct flow_line line;
    struct watcher w = WATCHER(flow_has_left);
    takt_tap *tap;

    flow_lay(&line, 2, &(struct flow_maker){.total = 1500}, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left, .batch_most = 100)), 0);
    flow_start(line.p);
    flow_reaches(&line.checker.seen, 512);
    usleep(30000); /* the workers find nothing and go to sleep */
    cr_assert_eq(line.maker.made, 512, "the ring is full");
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 1000), 100, "as many as in a batch");
    flow_reaches(&line.checker.seen, 612);
    usleep(30000);
    cr_assert_eq(line.maker.made, 612);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 3), 3);
    while (w.next < 1500)
        takt_tap_poll(tap, watch, &w, 1000);
    flow_ends_with(line.p, 0);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 1000), 0);
    cr_assert_eq(w.wrong, 0);
    cr_assert_eq(w.next, 1500);
    flow_take_up(&line); /* which removes it */
}

Test(tap, that_is_removed_lets_the_source_go)
{
    struct flow_line line;
    takt_tap *tap;
    int64_t last;

    flow_lay(&line, 2, &(struct flow_maker){.total = 1500}, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), 0);
    flow_start(line.p);
    flow_reaches(&line.checker.seen, 512);
    usleep(30000);
    cr_assert_eq(takt_tap_remove(tap, &last), 0);
    cr_assert_eq(last, -1);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 1500);
    flow_take_up(&line);
}

/* Who is woken at the cursor by something else must not take the workers' wake-up along. */
Test(tap, that_is_removed_leaves_the_workers_to_be_woken)
{
    struct flow_line line = {.runtime = flow_runtime(2)};
    struct watcher w = WATCHER(NULL);
    takt_tap *tap;
    takt_barrier *barrier;
    line.p = flow_pipeline(line.runtime, 8);
    flow_last(line.p, NULL, &line.checker);
    flow_start(line.p);
    flow_sleep(line.runtime, 0, 2);
    cr_assert_eq(takt_tap_add(line.p, &tap, on_thread(NULL, &w)), 0);
    usleep(20000); /* it sleeps, too */
    cr_assert_eq(takt_tap_remove(tap, NULL), 0);
    flow_publish(line.p, 1);
    flow_reaches(&line.checker.seen, 1);

    flow_sleep(line.runtime, 0, 2);
    takt_wait wait = {.kind = TAKT_WAIT_BLOCK};
    cr_assert_eq(takt_barrier_create(&barrier, takt_pipeline_ring(line.p), NULL, 0, &wait), 0);
    takt_barrier_alert(barrier);
    flow_publish(line.p, 1);
    flow_reaches(&line.checker.seen, 2);
    takt_barrier_destroy(barrier);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}

Test(tap, that_holds_the_producer_back_is_waited_for_by_a_drain)
{
    struct flow_line line;
    struct watcher w = WATCHER(flow_has_left);
    takt_tap *tap;

    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), 0);
    flow_start(line.p);
    flow_publish(line.p, 512);
    cr_assert_eq(takt_ring_try_next(takt_pipeline_ring(line.p), 1), TAKT_EFULL);
    cr_assert_eq(takt_pipeline_drain(line.p, takt_after(20000000)), 512);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 4000), 512);
    cr_assert_eq(flow_drain(line.p), 0);
    flow_publish(line.p, 5);
    takt_pipeline_close(line.p);
    cr_assert_eq(takt_pipeline_wait(line.p, takt_after(20000000)), TAKT_ETIMEDOUT);
    flow_has_seen(&line.checker, 517);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 4000), 5);
    flow_ends_with(line.p, 0);
    cr_assert_eq(w.wrong, 0);
    flow_take_up(&line);
}

Test(tap, that_fails_leaves_without_harm)
{
    struct flow_line line;
    struct watcher w = WATCHER(flow_has_left), polled = WATCHER(NULL);
    takt_tap *tap, *other;
    int64_t last;

    w.fails_at = 1000;
    polled.fails_at = 10;
    flow_lay(&line, 2, &(struct flow_maker){.total = 5000}, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, &tap, on_thread(line.left, &w)), 0);
    cr_assert_eq(takt_tap_add(line.p, &other, TAKT_TAP(.after = line.source)), 0);
    flow_start(line.p);
    flow_reaches(&line.checker.seen, 100);
    while (polled.next < 10)
        cr_assert_neq(takt_tap_poll(other, watch, &polled, 5), TAKT_EUSER);
    cr_assert_eq(takt_tap_poll(other, watch, &polled, 5), TAKT_EUSER);
    cr_assert_eq(takt_tap_poll(other, watch, &polled, 5), TAKT_EUSER, "it begins with that event");
    cr_assert_eq(takt_tap_remove(other, &last), 0);
    cr_assert_eq(last, 9);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 5000);
    cr_assert_eq(takt_tap_drain(tap, takt_after(FLOW_PATIENCE_NS)), TAKT_EUSER);
    cr_assert_eq(takt_tap_remove(tap, &last), TAKT_EUSER);
    cr_assert_eq(last, 999);
    cr_assert_eq(w.next, 1000);
    cr_assert_eq(w.wrong, 0);
    flow_take_up(&line);
}

static int fail_at_700(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == 700)
            return takt_batch_fail(b, i, TAKT_EUSER);
    return 0;
}

Test(tap, of_a_pipeline_that_fails_sees_what_its_stage_has_done)
{
    struct flow_maker maker = {.total = -1};
    struct watcher w = WATCHER(NULL);
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *stage = flow_stage(
        p, TAKT_STAGE(.handler = fail_at_700, FLOW_AFTER(source), .shards = 3, .block = 2));
    takt_tap *tap;
    int64_t last;

    cr_assert_eq(takt_tap_add(p, &tap, on_thread(stage, &w)), 0);
    flow_start(p);
    flow_ends_with(p, TAKT_EUSER);
    cr_assert_eq(w.next, 700);
    cr_assert_eq(takt_tap_remove(tap, &last), 0);
    cr_assert_eq(last, 699);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(tap, sees_no_void_events)
{
    struct flow_line line;
    struct watcher w = WATCHER(flow_has_left);
    takt_tap *tap;

    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 2, .block = 1));
    cr_assert_eq(takt_tap_add(line.p, &tap, TAKT_TAP(.after = line.left)), 0);
    flow_start(line.p);
    takt_ring *ring = takt_pipeline_ring(line.p);
    flow_publish(line.p, 5);
    int64_t s = takt_ring_next(ring, 2);
    takt_ring_publish_void(ring, s - 1, s);
    cr_assert_eq(takt_pipeline_drain(line.p, takt_after(20000000)), 7);
    cr_assert_eq(takt_tap_poll(tap, watch, &w, 100), 7);
    cr_assert_eq(w.next, 5);
    cr_assert_eq(w.wrong, 0);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}
