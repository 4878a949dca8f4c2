/* SPDX-License-Identifier: MIT */
/* Replacing a stage's handler while events flow: at one sequence, and told when it is over. */
#include "flow.h"

TestSuite(replace, .timeout = 60);

/* A handler that marks its events, and is told when it will not be called any more. */
struct marker {
    int64_t mark;
    int64_t events; /* handled, by all shards */
    int64_t inside; /* batches under way */
    int64_t most_inside;
    int64_t end; /* as on_retired says */
    int64_t retired;
    struct marker *before; /* must not be inside while this one is */
    int64_t met;
};

static int mark(void *context, takt_batch *b)
{
    struct marker *m = context;
    int64_t inside = __atomic_add_fetch(&m->inside, 1, __ATOMIC_SEQ_CST);
    if (inside > m->most_inside)
        m->most_inside = inside;
    m->met += m->before && __atomic_load_n(&m->before->inside, __ATOMIC_SEQ_CST) > 0;
    for (uint32_t i = 0; i < b->count; i++)
        ((struct flow_event *)takt_batch_at(b, i))->left = m->mark;
    __atomic_add_fetch(&m->events, b->count, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&m->inside, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void on_retired(void *context, int64_t end)
{
    struct marker *m = context;
    m->end = end;
    takt__store_release(&m->retired, m->retired + 1);
}

static const takt_replacement *as(struct marker *m)
{
    static takt_replacement replacement;
    replacement = (takt_replacement){sizeof replacement, mark, m, NULL, on_retired};
    return &replacement;
}

/* The marks that arrive, event by event, in order. */
struct marks {
    int64_t seen;
    int64_t first[8]; /* sequence of each mark's first event, -1: none */
    int64_t last;     /* mark */
    int64_t disorder; /* marks must not fall */
};

static int see_marks(void *context, takt_batch *b)
{
    struct marks *marks = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *e = takt_batch_at(b, i);
        if (marks->first[e->left] < 0)
            marks->first[e->left] = e->number;
        marks->disorder += e->left < marks->last || e->number != marks->seen;
        marks->last = e->left;
        takt__store_release(&marks->seen, marks->seen + 1);
    }
    return 0;
}

/* A source, a stage that marks, and one that sees the marks. */
struct row {
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *source, *stage, *last;
    struct flow_maker maker;
    struct marks marks;
};

static void lay(struct row *row, int64_t total, struct marker *first,
                const takt_stage_options *options)
{
    takt_stage_options o = *options;
    *row = (struct row){.runtime = flow_runtime(3), .maker = {.total = total}};
    memset(row->marks.first, -1, sizeof row->marks.first);
    row->p = flow_pipeline(row->runtime, 512);
    row->source = flow_source(row->p, &row->maker);
    o.handler = mark;
    o.context = first;
    o.on_retired = on_retired;
    o.after = &row->source;
    o.after_count = 1;
    row->stage = flow_stage(row->p, &o);
    row->last = flow_stage(row->p, TAKT_STAGE(.handler = see_marks, .context = &row->marks,
                                              FLOW_AFTER(row->stage), .shards_max = 1));
}

static void take_up(struct row *row)
{
    takt_pipeline_destroy(row->p);
    takt_runtime_destroy(row->runtime);
}

static uint64_t event_key(const void *event)
{
    return (uint64_t)((const struct flow_event *)event)->number % 13;
}

Test(replace, asks_for_what_can_be)
{
    struct marker first = {0}, second = {.mark = 1};
    struct row row;
    takt_replacement bad = *as(&second);

    lay(&row, 100, &first, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_stage_replace(NULL, as(&second)), TAKT_EINVAL);
    cr_assert_eq(takt_stage_replace(row.stage, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_stage_replace(row.stage, TAKT_REPLACEMENT(.context = &second)), TAKT_EINVAL);
    bad.size--;
    cr_assert_eq(takt_stage_replace(row.stage, &bad), TAKT_EINVAL);
    bad = *as(&second);
    bad.on_handover = (takt_handover_function)abort;
    cr_assert_eq(takt_stage_replace(row.stage, &bad), TAKT_EINVAL, "the stage is not ordered");
    cr_assert_eq(takt_stage_settle(NULL, TAKT_NOW), TAKT_EINVAL);
    cr_assert_eq(takt_stage_settle(row.stage, TAKT_NOW), 0, "nothing was asked for");
    flow_start(row.p);
    flow_ends_with(row.p, 0);
    cr_assert_eq(takt_stage_replace(row.stage, as(&second)), TAKT_ESTATE);
    take_up(&row);
    cr_assert_eq(first.events, 100);
    cr_assert_eq(first.retired, 1, "the handler that was there to the last");
    cr_assert_eq(first.end, TAKT_SEQUENCE_GONE);
    cr_assert_eq(second.retired, 0, "what was refused");
}

Test(replace, before_the_start_is_at_the_first_event)
{
    struct marker first = {0}, second = {.mark = 1};
    struct row row;
    struct flow_maker other = {.total = 700};

    lay(&row, 100, &first, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_stage_replace(row.stage, as(&second)), 0);
    cr_assert_eq(
        takt_stage_replace(row.source, TAKT_REPLACEMENT(.handler = flow_make, .context = &other)),
        0);
    cr_assert_eq(first.retired, 1);
    cr_assert_eq(first.end, 0);
    flow_start(row.p);
    flow_ends_with(row.p, 0);
    cr_assert_eq(row.marks.seen, 700);
    cr_assert_eq(row.marks.first[1], 0);
    cr_assert_eq(first.events, 0);
    cr_assert_eq(row.maker.made, 0);
    take_up(&row);
    cr_assert_eq(second.end, TAKT_SEQUENCE_GONE);
}

/* Replaces the handler a few times while events flow, each time exactly at the cut. */
static void replace_in(const takt_stage_options *options, bool alone)
{
    struct marker markers[5] = {{0}};
    struct row row;
    takt_stage_stats stats;

    lay(&row, -1, &markers[0], options);
    flow_start(row.p);
    for (int i = 1; i < 5; i++) {
        flow_reaches(&row.marks.seen, takt__load_acquire(&row.marks.seen) + 3000);
        markers[i].mark = i;
        markers[i].before = alone ? &markers[i - 1] : NULL;
        cr_assert_eq(takt_stage_replace(row.stage, as(&markers[i])), 0);
        cr_assert_eq(takt_stage_settle(row.stage, takt_after(FLOW_PATIENCE_NS)), 0);
        cr_assert_eq(markers[i - 1].retired, 1);
        cr_assert_eq(markers[i - 1].inside, 0);
        takt_stage_get_stats(row.stage, &stats);
        cr_assert_eq(stats.cut, markers[i - 1].end);
        cr_assert_eq(stats.redivisions, i);
    }
    flow_reaches(&row.marks.seen, markers[3].end + 3000);
    cr_assert_eq(flow_drain(row.p), 0);
    cr_assert_eq(row.marks.disorder, 0, "the marks never fall");
    cr_assert_eq(row.marks.seen, row.maker.made);
    for (int i = 0; i < 5; i++) {
        int64_t begin = i ? markers[i - 1].end : 0;
        int64_t end = i < 4 ? markers[i].end : row.maker.made;
        cr_assert_eq(row.marks.first[i], begin, "%d began at %ld, not %ld", i, row.marks.first[i],
                     begin);
        cr_assert_eq(markers[i].events, end - begin);
        cr_assert_eq(markers[i].met, 0, "%d met the one before", i);
    }
    if (alone && options->shards_max == 1)
        cr_assert_eq(markers[4].most_inside, 1);
    take_up(&row);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(markers[i].retired, 1);
}

Test(replace, in_a_stage_divided_by_blocks)
{
    replace_in(TAKT_STAGE(.shards = 4, .block = 2), false);
}

Test(replace, in_an_ordered_stage_only_when_the_old_one_has_left)
{
    replace_in(TAKT_STAGE(.shards = 4, .block = 2, .ordered = true), true);
}

Test(replace, in_a_keyed_stage)
{
    replace_in(TAKT_STAGE(.shards = 3, .key = event_key), true);
}

Test(replace, in_a_serial_stage)
{
    replace_in(TAKT_STAGE(.shards_max = 1), true);
}

Test(replace, of_a_source_goes_on_where_the_one_before_stopped)
{
    struct marker first = {0};
    struct row row;
    struct flow_maker other = {.total = -1};

    lay(&row, -1, &first, TAKT_STAGE(.shards = 2));
    flow_start(row.p);
    flow_reaches(&row.marks.seen, 1000);
    cr_assert_eq(flow_drain(row.p), 0); /* so that the number of the next event is known */
    other.made = row.maker.made;
    cr_assert_eq(
        takt_stage_replace(row.source, TAKT_REPLACEMENT(.handler = flow_make, .context = &other)),
        0);
    cr_assert_eq(takt_stage_settle(row.source, takt_after(FLOW_PATIENCE_NS)), 0);
    takt_pipeline_resume(row.p);
    flow_reaches(&row.marks.seen, row.maker.made + 1000);
    cr_assert_eq(flow_drain(row.p), 0);
    cr_assert_eq(row.marks.seen, other.made);
    cr_assert_eq(row.marks.disorder, 0);
    takt_stage_stats stats;
    takt_stage_get_stats(row.source, &stats);
    cr_assert_eq(stats.cut, row.maker.made);
    cr_assert_eq(stats.redivisions, 1);
    take_up(&row);
}

/* While a shard is held, everything that is asked for comes together, in one change. */
Test(replace, asked_for_meanwhile_is_merged)
{
    struct flow_line line;
    struct flow_held held;
    struct marker markers[4] = {{0}};
    takt_stage_stats stats;

    flow_lay_held(&line, &held);
    flow_publish(line.p, 20);
    flow_reaches(&held.entered, 1);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(takt_stage_replace(line.left, as(&markers[i])), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(markers[i].retired, 1, "another took its place");
        cr_assert_eq(markers[i].end, TAKT_SEQUENCE_INITIAL);
    }
    cr_assert_eq(takt_stage_settle(line.left, takt_after(1000000)), TAKT_ETIMEDOUT);
    takt__store_release(&held.let_go, 1);
    cr_assert_eq(takt_stage_settle(line.left, takt_after(FLOW_PATIENCE_NS)), 0);
    takt_stage_get_stats(line.left, &stats);
    cr_assert_eq(stats.redivisions, 1);
    flow_publish(line.p, 20);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    cr_assert_eq(markers[3].events, 40 - stats.cut);
    flow_take_up(&line);
    cr_assert_eq(markers[3].end, TAKT_SEQUENCE_GONE);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(markers[i].retired, 1);
}

Test(replace, comes_with_the_shards_asked_for)
{
    struct marker first = {0}, second = {.mark = 1};
    struct row row;
    takt_stage_stats stats;

    lay(&row, 500, &first, TAKT_STAGE(.shards = 2));
    cr_assert_eq(takt_stage_set_shards(row.stage, 5), 0);
    cr_assert_eq(takt_stage_replace(row.stage, as(&second)), 0);
    takt_stage_get_stats(row.stage, &stats);
    cr_assert_eq(stats.shards_now, 5);
    cr_assert_eq(stats.redivisions, 1);
    flow_start(row.p);
    flow_ends_with(row.p, 0);
    cr_assert_eq(second.events, 500);
    take_up(&row);
}

struct from_inside {
    takt_stage *stage;
    struct marker *next;
    int64_t at;
    int error;
};

static int replace_itself(void *context, takt_batch *b)
{
    struct from_inside *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct flow_event *e = takt_batch_at(b, i);
        e->left = 0;
        if (e->number == f->at)
            f->error = takt_stage_replace(f->stage, as(f->next));
    }
    return 0;
}

/* Asks for its own replacement, and fails. */
static int replace_and_fail(void *context, takt_batch *b)
{
    struct from_inside *f = context;
    f->error = takt_stage_replace(f->stage, as(f->next));
    return takt_batch_fail(b, 0, TAKT_EUSER);
}

/* A failed handler is not replaced, but everybody is told in the end. */
Test(replace, of_a_failed_handler_never_comes)
{
    struct marker first = {0}, second = {.mark = 1};
    struct row row;
    struct from_inside inside = {.next = &second, .error = 1};

    lay(&row, 500, &first, TAKT_STAGE(.shards_max = 1));
    inside.stage = row.stage;
    cr_assert_eq(takt_stage_replace(
                     row.stage, TAKT_REPLACEMENT(.handler = replace_and_fail, .context = &inside)),
                 0);
    flow_start(row.p);
    flow_ends_with(row.p, TAKT_EUSER);
    cr_assert_eq(inside.error, 0);
    cr_assert_eq(takt_stage_settle(row.stage, TAKT_FOREVER), TAKT_ESTATE);
    cr_assert_eq(first.retired, 1);
    take_up(&row);
    cr_assert_eq(second.retired, 1);
    cr_assert_eq(second.events, 0);
}

Test(replace, from_the_handler_itself)
{
    struct marker first = {0}, second = {.mark = 1};
    struct row row;
    struct from_inside inside = {.next = &second, .at = 5000, .error = 1};

    lay(&row, 100000, &first, TAKT_STAGE(.shards = 3, .block = 4));
    inside.stage = row.stage;
    cr_assert_eq(takt_stage_replace(
                     row.stage, TAKT_REPLACEMENT(.handler = replace_itself, .context = &inside)),
                 0);
    flow_start(row.p);
    flow_ends_with(row.p, 0);
    cr_assert_eq(inside.error, 0);
    cr_assert_eq(row.marks.disorder, 0);
    cr_assert(row.marks.first[1] > 5000 && row.marks.first[1] < 100000);
    take_up(&row);
}
