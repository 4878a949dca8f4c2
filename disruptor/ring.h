/* SPDX-License-Identifier: MIT */
/* The part of a ring that the inline functions do not need. */
#ifndef TAKT_DISRUPTOR_RING_H
#define TAKT_DISRUPTOR_RING_H

#include <pthread.h>

#include <takt/batch.h>
#include <takt/ring.h>

#include "disruptor/await.h"
#include "disruptor/gate.h"
#include "disruptor/park.h"

struct takt__ring_private {
    struct takt__gates consumers; /* whom the producers may not overtake */
    struct takt__gate added;      /* of those, single sequences */
    struct takt__gate producer;   /* the cursor, as a gate for the first consumers */
    const takt_sequence *added_members[TAKT_GATING_MAX];
    const takt_sequence *producer_member[1];
    struct takt__park *park; /* where workers sleep; NULL: there are none */
    takt_wait wait;          /* of the producers */
    uint32_t patience;       /* theirs (await.h) */
    int64_t first;
    uint32_t lap_shift; /* log2 of the capacity */
    size_t laps_size;
    int64_t *voids; /* for each slot, the last sequence in it that was void */
    size_t voids_size;
    const takt_allocator *allocator;
    size_t slots_size;
    pthread_mutex_t graph_lock;      /* over the lists and the gating set */
    struct takt_consumer *list;      /* all consumers of takt/consumer.h, */
    uint32_t failed;                 /* how many of them have failed for good */
    struct takt_consumer *retired;   /* and those that were removed */
    struct takt_barrier *barriers;   /* those over sequences, not at the cursor */
    TAKT_ALIGNED int64_t last_void;  /* the highest void sequence, or below all sequences */
    int64_t full;                    /* how often a producer has waited for room */
    TAKT_ALIGNED int64_t multi_room; /* many producers: the highest that may be claimed */
    int64_t wish;                    /* slots that a producer wants who came too late too often */
};

/* The lap of a sequence, as it is stored for its slot. */
static inline uint32_t takt__ring_lap(const takt_ring *ring, int64_t sequence)
{
    return (uint32_t)((uint64_t)sequence >> ring->hidden->lap_shift);
}

/*
 * Moves when a consumer is added. Who may write to slots reads it before the look at the consumers
 * and, after a fence, once more; if it has moved, the look does not count. One that is added counts
 * first, looks where the others are after a fence, and begins no earlier (consumer.c). So if it was
 * not seen to count, its fence came after the producer's: it sees all that the producer's look was
 * based on, and begins beyond every event whose slot may be written to.
 */
static inline uint32_t takt__ring_version(const takt_ring *ring)
{
    return takt__ld32_rlx(&ring->hidden->added.version);
}

/*
 * Makes the producers wait for all members of these gates, and no longer for those of the last
 * call. Before the first claim (TAKT_ESTATE), or, where the caller sees to it that nobody claims
 * meanwhile (`at_rest`), for members that have come as far as the cursor. Who claims before the
 * first call has no consumer, and may ask again until then. TAKT_ELIMIT.
 */
int takt__ring_set_gates(takt_ring *ring, const struct takt__gate *const *gate, uint32_t count,
                         bool at_rest);

/* Whether the producers have nobody to wait for, and never had. */
static inline bool takt__ring_has_no_consumer(const takt_ring *ring)
{
    const struct takt__ring_private *hidden = ring->hidden;
    return takt__ld32_acq(&hidden->consumers.count) == 1 && /* acquire [pairs: gates] */
           takt__ld32_rlx(&hidden->added.used) == 0;
}

/* Wakes who waits at a barrier over sequences. The graph_lock is the caller's. */
void takt__barriers_wake(const takt_ring *ring);

/* Lets workers sleep in `park`: a publish looks there for sleepers. Before the first claim. */
void takt__ring_set_park(takt_ring *ring, struct takt__park *park);

/* Whether this sequence, or one after it, may be void. */
bool takt__ring_may_be_void(const takt_ring *ring, int64_t sequence);

/*
 * Takes the void events out of a batch: its picks, which have room for batch->count, then name
 * those that are left. O(1) while nothing in the batch's range can be void.
 */
void takt__ring_skip_voids(const takt_ring *ring, takt_batch *batch, uint32_t *picks);

#endif
