/* SPDX-License-Identifier: MIT */
/* What a full pipeline means to a thread outside (takt/source.h), choice by choice. */
#include <takt/observe.h>
#include <takt/source.h>

#include "flow.h"

#define CAPACITY 16
#define ROOM     8

TestSuite(overload, .timeout = 40);

/* A last stage of one shard: it is held at first, and sees numbers that rise. */
struct gate_keeper {
    struct flow_held held;
    int64_t seen, last, wrong;
    int64_t numbers[256]; /* the first of them */
};

static int keep_gate(void *context, takt_batch *b)
{
    struct gate_keeper *keeper = context;
    flow_hold(&keeper->held, b);
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t number = ((const struct flow_event *)takt_batch_at(b, i))->number;
        keeper->wrong += keeper->seen > 0 && number <= keeper->last;
        keeper->last = number;
        if (keeper->seen < 256)
            keeper->numbers[keeper->seen] = number;
        takt__store_release(&keeper->seen, keeper->seen + 1);
    }
    return 0;
}

struct line {
    takt_runtime *runtime;
    takt_pipeline *p;
    struct gate_keeper keeper;
    int64_t offered;
};

/* A pipeline of one stage, started; the stage is in its first batch or will be. */
static void lay_on(struct line *line, enum takt_overload choice)
{
    cr_assert_eq(takt_pipeline_create(
                     &line->p, line->runtime,
                     TAKT_PIPELINE(.event_size = sizeof(struct flow_event), .capacity = CAPACITY,
                                   .fixed_widths = true, .overload = choice,
                                   .waiting = choice == TAKT_OVERLOAD_DROP_OLDEST ? ROOM : 0)),
                 0);
    flow_stage(line->p, TAKT_STAGE(.name = "last", .handler = keep_gate, .context = &line->keeper,
                                   .shards_max = 1));
    flow_start(line->p);
}

static void lay(struct line *line, enum takt_overload choice)
{
    *line = (struct line){.runtime = flow_runtime(2)};
    lay_on(line, choice);
}

static void take_up(struct line *line)
{
    takt_pipeline_destroy(line->p);
    takt_runtime_destroy(line->runtime);
}

/* Offers n more events; each offer is to end with `result`. */
static void offer(struct line *line, int64_t n, int result)
{
    for (; n > 0; n--) {
        struct flow_event event = {line->offered++, -1, -1};
        int got = takt_source_offer(line->p, &event, TAKT_NOW);
        cr_assert_eq(got, result, "%d (%s)", got, takt_error_name(got));
    }
}

/* Publishes a full ring, event by event, so that none has to wait for long. */
static void fill(struct line *line)
{
    const takt_ring *ring = takt_pipeline_ring(line->p);
    while (line->offered < CAPACITY) {
        offer(line, 1, 0);
        int64_t deadline = takt_after(FLOW_PATIENCE_NS);
        while (takt_ring_cursor(ring) < line->offered - 1 && takt_now() < deadline)
            usleep(10);
        cr_assert_eq(takt_ring_cursor(ring), line->offered - 1);
    }
    flow_reaches(&line->keeper.held.entered, 1);
}

static void let_go_and_end(struct line *line)
{
    takt__store_release(&line->keeper.held.let_go, 1);
    takt_pipeline_close(line->p);
    flow_ends_with(line->p, 0);
    cr_assert_eq(line->keeper.wrong, 0);
}

static takt_source_stats stats_of(const struct line *line)
{
    takt_source_stats stats;
    takt_source_get_stats(line->p, &stats);
    cr_assert_eq(stats.published + stats.refused + stats.dropped_newest + stats.dropped_oldest +
                     stats.waiting,
                 line->offered, "the books do not balance");
    return stats;
}

Test(overload, a_full_ring_blocks_until_the_deadline)
{
    struct line line;
    takt_batch b;
    lay(&line, TAKT_OVERLOAD_BLOCK);
    fill(&line);
    int64_t deadline = takt_after(2000000);
    cr_assert_eq(takt_source_claim(line.p, &b, 1, deadline), TAKT_ETIMEDOUT);
    cr_assert(takt_now() >= deadline);
    cr_assert_eq(takt_source_claim(line.p, &b, 1, TAKT_NOW), TAKT_EFULL);
    stats_of(&line);
    takt__store_release(&line.keeper.held.let_go, 1);
    struct flow_event event = {line.offered++, -1, -1};
    cr_assert_eq(takt_source_offer(line.p, &event, takt_after(FLOW_PATIENCE_NS)), 0);
    let_go_and_end(&line);
    cr_assert_eq(line.keeper.seen, CAPACITY + 1);
    take_up(&line);
}

Test(overload, a_full_ring_fails_at_once)
{
    struct line line;
    lay(&line, TAKT_OVERLOAD_FAIL);
    fill(&line);
    struct flow_event event = {0};
    for (int i = 0; i < 5; i++)
        cr_assert_eq(takt_source_offer(line.p, &event, TAKT_FOREVER), TAKT_EFULL);
    line.offered += 5;
    takt_source_stats stats = stats_of(&line);
    cr_assert_eq(stats.refused, 5);
    cr_assert_eq(stats.published, CAPACITY);
    let_go_and_end(&line);
    cr_assert_eq(line.keeper.seen, CAPACITY);
    take_up(&line);
}

Test(overload, the_newest_is_not_taken)
{
    struct line line;
    takt_counters_pipeline figures;
    lay(&line, TAKT_OVERLOAD_DROP_NEWEST);
    fill(&line);
    offer(&line, 30, TAKT_DROPPED);
    cr_assert_eq(stats_of(&line).dropped_newest, 30);
    takt__store_release(&line.keeper.held.let_go, 1);
    flow_reaches(&line.keeper.seen, CAPACITY);
    offer(&line, 1, 0);
    let_go_and_end(&line);
    cr_assert_eq(line.keeper.seen, CAPACITY + 1);
    cr_assert_eq(line.keeper.numbers[CAPACITY - 1], CAPACITY - 1);
    cr_assert_eq(line.keeper.numbers[CAPACITY], CAPACITY + 30);
    takt_pipeline_snapshot(line.p, &figures);
    cr_assert_eq(figures.dropped_newest, 30);
    cr_assert_eq(figures.dropped_oldest + figures.refused + figures.waiting, 0);
    take_up(&line);
}

/* The newest wait; what is in the ring stays there. */
Test(overload, the_oldest_gives_way)
{
    struct line line;
    takt_counters_pipeline figures;
    lay(&line, TAKT_OVERLOAD_DROP_OLDEST);
    fill(&line);
    offer(&line, ROOM, 0);
    cr_assert_eq(stats_of(&line).dropped_oldest, 0);
    offer(&line, 30, 0);
    takt_source_stats stats = stats_of(&line);
    cr_assert_eq(stats.dropped_oldest, 30);
    cr_assert_eq(stats.waiting, ROOM);
    takt_pipeline_snapshot(line.p, &figures);
    cr_assert_eq(figures.dropped_oldest, 30);
    cr_assert_eq(figures.waiting, ROOM);
    cr_assert_eq(figures.stages[0].source, 1);
    let_go_and_end(&line);
    cr_assert_eq(line.keeper.seen, CAPACITY + ROOM);
    for (int64_t i = 0; i < CAPACITY + ROOM; i++)
        cr_assert_eq(line.keeper.numbers[i], i < CAPACITY ? i : i + 30);
    stats = stats_of(&line);
    cr_assert_eq(stats.waiting, 0);
    cr_assert_eq(stats.published, CAPACITY + ROOM);
    take_up(&line);
}

/* Both workers sleep at first; then one is held, and no tick comes that would wake the other. */
Test(overload, what_waits_enters_the_ring_beside_who_is_held)
{
    struct line line = {0};
    const takt_runtime_options *options =
        TAKT_RUNTIME(.workers = 2, .cores = 2, .tick_ns = INT64_C(3600000000000));
    cr_assert_eq(takt_runtime_create(&line.runtime, options), 0);
    lay_on(&line, TAKT_OVERLOAD_DROP_OLDEST);
    flow_sleep(line.runtime, 0, 2);
    fill(&line);
    let_go_and_end(&line);
    take_up(&line);
}

/* Nobody comes by again after the last offer: workers see to what waits. */
Test(overload, what_waits_enters_the_ring_without_the_producer)
{
    struct line line;
    lay(&line, TAKT_OVERLOAD_DROP_OLDEST);
    takt__store_release(&line.keeper.held.let_go, 1);
    for (int64_t i = 1; i <= 50; i++) {
        offer(&line, 1, 0);
        flow_reaches(&line.keeper.seen, i);
        usleep(i % 10 ? 10 : 2000); /* workers go to sleep sooner */
    }
    cr_assert_eq(flow_drain(line.p), 0);
    cr_assert_eq(stats_of(&line).published, 50);
    let_go_and_end(&line);
    take_up(&line);
}

Test(overload, a_drain_waits_for_what_waits)
{
    struct line line;
    lay(&line, TAKT_OVERLOAD_DROP_OLDEST);
    fill(&line);
    offer(&line, ROOM, 0);
    cr_assert_eq(takt_pipeline_drain(line.p, takt_after(1000000)), CAPACITY + ROOM);
    takt__store_release(&line.keeper.held.let_go, 1);
    cr_assert_eq(flow_drain(line.p), 0);
    cr_assert_eq(line.keeper.seen, CAPACITY + ROOM);
    offer(&line, 1, 0); /* a thread outside goes on without being told */
    flow_reaches(&line.keeper.seen, CAPACITY + ROOM + 1);
    let_go_and_end(&line);
    take_up(&line);
}

/* What is claimed and not published is neither lost nor counted, whatever the choice. */
Test(overload, a_claim_may_be_larger_than_what_is_published)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_BLOCK; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        struct line line;
        lay(&line, choice);
        takt__store_release(&line.keeper.held.let_go, 1);
        while (line.offered < 200) {
            takt_batch b;
            cr_assert_eq(takt_source_claim(line.p, &b, 3, TAKT_FOREVER), 0);
            cr_assert(b.count >= 1 && b.count <= 3);
            uint32_t used = (uint32_t)(line.offered % (b.count + 1));
            for (uint32_t i = 0; i < b.count; i++)
                *(struct flow_event *)takt_batch_at(&b, i) =
                    (struct flow_event){i < used ? line.offered + i : INT64_MAX, -1, -1};
            b.count = used;
            takt_source_publish(line.p, &b);
            line.offered += used;
            if (used == 0)
                offer(&line, 1, 0);
            cr_assert_eq(flow_drain(line.p), 0); /* so there is always room */
        }
        cr_assert_eq(stats_of(&line).published, line.offered);
        let_go_and_end(&line);
        cr_assert_eq(line.keeper.seen, line.offered);
        cr_assert_eq(line.keeper.last, line.offered - 1);
        take_up(&line);
    }
}

Test(overload, claims_are_refused_when_there_is_nothing_to_claim)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_BLOCK; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        takt_batch b;
        struct flow_held held = {.let_go = 1};
        struct flow_event event = {0};
        takt_pipeline *p;
        takt_runtime *runtime = flow_runtime(1);
        cr_assert_eq(takt_pipeline_create(&p, runtime,
                                          TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                        .capacity = 8, .overload = choice)),
                     0);
        flow_stage(p, TAKT_STAGE(.handler = flow_hold, .context = &held));
        cr_assert_eq(takt_source_claim(p, &b, 1, TAKT_NOW), TAKT_ENOCONSUMER);
        flow_start(p);
        cr_assert_eq(takt_source_claim(NULL, &b, 1, TAKT_NOW), TAKT_EINVAL);
        cr_assert_eq(takt_source_claim(p, NULL, 1, TAKT_NOW), TAKT_EINVAL);
        cr_assert_eq(takt_source_claim(p, &b, 0, TAKT_NOW), TAKT_EINVAL);
        cr_assert_eq(takt_source_offer(p, NULL, TAKT_NOW), TAKT_EINVAL);
        cr_assert_eq(takt_source_offer(p, &event, TAKT_NOW), 0);
        takt_pipeline_halt(p);
        cr_assert_eq(takt_source_claim(p, &b, 1, TAKT_FOREVER), TAKT_EHALTED);
        cr_assert_eq(takt_source_offer(p, &event, TAKT_FOREVER), TAKT_EHALTED);
        takt_pipeline_destroy(p);
        takt_runtime_destroy(runtime);
    }
}

Test(overload, options_that_make_no_sense_are_refused)
{
    takt_pipeline *p;
    takt_runtime *runtime = flow_runtime(1);
    const struct {
        int overload;
        int64_t waiting;
        int code;
    } refused[] = {
        {TAKT_OVERLOAD_DROP_OLDEST + 1, 0, TAKT_EINVAL},
        {-1, 0, TAKT_EINVAL},
        {TAKT_OVERLOAD_BLOCK, 1, TAKT_EINVAL},
        {TAKT_OVERLOAD_FAIL, 1, TAKT_EINVAL},
        {TAKT_OVERLOAD_DROP_NEWEST, 1, TAKT_EINVAL},
        {TAKT_OVERLOAD_DROP_OLDEST, -1, TAKT_EINVAL},
        {TAKT_OVERLOAD_DROP_OLDEST, (INT64_C(1) << 30) + 1, TAKT_ECAPACITY},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_assert_eq(
            takt_pipeline_create(&p, runtime,
                                 TAKT_PIPELINE(.event_size = 8, .capacity = 8,
                                               .overload = (enum takt_overload)refused[i].overload,
                                               .waiting = refused[i].waiting)),
            refused[i].code, "case %zu", i);
    takt_runtime_destroy(runtime);
}

/* A stage that divides by the keys that the producer stored: each key's events stay in order. */
struct keyed {
    int64_t last[4];
    int64_t seen, wrong;
};

static int see_key(void *context, takt_batch *b)
{
    struct keyed *keyed = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        int64_t *last = &keyed->last[event->left];
        if (*last >= event->number)
            __atomic_add_fetch(&keyed->wrong, 1, __ATOMIC_RELAXED);
        *last = event->number;
        __atomic_add_fetch(&keyed->seen, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

/* Keys come along through the waiting room: a key's state has one owner at a time. */
Test(overload, stored_keys_wait_with_their_events)
{
    for (enum takt_overload choice = TAKT_OVERLOAD_BLOCK; choice <= TAKT_OVERLOAD_DROP_OLDEST;
         choice++) {
        struct keyed keyed = {.last = {-1, -1, -1, -1}};
        takt_pipeline *p;
        takt_runtime *runtime = flow_runtime(3);
        cr_assert_eq(takt_pipeline_create(&p, runtime,
                                          TAKT_PIPELINE(.event_size = sizeof(struct flow_event),
                                                        .capacity = 64, .fixed_widths = true,
                                                        .overload = choice)),
                     0);
        flow_stage(
            p, TAKT_STAGE(.handler = see_key, .context = &keyed, .stored_key = true, .shards = 3));
        flow_start(p);
        for (int64_t i = 0; i < 20000; i++) {
            takt_batch b;
            int64_t key = (i * 7 + i / 5) % 4;
            while (takt_source_claim(p, &b, 1, TAKT_FOREVER) < 0)
                ;
            *(struct flow_event *)takt_batch_at(&b, 0) = (struct flow_event){i, key, -1};
            takt_batch_set_key(&b, 0, (uint64_t)key);
            takt_source_publish(p, &b);
        }
        takt_pipeline_close(p);
        flow_ends_with(p, 0);
        takt_source_stats stats;
        takt_source_get_stats(p, &stats);
        cr_assert_eq(keyed.seen, stats.published);
        cr_assert_eq(stats.published + stats.dropped_newest + stats.dropped_oldest, 20000);
        cr_assert_eq(keyed.wrong, 0);
        takt_pipeline_destroy(p);
        takt_runtime_destroy(runtime);
    }
}
