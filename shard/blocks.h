/* SPDX-License-Identifier: MIT */
/*
 * Division of the sequences by blocks: shard `index` of `shards` owns the sequences s with
 * (s / block) % shards == index. The block is a power of two.
 *
 * Everything is reduced to the ordinal of a sequence within its shard: the shard's o-th sequence
 * (o = 0, 1, ...) is found, and how many of the shard's sequences lie below a given one is
 * counted, without a loop.
 *
 *     block 2, 3 shards    s: 0 1 2 3 4 5 6 7 8 9 ...
 *                      shard: 0 0 1 1 2 2 0 0 1 1 ...
 *                    ordinal: 0 1 0 1 0 1 2 3 2 3 ...
 */
#ifndef TAKT_SHARD_BLOCKS_H
#define TAKT_SHARD_BLOCKS_H

#include <stdint.h>

struct takt__blocks {
    uint32_t shift;  /* log2 of the block */
    uint32_t shards; /* in the division */
};

static inline int64_t takt__blocks_block(const struct takt__blocks *d)
{
    return INT64_C(1) << d->shift;
}

/* Sequences of other shards between two blocks of one shard. */
static inline int64_t takt__blocks_skip(const struct takt__blocks *d)
{
    return (int64_t)(d->shards - 1) << d->shift;
}

/* How many sequences below s (s >= 0) shard `index` owns. */
static inline int64_t takt__blocks_ordinal(const struct takt__blocks *d, uint32_t index, int64_t s)
{
    if (d->shards == 1)
        return s;
    int64_t block = takt__blocks_block(d);
    int64_t round = (int64_t)d->shards << d->shift;
    int64_t in_round = s % round - (int64_t)index * block;
    if (in_round < 0)
        in_round = 0;
    if (in_round > block)
        in_round = block;
    return s / round * block + in_round;
}

/* The sequence of ordinal o. */
static inline int64_t takt__blocks_sequence(const struct takt__blocks *d, uint32_t index, int64_t o)
{
    if (d->shards == 1)
        return o;
    int64_t block = takt__blocks_block(d);
    return (o >> d->shift) * ((int64_t)d->shards << d->shift) + (int64_t)index * block +
           (o & (block - 1));
}

/* The first sequence from s on that shard `index` owns. */
static inline int64_t takt__blocks_first(const struct takt__blocks *d, uint32_t index, int64_t s)
{
    return takt__blocks_sequence(d, index, takt__blocks_ordinal(d, index, s));
}

#endif
