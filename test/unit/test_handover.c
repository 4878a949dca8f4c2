/* SPDX-License-Identifier: MIT */
/* The hand-over between two divisions of a stage: once, when nobody is in the handler. */
#include "flow.h"

TestSuite(handover, .timeout = 60);

#define SHARDS 6

/* A handler that keeps a count for each shard, which is what must be moved. */
struct counter {
    int64_t of_shard[SHARDS];
    int64_t inside;
    int64_t handovers;
    int64_t wrong;
    uint32_t shards;
    int64_t last_cut;
    struct counter *before;
};

static int count(void *context, takt_batch *b)
{
    struct counter *c = context;
    __atomic_add_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
    c->of_shard[b->shard] += b->count;
    __atomic_sub_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
    return 0;
}

/* All the counts go to the first shard: they are those of the events below the cut, exactly. */
static void move_counts(void *context, const takt_handover *h)
{
    struct counter *c = context;
    struct counter *before = h->context_before;
    int64_t sum = 0;

    for (int i = 0; i < SHARDS; i++) {
        sum += before->of_shard[i];
        before->of_shard[i] = 0;
    }
    c->of_shard[0] += sum;
    c->wrong += __atomic_load_n(&c->inside, __ATOMIC_SEQ_CST) != 0 ||
                __atomic_load_n(&before->inside, __ATOMIC_SEQ_CST) != 0 || sum != h->cut ||
                h->shards_before != before->shards || h->cut < before->last_cut;
    c->shards = h->shards_now;
    c->last_cut = h->cut;
    takt__store_release(&c->handovers, c->handovers + 1);
}

static uint64_t event_key(const void *event)
{
    return (uint64_t)((const struct flow_event *)event)->number % 13;
}

static int64_t sum_of(const struct counter *c)
{
    int64_t sum = 0;
    for (int i = 0; i < SHARDS; i++)
        sum += c->of_shard[i];
    return sum;
}

/* Widens and narrows the stage, and replaces its handler in between. */
static void change_widths(takt_key_function key)
{
    static const uint32_t widths[] = {1, 6, 2, 3, 5, 4, 1, 2};
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {0};
    struct counter first = {.shards = 2}, second = {0}, *now = &first;
    takt_runtime *runtime = flow_runtime(3);
    takt_pipeline *p = flow_pipeline(runtime, 256);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *stage = flow_stage(
        p, TAKT_STAGE(.handler = count, .context = &first, FLOW_AFTER(source), .shards = 2,
                      .shards_max = SHARDS, .block = 2, .key = key, .on_handover = move_counts));
    flow_last(p, stage, &checker);
    flow_start(p);
    for (int i = 0; i < 8; i++) {
        flow_reaches(&checker.seen, takt__load_acquire(&checker.seen) + 1000);
        cr_assert_eq(takt_stage_set_shards(stage, widths[i]), 0);
        if (i == 5) {
            cr_assert_eq(takt_stage_settle(stage, takt_after(FLOW_PATIENCE_NS)), 0);
            cr_assert_eq(now->handovers, 6);
            now = &second;
            cr_assert_eq(
                takt_stage_replace(stage, TAKT_REPLACEMENT(.handler = count, .context = &second,
                                                           .on_handover = move_counts)),
                0);
        }
        cr_assert_eq(takt_stage_settle(stage, takt_after(FLOW_PATIENCE_NS)), 0);
        cr_assert_eq(now->shards, widths[i]);
    }
    cr_assert_eq(flow_drain(p), 0);
    cr_assert_eq(first.handovers, 6);
    cr_assert_eq(second.handovers, 3);
    cr_assert_eq(first.wrong + second.wrong, 0);
    cr_assert_eq(sum_of(&first), 0);
    cr_assert_eq(sum_of(&second), maker.made);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(handover, in_an_ordered_stage)
{
    change_widths(NULL);
}

Test(handover, in_a_keyed_stage)
{
    change_widths(event_key);
}

/* A replacement that asks for no hand-over ends it: its shards keep nothing. */
Test(handover, is_the_replacements_own_affair)
{
    struct flow_maker maker = {.total = -1};
    struct flow_checker checker = {0};
    struct counter first = {.shards = 1}, second = {0};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);
    takt_stage *stage =
        flow_stage(p, TAKT_STAGE(.handler = count, .context = &first, FLOW_AFTER(source),
                                 .shards_max = SHARDS, .on_handover = move_counts));
    flow_last(p, stage, &checker);
    flow_start(p);
    cr_assert_eq(takt_stage_replace(stage, TAKT_REPLACEMENT(.handler = count, .context = &second)),
                 0);
    cr_assert_eq(takt_stage_settle(stage, takt_after(FLOW_PATIENCE_NS)), 0);
    cr_assert_eq(takt_stage_set_shards(stage, 3), 0);
    cr_assert_eq(takt_stage_settle(stage, takt_after(FLOW_PATIENCE_NS)), 0);
    cr_assert_eq(flow_drain(p), 0);
    cr_assert_eq(first.handovers + second.handovers, 0);
    cr_assert_eq(sum_of(&first) + sum_of(&second), maker.made);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

/* What a source keeps passes to the one after it. */
static void take_over(void *context, const takt_handover *h)
{
    struct flow_maker *maker = context;
    const struct flow_maker *before = h->context_before;
    maker->made = before->made;
    maker->idle = h->cut == before->made && h->shards_before == 1 && h->shards_now == 1 ? 0 : 999;
}

Test(handover, of_a_source)
{
    struct flow_maker makers[4] = {{.total = -1}, {.total = -1}, {.total = -1}, {.total = -1}};
    struct flow_checker checker = {0};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &makers[0]);

    flow_last(p, source, &checker);
    flow_start(p);
    for (int i = 1; i < 4; i++) {
        flow_reaches(&checker.seen, i * 1000);
        cr_assert_eq(
            takt_stage_replace(source, TAKT_REPLACEMENT(.handler = flow_make, .context = &makers[i],
                                                        .on_handover = take_over)),
            0);
        cr_assert_eq(takt_stage_settle(source, takt_after(FLOW_PATIENCE_NS)), 0);
    }
    flow_reaches(&checker.seen, makers[2].made + 100);
    cr_assert_eq(flow_drain(p), 0);
    flow_has_seen(&checker, makers[3].made);
    for (int i = 1; i < 4; i++)
        cr_assert_eq(makers[i].idle, 0);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}
