/* SPDX-License-Identifier: MIT */
/*
 * Lives cut short: pipelines that fail, are halted, or are destroyed at a random moment, several at
 * once in one runtime, with re-divisions going on.
 */
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define PIPELINES   3
#define FAILURE     (-1234)
#define DEADLINE_NS INT64_C(20000000000)

struct life {
    takt_pipeline *pipeline;
    takt_stage *divided;
    int64_t fails_at, fails_again_at; /* sequences; -1: never */
    int64_t arrived;
};

static int on_source(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        *(int64_t *)takt_batch_at(b, i) = takt_batch_sequence(b, i);
    return 0;
}

static int on_divided(void *context, takt_batch *b)
{
    const struct life *life = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t *e = takt_batch_at(b, i);
        if (*e == life->fails_at || *e == life->fails_again_at)
            return takt_batch_fail(b, i, FAILURE);
        *e += 1;
    }
    return 0;
}

static int on_last(void *context, takt_batch *b)
{
    struct life *life = context;
    for (uint32_t i = 0; i < b->count; i++)
        life->arrived += *(int64_t *)takt_batch_at(b, i) == takt_batch_sequence(b, i) + 1;
    return 0;
}

static void begin(struct life *life, takt_runtime *runtime)
{
    takt_stage *source;
    takt_pipeline_create(&life->pipeline, runtime,
                         TAKT_PIPELINE(.event_size = sizeof(int64_t), .capacity = 256));
    takt_stage_options options = {.size = sizeof options, .handler = on_source};
    takt_pipeline_add_source(life->pipeline, &source, &options);
    options = (takt_stage_options){
        .size = sizeof options,
        .handler = on_divided,
        .context = life,
        .after = &source,
        .after_count = 1,
        .shards = 3,
        .block = 1,
    };
    takt_pipeline_add_stage(life->pipeline, &life->divided, &options);
    options = (takt_stage_options){
        .size = sizeof options,
        .handler = on_last,
        .context = life,
        .after = &life->divided,
        .after_count = 1,
        .shards_max = 1,
    };
    takt_pipeline_add_stage(life->pipeline, NULL, &options);
    takt_pipeline_start(life->pipeline);
}

/* Two events fail, in shards that run side by side: the first of them is the failure. */
static bool fail_once(takt_runtime *runtime, struct rng *rng)
{
    struct life life = {.fails_at = rng_below(rng, 5000)};
    life.fails_again_at = life.fails_at + rng_between(rng, 1, 3);
    begin(&life, runtime);
    takt_stage_set_shards(life.divided, rng_between(rng, 1, 8));
    takt_failure failure = {0};
    int code = takt_pipeline_wait(life.pipeline, takt_after(DEADLINE_NS));
    int failed = takt_pipeline_failure(life.pipeline, &failure);
    bool good = code == FAILURE && failed && failure.sequence == life.fails_at &&
                failure.code == FAILURE && life.arrived == life.fails_at;
    takt_pipeline_destroy(life.pipeline);
    return good;
}

/* Several pipelines run, and each is taken down at a moment of its own, halted first or not. */
static bool cut_short(takt_runtime *runtime, struct rng *rng)
{
    struct life lives[PIPELINES];
    bool good = true;
    for (int i = 0; i < PIPELINES; i++) {
        lives[i] = (struct life){.fails_at = -1, .fails_again_at = -1};
        begin(&lives[i], runtime);
    }
    for (int i = 0; i < PIPELINES; i++) {
        struct timespec t = {0, (long)rng_below(rng, 500000)};
        nanosleep(&t, NULL);
        takt_stage_set_shards(lives[i].divided, rng_between(rng, 1, 8));
        if (rng_below(rng, 2)) {
            takt_pipeline_halt(lives[i].pipeline);
            good &= takt_pipeline_wait(lives[i].pipeline, TAKT_FOREVER) == TAKT_EHALTED;
        }
        takt_pipeline_destroy(lives[i].pipeline);
    }
    return good;
}

/* A drain stops the source where it is, and the pipeline goes on after it. */
static bool drain_and_resume(takt_runtime *runtime)
{
    struct life life = {.fails_at = -1, .fails_again_at = -1};
    begin(&life, runtime);
    bool good = true;
    for (int i = 0; i < 20; i++) {
        good &= takt_pipeline_drain(life.pipeline, takt_after(DEADLINE_NS)) == 0;
        int64_t published = takt_ring_cursor(takt_pipeline_ring(life.pipeline)) + 1;
        good &= life.arrived == published;
        takt_pipeline_resume(life.pipeline);
        for (int64_t until = takt_after(DEADLINE_NS); takt_now() < until;)
            if (takt_ring_cursor(takt_pipeline_ring(life.pipeline)) >= published)
                break;
    }
    good &= life.arrived > 0;
    takt_pipeline_destroy(life.pipeline);
    return good;
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 100);
    takt_runtime *runtime;
    struct rng rng = {1};
    int result = takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 4));
    if (!ok(result == 0, "a runtime with 4 workers"))
        return done();
    bool good = true;
    for (long i = 0; i < rounds && good; i++)
        good = fail_once(runtime, &rng);
    ok(good, "a failure is the lowest of all, and what came before it arrives, %ld times", rounds);
    for (long i = 0; i < rounds && good; i++)
        good = cut_short(runtime, &rng);
    ok(good, "%d pipelines at once are halted and destroyed, %ld times", PIPELINES, rounds);
    ok(drain_and_resume(runtime), "a drain leaves nothing behind, and the source goes on after it");
    takt_runtime_destroy(runtime);
    ok(true, "the runtime ends");
    return done();
}
