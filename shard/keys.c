/* SPDX-License-Identifier: MIT */
/*
 * Picking a keyed shard's events out of the input. Every shard of the stage looks at every key, so
 * the look must be cheap: stored keys lie side by side in the pipeline's key column, 16 to a cache
 * line. A key function instead has to touch each event.
 */
#include "shard/keys.h"

#include "disruptor/ring.h"

static uint32_t pick_stored(const struct takt__stage *stage, uint32_t index, uint32_t shards,
                            int64_t from, int64_t to, uint32_t *picks, uint32_t limit, int64_t *end)
{
    uint32_t n = 0;
    int64_t s = from;
    for (; s < to && n < limit; s++) {
        uint32_t hash = stage->keys[s & stage->mask];
        picks[n] = (uint32_t)(s - from);
        n += takt__key_shard(hash, shards) == index; /* no branch: it could not be foretold */
    }
    *end = s;
    return n;
}

static uint32_t pick_computed(const struct takt__stage *stage, uint32_t index, uint32_t shards,
                              int64_t from, int64_t to, uint32_t *picks, uint32_t limit,
                              int64_t *end)
{
    bool voids = stage->ring && takt__ring_may_be_void(stage->ring, from);
    uint32_t n = 0;
    int64_t s = from;
    for (; s < to && n < limit; s++) {
        const void *event = stage->slots + (uint64_t)(s & stage->mask) * stage->event_size;
        if (voids && takt_ring_is_void(stage->ring, s))
            continue; /* nobody has filled it: it has no key */
        picks[n] = (uint32_t)(s - from);
        n += takt__key_shard(takt__key_hash(stage->key(event)), shards) == index;
    }
    *end = s;
    return n;
}

uint32_t takt__keys_pick(const struct takt__stage *stage, uint32_t index, uint32_t shards,
                         int64_t from, int64_t to, uint32_t *picks, uint32_t limit, int64_t *end)
{
    if (stage->key)
        return pick_computed(stage, index, shards, from, to, picks, limit, end);
    return pick_stored(stage, index, shards, from, to, picks, limit, end);
}
