/* SPDX-License-Identifier: MIT */
/* Events on their way through pipelines: every shape of them, whole and in order. */
#include "flow.h"

TestSuite(pipeline, .timeout = 40);

/* Events of any size: every byte says which it is. */
struct bytes {
    size_t size;
    int64_t total;
    int64_t made;
    int64_t seen;
    int64_t wrong;
};

static unsigned char byte_of(int64_t number, size_t i)
{
    return (unsigned char)((uint64_t)number * 7 + i);
}

static int make_bytes(void *context, takt_batch *b)
{
    struct bytes *c = context;
    uint32_t n = 0;
    for (; n < b->count && c->made < c->total; n++, c->made++)
        for (size_t i = 0; i < c->size; i++)
            ((unsigned char *)takt_batch_at(b, n))[i] = byte_of(c->made, i);
    b->count = n;
    return c->made == c->total ? TAKT_END : 0;
}

static int flip_bytes(void *context, takt_batch *b)
{
    const struct bytes *c = context;
    for (uint32_t n = 0; n < b->count; n++)
        for (size_t i = 0; i < c->size; i++)
            ((unsigned char *)takt_batch_at(b, n))[i] ^= 0xa5;
    return 0;
}

static int check_bytes(void *context, takt_batch *b)
{
    struct bytes *c = context;
    for (uint32_t n = 0; n < b->count; n++, c->seen++)
        for (size_t i = 0; i < c->size; i++)
            c->wrong += ((unsigned char *)takt_batch_at(b, n))[i] != (byte_of(c->seen, i) ^ 0xa5);
    return 0;
}

static void check_size(takt_runtime *runtime, size_t event_size, int64_t capacity)
{
    struct bytes c = {.size = event_size, .total = 1000};
    takt_pipeline *p;
    takt_stage *source, *flip;

    cr_assert_eq(takt_pipeline_create(
                     &p, runtime, TAKT_PIPELINE(.event_size = event_size, .capacity = capacity)),
                 0);
    cr_assert_eq(
        takt_pipeline_add_source(p, &source, TAKT_STAGE(.handler = make_bytes, .context = &c)), 0);
    flip = flow_stage(
        p, TAKT_STAGE(.handler = flip_bytes, .context = &c, FLOW_AFTER(source), .shards = 3));
    flow_stage(
        p, TAKT_STAGE(.handler = check_bytes, .context = &c, FLOW_AFTER(flip), .shards_max = 1));
    flow_start(p);
    flow_ends_with(p, 0);
    cr_assert_eq(c.seen, c.total, "%zu bytes, %ld slots: %ld events", event_size, capacity, c.seen);
    cr_assert_eq(c.wrong, 0, "%zu bytes, %ld slots: %ld wrong", event_size, capacity, c.wrong);
    takt_pipeline_destroy(p);
}

static void check_sizes(uint32_t workers)
{
    const size_t event_sizes[] = {1, 8, 24, 256};
    takt_runtime *runtime = flow_runtime(workers);

    for (size_t i = 0; i < sizeof event_sizes / sizeof *event_sizes; i++)
        for (int64_t capacity = 1; capacity <= 16; capacity *= 2)
            check_size(runtime, event_sizes[i], capacity);
    takt_runtime_destroy(runtime);
}

Test(pipeline, small_rings_of_all_event_sizes_with_one_worker)
{
    check_sizes(1);
}

Test(pipeline, small_rings_of_all_event_sizes_with_three_workers)
{
    check_sizes(3);
}

Test(pipeline, a_diamond_joins_both_results)
{
    for (uint32_t workers = 1; workers <= 4; workers++) {
        struct flow_maker maker = {.total = 20000};
        struct flow_checker checker = {.is_right = flow_has_both};
        takt_runtime *runtime = flow_runtime(workers);
        takt_pipeline *p = flow_pipeline(runtime, 128);
        takt_stage *source = flow_source(p, &maker);
        takt_stage *left =
            flow_stage(p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source), .shards = 3));
        takt_stage *right = flow_stage(
            p, TAKT_STAGE(.handler = flow_right, FLOW_AFTER(source), .shards = 2, .block = 2));
        flow_stage(p, TAKT_STAGE(.handler = flow_check, .context = &checker,
                                 FLOW_AFTER(left, right), .shards_max = 1));
        flow_start(p);
        flow_ends_with(p, 0);
        flow_has_seen(&checker, maker.total);
        takt_pipeline_destroy(p);
        takt_runtime_destroy(runtime);
    }
}

Test(pipeline, several_last_stages_each_see_everything)
{
    struct flow_maker maker = {.total = 20000};
    struct flow_checker checkers[3] = {{0}};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);

    for (int i = 0; i < 3; i++)
        flow_last(p, i ? source : NULL, &checkers[i]); /* none is as good as the source */
    flow_start(p);
    flow_ends_with(p, 0);
    for (int i = 0; i < 3; i++)
        flow_has_seen(&checkers[i], maker.total);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* Adds one to `left`, as each stage of a long chain does. */
static int add_one(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        ((struct flow_event *)takt_batch_at(b, i))->left++;
    return 0;
}

static bool has_been_through_all(const struct flow_event *event)
{
    return event->left == -1 + TAKT_STAGES_MAX - 2;
}

Test(pipeline, a_chain_of_as_many_stages_as_there_can_be)
{
    struct flow_maker maker = {.total = 2000};
    struct flow_checker checker = {.is_right = has_been_through_all};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *stage = flow_source(p, &maker);

    for (int i = 0; i < TAKT_STAGES_MAX - 2; i++)
        stage = flow_stage(
            p, TAKT_STAGE(.handler = add_one, FLOW_AFTER(stage), .shards = 1 + (uint32_t)i % 2));
    flow_last(p, stage, &checker);
    flow_start(p);
    flow_ends_with(p, 0);
    flow_has_seen(&checker, maker.total);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

static int do_nothing(void *context, takt_batch *b)
{
    (void)context;
    (void)b;
    return 0;
}

Test(pipeline, a_stage_comes_after_as_many_as_it_may)
{
    struct flow_maker maker = {.total = 5000};
    struct flow_checker checker = {.is_right = flow_has_both};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *before[TAKT_UPSTREAM_MAX];

    for (int i = 0; i < TAKT_UPSTREAM_MAX; i++) {
        takt_handler handler = i == 2 ? flow_left : i == 7 ? flow_right : do_nothing;
        before[i] = flow_stage(p, TAKT_STAGE(.handler = handler, FLOW_AFTER(source)));
    }
    flow_stage(p, TAKT_STAGE(.handler = flow_check, .context = &checker, .after = before,
                             .after_count = TAKT_UPSTREAM_MAX, .shards_max = 1));
    flow_start(p);
    flow_ends_with(p, 0);
    flow_has_seen(&checker, maker.total);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

#define KEYS 37

/* Per-key state, as a keyed stage may keep it: without locks. */
struct by_key {
    int64_t last[KEYS];
    int64_t events[KEYS];
    int64_t wrong[KEYS];
};

static uint64_t key_of(const void *event)
{
    return (uint64_t)(((const struct flow_event *)event)->number * 11 % KEYS);
}

static int store_keys(void *context, takt_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        takt_batch_set_key(b, i, key_of(takt_batch_at(b, i)));
    return flow_left(context, b);
}

static int use_keys(void *context, takt_batch *b)
{
    struct by_key *by_key = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct flow_event *event = takt_batch_at(b, i);
        uint64_t key = key_of(event);
        by_key->wrong[key] += by_key->events[key] && event->number <= by_key->last[key];
        by_key->last[key] = event->number;
        by_key->events[key]++;
    }
    return flow_right(context, b);
}

/* Changes the stage's number of shards again and again while events flow. */
static void change_shards(takt_stage *stage, int times)
{
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    takt_stage_stats stats;

    takt_stage_get_stats(stage, &stats);
    for (int64_t before = stats.redivisions; stats.redivisions < before + times;) {
        cr_assert(takt_now() < deadline, "the shards do not change");
        uint32_t shards = 1 + (stats.shards_now + (uint32_t)stats.redivisions % 5) % 7;
        cr_assert_eq(takt_stage_set_shards(stage, shards), 0);
        usleep(20);
        takt_stage_get_stats(stage, &stats);
    }
}

/* A keyed stage whose division is changed all the time, by the test and by the scheduler. */
static void check_keyed(bool stored, bool fixed)
{
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {.is_right = flow_has_both};
    struct by_key by_key = {0};
    takt_runtime *runtime = flow_runtime(3);
    takt_pipeline *p;

    cr_assert_eq(takt_pipeline_create(&p, runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                    .capacity = 256, .fixed_widths = fixed)),
                 0);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *first =
        flow_stage(p, TAKT_STAGE(.handler = store_keys, FLOW_AFTER(source), .shards = 2));
    takt_stage *keyed =
        flow_stage(p, TAKT_STAGE(.handler = use_keys, .context = &by_key, FLOW_AFTER(first),
                                 .stored_key = stored, .key = stored ? NULL : key_of));
    flow_last(p, keyed, &checker);
    flow_start(p);
    for (int round = 0; round < 10; round++) {
        change_shards(keyed, 10);
        change_shards(first, 3);
    }
    cr_assert_eq(flow_drain(p), 0);
    flow_has_seen(&checker, maker.made);
    for (int64_t key = 0; key < KEYS; key++) {
        int64_t first_of_key = key * 27 % KEYS; /* 11 * 27 is 1 modulo 37 */
        cr_assert_eq(by_key.wrong[key], 0, "key %ld: %ld out of order", key, by_key.wrong[key]);
        cr_assert_eq(by_key.events[key], (maker.made - first_of_key + KEYS - 1) / KEYS);
    }
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(pipeline, stored_keys_keep_their_order_while_shards_change)
{
    check_keyed(true, true);
    check_keyed(true, false);
}

Test(pipeline, computed_keys_keep_their_order_while_shards_change)
{
    check_keyed(false, true);
    check_keyed(false, false);
}

/* Times of an option are reckoned with. */
Test(pipeline, ticks_and_slices_may_be_for_ever)
{
    struct flow_maker maker = {.total = 20000};
    struct flow_checker checker = {0};
    takt_runtime *runtime;
    takt_pipeline *p;
    cr_assert_eq(takt_runtime_create(
                     &runtime, TAKT_RUNTIME(.workers = 2, .cores = 2, .tick_ns = TAKT_FOREVER)),
                 0);
    cr_assert_eq(takt_pipeline_create(&p, runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                    .capacity = 1024, .slice_ns = TAKT_FOREVER)),
                 0);
    flow_last(p, flow_source(p, &maker), &checker);
    flow_start(p);
    flow_ends_with(p, 0);
    flow_has_seen(&checker, 20000);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(pipeline, two_run_in_one_runtime_at_once)
{
    struct flow_maker makers[2] = {{.total = -1}, {.total = -1}};
    struct flow_checker checkers[2] = {{.is_right = flow_has_left}, {.is_right = flow_has_left}};
    takt_pipeline *p[2];
    takt_runtime *runtime = flow_runtime(2);

    for (int i = 0; i < 2; i++) {
        p[i] = flow_pipeline(runtime, 256);
        takt_stage *source = flow_source(p[i], &makers[i]);
        takt_stage *left =
            flow_stage(p[i], TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source), .shards = 2));
        flow_last(p[i], left, &checkers[i]);
        flow_start(p[i]);
    }
    for (int round = 0; round < 20; round++) /* neither starves, though neither ends */
        for (int i = 0; i < 2; i++)
            flow_reaches(&checkers[i].seen, takt__load_acquire(&checkers[i].seen) + 500);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(flow_drain(p[i]), 0);
        flow_has_seen(&checkers[i], makers[i].made);
        takt_pipeline_destroy(p[i]);
    }
    takt_runtime_destroy(runtime);
}

Test(pipeline, one_ends_while_another_waits_for_its_producer)
{
    struct flow_maker maker = {.total = 3000};
    struct flow_checker waiting = {0}, ending = {0};
    takt_runtime *runtime = flow_runtime(1);
    takt_pipeline *first = flow_pipeline(runtime, 16), *second = flow_pipeline(runtime, 16);

    flow_last(first, NULL, &waiting);
    flow_last(second, flow_source(second, &maker), &ending);
    flow_start(first);
    flow_publish(first, 10);
    flow_start(second);
    flow_ends_with(second, 0);
    flow_has_seen(&ending, maker.total);
    flow_publish(first, 100);
    takt_pipeline_close(first);
    flow_ends_with(first, 0);
    flow_has_seen(&waiting, 110);
    takt_pipeline_destroy(first);
    takt_pipeline_destroy(second);
    takt_runtime_destroy(runtime);
}

Test(pipeline, workers_on_cores_of_their_own)
{
    struct flow_maker maker = {.total = 20000};
    struct flow_checker checker = {.is_right = flow_has_left};
    takt_runtime *runtime;

    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.pin = true, .tick_ns = 100000)), 0);
    cr_assert(takt_runtime_workers(runtime) >= 1);
    cr_assert(takt_runtime_workers(runtime) <= (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
    takt_pipeline *p = flow_pipeline(runtime, 1024);
    takt_stage *left =
        flow_stage(p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(flow_source(p, &maker))));
    flow_last(p, left, &checker);
    flow_start(p);
    flow_ends_with(p, 0);
    flow_has_seen(&checker, maker.total);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}
