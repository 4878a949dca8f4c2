/* SPDX-License-Identifier: MIT */
/*
 * A waiting room: where events stand in line for a ring that is full, and the oldest of them gives
 * way to the newest. One thread puts events in and never waits; another one takes them out, oldest
 * first.
 *
 * Why not in the ring itself? Sequence s lies in slot s mod capacity. To give up the oldest event
 * that nobody has begun frees its slot, but the next sequence needs the slot of the oldest event
 * that is not *done*, which somebody is just handling: for that the producer would have to wait,
 * however much it drops. So what may still be dropped has no sequence yet: it gets one when it
 * enters the ring, and what has one is never dropped. No stage can have seen an event without a
 * sequence, and stages, shards and cuts know nothing of any of this.
 *
 * Events stay in their slots here; what stands in line are the numbers of the slots:
 *
 *     spare   slots that are the producer's to fill
 *     line    slots with events that wait, from `head` (the oldest) to `tail`
 *     held    slots whose events are just being taken out
 *     back    slots that were taken out, on their way to the producer
 *
 * Who raises `head` over a position, by compare-and-swap, has the event there: the taker takes it,
 * or the producer drops it. Each position is passed by exactly one compare-and-swap, since `head`
 * only rises: so at rest, put in = taken + dropped + waiting, and no event is both. Both pass
 * positions in rising order: what is not dropped stays in order.
 *
 * The winner of a position knows the slot there by having read the line before. A position is
 * written again when the line is once around, which the producer does only after it has seen (by an
 * acquire) that `head` is past it. So a reader whose compare-and-swap succeeds has read what it
 * raised `head` over, and one that has read something newer fails. A taker reads an event only
 * after it has won it; the producer writes into a slot only after it has won it itself, or got it
 * back from the taker. The contents are handed on by `tail` (put in) and `back_tail` (given back).
 *
 * The producer never waits: there are `room + claim_most + take_most` slots, no more than `room`
 * stand in line when it claims, no more than take_most are held, so claim_most are its own or on
 * their way back. And it drops when it puts an event in, not when it claims a slot for it: a claim
 * that comes to nothing costs no event.
 */
#ifndef TAKT_DISRUPTOR_WAITING_H
#define TAKT_DISRUPTOR_WAITING_H

#include <takt/alloc.h>
#include <takt/batch.h>

#include "disruptor/atomic.h"

struct takt__waiting {
    /* Written once. */
    const takt_allocator *allocator;
    unsigned char *slots;
    uint64_t event_size;
    uint32_t *keys; /* of the slots, or NULL */
    uint32_t *line;
    uint32_t *back;
    uint32_t *spare;
    uint32_t *held;
    uint32_t slot_count;
    int64_t slot_mask; /* slot numbers are not above it */
    int64_t line_mask;
    int64_t back_mask;
    int64_t room; /* as many wait at most */
    uint32_t claim_most;
    uint32_t take_most;
    /* The producer's. */
    TAKT_ALIGNED int64_t tail; /* the position that comes next; read by others */
    int64_t dropped;           /* read by others, relaxed */
    int64_t back_head;         /* of `back`, the first not yet fetched */
    uint32_t spare_count;
    uint32_t claimed; /* the last so many of `spare` */
    /* Both sides'. */
    TAKT_ALIGNED int64_t head; /* the oldest position that waits */
    /* The taker's. */
    TAKT_ALIGNED int64_t back_tail;
};

struct takt__waiting_options {
    size_t event_size;
    size_t alignment; /* of the slots; 0: TAKT_LINE_PAIR */
    int64_t room;
    uint32_t claim_most; /* slots in one claim */
    uint32_t take_most;  /* events that are taken out at once */
    bool keys;
    const takt_allocator *allocator;
};

/* Makes one. TAKT_ENOMEM, and *waiting is NULL then. */
int takt__waiting_create(struct takt__waiting **waiting,
                         const struct takt__waiting_options *options);

/* Frees one that nobody uses any more. NULL is fine. */
void takt__waiting_destroy(struct takt__waiting *waiting);

/*
 * The producer's: gives it up to `n` slots, at most claim_most, as a batch. Never waits, and what
 * was claimed before and not put in is forgotten.
 */
void takt__waiting_claim(struct takt__waiting *waiting, takt_batch *batch, uint32_t n);

/*
 * The producer's: puts the first `n` of the slots claimed into the line, each of them at the cost
 * of the oldest there if the room is full.
 */
void takt__waiting_put(struct takt__waiting *waiting, uint32_t n);

/* The taker's: takes up to `n` of the oldest out of the line, at most take_most; how many. */
uint32_t takt__waiting_take(struct takt__waiting *waiting, uint32_t n);

/* Event i of those taken, and its key. */
static inline const void *takt__waiting_at(const struct takt__waiting *waiting, uint32_t i)
{
    return waiting->slots + (uint64_t)waiting->held[i] * waiting->event_size;
}

static inline uint32_t takt__waiting_key(const struct takt__waiting *waiting, uint32_t i)
{
    return waiting->keys[waiting->held[i]];
}

/* The taker's: the `n` events taken have been copied, their slots may be used again. */
void takt__waiting_give_back(struct takt__waiting *waiting, uint32_t n);

/* How many wait. Any thread; exact while nothing moves. */
static inline int64_t takt__waiting_count(const struct takt__waiting *waiting)
{
    int64_t head = takt__ld64_acq(&waiting->head); /* acquire [pairs: waiting-head] */
    return takt__ld64_rlx(&waiting->tail) - head;
}

#endif
