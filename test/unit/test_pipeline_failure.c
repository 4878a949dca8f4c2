/* SPDX-License-Identifier: MIT */
/*
 * Handlers that fail: whatever the shards and workers did meanwhile, the first event that fails is
 * the failure, and the last stage has seen exactly the events before it.
 */
#include <string.h>

#include "flow.h"

TestSuite(failure, .timeout = 40);

/* A stage whose handler fails at some sequences, each with a code of its own. */
struct faulty {
    const int64_t *at;
    size_t count;
    takt_stage *redivide; /* if set, its number of shards is changed with each batch */
    uint32_t batches;
};

static int code_of(int64_t sequence)
{
    return TAKT_EUSER - (int)sequence;
}

static bool fails_at(const struct faulty *faulty, int64_t sequence)
{
    for (size_t i = 0; i < faulty->count; i++)
        if (faulty->at[i] == sequence)
            return true;
    return false;
}

static int fail_there(void *context, takt_batch *b)
{
    struct faulty *faulty = context;
    if (faulty->redivide) {
        uint32_t batch = __atomic_fetch_add(&faulty->batches, 1, __ATOMIC_RELAXED);
        takt_stage_set_shards(faulty->redivide, 1 + batch * 5 % 7);
    }
    for (uint32_t i = 0; i < b->count; i++) {
        struct flow_event *event = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        if (fails_at(faulty, s))
            return takt_batch_fail(b, i, code_of(s));
        event->left = 3 * event->number;
    }
    return 0;
}

/* The pipeline has failed in the stage of that name, at that sequence; `events` came through. */
static void check_failure(takt_pipeline *p, const struct flow_checker *checker, const char *stage,
                          int64_t sequence, int code)
{
    takt_failure failure = {0};
    flow_ends_with(p, code);
    cr_assert_eq(takt_pipeline_failure(p, &failure), 1);
    cr_assert_eq(failure.sequence, sequence, "at %ld, not %ld", failure.sequence, sequence);
    cr_assert_eq(failure.code, code);
    cr_assert_eq(strcmp(failure.stage, stage), 0, "in %s", failure.stage);
    flow_has_seen(checker, sequence);
}

struct run {
    uint32_t workers;
    uint32_t block;
    takt_key_function key;
    bool redivide;
    int64_t sequences[6]; /* that fail */
    size_t count;
    int64_t first;
};

/* A source without end, a stage in shards that fails, and a last stage. */
static void check_run(takt_runtime *runtime, const struct run *run)
{
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {.is_right = flow_has_left};
    struct faulty faulty = {.at = run->sequences, .count = run->count};
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *stage = flow_stage(
        p, TAKT_STAGE(.name = "faulty", .handler = fail_there, .context = &faulty,
                      FLOW_AFTER(source), .shards = 4, .block = run->block, .key = run->key));

    faulty.redivide = run->redivide ? stage : NULL;
    flow_last(p, stage, &checker);
    flow_start(p);
    check_failure(p, &checker, "faulty", run->first, code_of(run->first));
    takt_pipeline_destroy(p);
}

static void check_runs(struct run run, int times)
{
    static const int64_t sequences[] = {503, 131, 130, 999, 132, 140};

    takt_runtime *runtime = flow_runtime(run.workers);
    memcpy(run.sequences, sequences, sizeof sequences);
    run.count = 6;
    run.first = 130;
    for (int i = 0; i < times; i++)
        check_run(runtime, &run);
    takt_runtime_destroy(runtime);
}

static uint64_t key_of(const void *event)
{
    return (uint64_t)((const struct flow_event *)event)->number % 13;
}

Test(failure, is_the_first_of_all_that_shards_had)
{
    for (uint32_t block = 1; block <= 64; block *= 4)
        check_runs((struct run){.workers = 4, .block = block}, 50);
    check_runs((struct run){.workers = 1, .block = 1}, 20);
}

Test(failure, is_the_first_of_all_that_keyed_shards_had)
{
    check_runs((struct run){.workers = 4, .key = key_of}, 100);
}

Test(failure, is_the_first_of_all_while_shards_change)
{
    check_runs((struct run){.workers = 4, .block = 1, .redivide = true}, 100);
    check_runs((struct run){.workers = 4, .block = 8, .redivide = true}, 100);
    check_runs((struct run){.workers = 4, .key = key_of, .redivide = true}, 100);
}

Test(failure, may_be_at_any_event)
{
    takt_runtime *runtime = flow_runtime(3);
    for (int64_t s = 0; s < 150; s++) {
        struct run run = {.block = 2, .sequences = {s + 7, s + 1, s}, .count = 3, .first = s};
        check_run(runtime, &run);
    }
    takt_runtime_destroy(runtime);
}

/* Two stages one after the other, both faulty: the lower sequence wins, whichever stage it is. */
static void check_two(int64_t first_at, int64_t second_at)
{
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {.is_right = flow_has_left};
    struct faulty first = {.at = &first_at, .count = 1}, second = {.at = &second_at, .count = 1};
    takt_runtime *runtime = flow_runtime(3);

    for (int round = 0; round < 30; round++) {
        takt_pipeline *p = flow_pipeline(runtime, 64);
        takt_stage *source = flow_source(p, &maker);
        takt_stage *a =
            flow_stage(p, TAKT_STAGE(.name = "first", .handler = fail_there, .context = &first,
                                     FLOW_AFTER(source), .shards = 3, .block = 4));
        takt_stage *b =
            flow_stage(p, TAKT_STAGE(.name = "second", .handler = fail_there, .context = &second,
                                     FLOW_AFTER(a), .shards = 2, .block = 1));
        flow_last(p, b, &checker);
        flow_start(p);
        if (first_at < second_at)
            check_failure(p, &checker, "first", first_at, code_of(first_at));
        else
            check_failure(p, &checker, "second", second_at, code_of(second_at));
        takt_pipeline_destroy(p);
        maker.made = checker.seen = 0;
    }
    takt_runtime_destroy(runtime);
}

Test(failure, of_two_stages_is_the_one_at_the_lower_sequence)
{
    check_two(300, 290);
    check_two(290, 300);
    check_two(77, 4000);
    check_two(4000, 77);
}

/* A source that fails after a number of events, some of them in the failing call. */
struct faulty_source {
    struct flow_maker maker;
    int code;
};

static int make_and_fail(void *context, takt_batch *b)
{
    struct faulty_source *source = context;
    int result = flow_make(&source->maker, b);
    return result == TAKT_END ? source->code : result;
}

Test(failure, of_a_source_comes_after_what_it_made)
{
    const int64_t totals[] = {0, 1, 64, 1000};

    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        struct faulty_source faulty = {{.total = totals[i]}, TAKT_EUSER - 5};
        struct flow_checker checker = {.is_right = flow_has_left};
        takt_runtime *runtime = flow_runtime(2);
        takt_pipeline *p = flow_pipeline(runtime, 64);
        takt_stage *source;
        cr_assert_eq(takt_pipeline_add_source(
                         p, &source,
                         TAKT_STAGE(.name = "feed", .handler = make_and_fail, .context = &faulty)),
                     0);
        takt_stage *left =
            flow_stage(p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source), .shards = 2));
        flow_last(p, left, &checker);
        flow_start(p);
        check_failure(p, &checker, "feed", totals[i], TAKT_EUSER - 5);
        cr_assert_eq(takt_pipeline_drain(p, TAKT_FOREVER), 0, "all that was made has passed");
        takt_pipeline_destroy(p);
        takt_runtime_destroy(runtime);
    }
}

/* Fails without saying at which event, once event `at` is in the batch. */
struct mute {
    int64_t at;
    int64_t first; /* of the batch that failed */
};

static int fail_mutely(void *context, takt_batch *b)
{
    struct mute *mute = context;
    if (takt_batch_sequence(b, b->count - 1) < mute->at)
        return 0;
    mute->first = takt_batch_sequence(b, 0);
    return TAKT_EINVAL;
}

Test(failure, that_names_no_event_is_the_whole_batch)
{
    struct mute mute = {.at = 500};
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {0};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *stage =
        flow_stage(p, TAKT_STAGE(.name = "mute", .handler = fail_mutely, .context = &mute,
                                 FLOW_AFTER(flow_source(p, &maker)), .shards_max = 1));

    flow_last(p, stage, &checker);
    flow_start(p);
    flow_ends_with(p, TAKT_EINVAL);
    cr_assert(mute.first <= 500);
    check_failure(p, &checker, "mute", mute.first, TAKT_EINVAL);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(failure, of_the_last_stage)
{
    const int64_t at = 321;
    struct faulty faulty = {.at = &at, .count = 1};
    struct flow_checker before = {0};
    struct flow_maker maker = {.total = -1};
    takt_failure failure;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *stage = flow_last(p, flow_source(p, &maker), &before);

    flow_stage(p, TAKT_STAGE(.name = "end", .handler = fail_there, .context = &faulty,
                             FLOW_AFTER(stage), .shards_max = 1));
    flow_start(p);
    flow_ends_with(p, code_of(at));
    cr_assert_eq(takt_pipeline_failure(p, &failure), 1);
    cr_assert_eq(failure.sequence, at);
    cr_assert(before.seen > at && before.wrong == 0);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* A producer's pipeline whose stage fails at event 20. */
static takt_pipeline *lay_failing(takt_runtime *runtime, struct faulty *faulty,
                                  struct flow_checker *checker, takt_stage **stage)
{
    static const int64_t at = 20;
    takt_pipeline *p = flow_pipeline(runtime, 64);

    *faulty = (struct faulty){.at = &at, .count = 1};
    *stage = flow_stage(
        p, TAKT_STAGE(.name = "faulty", .handler = fail_there, .context = faulty, .shards_max = 1));
    flow_last(p, *stage, checker);
    flow_start(p);
    return p;
}

Test(failure, leaves_what_a_drain_counts)
{
    struct faulty faulty;
    struct flow_checker checker = {.is_right = flow_has_left};
    takt_stage *stage;
    takt_failure failure;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = lay_failing(runtime, &faulty, &checker, &stage);

    cr_assert_eq(takt_pipeline_failure(p, &failure), 0);
    flow_publish(p, 50);
    check_failure(p, &checker, "faulty", 20, code_of(20));
    cr_assert_eq(takt_pipeline_drain(p, TAKT_FOREVER), 30);
    cr_assert_eq(takt_pipeline_drain(p, TAKT_NOW), 30);
    takt_pipeline_halt(p); /* it has failed, and stays so */
    flow_ends_with(p, code_of(20));
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(failure, lets_a_waiting_producer_go)
{
    struct faulty faulty;
    struct flow_checker checker = {.is_right = flow_has_left};
    takt_stage *stage;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = lay_failing(runtime, &faulty, &checker, &stage);
    takt_ring *ring = takt_pipeline_ring(p);
    int64_t s;

    while ((s = takt_ring_next_until(ring, 1, takt_after(FLOW_PATIENCE_NS))) >= 0) {
        *(struct flow_event *)takt_ring_at(ring, s) = (struct flow_event){s, -1, -1};
        takt_ring_publish(ring, s);
    }
    cr_assert_eq(s, TAKT_EHALTED);
    check_failure(p, &checker, "faulty", 20, code_of(20));
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* The figures speak of events that were handled: not of the one that failed, nor of its batch. */
Test(failure, is_not_counted_among_the_events_handled)
{
    struct faulty faulty;
    struct flow_checker checker = {.is_right = flow_has_left};
    takt_stage *stage;
    takt_stage_stats stats;
    takt_runtime *runtime = flow_runtime(1);
    takt_pipeline *p = lay_failing(runtime, &faulty, &checker, &stage);

    flow_publish(p, 50);
    check_failure(p, &checker, "faulty", 20, code_of(20));
    takt_stage_get_stats(stage, &stats);
    cr_assert_eq(stats.backlog, 30);
    cr_assert_eq(stats.events, 20, "%ld events", stats.events);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}
