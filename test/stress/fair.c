/* SPDX-License-Identifier: MIT */
/*
 * Nobody is passed over for ever: while some producers fill a ring as fast as they can, one claims
 * single slots, several at once, or the whole ring, and gets them, although the ring is hardly
 * ever seen with that much room.
 *
 * TAKT_STRESS_ROUNDS: claims of each size.
 */
#include <pthread.h>
#include <time.h>

#include <takt/takt.h>

#include "tap.h"

#define CAPACITY    16
#define PRODUCERS   3
#define WORK_NS     1000
#define PATIENCE_NS INT64_C(20000000000)

struct show {
    takt_ring *ring;
    uint32_t stop;
    int64_t offered, errors, seen, wrong;
};

/* Fills the ring, now and then with a claim that gives up. */
static void *produce(void *argument)
{
    struct show *show = argument;
    for (int64_t i = 0; !__atomic_load_n(&show->stop, __ATOMIC_RELAXED); i++) {
        int64_t s = i % 8 ? takt_ring_next_until(show->ring, 1, takt_after(1000000))
                          : takt_ring_try_next(show->ring, 1);
        if (s == TAKT_ETIMEDOUT || s == TAKT_EFULL)
            continue;
        if (s < 0) {
            __atomic_fetch_add(&show->errors, 1, __ATOMIC_RELAXED);
            break;
        }
        *(int64_t *)takt_ring_at(show->ring, s) = s;
        takt_ring_publish(show->ring, s);
        __atomic_fetch_add(&show->offered, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Slowly, so that the ring is full most of the time. */
static int view(void *context, takt_batch *b)
{
    struct show *show = context;
    for (uint32_t i = 0; i < b->count; i++) {
        show->wrong += *(int64_t *)takt_batch_at(b, i) != takt_batch_sequence(b, i);
        int64_t until = takt_after(WORK_NS);
        while (takt_now() < until)
            ;
        takt_batch_release(b, i);
    }
    show->seen += b->count;
    return 0;
}

/* Claims n slots among the others, `rounds` times. */
static bool claim(struct show *show, int64_t n, long rounds)
{
    for (long round = 0; round < rounds; round++) {
        int64_t high = takt_ring_next_until(show->ring, n, takt_after(PATIENCE_NS));
        if (high < 0)
            return false;
        for (int64_t s = high - n + 1; s <= high; s++)
            *(int64_t *)takt_ring_at(show->ring, s) = s;
        takt_ring_publish_range(show->ring, high - n + 1, high);
        __atomic_fetch_add(&show->offered, n, __ATOMIC_RELAXED);
    }
    return true;
}

static void run(enum takt_wait_kind kind, long rounds)
{
    struct show show = {0};
    takt_consumer *c;
    pthread_t threads[PRODUCERS];
    takt_wait wait = {.kind = kind};
    takt_ring_create(&show.ring, TAKT_RING(.event_size = sizeof(int64_t), .capacity = CAPACITY,
                                           .multi = true, .wait = wait));
    takt_consumer_add(show.ring, &c,
                      TAKT_CONSUMER(.handler = view, .context = &show, .wait = wait));
    takt_consumer_start(c);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, &show);
    static const int64_t sizes[] = {1, 5, CAPACITY};
    for (int i = 0; i < 3; i++)
        ok(claim(&show, sizes[i], rounds), "strategy %d: %ld claims of %ld among %d producers",
           (int)kind, rounds, (long)sizes[i], PRODUCERS);
    __atomic_store_n(&show.stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    int64_t left = takt_ring_drain(show.ring, takt_after(PATIENCE_NS));
    takt_ring_destroy(show.ring);
    ok(left == 0 && show.errors == 0 && show.wrong == 0 && show.seen == show.offered,
       "every event of %ld comes once", (long)show.offered);
}

int main(void)
{
    long rounds = tap_setting("TAKT_STRESS_ROUNDS", 100);
    run(TAKT_WAIT_BLOCK, rounds);
    run(TAKT_WAIT_YIELD, rounds);
    run(TAKT_WAIT_PHASED, rounds);
    run(TAKT_WAIT_SLEEP, rounds);
    return done();
}
