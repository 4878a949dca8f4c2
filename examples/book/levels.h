/* SPDX-License-Identifier: MIT */
/* The price levels of one side of a book. levels.c says how they lie in memory. */
#ifndef TAKT_BOOK_LEVELS_H
#define TAKT_BOOK_LEVELS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A level's key orders the levels from worst to best: the price itself for bids, its complement
 * for asks.
 */
static inline uint32_t level_key(bool sell, uint32_t price)
{
    return sell ? ~price : price;
}

/* All zero: an empty side. One thread at a time. */
struct levels {
    uint64_t *shares; /* of each level, never 0; then the keys, in the same memory */
    uint32_t count;
    uint32_t capacity;
};

/* The keys, ascending: the best level is the last. */
static inline uint32_t *levels_keys(const struct levels *levels)
{
    return (uint32_t *)(void *)(levels->shares + levels->capacity);
}

/* Adds shares (at least one) to the level `key`, which is made if need be. 0, or BOOK_ENOMEM. */
int levels_add(struct levels *levels, uint32_t key, uint64_t shares);

/*
 * Takes shares from the level `key` and drops the level when none are left. Returns how many were
 * there to be taken: fewer than asked where the level holds fewer, 0 where it does not exist.
 */
uint64_t levels_take(struct levels *levels, uint32_t key, uint64_t shares);

/* Gives the memory back and leaves an empty side. */
void levels_free(struct levels *levels);

#endif
