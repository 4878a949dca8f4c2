/* SPDX-License-Identifier: MIT */
/*
 * Calls of several threads at the beginning and at the end of a pipeline: who asks before it has
 * started, who changes it meanwhile, who ends it while another one destroys it.
 */
#include <takt/tap.h>

#include "cases.h"
#include "line.h"

#define EVENTS 3

struct life {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *source;
    int64_t made, handled[2];
};

static int on_source(void *context, takt_batch *b)
{
    struct life *l = context;
    for (uint32_t i = 0; i < b->count; i++) {
        if (l->made == EVENTS) {
            b->count = i;
            return TAKT_END;
        }
        *(int64_t *)takt_batch_at(b, i) = l->made++;
    }
    return 0;
}

static int on_event(void *context, takt_batch *b)
{
    int64_t *handled = context;
    for (uint32_t i = 0; i < b->count; i++) {
        sim_check(*(const int64_t *)takt_batch_at(b, i) == *handled, "event %lld",
                  (long long)*handled);
        ++*handled;
    }
    return 0;
}

static void add_sink(struct life *l, uint32_t i)
{
    line_stage(l->pipeline,
               TAKT_STAGE(.handler = on_event, .context = &l->handled[i], .shards_max = 1));
}

static struct life *begin(enum takt_overload overload, bool source, uint32_t sinks)
{
    struct life *l = sim_memory(sizeof *l);
    l->runtime = LINE_RUNTIME(.workers = 1, .cores = 1);
    l->pipeline = LINE_PIPELINE(l->runtime, .event_size = 8, .capacity = 4, .overload = overload);
    if (source)
        takt_pipeline_add_source(l->pipeline, &l->source,
                                 TAKT_STAGE(.handler = on_source, .context = l));
    for (uint32_t i = 0; i < sinks; i++)
        add_sink(l, i);
    return l;
}

static void end(struct life *l, int expected)
{
    line_ends_with(l->pipeline, expected);
    takt_pipeline_destroy(l->pipeline);
}

static void replace(void *context)
{
    struct life *l = context;
    int error = takt_stage_replace(l->source, TAKT_REPLACEMENT(.handler = on_source, .context = l));
    sim_check(error == 0 || error == TAKT_ESTATE, "not replaced: %s", takt_strerror(error));
}

/* The source is not to run while it is replaced, and its worker may sleep over that. */
static void life_replace(void *unused)
{
    (void)unused;
    struct life *l = begin(TAKT_OVERLOAD_BLOCK, true, 1);
    int other = sim_start("replacer", replace, l);
    line_start(l->pipeline);
    sim_join(other);
    end(l, 0);
    takt_runtime_destroy(l->runtime);
}

/* Asks until the pipeline has started. */
static void produce(void *context)
{
    struct life *l = context;
    while (l->made < EVENTS) {
        int result = takt_source_offer(l->pipeline, &l->made, TAKT_FOREVER);
        if (result == TAKT_ENOCONSUMER) {
            sim_give_way();
            continue;
        }
        sim_check(result == 0, "not taken: %s", takt_strerror(result));
        l->made++;
    }
    takt_pipeline_close(l->pipeline);
}

static void start_under_producer(enum takt_overload overload)
{
    struct life *l = begin(overload, false, 2);
    takt_tap *tap;
    int other = sim_start("producer", produce, l);
    int error = takt_tap_add(l->pipeline, &tap, TAKT_TAP(.after = NULL));
    sim_check(error == 0, "no tap: %s", takt_strerror(error));
    line_start(l->pipeline);
    error = takt_tap_remove(tap, NULL);
    sim_check(error == 0, "the tap stays: %s", takt_strerror(error));
    end(l, 0); /* the producer may still be in its close */
    sim_join(other);
    sim_check(l->handled[0] == EVENTS && l->handled[1] == EVENTS, "%lld and %lld were handled",
              (long long)l->handled[0], (long long)l->handled[1]);
    takt_runtime_destroy(l->runtime);
}

static void life_early(void *unused)
{
    (void)unused;
    start_under_producer(TAKT_OVERLOAD_BLOCK);
}

static void life_early_waiting(void *unused)
{
    (void)unused;
    start_under_producer(TAKT_OVERLOAD_DROP_OLDEST);
}

static void halt(void *context)
{
    struct life *l = context;
    takt_pipeline_halt(l->pipeline);
}

/* Who waits is told before the halt is over. */
static void life_halt(void *unused)
{
    (void)unused;
    struct life *l = begin(TAKT_OVERLOAD_BLOCK, false, 1);
    line_start(l->pipeline);
    int other = sim_start("halter", halt, l);
    end(l, TAKT_EHALTED);
    sim_join(other);
    takt_runtime_destroy(l->runtime);
}

/* Stopped, and started again with one sink more while another thread halts it. */
static void life_halt_again(void *unused)
{
    (void)unused;
    struct life *l = begin(TAKT_OVERLOAD_BLOCK, false, 1);
    line_start(l->pipeline);
    int64_t left = takt_pipeline_stop(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld are left", (long long)left);
    add_sink(l, 1);
    int other = sim_start("halter", halt, l);
    int error = takt_pipeline_start(l->pipeline);
    sim_check(error == 0 || error == TAKT_ESTATE, "it does not start: %s", takt_strerror(error));
    sim_join(other);
    end(l, TAKT_EHALTED);
    takt_runtime_destroy(l->runtime);
}

const struct sim_case sim_life_cases[] = {
    {"life_replace", "a source is replaced beside the start", life_replace, 0, 10, false, false},
    {"life_early", "a producer asks before the start", life_early, 0, 10, false, false},
    {"life_early_waiting", "and before that of a waiting room", life_early_waiting, 0, 10, false,
     false},
    {"life_halt", "halted beside the destruction", life_halt, 0, 8, false, false},
    {"life_halt_again", "halted beside a restart", life_halt_again, 0, 8, false, false},
    {0},
};
