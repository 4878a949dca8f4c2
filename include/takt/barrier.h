/* SPDX-License-Identifier: MIT */
/*
 * Sequence barriers: a thread waits here for the ring's cursor, or for sequences of its own making.
 * Consumers (takt/consumer.h) have theirs inside; this is for loops that you write yourself.
 *
 *     int64_t next = 0;
 *     for (;;) {
 *         int64_t high = takt_barrier_wait(barrier, next, TAKT_FOREVER);
 *         if (high < 0) break;
 *         for (; next <= high; next++)
 *             use(takt_ring_at(ring, next));
 *         takt_sequence_set(&mine, high);
 *     }
 */
#ifndef TAKT_BARRIER_H
#define TAKT_BARRIER_H

#include <takt/ring.h>

typedef struct takt_barrier takt_barrier;

TAKT__DECLS_BEGIN

/*
 * A barrier over `count` sequences, or over the ring's cursor with count 0, at which threads wait
 * in the way of `how` (NULL: they block). The sequences must outlive it. TAKT_EINVAL, TAKT_ELIMIT
 * (beyond TAKT_GATING_MAX), TAKT_ENOMEM. Any thread; takes the ring's lock.
 */
int takt_barrier_create(takt_barrier **barrier, takt_ring *ring,
                        const takt_sequence *const *sequences, size_t count, const takt_wait *how);

/* Frees a barrier that no thread waits at, before its ring. NULL is fine. Takes the ring's lock. */
void takt_barrier_destroy(takt_barrier *barrier);

/*
 * Waits until `sequence` is available and returns the highest available sequence, which may be
 * larger: a batch. TAKT_ETIMEDOUT at the deadline, TAKT_EALERTED after takt_barrier_alert,
 * TAKT_EHALTED when the ring is halted and `sequence` is not there. Any thread.
 */
int64_t takt_barrier_wait(takt_barrier *barrier, int64_t sequence, int64_t deadline);

/* The highest available sequence, without waiting. Any thread. */
int64_t takt_barrier_available(const takt_barrier *barrier);

/* Makes present and future waits return TAKT_EALERTED until takt_barrier_clear. Any thread. */
void takt_barrier_alert(takt_barrier *barrier);
void takt_barrier_clear(takt_barrier *barrier);

TAKT__DECLS_END

#endif
