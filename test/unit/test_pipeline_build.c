/* SPDX-License-Identifier: MIT */
/* Building runtimes and pipelines: every refusal, every limit, and running out of memory. */
#include <pthread.h>

#include "flow.h"
#include "probe.h"

TestSuite(build, .timeout = 40);

static takt_runtime *runtime;
static takt_pipeline *p;
static struct probe probe;

/* A runtime and a pipeline of 64 slots whose memory is counted. */
static void set_up(void)
{
    probe_start(&probe, 0, false);
    cr_assert_eq(
        takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 1, .allocator = &probe.table)), 0);
    p = flow_pipeline(runtime, 64);
}

/*
 * Every test ends with it. It is no .fini: Criterion lets a test pass whose assertion fails there.
 */
static void tear_down(void)
{
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
    cr_assert_eq(probe.live, 0, "%u blocks have not come back", probe.live);
    cr_assert_eq(probe.faults, 0);
}

static int do_nothing(void *context, takt_batch *b)
{
    (void)context;
    (void)b;
    return 0;
}

static uint64_t no_key(const void *event)
{
    (void)event;
    return 0;
}

/* Adds a stage that is no good; the pipeline has as many stages, and as much memory, as before. */
static void check_refused(takt_stage_options options, int code)
{
    uint32_t live = probe.live;
    takt_stage *stage = NULL;
    int result = takt_pipeline_add_stage(p, &stage, &options);
    cr_assert_eq(result, code, "%s, not %s", takt_error_name(result), takt_error_name(code));
    cr_assert(stage == NULL);
    cr_assert_eq(probe.live, live);
}

Test(build, a_runtime_refuses_options_that_make_no_sense)
{
    takt_runtime_options options = {.size = sizeof options};
    takt_runtime *none = (takt_runtime *)&none;

    cr_assert_eq(takt_runtime_create(NULL, &options), TAKT_EINVAL);
    cr_assert_eq(takt_runtime_create(&none, NULL), TAKT_EINVAL);
    cr_assert(none == NULL);
    cr_assert_eq(takt_runtime_create(&none, TAKT_RUNTIME(.tick_ns = -1)), TAKT_EINVAL);
    cr_assert_eq(takt_runtime_create(&none, TAKT_RUNTIME(.workers = TAKT_WORKERS_MAX + 1)),
                 TAKT_EINVAL);
    options.size--;
    cr_assert_eq(takt_runtime_create(&none, &options), TAKT_EINVAL);
    options.size = 0;
    cr_assert_eq(takt_runtime_create(&none, &options), TAKT_EINVAL);
    cr_assert(none == NULL);
    takt_runtime_destroy(NULL);
    takt_pipeline_destroy(NULL);
}

Test(build, a_runtime_has_the_workers_that_were_asked_for)
{
    for (uint32_t workers = 1; workers <= 32; workers *= 2) {
        takt_runtime *r = flow_runtime(workers);
        cr_assert_eq(takt_runtime_workers(r), workers);
        takt_runtime_destroy(r);
    }
}

Test(build, a_runtime_without_threads_is_none)
{
    pthread_attr_t attributes;
    takt_runtime *none = (takt_runtime *)&none;

    probe_start(&probe, 0, false);
    /* No thread gets a stack as large as the address space. */
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, (size_t)1 << 48), 0);
    cr_assert_eq(pthread_setattr_default_np(&attributes), 0);
    cr_assert_eq(takt_runtime_create(&none, TAKT_RUNTIME(.workers = 2, .allocator = &probe.table)),
                 TAKT_ETHREAD);
    cr_assert(none == NULL);
    cr_assert(probe_is_clean(&probe));
}

Test(build, a_pipeline_refuses_what_makes_no_ring, .init = set_up)
{
    const struct {
        takt_pipeline_options options;
        int code;
    } refused[] = {
        {{.event_size = 8, .capacity = 0}, TAKT_ECAPACITY},
        {{.event_size = 8, .capacity = 48}, TAKT_ECAPACITY},
        {{.event_size = 8, .capacity = -64}, TAKT_ECAPACITY},
        {{.event_size = 0, .capacity = 64}, TAKT_EEVENTSIZE},
        {{.event_size = SIZE_MAX, .capacity = 64}, TAKT_EEVENTSIZE},
        {{.event_size = 24, .capacity = 64, .alignment = 16}, TAKT_EALIGN},
        {{.event_size = 24, .capacity = 64, .alignment = 3}, TAKT_EALIGN},
        {{.event_size = 8, .capacity = 64, .slice_ns = -1}, TAKT_EINVAL},
    };
    uint32_t live = probe.live;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        takt_pipeline *none = (takt_pipeline *)&none;
        takt_pipeline_options options = refused[i].options;
        options.size = sizeof options;
        cr_assert_eq(takt_pipeline_create(&none, runtime, &options), refused[i].code, "case %zu",
                     i);
        cr_assert(none == NULL);
        options = (takt_pipeline_options){.event_size = 8, .capacity = 64}; /* without its size */
        cr_assert_eq(takt_pipeline_create(&none, runtime, &options), TAKT_EINVAL);
        cr_assert_eq(probe.live, live);
    }
    tear_down();
}

Test(build, a_pipeline_refuses_null, .init = set_up)
{
    takt_pipeline *none = (takt_pipeline *)&none;
    const takt_pipeline_options *options = TAKT_PIPELINE(.event_size = 8, .capacity = 64);

    cr_assert_eq(takt_pipeline_create(NULL, runtime, options), TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_create(&none, runtime, NULL), TAKT_EINVAL);
    cr_assert(none == NULL);
    none = (takt_pipeline *)&none;
    cr_assert_eq(takt_pipeline_create(&none, NULL, options), TAKT_EINVAL);
    cr_assert(none == NULL);
    cr_assert_eq(takt_pipeline_start(NULL), TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_stage(NULL, NULL, TAKT_STAGE(.handler = do_nothing)),
                 TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_source(NULL, NULL, TAKT_STAGE(.handler = do_nothing)),
                 TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_stage(p, NULL, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, NULL), TAKT_EINVAL);
    tear_down();
}

Test(build, a_stage_refuses_options_that_make_no_sense, .init = set_up)
{
    const takt_stage_options good = *TAKT_STAGE(.handler = do_nothing);
    takt_stage_options options = good;

    check_refused(*TAKT_STAGE(.handler = NULL), TAKT_EINVAL);
    options.size++;
    check_refused(options, TAKT_EINVAL);
    options.size = 0;
    check_refused(options, TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, &options), TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, TAKT_STAGE(.handler = NULL)), TAKT_EINVAL);
    check_refused(*TAKT_STAGE(.handler = do_nothing, .key = no_key, .stored_key = true),
                  TAKT_EINVAL);
    cr_assert_eq(takt_pipeline_add_stage(p, NULL, &good), 0, "the pipeline is as good as before");
    tear_down();
}

Test(build, a_stage_refuses_blocks, .init = set_up)
{
    const uint32_t blocks[] = {3, 12, 63, 128, UINT32_C(1) << 31, UINT32_MAX};

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        check_refused(*TAKT_STAGE(.handler = do_nothing, .block = blocks[i]), TAKT_EBLOCK);
    for (uint32_t block = 1; block <= 64; block *= 2)
        flow_stage(p, TAKT_STAGE(.handler = do_nothing, .block = block));
    tear_down();
}

Test(build, a_stage_refuses_numbers_of_shards, .init = set_up)
{
    const uint32_t refused[][3] = {
        {0, 0, TAKT_SHARDS_MAX + 1},
        {0, TAKT_SHARDS_MAX + 1, 0},
        {0, 5, 4},
        {2, 3, 0},
        {5, 0, 4},
        {TAKT_SHARDS_MAX + 1, 0, 0},
        {2, 0, 1},
        {9, 3, 8},
    };
    const uint32_t accepted[][3] = {
        {0, 0, 1},  {3, 3, 3},  {0, 4, 4}, {TAKT_SHARDS_MAX, 1, TAKT_SHARDS_MAX},
        {16, 0, 0}, {0, 40, 0},
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_refused(*TAKT_STAGE(.handler = do_nothing, .shards = refused[i][0],
                                  .shards_min = refused[i][1], .shards_max = refused[i][2]),
                      TAKT_EWIDTH);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        takt_stage_stats stats;
        takt_stage *stage =
            flow_stage(p, TAKT_STAGE(.handler = do_nothing, .shards = accepted[i][0],
                                     .shards_min = accepted[i][1], .shards_max = accepted[i][2]));
        takt_stage_get_stats(stage, &stats);
        uint32_t expected = accepted[i][0] ? accepted[i][0] : accepted[i][1];
        cr_assert_eq(stats.shards_now, expected ? expected : 1);
    }
    tear_down();
}

Test(build, a_stage_refuses_to_follow_what_is_not_there, .init = set_up)
{
    takt_pipeline *other = flow_pipeline(runtime, 64);
    takt_stage *mine = flow_stage(p, TAKT_STAGE(.handler = do_nothing));
    takt_stage *theirs = flow_stage(other, TAKT_STAGE(.handler = do_nothing));
    takt_stage *many[TAKT_UPSTREAM_MAX + 1];

    for (int i = 0; i <= TAKT_UPSTREAM_MAX; i++)
        many[i] = mine;
    check_refused(*TAKT_STAGE(.handler = do_nothing, FLOW_AFTER(theirs)), TAKT_EGRAPH);
    check_refused(*TAKT_STAGE(.handler = do_nothing, FLOW_AFTER(mine, theirs)), TAKT_EGRAPH);
    check_refused(*TAKT_STAGE(.handler = do_nothing, FLOW_AFTER(NULL)), TAKT_EGRAPH);
    check_refused(
        *TAKT_STAGE(.handler = do_nothing, .after = many, .after_count = TAKT_UPSTREAM_MAX + 1),
        TAKT_ELIMIT);
    takt_pipeline_destroy(other);
    tear_down();
}

Test(build, a_stage_refuses_a_list_that_is_null, .init = set_up)
{
    check_refused(*TAKT_STAGE(.handler = do_nothing, .after = NULL, .after_count = 1), TAKT_EINVAL);
    tear_down();
}

Test(build, there_is_a_most_of_stages, .init = set_up)
{
    for (int i = 0; i < TAKT_STAGES_MAX; i++)
        flow_stage(p, TAKT_STAGE(.handler = do_nothing));
    check_refused(*TAKT_STAGE(.handler = do_nothing), TAKT_ELIMIT);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, TAKT_STAGE(.handler = do_nothing)), TAKT_ELIMIT);
    tear_down();
}

Test(build, there_is_one_source, .init = set_up)
{
    takt_stage *source = NULL;
    /* What it has of shards and keys is not looked at. */
    const takt_stage_options *options =
        TAKT_STAGE(.handler = do_nothing, .shards = 9, .shards_max = 3, .block = 5, .key = no_key,
                   .stored_key = true, .after_count = 100);

    cr_assert_eq(takt_pipeline_add_source(p, &source, options), 0);
    cr_assert(source != NULL);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, TAKT_STAGE(.handler = do_nothing)), TAKT_ESTATE);
    tear_down();
}

/* A source that has nothing, and ends when it may. */
static int end_when_told(void *may_end, takt_batch *b)
{
    b->count = 0;
    return __atomic_load_n((bool *)may_end, __ATOMIC_RELAXED) ? TAKT_END : 0;
}

Test(build, a_start_needs_stages_and_happens_once, .init = set_up)
{
    static bool may_end;
    takt_stage *source;
    const takt_stage_options *options = TAKT_STAGE(.handler = end_when_told, .context = &may_end);

    cr_assert_eq(takt_pipeline_start(p), TAKT_EGRAPH);
    cr_assert_eq(takt_pipeline_add_source(p, &source, options), 0);
    cr_assert_eq(takt_pipeline_start(p), TAKT_EGRAPH, "a source alone is no pipeline");
    flow_stage(p, TAKT_STAGE(.handler = do_nothing, FLOW_AFTER(source)));
    flow_start(p);
    cr_assert_eq(takt_pipeline_start(p), TAKT_ERUNNING);
    check_refused(*TAKT_STAGE(.handler = do_nothing), TAKT_ERUNNING);
    cr_assert_eq(takt_pipeline_add_source(p, NULL, TAKT_STAGE(.handler = do_nothing)),
                 TAKT_ERUNNING);
    __atomic_store_n(&may_end, true, __ATOMIC_RELAXED);
    flow_ends_with(p, 0);
    cr_assert_eq(takt_pipeline_start(p), TAKT_ESTATE, "nor when it has ended");
    check_refused(*TAKT_STAGE(.handler = do_nothing), TAKT_ESTATE);
    tear_down();
}

Test(build, before_the_start_there_is_nothing_to_wait_for, .init = set_up)
{
    takt_failure failure;
    flow_stage(p, TAKT_STAGE(.handler = do_nothing));
    cr_assert_eq(takt_pipeline_drain(p, TAKT_FOREVER), TAKT_ESTATE);
    cr_assert_eq(takt_pipeline_wait(p, TAKT_FOREVER), TAKT_ESTATE);
    cr_assert_eq(takt_pipeline_failure(p, &failure), 0);
    cr_assert_eq(takt_ring_try_next(takt_pipeline_ring(p), 1), TAKT_ENOCONSUMER);
    tear_down();
}

Test(build, names_are_copied, .init = set_up)
{
    char name[] = "risk";
    takt_stage_stats stats;
    takt_stage *named = flow_stage(p, TAKT_STAGE(.name = name, .handler = do_nothing));
    takt_stage *nameless = flow_stage(p, TAKT_STAGE(.handler = do_nothing));

    name[0] = 'x';
    takt_stage_get_stats(named, &stats);
    cr_assert_eq(strcmp(stats.name, "risk"), 0);
    takt_stage_get_stats(nameless, &stats);
    cr_assert(stats.name != NULL);
    tear_down();
}

Test(build, so_many_pipelines_run_at_once, .init = set_up)
{
    takt_pipeline *pipelines[TAKT_PIPELINES_MAX];
    struct flow_checker checkers[TAKT_PIPELINES_MAX] = {{0}};

    flow_stage(p, TAKT_STAGE(.handler = do_nothing));
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++) {
        pipelines[i] = flow_pipeline(runtime, 8);
        flow_last(pipelines[i], NULL, &checkers[i]);
        flow_start(pipelines[i]);
    }
    cr_assert_eq(takt_pipeline_start(p), TAKT_ELIMIT);
    takt_pipeline_destroy(pipelines[3]); /* makes room for another */
    checkers[3] = (struct flow_checker){0};
    pipelines[3] = flow_pipeline(runtime, 8);
    flow_last(pipelines[3], NULL, &checkers[3]);
    flow_start(pipelines[3]);
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++)
        flow_publish(pipelines[i], 20 + i);
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++) {
        takt_pipeline_close(pipelines[i]);
        flow_ends_with(pipelines[i], 0);
        flow_has_seen(&checkers[i], 20 + i);
    }
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++)
        takt_pipeline_destroy(pipelines[i]);
    tear_down();
}

Test(build, a_ring_waits_for_as_many_last_stages_as_there_can_be, .init = set_up)
{
    takt_sequence own = {.value = TAKT_SEQUENCE_GONE};

    cr_assert_eq(takt_ring_add_gating(takt_pipeline_ring(p), &own), 0);
    for (int i = 0; i < TAKT_STAGES_MAX; i++)
        flow_stage(p, TAKT_STAGE(.handler = do_nothing, .stored_key = i == 0));
    cr_assert_eq(takt_pipeline_start(p), 0);
    tear_down();
}
