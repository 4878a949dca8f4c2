/* SPDX-License-Identifier: MIT */
/*
 * Consumers added and removed while producers run: after nobody or after one that stays, at the
 * cursor or at the oldest event, on a thread or polled, with others there or none at all. Every
 * event holds its own sequence, so a newcomer that begins where a producer may already write, or a
 * producer that overtakes it, is seen by the values here and by the thread sanitizer. Who stays
 * must see every event; who comes and goes a row without gaps.
 *
 * TAKT_STRESS_ROUNDS: consumers that come and go in each setting.
 */
#include <pthread.h>
#include <sched.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define GUESTS      3
#define PRODUCERS   2
#define PATIENCE_NS INT64_C(20000000000)

struct setting {
    int64_t capacity;
    bool multi;
    bool resident; /* one consumer stays */
};

struct show {
    takt_ring *ring;
    bool multi;
    uint32_t stop;
    int64_t produced[PRODUCERS];
    int64_t error;
};

struct producer {
    struct show *show;
    uint32_t index;
};

/* Whoever looks at events: they come one after the other, and hold their sequence. */
struct viewer {
    int64_t next; /* the sequence that should come; -1: whichever comes first */
    int64_t seen, wrong;
};

static void *produce(void *argument)
{
    struct producer *p = argument;
    struct show *show = p->show;
    struct rng rng = {p->index};
    while (!__atomic_load_n(&show->stop, __ATOMIC_RELAXED)) {
        int64_t n = 1 + rng_below(&rng, takt_ring_capacity(show->ring) < 4 ? 1 : 3);
        int64_t high = takt_ring_next_until(show->ring, n, takt_after(PATIENCE_NS));
        if (high == TAKT_EFULL && show->multi) {
            sched_yield(); /* nobody is there, and another has to publish first */
            continue;
        }
        if (high < 0) {
            __atomic_store_n(&show->error, high, __ATOMIC_RELAXED);
            break;
        }
        for (int64_t s = high - n + 1; s <= high; s++)
            *(int64_t *)takt_ring_at(show->ring, s) = s;
        takt_ring_publish_range(show->ring, high - n + 1, high);
        show->produced[p->index] += n;
    }
    return NULL;
}

static int view(void *context, takt_batch *b)
{
    struct viewer *v = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        v->wrong += (v->next >= 0 && s != v->next) || *(int64_t *)takt_batch_at(b, i) != s;
        v->next = s + 1;
        v->seen++;
    }
    return 0;
}

/* One that comes, watches for a while, and goes. */
struct guest {
    takt_consumer *consumer;
    struct viewer viewer;
    bool threaded;
};

static int arrive(struct show *show, struct guest *g, takt_consumer *resident, bool threads,
                  struct rng *rng)
{
    *g = (struct guest){.viewer = {.next = -1}, .threaded = threads && rng_below(rng, 4) == 0};
    bool follows = resident && rng_below(rng, 2);
    int error = takt_consumer_add(
        show->ring, &g->consumer,
        TAKT_CONSUMER(.handler = view, .context = &g->viewer, .after = &resident,
                      .after_count = follows,
                      .from = rng_below(rng, 2) ? TAKT_FROM_CURSOR : TAKT_FROM_OLDEST));
    if (error < 0)
        return error;
    g->viewer.next = takt_sequence_get(takt_consumer_sequence(g->consumer)) + 1;
    return g->threaded ? takt_consumer_start(g->consumer) : 0;
}

/* Whether it has seen what it should; removed in any case. */
static bool leave(struct guest *g)
{
    int removed = takt_consumer_remove(g->consumer);
    g->consumer = NULL;
    return removed == 0 && g->viewer.wrong == 0;
}

static void watch(struct guest *g, struct rng *rng)
{
    for (uint32_t n = rng_below(rng, 6); g->consumer && !g->threaded && n > 0; n--)
        takt_consumer_poll(g->consumer, view, &g->viewer, rng_between(rng, 1, 8));
}

/* The guests' part: the number of those that saw something wrong, or failed to come or go. */
static int64_t receive_guests(struct show *show, takt_consumer *resident, long rounds,
                              int64_t *seen)
{
    struct rng rng = {(uint64_t)rounds};
    struct guest guests[GUESTS] = {{.consumer = NULL}};
    int64_t bad = 0;
    for (long round = 0; round < rounds + GUESTS; round++) {
        struct guest *g = &guests[round % GUESTS];
        if (g->consumer) {
            bad += !leave(g);
            *seen += g->viewer.seen;
        }
        if (round < rounds && bad == 0)
            bad += arrive(show, g, resident, true, &rng) < 0;
        for (int i = 0; i < GUESTS; i++)
            watch(&guests[i], &rng);
    }
    return bad;
}

static void run(struct setting setting, long rounds)
{
    struct show show = {.multi = setting.multi};
    struct viewer resident = {.next = 0};
    struct producer producers[PRODUCERS];
    pthread_t threads[PRODUCERS];
    takt_consumer *stays = NULL, *opens;
    int64_t seen = 0, produced = 0;
    int count = setting.multi ? PRODUCERS : 1;
    takt_ring_create(&show.ring, TAKT_RING(.event_size = sizeof(int64_t), .multi = setting.multi,
                                           .capacity = setting.capacity));
    if (setting.resident) {
        takt_consumer_add(show.ring, &stays, TAKT_CONSUMER(.handler = view, .context = &resident));
        takt_consumer_start(stays);
    } else {
        takt_consumer_add(show.ring, &opens, TAKT_CONSUMER()); /* a ring has had one at least */
        takt_consumer_remove(opens);
    }
    for (int i = 0; i < count; i++) {
        producers[i] = (struct producer){&show, (uint32_t)i};
        pthread_create(&threads[i], NULL, produce, &producers[i]);
    }
    int64_t bad = receive_guests(&show, stays, rounds, &seen);
    __atomic_store_n(&show.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        produced += show.produced[i];
    }
    int64_t left = takt_ring_drain(show.ring, takt_after(PATIENCE_NS));
    takt_ring_destroy(show.ring);
    ok(bad == 0 && seen > 0, "ring of %ld%s, %s: %ld consumers come and go, each sees a whole row",
       (long)setting.capacity, setting.multi ? ", two producers" : "",
       setting.resident ? "one stays" : "none stays", rounds);
    ok(show.error == 0 && left == 0, "no claim fails (%ld), nothing is left (%ld)",
       (long)show.error, (long)left);
    if (setting.resident)
        ok(resident.seen == produced && resident.wrong == 0, "who stays sees all %ld events",
           (long)produced);
}

/*
 * One consumer at a time, which goes as soon as it has seen something: most often it comes while
 * the producer is at full speed, and a newcomer that begins too early is overtaken at once.
 */
static void run_brief(int64_t capacity, bool resident, long rounds)
{
    struct show show = {.stop = 0};
    struct viewer viewer = {.next = 0};
    struct producer producer = {&show, 0};
    struct rng rng = {(uint64_t)capacity};
    pthread_t thread;
    takt_consumer *stays;
    int64_t bad = 0;
    takt_ring_create(&show.ring, TAKT_RING(.event_size = sizeof(int64_t), .capacity = capacity));
    takt_consumer_add(show.ring, &stays, TAKT_CONSUMER(.handler = view, .context = &viewer));
    if (resident)
        takt_consumer_start(stays);
    else
        takt_consumer_remove(stays);
    pthread_create(&thread, NULL, produce, &producer);
    for (long round = 0; round < rounds && bad == 0; round++) {
        struct guest g;
        bad += arrive(&show, &g, NULL, false, &rng) < 0;
        for (int i = 0; i < 20 && !bad && g.viewer.seen == 0; i++)
            watch(&g, &rng);
        bad += !leave(&g);
    }
    __atomic_store_n(&show.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    takt_ring_destroy(show.ring);
    ok(bad == 0 && viewer.wrong == 0,
       "ring of %ld, %s: %ld consumers come for a moment, and see what is there", (long)capacity,
       resident ? "one stays" : "none stays", rounds);
    ok(show.error == 0, "no claim fails (%ld)", (long)show.error);
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 3000);
    for (int64_t capacity = 1; capacity <= 64; capacity *= 8)
        for (int multi = 0; multi < 2; multi++)
            for (int resident = 0; resident < 2; resident++)
                run((struct setting){capacity, multi, resident}, rounds);
    for (int64_t capacity = 1; capacity <= 4; capacity *= 2)
        for (int resident = 0; resident < 2; resident++)
            run_brief(capacity, resident, 10 * rounds);
    return done();
}
