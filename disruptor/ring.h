/* SPDX-License-Identifier: MIT */
/* The part of a ring that the inline functions do not need. */
#ifndef TAKT_DISRUPTOR_RING_H
#define TAKT_DISRUPTOR_RING_H

#include <takt/ring.h>

#include "disruptor/gate.h"
#include "disruptor/park.h"

struct takt__ring_private {
    struct takt__gates consumers; /* whom the producer may not overtake */
    struct takt__gate added;      /* of those, the sequences of takt_ring_add_gating */
    struct takt__gate producer;   /* the cursor, as a gate for the first consumers */
    const takt_sequence *added_members[TAKT_GATING_MAX];
    const takt_sequence *producer_member[1];
    struct takt__park *park; /* where consumers sleep; NULL: they do not */
    const takt_allocator *allocator;
    size_t slots_size;
};

/* Makes the producer wait for all members of a gate. Before the first claim. */
int takt__ring_add_gate(takt_ring *ring, const struct takt__gate *gate);

/* Lets consumers sleep in `park`: a publish looks there for sleepers. Before the first claim. */
void takt__ring_set_park(takt_ring *ring, struct takt__park *park);

#endif
