/* SPDX-License-Identifier: MIT */
/*
 * Division of the events by key. A key is any 64-bit number; it is spread by a multiplication
 * (Fibonacci hashing) to 32 bits, and the shards divide the range of those evenly: shard
 * hash * shards / 2^32. takt_batch_set_key stores the same hash in the pipeline's key column.
 */
#ifndef TAKT_SHARD_KEYS_H
#define TAKT_SHARD_KEYS_H

#include <stdint.h>

#include "shard/stage.h"

static inline uint32_t takt__key_hash(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

static inline uint32_t takt__key_shard(uint32_t hash, uint32_t shards)
{
    return (uint32_t)(((uint64_t)hash * shards) >> 32);
}

/*
 * Picks the events of shard `index` from the sequences [from, to), at most `limit` of them, into
 * picks (as distances from `from`). Returns how many; *end is one past the last sequence looked at.
 */
uint32_t takt__keys_pick(const struct takt__stage *stage, uint32_t index, uint32_t shards,
                         int64_t from, int64_t to, uint32_t *picks, uint32_t limit, int64_t *end);

#endif
