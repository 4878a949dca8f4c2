/* SPDX-License-Identifier: MIT */
/* A consumer's insides, shared by consumer.c (the graph) and process.c (running). */
#ifndef TAKT_DISRUPTOR_CONSUMER_H
#define TAKT_DISRUPTOR_CONSUMER_H

#include <takt/consumer.h>

#include "disruptor/ring.h"

/* The most events of a batch, whatever the options say. */
#define TAKT__BATCH_MOST 65536

/* Where the options set no limit: this part of the ring, but not less than so many. */
#define TAKT__BATCH_PART  16
#define TAKT__BATCH_LEAST 256

enum takt__run_state { TAKT__IDLE, TAKT__RUNNING, TAKT__STOPPED };

struct takt_consumer {
    takt_ring *ring;
    takt_consumer *next; /* in the ring's list */
    takt_consumer_options options;
    char name[16]; /* as long as a thread's may be */
    takt_consumer *after[TAKT_AFTER_MAX];
    struct takt__gates upstream; /* `own`, or the producers */
    struct takt__gate own;
    const takt_sequence *members[TAKT_AFTER_MAX];
    uint32_t followers; /* consumers that come after it; under the ring's graph_lock */
    bool threaded;
    pthread_t thread;
    uint32_t *picks;   /* room for a batch with void events in it */
    uint32_t patience; /* of its waits (await.h) */
    takt_sequence sequence;
    TAKT_ALIGNED uint32_t halted;
    uint32_t state; /* enum takt__run_state */
    uint32_t failed;
    int64_t failed_at;
    int failed_code;
};

/* Makes the producers wait for one more sequence, from now on. Under the graph_lock, or before. */
int takt__ring_gate_on(takt_ring *ring, const takt_sequence *sequence);

/* Puts another sequence in the place of one of them, which may then leave. Under the graph_lock. */
void takt__ring_gate_swap(takt_ring *ring, const takt_sequence *old, const takt_sequence *new);

/* Halts all consumers of a ring. */
void takt__consumers_halt(takt_ring *ring);

/* Halts, joins and frees all consumers of a ring. */
void takt__consumers_destroy(takt_ring *ring);

#endif
