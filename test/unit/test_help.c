/* SPDX-License-Identifier: MIT */
/* Outside threads that lend themselves to a runtime. */
#include <pthread.h>

#include <takt/observe.h>

#include "flow.h"
#include "probe.h"

TestSuite(help, .timeout = 40);

static takt_runtime *hosted(uint32_t helpers)
{
    takt_runtime *runtime;
    cr_assert_eq(
        takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = TAKT_NO_WORKERS, .helpers = helpers)),
        0);
    return runtime;
}

/* A source, a stage in shards, a last one, in a runtime that the test has made. */
static void lay(struct flow_line *line, takt_runtime *runtime, int64_t total)
{
    *line = (struct flow_line){.runtime = runtime, .maker.total = total};
    line->checker.is_right = flow_has_left;
    line->p = flow_pipeline(runtime, 64);
    line->source = flow_source(line->p, &line->maker);
    line->left = flow_stage(
        line->p, TAKT_STAGE(.handler = flow_left, .shards = 2, FLOW_AFTER(line->source)));
    line->last = flow_last(line->p, line->left, &line->checker);
    flow_start(line->p);
}

/* A thread that helps once. */
struct hand {
    pthread_t thread;
    takt_runtime *runtime;
    int64_t deadline;
    int64_t result;
};

static void *lend(void *argument)
{
    struct hand *hand = argument;
    hand->result = takt_runtime_help(hand->runtime, hand->deadline);
    return NULL;
}

static void begin_to_help(struct hand *hand, takt_runtime *runtime, int64_t deadline)
{
    *hand = (struct hand){.runtime = runtime, .deadline = deadline};
    cr_assert_eq(pthread_create(&hand->thread, NULL, lend, hand), 0);
}

static int64_t end_of(struct hand *hand)
{
    cr_assert_eq(pthread_join(hand->thread, NULL), 0);
    return hand->result;
}

/* The record of a helper's place. */
static takt_counters_worker place(const takt_runtime *runtime, uint32_t index)
{
    takt_counters_worker w[8];
    uint32_t own = takt_runtime_workers(runtime);
    cr_assert(own + index < takt_runtime_snapshot(runtime, w, 8));
    return w[own + index];
}

/* Waits until so many helpers have come, and, if asked, have gone to sleep. */
static void wait_for_helpers(const takt_runtime *runtime, uint32_t count, bool asleep)
{
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    for (uint32_t i = 0; i < count; i++)
        while (!place(runtime, i).present || (asleep && !place(runtime, i).sleeping)) {
            cr_assert(takt_now() < deadline);
            usleep(100);
        }
}

Test(help, a_runtime_refuses_what_makes_no_sense)
{
    const takt_runtime_options bad[] = {
        {.workers = TAKT_NO_WORKERS},
        {.workers = TAKT_NO_WORKERS, .helpers = 1, .pin = true},
        {.workers = TAKT_NO_WORKERS, .helpers = TAKT_WORKERS_MAX + 1},
        {.workers = 1, .helpers = TAKT_WORKERS_MAX},
        {.workers = TAKT_WORKERS_MAX, .helpers = 1},
        {.helpers = TAKT_WORKERS_MAX}, /* there is one worker at least */
        {.helpers = UINT32_MAX},
        {.workers = TAKT_WORKERS_MAX + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        takt_runtime *runtime = (takt_runtime *)1;
        takt_runtime_options options = bad[i];
        options.size = sizeof options;
        cr_assert_eq(takt_runtime_create(&runtime, &options), TAKT_EINVAL, "number %zu", i);
        cr_assert(runtime == NULL);
    }
    takt_runtime *runtime = hosted(TAKT_WORKERS_MAX);
    cr_assert_eq(takt_runtime_workers(runtime), 0);
    cr_assert_eq(takt_runtime_help(NULL, TAKT_NOW), TAKT_EINVAL);
    takt_runtime_destroy(runtime);
}

Test(help, a_hosted_runtime_gives_back_its_memory_and_may_run_out_of_it)
{
    struct probe probe;
    takt_runtime *runtime;
    const takt_runtime_options *options =
        TAKT_RUNTIME(.workers = TAKT_NO_WORKERS, .helpers = 2, .allocator = &probe.table);
    probe_start(&probe, 0, false);
    cr_assert_eq(takt_runtime_create(&runtime, options), 0);
    takt_runtime_destroy(runtime);
    cr_assert(probe_is_clean(&probe));
    uint32_t calls = probe.calls;
    for (uint32_t i = 1; i <= calls; i++) {
        probe_start(&probe, i, false);
        cr_assert_eq(takt_runtime_create(&runtime, options), TAKT_ENOMEM);
        cr_assert(probe_is_clean(&probe));
    }
}

/* All on one thread: the host's own loop. */
Test(help, one_thread_runs_a_pipeline_by_itself)
{
    takt_runtime *runtime = hosted(1);
    struct flow_line line;
    int64_t handled = 0, n;
    lay(&line, runtime, 1000);
    cr_assert_eq(takt_pipeline_wait(line.p, TAKT_NOW), TAKT_ETIMEDOUT);
    do {
        n = takt_runtime_help(runtime, TAKT_NOW);
        cr_assert(n >= 0, "%s", takt_error_name((int)n));
        handled += n;
    } while (n > 0 || line.checker.seen < 1000);
    cr_assert_eq(takt_pipeline_wait(line.p, TAKT_NOW), 0, "the last look says that it has ended");
    cr_assert_eq(handled, 3 * 1000);
    flow_has_seen(&line.checker, 1000);
    cr_assert_eq(takt_runtime_help(runtime, TAKT_NOW), 0);
    flow_take_up(&line);
}

Test(help, one_look_takes_one_seat)
{
    takt_runtime *runtime = hosted(1);
    struct flow_line line;
    lay(&line, runtime, -1); /* no end */
    for (int i = 0; i < 100; i++) {
        takt_counters_worker before = place(runtime, 0);
        int64_t n = takt_runtime_help(runtime, TAKT_NOW);
        takt_counters_worker after = place(runtime, 0);
        cr_assert(n > 0);
        cr_assert_eq(after.events - before.events, n);
        cr_assert_eq(after.seats - before.seats, 1);
        cr_assert_eq(after.visits - before.visits, 1);
        cr_assert_eq(after.sleeps, 0);
    }
    flow_take_up(&line);
}

Test(help, it_stays_until_its_deadline)
{
    takt_runtime *runtime = hosted(1);
    struct flow_line line;
    int64_t until = takt_after(5000000);
    cr_assert_eq(takt_runtime_help(runtime, until), 0, "nothing to do");
    cr_assert(takt_now() >= until);
    cr_assert(place(runtime, 0).sleeps > 0);
    lay(&line, runtime, -1);
    until = takt_after(5000000);
    cr_assert(takt_runtime_help(runtime, until) > 0, "more than it could ever do");
    cr_assert(takt_now() >= until);
    flow_take_up(&line);
}

/* The event comes when the helper sleeps, the helper is called back when it sleeps again. */
Test(help, a_publish_wakes_a_helper_and_a_recall_brings_it_back)
{
    takt_runtime *runtime = hosted(2);
    struct flow_line line = {.runtime = runtime};
    struct hand hands[2];
    line.p = flow_pipeline(runtime, 64);
    line.last = flow_last(line.p, NULL, &line.checker);
    flow_start(line.p);
    for (int i = 0; i < 2; i++)
        begin_to_help(&hands[i], runtime, TAKT_FOREVER);
    for (int64_t i = 1; i <= 20; i++) {
        wait_for_helpers(runtime, 2, true);
        flow_publish(line.p, 1);
        flow_reaches(&line.checker.seen, i);
    }
    wait_for_helpers(runtime, 2, true);
    takt_runtime_recall(runtime);
    int64_t handled = end_of(&hands[0]);
    handled += end_of(&hands[1]);
    cr_assert_eq(handled, 20);
    begin_to_help(&hands[0], runtime, TAKT_FOREVER); /* the recall is over */
    flow_publish(line.p, 1);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 21);
    takt_runtime_recall(runtime);
    cr_assert_eq(end_of(&hands[0]), 1);
    flow_take_up(&line);
}

/* The worker is held in a handler, and a helper works off the rest. */
Test(help, a_helper_works_beside_a_worker)
{
    struct flow_line held, line;
    struct flow_held handler = {0};
    takt_runtime *runtime;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 1, .helpers = 1)), 0);
    held = (struct flow_line){.runtime = runtime};
    held.p = flow_pipeline(runtime, 64);
    flow_stage(held.p, TAKT_STAGE(.handler = flow_hold, .context = &handler, .shards_max = 1));
    flow_start(held.p);
    flow_publish(held.p, 1);
    flow_reaches(&handler.entered, 1);
    lay(&line, runtime, 500);
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    while (takt_pipeline_wait(line.p, TAKT_NOW) == TAKT_ETIMEDOUT && takt_now() < deadline)
        cr_assert(takt_runtime_help(runtime, TAKT_NOW) >= 0);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 500);
    takt__store_release(&handler.let_go, 1);
    takt_pipeline_destroy(line.p);
    takt_pipeline_destroy(held.p);
    takt_runtime_destroy(runtime);
}

/* A handler that would help itself. */
struct selfish {
    takt_runtime *runtime;
    int64_t result;
};

static int on_event(void *context, takt_batch *b)
{
    struct selfish *selfish = context;
    (void)b;
    takt__store_release(&selfish->result, takt_runtime_help(selfish->runtime, TAKT_FOREVER));
    return 0;
}

Test(help, a_handler_is_told_that_it_cannot_help)
{
    for (uint32_t workers = 0; workers < 2; workers++) {
        struct selfish selfish = {0};
        cr_assert_eq(takt_runtime_create(
                         &selfish.runtime,
                         TAKT_RUNTIME(.workers = workers ? 1 : TAKT_NO_WORKERS, .helpers = 3)),
                     0);
        takt_pipeline *p = flow_pipeline(selfish.runtime, 64);
        flow_stage(p, TAKT_STAGE(.handler = on_event, .context = &selfish, .shards_max = 1));
        flow_start(p);
        flow_publish(p, 1);
        takt_pipeline_close(p);
        if (!workers)
            while (takt_runtime_help(selfish.runtime, TAKT_NOW) > 0) {
            }
        flow_ends_with(p, 0);
        cr_assert_eq(selfish.result, TAKT_ESTATE, "%s", takt_error_name((int)selfish.result));
        cr_assert_eq(takt_runtime_help(selfish.runtime, TAKT_NOW), 0, "but others can");
        takt_pipeline_destroy(p);
        takt_runtime_destroy(selfish.runtime);
    }
}

/* A handler of one runtime may help another. */
Test(help, it_is_a_matter_of_each_runtime)
{
    struct selfish selfish = {.runtime = hosted(1)};
    struct flow_line line;
    takt_runtime *outer = hosted(1);
    takt_pipeline *p = flow_pipeline(outer, 64);
    lay(&line, selfish.runtime, 100);
    flow_stage(p, TAKT_STAGE(.handler = on_event, .context = &selfish, .shards_max = 1));
    flow_start(p);
    flow_publish(p, 1);
    struct hand hand;
    begin_to_help(&hand, outer, TAKT_FOREVER);
    flow_ends_with(line.p, 0);
    wait_for_helpers(selfish.runtime, 1, true);
    takt_runtime_recall(selfish.runtime);
    flow_reaches(&selfish.result, 300);
    takt_runtime_recall(outer);
    cr_assert_eq(end_of(&hand), 1);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(outer);
    flow_take_up(&line);
}

Test(help, no_more_than_there_are_places)
{
    takt_runtime *runtime = flow_runtime(1);
    cr_assert_eq(takt_runtime_help(runtime, TAKT_FOREVER), TAKT_ELIMIT, "it has none");
    takt_runtime_destroy(runtime);
    runtime = hosted(2);
    struct hand hands[2];
    for (int i = 0; i < 2; i++)
        begin_to_help(&hands[i], runtime, TAKT_FOREVER);
    wait_for_helpers(runtime, 2, false);
    cr_assert_eq(takt_runtime_help(runtime, TAKT_FOREVER), TAKT_ELIMIT);
    takt_runtime_recall(runtime);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(end_of(&hands[i]), 0);
    cr_assert_eq(takt_runtime_help(runtime, TAKT_NOW), 0);
    takt_runtime_destroy(runtime);
}

Test(help, destroying_the_runtime_sends_helpers_home)
{
    for (int asleep = 0; asleep < 2; asleep++) {
        takt_runtime *runtime = hosted(3);
        struct hand hands[3];
        for (int i = 0; i < 3; i++)
            begin_to_help(&hands[i], runtime, TAKT_FOREVER);
        wait_for_helpers(runtime, 3, asleep);
        takt_runtime_destroy(runtime);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(end_of(&hands[i]), TAKT_EHALTED);
    }
}

/* Drained, halted and destroyed with helpers inside, who go on with what comes next. */
Test(help, pipelines_come_and_go_under_helpers)
{
    takt_runtime *runtime = hosted(2);
    struct hand hands[2];
    int64_t made = 0;
    for (int i = 0; i < 2; i++)
        begin_to_help(&hands[i], runtime, TAKT_FOREVER);
    for (int i = 0; i < 50; i++) {
        struct flow_line line;
        lay(&line, runtime, -1);
        flow_reaches(&line.checker.seen, 10);
        if (i % 3 == 0)
            cr_assert_eq(flow_drain(line.p), 0);
        if (i % 3 == 1)
            takt_pipeline_halt(line.p);
        takt_pipeline_destroy(line.p);
        made += line.maker.made;
        cr_assert_eq(line.checker.wrong, 0);
        if (i % 3 == 0)
            cr_assert_eq(line.checker.seen, line.maker.made);
    }
    takt_runtime_recall(runtime);
    int64_t handled = end_of(&hands[0]);
    handled += end_of(&hands[1]);
    cr_assert(handled >= made);
    takt_runtime_destroy(runtime);
}

Test(help, figures_tell_helpers_from_workers)
{
    takt_counters_worker w[4];
    takt_runtime *runtime;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2, .helpers = 2)), 0);
    cr_assert_eq(takt_runtime_workers(runtime), 2);
    cr_assert_eq(takt_runtime_snapshot(runtime, w, 4), 4);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(w[i].helper, i >= 2);
        cr_assert_eq(w[i].present, i < 2);
        cr_assert_eq(w[i].visits, i < 2);
    }
    cr_assert_eq(w[2].idle_ns, 0, "nobody has been there");
    struct hand hand;
    begin_to_help(&hand, runtime, TAKT_FOREVER);
    wait_for_helpers(runtime, 1, true);
    takt_runtime_recall(runtime);
    end_of(&hand);
    takt_runtime_snapshot(runtime, w, 4);
    int64_t there = w[2].busy_ns + w[2].sleeping_ns + w[2].idle_ns;
    cr_assert(there > 0 && !w[2].present && w[2].visits == 1 && w[2].sleeps > 0);
    usleep(2000);
    takt_runtime_snapshot(runtime, w, 4);
    cr_assert_eq(w[2].busy_ns + w[2].sleeping_ns + w[2].idle_ns, there, "it is not there");
    cr_assert_eq(w[3].visits, 0);
    takt_runtime_destroy(runtime);
}
