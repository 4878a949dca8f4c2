/* SPDX-License-Identifier: MIT */
/*
 * Endings at every moment. What was published before a drain is handled by every consumer before
 * it returns 0, be they running, starting, or not started when it begins. A halt, or the ring's
 * destruction, ends consumers and producers wherever they are, in every strategy, and each consumer
 * has then seen a row from the first event on, as long as the one before it at most.
 *
 * TAKT_STRESS_ROUNDS: rings of each kind.
 */
#include <pthread.h>
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define CONSUMERS   3
#define PATIENCE_NS INT64_C(20000000000)

struct stage {
    int64_t next, wrong;
    uint32_t starts, stops;
};

struct life {
    takt_ring *ring;
    takt_consumer *c[CONSUMERS];
    struct stage stages[CONSUMERS];
    int64_t produced; /* the last sequence, */
    int64_t ended;    /* and what ended the production */
    pthread_t producer, starter;
    uint32_t delay_ns;
};

static void idle_for(uint32_t ns)
{
    struct timespec t = {0, (long)ns};
    if (ns > 50000)
        nanosleep(&t, NULL);
    else
        for (int64_t until = takt_after(ns); takt_now() < until;)
            ;
}

static int handle(void *context, takt_batch *b)
{
    struct stage *stage = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t *e = takt_batch_at(b, i), s = takt_batch_sequence(b, i);
        stage->wrong += s != stage->next++ || *e != s;
    }
    return 0;
}

static void on_start(void *context)
{
    ((struct stage *)context)->starts++;
}

static void on_stop(void *context)
{
    ((struct stage *)context)->stops++;
}

/* A chain, each consumer with a strategy of its own. */
static void build(struct life *life, struct rng *rng)
{
    static const enum takt_wait_kind kinds[] = {TAKT_WAIT_BLOCK, TAKT_WAIT_BLOCK, TAKT_WAIT_YIELD,
                                                TAKT_WAIT_PHASED, TAKT_WAIT_SLEEP};
    *life = (struct life){.produced = -1};
    takt_ring_create(&life->ring, TAKT_RING(.event_size = sizeof(int64_t), .capacity = 16,
                                            .multi = rng_below(rng, 2),
                                            .wait = {.kind = kinds[rng_below(rng, 5)]}));
    for (int i = 0; i < CONSUMERS; i++)
        takt_consumer_add(life->ring, &life->c[i],
                          TAKT_CONSUMER(.handler = handle, .context = &life->stages[i],
                                        .on_start = on_start, .on_stop = on_stop,
                                        .wait = {.kind = kinds[rng_below(rng, 5)]},
                                        .after = i ? &life->c[i - 1] : NULL, .after_count = i > 0));
}

static void *start_later(void *argument)
{
    struct life *life = argument;
    idle_for(life->delay_ns);
    for (int i = 0; i < CONSUMERS; i++)
        takt_consumer_start(life->c[i]);
    return NULL;
}

static bool publish(struct life *life)
{
    int64_t s = takt_ring_next_until(life->ring, 1, takt_after(PATIENCE_NS));
    if (s < 0) {
        life->ended = s;
        return false;
    }
    *(int64_t *)takt_ring_at(life->ring, s) = s;
    takt_ring_publish(life->ring, s);
    life->produced = s;
    return true;
}

/* A burst, or several, each drained at once; the consumers start at some moment meanwhile. */
static bool drain_once(struct rng *rng)
{
    struct life life;
    bool good = true;
    build(&life, rng);
    life.delay_ns = rng_below(rng, 2) ? rng_below(rng, 200000) : 0;
    pthread_create(&life.starter, NULL, start_later, &life);
    for (uint32_t burst = rng_between(rng, 1, 3); burst > 0; burst--) {
        for (uint32_t n = rng_below(rng, 40); n > 0; n--)
            good &= publish(&life);
        good &= takt_ring_drain(life.ring, takt_after(PATIENCE_NS)) == 0;
        for (int i = 0; i < CONSUMERS; i++)
            good &= life.stages[i].next == life.produced + 1;
    }
    pthread_join(life.starter, NULL);
    takt_ring_destroy(life.ring);
    for (int i = 0; i < CONSUMERS; i++)
        good &= life.stages[i].wrong == 0 && life.stages[i].starts == 1 &&
                life.stages[i].stops == 1 && life.stages[i].next == life.produced + 1;
    return good;
}

static void *produce(void *argument)
{
    while (publish(argument))
        ;
    return NULL;
}

/* Full speed, and then a halt of the ring, or of its consumers one by one. */
static bool halt_once(struct rng *rng)
{
    struct life life;
    bool good = true, one_by_one = rng_below(rng, 2);
    build(&life, rng);
    life.delay_ns = rng_below(rng, 50000);
    pthread_create(&life.starter, NULL, start_later, &life);
    pthread_create(&life.producer, NULL, produce, &life);
    idle_for(rng_below(rng, 200000));
    if (one_by_one && rng_below(rng, 2))
        takt_consumer_halt(life.c[rng_below(rng, CONSUMERS)]);
    pthread_join(life.starter, NULL);
    takt_ring_halt(life.ring);
    pthread_join(life.producer, NULL);
    if (one_by_one)
        for (int i = CONSUMERS - 1; i >= 0; i--)
            good &= takt_consumer_remove(life.c[i]) == 0;
    takt_ring_destroy(life.ring);
    good &= life.ended == TAKT_EHALTED;
    for (int i = 0; i < CONSUMERS; i++) {
        const struct stage *stage = &life.stages[i];
        int64_t most = i ? life.stages[i - 1].next : life.produced + 1;
        good &= stage->wrong == 0 && stage->next <= most;
        good &= stage->starts == 1 && stage->stops == 1;
    }
    return good;
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 500);
    struct rng rng = {1};
    long round = 0;
    while (round < rounds && drain_once(&rng))
        round++;
    ok(round == rounds, "a drain leaves nothing behind, %ld of %ld times", round, rounds);
    for (round = 0; round < rounds && halt_once(&rng);)
        round++;
    ok(round == rounds, "a halt ends everybody in good order, %ld of %ld times", round, rounds);
    return done();
}
