/* SPDX-License-Identifier: MIT */
/*
 * Sequence barriers: a gate over what a consumer depends on, and waiting at it.
 *
 * A halt wakes who waits at the cursor as it wakes the consumers. The sequences of a barrier may be
 * anybody's, though, and none that the ring knows of. So the ring has a list of the barriers over
 * sequences. One that enters the list after a halt has gone through it finds the ring halted, by
 * the lock.
 */
#include <takt/barrier.h>

#include "disruptor/alloc.h"
#include "disruptor/ring.h"

struct takt_barrier {
    takt_ring *ring;
    takt_barrier *next;       /* in the ring's list */
    struct takt__gates gates; /* the ring's cursor, or `own` */
    struct takt__gate own;
    takt_wait how;
    const takt_sequence *members[TAKT_GATING_MAX];
    TAKT_ALIGNED uint32_t alerted;
};

static void enter_list(takt_barrier *barrier)
{
    struct takt__ring_private *hidden = barrier->ring->hidden;
    pthread_mutex_lock(&hidden->graph_lock);
    barrier->next = hidden->barriers;
    hidden->barriers = barrier;
    pthread_mutex_unlock(&hidden->graph_lock);
}

static void leave_list(takt_barrier *barrier)
{
    struct takt__ring_private *hidden = barrier->ring->hidden;
    pthread_mutex_lock(&hidden->graph_lock);
    takt_barrier **link = &hidden->barriers;
    while (*link != barrier)
        link = &(*link)->next;
    *link = barrier->next;
    pthread_mutex_unlock(&hidden->graph_lock);
}

void takt__barriers_wake(const takt_ring *ring)
{
    for (const takt_barrier *barrier = ring->hidden->barriers; barrier; barrier = barrier->next)
        takt__gates_wake(&barrier->gates);
}

int takt_barrier_create(takt_barrier **out, takt_ring *ring, const takt_sequence *const *sequences,
                        size_t count, const takt_wait *how)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    if (!ring || (count && !sequences))
        return TAKT_EINVAL;
    if (count > TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    for (size_t i = 0; i < count; i++)
        if (!sequences[i])
            return TAKT_EINVAL;
    takt_barrier *barrier =
        takt__allocate(ring->hidden->allocator, sizeof *barrier, TAKT_LINE_PAIR);
    if (!barrier)
        return TAKT_ENOMEM;
    barrier->ring = ring;
    barrier->own.members = barrier->members;
    for (size_t i = 0; i < count; i++)
        barrier->members[i] = sequences[i];
    takt__gate_cover(&barrier->own, (uint32_t)count);
    barrier->gates.count = 1;
    barrier->gates.gate[0] = count ? &barrier->own : &ring->hidden->producer;
    if (how)
        barrier->how = *how;
    if (count)
        enter_list(barrier);
    *out = barrier;
    return 0;
}

void takt_barrier_destroy(takt_barrier *barrier)
{
    if (!barrier)
        return;
    if (barrier->gates.gate[0] == &barrier->own)
        leave_list(barrier);
    takt__release(barrier->ring->hidden->allocator, barrier, sizeof *barrier);
}

int64_t takt_barrier_available(const takt_barrier *barrier)
{
    int64_t least = takt__gates_least(&barrier->gates);
    /* Who depends on consumers that have all gone depends on the producer. */
    return least == TAKT_SEQUENCE_GONE ? takt_ring_cursor(barrier->ring) : least;
}

int64_t takt_barrier_wait(takt_barrier *barrier, int64_t sequence, int64_t deadline)
{
    struct takt__await what = {
        .gates = &barrier->gates,
        .wanted = sequence,
        .alert = &barrier->alerted,
        .halt = &barrier->ring->halted,
        .deadline = deadline,
    };
    int64_t found = takt__await(&what, &barrier->how);
    return found == TAKT_SEQUENCE_GONE ? takt_ring_cursor(barrier->ring) : found;
}

void takt_barrier_alert(takt_barrier *barrier)
{
    takt__st32_rel(&barrier->alerted, 1); /* release [pairs: alert] */
    takt__gates_wake(&barrier->gates);
}

void takt_barrier_clear(takt_barrier *barrier)
{
    takt__st32_rlx(&barrier->alerted, 0);
}
