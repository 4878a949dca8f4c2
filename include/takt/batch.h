/* SPDX-License-Identifier: MIT */
/*
 * What a handler gets: the events of one shard that are due, in sequence order, in place.
 *
 * A shard owns either blocks of sequences (every N-th block) or the events whose key falls to it.
 * Both are hidden behind an index: event i of the batch is takt_batch_at(batch, i), for i from 0
 * to batch->count - 1, at the cost of a few instructions. Looking ahead (to prefetch what event
 * i + 8 will need) is what the index is for.
 */
#ifndef TAKT_BATCH_H
#define TAKT_BATCH_H

#include <takt/base.h>

typedef struct takt_batch {
    unsigned char *slots;
    int64_t mask;
    uint64_t event_size;
    int64_t first;         /* the sequence of event 0 */
    const uint32_t *picks; /* keyed: distance of each event from first; NULL otherwise */
    int64_t skip;          /* sequences of other shards between two blocks of this one */
    uint32_t phase;        /* where in its block the first event lies */
    uint32_t shift;        /* log2 of the block */
    uint32_t count;        /* events in the batch; a source may lower it to what it filled */
    uint32_t failed;       /* set by takt_batch_fail */
    uint32_t shard;        /* which shard of how many this is */
    uint32_t shards;
    uint32_t *keys;            /* the pipeline's key column, NULL where no stage uses stored keys */
    struct takt_sequence *own; /* a consumer's own sequence (takt_batch_release), or NULL */
} takt_batch;

/* The sequence of event i. */
static inline int64_t takt_batch_sequence(const takt_batch *b, uint32_t i)
{
    if (b->picks)
        return b->first + b->picks[i];
    return b->first + i + ((b->phase + i) >> b->shift) * b->skip;
}

/* Event i, in its slot. */
static inline void *takt_batch_at(const takt_batch *b, uint32_t i)
{
    return b->slots + (uint64_t)(takt_batch_sequence(b, i) & b->mask) * b->event_size;
}

/*
 * Event i, and in *count how many events, it and those after it, lie one after the other from there
 * on (1 <= *count <= b->count - i). A loop over stretches pays for the arithmetic of an index once
 * for each of them, and the compiler sees an array:
 *
 *     uint32_t run;
 *     for (uint32_t i = 0; i < b->count; i += run) {
 *         struct tick *tick = takt_batch_run(b, i, &run);
 *         for (uint32_t k = 0; k < run; k++)
 *             use(&tick[k]);
 *     }
 */
static inline void *takt_batch_run(const takt_batch *b, uint32_t i, uint32_t *count)
{
    int64_t s = takt_batch_sequence(b, i);
    int64_t to_end = b->mask + 1 - (s & b->mask);
    uint32_t n = b->picks ? 1 : b->count - i;
    if (b->skip) {
        uint32_t block = UINT32_C(1) << b->shift;
        uint32_t in_block = block - ((b->phase + i) & (block - 1));
        n = in_block < n ? in_block : n;
    }
    *count = to_end < n ? (uint32_t)to_end : n;
    return b->slots + (uint64_t)(s & b->mask) * b->event_size;
}

/*
 * Fetches a cache line that will be written soon, so that this core owns it by then. (The
 * compiler's own builtin fetches for reading unless it is told of the CPU, and owning the line is
 * then a second way to the other core. Where a CPU does not know the instruction it does nothing.)
 */
static inline void takt_prefetch_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/*
 * Stores the key of event i for the stages that divide by stored keys and run after this one. Any
 * 64-bit value; equal keys go to one shard at a time and are seen in sequence order. Does nothing
 * where no stage uses stored keys.
 */
static inline void takt_batch_set_key(const takt_batch *b, uint32_t i, uint64_t key)
{
    if (b->keys)
        b->keys[takt_batch_sequence(b, i) & b->mask] =
            (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/*
 * Says that event i could not be handled, for the reason `code` (negative); the handler returns
 * what this returns. The events before i count as done, event i and those after it do not.
 */
static inline int takt_batch_fail(takt_batch *b, uint32_t i, int code)
{
    b->failed = i;
    return code;
}

#endif
