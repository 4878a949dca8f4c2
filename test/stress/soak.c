/* SPDX-License-Identifier: MIT */
/*
 * A long run on real threads: events flow through a stateless stage, a keyed one and a serial one,
 * and every millisecond both of the first two are divided anew. The keyed stage keeps a checksum
 * for each key over the events in the order in which it met them, the serial one a checksum over
 * all of them. Afterwards one thread makes the same checksums in a loop: an event lost, doubled or
 * out of order would change them.
 *
 * TAKT_SOAK_SECONDS: for so long. TAKT_SOAK_EVENTS: until so many have passed, however long.
 */
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define KEYS       251
#define CAPACITY   4096
#define SHARDS_MAX 8
#define WORKERS    3
#define EVERY_NS   1000000
#define FACTOR     0x9e3779b97f4a7c15u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS 10
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SECONDS 10
#endif
#endif
#ifndef SECONDS
#define SECONDS 60
#endif

struct event {
    uint64_t number, value, key, chained;
};

/* The checksums: of each key, and of all events. */
struct sums {
    uint64_t of_key[KEYS];
    uint64_t of_all;
};

struct soak {
    int64_t made, arrived;
    uint32_t stop;
    struct sums sums;
    takt_stage *stateless, *keyed;
};

static uint64_t value_of(uint64_t number)
{
    return rng_next(&(struct rng){number});
}

static int on_source(void *context, takt_batch *b)
{
    struct soak *soak = context;
    for (uint32_t i = 0; i < b->count; i++)
        ((struct event *)takt_batch_at(b, i))->number = (uint64_t)soak->made++;
    return __atomic_load_n(&soak->stop, __ATOMIC_RELAXED) ? TAKT_END : 0;
}

static int on_stateless(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        e->value = value_of(e->number);
        e->key = e->value % KEYS;
        takt_batch_set_key(b, i, e->key);
    }
    return 0;
}

static void add_keyed(struct sums *sums, struct event *e)
{
    e->chained = sums->of_key[e->key] = sums->of_key[e->key] * FACTOR + e->value;
}

static int on_keyed(void *context, takt_batch *b)
{
    struct soak *soak = context;
    for (uint32_t i = 0; i < b->count; i++)
        add_keyed(&soak->sums, takt_batch_at(b, i));
    return 0;
}

static void add_last(struct sums *sums, const struct event *e)
{
    sums->of_all = sums->of_all * FACTOR + (e->chained ^ e->number);
}

static int on_last(void *context, takt_batch *b)
{
    struct soak *soak = context;
    for (uint32_t i = 0; i < b->count; i++)
        add_last(&soak->sums, takt_batch_at(b, i));
    __atomic_store_n(&soak->arrived, soak->arrived + b->count, __ATOMIC_RELAXED);
    return 0;
}

/* The same by one thread, in a loop. */
static void run_alone(struct sums *sums, int64_t events)
{
    *sums = (struct sums){{0}, 0};
    for (int64_t n = 0; n < events; n++) {
        struct event e = {.number = (uint64_t)n, .value = value_of((uint64_t)n)};
        e.key = e.value % KEYS;
        add_keyed(sums, &e);
        add_last(sums, &e);
    }
}

static takt_stage *add(takt_pipeline *p, takt_stage *before, takt_handler handler,
                       struct soak *soak, uint32_t shards_max, bool keyed)
{
    takt_stage *stage = NULL;
    takt_pipeline_add_stage(p, &stage,
                            TAKT_STAGE(.handler = handler, .context = soak, .after = &before,
                                       .after_count = 1, .shards_max = shards_max,
                                       .stored_key = keyed));
    return stage;
}

/* Divides both stages anew every millisecond, until it is time; returns how long that was. */
static int64_t redivide(struct soak *soak, int64_t seconds, int64_t events)
{
    struct rng rng = {1};
    int64_t began = takt_now(), next = began;
    for (;;) {
        int64_t now = takt_now();
        int64_t arrived = __atomic_load_n(&soak->arrived, __ATOMIC_RELAXED);
        if (events ? arrived >= events : now - began >= seconds * 1000000000)
            return now - began;
        takt_stage_set_shards(soak->stateless, rng_between(&rng, 1, SHARDS_MAX));
        takt_stage_set_shards(soak->keyed, rng_between(&rng, 1, SHARDS_MAX));
        next += EVERY_NS;
        if (next < now) /* the machine was busy: do not make up for it */
            next = now + EVERY_NS;
        struct timespec at = {(time_t)(next / 1000000000), (long)(next % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

int main(void)
{
    static struct soak soak;
    static struct sums alone;
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *source;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = WORKERS, .cores = WORKERS));
    takt_pipeline_create(&p, runtime,
                         TAKT_PIPELINE(.event_size = sizeof(struct event), .capacity = CAPACITY,
                                       .fixed_widths = true));
    takt_pipeline_add_source(p, &source, TAKT_STAGE(.handler = on_source, .context = &soak));
    soak.stateless = add(p, source, on_stateless, &soak, SHARDS_MAX, false);
    soak.keyed = add(p, soak.stateless, on_keyed, &soak, SHARDS_MAX, true);
    add(p, soak.keyed, on_last, &soak, 1, false);
    takt_pipeline_start(p);
    int64_t ns = redivide(&soak, tap_setting("TAKT_SOAK_SECONDS", SECONDS),
                          tap_setting("TAKT_SOAK_EVENTS", 0));
    __atomic_store_n(&soak.stop, 1, __ATOMIC_RELAXED);
    int result = takt_pipeline_wait(p, takt_after(INT64_C(60000000000)));
    takt_stage_stats a, b;
    takt_stage_get_stats(soak.stateless, &a);
    takt_stage_get_stats(soak.keyed, &b);
    ok(result == 0 && soak.arrived == soak.made, "all of %ld events arrive, in %.1f s",
       (long)soak.made, (double)ns * 1e-9);
    ok(a.events == soak.made && b.events == soak.made, "each was handled once by each stage");
    run_alone(&alone, soak.made);
    long wrong = 0;
    for (int k = 0; k < KEYS; k++)
        wrong += soak.sums.of_key[k] != alone.of_key[k];
    ok(wrong == 0, "the checksums of all %d keys are those of a plain loop (%ld are not)", KEYS,
       wrong);
    ok(soak.sums.of_all == alone.of_all, "and so is the one over the order");
    ok(a.redivisions > 0 && b.redivisions > 0,
       "with %ld and %ld re-divisions on the way, %.0f a second", (long)a.redivisions,
       (long)b.redivisions, (double)(a.redivisions + b.redivisions) * 1e9 / (double)ns);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
    return done();
}
