/* SPDX-License-Identifier: MIT */
/*
 * A producer that stalls between claim and publish: the others fill the ring and no more, nobody
 * sees anything behind the hole, claims with a deadline give up and take nothing, and when it
 * publishes at last, or gives its slot up, everything goes on as if nothing had been.
 *
 * TAKT_STRESS_ROUNDS: stalls in each setting.
 */
#include <pthread.h>
#include <time.h>

#include <takt/takt.h>

#include "random.h"
#include "tap.h"

#define CAPACITY    16
#define PRODUCERS   3
#define CONSUMERS   2
#define PATIENCE_NS INT64_C(20000000000)

struct show {
    takt_ring *ring;
    uint32_t stop;
    int64_t hole; /* the sequence that is claimed and not published; INT64_MAX: none is */
    int64_t filled, timeouts, errors;
};

struct viewer {
    struct show *show;
    int64_t events, beyond, wrong;
};

static void rest(int64_t ns)
{
    struct timespec t = {0, (long)ns};
    nanosleep(&t, NULL);
}

static void add(int64_t *counter, int64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* Claims with short deadlines, again and again. */
static void *produce(void *argument)
{
    struct show *show = argument;
    while (!__atomic_load_n(&show->stop, __ATOMIC_RELAXED)) {
        int64_t s = takt_ring_next_until(show->ring, 1, takt_after(200000));
        if (s == TAKT_ETIMEDOUT) {
            add(&show->timeouts, 1);
            continue;
        }
        if (s < 0) {
            add(&show->errors, 1);
            break;
        }
        *(int64_t *)takt_ring_at(show->ring, s) = s;
        takt_ring_publish(show->ring, s);
        add(&show->filled, 1);
    }
    return NULL;
}

static int view(void *context, takt_batch *b)
{
    struct viewer *v = context;
    int64_t hole = __atomic_load_n(&v->show->hole, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        v->wrong += *(int64_t *)takt_batch_at(b, i) != s;
        v->beyond += s >= hole && __atomic_load_n(&v->show->hole, __ATOMIC_ACQUIRE) == hole;
        v->events++;
    }
    return 0;
}

/*
 * Whether all that can be seen has been seen, and all that can be claimed is claimed: in this
 * order, since there is no room for a moment whenever the consumers lag.
 */
static bool has_come_to_a_stop(const struct show *show, takt_consumer **c, int64_t s)
{
    return takt_sequence_get(takt_consumer_sequence(c[CONSUMERS - 1])) == s - 1 &&
           takt_ring_remaining_capacity(show->ring) == 0;
}

/* Claims, stalls until the others have come to a stop, looks, and publishes or gives up. */
static bool stall(struct show *show, takt_consumer **c, bool give_up)
{
    takt_ring *ring = show->ring;
    int64_t s = takt_ring_next_until(ring, 1, takt_after(PATIENCE_NS));
    if (s < 0)
        return false;
    __atomic_store_n(&show->hole, s, __ATOMIC_RELEASE);
    int64_t deadline = takt_after(PATIENCE_NS);
    while (!has_come_to_a_stop(show, c, s) && takt_now() < deadline)
        rest(50000);
    bool good = has_come_to_a_stop(show, c, s) && takt_ring_cursor(ring) < s &&
                !takt_ring_is_available(ring, s) && takt_ring_try_next(ring, 1) == TAKT_EFULL;
    int64_t timeouts = __atomic_load_n(&show->timeouts, __ATOMIC_RELAXED);
    while (__atomic_load_n(&show->timeouts, __ATOMIC_RELAXED) < timeouts + 2 &&
           takt_now() < deadline)
        rest(50000);
    good &= takt_now() < deadline;
    for (int i = 0; i < CONSUMERS; i++)
        good &= takt_sequence_get(takt_consumer_sequence(c[i])) < s;
    __atomic_store_n(&show->hole, INT64_MAX, __ATOMIC_RELEASE);
    if (give_up) {
        takt_ring_publish_void(ring, s, s);
    } else {
        *(int64_t *)takt_ring_at(ring, s) = s;
        add(&show->filled, 1);
        takt_ring_publish(ring, s);
    }
    return good;
}

static void run(enum takt_wait_kind kind, long rounds)
{
    struct show show = {.hole = INT64_MAX};
    struct viewer viewers[CONSUMERS];
    takt_consumer *c[CONSUMERS] = {NULL};
    pthread_t threads[PRODUCERS];
    struct rng rng = {(uint64_t)kind};
    takt_wait wait = {.kind = kind};
    bool good = true;
    int64_t wrong = 0;
    takt_ring_create(&show.ring, TAKT_RING(.event_size = sizeof(int64_t), .capacity = CAPACITY,
                                           .multi = true, .wait = wait));
    for (int i = 0; i < CONSUMERS; i++) {
        viewers[i] = (struct viewer){.show = &show};
        takt_consumer_add(show.ring, &c[i],
                          TAKT_CONSUMER(.handler = view, .context = &viewers[i], .wait = wait,
                                        .after = c, .after_count = i > 0));
        takt_consumer_start(c[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, &show);
    for (long round = 0; round < rounds && good; round++) {
        good = stall(&show, c, rng_below(&rng, 3) == 0);
        rest(rng_below(&rng, 200000));
    }
    __atomic_store_n(&show.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    int64_t left = takt_ring_drain(show.ring, takt_after(PATIENCE_NS));
    takt_ring_destroy(show.ring);
    for (int i = 0; i < CONSUMERS; i++)
        wrong += viewers[i].wrong + viewers[i].beyond + (viewers[i].events != show.filled);
    ok(good, "strategy %d: %ld stalls stop the others at one ring, and nothing behind is seen",
       (int)kind, rounds);
    ok(left == 0 && show.errors == 0, "everything goes on after it");
    ok(wrong == 0, "every event of %ld comes once", (long)show.filled);
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 25);
    run(TAKT_WAIT_BLOCK, rounds);
    run(TAKT_WAIT_YIELD, rounds);
    run(TAKT_WAIT_PHASED, rounds);
    run(TAKT_WAIT_SLEEP, rounds);
    return done();
}
