/* SPDX-License-Identifier: MIT */
/*
 * The ring with one producer.
 *
 * Sequence s lives in slot s mod capacity. The producer may write s when every consumer has done
 * s - capacity, the event that had the slot before. It remembers the highest sequence for which
 * that is known (`room`) and reads the consumers' lines only when it gets there: with a ring that
 * is not full, once for many events.
 *
 * Two edges make the slots' contents safe. Producer to consumer: the cursor is stored (release)
 * after the slot was filled, and read (acquire) before the slot is. Consumer to producer: a
 * consumer's sequence is stored (release) after it has done with the slot, and read (acquire) here
 * before the slot is claimed.
 */
#include "disruptor/ring.h"
#include "disruptor/alloc.h"
#include "disruptor/backoff.h"

static int check(const takt_ring_options *options)
{
    if (!options || options->size != sizeof *options)
        return TAKT_EINVAL;
    if (options->event_size == 0 || options->event_size > UINT32_MAX)
        return TAKT_EEVENTSIZE;
    int64_t n = options->capacity;
    if (n < 1 || n > TAKT_CAPACITY_MAX || (n & (n - 1)) != 0 ||
        (uint64_t)n > SIZE_MAX / 4 / options->event_size)
        return TAKT_ECAPACITY;
    size_t a = options->alignment;
    if ((a & (a - 1)) != 0 || (a > 8 && options->event_size % a != 0))
        return TAKT_EALIGN;
    return 0;
}

static void init_gates(takt_ring *ring)
{
    struct takt__ring_private *hidden = ring->hidden;
    hidden->added.members = hidden->added_members;
    hidden->producer_member[0] = &ring->cursor;
    hidden->producer.members = hidden->producer_member;
    takt__gate_cover(&hidden->producer, 1);
}

int takt_ring_create(takt_ring **out, const takt_ring_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(options);
    if (error < 0)
        return error;
    const takt_allocator *allocator =
        options->allocator ? options->allocator : takt_allocator_default();
    size_t slots_size = (size_t)options->capacity * options->event_size;
    size_t alignment = options->alignment ? options->alignment : TAKT_LINE_PAIR;
    takt_ring *ring = takt__allocate(allocator, sizeof *ring, TAKT_LINE_PAIR);
    struct takt__ring_private *hidden = takt__allocate(allocator, sizeof *hidden, TAKT_LINE_PAIR);
    unsigned char *slots = takt__allocate(allocator, slots_size, alignment);
    if (!ring || !hidden || !slots) {
        takt__release(allocator, slots, slots_size);
        takt__release(allocator, hidden, sizeof *hidden);
        takt__release(allocator, ring, sizeof *ring);
        return TAKT_ENOMEM;
    }
    hidden->allocator = allocator;
    hidden->slots_size = slots_size;
    ring->slots = slots;
    ring->mask = options->capacity - 1;
    ring->event_size = options->event_size;
    ring->hidden = hidden;
    ring->claimed = TAKT_SEQUENCE_INITIAL;
    ring->room = TAKT_SEQUENCE_INITIAL;
    takt_sequence_init(&ring->cursor, TAKT_SEQUENCE_INITIAL);
    init_gates(ring);
    *out = ring;
    return 0;
}

void takt_ring_destroy(takt_ring *ring)
{
    if (!ring)
        return;
    struct takt__ring_private *hidden = ring->hidden;
    const takt_allocator *allocator = hidden->allocator;
    takt__release(allocator, ring->slots, hidden->slots_size);
    takt__release(allocator, hidden, sizeof *hidden);
    takt__release(allocator, ring, sizeof *ring);
}

int takt__ring_add_gate(takt_ring *ring, const struct takt__gate *gate)
{
    struct takt__gates *gates = &ring->hidden->consumers;
    if (ring->claimed != TAKT_SEQUENCE_INITIAL)
        return TAKT_ESTATE;
    if (gates->count == TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    gates->gate[gates->count++] = gate;
    return 0;
}

int takt_ring_add_gating(takt_ring *ring, const takt_sequence *consumer)
{
    if (!ring || !consumer)
        return TAKT_EINVAL;
    struct takt__gate *added = &ring->hidden->added;
    if (ring->claimed != TAKT_SEQUENCE_INITIAL)
        return TAKT_ESTATE;
    if (added->used == TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    int error = added->used ? 0 : takt__ring_add_gate(ring, added);
    if (error < 0)
        return error;
    ring->hidden->added_members[added->used] = consumer;
    takt__gate_cover(added, added->used + 1);
    return 0;
}

void takt_ring_halt(takt_ring *ring)
{
    takt__st32_rel(&ring->halted, 1); /* release [pairs: halt] */
    takt__sequence_wake(&ring->cursor);
    if (ring->hidden->park)
        takt__park_wake_all(ring->hidden->park);
}

/* Looks at the consumers again: whether sequences up to `high` are free. */
static bool has_room(takt_ring *ring, int64_t high)
{
    int64_t done = takt__gates_least(&ring->hidden->consumers);
    if (done > ring->claimed) /* all consumers have gone */
        done = ring->claimed;
    ring->room = done + ring->mask + 1;
    return high <= ring->room;
}

int takt__ring_make_room(takt_ring *ring, int64_t n, int64_t deadline)
{
    if (n < 1 || n > ring->mask + 1)
        return TAKT_EINVAL;
    if (ring->hidden->consumers.count == 0)
        return TAKT_ENOCONSUMER;
    struct takt__backoff backoff = {0};
    for (;;) {
        if (takt__ld32_rlx(&ring->halted))
            return TAKT_EHALTED;
        if (has_room(ring, ring->claimed + n))
            return 0;
        if (deadline == TAKT_NOW)
            return TAKT_EFULL;
        if (deadline != TAKT_FOREVER && takt_now() >= deadline)
            return TAKT_ETIMEDOUT;
        takt__backoff_wait(&backoff, deadline);
    }
}

void takt__ring_set_park(takt_ring *ring, struct takt__park *park)
{
    ring->hidden->park = park;
}

void takt__ring_wake(takt_ring *ring)
{
    takt__sequence_wake(&ring->cursor);
    if (ring->hidden->park)
        takt__park_wake_one(ring->hidden->park);
}
