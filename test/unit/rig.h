/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the ring and its consumers have in common: rings of events that hold their own
 * sequence, a handler that writes down what it gets, and waits that end in a failed assertion
 * instead of hanging.
 */
#ifndef TAKT_TEST_RIG_H
#define TAKT_TEST_RIG_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include <takt/takt.h>

#define RIG_PATIENCE_NS INT64_C(10000000000)
#define RIG_MOST        4096

/* The consumers that one comes after, as options: TAKT_CONSUMER(.handler = f, RIG_AFTER(a, b)). */
#define RIG_AFTER(...)                                                                             \
    .after = (takt_consumer *[]){__VA_ARGS__},                                                     \
    .after_count = sizeof((takt_consumer *[]){__VA_ARGS__}) / sizeof(takt_consumer *)

#define RIG_RING(...) rig_ring(TAKT_RING(.event_size = sizeof(struct rig_event), __VA_ARGS__))

/* Every strategy, for tests that go through them. */
static const enum takt_wait_kind rig_kinds[] = {TAKT_WAIT_BLOCK, TAKT_WAIT_BUSY,   TAKT_WAIT_PAUSE,
                                                TAKT_WAIT_YIELD, TAKT_WAIT_PHASED, TAKT_WAIT_SLEEP};
#define RIG_KINDS (sizeof rig_kinds / sizeof *rig_kinds)

struct rig_event {
    int64_t number; /* its sequence, once it is filled */
    int64_t left;
    int64_t right;
};

/* What a handler was given. */
struct rig_log {
    uint32_t count;   /* events, */
    uint32_t batches; /* batches, */
    uint32_t empty;   /* batches without events, */
    uint32_t wrong;   /* and events that are not what their sequence says */
    int64_t sequences[RIG_MOST];
    uint32_t sizes[RIG_MOST];
};

static inline int rig_record(void *context, takt_batch *b)
{
    struct rig_log *log = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct rig_event *event = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        log->wrong += event->number != s;
        log->sequences[log->count++ % RIG_MOST] = s;
    }
    log->sizes[log->batches++ % RIG_MOST] = b->count;
    log->empty += b->count == 0;
    return 0;
}

/* The log holds `n` events, which are those from `from` on without a gap. */
static inline void rig_has(const struct rig_log *log, int64_t from, uint32_t n)
{
    cr_assert_eq(log->count, n, "%u events from %ld, not %u", log->count, from, n);
    cr_assert_eq(log->wrong, 0);
    cr_assert_eq(log->empty, 0);
    for (uint32_t i = 0; i < n && i < RIG_MOST; i++)
        cr_assert_eq(log->sequences[i], from + i, "event %u is %ld", i, log->sequences[i]);
}

static inline takt_ring *rig_ring(const takt_ring_options *options)
{
    takt_ring *ring;
    int error = takt_ring_create(&ring, options);
    cr_assert_eq(error, 0, "%s", takt_error_name(error));
    return ring;
}

static inline takt_consumer *rig_add(takt_ring *ring, const takt_consumer_options *options)
{
    takt_consumer *consumer;
    int error = takt_consumer_add(ring, &consumer, options);
    cr_assert_eq(error, 0, "%s", takt_error_name(error));
    return consumer;
}

/* A consumer that is only polled. */
static inline takt_consumer *rig_poller(takt_ring *ring)
{
    return rig_add(ring, TAKT_CONSUMER());
}

static inline int64_t rig_done(const takt_consumer *consumer)
{
    return takt_sequence_get(takt_consumer_sequence(consumer));
}

static inline int64_t rig_claim(takt_ring *ring, int64_t n)
{
    int64_t high = takt_ring_next_until(ring, n, takt_after(RIG_PATIENCE_NS));
    cr_assert(high >= 0, "%s", takt_error_name((int)high));
    return high;
}

static inline void rig_fill(takt_ring *ring, int64_t low, int64_t high)
{
    for (int64_t s = low; s <= high; s++)
        *(struct rig_event *)takt_ring_at(ring, s) = (struct rig_event){s, -1, -1};
}

/* Claims, fills and publishes n events at once; returns the highest. */
static inline int64_t rig_publish(takt_ring *ring, int64_t n)
{
    int64_t high = rig_claim(ring, n);
    rig_fill(ring, high - n + 1, high);
    takt_ring_publish_range(ring, high - n + 1, high);
    return high;
}

/* Polls into a log; -1 as `n`: whatever there is. */
static inline void rig_poll(takt_consumer *consumer, struct rig_log *log, uint32_t most, int64_t n)
{
    int64_t done = takt_consumer_poll(consumer, rig_record, log, most);
    cr_assert(done >= 0, "%s", takt_error_name((int)done));
    cr_assert(n < 0 || done == n, "%ld done, not %ld", done, n);
}

static inline void rig_start(takt_consumer *consumer)
{
    int error = takt_consumer_start(consumer);
    cr_assert_eq(error, 0, "%s", takt_error_name(error));
}

/* Waits until a number that another thread moves has come to `value`. */
static inline void rig_reaches(const int64_t *number, int64_t value)
{
    int64_t deadline = takt_after(RIG_PATIENCE_NS);
    while (takt__load_acquire(number) < value && takt_now() < deadline)
        usleep(100);
    cr_assert(takt__load_acquire(number) >= value, "%ld, not %ld", takt__load_acquire(number),
              value);
}

static inline void rig_comes_to(const takt_consumer *consumer, int64_t sequence)
{
    rig_reaches(&takt_consumer_sequence(consumer)->value, sequence);
}

/* A claim that another thread makes, with the patience of the tests. */
struct rig_claimer {
    takt_ring *ring;
    int64_t n;
    int64_t result;
    int64_t at_it; /* set just before the claim */
    pthread_t thread;
};

static inline void *rig_claim_there(void *argument)
{
    struct rig_claimer *claimer = argument;
    takt__store_release(&claimer->at_it, 1);
    claimer->result = takt_ring_next_until(claimer->ring, claimer->n, takt_after(RIG_PATIENCE_NS));
    return NULL;
}

/* Starts the claim and leaves it time to begin to wait, which no result depends on. */
static inline void rig_start_claim(struct rig_claimer *claimer, takt_ring *ring, int64_t n)
{
    *claimer = (struct rig_claimer){.ring = ring, .n = n};
    cr_assert_eq(pthread_create(&claimer->thread, NULL, rig_claim_there, claimer), 0);
    rig_reaches(&claimer->at_it, 1);
    usleep(3000);
}

/* What the claim came to. */
static inline int64_t rig_end_claim(struct rig_claimer *claimer)
{
    pthread_join(claimer->thread, NULL);
    return claimer->result;
}

#endif
