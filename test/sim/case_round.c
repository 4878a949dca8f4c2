/* SPDX-License-Identifier: MIT */
/*
 * A stage under a change of its division in a ring that goes round: a producer that has to wait for
 * room, two workers who take whatever shard is furthest behind, and the stage after, whose progress
 * makes the room. Each slot is used again, by old shards and by new ones, so what the producer
 * writes must not meet what a shard still reads.
 *
 * Threads give way between events, and some events take longer. So already the straight schedule
 * has all that there is to a change: a shard that is owned when it is to be visited, one that is
 * beyond the tentative cut by then, old and new shards at work side by side. docs/redivision.svg
 * shows that schedule. It hangs on these turns alone and not on how many accesses the library makes
 * between them.
 */
#include "cases.h"
#include "disruptor/ring.h"
#include "frames.h"
#include "shard/cut.h"

#define CAPACITY   8
#define EVENTS     16
#define AHEAD      4 /* published at once */
#define ASKED_AT   8 /* the event before which more shards are asked for: the ring is full */
#define BATCH      2
#define LONG       5 /* turns of an event that takes longer */
#define SHIFT      1 /* blocks of two */
#define SHARDS_MAX 3

struct event {
    struct sim_slot slot;
    int64_t steps; /* atomic, relaxed: where a handler can be interrupted */
};

struct world {
    takt_ring *ring;
    struct takt__stage stage;
    struct takt__shard shards[2 * SHARDS_MAX];
    const takt_sequence *members[2 * SHARDS_MAX];
    takt_sequence output;
};

/* Two events of the shard that is to be behind. */
static int64_t turns_of(int64_t sequence)
{
    return sequence == 1 || sequence == 4 ? LONG : 1;
}

static int handle(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        sim_check(e->slot.sequence == s, "slot of %lld holds %lld", (long long)s,
                  (long long)e->slot.sequence);
        sim_check(e->slot.handled == 0, "event %lld is handled twice", (long long)s);
        e->slot.handled++;
        e->slot.shard = b->shard;
        e->slot.shards = b->shards;
        sim_frame();
        for (int64_t turn = 1; turn <= turns_of(s); turn++) {
            sim_give_way();
            takt__st64_rlx(&e->steps, turn);
        }
    }
    return 0;
}

static struct world *set_up(void)
{
    struct world *w = sim_memory(sizeof *w);
    int error = takt_ring_create(&w->ring, TAKT_RING(.event_size = sizeof(struct event),
                                                     .capacity = CAPACITY, .alignment = 8,
                                                     .wait = {.kind = TAKT_WAIT_YIELD, .spins = 1},
                                                     .allocator = &sim_allocator));
    sim_check(error == 0, "no ring: %s", takt_strerror(error));
    takt_sequence_init(&w->output, -1);
    error = takt_ring_add_gating(w->ring, &w->output);
    sim_check(error == 0, "no gating sequence: %s", takt_strerror(error));
    for (int64_t s = 0; s < CAPACITY; s++)
        ((struct event *)takt_ring_at(w->ring, s))->slot.sequence = -1;
    struct takt__stage *stage = &w->stage;
    stage->slots = w->ring->slots;
    stage->mask = w->ring->mask;
    stage->event_size = w->ring->event_size;
    stage->shards_min = 1;
    stage->shards_max = SHARDS_MAX;
    stage->upstream.gate[stage->upstream.count++] = &w->ring->hidden->producer;
    takt__stage_init(stage, TAKT_STAGE(.handler = handle, .context = w), SHIFT, 2, w->shards,
                     w->members);
    sim_scene(&(struct sim_scene){w->ring, stage, &w->output, EVENTS});
    return w;
}

static void publish(struct world *w)
{
    int64_t s = takt_ring_next(w->ring, 1);
    *(struct event *)takt_ring_at(w->ring, s) = (struct event){.slot = {.sequence = s}};
    sim_frame();
    takt_ring_publish(w->ring, s);
}

/* The vacant shard that is furthest behind, of those that may have something to do. */
static struct takt__shard *find_shard(struct world *w)
{
    struct takt__shard *best = NULL;
    int64_t least = TAKT_SEQUENCE_GONE, available = takt__stage_available(&w->stage);
    for (uint32_t i = 0; i < 2 * SHARDS_MAX; i++) {
        struct takt__shard *shard = &w->shards[i];
        int64_t progress = takt__shard_progress(shard);
        int64_t cut = takt__ld64_rlx(&shard->division->cut);
        if (progress < least && progress + 1 < (available < cut ? available : cut) &&
            !takt__ld32_rlx(&shard->wanted) && takt__ld32_rlx(&shard->owner) == TAKT__VACANT) {
            best = shard;
            least = progress;
        }
    }
    return best;
}

static bool run_one(struct world *w, uint32_t worker)
{
    struct takt__shard *shard = find_shard(w);
    if (!shard || !takt__shard_take(shard, worker))
        return false;
    uint32_t picks[BATCH];
    struct takt__run run;
    takt__shard_run(&w->stage, shard, BATCH, picks, &run);
    takt__shard_leave(shard);
    return run.worked;
}

static void work(struct world *w, uint32_t worker)
{
    while (takt__stage_done(&w->stage) < EVENTS - 1 || takt__cut_pending(&w->stage)) {
        if (takt__cut_pending(&w->stage))
            takt__cut_step(&w->stage);
        if (!run_one(w, worker))
            sim_give_way();
    }
}

static void work_first(void *context)
{
    work(context, 1);
}

static void work_second(void *context)
{
    work(context, 2);
}

/* Asks for more shards on the way, and is the first changer. */
static void produce(void *context)
{
    struct world *w = context;
    for (int64_t s = 0; s < EVENTS; s++) {
        if (s == ASKED_AT) {
            takt__cut_request(&w->stage, SHARDS_MAX);
            takt__cut_step(&w->stage);
        }
        publish(w);
        if (s % 2 && s >= AHEAD - 1)
            sim_give_way();
    }
}

/* The stage after: what the stage has done can be read, and its slots be used again. */
static void put_out(void *context)
{
    struct world *w = context;
    for (int64_t next = 0; next < EVENTS; sim_give_way()) {
        int64_t done = takt__stage_done(&w->stage);
        sim_check(done >= next - 1, "the stage's progress fell from %lld to %lld",
                  (long long)next - 1, (long long)done);
        for (; next <= done && next < EVENTS; next++) {
            const struct event *e = takt_ring_at(w->ring, next);
            sim_check(e->slot.sequence == next, "slot of %lld holds %lld", (long long)next,
                      (long long)e->slot.sequence);
            sim_check(e->slot.handled == 1, "progress passed event %lld, which is not handled",
                      (long long)next);
        }
        takt_sequence_set(&w->output, next - 1);
    }
}

static void cut_round(void *unused)
{
    (void)unused;
    struct world *w = set_up();
    int fibres[] = {
        sim_start("producer", produce, w),
        sim_start("worker 1", work_first, w),
        sim_start("worker 2", work_second, w),
        sim_start("output", put_out, w),
    };
    for (size_t i = 0; i < sizeof fibres / sizeof fibres[0]; i++)
        sim_join(fibres[i]);
    const struct takt__division *now = &w->stage.division[w->stage.current];
    sim_check(takt__division_shards(now) == SHARDS_MAX, "the change has not come to an end");
    takt_ring_destroy(w->ring);
}

const struct sim_case sim_round_cases[] = {
    {"cut_round", "2 to 3 shards, two workers, a ring that goes round", cut_round, 0, 40, false,
     false},
    {0},
};
