/* SPDX-License-Identifier: MIT */
/* Draining: the source stops, what was published passes, the pipeline goes on afterwards. */
#include <pthread.h>

#include "flow.h"

TestSuite(drain, .timeout = 40);

Test(drain, a_drained_source_goes_on_when_it_is_told_to)
{
    struct flow_line line;
    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    for (int i = 0; i < 20; i++) {
        flow_reaches(&line.checker.seen, takt__load_acquire(&line.checker.seen) + 300);
        cr_assert_eq(flow_drain(line.p), 0);
        flow_has_seen(&line.checker, line.maker.made);
        int64_t made = line.maker.made;
        cr_assert_eq(takt_pipeline_wait(line.p, takt_after(200000)), TAKT_ETIMEDOUT);
        cr_assert_eq(line.maker.made, made, "a drained source ran");
        cr_assert_eq(flow_drain(line.p), 0, "nothing to do the second time");
        takt_pipeline_resume(line.p);
    }
    takt_pipeline_halt(line.p);
    flow_ends_with(line.p, TAKT_EHALTED);
    flow_take_up(&line);
}

Test(drain, a_drained_producer_goes_on_without_being_told)
{
    struct flow_line line;
    flow_lay(&line, 2, NULL, TAKT_STAGE(.shards = 2));
    flow_start(line.p);
    for (int64_t i = 1; i <= 20; i++) {
        flow_publish(line.p, 50);
        cr_assert_eq(flow_drain(line.p), 0);
        flow_has_seen(&line.checker, 50 * i);
    }
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    cr_assert_eq(flow_drain(line.p), 0, "after the end as well");
    flow_take_up(&line);
}

Test(drain, waiting_and_draining_end_at_the_deadline)
{
    struct flow_line line;
    struct flow_held held;

    flow_lay_held(&line, &held);
    flow_publish(line.p, 10);
    flow_reaches(&held.entered, 1);
    cr_assert_eq(takt_pipeline_wait(line.p, TAKT_NOW), TAKT_ETIMEDOUT);
    cr_assert_eq(takt_pipeline_wait(line.p, takt_now() - 1), TAKT_ETIMEDOUT);
    cr_assert_eq(takt_pipeline_drain(line.p, TAKT_NOW), 10);
    for (int64_t ns = 1000; ns <= 16000000; ns *= 16) {
        int64_t deadline = takt_after(ns);
        cr_assert_eq(takt_pipeline_wait(line.p, deadline), TAKT_ETIMEDOUT);
        cr_assert(takt_now() >= deadline);
        deadline = takt_after(ns);
        cr_assert_eq(takt_pipeline_drain(line.p, deadline), 10);
        cr_assert(takt_now() >= deadline);
    }
    takt__store_release(&held.let_go, 1);
    cr_assert_eq(flow_drain(line.p), 0);
    cr_assert_eq(takt_pipeline_wait(line.p, TAKT_NOW), TAKT_ETIMEDOUT, "drained is not ended");
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_take_up(&line);
}

/* A drain made by another thread. */
struct draining {
    takt_pipeline *p;
    int64_t left;
    int64_t over;
};

static void *drain_there(void *argument)
{
    struct draining *d = argument;
    d->left = flow_drain(d->p);
    takt__store_release(&d->over, 1);
    return NULL;
}

/* The batch that is being handled at a halt is handled: its events are not among those left. */
Test(drain, a_drain_after_a_halt_counts_what_can_never_pass)
{
    struct flow_line line;
    struct flow_held held;
    pthread_t thread;

    flow_lay_held(&line, &held);
    flow_publish(line.p, 20);
    flow_reaches(&held.entered, 1);
    takt_pipeline_halt(line.p);
    struct draining d = {.p = line.p};
    cr_assert_eq(pthread_create(&thread, NULL, drain_there, &d), 0);
    for (int i = 0; i < 200 && !takt__load_acquire(&d.over); i++)
        usleep(100); /* time to be wrong in */
    takt__store_release(&held.let_go, 1);
    pthread_join(thread, NULL);
    cr_assert_eq(d.left, 20 - held.entered, "%ld left of 20, but %ld were being handled", d.left,
                 held.entered);
    flow_take_up(&line);
}

/* A source that stays in its first call until it is let go. */
struct held_source {
    struct flow_maker maker;
    struct flow_held held;
};

static int hold_and_make(void *context, takt_batch *b)
{
    struct held_source *source = context;
    flow_hold(&source->held, b);
    return flow_make(&source->maker, b);
}

/* A source that is inside when a drain begins will publish yet: nothing is drained before. */
Test(drain, a_drain_waits_for_a_source_that_runs)
{
    struct held_source source = {.maker = {.total = -1}};
    struct flow_checker checker = {0};
    takt_stage *stage;
    pthread_t thread;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);

    cr_assert_eq(takt_pipeline_add_source(p, &stage,
                                          TAKT_STAGE(.handler = hold_and_make, .context = &source)),
                 0);
    flow_last(p, stage, &checker);
    flow_start(p);
    flow_reaches(&source.held.entered, 1);
    int64_t deadline = takt_after(5000000);
    takt_pipeline_drain(p, deadline);
    cr_assert(takt_now() >= deadline);
    struct draining d = {.p = p};
    cr_assert_eq(pthread_create(&thread, NULL, drain_there, &d), 0);
    usleep(2000);
    takt__store_release(&source.held.let_go, 1);
    pthread_join(thread, NULL);
    cr_assert_eq(d.left, 0);
    cr_assert(source.maker.made > 0);
    flow_has_seen(&checker, source.maker.made);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}
