/* SPDX-License-Identifier: MIT */
/* What a full pipeline means to a source that is a stage (takt/source.h). */
#include <takt/source.h>

#include "flow.h"

#define CAPACITY 32

TestSuite(overload_source, .timeout = 60);

/* A last stage: numbers rise; it takes its time. */
struct sink {
    int64_t seen, last, wrong;
    int64_t ns; /* per event */
};

static int sink_slowly(void *context, takt_batch *b)
{
    struct sink *sink = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        sink->wrong += event->number <= sink->last || event->left != 3 * event->number;
        sink->last = event->number;
        takt__store_release(&sink->seen, sink->seen + 1);
        for (int64_t until = takt_after(sink->ns); takt_now() < until;)
            ;
    }
    return 0;
}

struct line {
    takt_runtime *runtime;
    takt_pipeline *p;
    struct flow_maker maker;
    struct sink sink;
};

static void lay(struct line *line, uint32_t workers, enum takt_overload choice, int64_t total,
                int64_t ns)
{
    *line = (struct line){
        .runtime = flow_runtime(workers),
        .maker = {.total = total},
        .sink = {.ns = ns, .last = -1},
    };
    cr_assert_eq(takt_pipeline_create(&line->p, line->runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                    .capacity = CAPACITY, .fixed_widths = true,
                                                    .overload = choice)),
                 0);
    takt_stage *source = flow_source(line->p, &line->maker);
    takt_stage *left =
        flow_stage(line->p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source), .shards = 2));
    flow_stage(line->p, TAKT_STAGE(.name = "sink", .handler = sink_slowly, .context = &line->sink,
                                   FLOW_AFTER(left), .shards_max = 1));
    flow_start(line->p);
}

static void take_up(struct line *line)
{
    takt_pipeline_destroy(line->p);
    takt_runtime_destroy(line->runtime);
}

/* Everything that was made is accounted for. */
static takt_source_stats balance(const struct line *line)
{
    takt_source_stats stats;
    takt_source_get_stats(line->p, &stats);
    cr_assert_eq(line->sink.wrong, 0);
    cr_assert_eq(stats.waiting, 0);
    cr_assert_eq(stats.published, line->sink.seen);
    cr_assert_eq(stats.published + stats.refused + stats.dropped_newest + stats.dropped_oldest,
                 line->maker.made);
    return stats;
}

/* Much more comes than can be handled; neither the source nor the stages are starved. */
Test(overload_source, drops_and_keeps_its_books)
{
    for (uint32_t workers = 1; workers <= 3; workers++) {
        struct line line;
        lay(&line, workers, TAKT_OVERLOAD_DROP_NEWEST, 20000, 20000);
        flow_ends_with(line.p, 0);
        takt_source_stats stats = balance(&line);
        cr_assert(stats.dropped_newest > 0, "%u workers", workers);
        take_up(&line);

        lay(&line, workers, TAKT_OVERLOAD_DROP_OLDEST, 20000, 20000);
        flow_ends_with(line.p, 0);
        stats = balance(&line);
        cr_assert(stats.dropped_oldest > 0, "%u workers", workers);
        cr_assert_eq(line.sink.last, 20000 - 1, "the newest is kept");
        take_up(&line);
    }
}

Test(overload_source, drops_nothing_that_there_is_room_for)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_BLOCK; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        struct line line;
        lay(&line, 2, choice, CAPACITY, 0);
        flow_ends_with(line.p, 0);
        cr_assert_eq(balance(&line).published, CAPACITY);
        take_up(&line);
    }
}

Test(overload_source, an_event_for_a_full_ring_fails_the_pipeline)
{
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct line line;
        takt_failure failure;
        lay(&line, workers, TAKT_OVERLOAD_FAIL, -1, 100000);
        flow_ends_with(line.p, TAKT_EFULL);
        cr_assert_eq(takt_pipeline_failure(line.p, &failure), 1);
        cr_assert_eq(strcmp(failure.stage, "source"), 0);
        cr_assert_eq(failure.code, TAKT_EFULL);
        cr_assert_eq(failure.sequence, line.sink.seen, "all before it have passed");
        cr_assert_eq(balance(&line).refused, 1);
        take_up(&line);
    }
}

/* A source that had nothing for a full ring, and ends: that is no overload. */
static int make_a_ringful(void *context, takt_batch *b)
{
    struct flow_maker *maker = context;
    if (maker->made == CAPACITY) {
        b->count = 0;
        return maker->calls++ < 20 ? 0 : TAKT_END;
    }
    return flow_make(context, b);
}

Test(overload_source, having_nothing_for_a_full_ring_is_no_overload)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_FAIL; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        struct line line;
        lay(&line, 2, choice, -1, 100000);
        takt_pipeline_destroy(line.p);
        line.maker = (struct flow_maker){.total = -1};
        line.sink = (struct sink){.ns = 1000000, .last = -1};
        cr_assert_eq(takt_pipeline_create(&line.p, line.runtime,
                                          TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                        .capacity = CAPACITY, .overload = choice)),
                     0);
        takt_stage *source;
        cr_assert_eq(
            takt_pipeline_add_source(
                line.p, &source,
                TAKT_STAGE(.name = "source", .handler = make_a_ringful, .context = &line.maker)),
            0);
        takt_stage *left = flow_stage(line.p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source)));
        flow_stage(line.p, TAKT_STAGE(.handler = sink_slowly, .context = &line.sink,
                                      FLOW_AFTER(left), .shards_max = 1));
        flow_start(line.p);
        flow_ends_with(line.p, 0);
        cr_assert_eq(balance(&line).published, CAPACITY);
        take_up(&line);
    }
}

/* A source whose pipeline was drained makes nothing; what waits passes all the same. */
Test(overload_source, is_drained_and_goes_on)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_DROP_NEWEST; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        struct line line;
        lay(&line, 2, choice, -1, 2000);
        for (int i = 0; i < 10; i++) {
            flow_reaches(&line.sink.seen, takt__load_acquire(&line.sink.seen) + 200);
            cr_assert_eq(flow_drain(line.p), 0);
            balance(&line);
            int64_t made = line.maker.made;
            usleep(1000);
            cr_assert_eq(line.maker.made, made, "a drained source ran");
            takt_pipeline_resume(line.p);
        }
        takt_pipeline_halt(line.p);
        take_up(&line);
    }
}

/* Its handler can be replaced like any other. */
static int end_at_once(void *context, takt_batch *b)
{
    (void)context;
    b->count = 0;
    return TAKT_END;
}

Test(overload_source, its_handler_is_replaced)
{
    struct line line;
    lay(&line, 2, TAKT_OVERLOAD_DROP_OLDEST, -1, 1000);
    flow_reaches(&line.sink.seen, 500);
    takt_pipeline_destroy(line.p);
    takt_stage *source;
    line.maker = (struct flow_maker){.total = -1};
    line.sink = (struct sink){.last = -1, .ns = 1000};
    cr_assert_eq(takt_pipeline_create(&line.p, line.runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                    .capacity = CAPACITY,
                                                    .overload = TAKT_OVERLOAD_DROP_OLDEST)),
                 0);
    source = flow_source(line.p, &line.maker);
    takt_stage *left = flow_stage(line.p, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source)));
    flow_stage(line.p, TAKT_STAGE(.handler = sink_slowly, .context = &line.sink, FLOW_AFTER(left),
                                  .shards_max = 1));
    flow_start(line.p);
    flow_reaches(&line.sink.seen, 500);
    cr_assert_eq(takt_stage_replace(source, TAKT_REPLACEMENT(.handler = end_at_once)), 0);
    flow_ends_with(line.p, 0);
    balance(&line);
    take_up(&line);
}

Test(overload_source, a_thread_cannot_claim_beside_it)
{
    struct line line;
    takt_batch b;
    lay(&line, 1, TAKT_OVERLOAD_DROP_OLDEST, 10, 0);
    cr_assert_eq(takt_source_claim(line.p, &b, 1, TAKT_NOW), TAKT_ESTATE);
    flow_ends_with(line.p, 0);
    take_up(&line);
}
