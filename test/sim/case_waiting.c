/* SPDX-License-Identifier: MIT */
/*
 * The waiting room (disruptor/waiting.h): a producer that drops its oldest, and takers that take
 * turns, as the owners of a source's shard do. No event is lost without being counted, none is
 * taken twice or torn, and those taken come in order. Then the same through a whole pipeline, whose
 * pump (scheduler/overload.h) takes them.
 */
#include "cases.h"
#include "disruptor/waiting.h"
#include "line.h"

struct event {
    int64_t number;
    int64_t again; /* the same */
};

struct hall {
    struct takt__waiting *w;
    uint32_t turn; /* whose turn it is to take: 0, 1, ... */
    uint32_t takers;
    int64_t events;
    int64_t last, taken;
};

static struct hall *open_hall(int64_t events, int64_t room, uint32_t at_once)
{
    struct hall *h = sim_memory(sizeof *h);
    struct takt__waiting_options options = {
        .event_size = sizeof(struct event),
        .alignment = 8,
        .room = room,
        .claim_most = at_once,
        .take_most = at_once,
        .allocator = &sim_allocator,
    };
    int error = takt__waiting_create(&h->w, &options);
    sim_check(error == 0, "no waiting room: %s", takt_strerror(error));
    h->events = events;
    h->last = -1;
    return h;
}

/* Takes what is there; true if it was anything. */
static bool take(struct hall *h)
{
    uint32_t n = takt__waiting_take(h->w, 2);
    for (uint32_t i = 0; i < n; i++) {
        const struct event *e = takt__waiting_at(h->w, i);
        sim_check(e->number == e->again, "event %lld is torn: %lld", (long long)e->number,
                  (long long)e->again);
        sim_check(e->number > h->last, "event %lld after %lld", (long long)e->number,
                  (long long)h->last);
        h->last = e->number;
    }
    h->taken += n;
    if (n)
        takt__waiting_give_back(h->w, n);
    return n > 0;
}

static void produce(struct hall *h, uint32_t at_once)
{
    for (int64_t number = 0; number < h->events;) {
        takt_batch b;
        takt__waiting_claim(h->w, &b, at_once);
        sim_check(b.count == at_once, "%u slots", b.count);
        uint32_t used = h->events - number < at_once ? (uint32_t)(h->events - number) : at_once;
        for (uint32_t i = 0; i < used; i++)
            *(struct event *)takt_batch_at(&b, i) = (struct event){number + i, number + i};
        takt__waiting_put(h->w, used);
        number += used;
    }
}

static void check_books(struct hall *h)
{
    while (take(h))
        ;
    int64_t dropped = takt__ld64_rlx(&h->w->dropped);
    sim_check(h->taken + dropped == h->events, "%lld taken and %lld dropped of %lld",
              (long long)h->taken, (long long)dropped, (long long)h->events);
    sim_check(h->last == h->events - 1, "the newest was dropped");
    sim_check(takt__waiting_count(h->w) == 0, "somebody waits");
    takt__waiting_destroy(h->w);
}

/* Takes turns with another taker. */
struct taker {
    struct hall *hall;
    uint32_t turn;
};

static void take_turns(void *context)
{
    struct taker *t = context;
    struct hall *h = t->hall;
    for (int i = 0; i < 2; i++) {
        if (takt__ld32_acq(&h->turn) != t->turn) { /* acquire [pairs: hall-turn] */
            sim_give_way();
            continue;
        }
        take(h);
        takt__st32_rel(&h->turn, (t->turn + 1) % h->takers); /* release [pairs: hall-turn] */
    }
}

static void run(int64_t events, int64_t room, uint32_t at_once, uint32_t takers)
{
    struct hall *h = open_hall(events, room, at_once);
    struct taker *t = sim_memory(2 * sizeof *t);
    int fibres[2];
    h->takers = takers;
    for (uint32_t i = 0; i < takers; i++) {
        t[i] = (struct taker){h, i};
        fibres[i] = sim_start(i ? "taker 2" : "taker 1", take_turns, &t[i]);
    }
    produce(h, at_once);
    for (uint32_t i = 0; i < takers; i++)
        sim_join(fibres[i]);
    check_books(h);
}

static void waiting_one(void *unused)
{
    (void)unused;
    run(5, 1, 1, 1); /* more than there are slots */
}

static void waiting_batches(void *unused)
{
    (void)unused;
    run(10, 2, 2, 1);
}

static void waiting_turns(void *unused)
{
    (void)unused;
    run(5, 2, 1, 2);
}

struct line {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    int64_t last, arrived;
};

static int on_event(void *context, takt_batch *b)
{
    struct line *l = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        sim_check(e->number == e->again && e->number > l->last, "event %lld after %lld",
                  (long long)e->number, (long long)l->last);
        l->last = e->number;
        l->arrived++;
    }
    return 0;
}

static struct line *begin(uint32_t workers)
{
    struct line *l = sim_memory(sizeof *l);
    l->last = -1;
    l->runtime = LINE_RUNTIME(.workers = workers, .cores = workers);
    l->pipeline = LINE_PIPELINE(l->runtime, .event_size = sizeof(struct event), .capacity = 2,
                                .overload = TAKT_OVERLOAD_DROP_OLDEST, .waiting = 2);
    line_stage(l->pipeline, TAKT_STAGE(.handler = on_event, .context = l, .shards_max = 1));
    line_start(l->pipeline);
    return l;
}

static void offer(struct line *l, int64_t from, int64_t to)
{
    for (int64_t number = from; number < to; number++) {
        int result = takt_source_offer(l->pipeline, &(struct event){number, number}, TAKT_NOW);
        sim_check(result == 0, "not taken: %d", result);
    }
}

/* All that was offered has arrived or was dropped, and the newest has arrived. */
static void check_line(const struct line *l, int64_t offered)
{
    takt_source_stats stats;
    takt_source_get_stats(l->pipeline, &stats);
    sim_check(stats.waiting == 0 && l->arrived + stats.dropped_oldest == offered,
              "%lld arrived, %lld dropped and %lld waiting of %lld", (long long)l->arrived,
              (long long)stats.dropped_oldest, (long long)stats.waiting, (long long)offered);
    sim_check(l->last == offered - 1, "the newest has not arrived");
}

static void end(struct line *l, int64_t offered)
{
    takt_pipeline_close(l->pipeline);
    line_ends_with(l->pipeline, 0);
    check_line(l, offered);
    takt_pipeline_destroy(l->pipeline);
    takt_runtime_destroy(l->runtime);
}

static void waiting_line(void *unused)
{
    (void)unused;
    struct line *l = begin(1);
    offer(l, 0, 6);
    end(l, 6);
}

static void waiting_line_two(void *unused)
{
    (void)unused;
    struct line *l = begin(2);
    offer(l, 0, 6);
    end(l, 6);
}

/* While it is drained, and stopped, the caller is alone. */
static void waiting_stop(void *unused)
{
    (void)unused;
    struct line *l = begin(1);
    offer(l, 0, 3);
    int64_t left = takt_pipeline_drain(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld are left", (long long)left);
    check_line(l, 3);
    offer(l, 3, 5);
    left = takt_pipeline_stop(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld are left", (long long)left);
    check_line(l, 5);
    line_start(l->pipeline);
    offer(l, 5, 7);
    end(l, 7);
}

/* Stages are added while nobody looks. */
static void waiting_grow(void *unused)
{
    (void)unused;
    struct line *l = begin(2);
    struct line *late = sim_memory(sizeof *late);
    late->last = -1;
    offer(l, 0, 2);
    int64_t left = takt_pipeline_stop(l->pipeline, TAKT_FOREVER);
    sim_check(left == 0, "%lld are left", (long long)left);
    line_stage(l->pipeline, TAKT_STAGE(.handler = on_event, .context = late, .shards_max = 1));
    line_start(l->pipeline);
    int64_t before = l->arrived;
    offer(l, 2, 4);
    takt_pipeline_close(l->pipeline);
    takt_pipeline_wait(l->pipeline, TAKT_FOREVER);
    sim_check(late->arrived == l->arrived - before, "%lld of %lld arrived at the new stage",
              (long long)late->arrived, (long long)(l->arrived - before));
    end(l, 4);
}

const struct sim_case sim_waiting_cases[] = {
    {"waiting_one", "room for one, one taker", waiting_one, 4, 12, false, false},
    {"waiting_batches", "two at once, room for two", waiting_batches, 3, 16, false, false},
    {"waiting_turns", "two takers that take turns", waiting_turns, 2, 16, false, false},
    {"waiting_line", "a pipeline that drops its oldest", waiting_line, 0, 10, false, false},
    {"waiting_line_two", "the same with two workers", waiting_line_two, 0, 8, false, false},
    {"waiting_stop", "drained, stopped and started again", waiting_stop, 0, 8, false, false},
    {"waiting_grow", "stopped, and a stage added", waiting_grow, 0, 4, false, false},
    {0},
};
