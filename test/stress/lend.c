/* SPDX-License-Identifier: MIT */
/*
 * Threads that lend themselves to a runtime at random, for a look, for a moment, until they are
 * called back, beside workers or without any, while pipelines of random weights run to their end,
 * are drained, divided anew, halted and destroyed.
 *
 * Each event is numbered, and each stage makes a number of the one that the stage before has left,
 * so the sum that the last stage has of it tells whether every event has passed every stage once;
 * the last stage sees the order too.
 */
#include <pthread.h>
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define LENDERS     3
#define PIPELINES   3
#define EVENTS      20000
#define DEADLINE_NS INT64_C(60000000000)

struct event {
    int64_t number;
    uint64_t mixed;
};

struct line {
    takt_pipeline *pipeline;
    takt_stage *divided;
    int64_t total, made; /* total -1: no end */
    int64_t arrived, disorder;
    uint64_t sum;
};

struct lender {
    pthread_t thread;
    takt_runtime *runtime;
    struct rng rng;
    int64_t handled, calls, refused; /* refused: any answer that it must not get */
    int64_t *quit;
};

static uint64_t mix(uint64_t x, uint64_t by)
{
    return (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u + by;
}

static uint64_t expected_sum(int64_t events)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < events; i++)
        sum += mix(mix((uint64_t)i, 1), 2) ^ (uint64_t)i;
    return sum;
}

static int on_source(void *context, takt_batch *b)
{
    struct line *l = context;
    uint32_t n = 0;
    for (; n < b->count && l->made != l->total; n++) {
        struct event *e = takt_batch_at(b, n);
        *e = (struct event){l->made, (uint64_t)l->made};
        l->made++;
    }
    b->count = n;
    return l->made == l->total ? TAKT_END : 0;
}

static int on_first(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->mixed = mix(e->mixed, 1);
    }
    return 0;
}

static int on_second(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->mixed = mix(e->mixed, 2);
    }
    return 0;
}

static int on_last(void *context, takt_batch *b)
{
    struct line *l = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct event *e = takt_batch_at(b, i);
        l->disorder += e->number != l->arrived;
        l->sum += e->mixed ^ (uint64_t)e->number;
        takt__store_release(&l->arrived, l->arrived + 1);
    }
    return 0;
}

static takt_stage *add(struct line *l, takt_stage *after, takt_handler handler, uint32_t most)
{
    takt_stage *stage = NULL;
    takt_pipeline_add_stage(l->pipeline, &stage,
                            TAKT_STAGE(.handler = handler, .context = l, .after = &after,
                                       .after_count = after != NULL, .shards_max = most,
                                       .block = 4));
    return stage;
}

/* `total`: of a source; -2: the caller is the producer. */
static void begin(struct line *l, takt_runtime *runtime, struct rng *rng, int64_t total)
{
    takt_stage *source = NULL;
    *l = (struct line){.total = total};
    takt_pipeline_create(&l->pipeline, runtime,
                         TAKT_PIPELINE(.event_size = sizeof(struct event), .capacity = 256,
                                       .weight = rng_between(rng, 1, 1000) / 100.0));
    if (total != -2)
        takt_pipeline_add_source(l->pipeline, &source,
                                 TAKT_STAGE(.handler = on_source, .context = l));
    l->divided = add(l, source, on_first, 8);
    add(l, add(l, l->divided, on_second, 8), on_last, 1);
    takt_pipeline_start(l->pipeline);
}

static bool is_right(const struct line *l, int64_t events)
{
    return l->arrived == events && l->disorder == 0 && l->sum == expected_sum(events);
}

static void sleep_up_to(struct rng *rng, uint32_t ns)
{
    struct timespec t = {0, (long)rng_below(rng, ns)};
    nanosleep(&t, NULL);
}

/* A look, a moment, or until somebody calls; and something else in between. */
static void *lend(void *argument)
{
    struct lender *lender = argument;
    struct rng *rng = &lender->rng;
    while (!takt__load_acquire(lender->quit)) {
        int64_t until = TAKT_NOW;
        switch (rng_below(rng, 4)) {
        case 0: until = takt_after(rng_below(rng, 100000)); break;
        case 1: until = takt_after(rng_below(rng, 2000000)); break;
        case 2: until = TAKT_FOREVER; break;
        }
        int64_t result = takt_runtime_help(lender->runtime, until);
        lender->refused += result < 0;
        lender->handled += result > 0 ? result : 0;
        lender->calls++;
        if (rng_below(rng, 3) == 0)
            sleep_up_to(rng, 50000);
    }
    return NULL;
}

/* A runtime and its lenders. */
struct house {
    takt_runtime *runtime;
    struct lender lenders[LENDERS];
    int64_t quit;
};

static void open_house(struct house *house, uint32_t workers, uint64_t seed)
{
    *house = (struct house){0};
    takt_runtime_create(&house->runtime,
                        TAKT_RUNTIME(.workers = workers ? workers : TAKT_NO_WORKERS,
                                     .helpers = LENDERS, .tick_ns = 500000));
    for (int i = 0; i < LENDERS; i++) {
        house->lenders[i] = (struct lender){
            .runtime = house->runtime, .rng = {seed * LENDERS + (uint64_t)i}, .quit = &house->quit};
        pthread_create(&house->lenders[i].thread, NULL, lend, &house->lenders[i]);
    }
}

/* Sends the lenders home; true if they were never refused. What they have handled in all. */
static bool close_house(struct house *house, int64_t *handled)
{
    bool good = true;
    takt__store_release(&house->quit, 1);
    for (int i = 0; i < LENDERS; i++) {
        /* One may be about to begin once more. */
        while (pthread_tryjoin_np(house->lenders[i].thread, NULL) != 0) {
            struct timespec t = {0, 100000};
            takt_runtime_recall(house->runtime);
            nanosleep(&t, NULL);
        }
        good &= house->lenders[i].refused == 0 && house->lenders[i].calls > 0;
        *handled += house->lenders[i].handled;
    }
    takt_runtime_destroy(house->runtime);
    return good;
}

/* Several pipelines at once, divided anew on the way, run to their end. */
static bool run_to_the_end(takt_runtime *runtime, struct rng *rng)
{
    struct line lines[PIPELINES];
    bool good = true;
    for (int i = 0; i < PIPELINES; i++)
        begin(&lines[i], runtime, rng, rng_between(rng, 1, EVENTS));
    for (int i = 0; i < 4; i++) {
        takt_stage_set_shards(lines[rng_below(rng, PIPELINES)].divided, rng_between(rng, 1, 8));
        if (rng_below(rng, 2))
            takt_runtime_recall(runtime);
        sleep_up_to(rng, 200000);
    }
    for (int i = 0; i < PIPELINES; i++) {
        good &= takt_pipeline_wait(lines[i].pipeline, takt_after(DEADLINE_NS)) == 0;
        good &= is_right(&lines[i], lines[i].total);
    }
    for (int i = 0; i < PIPELINES; i++)
        takt_pipeline_destroy(lines[i].pipeline);
    return good;
}

/* Drained again and again, gone on with, and taken down in the middle. */
static bool cut_short(takt_runtime *runtime, struct rng *rng)
{
    struct line lines[PIPELINES];
    bool good = true;
    for (int i = 0; i < PIPELINES; i++)
        begin(&lines[i], runtime, rng, -1);
    for (int i = 0; i < PIPELINES; i++) {
        struct line *l = &lines[i];
        sleep_up_to(rng, 300000);
        for (uint32_t k = rng_below(rng, 3); k > 0; k--) {
            good &= takt_pipeline_drain(l->pipeline, takt_after(DEADLINE_NS)) == 0;
            good &= is_right(l, takt_ring_cursor(takt_pipeline_ring(l->pipeline)) + 1);
            takt_pipeline_resume(l->pipeline);
        }
        if (rng_below(rng, 2))
            takt_pipeline_halt(l->pipeline);
        takt_pipeline_destroy(l->pipeline);
        good &= l->disorder == 0 && l->sum == expected_sum(l->arrived);
    }
    return good;
}

/* Events come one by one, and each must get through although whoever was woken may have left. */
static bool one_by_one(takt_runtime *runtime, struct rng *rng, long events)
{
    struct line line;
    begin(&line, runtime, rng, -2);
    takt_ring *ring = takt_pipeline_ring(line.pipeline);
    bool good = true;
    for (int64_t i = 0; i < events && good; i++) {
        int64_t s = takt_ring_next(ring, 1);
        *(struct event *)takt_ring_at(ring, s) = (struct event){s, (uint64_t)s};
        takt_ring_publish(ring, s);
        int64_t deadline = takt_after(DEADLINE_NS);
        while (takt__load_acquire(&line.arrived) <= i && takt_now() < deadline)
            sched_yield();
        good = takt__load_acquire(&line.arrived) == i + 1;
        if (rng_below(rng, 3) == 0)
            sleep_up_to(rng, 60000);
        if (rng_below(rng, 8) == 0)
            takt_runtime_recall(runtime);
    }
    takt_pipeline_close(line.pipeline);
    good &= takt_pipeline_wait(line.pipeline, takt_after(DEADLINE_NS)) == 0;
    good &= is_right(&line, events);
    takt_pipeline_destroy(line.pipeline);
    return good;
}

static void *stay(void *argument)
{
    struct lender *lender = argument;
    lender->handled = takt_runtime_help(lender->runtime, TAKT_FOREVER);
    return NULL;
}

/* The runtime is destroyed under its helpers, at work or asleep. */
static bool end_under_helpers(struct rng *rng)
{
    struct lender lenders[LENDERS];
    takt_runtime *runtime;
    bool good = true;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = TAKT_NO_WORKERS, .helpers = LENDERS));
    for (int i = 0; i < LENDERS; i++) {
        lenders[i] = (struct lender){.runtime = runtime};
        pthread_create(&lenders[i].thread, NULL, stay, &lenders[i]);
    }
    struct line line;
    begin(&line, runtime, rng, -1);
    takt_counters_worker w[LENDERS];
    for (int i = 0; i < LENDERS; i++) /* no helper may begin while the runtime ends */
        while (takt_runtime_snapshot(runtime, w, LENDERS) && !w[i].present)
            sched_yield();
    sleep_up_to(rng, 100000);
    takt_pipeline_destroy(line.pipeline);
    sleep_up_to(rng, 100000);
    takt_runtime_destroy(runtime);
    for (int i = 0; i < LENDERS; i++) {
        pthread_join(lenders[i].thread, NULL);
        good &= lenders[i].handled == TAKT_EHALTED;
    }
    return good;
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 40);
    struct rng rng = {1};
    for (uint32_t workers = 0; workers <= 2; workers++) {
        struct house house;
        bool ended = true, cut = true;
        int64_t handled = 0;
        open_house(&house, workers, workers);
        for (long i = 0; i < rounds && ended; i++)
            ended = run_to_the_end(house.runtime, &rng);
        ok(ended, "%u workers and %d lenders: %d pipelines at once come to their end, %ld times",
           workers, LENDERS, PIPELINES, rounds);
        for (long i = 0; i < rounds && cut; i++)
            cut = cut_short(house.runtime, &rng);
        ok(cut, "they are drained, halted and destroyed, %ld times", rounds);
        ok(one_by_one(house.runtime, &rng, rounds * 50), "no event of %ld is slept through",
           rounds * 50);
        ok(close_house(&house, &handled), "nobody was refused");
        ok(handled > 0, "lenders have handled %lld events", (long long)handled);
    }
    bool good = true;
    for (long i = 0; i < rounds && good; i++)
        good = end_under_helpers(&rng);
    ok(good, "a runtime ends under %d helpers, %ld times", LENDERS, rounds);
    return done();
}
