/* SPDX-License-Identifier: MIT */
/* Numbers of shards: asking for them, what it does, and the figures of a stage. */
#include "flow.h"

TestSuite(pipeline_shards, .timeout = 40);

/* Waits until the stage has so many shards. */
static takt_stage_stats wait_for_shards(const takt_stage *stage, uint32_t shards, int64_t changes)
{
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    takt_stage_stats stats;

    takt_stage_get_stats(stage, &stats);
    while ((stats.shards_now != shards || stats.redivisions != changes) && takt_now() < deadline) {
        usleep(50);
        takt_stage_get_stats(stage, &stats);
    }
    cr_assert_eq(stats.shards_now, shards);
    cr_assert_eq(stats.redivisions, changes);
    return stats;
}

Test(pipeline_shards, out_of_range_are_refused)
{
    struct flow_line line;

    flow_lay(&line, 1, &(struct flow_maker){.total = 100},
             TAKT_STAGE(.shards = 3, .shards_min = 2, .shards_max = 5));
    for (int running = 0; running < 2; running++) {
        cr_assert_eq(takt_stage_set_shards(line.left, 0), TAKT_EWIDTH);
        cr_assert_eq(takt_stage_set_shards(line.left, 1), TAKT_EWIDTH);
        cr_assert_eq(takt_stage_set_shards(line.left, 6), TAKT_EWIDTH);
        cr_assert_eq(takt_stage_set_shards(line.left, UINT32_MAX), TAKT_EWIDTH);
        cr_assert_eq(takt_stage_set_shards(line.last, 2), TAKT_EWIDTH, "a serial stage");
        cr_assert_eq(takt_stage_set_shards(line.last, 1), 0);
        cr_assert_eq(takt_stage_set_shards(line.source, 1), TAKT_EWIDTH, "a source has none");
        if (!running)
            flow_start(line.p);
    }
    flow_ends_with(line.p, 0);
    wait_for_shards(line.left, 3, 0);
    wait_for_shards(line.last, 1, 0);
    flow_take_up(&line);
}

Test(pipeline_shards, asked_for_before_the_start_come_with_it)
{
    struct flow_line line;
    takt_stage_stats stats;

    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 2));
    takt_stage_get_stats(line.left, &stats);
    cr_assert_eq(stats.shards_now, 2);
    cr_assert_eq(takt_stage_set_shards(line.left, 5), 0);
    flow_start(line.p);
    wait_for_shards(line.left, 5, 1);
    cr_assert_eq(flow_drain(line.p), 0);
    flow_has_seen(&line.checker, line.maker.made);
    flow_take_up(&line);
}

Test(pipeline_shards, change_while_events_flow)
{
    struct flow_line line;
    takt_stage_stats stats;
    int64_t changes = 0;

    flow_lay(&line, 3, &(struct flow_maker){.total = -1},
             TAKT_STAGE(.shards = 1, .shards_max = 256, .block = 4));
    flow_start(line.p);
    for (uint32_t shards = 2; shards <= 256; shards *= 2) {
        cr_assert_eq(takt_stage_set_shards(line.left, shards), 0);
        stats = wait_for_shards(line.left, shards, ++changes);
        cr_assert_eq(stats.shards_most, shards);
        cr_assert_eq(takt_stage_set_shards(line.left, shards - 1), 0);
        stats = wait_for_shards(line.left, shards - 1, ++changes);
        cr_assert_eq(stats.shards_least, 1);
        flow_reaches(&line.checker.seen, takt__load_acquire(&line.checker.seen) + 2000);
    }
    cr_assert(stats.shards_mean >= 1 && stats.shards_mean <= 256);
    cr_assert_eq(flow_drain(line.p), 0);
    flow_has_seen(&line.checker, line.maker.made);
    flow_take_up(&line);
}

Test(pipeline_shards, change_while_nothing_flows)
{
    struct flow_line line;

    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 4));
    flow_start(line.p);
    flow_reaches(&line.checker.seen, 100);
    cr_assert_eq(flow_drain(line.p), 0);
    cr_assert_eq(takt_stage_set_shards(line.left, 2), 0);
    wait_for_shards(line.left, 2, 1);
    cr_assert_eq(takt_stage_set_shards(line.left, 2), 0, "what is so already");
    takt_pipeline_resume(line.p);
    flow_reaches(&line.checker.seen, takt__load_acquire(&line.checker.seen) + 1000);
    wait_for_shards(line.left, 2, 1);
    flow_take_up(&line);
}

Test(pipeline_shards, the_last_of_many_requests_counts)
{
    struct flow_line line;
    takt_stage_stats stats;

    flow_lay(&line, 2, &(struct flow_maker){.total = -1}, TAKT_STAGE(.shards = 1));
    flow_start(line.p);
    for (uint32_t i = 0; i < 500; i++)
        cr_assert_eq(takt_stage_set_shards(line.left, 1 + i * 7 % 16), 0);
    cr_assert_eq(takt_stage_set_shards(line.left, 11), 0);
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    takt_stage_get_stats(line.left, &stats);
    while (stats.shards_now != 11 && takt_now() < deadline)
        takt_stage_get_stats(line.left, &stats);
    cr_assert_eq(stats.shards_now, 11);
    cr_assert_eq(flow_drain(line.p), 0);
    flow_has_seen(&line.checker, line.maker.made);
    flow_take_up(&line);
}

/* Which shards of how many the batches came from. */
struct batches {
    int64_t in_range;
    int64_t out_of_range;
    int64_t of_shard[4];
};

static int note_shard(void *context, takt_batch *b)
{
    struct batches *batches = context;
    if (b->shards != 4 || b->shard >= 4 || b->count == 0) {
        __atomic_fetch_add(&batches->out_of_range, 1, __ATOMIC_RELAXED);
        return 0;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        bool mine = takt_batch_sequence(b, i) / 8 % 4 == b->shard;
        __atomic_fetch_add(mine ? &batches->in_range : &batches->out_of_range, 1, __ATOMIC_RELAXED);
        batches->of_shard[b->shard]++;
    }
    return 0;
}

Test(pipeline_shards, a_handler_sees_which_shard_it_runs)
{
    struct batches batches = {0};
    struct flow_maker maker = {.total = 32 * 100};
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 128);

    flow_stage(p, TAKT_STAGE(.handler = note_shard, .context = &batches,
                             FLOW_AFTER(flow_source(p, &maker)), .shards = 4, .block = 8));
    flow_start(p);
    flow_ends_with(p, 0);
    cr_assert_eq(batches.in_range, maker.total);
    cr_assert_eq(batches.out_of_range, 0);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(batches.of_shard[i], maker.total / 4);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(pipeline_shards, figures_add_up)
{
    struct flow_line line;
    takt_stage_stats stats;
    takt_stage **stages[] = {&line.source, &line.left, &line.last};
    const char *const names[] = {"source", "the middle", "last"};

    flow_lay(&line, 3, &(struct flow_maker){.total = 50000},
             TAKT_STAGE(.name = "the middle", .shards = 3));
    for (int i = 1; i < 3; i++) {
        takt_stage_get_stats(*stages[i], &stats);
        cr_assert_eq(stats.events, 0);
        cr_assert_eq(stats.backlog, 0);
        cr_assert_eq(stats.busy_ns, 0);
    }
    flow_start(line.p);
    cr_assert_eq(takt_stage_set_shards(line.left, 6), 0);
    flow_ends_with(line.p, 0);
    for (int i = 0; i < 3; i++) {
        takt_stage_get_stats(*stages[i], &stats);
        cr_assert_eq(strcmp(stats.name, names[i]), 0);
        cr_assert_eq(stats.events, 50000, "%s: %ld events", stats.name, stats.events);
        cr_assert(stats.busy_ns > 0);
        cr_assert(stats.shards_least >= 1 && stats.shards_least <= stats.shards_now);
        cr_assert(stats.shards_most >= stats.shards_now && stats.shards_most <= 6);
        cr_assert(stats.shards_mean >= stats.shards_least &&
                  stats.shards_mean <= stats.shards_most);
        if (i > 0)
            cr_assert_eq(stats.backlog, 0);
    }
    flow_take_up(&line);
}

Test(pipeline_shards, backlog_is_what_is_available_and_not_done)
{
    struct flow_held held = {0};
    struct flow_checker checker = {0};
    takt_stage_stats stats;
    takt_runtime *runtime = flow_runtime(2);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *first = flow_stage(p, TAKT_STAGE(.handler = flow_hold, .context = &held));
    takt_stage *last = flow_last(p, first, &checker);

    flow_start(p);
    flow_publish(p, 30);
    flow_reaches(&held.entered, 1);
    takt_stage_get_stats(first, &stats);
    cr_assert_eq(stats.backlog, 30);
    takt_stage_get_stats(last, &stats);
    cr_assert_eq(stats.backlog, 0, "nothing has come this far");
    takt__store_release(&held.let_go, 1);
    takt_pipeline_close(p);
    flow_ends_with(p, 0);
    takt_stage_get_stats(first, &stats);
    cr_assert_eq(stats.backlog, 0);
    cr_assert_eq(stats.events, 30);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(pipeline_shards, a_source_has_the_free_room_as_its_backlog)
{
    struct flow_maker maker = {.total = 10};
    struct flow_checker checker = {0};
    takt_stage_stats stats;
    takt_runtime *runtime = flow_runtime(1);
    takt_pipeline *p = flow_pipeline(runtime, 64);
    takt_stage *source = flow_source(p, &maker);

    flow_last(p, source, &checker);
    takt_stage_get_stats(source, &stats);
    cr_assert(stats.backlog >= 0 && stats.backlog <= 64, "%ld before the start", stats.backlog);
    flow_start(p);
    flow_ends_with(p, 0);
    takt_stage_get_stats(source, &stats);
    cr_assert_eq(stats.backlog, 64);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}
