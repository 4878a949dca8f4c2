/* SPDX-License-Identifier: MIT */
/*
 * A ring of bytes beside the slots.
 *
 * Positions count bytes from the creation on; position p lies at memory[p mod capacity]. Sequences
 * take positions in their own order, so one number, `head`, says what has been handed out. For each
 * slot an extent records where the bytes of its sequence start. A message that would cross the end
 * of the memory starts at the next lap, and the bytes before it are skipped.
 *
 * What is free. Let `done` be the sequence that all consumers have released and `claimed` the
 * highest one claimed. The live messages are done + 1 .. claimed. As positions follow sequences,
 * the oldest of them has the lowest start, and a message [start, end) overlaps none if
 *
 *     end - capacity <= start of done + 1        or no message is live (done >= claimed).
 *
 * The start of the oldest that lives, not the end of the last that died: else what was skipped
 * between the two would count as used, and a message larger than what is left before the wrap and
 * than what is left behind it could wait for ever beside an empty ring.
 *
 * The extent of done + 1 is still there. A slot is taken from sequence s by s + slots, and that is
 * claimed only when done >= s. Turned round: done >= claimed - slots at any time, so the slot of
 * done + 1 > claimed - slots has not been claimed again. (The slot of `done` itself may have been;
 * this is the other reason to look at the one after it.) What was claimed before the payload ring
 * was made has extents that start at 0, where the first message does: right as well.
 *
 * What to wait for. Starts grow with the sequences, so the least sequence whose release makes room
 * for a message is found by bisection between done and claimed, and the waiting is for that one: it
 * is the consumers that are slept at, not this file's business.
 *
 * Order in memory. The bytes of a message, and its extent, are written before its sequence is
 * published and read after that, as a slot is: the edge is the cursor's [pairs: sequence]. They are
 * written again after the consumers' sequences were read (acquire) at or beyond it: the same edge
 * as for slots, in the other direction. What such a look has found is remembered (`slots_until`,
 * `bytes_until`) for the thread that looked or, with many producers, under the lock, which hands
 * the edge on.
 *
 * Many producers. Which bytes are free is told by a single sequence only because positions follow
 * sequences, so the two must be claimed in one step. Two compare-and-swaps, one on each counter,
 * could be overtaken between them; so a claim is made under a lock. It is held for a few
 * instructions, never while waiting, and only when both slot and bytes are there is `claimed`
 * moved, so that nothing must ever be given back. Filling and publishing happen outside.
 *
 * Slots claimed without bytes move `claimed` past what this file has seen. The next claim here
 * gives them extents of no bytes at the present head. Their laps become 0 and had been of a lap
 * before, so a consumer that asks for their bytes meanwhile, the only one to look at such an extent
 * besides, is told that there are none either way.
 */
#include <takt/payload.h>

#include "disruptor/alloc.h"
#include "disruptor/backoff.h"
#include "disruptor/ring.h"

#define ALIGNMENT 8

/* Tries for the lock before a deadline that has passed counts: its holder is about to leave. */
#define PATIENCE 96

/* Not an error of the table: somebody else has claimed meanwhile. */
#define AGAIN INT64_MIN

static int check(const takt_ring *ring, const takt_payload_options *options)
{
    if (!ring || !options || options->size != sizeof *options)
        return TAKT_EINVAL;
    int64_t n = options->capacity;
    if (n < 1 || n > TAKT_PAYLOAD_MAX || (n & (n - 1)) != 0)
        return TAKT_ECAPACITY;
    size_t a = options->alignment ? options->alignment : ALIGNMENT;
    if ((a & (a - 1)) != 0 || a > TAKT_PAYLOAD_ALIGNMENT_MAX || a > (size_t)n)
        return TAKT_EALIGN;
    return 0;
}

static size_t extents_size(const takt_ring *ring)
{
    return (size_t)takt_ring_capacity(ring) * sizeof(takt__extent);
}

int takt_payload_create(takt_payload **out, takt_ring *ring, const takt_payload_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(ring, options);
    if (error < 0)
        return error;
    const takt_allocator *allocator = ring->hidden->allocator;
    takt_payload *p = takt__allocate(allocator, sizeof *p, TAKT_LINE_PAIR);
    if (!p)
        return TAKT_ENOMEM;
    size_t alignment = options->alignment ? options->alignment : ALIGNMENT;
    p->ring = ring;
    p->mask = options->capacity - 1;
    p->slot_mask = ring->mask;
    p->lap_shift = ring->hidden->lap_shift;
    p->alignment = (uint32_t)alignment;
    p->last = takt__ld64_rlx(&ring->claimed);
    p->slots_until = p->last;
    p->memory = takt__allocate(allocator, (size_t)options->capacity,
                               alignment > TAKT_LINE_PAIR ? alignment : TAKT_LINE_PAIR);
    p->extents = takt__allocate(allocator, extents_size(ring), TAKT_LINE_PAIR);
    if (!p->memory || !p->extents) {
        takt_payload_destroy(p);
        return TAKT_ENOMEM;
    }
    *out = p;
    return 0;
}

void takt_payload_destroy(takt_payload *p)
{
    if (!p)
        return;
    const takt_allocator *allocator = p->ring->hidden->allocator;
    takt__release(allocator, p->memory, (size_t)takt_payload_capacity(p));
    takt__release(allocator, p->extents, extents_size(p->ring));
    takt__release(allocator, p, sizeof *p);
}

static takt__extent *extent(const takt_payload *p, int64_t sequence)
{
    return &p->extents[sequence & p->slot_mask];
}

/* Gives no bytes to what was claimed without this file's knowledge, up to `claimed`. */
static void fill_gap(takt_payload *p, int64_t claimed)
{
    int64_t s = p->last + 1;
    if (s < claimed - p->slot_mask)
        s = claimed - p->slot_mask;
    for (; s <= claimed; s++) {
        extent(p, s)->start = p->head;
        takt__st32_rlx(&extent(p, s)->lap, 0);
    }
    p->last = claimed;
}

/* Where a message of `size` bytes starts: at the head, or at the wrap. */
static int64_t place(const takt_payload *p, int64_t size)
{
    int64_t before_wrap = p->mask + 1 - (p->head & p->mask);
    return size > before_wrap ? p->head + before_wrap : p->head;
}

/*
 * The sequence that all consumers have released; what is published if they have all gone, since
 * one that is added begins there.
 */
static int64_t find_done(takt_ring *ring, bool *all_gone)
{
    for (;;) {
        uint32_t version = takt__ring_version(ring);
        int64_t done = takt__gates_least(&ring->hidden->consumers);
        *all_gone = done == TAKT_SEQUENCE_GONE;
        if (*all_gone)
            done = takt_ring_cursor(ring);
        takt__fence();
        if (takt__ring_version(ring) == version)
            return done;
    }
}

/* The least sequence whose release makes room for one more slot and for a message up to `end`. */
static int64_t find_wanted(const takt_payload *p, int64_t claimed, int64_t done, int64_t end)
{
    int64_t low = claimed - p->slot_mask;
    int64_t high = claimed;
    if (low < done)
        low = done;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (end - takt_payload_capacity(p) <= extent(p, middle + 1)->start)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

/*
 * Moves `claimed` by one; false if it is not what it was. Who claims bytes next knows of this claim
 * by the lock, and who claims slots alone need not know of it.
 */
static bool take_slot(takt_ring *ring, int64_t claimed)
{
    if (ring->laps)
        return takt__cas64_rlx(&ring->claimed, claimed, claimed + 1);
    takt__st64_rlx(&ring->claimed, claimed + 1);
    return true;
}

/* Notes what a claim has taken: the sequence, and the bytes from `start` on. */
static void *note(takt_payload *p, int64_t sequence, int64_t start, uint32_t length)
{
    takt__extent *e = extent(p, sequence);
    e->start = start;
    e->length = length;
    takt__st32_rlx(&e->lap, takt__payload_lap(p, sequence));
    p->last = sequence;
    p->head = start + (((int64_t)length + p->alignment - 1) & -(int64_t)p->alignment);
    return p->memory + (start & p->mask);
}

/*
 * One attempt at both, by the only producer or under the lock. TAKT_EFULL, with the sequence to
 * wait for in *wanted, or TAKT_SEQUENCE_GONE if there is nobody to wait for. What a look has found
 * is kept only by a claim that succeeds: with no message live it depends on where this one starts.
 */
static int64_t attempt(takt_payload *p, uint32_t length, void **memory, int64_t *wanted)
{
    takt_ring *ring = p->ring;
    /* acquire [pairs: claimed]: who claimed a slot elsewhere knows it to be free */
    int64_t claimed = takt__ld64_acq(&ring->claimed);
    fill_gap(p, claimed);
    int64_t start = place(p, length);
    int64_t end = start + length;
    int64_t slots_until = p->slots_until;
    int64_t bytes_until = p->bytes_until;
    if (claimed >= slots_until || end > bytes_until) {
        int64_t last = TAKT_SEQUENCE_GONE - 2 - p->slot_mask; /* of all sequences, as in claim.c */
        if (takt__ring_has_no_consumer(ring))
            return TAKT_ENOCONSUMER;
        if (claimed >= last)
            return TAKT_ELIMIT;
        bool all_gone;
        int64_t done = find_done(ring, &all_gone);
        slots_until = done + p->slot_mask + 1;
        slots_until = slots_until < last ? slots_until : last;
        bytes_until =
            takt_payload_capacity(p) + (done < claimed ? extent(p, done + 1)->start : start);
        if (claimed >= slots_until || end > bytes_until) {
            *wanted = all_gone ? TAKT_SEQUENCE_GONE : find_wanted(p, claimed, done, end);
            return TAKT_EFULL;
        }
    }
    if (!take_slot(ring, claimed))
        return AGAIN;
    p->slots_until = slots_until;
    p->bytes_until = bytes_until;
    void *bytes = note(p, claimed + 1, start, length);
    if (memory)
        *memory = bytes;
    return claimed + 1;
}

static bool lock(takt_payload *p, int64_t deadline)
{
    struct takt__backoff backoff = {0};
    while (!takt__cas32(&p->lock, 0, 1)) { /* acquire [pairs: payload-lock] */
        if (backoff.round >= PATIENCE && takt_now() >= deadline)
            return false;
        takt__backoff_wait(&backoff, deadline);
    }
    return true;
}

static void unlock(takt_payload *p)
{
    takt__st32_rel(&p->lock, 0); /* release [pairs: payload-lock] */
}

static int64_t attempt_multi(takt_payload *p, uint32_t length, int64_t deadline, void **memory,
                             int64_t *wanted)
{
    int64_t result;
    do {
        if (!lock(p, deadline))
            return deadline == TAKT_NOW ? TAKT_EFULL : TAKT_ETIMEDOUT;
        result = attempt(p, length, memory, wanted);
        unlock(p);
    } while (result == AGAIN);
    return result;
}

/* Waits until all consumers have released `wanted`, or the ring is halted: 0, or TAKT_ETIMEDOUT. */
static int await_release(takt_ring *ring, int64_t wanted, int64_t deadline)
{
    struct takt__await what = {
        .gates = &ring->hidden->consumers,
        .wanted = wanted,
        .alert = &ring->halted,
        .deadline = deadline,
    };
    return takt__await(&what, &ring->hidden->wait) == TAKT_ETIMEDOUT ? TAKT_ETIMEDOUT : 0;
}

int64_t takt_payload_next_until(takt_payload *p, size_t bytes, int64_t deadline, void **memory)
{
    takt_ring *ring = p->ring;
    if (bytes > (size_t)takt_payload_capacity(p))
        return TAKT_EINVAL;
    for (;;) {
        if (takt__ld32_rlx(&ring->halted))
            return TAKT_EHALTED;
        int64_t wanted = TAKT_SEQUENCE_GONE;
        int64_t result = ring->laps ? attempt_multi(p, (uint32_t)bytes, deadline, memory, &wanted)
                                    : attempt(p, (uint32_t)bytes, memory, &wanted);
        if (result != TAKT_EFULL || deadline == TAKT_NOW || wanted == TAKT_SEQUENCE_GONE)
            return result;
        int error = await_release(ring, wanted, deadline);
        if (error < 0)
            return error;
    }
}
