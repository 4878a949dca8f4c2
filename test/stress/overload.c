/* SPDX-License-Identifier: MIT */
/*
 * Overload at full speed: a producer offers more than the stages can take, in bursts and with
 * pauses, to pipelines of each choice (takt/source.h), with re-divisions, drains and stops going
 * on. Every event must be accounted for exactly once, the rest must come in order through divided,
 * keyed and serial stages alike, and what is kept must be what the choice says.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define DEADLINE_NS INT64_C(100000000000)
#define KEYS        7
#define CAPACITY    64
#define ROOM        32

struct event {
    int64_t number;
    int64_t key;
    int64_t marks;
};

struct world {
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *divided, *keyed;
    enum takt_overload choice;
    struct rng rng;
    int64_t offered, told; /* by the producer; and what it was told of each */
    int64_t dropped;
    int64_t events; /* how many it is to offer */
    struct {
        TAKT_ALIGNED int64_t last; /* the number of the last event of the key */
    } keys[KEYS];
    int64_t last, handled, wrong; /* the last stage's */
    int64_t wrong_key;
    int64_t mistakes;   /* the main thread's */
    int64_t added_seen; /* by stages added on the way */
};

static void nap(int64_t ns)
{
    struct timespec t = {0, (long)ns};
    nanosleep(&t, NULL);
}

static int on_divided(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->marks = 3 * e->number;
    }
    return 0;
}

static int on_keyed(void *context, takt_batch *b)
{
    struct world *w = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        int64_t *last = &w->keys[e->key].last;
        if (*last >= e->number || e->marks != 3 * e->number)
            __atomic_add_fetch(&w->wrong_key, 1, __ATOMIC_RELAXED);
        *last = e->number;
        e->marks++;
    }
    return 0;
}

static int on_last(void *context, takt_batch *b)
{
    struct world *w = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        w->wrong += e->number <= w->last || e->marks != 3 * e->number + 1;
        w->last = e->number;
        w->handled++;
    }
    if (b->count % 5 == 0)
        nap(1000); /* so that the ring is full now and then */
    return 0;
}

static int on_added(void *context, takt_batch *b)
{
    *(int64_t *)context += b->count;
    return 0;
}

/* Fills as many of the batch's slots as there are events left, and not always all. */
static uint32_t fill(struct world *w, takt_batch *b)
{
    uint32_t n = rng_below(&w->rng, b->count + 1);
    if (n > w->events - w->offered)
        n = (uint32_t)(w->events - w->offered);
    for (uint32_t i = 0; i < n; i++) {
        int64_t number = w->offered + i;
        int64_t key = (int64_t)rng_below(&w->rng, KEYS);
        *(struct event *)takt_batch_at(b, i) = (struct event){number, key, -1};
        takt_batch_set_key(b, i, (uint64_t)key);
    }
    return n;
}

static int on_source(void *context, takt_batch *b)
{
    struct world *w = context;
    b->count = fill(w, b);
    w->offered += b->count;
    return w->offered == w->events ? TAKT_END : 0;
}

static void *produce(void *context)
{
    struct world *w = context;
    int64_t deadline = takt_after(DEADLINE_NS);
    while (w->offered < w->events) {
        takt_batch b;
        int result = takt_source_claim(w->pipeline, &b, rng_between(&w->rng, 1, 9), deadline);
        if (result == TAKT_EFULL) {
            sched_yield(); /* its count is looked at below */
            continue;
        } else if (result < 0) {
            w->told = result;
            return NULL;
        }
        b.count = fill(w, &b);
        takt_source_publish(w->pipeline, &b);
        w->offered += b.count;
        w->dropped += result == TAKT_DROPPED ? b.count : 0;
        if (rng_below(&w->rng, 200) == 0)
            nap(rng_below(&w->rng, 50000));
    }
    takt_pipeline_close(w->pipeline);
    return NULL;
}

static void add(struct world *w, takt_stage **stage, takt_stage_options options)
{
    options.size = sizeof options;
    if (takt_pipeline_add_stage(w->pipeline, stage, &options) < 0)
        w->mistakes++;
}

static void begin(struct world *w, takt_runtime *runtime, enum takt_overload choice, bool source,
                  int64_t events, uint64_t seed)
{
    *w = (struct world){.runtime = runtime, .choice = choice, .events = events, .last = -1};
    w->rng.state = seed;
    for (int i = 0; i < KEYS; i++)
        w->keys[i].last = -1;
    takt_pipeline_create(&w->pipeline, runtime,
                         TAKT_PIPELINE(.event_size = sizeof(struct event), .capacity = CAPACITY,
                                       .overload = choice,
                                       .waiting = choice == TAKT_OVERLOAD_DROP_OLDEST ? ROOM : 0));
    if (source)
        takt_pipeline_add_source(w->pipeline, NULL, TAKT_STAGE(.handler = on_source, .context = w));
    add(w, &w->divided, (takt_stage_options){.handler = on_divided, .shards = 2, .block = 2});
    add(w, &w->keyed,
        (takt_stage_options){.handler = on_keyed,
                             .context = w,
                             .after = &w->divided,
                             .after_count = 1,
                             .shards = 2,
                             .stored_key = true});
    add(w, NULL,
        (takt_stage_options){.handler = on_last,
                             .context = w,
                             .after = &w->keyed,
                             .after_count = 1,
                             .shards_max = 1});
    w->mistakes += takt_pipeline_start(w->pipeline) < 0;
}

/* Asks for widths while events flow, until the pipeline has ended. */
static int redivide_until_the_end(struct world *w, struct rng *rng)
{
    int64_t deadline = takt_after(DEADLINE_NS);
    int result;
    do {
        takt_stage_set_shards(w->divided, rng_between(rng, 1, 5));
        takt_stage_set_shards(w->keyed, rng_between(rng, 1, 5));
        result = takt_pipeline_wait(w->pipeline, takt_after(200000));
    } while (result == TAKT_ETIMEDOUT && takt_now() < deadline);
    return result;
}

static bool balances(const struct world *w, int result)
{
    takt_source_stats s;
    takt_source_get_stats(w->pipeline, &s);
    bool good = result == 0 && w->told == 0 && w->wrong == 0 && w->wrong_key == 0 &&
                w->mistakes == 0 && w->offered == w->events && s.waiting == 0 &&
                s.published == w->handled &&
                s.published + s.dropped_newest + s.dropped_oldest == w->offered;
    if (w->choice == TAKT_OVERLOAD_BLOCK || w->choice == TAKT_OVERLOAD_FAIL)
        good &= w->handled == w->offered;
    if (w->choice == TAKT_OVERLOAD_DROP_OLDEST)
        good &= w->last == w->events - 1;
    if (!good)
        printf("# result %d, told %ld, wrong %ld, wrong keys %ld, offered %ld, handled %ld, "
               "published %ld, newest %ld, oldest %ld, waiting %ld, last %ld\n",
               result, (long)w->told, (long)w->wrong, (long)w->wrong_key, (long)w->offered,
               (long)w->handled, (long)s.published, (long)s.dropped_newest, (long)s.dropped_oldest,
               (long)s.waiting, (long)w->last);
    return good;
}

static bool outside(takt_runtime *runtime, enum takt_overload choice, int64_t events, uint64_t seed,
                    int64_t *lost)
{
    struct world w;
    pthread_t thread;
    struct rng rng = {seed};
    takt_source_stats s;
    begin(&w, runtime, choice, false, events, seed);
    pthread_create(&thread, NULL, produce, &w);
    int result = redivide_until_the_end(&w, &rng);
    pthread_join(thread, NULL);
    bool good = balances(&w, result);
    takt_source_get_stats(w.pipeline, &s);
    good &= s.dropped_newest == w.dropped;
    *lost += s.refused + s.dropped_newest + s.dropped_oldest;
    takt_pipeline_destroy(w.pipeline);
    return good;
}

/* A source stage, which is drained, and stopped, and given another stage, on its way. */
static bool inside(takt_runtime *runtime, enum takt_overload choice, int64_t events, uint64_t seed,
                   int64_t *lost)
{
    struct world w;
    struct rng rng = {seed};
    takt_source_stats s;
    begin(&w, runtime, choice, true, events, seed);
    bool good = true;
    int64_t before = 0;
    bool added = false;
    for (int i = 0; i < 4 && good; i++) {
        nap(rng_below(&rng, 300000));
        takt_stage_set_shards(w.divided, rng_between(&rng, 1, 5));
        int64_t left = i & 1 ? takt_pipeline_stop(w.pipeline, takt_after(DEADLINE_NS))
                             : takt_pipeline_drain(w.pipeline, takt_after(DEADLINE_NS));
        if (left == TAKT_ESTATE)
            break; /* it has ended already */
        takt_source_get_stats(w.pipeline, &s);
        good &= left == 0 && s.published == w.handled && s.waiting == 0 &&
                s.published + s.dropped_newest + s.dropped_oldest == w.offered;
        if (i == 1) {
            before = w.handled;
            add(&w, NULL,
                (takt_stage_options){.handler = on_added,
                                     .context = &w.added_seen,
                                     .after = &w.keyed,
                                     .after_count = 1,
                                     .shards_max = 1});
            added = true;
        }
        if (i & 1)
            good &= takt_pipeline_start(w.pipeline) == 0;
        else
            takt_pipeline_resume(w.pipeline);
    }
    int result = redivide_until_the_end(&w, &rng);
    good &= balances(&w, result);
    good &= !added || w.added_seen == w.handled - before;
    takt_source_get_stats(w.pipeline, &s);
    *lost += s.dropped_newest + s.dropped_oldest;
    takt_pipeline_destroy(w.pipeline);
    return good;
}

/* Rounds of one choice; the points. What was lost is added to *lost. */
static void try_choice(takt_runtime *runtime, enum takt_overload choice, long rounds, int64_t *lost)
{
    static const char *const names[] = {"block", "fail", "drop the newest", "drop the oldest"};
    uint32_t workers = takt_runtime_workers(runtime);
    bool good = true;
    for (long i = 1; i <= rounds && good; i++)
        good = outside(runtime, choice, 4000, (uint64_t)i, lost);
    ok(good, "%u workers, a thread outside is to %s: all is accounted for", workers, names[choice]);
    if (choice == TAKT_OVERLOAD_FAIL)
        return; /* of a stage: a pipeline that ends, which a unit test looks at */
    for (long i = 1; i <= rounds && good; i++)
        good = inside(runtime, choice, 20000, (uint64_t)i, lost);
    ok(good, "%u workers, a source stage is to %s: all is accounted for", workers, names[choice]);
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 12);
    int64_t lost[TAKT_OVERLOAD_DROP_OLDEST + 1] = {0};
    for (uint32_t workers = 1; workers <= 3; workers++) {
        takt_runtime *runtime;
        if (!ok(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = workers)) == 0,
                "a runtime with %u workers", workers))
            return done();
        for (int choice = TAKT_OVERLOAD_BLOCK; choice <= TAKT_OVERLOAD_DROP_OLDEST; choice++)
            try_choice(runtime, (enum takt_overload)choice, rounds, &lost[choice]);
        takt_runtime_destroy(runtime);
    }
    ok(lost[TAKT_OVERLOAD_BLOCK] == 0, "nothing was lost where the producer waits");
    ok(lost[TAKT_OVERLOAD_FAIL] > 0 && lost[TAKT_OVERLOAD_DROP_NEWEST] > 0 &&
           lost[TAKT_OVERLOAD_DROP_OLDEST] > 0,
       "there was overload: %ld refused, %ld newest and %ld oldest dropped",
       (long)lost[TAKT_OVERLOAD_FAIL], (long)lost[TAKT_OVERLOAD_DROP_NEWEST],
       (long)lost[TAKT_OVERLOAD_DROP_OLDEST]);
    return done();
}
