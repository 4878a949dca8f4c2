/* SPDX-License-Identifier: MIT */
/*
 * Messages of any length: a ring of bytes beside the slots of a ring, for what does not fit a fixed
 * slot. A claim takes one slot and, for the same sequence, as many bytes in a row as the message
 * needs. Consumers find the bytes by the sequence; they are free again when the slot is.
 *
 *     void *memory;
 *     int64_t s = takt_payload_next(payload, length, &memory);
 *     memcpy(memory, text, length);
 *     takt_ring_publish(ring, s);                             as always; or takt_ring_publish_void
 *
 *     const char *text = takt_payload_at(payload, s, &length);         in a handler, or a loop
 *
 * Claims are for the threads that may claim from the ring: one, or, with `multi`, any.
 */
#ifndef TAKT_PAYLOAD_H
#define TAKT_PAYLOAD_H

#include <takt/ring.h>

/* The most bytes of a payload ring, and the largest alignment in it. */
#define TAKT_PAYLOAD_MAX           (INT64_C(1) << 31)
#define TAKT_PAYLOAD_ALIGNMENT_MAX 4096

/* Which bytes belong to the sequence that a slot holds. */
typedef struct takt__extent {
    int64_t start; /* a position: bytes counted from the creation on */
    uint32_t length;
    uint32_t lap; /* which of the slot's sequences this is about; 0: none */
} takt__extent;

/* Visible for the inline functions below; no field is to be touched otherwise. */
typedef struct takt_payload {
    /* Written once, at creation. */
    unsigned char *memory;
    int64_t mask;
    takt__extent *extents; /* one for each slot of the ring */
    int64_t slot_mask;
    uint32_t lap_shift;
    uint32_t alignment;
    takt_ring *ring;
    /* The producers' own; many producers: under the lock. */
    TAKT_ALIGNED uint32_t lock;
    int64_t last;        /* the extents are right up to this sequence */
    int64_t head;        /* where the next message begins, unless it must not cross the wrap */
    int64_t slots_until; /* what may be claimed without a look: the highest sequence, */
    int64_t bytes_until; /* and the highest position that a message may end at */
} takt_payload;

typedef struct takt_payload_options {
    size_t size;      /* sizeof(takt_payload_options) */
    int64_t capacity; /* bytes; a power of two, at most TAKT_PAYLOAD_MAX */
    size_t alignment; /* of every message; 0: 8. A power of two, at most the capacity and 4096 */
} takt_payload_options;

#ifndef __cplusplus
/* Options in place: takt_payload_create(&payload, ring, TAKT_PAYLOAD(.capacity = 1 << 20)). */
#define TAKT_PAYLOAD(...)                                                                          \
    (&(takt_payload_options){.size = sizeof(takt_payload_options), __VA_ARGS__})
#endif

TAKT__DECLS_BEGIN

/*
 * Makes a ring of bytes beside `ring`, with memory from the ring's allocator. TAKT_EINVAL,
 * TAKT_ECAPACITY, TAKT_EALIGN or TAKT_ENOMEM, and *payload is NULL then. While nobody claims.
 */
int takt_payload_create(takt_payload **payload, takt_ring *ring,
                        const takt_payload_options *options);

/* Frees it; no thread uses it any more, and its ring is still there. NULL is fine. */
void takt_payload_destroy(takt_payload *payload);

/*
 * Claims one slot of the ring, and `bytes` contiguous bytes (0 to the capacity) for its sequence,
 * or nothing at all. Returns the sequence, and in *memory (unless NULL) where the bytes are; they
 * hold whatever was there before. Waits until `deadline` for both, in the way of the ring's
 * producers, then returns TAKT_ETIMEDOUT; nothing is claimed then. TAKT_EFULL at once with the
 * deadline TAKT_NOW, or if all consumers have gone and what is claimed leaves no room;
 * TAKT_EHALTED; TAKT_ENOCONSUMER; TAKT_EINVAL for more bytes than there are; TAKT_ELIMIT at the end
 * of all sequences.
 *
 * Bytes come back in the order of the sequences, and no message crosses the end of the memory: what
 * is left before it is skipped. A message of more than half the capacity may therefore wait until
 * all before it are done, so publish what is claimed before claiming a large one. Producers are not
 * served in turn: a large message may wait while others claim small ones.
 *
 * Slots of the same ring may also be claimed without bytes, by takt_ring_next; they cost the next
 * claim here a few instructions each, and takt_payload_at gives NULL for them.
 */
int64_t takt_payload_next_until(takt_payload *payload, size_t bytes, int64_t deadline,
                                void **memory);

TAKT__DECLS_END

/* Claims a slot and bytes, waiting for as long as it takes. */
static inline int64_t takt_payload_next(takt_payload *payload, size_t bytes, void **memory)
{
    return takt_payload_next_until(payload, bytes, TAKT_FOREVER, memory);
}

/* Claims a slot and bytes if both are free now, or returns TAKT_EFULL. */
static inline int64_t takt_payload_try_next(takt_payload *payload, size_t bytes, void **memory)
{
    return takt_payload_next_until(payload, bytes, TAKT_NOW, memory);
}

/* Bytes of the payload ring. */
static inline int64_t takt_payload_capacity(const takt_payload *payload)
{
    return payload->mask + 1;
}

/* The lap of a sequence, as an extent has it: never 0. */
static inline uint32_t takt__payload_lap(const takt_payload *payload, int64_t sequence)
{
    return (uint32_t)((uint64_t)sequence >> payload->lap_shift) << 1 | 1;
}

/*
 * The bytes of a sequence, and in *bytes (unless NULL) how many there are. NULL and 0 if the
 * sequence was claimed without (takt_ring_next). Who claimed it, before publishing it; a consumer,
 * before it is done with it.
 */
static inline void *takt_payload_at(const takt_payload *payload, int64_t sequence, size_t *bytes)
{
    const takt__extent *e = &payload->extents[sequence & payload->slot_mask];
    bool there = takt__load32_relaxed(&e->lap) == takt__payload_lap(payload, sequence);
    if (bytes)
        *bytes = there ? e->length : 0;
    return there ? payload->memory + (e->start & payload->mask) : NULL;
}

#endif
