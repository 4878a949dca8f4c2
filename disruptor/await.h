/* SPDX-License-Identifier: MIT */
/*
 * Waiting for gates by a strategy: the one place where threads wait for sequences, be it a consumer
 * for those before it or a producer for the consumers.
 */
#ifndef TAKT_DISRUPTOR_AWAIT_H
#define TAKT_DISRUPTOR_AWAIT_H

#include <takt/wait.h>

#include "disruptor/gate.h"

/* What is waited for, and what ends the waiting. */
struct takt__await {
    const struct takt__gates *gates;
    int64_t wanted;        /* until the least of the gates is at or above this */
    const uint32_t *alert; /* words that end the waiting when they are not 0; may be NULL */
    const uint32_t *halt;
    int64_t deadline;
    /*
     * How often it pays to look again at once, as found out by earlier waits of the same kind; may
     * be NULL. Where threads are more than cores, what is waited for cannot come while the waiter
     * has the core, and looking is a waste.
     */
    uint32_t *patience;
};

/*
 * The least of the gates once it is at or above what is wanted; TAKT_EALERTED when `alert` is set,
 * whatever is available; TAKT_EHALTED when `halt` is set and it is not available; TAKT_ETIMEDOUT at
 * the deadline if it still is not. Who sets one of the words must wake all sequences of the gates
 * (takt__gates_wake).
 */
int64_t takt__await(const struct takt__await *what, const takt_wait *how);

/* Wakes everybody who sleeps at a sequence of the gates. */
void takt__gates_wake(const struct takt__gates *gates);

#endif
