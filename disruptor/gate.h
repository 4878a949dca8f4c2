/* SPDX-License-Identifier: MIT */
/*
 * A gate: a set of sequences whose least is read while members come and go.
 *
 * Everything that waits for somebody waits at gates: the producer for its consumers, a consumer
 * for the ones before it, a stage for the shards of the stage before it. What is read is a lower
 * bound of how far *all* of them have come.
 *
 * The members are read one by one, which takes time, so a change of the set must not fool the
 * reader. Say that member A hands its work over to member B. Read first, B is not counted yet; read
 * second, A has gone: the least of the rest may lie beyond what B has done. Therefore:
 *
 *   1. who changes the set first lets the new members count (their value is stored), then raises
 *      the version;
 *   2. an old member goes (its value becomes TAKT_SEQUENCE_GONE) only after that;
 *   3. the reader reads the version, the members, and the version again, and starts over if the
 *      version moved.
 *
 * Why that is enough: if the reader saw an old member as gone, then that store, and with it the
 * raised version, came before, so the second look at the version sees it raised. Was the first
 * look raised too, then every new member was counted from the start. If not, it reads again.
 * If the reader saw no old member as gone, the old members bound what it found.
 *
 * An array slot is used again only for a member that starts no lower than where the set as a whole
 * has come, so the least never falls.
 */
#ifndef TAKT_DISRUPTOR_GATE_H
#define TAKT_DISRUPTOR_GATE_H

#include <takt/ring.h>

#include "disruptor/atomic.h"

struct takt__gate {
    takt_ring *ring;               /* the gate is what a ring with many producers has published */
    const takt_sequence **members; /* fixed array; a slot is set before `used` covers it */
    uint32_t version;              /* raised when new members count */
    uint32_t used;                 /* slots of members to look at */
};

/* Moves the cursor over what the producers have published by now, and returns it. */
int64_t takt__ring_advance(takt_ring *ring);

static inline const takt_sequence *takt__gate_member(const struct takt__gate *gate, uint32_t i)
{
    return takt__ldp_acq(&gate->members[i]); /* acquire [pairs: gate-member] */
}

/* One look at all members, valid if the version stays as it was. */
static inline int64_t takt__gate_scan(const struct takt__gate *gate)
{
    uint32_t used = takt__ld32_acq(&gate->used); /* acquire [pairs: gate-used] */
    int64_t least = TAKT_SEQUENCE_GONE;
    for (uint32_t i = 0; i < used; i++) {
        int64_t value =
            takt__ld64_acq(&takt__gate_member(gate, i)->value); /* acquire [pairs: sequence] */
        if (value < least)
            least = value;
    }
    return least;
}

/*
 * The least sequence of the members: all of them have done everything up to it, and that is
 * visible to the caller. TAKT_SEQUENCE_GONE if there are none.
 */
static inline int64_t takt__gate_least(const struct takt__gate *gate)
{
    if (gate->ring)
        return takt__ring_advance(gate->ring);
    for (;;) {
        uint32_t before = takt__ld32_acq(&gate->version); /* acquire [pairs: gate-version] */
        int64_t least = takt__gate_scan(gate);
        /* Not before the members: their acquires see to that. */
        if (TAKT_LIKELY(takt__ld32_rlx(&gate->version) == before))
            return least;
    }
}

/* Several gates: what one stage, or the producer, waits for. */
struct takt__gates {
    uint32_t count;
    const struct takt__gate *gate[TAKT_GATING_MAX + 1]; /* and a ring's own */
};

/* The least of all of them; TAKT_SEQUENCE_GONE if there are none. */
static inline int64_t takt__gates_least(const struct takt__gates *gates)
{
    int64_t least = TAKT_SEQUENCE_GONE;
    for (uint32_t i = 0; i < gates->count; i++) {
        int64_t value = takt__gate_least(gates->gate[i]);
        if (value < least)
            least = value;
    }
    return least;
}

/* Covers the first `used` slots from now on. One changer at a time. */
static inline void takt__gate_cover(struct takt__gate *gate, uint32_t used)
{
    takt__st32_rel(&gate->used, used); /* release [pairs: gate-used] */
}

/* Says that the members stored and covered so far count. One changer at a time. */
static inline void takt__gate_raise(struct takt__gate *gate)
{
    uint32_t version = takt__ld32_rlx(&gate->version);
    takt__st32_rel(&gate->version, version + 1); /* release [pairs: gate-version] */
}

#endif
