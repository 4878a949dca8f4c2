/* SPDX-License-Identifier: MIT */
/*
 * Elastic shards on real threads: events flow through a stateless stage, a keyed one and a serial
 * one while the divisions are changed without a pause. What the keyed stage does to an
 * event depends on all events of its key before, so that an event lost, doubled, or out of its
 * key's order changes what the last stage finds, for that event and all later ones of the key.
 *
 * TAKT_STRESS_EVENTS: events for each number of workers.
 */
#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define KEYS       61
#define CAPACITY   1024
#define SHARDS_MAX 8

struct event {
    uint64_t number, key, mixed, chained;
};

struct flow {
    int64_t events, produced, arrived;
    uint64_t chain[KEYS]; /* the keyed stage's state: each key's is handed from shard to shard */
    uint64_t expected[KEYS];
    int64_t wrong, disordered;
    takt_stage *stateless, *keyed;
    struct rng rng;
};

static uint64_t mix(uint64_t x)
{
    struct rng rng = {x};
    return rng_next(&rng);
}

static int on_source(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        if (f->produced == f->events) {
            b->count = i;
            return TAKT_END;
        }
        struct event *e = takt_batch_at(b, i);
        e->number = (uint64_t)f->produced++;
    }
    return 0;
}

static int on_stateless(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->mixed = mix(e->number);
        e->key = e->mixed % KEYS;
        takt_batch_set_key(b, i, e->key);
    }
    return 0;
}

static int on_keyed(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        uint64_t *chain = &f->chain[e->key];
        *chain = mix(*chain ^ e->number);
        e->chained = *chain;
    }
    return 0;
}

/* Asks for other widths: from a handler here, from the main thread below. */
static void redivide(struct flow *f, struct rng *rng)
{
    takt_stage_set_shards(f->stateless, rng_between(rng, 1, SHARDS_MAX));
    takt_stage_set_shards(f->keyed, rng_between(rng, 1, SHARDS_MAX));
}

static int on_last(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        uint64_t *expected = &f->expected[mix(e->number) % KEYS];
        *expected = mix(*expected ^ e->number);
        f->wrong += e->mixed != mix(e->number) || e->chained != *expected;
        f->disordered += (int64_t)e->number != f->arrived++;
        if (f->arrived % 101 == 0)
            redivide(f, &f->rng);
    }
    return 0;
}

static uint64_t event_key(const void *event)
{
    return ((const struct event *)event)->key;
}

static takt_stage *add(takt_pipeline *p, takt_stage *before, takt_handler handler,
                       struct flow *flow, uint32_t shards_max, bool stored, takt_key_function key)
{
    takt_stage *stage = NULL;
    takt_pipeline_add_stage(p, &stage,
                            TAKT_STAGE(.handler = handler, .context = flow, .after = &before,
                                       .after_count = 1, .shards_max = shards_max, .block = 4,
                                       .stored_key = stored, .key = key));
    return stage;
}

/* One pipeline from start to end, re-divided all the time. */
static void flow_through(uint32_t workers, int64_t events, takt_key_function key)
{
    struct flow flow = {.events = events, .rng = {~(uint64_t)workers}};
    struct rng rng = {workers};
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *source;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = workers, .cores = workers));
    takt_pipeline_create(&p, runtime,
                         TAKT_PIPELINE(.event_size = sizeof(struct event), .capacity = CAPACITY));
    takt_pipeline_add_source(p, &source, TAKT_STAGE(.handler = on_source, .context = &flow));
    flow.stateless = add(p, source, on_stateless, &flow, SHARDS_MAX, false, NULL);
    flow.keyed = add(p, flow.stateless, on_keyed, &flow, SHARDS_MAX, !key, key);
    add(p, flow.keyed, on_last, &flow, 1, false, NULL);
    takt_pipeline_start(p);
    int result;
    do {
        redivide(&flow, &rng);
        result = takt_pipeline_wait(p, takt_after(rng_below(&rng, 200) * 1000));
    } while (result == TAKT_ETIMEDOUT);
    takt_stage_stats a, b;
    takt_stage_get_stats(flow.stateless, &a);
    takt_stage_get_stats(flow.keyed, &b);
    ok(result == 0 && flow.arrived == events, "%u workers, %s keys: all %ld events arrive", workers,
       key ? "computed" : "stored", (long)events);
    ok(flow.wrong == 0, "each was handled once, in its key's order");
    ok(flow.disordered == 0, "they leave in the order in which they came");
    ok(a.redivisions > 0 && b.redivisions > 0, "with %ld and %ld re-divisions on the way",
       (long)a.redivisions, (long)b.redivisions);
    ok(a.events == events && b.events == events, "the counters agree");
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

int main(void)
{
    int64_t events = tap_setting("TAKT_STRESS_EVENTS", 400000);
    for (uint32_t workers = 1; workers <= 8; workers *= 2) {
        flow_through(workers, events, NULL);
        flow_through(workers, events, event_key);
    }
    return done();
}
