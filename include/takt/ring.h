/* SPDX-License-Identifier: MIT */
/*
 * The ring buffer: preallocated slots that events are written into and handled in, in place.
 *
 *     int64_t s = takt_ring_next(ring, 1);
 *     struct tick *t = takt_ring_at(ring, s);
 *     ...fill *t...
 *     takt_ring_publish(ring, s);
 *
 * One thread produces. Claim and publish are inline: no call, no locked instruction and no fence
 * while there is room. A claim is made only when there is room for it, so a claim that is given up
 * leaves no hole behind.
 *
 * Consumers are known to the ring by their sequences, which must be added before the first claim;
 * the producer never overtakes the slowest of them. A sequence barrier tells a consumer how far
 * the producer, or the consumers before it, have come.
 */
#ifndef TAKT_RING_H
#define TAKT_RING_H

#include <takt/alloc.h>
#include <takt/clock.h>
#include <takt/error.h>
#include <takt/sequence.h>

/* The most slots of a ring. */
#define TAKT_CAPACITY_MAX (INT64_C(1) << 40)

/* Visible for the inline functions below; no field is to be touched otherwise. */
typedef struct takt_ring {
    /* Written once, at creation. */
    unsigned char *slots;
    int64_t mask;
    uint64_t event_size;
    struct takt__ring_private *hidden;
    /* The producer's own. */
    TAKT_ALIGNED int64_t claimed; /* the highest sequence claimed */
    int64_t room;                 /* the highest that may be claimed without a look at consumers */
    /* Read by every consumer. */
    takt_sequence cursor; /* the highest sequence published */
    TAKT_ALIGNED uint32_t halted;
} takt_ring;

typedef struct takt_ring_options {
    size_t size;       /* sizeof(takt_ring_options): lets the structure grow */
    size_t event_size; /* bytes of a slot */
    int64_t capacity;  /* slots; a power of two */
    size_t alignment;  /* of the slots; 0: TAKT_LINE_PAIR. Divides event_size if > 8 */
    const takt_allocator *allocator; /* NULL: takt_allocator_default() */
} takt_ring_options;

#ifndef __cplusplus
/* Options in place: takt_ring_create(&ring, TAKT_RING(.event_size = 64, .capacity = 1024)). */
#define TAKT_RING(...) (&(takt_ring_options){.size = sizeof(takt_ring_options), __VA_ARGS__})
#endif

TAKT__DECLS_BEGIN

/*
 * Makes a ring; its slots are zeroed. TAKT_EINVAL, TAKT_ECAPACITY, TAKT_EEVENTSIZE, TAKT_EALIGN or
 * TAKT_ENOMEM, and *ring is NULL then. O(capacity).
 */
int takt_ring_create(takt_ring **ring, const takt_ring_options *options);

/* Frees a ring that no thread uses any more. NULL is fine. */
void takt_ring_destroy(takt_ring *ring);

/*
 * Makes the producer wait for `consumer`. Before the first claim only. TAKT_ELIMIT beyond
 * TAKT_GATING_MAX sequences, TAKT_ESTATE after a claim.
 */
int takt_ring_add_gating(takt_ring *ring, const takt_sequence *consumer);

/*
 * Makes every waiting claim, present and future, fail with TAKT_EHALTED. What is published stays.
 * Any thread, never blocks.
 */
void takt_ring_halt(takt_ring *ring);

/* The slow half of a claim: waits until n slots may be claimed, or the deadline passes. */
int takt__ring_make_room(takt_ring *ring, int64_t n, int64_t deadline);

/* The slow half of a publish: wakes who sleeps. */
void takt__ring_wake(takt_ring *ring);

TAKT__DECLS_END

/* Slots of the ring. */
static inline int64_t takt_ring_capacity(const takt_ring *ring)
{
    return ring->mask + 1;
}

/* The slot of a sequence: the claimer's until it publishes, then its consumers'. */
static inline void *takt_ring_at(const takt_ring *ring, int64_t sequence)
{
    return ring->slots + (uint64_t)(sequence & ring->mask) * ring->event_size;
}

/* The highest sequence published, TAKT_SEQUENCE_INITIAL before the first. Any thread. */
static inline int64_t takt_ring_cursor(const takt_ring *ring)
{
    return takt_sequence_get(&ring->cursor);
}

/*
 * Claims n slots (1 <= n <= capacity) and returns the highest sequence of them: the claim is
 * result - n + 1 .. result. Waits until `deadline` (takt_now() clock) for room, then returns
 * TAKT_ETIMEDOUT; nothing is claimed then. TAKT_EFULL at once with the deadline TAKT_NOW;
 * TAKT_EHALTED; TAKT_EINVAL for an n out of range; TAKT_ENOCONSUMER. The producer's thread only.
 */
static inline int64_t takt_ring_next_until(takt_ring *ring, int64_t n, int64_t deadline)
{
    int64_t high = (int64_t)((uint64_t)ring->claimed + (uint64_t)n);
    if (TAKT_UNLIKELY(high > ring->room || (uint64_t)n - 1 > (uint64_t)ring->mask)) {
        int error = takt__ring_make_room(ring, n, deadline);
        if (error < 0)
            return error;
    }
    ring->claimed = high;
    return high;
}

/* Claims n slots, waiting for as long as it takes. */
static inline int64_t takt_ring_next(takt_ring *ring, int64_t n)
{
    return takt_ring_next_until(ring, n, TAKT_FOREVER);
}

/* Claims n slots if they are free now, or returns TAKT_EFULL. Never blocks. */
static inline int64_t takt_ring_try_next(takt_ring *ring, int64_t n)
{
    return takt_ring_next_until(ring, n, TAKT_NOW);
}

/*
 * Publishes everything claimed up to `high`. The producer's thread only; never blocks, but may
 * enter the kernel to wake a sleeper.
 */
static inline void takt_ring_publish(takt_ring *ring, int64_t high)
{
    takt__store_release(&ring->cursor.value, high); /* release [pairs: sequence] */
    takt__compiler_fence();                         /* as in takt_sequence_set */
    if (TAKT_UNLIKELY(takt__load32_relaxed(&ring->cursor.sleepers)))
        takt__ring_wake(ring);
}

#endif
