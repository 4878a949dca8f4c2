/* SPDX-License-Identifier: MIT */
/* A pipeline is stopped, gets more stages, and is started again. */
#include <pthread.h>

#include <takt/observe.h>
#include <takt/source.h>
#include <takt/tap.h>

#include "flow.h"
#include "probe.h"

TestSuite(restart, .timeout = 40);

static int64_t stop(takt_pipeline *p)
{
    return takt_pipeline_stop(p, takt_after(FLOW_PATIENCE_NS));
}

/* A stage of one shard that must see every event from its first on, in order. */
struct late {
    int64_t first, seen, wrong;
    bool (*is_right)(const struct flow_event *event);
};

static int on_late(void *context, takt_batch *b)
{
    struct late *late = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        if (late->seen == 0)
            late->first = s;
        late->wrong += s != late->first + late->seen || event->number != s ||
                       (late->is_right && !late->is_right(event));
        takt__store_release(&late->seen, late->seen + 1);
    }
    return 0;
}

static void check_late(const struct late *late, int64_t first, int64_t end)
{
    cr_assert_eq(late->wrong, 0);
    cr_assert_eq(late->seen, end - first);
    if (late->seen)
        cr_assert_eq(late->first, first);
}

/* Nothing runs while it is stopped, and nothing is lost or done twice by it. */
Test(restart, a_stopped_source_goes_on_where_it_was)
{
    struct flow_line line;
    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 3, .block = 2));
    flow_start(line.p);
    for (int i = 0; i < 10; i++) {
        flow_reaches(&line.checker.seen, takt__load_acquire(&line.checker.seen) + 200);
        cr_assert_eq(stop(line.p), 0);
        int64_t made = line.maker.made; /* nobody is inside: it may be read */
        flow_has_seen(&line.checker, made);
        cr_assert_eq(takt_pipeline_stop(line.p, TAKT_NOW), TAKT_ESTATE);
        cr_assert_eq(takt_pipeline_wait(line.p, TAKT_FOREVER), TAKT_ESTATE);
        cr_assert_eq(flow_drain(line.p), 0);
        usleep(1000);
        cr_assert_eq(line.maker.made, made);
        if (i == 9)
            line.maker.total = made + 1000;
        flow_start(line.p);
        if (i < 9) /* at last it may have ended by now */
            cr_assert_eq(takt_pipeline_start(line.p), TAKT_ERUNNING);
    }
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, line.maker.total);
    cr_assert_eq(stop(line.p), TAKT_ESTATE);
    cr_assert_eq(takt_pipeline_start(line.p), TAKT_ESTATE);
    flow_take_up(&line);
}

/* One more stage behind each place there is, one of them before a stage of its own. */
static void grow(struct flow_line *line, struct late *late)
{
    takt_stage *between;
    flow_stage(line->p, TAKT_STAGE(.name = "first", .handler = on_late, .context = &late[0],
                                   .shards_max = 1));
    flow_stage(line->p, TAKT_STAGE(.name = "beside", .handler = on_late, .context = &late[1],
                                   FLOW_AFTER(line->left), .shards_max = 1));
    between = flow_stage(line->p, TAKT_STAGE(.name = "right", .handler = flow_right,
                                             FLOW_AFTER(line->last), .shards = 2));
    flow_stage(line->p, TAKT_STAGE(.name = "join", .handler = on_late, .context = &late[2],
                                   FLOW_AFTER(between, line->left), .shards_max = 1));
}

static void publish(takt_pipeline *p, int64_t n)
{
    while (n-- > 0) {
        struct flow_event event = {takt_ring_cursor(takt_pipeline_ring(p)) + 1, -1, -1};
        cr_assert_eq(takt_source_offer(p, &event, takt_after(FLOW_PATIENCE_NS)), 0);
    }
}

Test(restart, new_stages_begin_where_the_old_ones_have_come_to)
{
    for (int64_t before = 0; before <= 1200; before += 400) {
        struct flow_line line;
        struct late late[3] = {
            {.is_right = NULL}, {.is_right = flow_has_left}, {.is_right = flow_has_both}};
        flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
        flow_start(line.p);
        publish(line.p, before);
        cr_assert_eq(stop(line.p), 0);
        grow(&line, late);
        flow_start(line.p);
        publish(line.p, 1300); /* around the ring, which the new last stage holds up */
        takt_pipeline_close(line.p);
        flow_ends_with(line.p, 0);
        flow_has_seen(&line.checker, before + 1300);
        for (int i = 0; i < 3; i++)
            check_late(&late[i], before, before + 1300);
        flow_take_up(&line);
    }
}

/* The producer waits for the new last stage, and not for what was the last one before. */
Test(restart, the_producer_waits_for_the_new_last_stage)
{
    struct flow_line line;
    struct flow_held held = {0};
    flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    publish(line.p, 100);
    cr_assert_eq(stop(line.p), 0);
    flow_stage(line.p, TAKT_STAGE(.handler = flow_hold, .context = &held, FLOW_AFTER(line.last),
                                  .shards_max = 1));
    flow_start(line.p);
    publish(line.p, 512);
    struct flow_event event = {0};
    cr_assert_eq(takt_source_offer(line.p, &event, takt_after(1000000)), TAKT_ETIMEDOUT);
    takt__store_release(&held.let_go, 1);
    publish(line.p, 512);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}

/* Stored keys are needed from a restart on. */
static int store_keys(void *context, takt_batch *b)
{
    flow_left(context, b);
    for (uint32_t i = 0; i < b->count; i++)
        takt_batch_set_key(b, i, (uint64_t)takt_batch_sequence(b, i) % 5);
    return 0;
}

static int see_keys(void *context, takt_batch *b)
{
    int64_t *last = context; /* of each key */
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        if (last[s % 5] >= s)
            last[5] = 1;
        last[s % 5] = s;
        __atomic_add_fetch(&last[6], 1, __ATOMIC_RELAXED);
    }
    return 0;
}

Test(restart, a_keyed_stage_may_come_later)
{
    takt_runtime *runtime = flow_runtime(3);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    struct flow_maker maker = {.total = -1};
    int64_t keys[2][7] = {{0}};
    for (int i = 0; i < 10; i++)
        keys[i / 5][i % 5] = -1;
    takt_stage *source = flow_source(p, &maker);
    takt_stage *left = flow_stage(p, TAKT_STAGE(.handler = store_keys, FLOW_AFTER(source)));
    int64_t begins[2];
    flow_start(p);
    for (int i = 0; i < 2; i++) {
        usleep(200);
        cr_assert_eq(stop(p), 0);
        begins[i] = takt_ring_cursor(takt_pipeline_ring(p)) + 1;
        flow_stage(p, TAKT_STAGE(.handler = see_keys, .context = keys[i], FLOW_AFTER(left),
                                 .stored_key = true, .shards = 3));
        if (i == 1)
            maker.total = maker.made + 5000;
        flow_start(p);
    }
    flow_ends_with(p, 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(keys[i][5], 0);
        cr_assert_eq(keys[i][6], maker.total - begins[i]);
    }
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* What was asked for before or in a stop happens after it; the figures go on. */
Test(restart, changes_live_through_a_stop)
{
    struct flow_line line;
    takt_stage_stats stats;
    takt_counters_pipeline figures;
    flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    publish(line.p, 300);
    takt_stage_set_shards(line.left, 5);
    cr_assert_eq(stop(line.p), 0);
    cr_assert_eq(takt_stage_set_shards(line.left, 3), 0);
    takt_pipeline_snapshot(line.p, &figures);
    cr_assert_eq(figures.state, TAKT_COUNTERS_STOPPED);
    cr_assert_eq(figures.stages[1].events, 300);
    struct late late = {.is_right = flow_has_left};
    takt_stage *added = flow_stage(line.p, TAKT_STAGE(.handler = on_late, .context = &late,
                                                      FLOW_AFTER(line.left), .shards_max = 1));
    flow_start(line.p);
    cr_assert_eq(takt_stage_settle(line.left, takt_after(FLOW_PATIENCE_NS)), 0);
    publish(line.p, 200);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 500);
    check_late(&late, 300, 500);
    takt_stage_get_stats(line.left, &stats);
    cr_assert_eq(stats.events, 500);
    cr_assert_eq(stats.shards_now, 3);
    takt_stage_get_stats(added, &stats);
    cr_assert_eq(stats.events, 200);
    cr_assert_eq(stats.cut, 300);
    takt_pipeline_snapshot(line.p, &figures);
    cr_assert_eq(figures.stage_count, 3);
    cr_assert_eq(figures.stages[2].events, 200);
    flow_take_up(&line);
}

/* A tap stays where it is, and may follow a new stage. */
Test(restart, taps_live_through_a_stop)
{
    struct flow_line line;
    struct late tapped = {0}, tapped_late = {0};
    takt_tap *tap, *later;
    int64_t last;
    flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_tap_add(line.p, &tap,
                              TAKT_TAP(.after = line.left, .handler = on_late, .context = &tapped)),
                 0);
    flow_start(line.p);
    publish(line.p, 700);
    cr_assert_eq(stop(line.p), 0);
    takt_stage *added =
        flow_stage(line.p, TAKT_STAGE(.handler = flow_right, FLOW_AFTER(line.last)));
    cr_assert_eq(
        takt_tap_add(line.p, &later,
                     TAKT_TAP(.after = added, .handler = on_late, .context = &tapped_late)),
        0);
    flow_start(line.p);
    publish(line.p, 700);
    cr_assert_eq(flow_drain(line.p), 0);
    cr_assert_eq(takt_tap_remove(tap, &last), 0);
    cr_assert_eq(last, 1399);
    cr_assert_eq(takt_tap_remove(later, &last), 0);
    check_late(&tapped, 0, 1400);
    check_late(&tapped_late, 700, 1400);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}

/* A stopped pipeline has given up its place. */
Test(restart, a_stopped_pipeline_makes_room_for_others)
{
    struct flow_line line;
    takt_pipeline *others[TAKT_PIPELINES_MAX];
    struct flow_checker checkers[TAKT_PIPELINES_MAX] = {{0}};
    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 1));
    flow_start(line.p);
    publish(line.p, 10);
    cr_assert_eq(stop(line.p), 0);
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++) {
        others[i] = flow_pipeline(line.runtime, 8);
        flow_last(others[i], NULL, &checkers[i]);
        flow_start(others[i]);
    }
    cr_assert_eq(takt_pipeline_start(line.p), TAKT_ELIMIT);
    takt_pipeline_destroy(others[0]);
    flow_start(line.p);
    publish(line.p, 10);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 20);
    for (int i = 1; i < TAKT_PIPELINES_MAX; i++)
        takt_pipeline_destroy(others[i]);
    flow_take_up(&line);
}

Test(restart, a_stop_that_does_not_come_about_says_so)
{
    struct flow_line line;
    struct flow_held held;
    flow_lay_held(&line, &held);
    cr_assert_eq(takt_pipeline_stop(NULL, TAKT_NOW), TAKT_EINVAL);
    flow_publish(line.p, 10);
    flow_reaches(&held.entered, 1);
    cr_assert_eq(takt_pipeline_stop(line.p, TAKT_NOW), 10);
    cr_assert_eq(takt_pipeline_add_stage(line.p, NULL, TAKT_STAGE(.handler = flow_left)),
                 TAKT_ERUNNING, "it runs on");
    takt__store_release(&held.let_go, 1);
    cr_assert_eq(stop(line.p), 0);
    takt_pipeline_halt(line.p);
    flow_ends_with(line.p, TAKT_EHALTED);
    cr_assert_eq(takt_pipeline_start(line.p), TAKT_ESTATE);
    cr_assert_eq(takt_pipeline_add_stage(line.p, NULL, TAKT_STAGE(.handler = flow_left)),
                 TAKT_ESTATE);
    flow_take_up(&line);
}

struct stopping {
    takt_pipeline *p;
    pthread_t thread;
    int64_t began, result;
};

static void *stop_it(void *argument)
{
    struct stopping *s = argument;
    takt__store_release(&s->began, 1);
    s->result = stop(s->p);
    return NULL;
}

/* What is left then will never pass, and the pipeline is not one that still runs. */
Test(restart, a_stop_is_told_that_the_pipeline_was_halted)
{
    struct flow_line line;
    struct flow_held held;
    flow_lay_held(&line, &held);
    flow_publish(line.p, 20);
    flow_reaches(&held.entered, 1);
    struct stopping s = {.p = line.p};
    cr_assert_eq(pthread_create(&s.thread, NULL, stop_it, &s), 0);
    flow_reaches(&s.began, 1);
    usleep(2000);
    takt_pipeline_halt(line.p);
    takt__store_release(&held.let_go, 1);
    pthread_join(s.thread, NULL);
    cr_assert_eq(s.result, TAKT_ESTATE, "%ld", s.result);
    flow_take_up(&line);
}

Test(restart, there_is_nothing_to_stop_before_the_start)
{
    struct flow_line line;
    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 1));
    cr_assert_eq(takt_pipeline_stop(line.p, TAKT_NOW), TAKT_ESTATE);
    flow_take_up(&line);
}

/* What is wrong with a stage is said at once, and the pipeline is as it was. */
Test(restart, a_stopped_pipeline_refuses_what_makes_no_sense)
{
    struct flow_line line;
    takt_stage *itself = NULL;
    int nothing;
    struct flow_maker maker = {0};
    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 1));
    flow_start(line.p);
    publish(line.p, 10);
    cr_assert_eq(stop(line.p), 0);
    cr_assert_eq(
        takt_pipeline_add_stage(
            line.p, &itself, TAKT_STAGE(.handler = flow_left, .after = &itself, .after_count = 1)),
        TAKT_EGRAPH, "a cycle");
    cr_assert_eq(takt_pipeline_add_stage(
                     line.p, NULL,
                     TAKT_STAGE(.handler = flow_left, FLOW_AFTER((takt_stage *)(void *)&nothing))),
                 TAKT_EGRAPH, "after what is no stage");
    cr_assert_eq(
        takt_pipeline_add_source(line.p, NULL, TAKT_STAGE(.handler = flow_make, .context = &maker)),
        TAKT_ESTATE, "its producer is a thread");
    for (int i = 0; i < TAKT_STAGES_MAX - 3; i++)
        flow_stage(line.p, TAKT_STAGE(.handler = flow_right, FLOW_AFTER(line.last)));
    cr_assert_eq(takt_pipeline_add_stage(line.p, NULL, TAKT_STAGE(.handler = flow_left)),
                 TAKT_ELIMIT);
    flow_start(line.p);
    publish(line.p, 10);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 20);
    flow_take_up(&line);
}

static void *wait_there(void *p)
{
    return (void *)(intptr_t)takt_pipeline_wait(p, takt_after(FLOW_PATIENCE_NS));
}

Test(restart, who_waits_is_told_of_the_stop)
{
    struct flow_line line;
    pthread_t thread;
    void *result;
    flow_lay(&line, 1, NULL, TAKT_STAGE(.shards = 1));
    flow_start(line.p);
    cr_assert_eq(pthread_create(&thread, NULL, wait_there, line.p), 0);
    usleep(2000);
    cr_assert_eq(stop(line.p), 0);
    pthread_join(thread, &result);
    cr_assert_eq((intptr_t)result, TAKT_ESTATE);
    flow_take_up(&line);
}

/* The producer's thread has a waiting room, whose pump counts as a stage. */
Test(restart, a_waiting_room_lives_through_a_stop)
{
    struct probe probe;
    takt_runtime *runtime;
    takt_pipeline *p;
    struct flow_checker checker = {0};
    struct late late = {0};
    probe_start(&probe, 0, false);
    cr_assert_eq(
        takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2, .allocator = &probe.table)), 0);
    cr_assert_eq(
        takt_pipeline_create(&p, runtime,
                             TAKT_PIPELINE(.event_size = sizeof(struct flow_event), .capacity = 64,
                                           .overload = TAKT_OVERLOAD_DROP_OLDEST, .waiting = 1000)),
        0);
    takt_stage *last = flow_last(p, NULL, &checker);
    for (int64_t i = 0; i < 1200; i++) {
        if (i % 300 == 0) {
            cr_assert_eq(i ? stop(p) : 0, 0);
            if (i == 600)
                flow_stage(p, TAKT_STAGE(.handler = on_late, .context = &late, FLOW_AFTER(last),
                                         .shards_max = 1));
            flow_start(p);
        }
        struct flow_event event = {i, -1, -1};
        cr_assert_eq(takt_source_offer(p, &event, TAKT_NOW), 0);
    }
    takt_pipeline_close(p);
    flow_ends_with(p, 0);
    flow_has_seen(&checker, 1200);
    check_late(&late, 600, 1200);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
    cr_assert(probe_is_clean(&probe));
}
