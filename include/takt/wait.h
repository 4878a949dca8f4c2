/* SPDX-License-Identifier: MIT */
/*
 * How a thread waits for a sequence to move. Chosen per consumer and for the producers of a ring;
 * every strategy can time out, and be ended by a halt.
 *
 *   kind                 burns a core   wakes in          good for
 *   TAKT_WAIT_BUSY       yes            tens of ns        a core of its own, nothing else on it
 *   TAKT_WAIT_PAUSE      yes            tens of ns        the same beside a hyper-thread
 *   TAKT_WAIT_YIELD      while alone    a microsecond     as many threads as cores, or some more
 *   TAKT_WAIT_PHASED     no             a wake-up         spins, yields, then blocks: idle at times
 *   TAKT_WAIT_SLEEP      hardly         sleep_ns          spins, yields, then sleeps in steps
 *   TAKT_WAIT_BLOCK      no             a wake-up         many threads, long idle times (default)
 *
 * After a small batch of small events a consumer lags behind for up to a microsecond, so that the
 * next batch is larger and the producer keeps its cache line; a busy-spinning one (TAKT_WAIT_BUSY)
 * does not.
 *
 * Threads that yield to each other all the time may stay together on one core of Linux while
 * another is idle: it moves no thread that has run within the last half a millisecond. Where each
 * has a core of its own, pin them, or let them pause.
 *
 * A blocked thread is woken by whoever moves the sequence that it waits for, the producer or the
 * consumer before it, and costs nothing meanwhile. It spins a moment first: a wake-up costs several
 * microseconds.
 */
#ifndef TAKT_WAIT_H
#define TAKT_WAIT_H

#include <takt/base.h>

enum takt_wait_kind {
    TAKT_WAIT_BLOCK = 0,
    TAKT_WAIT_BUSY,
    TAKT_WAIT_PAUSE,
    TAKT_WAIT_YIELD,
    TAKT_WAIT_PHASED,
    TAKT_WAIT_SLEEP,
};

/* Zeros stand for good values. */
typedef struct takt_wait {
    enum takt_wait_kind kind;
    uint32_t spins;   /* looks in a row before yielding, sleeping or blocking; 0: 100 */
    uint32_t yields;  /* yields after that before blocking or sleeping (PHASED, SLEEP); 0: 100 */
    int64_t sleep_ns; /* the longest single sleep (SLEEP); 0: 50 microseconds */
} takt_wait;

#endif
