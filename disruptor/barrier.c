/* SPDX-License-Identifier: MIT */
/* Sequence barriers: a gate over what a consumer depends on, and waiting at it. */
#include <takt/barrier.h>

#include "disruptor/alloc.h"
#include "disruptor/backoff.h"
#include "disruptor/ring.h"

struct takt_barrier {
    takt_ring *ring;
    const struct takt__gate *gate; /* the ring's cursor, or `own` */
    struct takt__gate own;
    const takt_sequence *members[TAKT_GATING_MAX];
    TAKT_ALIGNED uint32_t alerted;
};

int takt_barrier_create(takt_barrier **out, takt_ring *ring, const takt_sequence *const *sequences,
                        size_t count)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    if (!ring || (count && !sequences))
        return TAKT_EINVAL;
    if (count > TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    takt_barrier *barrier =
        takt__allocate(ring->hidden->allocator, sizeof *barrier, TAKT_LINE_PAIR);
    if (!barrier)
        return TAKT_ENOMEM;
    barrier->ring = ring;
    barrier->own.members = barrier->members;
    for (size_t i = 0; i < count; i++)
        barrier->members[i] = sequences[i];
    takt__gate_cover(&barrier->own, (uint32_t)count);
    barrier->gate = count ? &barrier->own : &ring->hidden->producer;
    *out = barrier;
    return 0;
}

void takt_barrier_destroy(takt_barrier *barrier)
{
    if (barrier)
        takt__release(barrier->ring->hidden->allocator, barrier, sizeof *barrier);
}

int64_t takt_barrier_available(const takt_barrier *barrier)
{
    int64_t least = takt__gate_least(barrier->gate);
    /* Who depends on consumers that have all gone depends on the producer. */
    return least == TAKT_SEQUENCE_GONE ? takt_ring_cursor(barrier->ring) : least;
}

int64_t takt_barrier_wait(takt_barrier *barrier, int64_t sequence, int64_t deadline)
{
    struct takt__backoff backoff = {0};
    for (;;) {
        /* Looked at before the sequences: what was published before a halt is still found. */
        uint32_t halted = takt__ld32_acq(&barrier->ring->halted); /* acquire [pairs: halt] */
        if (takt__ld32_rlx(&barrier->alerted))
            return TAKT_EALERTED;
        int64_t available = takt_barrier_available(barrier);
        if (available >= sequence)
            return available;
        if (halted)
            return TAKT_EHALTED;
        if (deadline != TAKT_FOREVER && takt_now() >= deadline)
            return TAKT_ETIMEDOUT;
        takt__backoff_wait(&backoff, deadline);
    }
}

void takt_barrier_alert(takt_barrier *barrier)
{
    takt__st32_rlx(&barrier->alerted, 1);
}

void takt_barrier_clear(takt_barrier *barrier)
{
    takt__st32_rlx(&barrier->alerted, 0);
}
