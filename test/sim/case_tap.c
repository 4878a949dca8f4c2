/* SPDX-License-Identifier: MIT */
/*
 * Taps (scheduler/tap.c): consumers that come into a pipeline while it runs. What a tap is handed
 * is as its stage left it, and its slot is not filled again before the tap is done; the events are
 * plain memory, so a tap that begins too early is a race.
 */
#include <takt/tap.h>

#include "cases.h"
#include "line.h"

#define EVENTS   4
#define CAPACITY 2

struct event {
    int64_t number;
    int64_t doubled; /* by the stage */
};

struct tapped {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *stage;
    takt_tap *tap;
    int64_t made, seen; /* the number of the event that comes next */
};

static int on_source(void *context, takt_batch *b)
{
    struct tapped *t = context;
    for (uint32_t i = 0; i < b->count; i++) {
        if (t->made == EVENTS) {
            b->count = i;
            return TAKT_END;
        }
        *(struct event *)takt_batch_at(b, i) = (struct event){t->made++, -1};
    }
    return 0;
}

static int on_stage(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->doubled = 2 * e->number;
    }
    return 0;
}

static int on_tap(void *context, takt_batch *b)
{
    struct tapped *t = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        sim_check(takt_batch_sequence(b, i) == t->seen, "the tap is handed %lld after %lld",
                  (long long)takt_batch_sequence(b, i), (long long)t->seen - 1);
        sim_check(e->number == t->seen && e->doubled == 2 * t->seen,
                  "slot of %lld holds %lld, %lld", (long long)t->seen, (long long)e->number,
                  (long long)e->doubled);
        t->seen++;
    }
    return 0;
}

static struct tapped *begin(bool source)
{
    struct tapped *t = sim_memory(sizeof *t);
    t->runtime = LINE_RUNTIME(.workers = 1, .cores = 1);
    t->pipeline =
        LINE_PIPELINE(t->runtime, .event_size = sizeof(struct event), .capacity = CAPACITY);
    if (source)
        takt_pipeline_add_source(t->pipeline, NULL, TAKT_STAGE(.handler = on_source, .context = t));
    t->stage = line_stage(t->pipeline, TAKT_STAGE(.handler = on_stage, .shards_max = 1));
    line_start(t->pipeline);
    return t;
}

static void produce(void *context)
{
    struct tapped *t = context;
    for (; t->made < EVENTS; t->made++) {
        int result = takt_source_offer(t->pipeline, &(struct event){t->made, -1}, TAKT_FOREVER);
        sim_check(result == 0, "not taken: %d", result);
    }
    takt_pipeline_close(t->pipeline);
}

/* The pipeline has not ended as long as the tap is behind. */
static void look(struct tapped *t)
{
    int error = takt_tap_add(t->pipeline, &t->tap, TAKT_TAP(.after = t->stage));
    if (error < 0) {
        sim_check(error == TAKT_ESTATE, "no tap: %s", takt_strerror(error));
        return;
    }
    t->seen = takt_tap_first(t->tap);
    while (t->seen < EVENTS)
        if (takt_tap_poll(t->tap, on_tap, t, 1) == 0)
            sim_give_way();
    takt_tap_remove(t->tap, NULL);
}

static void end(struct tapped *t)
{
    line_ends_with(t->pipeline, 0);
    takt_pipeline_destroy(t->pipeline);
    takt_runtime_destroy(t->runtime);
}

static void tap_outside(void *unused)
{
    (void)unused;
    struct tapped *t = begin(false);
    int producer = sim_start("producer", produce, t);
    look(t);
    sim_join(producer);
    end(t);
}

static void tap_outside_bare(void *unused)
{
    sim_without_membarrier();
    tap_outside(unused);
}

static void tap_source(void *unused)
{
    (void)unused;
    struct tapped *t = begin(true);
    look(t);
    end(t);
}

static void tap_source_bare(void *unused)
{
    sim_without_membarrier();
    tap_source(unused);
}

/* It goes again before it has seen everything, and nobody waits for it. */
static void tap_goes(void *unused)
{
    (void)unused;
    struct tapped *t = begin(true);
    if (takt_tap_add(t->pipeline, &t->tap, TAKT_TAP(.after = t->stage)) == 0) {
        t->seen = takt_tap_first(t->tap);
        takt_tap_poll(t->tap, on_tap, t, 1);
        takt_tap_remove(t->tap, NULL);
    }
    end(t);
}

/* It goes while the workers sleep, and is not who is woken by the next event. */
static void tap_sleeps(void *unused)
{
    (void)unused;
    struct tapped *t = begin(false);
    const takt_tap_options *options =
        TAKT_TAP(.handler = on_tap, .context = t, .wait = {.kind = TAKT_WAIT_BLOCK, .spins = 1});
    int error = takt_tap_add(t->pipeline, &t->tap, options);
    sim_check(error == 0, "no tap: %s", takt_strerror(error));
    takt_tap_remove(t->tap, NULL);
    takt_source_offer(t->pipeline, &(struct event){0, -1}, TAKT_FOREVER);
    int64_t left = takt_pipeline_drain(t->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld are left", (long long)left);
    takt_pipeline_close(t->pipeline);
    end(t);
}

const struct sim_case sim_tap_cases[] = {
    {"tap_outside", "a tap comes, the producer is outside", tap_outside, 0, 12, false, false},
    {"tap_source", "a tap comes, the source is a stage", tap_source, 0, 12, false, false},
    {"tap_outside_bare", "without membarrier", tap_outside_bare, 0, 8, false, false},
    {"tap_source_bare", "both of them", tap_source_bare, 0, 8, false, false},
    {"tap_goes", "a tap comes and goes", tap_goes, 0, 8, false, false},
    {"tap_sleeps", "a tap that sleeps is removed", tap_sleeps, 0, 8, false, false},
    {0},
};
