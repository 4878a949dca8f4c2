/* SPDX-License-Identifier: MIT */
/* Void events in a pipeline: no stage sees them, however it is divided, and nothing waits. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <takt/pipeline.h>

#include "random.h"

TestSuite(void_stages, .timeout = 60);

#define EVENTS      6000
#define STAGES      4
#define PATIENCE_NS INT64_C(20000000000)

struct event {
    int64_t sequence;
    uint64_t symbol;
    int64_t steps; /* stages that have had it */
    bool hollow;   /* it is void: nobody may look at it */
};

/* One stage: how often it was given each event. */
struct stage {
    uint32_t seen[EVENTS];
    uint32_t hollow; /* void events that it was given */
    uint32_t wrong;  /* others that are not as the stages before should have left them */
    uint32_t depth;  /* stages before it */
    int64_t last;    /* of a serial stage */
    int64_t fails_at;
};

static struct stage stages[STAGES];
static uint32_t hollow_keys;

static void raise(uint32_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); /* shards run side by side */
}

static int handle(void *context, takt_batch *b)
{
    struct stage *stage = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        if (s == stage->fails_at)
            return takt_batch_fail(b, i, -4321);
        if (e->hollow)
            raise(&stage->hollow);
        if (e->sequence != s || e->steps++ != stage->depth)
            raise(&stage->wrong);
        raise(&stage->seen[s]);
        takt_batch_set_key(b, i, e->symbol);
    }
    return 0;
}

/* The last one: a single shard, which gets them in order. */
static int handle_last(void *context, takt_batch *b)
{
    struct stage *stage = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        stage->wrong += s <= stage->last;
        stage->last = s;
    }
    return handle(context, b);
}

static uint64_t symbol_of(const void *event)
{
    const struct event *e = event;
    if (e->hollow)
        raise(&hollow_keys);
    return e->symbol;
}

struct flow {
    takt_pipeline *pipeline;
    takt_stage *divided;
    bool hollow[EVENTS];
};

static takt_stage *add(takt_pipeline *p, takt_stage_options options, takt_stage *after)
{
    takt_stage *stage;
    options.size = sizeof options;
    options.after = &after;
    options.after_count = after ? 1 : 0;
    cr_assert_eq(takt_pipeline_add_stage(p, &stage, &options), 0);
    return stage;
}

/* By blocks of one event, by stored key, by a key function, and in one shard. */
static void build(struct flow *flow, takt_runtime *runtime)
{
    for (uint32_t i = 0; i < STAGES; i++)
        stages[i] = (struct stage){.depth = i, .last = -1, .fails_at = -1};
    hollow_keys = 0;
    cr_assert_eq(takt_pipeline_create(&flow->pipeline, runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct event),
                                                    .capacity = 64, .fixed_widths = true)),
                 0);
    takt_pipeline *p = flow->pipeline;
    takt_stage *stage = add(
        p, (takt_stage_options){.handler = handle, .shards = 3, .block = 1, .context = &stages[0]},
        NULL);
    flow->divided = stage;
    stage = add(p,
                (takt_stage_options){
                    .handler = handle, .shards = 3, .stored_key = true, .context = &stages[1]},
                stage);
    stage = add(p,
                (takt_stage_options){
                    .handler = handle, .shards = 2, .key = symbol_of, .context = &stages[2]},
                stage);
    add(p, (takt_stage_options){.handler = handle_last, .shards_max = 1, .context = &stages[3]},
        stage);
    cr_assert_eq(takt_pipeline_start(p), 0);
}

/* Publishes one claim, of which chance makes every `one_in`-th event void; 1: all, 0: none. */
static int64_t publish(struct flow *flow, struct rng *rng, int64_t n, uint32_t one_in)
{
    takt_ring *ring = takt_pipeline_ring(flow->pipeline);
    int64_t high = takt_ring_next_until(ring, n, takt_after(PATIENCE_NS));
    cr_assert(high >= 0, "%s", takt_error_name((int)high));
    for (int64_t s = high - n + 1; s <= high; s++) {
        flow->hollow[s] = one_in && rng_below(rng, one_in) == 0;
        struct event e = {s, rng_below(rng, 13), 0, flow->hollow[s]};
        *(struct event *)takt_ring_at(ring, s) = e;
        if (flow->hollow[s])
            takt_ring_publish_void(ring, s, s);
        else
            takt_ring_publish(ring, s);
    }
    return high + 1;
}

static void check(const struct flow *flow, int64_t events)
{
    for (uint32_t i = 0; i < STAGES; i++) {
        for (int64_t s = 0; s < events; s++)
            cr_assert_eq(stages[i].seen[s], !flow->hollow[s], "stage %u had %ld %u times", i, s,
                         stages[i].seen[s]);
        cr_assert_eq(stages[i].hollow, 0);
        cr_assert_eq(stages[i].wrong, 0);
    }
}

static void check_flow(uint32_t workers, uint32_t one_in, bool redivide)
{
    static struct flow flow;
    struct rng rng = {workers * 100 + one_in};
    takt_runtime *runtime;
    int64_t published = 0;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = workers, .cores = workers)),
                 0);
    build(&flow, runtime);
    while (published < EVENTS - 8) {
        published = publish(&flow, &rng, 1 + rng_below(&rng, 8), one_in);
        if (redivide && rng_below(&rng, 50) == 0)
            takt_stage_set_shards(flow.divided, 1 + rng_below(&rng, 6));
    }
    cr_assert_eq(takt_pipeline_drain(flow.pipeline, takt_after(PATIENCE_NS)), 0);
    check(&flow, published);
    published = publish(&flow, &rng, 4, 1); /* and void events alone */
    takt_pipeline_close(flow.pipeline);
    cr_assert_eq(takt_pipeline_wait(flow.pipeline, takt_after(PATIENCE_NS)), 0);
    check(&flow, published);
    takt_pipeline_destroy(flow.pipeline);
    takt_runtime_destroy(runtime);
}

Test(void_stages, are_passed_over_whoever_runs_them)
{
    for (uint32_t workers = 1; workers <= 4; workers *= 2) {
        check_flow(workers, 3, false);
        check_flow(workers, 20, false);
    }
    check_flow(2, 0, false);
    check_flow(2, 1, false);
}

Test(void_stages, are_passed_over_while_shards_change)
{
    check_flow(1, 3, true);
    check_flow(3, 4, true);
}

/* What is in a void slot is nobody's business: the key function must not read it. */
Test(void_stages, have_no_key)
{
    check_flow(2, 3, false);
    cr_assert_eq(hollow_keys, 0, "the key of a void event was asked for %u times", hollow_keys);
}

Test(void_stages, do_not_hide_which_event_failed)
{
    static struct flow flow;
    for (uint32_t stage = 0; stage < STAGES; stage++) {
        struct rng rng = {stage};
        takt_runtime *runtime;
        takt_failure failure = {0};
        int64_t published = 0, fails_at = 20;
        cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2)), 0);
        build(&flow, runtime);
        while (published < 40)
            published = publish(&flow, &rng, 1, 2);
        while (flow.hollow[fails_at])
            fails_at++;
        cr_assert_eq(takt_pipeline_drain(flow.pipeline, takt_after(PATIENCE_NS)), 0);
        check(&flow, 40);
        takt_pipeline_destroy(flow.pipeline);
        build(&flow, runtime);
        stages[stage].fails_at = fails_at;
        rng = (struct rng){stage};
        for (published = 0; published < 40;)
            published = publish(&flow, &rng, 1, 2);
        cr_assert_eq(takt_pipeline_wait(flow.pipeline, takt_after(PATIENCE_NS)), -4321);
        cr_assert_eq(takt_pipeline_failure(flow.pipeline, &failure), 1);
        cr_assert_eq(failure.sequence, fails_at, "%ld, not %ld", failure.sequence, fails_at);
        for (int64_t s = 0; s < fails_at; s++)
            cr_assert_eq(stages[STAGES - 1].seen[s], !flow.hollow[s]);
        takt_pipeline_destroy(flow.pipeline);
        takt_runtime_destroy(runtime);
    }
}
