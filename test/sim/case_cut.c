/* SPDX-License-Identifier: MIT */
/*
 * A stage under a change of its division, as shard/stage.h and shard/cut.h have it, without the
 * scheduler: workers take whatever shard is vacant and step the change, upstream publishes, and
 * downstream looks at the stage's progress. Each event is handled once and seen downstream after
 * that; in a keyed stage a key's events are handled in order, and what the handler keeps for the
 * key is handed over without a race.
 */
#include "cases.h"
#include "disruptor/await.h"
#include "shard/cut.h"
#include "shard/keys.h"

#define CAPACITY   8
#define EVENTS_MAX 8
#define SHARDS_MAX 3
#define KEYS       3

struct event {
    int64_t sequence;
    int64_t handled;
};

/* A handler that takes another one's place; all of it plain. */
struct version {
    struct world *world;
    int64_t made, calls;
    int64_t ended, end; /* how often it was retired, and where */
};

struct world {
    struct event slots[CAPACITY];
    uint32_t keys[CAPACITY];
    takt_sequence upstream;
    const takt_sequence *upstream_member[1];
    struct takt__gate upstream_gate;
    struct takt__stage stage;
    struct takt__shard shards[2 * SHARDS_MAX];
    const takt_sequence *members[2 * SHARDS_MAX];
    int64_t events;
    struct version versions[3];
    int64_t last_of_key[KEYS][16]; /* on lines of their own, as a handler would keep them */
    bool sleeps;                   /* downstream */
};

/* Neighbours have different keys, and each key comes back soon. */
static uint64_t key_of(int64_t sequence)
{
    return (uint64_t)sequence % KEYS;
}

static uint64_t event_key(const void *event)
{
    return key_of(((const struct event *)event)->sequence);
}

static int handle(void *context, takt_batch *b)
{
    struct world *w = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        sim_check(e->sequence == s, "slot of %lld holds %lld", (long long)s,
                  (long long)e->sequence);
        sim_check(e->handled == 0, "event %lld is handled twice", (long long)s);
        e->handled = 1;
        if (!w->stage.keyed)
            continue;
        int64_t *last = &w->last_of_key[key_of(s)][0];
        sim_check(*last < s, "event %lld of a key after %lld", (long long)s, (long long)*last);
        *last = s;
    }
    return 0;
}

static struct world *set_up(int64_t events, uint32_t width, uint32_t shift, bool keyed, bool stored)
{
    struct world *w = sim_memory(sizeof *w);
    w->events = events;
    takt_sequence_init(&w->upstream, -1);
    w->upstream_member[0] = &w->upstream;
    w->upstream_gate.members = w->upstream_member;
    takt__gate_cover(&w->upstream_gate, 1);
    for (int k = 0; k < KEYS; k++)
        w->last_of_key[k][0] = -1;
    struct takt__stage *stage = &w->stage;
    stage->slots = (unsigned char *)w->slots;
    stage->mask = CAPACITY - 1;
    stage->event_size = sizeof(struct event);
    stage->keys = w->keys;
    stage->keyed = keyed;
    stage->key = keyed && !stored ? event_key : NULL;
    stage->shards_min = 1;
    stage->shards_max = SHARDS_MAX;
    stage->upstream.gate[stage->upstream.count++] = &w->upstream_gate;
    takt__stage_init(stage, TAKT_STAGE(.handler = handle, .context = w), shift, width, w->shards,
                     w->members);
    return w;
}

static void publish(struct world *w, int64_t to)
{
    takt_batch b = {.mask = CAPACITY - 1, .keys = w->keys};
    for (int64_t s = takt_sequence_get(&w->upstream) + 1; s <= to; s++) {
        w->slots[s].sequence = s;
        b.first = s;
        takt_batch_set_key(&b, 0, key_of(s));
    }
    takt_sequence_set(&w->upstream, to);
}

/* Runs one vacant shard that may have something to do; false if there was none. */
static bool run_one(struct world *w, uint32_t worker, uint32_t at)
{
    struct takt__shard *shard = &w->shards[at % (2 * SHARDS_MAX)];
    int64_t progress = takt__shard_progress(shard);
    if (progress == TAKT_SEQUENCE_GONE || takt__ld32_rlx(&shard->wanted) ||
        progress + 1 >= takt__stage_available(&w->stage) || !takt__shard_take(shard, worker))
        return false;
    uint32_t picks[CAPACITY];
    struct takt__run run;
    takt__shard_run(&w->stage, shard, 2, picks, &run);
    takt__shard_leave(shard);
    return run.worked;
}

static bool is_over(struct world *w)
{
    return takt__stage_done(&w->stage) >= w->events - 1 && !takt__cut_pending(&w->stage);
}

static void work(struct world *w, uint32_t worker)
{
    while (!is_over(w)) {
        bool worked = false;
        if (takt__cut_pending(&w->stage))
            takt__cut_step(&w->stage);
        for (uint32_t i = 0; i < 2 * SHARDS_MAX; i++)
            worked |= run_one(w, worker, i + worker);
        if (!worked)
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

/* What a later stage would do: everything up to the stage's progress is done and can be read. */
static void look(struct world *w, int64_t *before)
{
    int64_t done = takt__stage_done(&w->stage);
    sim_check(done >= *before, "the stage's progress fell from %lld to %lld", (long long)*before,
              (long long)done);
    for (int64_t s = *before + 1; s <= done && s < w->events; s++)
        sim_check(w->slots[s].handled == 1, "progress passed event %lld, which is not handled",
                  (long long)s);
    *before = done;
}

static void watch(void *context)
{
    struct world *w = context;
    for (int64_t done = -1; done < w->events - 1; sim_give_way())
        look(w, &done);
}

/* The same by waiting at the stage's gate, as a producer does for the last stage. */
static void await_all(void *context)
{
    struct world *w = context;
    const struct takt__gates gates = {.count = 1, .gate = {&w->stage.gate}};
    int64_t done = -1;
    while (done < w->events - 1) {
        struct takt__await what = {.gates = &gates, .wanted = done + 1, .deadline = TAKT_FOREVER};
        int64_t found = takt__await(&what, &(takt_wait){.kind = TAKT_WAIT_BLOCK, .spins = 1});
        sim_check(found > done, "the wait found %lld", (long long)found);
        look(w, &done);
    }
}

/* Upstream publishes, and asks for other widths on the way. */
static void change(struct world *w, uint32_t workers, uint32_t first, uint32_t second)
{
    int fibres[3];
    uint32_t n = 0;
    fibres[n++] = sim_start("worker 1", work_first, w);
    if (workers > 1)
        fibres[n++] = sim_start("worker 2", work_second, w);
    fibres[n++] = sim_start("downstream", w->sleeps ? await_all : watch, w);
    int64_t third = (w->events + 2) / 3;
    publish(w, third - 1);
    takt__cut_request(&w->stage, first);
    publish(w, 2 * third - 1);
    if (second)
        takt__cut_request(&w->stage, second);
    publish(w, w->events - 1);
    for (uint32_t i = 0; i < n; i++)
        sim_join(fibres[i]);
    int64_t before = -1;
    look(w, &before);
    sim_check(before == w->events - 1, "the stage ends at %lld", (long long)before);
    uint32_t last = second ? second : first;
    sim_check(takt__division_shards(&w->stage.division[w->stage.current]) == last,
              "the change to %u shards has not come to an end", last);
}

static void cut_grow(void *unused)
{
    (void)unused;
    change(set_up(4, 2, 0, false, false), 1, 3, 0);
}

static void cut_shrink(void *unused)
{
    (void)unused;
    change(set_up(4, 3, 0, false, false), 1, 2, 0);
}

static void cut_two_workers(void *unused)
{
    (void)unused;
    change(set_up(4, 1, 1, false, false), 2, 2, 0);
}

static void cut_there_and_back(void *unused)
{
    (void)unused;
    change(set_up(6, 2, 0, false, false), 2, 3, 2);
}

static void cut_keyed(void *unused)
{
    (void)unused;
    change(set_up(4, 1, 0, true, false), 2, 2, 0);
}

static void cut_keyed_back(void *unused)
{
    (void)unused;
    change(set_up(8, 2, 0, true, false), 2, 3, 2);
}

static void cut_stored(void *unused)
{
    (void)unused;
    change(set_up(6, 2, 0, true, true), 2, 3, 2);
}

static void cut_awaited(void *unused)
{
    (void)unused;
    struct world *w = set_up(4, 2, 0, false, false);
    w->sleeps = true;
    change(w, 1, 3, 0);
}

static int handle_version(void *context, takt_batch *b)
{
    struct version *v = context;
    sim_check(v->made == 7, "a handler is called before it was made");
    sim_check(v->ended == 0, "a handler is called after its end");
    v->calls++;
    return handle(v->world, b);
}

static void on_retired(void *context, int64_t end)
{
    struct version *v = context;
    v->ended++;
    v->end = end;
}

static struct takt__code code_of(struct world *w, int number)
{
    struct version *v = &w->versions[number];
    v->world = w;
    v->made = 7;
    return (struct takt__code){.handler = handle_version, .context = v, .on_retired = on_retired};
}

/* Asks, and steps the change until nothing is asked for: who was there before has ended. */
static void replace(struct world *w, int number)
{
    struct takt__code code = code_of(w, number);
    takt__cut_replace(&w->stage, &code);
    while (!takt__cut_settled(&w->stage)) {
        takt__cut_step(&w->stage);
        sim_give_way();
    }
    sim_check(w->versions[0].ended == 1, "the first handler has not ended");
    sim_check(w->versions[0].end >= 0 && w->versions[0].end <= w->events, "it ended at %lld",
              (long long)w->versions[0].end);
}

static void replace_first(void *context)
{
    replace(context, 1);
}

static void replace_second(void *context)
{
    replace(context, 2);
}

/* Serial: the handlers' own fields show that no two of them are called at once. */
static void cut_replace(void *unused)
{
    (void)unused;
    struct world *w = set_up(4, 1, 0, false, false);
    w->stage.ordered = true;
    w->stage.division[0].code = code_of(w, 0);
    int worker = sim_start("worker 1", work_first, w);
    int first = sim_start("asker 1", replace_first, w);
    int second = sim_start("asker 2", replace_second, w);
    publish(w, 1);
    publish(w, 3);
    sim_join(first);
    sim_join(second);
    sim_join(worker);
    takt__cut_retire(&w->stage);
    int64_t unheard = 0;
    for (int i = 0; i < 3; i++) {
        const struct version *v = &w->versions[i];
        sim_check(v->ended == 1, "handler %d was retired %lld times", i, (long long)v->ended);
        unheard += v->end == TAKT_SEQUENCE_INITIAL;
        sim_check(v->end != TAKT_SEQUENCE_INITIAL || v->calls == 0, "a handler never wanted");
    }
    sim_check(unheard <= 1, "both replacements were given up");
}

/* The changes that are complete, as the trace reads them. */
static void read_notes(void *context)
{
    struct world *w = context;
    int64_t seen = 0, ended_before = 0;
    while (seen < 2) {
        int64_t noted = takt__ld64_acq(&w->stage.cuts_noted);
        for (; seen < noted; seen++) {
            const struct takt__cut_note *note = &w->stage.cuts[seen];
            int64_t began = takt__ld64_acq(&note->began_ns),
                    ended = takt__ld64_acq(&note->ended_ns);
            int64_t widths = takt__ld64_acq(&note->widths);
            sim_check(began >= ended_before && began > 0 && ended >= began && widths > 0,
                      "change %lld is noted from %lld to %lld", (long long)seen, (long long)began,
                      (long long)ended);
            ended_before = ended;
        }
        sim_give_way();
    }
}

/* Two changes of a stage without events, stepped here. */
static void cut_notes(void *unused)
{
    (void)unused;
    struct world *w = set_up(1, 1, 0, false, false);
    int reader = sim_start("reader", read_notes, w);
    for (uint32_t shards = 2; shards > 0; shards--) {
        takt__cut_request(&w->stage, shards);
        while (takt__cut_pending(&w->stage))
            takt__cut_step(&w->stage);
    }
    sim_join(reader);
}

static void fail_first(void *context)
{
    struct world *w = context;
    struct takt__shard *shard = &w->shards[0];
    uint32_t picks[CAPACITY];
    struct takt__run run;
    while (!takt__shard_take(shard, 1))
        sim_give_way();
    takt__shard_run(&w->stage, shard, 2, picks, &run);
    sim_check(run.code < 0, "the handler has not failed");
    takt__st32_rel(&shard->owner, TAKT__FAILED);
}

static int fail(void *context, takt_batch *b)
{
    (void)context;
    return takt_batch_fail(b, 0, TAKT_EUSER);
}

/* A change that finds a shard whose handler has failed does not wait for it to be given up. */
static void cut_failed(void *unused)
{
    (void)unused;
    struct world *w = set_up(2, 2, 0, false, false);
    w->stage.division[0].code.handler = fail;
    publish(w, 1);
    int worker = sim_start("worker", fail_first, w);
    takt__cut_request(&w->stage, 1);
    while (takt__ld32_rlx(&w->stage.current) == 0) {
        takt__cut_step(&w->stage);
        sim_give_way();
    }
    sim_join(worker);
    sim_check(w->stage.change.cut >= 1, "the cut lies below the event that failed");
}

const struct sim_case sim_cut_cases[] = {
    {"cut_grow", "2 to 3 shards, one worker", cut_grow, 2, 45, false, false},
    {"cut_shrink", "3 to 2 shards, one worker", cut_shrink, 2, 45, false, false},
    {"cut_two_workers", "1 to 2 shards, two workers", cut_two_workers, 1, 60, false, false},
    {"cut_there_and_back", "2 to 3 to 2 shards, two workers", cut_there_and_back, 1, 60, false,
     false},
    {"cut_keyed", "1 to 2 shards by key", cut_keyed, 1, 60, false, false},
    {"cut_keyed_back", "2 to 3 to 2 shards by key", cut_keyed_back, 1, 60, false, false},
    {"cut_stored", "the same by stored keys", cut_stored, 1, 37, false, false},
    {"cut_awaited", "2 to 3 shards, and who waits for them sleeps", cut_awaited, 2, 25, false,
     false},
    {"cut_replace", "two who ask for another handler", cut_replace, 2, 25, false, false},
    {"cut_notes", "what is noted of changes", cut_notes, 2, 10, false, false},
    {"cut_failed", "a change after a handler has failed", cut_failed, 2, 10, false, false},
    {0},
};
