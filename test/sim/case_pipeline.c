/* SPDX-License-Identifier: MIT */
/* Whole pipelines: real workers, helpers, and the real scheduler thread, a handful of events. */
#include "cases.h"
#include "line.h"

#define EVENTS_MAX 16
#define STAGES_MAX 3

struct event {
    int64_t number;
    int64_t stages; /* that have handled it, a bit each */
};

struct line {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *stages[STAGES_MAX];
    uint32_t count;
    uint32_t visits; /* of a helper that comes and goes */
    bool crowded;    /* there are more of them than places */
    int64_t events, produced, arrived;
    int64_t fail_at; /* the last stage fails there; -1: it does not */
};

struct station {
    struct line *line;
    uint32_t index;
};

static int on_source(void *context, takt_batch *b)
{
    struct line *l = context;
    for (uint32_t i = 0; i < b->count; i++) {
        if (l->produced == l->events) {
            b->count = i;
            return TAKT_END;
        }
        struct event *e = takt_batch_at(b, i);
        e->number = l->produced++;
        e->stages = 0;
    }
    return 0;
}

static int on_station(void *context, takt_batch *b)
{
    struct station *s = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        sim_check(e->number == takt_batch_sequence(b, i), "slot of %lld holds %lld",
                  (long long)takt_batch_sequence(b, i), (long long)e->number);
        sim_check(e->stages == (INT64_C(1) << s->index) - 1, "stage %u finds event %lld with %llx",
                  s->index, (long long)e->number, (unsigned long long)e->stages);
        e->stages |= INT64_C(1) << s->index;
    }
    return 0;
}

/* The last stage is serial: it sees the events in their order. */
static int on_last(void *context, takt_batch *b)
{
    struct station *s = context;
    struct line *l = s->line;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        if (e->number == l->fail_at)
            return takt_batch_fail(b, i, TAKT_EINVAL);
        sim_check(e->number == l->arrived, "event %lld arrives after %lld", (long long)e->number,
                  (long long)l->arrived - 1);
        sim_check(e->stages == (INT64_C(1) << s->index) - 1, "event %lld arrives with %llx",
                  (long long)e->number, (unsigned long long)e->stages);
        l->arrived++;
    }
    return 0;
}

static uint64_t event_key(const void *event)
{
    return (uint64_t)((const struct event *)event)->number & 1;
}

static void add(struct line *l, takt_handler handler, uint32_t shards_max, takt_key_function key)
{
    struct station *s = sim_memory(sizeof *s);
    *s = (struct station){l, l->count};
    l->stages[l->count] =
        line_stage(l->pipeline, TAKT_STAGE(.handler = handler, .context = s,
                                           .after = &l->stages[l->count ? l->count - 1 : 0],
                                           .after_count = l->count > 0, .shards_max = shards_max,
                                           .block = 1, .key = key));
    l->count++;
}

static takt_runtime *make_runtime(uint32_t workers, uint32_t helpers)
{
    return LINE_RUNTIME(.workers = workers ? workers : TAKT_NO_WORKERS, .cores = workers,
                        .helpers = helpers);
}

/* A pipeline of `middle` stages and a last one, with a source or with the caller as its producer.
 */
static struct line *begin_in(takt_runtime *runtime, int64_t events, uint32_t middle, bool source,
                             takt_key_function key)
{
    struct line *l = sim_memory(sizeof *l);
    *l = (struct line){.runtime = runtime, .events = events, .fail_at = -1};
    l->pipeline = LINE_PIPELINE(l->runtime, .event_size = sizeof(struct event), .capacity = 4);
    if (source)
        takt_pipeline_add_source(l->pipeline, NULL, TAKT_STAGE(.handler = on_source, .context = l));
    for (uint32_t i = 0; i < middle; i++)
        add(l, on_station, 2, key);
    add(l, on_last, 1, NULL);
    return l;
}

static struct line *begin(uint32_t workers, int64_t events, uint32_t middle, bool source,
                          takt_key_function key)
{
    return begin_in(make_runtime(workers, 0), events, middle, source, key);
}

static void produce(struct line *l, int64_t to)
{
    takt_ring *ring = takt_pipeline_ring(l->pipeline);
    for (; l->produced < to; l->produced++) {
        int64_t s = takt_ring_next(ring, 1);
        sim_check(s == l->produced, "claimed %lld, not %lld", (long long)s, (long long)l->produced);
        *(struct event *)takt_ring_at(ring, s) = (struct event){.number = s};
        takt_ring_publish(ring, s);
    }
}

static void destroy(struct line *l)
{
    takt_pipeline_destroy(l->pipeline);
    takt_runtime_destroy(l->runtime);
}

static void end(struct line *l, int expected)
{
    line_ends_with(l->pipeline, expected);
    destroy(l);
    if (expected == 0)
        sim_check(l->arrived == l->events, "%lld events of %lld arrived", (long long)l->arrived,
                  (long long)l->events);
}

static void outside(uint32_t workers, int64_t events)
{
    struct line *l = begin(workers, events, 0, false, NULL);
    line_start(l->pipeline);
    produce(l, events);
    takt_pipeline_close(l->pipeline);
    end(l, 0);
}

static void line_outside(void *unused)
{
    (void)unused;
    outside(1, 2);
}

static void line_two_workers(void *unused)
{
    (void)unused;
    outside(2, 6);
}

static void line_source(void *unused)
{
    (void)unused;
    struct line *l = begin(1, 6, 1, true, NULL);
    line_start(l->pipeline);
    end(l, 0);
}

static void redivide(uint32_t workers, takt_key_function key)
{
    struct line *l = begin(workers, 8, 1, false, key);
    line_start(l->pipeline);
    produce(l, 2);
    takt_stage_set_shards(l->stages[0], 2);
    produce(l, 5);
    takt_stage_set_shards(l->stages[0], 1);
    produce(l, 8);
    takt_pipeline_close(l->pipeline);
    end(l, 0);
}

static void line_redivide(void *unused)
{
    (void)unused;
    redivide(2, NULL);
}

static void line_redivide_keyed(void *unused)
{
    (void)unused;
    redivide(2, event_key);
}

static struct line *drain(void)
{
    struct line *l = begin(1, 6, 1, true, NULL);
    line_start(l->pipeline);
    int64_t left = takt_pipeline_drain(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld events are left after a drain", (long long)left);
    return l;
}

/* Drained in the middle, and gone on. */
static void line_drain(void *unused)
{
    (void)unused;
    struct line *l = drain();
    takt_pipeline_resume(l->pipeline);
    end(l, 0);
}

/* While it is drained, the caller has what its handlers use for itself. */
static void line_quiet(void *unused)
{
    (void)unused;
    struct line *l = drain();
    sim_check(l->arrived == takt_ring_cursor(takt_pipeline_ring(l->pipeline)) + 1,
              "drained, and %lld events have arrived", (long long)l->arrived);
    takt_pipeline_resume(l->pipeline);
    end(l, 0);
}

static void line_halt(void *unused)
{
    (void)unused;
    struct line *l = begin(2, 8, 1, true, NULL);
    line_start(l->pipeline);
    sim_give_way();
    takt_pipeline_halt(l->pipeline);
    int result = takt_pipeline_wait(l->pipeline, TAKT_FOREVER);
    sim_check(result == TAKT_EHALTED || result == 0, "halted, and ended with %d", result);
    destroy(l);
    sim_check(result != 0 || l->arrived == l->events, "%lld events of %lld arrived",
              (long long)l->arrived, (long long)l->events);
}

/* The failed event and those after it do not arrive, the ones before it do. */
static void line_failure(void *unused)
{
    (void)unused;
    struct line *l = begin(2, 4, 1, true, NULL);
    l->fail_at = 2;
    line_start(l->pipeline);
    end(l, TAKT_EINVAL);
    sim_check(l->arrived == 2, "%lld events arrived before the failure", (long long)l->arrived);
}

/* Stays until the runtime ends. */
static void helper_stays(void *context)
{
    struct line *l = context;
    int64_t result = takt_runtime_help(l->runtime, TAKT_FOREVER);
    sim_check(result == TAKT_EHALTED, "a helper came back with %lld", (long long)result);
}

/* Nobody may begin to help when the runtime ends. */
static void wait_for_helpers(takt_runtime *runtime, uint32_t count)
{
    takt_counters_worker w[4];
    uint32_t own = takt_runtime_workers(runtime);
    for (uint32_t i = own; i < own + count; i++)
        while (takt_runtime_snapshot(runtime, w, 4), !w[i].present)
            sim_give_way();
}

static void helper_is_called_back(void *context)
{
    struct line *l = context;
    int64_t result = takt_runtime_help(l->runtime, TAKT_FOREVER);
    sim_check(result >= 0, "a helper came back with %lld", (long long)result);
}

/* Comes and goes, at once or after a moment, in which it may have gone to sleep. */
static void helper_calls(void *context)
{
    struct line *l = context;
    for (uint32_t i = 0; i < l->visits; i++) {
        int64_t until = i & 1 ? TAKT_NOW : takt_after(30000);
        int64_t result = takt_runtime_help(l->runtime, until);
        sim_check(result >= 0 || (l->crowded && result == TAKT_ELIMIT),
                  "a helper was refused: %lld", (long long)result);
    }
}

/* No worker but two threads that help. */
static void help_alone(void *unused)
{
    (void)unused;
    struct line *l = begin_in(make_runtime(0, 2), 4, 0, false, NULL);
    line_start(l->pipeline);
    int first = sim_start("helper 1", helper_stays, l);
    int second = sim_start("helper 2", helper_stays, l);
    produce(l, 4);
    takt_pipeline_close(l->pipeline);
    wait_for_helpers(l->runtime, 2);
    end(l, 0);
    sim_join(first);
    sim_join(second);
}

/* Whoever leaves has not taken a wake-up away from the worker. */
static void beside(uint32_t middle, uint32_t visits, int64_t events, uint32_t shards)
{
    struct line *l = begin_in(make_runtime(1, 1), events, middle, false, NULL);
    l->visits = visits;
    line_start(l->pipeline);
    int helper = sim_start("helper", helper_calls, l);
    produce(l, events / 2);
    if (shards)
        takt_stage_set_shards(l->stages[0], shards);
    produce(l, events);
    takt_pipeline_close(l->pipeline);
    line_ends_with(l->pipeline, 0);
    sim_join(helper);
    end(l, 0);
}

/* Two helpers take turns in one place. */
static void help_turns(void *unused)
{
    (void)unused;
    struct line *l = begin_in(make_runtime(1, 1), 3, 0, false, NULL);
    l->visits = 2;
    l->crowded = true;
    line_start(l->pipeline);
    int first = sim_start("helper 1", helper_calls, l);
    int second = sim_start("helper 2", helper_calls, l);
    produce(l, 3);
    takt_pipeline_close(l->pipeline);
    line_ends_with(l->pipeline, 0);
    sim_join(first);
    sim_join(second);
    end(l, 0);
}

static void help_beside(void *unused)
{
    (void)unused;
    beside(0, 2, 2, 0);
}

static void help_redivide(void *unused)
{
    (void)unused;
    beside(1, 3, 6, 2);
}

/* Called back while it is at work, looks around, or sleeps: the worker goes on. */
static void help_recall(void *unused)
{
    (void)unused;
    struct line *l = begin_in(make_runtime(1, 1), 3, 0, false, NULL);
    line_start(l->pipeline);
    int helper = sim_start("helper", helper_is_called_back, l);
    produce(l, 2);
    wait_for_helpers(l->runtime, 1);
    takt_runtime_recall(l->runtime);
    produce(l, 3);
    sim_join(helper);
    takt_pipeline_close(l->pipeline);
    end(l, 0);
}

/* Drained and destroyed under a helper, and the runtime after it. */
static void help_destroy(void *unused)
{
    (void)unused;
    struct line *l = begin_in(make_runtime(0, 1), 4, 1, true, NULL);
    int helper = sim_start("helper", helper_stays, l);
    line_start(l->pipeline);
    int64_t left = takt_pipeline_drain(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld events are left after a drain", (long long)left);
    sim_check(l->arrived == takt_ring_cursor(takt_pipeline_ring(l->pipeline)) + 1,
              "drained, and %lld events have arrived", (long long)l->arrived);
    wait_for_helpers(l->runtime, 1);
    destroy(l);
    sim_join(helper);
}

/* Two pipelines in one runtime: each ends, whatever the other does. */
static void line_two(void *unused)
{
    (void)unused;
    takt_runtime *runtime = make_runtime(1, 1);
    struct line *a = begin_in(runtime, 4, 0, true, NULL);
    struct line *b = begin_in(runtime, 2, 0, false, NULL);
    a->visits = 2;
    line_start(a->pipeline);
    line_start(b->pipeline);
    int helper = sim_start("helper", helper_calls, a);
    produce(b, 2);
    takt_pipeline_close(b->pipeline);
    int first = takt_pipeline_wait(a->pipeline, TAKT_FOREVER);
    int second = takt_pipeline_wait(b->pipeline, TAKT_FOREVER);
    sim_join(helper);
    sim_check(first == 0 && second == 0, "they ended with %d and %d", first, second);
    takt_pipeline_destroy(b->pipeline);
    destroy(a);
    sim_check(a->arrived == 4 && b->arrived == 2, "%lld and %lld events arrived",
              (long long)a->arrived, (long long)b->arrived);
}

const struct sim_case sim_pipeline_cases[] = {
    {"line_outside", "one worker, a producer outside", line_outside, 0, 24, false, false},
    {"line_two_workers", "two workers, six events", line_two_workers, 0, 20, false, false},
    {"line_source", "a source, a stage, a sink, one worker", line_source, 0, 20, false, false},
    {"line_redivide", "1 to 2 to 1 shards on the way, two workers", line_redivide, 0, 24, false,
     false},
    {"line_redivide_keyed", "the same by key", line_redivide_keyed, 0, 24, false, false},
    {"line_drain", "drained and resumed", line_drain, 0, 20, false, false},
    {"line_quiet", "while drained, the caller is alone", line_quiet, 0, 10, false, false},
    {"line_halt", "halted and destroyed", line_halt, 0, 16, false, false},
    {"line_failure", "a handler that fails", line_failure, 0, 16, false, false},
    {"line_two", "two pipelines, a worker, and a helper now and then", line_two, 0, 12, false,
     false},
    {"help_alone", "two helpers and no worker", help_alone, 0, 12, false, false},
    {"help_beside", "a helper comes and goes beside a worker", help_beside, 0, 24, false, false},
    {"help_redivide", "the same, with 1 to 2 shards on the way", help_redivide, 0, 16, false,
     false},
    {"help_turns", "two helpers and one place", help_turns, 0, 12, false, false},
    {"help_recall", "a helper is called back", help_recall, 0, 12, false, false},
    {"help_destroy", "drained and destroyed under a helper", help_destroy, 0, 12, false, false},
    {0},
};
