/* SPDX-License-Identifier: MIT */
/* What cases share: a ring whose events carry numbers, and consumers that check what they get. */
#ifndef TAKT_TEST_SIM_FLOW_H
#define TAKT_TEST_SIM_FLOW_H

#include <takt/takt.h>

#include "sim.h"

#define FLOW_CONSUMERS 4
#define FLOW_PRODUCERS 4

/* Wait at once in the way of the strategy: spinning first only makes schedules longer. */
#define FLOW_BLOCK ((takt_wait){.kind = TAKT_WAIT_BLOCK, .spins = 1})
#define FLOW_SLEEP ((takt_wait){.kind = TAKT_WAIT_SLEEP, .spins = 1, .yields = 1})
#define FLOW_YIELD ((takt_wait){.kind = TAKT_WAIT_YIELD, .spins = 1})

struct flow_event {
    int64_t producer;
    int64_t number; /* of the producer's, from 0 */
};

struct flow_consumer {
    struct flow *flow;
    takt_consumer *handle;
    uint32_t index;
    int64_t first; /* sequence of the first event that it got, or -1 */
    int64_t last;  /* and of the last */
    int64_t count;
    int64_t numbers[FLOW_PRODUCERS]; /* the next number of each producer */
};

struct flow {
    takt_ring *ring;
    bool voids;
    uint32_t count;
    struct flow_consumer consumers[FLOW_CONSUMERS];
};

/* A ring, and its end: every consumer has handled `events` events, or any number if that is -1. */
struct flow *flow_begin(int64_t capacity, bool multi, takt_wait wait);
void flow_end(struct flow *f, int64_t events);

/* A consumer after those of `after`, which are indices. */
takt_consumer *flow_consumer(struct flow *f, const uint32_t *after, uint32_t count, takt_wait wait);

/* The handler, for consumers that are polled. Its context is a struct flow_consumer. */
int flow_handle(void *context, takt_batch *batch);

/* Claims, fills and publishes one event after the other: how many, or the error of the claim. */
int64_t flow_produce(struct flow *f, int64_t producer, int64_t events, int64_t deadline);

/* Fills a slot that was claimed. */
void flow_fill(struct flow *f, int64_t sequence, int64_t producer, int64_t number);

/* Some events are void: consumers need not find each sequence, but each number. */
void flow_skips_voids(struct flow *f);

/* Waits until all consumers have done everything that is published. */
void flow_drain(struct flow *f);

/* Waits until all consumers have come to a sequence: for rings with several producers. */
void flow_wait(const struct flow *f, int64_t sequence);

#endif
