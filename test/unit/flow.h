/* SPDX-License-Identifier: MIT */
/*
 * What the tests of pipelines have in common: building one in few lines, a source of numbered
 * events, and a last stage that sees whether they come whole and in order.
 *
 * Waits have a deadline here, so that a pipeline that hangs fails an assertion.
 */
#ifndef TAKT_TEST_FLOW_H
#define TAKT_TEST_FLOW_H

#include <criterion/criterion.h>
#include <unistd.h>

#include <takt/observe.h>
#include <takt/pipeline.h>

#define FLOW_PATIENCE_NS INT64_C(15000000000)

/* The stages that one comes after, as options: TAKT_STAGE(.handler = f, FLOW_AFTER(a, b)). */
#define FLOW_AFTER(...)                                                                            \
    .after = (takt_stage *[]){__VA_ARGS__},                                                        \
    .after_count = sizeof((takt_stage *[]){__VA_ARGS__}) / sizeof(takt_stage *)

struct flow_event {
    int64_t number;
    int64_t left;
    int64_t right;
};

/* A source: makes events 0 to total - 1. */
struct flow_maker {
    int64_t total; /* -1: no end */
    int64_t made;
    uint32_t calls;
    uint32_t idle; /* of so many calls all but one make nothing; 0: none is like that */
};

static inline int flow_make(void *context, takt_batch *b)
{
    struct flow_maker *maker = context;
    uint32_t n = 0;
    if (maker->idle && ++maker->calls % maker->idle != 0) {
        b->count = 0;
        return 0;
    }
    for (; n < b->count && maker->made != maker->total; n++) {
        struct flow_event *event = takt_batch_at(b, n);
        *event = (struct flow_event){maker->made++, -1, -1};
    }
    b->count = n;
    return maker->made == maker->total ? TAKT_END : 0;
}

/* A last stage of one shard: events must come in order, and look as `is_right` says. */
struct flow_checker {
    int64_t seen; /* so many have come; read by others while it moves */
    int64_t wrong;
    bool (*is_right)(const struct flow_event *event);
};

static inline int flow_check(void *context, takt_batch *b)
{
    struct flow_checker *checker = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        int64_t seen = checker->seen;
        checker->wrong += takt_batch_sequence(b, i) != seen || event->number != seen ||
                          (checker->is_right && !checker->is_right(event));
        takt__store_release(&checker->seen, seen + 1);
    }
    return 0;
}

/* Stages between: each leaves something that a later one can look for. */
static inline int flow_left(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct flow_event *event = takt_batch_at(b, i);
        event->left = 3 * event->number;
    }
    return 0;
}

static inline int flow_right(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct flow_event *event = takt_batch_at(b, i);
        event->right = 5 * event->number;
    }
    return 0;
}

static inline bool flow_has_left(const struct flow_event *event)
{
    return event->left == 3 * event->number;
}

static inline bool flow_has_both(const struct flow_event *event)
{
    return flow_has_left(event) && event->right == 5 * event->number;
}

static inline takt_runtime *flow_runtime(uint32_t workers)
{
    takt_runtime *runtime;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = workers, .cores = workers)),
                 0);
    return runtime;
}

/* A pipeline without stages, whose numbers of shards nobody changes but the test. */
static inline takt_pipeline *flow_pipeline(takt_runtime *runtime, int64_t capacity)
{
    takt_pipeline *p;
    cr_assert_eq(takt_pipeline_create(&p, runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                    .capacity = capacity, .fixed_widths = true)),
                 0);
    return p;
}

static inline takt_stage *flow_source(takt_pipeline *p, struct flow_maker *maker)
{
    takt_stage *stage;
    const takt_stage_options *options =
        TAKT_STAGE(.name = "source", .handler = flow_make, .context = maker);
    cr_assert_eq(takt_pipeline_add_source(p, &stage, options), 0);
    return stage;
}

static inline takt_stage *flow_stage(takt_pipeline *p, const takt_stage_options *options)
{
    takt_stage *stage;
    cr_assert_eq(takt_pipeline_add_stage(p, &stage, options), 0);
    return stage;
}

/* The last stage; `after` NULL: it follows the producer. */
static inline takt_stage *flow_last(takt_pipeline *p, takt_stage *after,
                                    struct flow_checker *checker)
{
    return flow_stage(p,
                      TAKT_STAGE(.name = "last", .handler = flow_check, .context = checker,
                                 .after = &after, .after_count = after ? 1 : 0, .shards_max = 1));
}

static inline void flow_start(takt_pipeline *p)
{
    cr_assert_eq(takt_pipeline_start(p), 0);
}

/* Publishes `n` numbered events as the producer. */
static inline void flow_publish(takt_pipeline *p, int64_t n)
{
    takt_ring *ring = takt_pipeline_ring(p);
    for (; n > 0; n--) {
        int64_t s = takt_ring_next_until(ring, 1, takt_after(FLOW_PATIENCE_NS));
        cr_assert(s >= 0, "%s", takt_error_name((int)s));
        *(struct flow_event *)takt_ring_at(ring, s) = (struct flow_event){s, -1, -1};
        takt_ring_publish(ring, s);
    }
}

/* Waits for the pipeline's end, which is to be `code`. */
static inline void flow_ends_with(takt_pipeline *p, int code)
{
    int result = takt_pipeline_wait(p, takt_after(FLOW_PATIENCE_NS));
    cr_assert_eq(result, code, "%d (%s)", result, takt_error_name(result));
}

/* What has come is what should have come. */
static inline void flow_has_seen(const struct flow_checker *checker, int64_t events)
{
    cr_assert_eq(checker->seen, events, "%ld events came, not %ld", checker->seen, events);
    cr_assert_eq(checker->wrong, 0, "%ld of %ld were wrong", checker->wrong, checker->seen);
}

static inline int64_t flow_drain(takt_pipeline *p)
{
    return takt_pipeline_drain(p, takt_after(FLOW_PATIENCE_NS));
}

/* Waits until a counter that others move has come to `value`. */
static inline void flow_reaches(const int64_t *counter, int64_t value)
{
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    while (takt__load_acquire(counter) < value && takt_now() < deadline)
        usleep(100);
    cr_assert(takt__load_acquire(counter) >= value);
}

/* Waits until the runtime's workers `first` to `past` - 1, of the first 8, are asleep at once. */
static inline void flow_sleep(const takt_runtime *runtime, uint32_t first, uint32_t past)
{
    takt_counters_worker w[8];
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    for (bool asleep = false; !asleep;) {
        cr_assert(takt_now() < deadline);
        usleep(100);
        takt_runtime_snapshot(runtime, w, 8);
        asleep = true;
        for (uint32_t i = first; i < past; i++)
            asleep &= w[i].sleeping;
    }
}

/* The pipeline that most tests want: a source or none, a stage in shards, a last one. */
struct flow_line {
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *source, *left, *last;
    struct flow_maker maker;
    struct flow_checker checker;
};

/*
 * Builds it, of 512 slots, with the options of the stage in the middle. Without a maker the
 * producer is the caller, who also starts it.
 */
static inline void flow_lay(struct flow_line *line, uint32_t workers,
                            const struct flow_maker *maker, const takt_stage_options *options)
{
    takt_stage_options left = *options;

    *line = (struct flow_line){.runtime = flow_runtime(workers)};
    line->checker.is_right = flow_has_left;
    line->p = flow_pipeline(line->runtime, 512);
    if (maker) {
        line->maker = *maker;
        line->source = flow_source(line->p, &line->maker);
        left.after = &line->source;
        left.after_count = 1;
    }
    left.handler = flow_left;
    line->left = flow_stage(line->p, &left);
    line->last = flow_last(line->p, line->left, &line->checker);
}

static inline void flow_take_up(struct flow_line *line)
{
    takt_pipeline_destroy(line->p);
    takt_runtime_destroy(line->runtime);
}

/* What a handler stays in, from its first batch on, until it is let go. */
struct flow_held {
    int64_t entered; /* events of that batch */
    int64_t let_go;
};

static inline int flow_hold(void *context, takt_batch *b)
{
    struct flow_held *held = context;
    takt__store_release(&held->entered, b->count);
    while (!takt__load_acquire(&held->let_go))
        usleep(100);
    return 0;
}

/* A producer's pipeline of one stage that is held, with an idle worker beside; it is started. */
static inline void flow_lay_held(struct flow_line *line, struct flow_held *held)
{
    *line = (struct flow_line){.runtime = flow_runtime(2)};
    *held = (struct flow_held){0};
    line->p = flow_pipeline(line->runtime, 64);
    line->left =
        flow_stage(line->p, TAKT_STAGE(.handler = flow_hold, .context = held, .shards_max = 1));
    flow_start(line->p);
}

#endif
