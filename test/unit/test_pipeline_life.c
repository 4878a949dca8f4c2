/* SPDX-License-Identifier: MIT */
/* The life of a pipeline: how it ends, halting, being destroyed at any time. */
#include <pthread.h>

#include "flow.h"
#include "probe.h"

TestSuite(life, .timeout = 40);

Test(life, an_outside_producer_publishes_and_closes)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        struct flow_line line;
        flow_lay(&line, workers, NULL, TAKT_STAGE(.shards = 2));
        flow_start(line.p);
        flow_publish(line.p, 5000);
        takt_pipeline_close(line.p);
        flow_ends_with(line.p, 0);
        flow_has_seen(&line.checker, 5000);
        flow_ends_with(line.p, 0); /* and says so again */
        flow_take_up(&line);
    }
}

Test(life, the_producer_may_close_without_an_event_or_before_the_start)
{
    for (int early = 0; early < 2; early++) {
        struct flow_line line;
        flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
        if (early)
            takt_pipeline_close(line.p);
        flow_start(line.p);
        if (!early)
            takt_pipeline_close(line.p);
        flow_ends_with(line.p, 0);
        flow_has_seen(&line.checker, 0);
        flow_take_up(&line);
    }
}

Test(life, a_sleeping_runtime_wakes_up_for_every_event)
{
    struct flow_line line;
    flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    for (int64_t i = 1; i <= 50; i++) {
        usleep(1000); /* workers go to sleep sooner */
        flow_publish(line.p, 1);
        flow_reaches(&line.checker.seen, i);
    }
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 50);
    flow_take_up(&line);
}

Test(life, a_source_ends_with_its_last_events_or_after_them)
{
    const int64_t totals[] = {0, 1, 2, 511, 512, 513, 5000};

    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        struct flow_line line;
        flow_lay(&line, 1 + (uint32_t)i % 3, &(struct flow_maker){.total = totals[i]},
                 TAKT_STAGE(.shards = 2));
        flow_start(line.p);
        flow_ends_with(line.p, 0);
        flow_has_seen(&line.checker, totals[i]);
        flow_take_up(&line);
    }
}

Test(life, a_source_sometimes_has_nothing)
{
    struct flow_line line;
    flow_lay(&line, 2, &(struct flow_maker){.total = 500, .idle = 3}, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 500);
    flow_take_up(&line);
}

/* Claims to have filled more slots than it was offered. */
static int make_too_many(void *context, takt_batch *b)
{
    int result = flow_make(context, b);
    if (b->count)
        b->count += 1000;
    return result;
}

Test(life, a_source_cannot_fill_more_than_it_is_offered)
{
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {0};
    takt_stage *source;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);

    cr_assert_eq(takt_pipeline_add_source(p, &source,
                                          TAKT_STAGE(.handler = make_too_many, .context = &maker)),
                 0);
    flow_last(p, source, &checker);
    flow_start(p);
    flow_reaches(&checker.seen, 1000);
    cr_assert_eq(flow_drain(p), 0);
    cr_assert_eq(takt_ring_cursor(takt_pipeline_ring(p)) + 1, maker.made);
    flow_has_seen(&checker, maker.made);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* There is an idle worker that could think that all is over. */
Test(life, the_end_comes_when_the_last_batch_has_been_handled)
{
    struct flow_line line;
    struct flow_held held;

    flow_lay_held(&line, &held);
    flow_publish(line.p, 10);
    flow_reaches(&held.entered, 1);
    takt_pipeline_close(line.p);
    cr_assert_eq(takt_pipeline_wait(line.p, takt_after(10000000)), TAKT_ETIMEDOUT);
    takt__store_release(&held.let_go, 1);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}

static void *wait_there(void *argument)
{
    takt_pipeline *p = argument;
    return (void *)(intptr_t)takt_pipeline_wait(p, takt_after(FLOW_PATIENCE_NS));
}

Test(life, all_who_wait_are_told)
{
    for (int halted = 0; halted < 2; halted++) {
        struct flow_line line;
        pthread_t threads[4];

        flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
        flow_start(line.p);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, wait_there, line.p), 0);
        flow_publish(line.p, 100);
        usleep(2000);
        if (halted)
            takt_pipeline_halt(line.p);
        else
            takt_pipeline_close(line.p);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            cr_assert_eq((intptr_t)result, halted ? TAKT_EHALTED : 0);
        }
        flow_take_up(&line);
    }
}

Test(life, a_halt_stops_everything)
{
    struct flow_line line;
    takt_failure failure;

    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    flow_reaches(&line.checker.seen, 1000);
    takt_pipeline_halt(line.p);
    flow_ends_with(line.p, TAKT_EHALTED);
    takt_pipeline_halt(line.p); /* once more does no harm */
    takt_pipeline_resume(line.p);
    flow_ends_with(line.p, TAKT_EHALTED);
    cr_assert_eq(takt_pipeline_failure(line.p, &failure), 0);
    takt_pipeline_destroy(line.p);
    int64_t seen = line.checker.seen, made = line.maker.made;
    usleep(2000);
    cr_assert_eq(line.checker.seen, seen);
    cr_assert_eq(line.maker.made, made);
    cr_assert_eq(line.checker.wrong, 0);
    takt_runtime_destroy(line.runtime);
}

Test(life, a_halt_lets_a_waiting_producer_go)
{
    struct flow_line line;
    struct flow_held held;

    flow_lay_held(&line, &held);
    flow_publish(line.p, 64);
    flow_reaches(&held.entered, 1);
    takt_ring *ring = takt_pipeline_ring(line.p);
    cr_assert_eq(takt_ring_next_until(ring, 1, takt_after(1000000)), TAKT_ETIMEDOUT);
    takt_pipeline_halt(line.p);
    cr_assert_eq(takt_ring_next(ring, 1), TAKT_EHALTED);
    takt__store_release(&held.let_go, 1);
    flow_take_up(&line);
}

/* Halts its own pipeline. */
static int halt_it(void *context, takt_batch *b)
{
    (void)b;
    takt_pipeline_halt(*(takt_pipeline **)context);
    return 0;
}

Test(life, a_handler_may_halt_its_pipeline)
{
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 16);

    flow_stage(p, TAKT_STAGE(.handler = halt_it, .context = &p));
    flow_start(p);
    flow_publish(p, 1);
    flow_ends_with(p, TAKT_EHALTED);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* Every state that a pipeline can be destroyed in, with the memory counted. */
enum moment { BUILT, STARTED, RUNNING, DRAINED, HALTED, ENDED, MOMENTS };

static void destroy_at(enum moment moment)
{
    struct probe probe;
    struct flow_line line = {.checker = {.is_right = flow_has_left}};

    probe_start(&probe, 0, false);
    cr_assert_eq(
        takt_runtime_create(&line.runtime, TAKT_RUNTIME(.workers = 2, .allocator = &probe.table)),
        0);
    line.p = flow_pipeline(line.runtime, 64);
    line.maker.total = moment == ENDED ? 1000 : -1;
    takt_stage *source = flow_source(line.p, &line.maker);
    takt_stage *left =
        flow_stage(line.p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source), .shards = 3));
    flow_last(line.p, left, &line.checker);
    if (moment >= STARTED)
        flow_start(line.p);
    if (moment >= RUNNING)
        flow_reaches(&line.checker.seen, 500);
    if (moment == DRAINED)
        cr_assert_eq(flow_drain(line.p), 0);
    if (moment == HALTED)
        takt_pipeline_halt(line.p);
    if (moment == ENDED)
        flow_ends_with(line.p, 0);
    takt_pipeline_destroy(line.p);
    int64_t seen = line.checker.seen; /* nobody is inside any more */
    takt_runtime_destroy(line.runtime);
    cr_assert(probe_is_clean(&probe), "%u blocks left, %u faults", probe.live, probe.faults);
    flow_has_seen(&line.checker, seen);
}

Test(life, a_pipeline_can_be_destroyed_at_any_moment)
{
    for (int round = 0; round < 30; round++)
        for (enum moment moment = BUILT; moment < MOMENTS; moment++)
            destroy_at(moment);
}
