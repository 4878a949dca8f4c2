/* SPDX-License-Identifier: MIT */
/*
 * The ring buffer: preallocated slots that events are written into and handled in, in place.
 *
 *     int64_t s = takt_ring_next(ring, 1);
 *     struct tick *t = takt_ring_at(ring, s);
 *     ...fill *t...
 *     takt_ring_publish(ring, s);
 *
 * One thread produces, or, with `multi`, any number of them. With one producer, claim and publish
 * are inline: no call, no locked instruction and no fence while there is room, although consumers
 * may be asleep. A claim is made only when there is room for it, so a claim that is given up leaves
 * no hole behind. What was claimed must be published, if need be as void.
 *
 * Consumers are known to the ring by their sequences (takt/consumer.h; takt_ring_add_gating for
 * sequences of your own); the producers never overtake the slowest of them.
 */
#ifndef TAKT_RING_H
#define TAKT_RING_H

#include <takt/alloc.h>
#include <takt/clock.h>
#include <takt/error.h>
#include <takt/sequence.h>
#include <takt/wait.h>

/* The most slots of a ring. */
#define TAKT_CAPACITY_MAX (INT64_C(1) << 40)

/* Visible for the inline functions below; no field is to be touched otherwise. */
typedef struct takt_ring {
    /* Written once, at creation. */
    unsigned char *slots;
    int64_t mask;
    uint64_t event_size;
    uint32_t *laps; /* many producers: for each slot, the lap in which it was last published */
    struct takt__ring_private *hidden;
    /* The producers' own. */
    TAKT_ALIGNED int64_t claimed; /* the highest sequence claimed */
    int64_t room; /* the highest that may be claimed without a look; many producers: none may */
    /* Read by every consumer. */
    takt_sequence cursor; /* the highest sequence published; many producers: at least this */
    TAKT_ALIGNED uint32_t halted;
} takt_ring;

typedef struct takt_ring_options {
    size_t size;       /* sizeof(takt_ring_options): lets the structure grow */
    size_t event_size; /* bytes of a slot */
    int64_t capacity;  /* slots; a power of two */
    bool multi;        /* several threads claim and publish */
    size_t alignment;  /* of the slots; 0: TAKT_LINE_PAIR. Divides event_size if > 8 */
    int64_t first;     /* the first sequence, if not 0: a stream that goes on from somewhere */
    takt_wait wait;    /* how producers wait for room */
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
 * Makes the producers wait for a sequence of the caller's own, which the caller moves. Before the
 * first claim only. TAKT_ELIMIT beyond TAKT_GATING_MAX sequences, TAKT_ESTATE after a claim.
 */
int takt_ring_add_gating(takt_ring *ring, const takt_sequence *consumer);

/*
 * Makes claims, waiting and future ones, fail with TAKT_EHALTED, as well as waits at the ring's
 * barriers for what is not there, and consumers stop after the batches that they are handling. Any
 * thread; takes the lock under which consumers are added.
 */
void takt_ring_halt(takt_ring *ring);

/*
 * Waits until every consumer has done what is published now. Returns how many events the slowest
 * of them has left at the deadline: 0 when drained. Returns early once a consumer has failed for
 * good, or the ring is halted. Changes nothing: events may be published before and after. With
 * `deadline` TAKT_NOW it is the backlog. Any thread.
 */
int64_t takt_ring_drain(takt_ring *ring, int64_t deadline);

/*
 * Slots that could be claimed at this moment, from 0 to the capacity. Exact for a single producer's
 * own thread, a snapshot for others. Any thread, O(consumers).
 */
int64_t takt_ring_remaining_capacity(const takt_ring *ring);

/*
 * Publishes low .. high as void: no handler will ever see them. For slots that were claimed and
 * could not be filled. The threads that may publish; O(high - low).
 */
void takt_ring_publish_void(takt_ring *ring, int64_t low, int64_t high);

/* Whether a sequence was published as void. A consumer's thread, before it is done with it. */
bool takt_ring_is_void(const takt_ring *ring, int64_t sequence);

/* The slow half of a claim, and the whole of it with many producers. */
int64_t takt__ring_claim(takt_ring *ring, int64_t n, int64_t deadline);

/* Publishing with many producers. */
void takt__ring_publish_multi(takt_ring *ring, int64_t low, int64_t high);

/* The slow half of a publish: wakes who sleeps. */
void takt__ring_wake(takt_ring *ring);

/* Whether many producers have published this sequence. */
bool takt__ring_is_published(const takt_ring *ring, int64_t sequence);

/* Moves the cursor over what many producers have published by now, and returns it. */
int64_t takt__ring_advance(takt_ring *ring);

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

/* The highest sequence up to which all is published; first - 1 before that. Any thread. */
static inline int64_t takt_ring_cursor(const takt_ring *ring)
{
    if (ring->laps)
        return takt__ring_advance((takt_ring *)ring);
    return takt_sequence_get(&ring->cursor);
}

/* Whether this sequence is published, and still in its slot or before it. Any thread. */
static inline bool takt_ring_is_available(const takt_ring *ring, int64_t sequence)
{
    if (!ring->laps)
        return sequence <= takt_sequence_get(&ring->cursor);
    return takt__ring_is_published(ring, sequence);
}

/*
 * Claims n slots (1 <= n <= capacity) and returns the highest sequence of them: the claim is
 * result - n + 1 .. result. Waits until `deadline` (takt_now() clock) for room, then returns
 * TAKT_ETIMEDOUT; nothing is claimed then. TAKT_EFULL at once with the deadline TAKT_NOW;
 * TAKT_EHALTED; TAKT_EINVAL for an n out of range; TAKT_ENOCONSUMER; TAKT_EFULL, whatever the
 * deadline, when all consumers have gone and what is missing is that something be published;
 * TAKT_ELIMIT at the end of all sequences. The producer's thread, or,
 * with many producers, any.
 */
static inline int64_t takt_ring_next_until(takt_ring *ring, int64_t n, int64_t deadline)
{
    int64_t high = (int64_t)((uint64_t)takt__load_relaxed(&ring->claimed) + (uint64_t)n);
    if (TAKT_UNLIKELY(high > takt__load_relaxed(&ring->room) ||
                      (uint64_t)n - 1 > (uint64_t)ring->mask))
        return takt__ring_claim(ring, n, deadline);
    takt__store_relaxed(&ring->claimed, high);
    return high;
}

/* Claims n slots, waiting for as long as it takes. */
static inline int64_t takt_ring_next(takt_ring *ring, int64_t n)
{
    return takt_ring_next_until(ring, n, TAKT_FOREVER);
}

/*
 * Claims n slots if they are free now, or returns TAKT_EFULL. Never blocks. Of many producers, one
 * that others have been faster than again and again has the next free slots kept for it: they do
 * not count as free here, so publish what is claimed before trying for more.
 */
static inline int64_t takt_ring_try_next(takt_ring *ring, int64_t n)
{
    return takt_ring_next_until(ring, n, TAKT_NOW);
}

/*
 * Publishes low .. high, which the caller has claimed. One producer: everything claimed up to
 * `high`. Many: in any order; consumers see a sequence when all before it are published too. Never
 * blocks, but may enter the kernel to wake a sleeper.
 */
static inline void takt_ring_publish_range(takt_ring *ring, int64_t low, int64_t high)
{
    if (TAKT_UNLIKELY(ring->laps != NULL)) {
        takt__ring_publish_multi(ring, low, high);
        return;
    }
    takt__store_release(&ring->cursor.value, high); /* release [pairs: sequence] */
    takt__compiler_fence();                         /* as in takt_sequence_set */
    if (TAKT_UNLIKELY(takt__load32_relaxed(&ring->cursor.sleepers)))
        takt__ring_wake(ring);
}

/* Publishes one claimed event; one producer: everything claimed up to it. */
static inline void takt_ring_publish(takt_ring *ring, int64_t sequence)
{
    takt_ring_publish_range(ring, sequence, sequence);
}

#endif
