/* SPDX-License-Identifier: MIT */
/*
 * The price levels of one side of a book: a sorted array with the best level at its end.
 *
 * Nearly everything that happens in a book happens at its best few prices, and that is what a
 * sorted array with the best at the end is best at: the level is found by looking at a few keys
 * from the end, a new level moves only the levels that are better than it, and the best one is
 * read without any search. A tree pays a cache miss for each of its steps; here the keys of the
 * sixteen best levels share a cache line, because keys and shares lie in two arrays one after the
 * other. Far from the best price the search goes on by halves, so that only the moving is linear
 * in the distance from the best, and that is one memmove.
 *
 * The memory is at most twice what the levels need: 24 bytes for a level, and a level has at least
 * one order.
 */
#include "levels.h"

#include <stdlib.h>
#include <string.h>

#include "event.h"

#define CAPACITY_LEAST 8
/* As many keys are looked at one by one, from the best, before the search goes on by halves. */
#define SCAN 16

static int resize(struct levels *levels, uint64_t capacity)
{
    struct levels next = {NULL, levels->count, (uint32_t)capacity};

    if (capacity > UINT32_MAX)
        return BOOK_ENOMEM;
    next.shares = malloc(capacity * (sizeof(uint64_t) + sizeof(uint32_t)));
    if (!next.shares)
        return BOOK_ENOMEM;
    if (levels->count > 0) {
        memcpy(next.shares, levels->shares, levels->count * sizeof(uint64_t));
        memcpy(levels_keys(&next), levels_keys(levels), levels->count * sizeof(uint32_t));
    }
    free(levels->shares);
    *levels = next;
    return 0;
}

/* How many levels have a key below or equal to `key`: the level itself, if any, is the last. */
static uint32_t rank(const struct levels *levels, uint32_t key)
{
    const uint32_t *keys = levels_keys(levels);
    uint32_t high = levels->count, low = high > SCAN ? high - SCAN : 0;

    for (; high > low; high--) {
        if (keys[high - 1] <= key)
            return high;
    }
    low = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (keys[middle] <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int levels_add(struct levels *levels, uint32_t key, uint64_t shares)
{
    uint32_t at = levels->count == 0 ? 0 : rank(levels, key);
    uint32_t behind = levels->count - at;
    uint32_t *keys;

    if (at > 0 && levels_keys(levels)[at - 1] == key) {
        levels->shares[at - 1] += shares;
        return 0;
    }
    if (levels->count == levels->capacity) {
        uint64_t more = (uint64_t)levels->capacity + levels->capacity / 2;

        if (resize(levels, more < CAPACITY_LEAST ? CAPACITY_LEAST : more) != 0)
            return BOOK_ENOMEM;
    }
    keys = levels_keys(levels);
    memmove(&keys[at + 1], &keys[at], behind * sizeof(*keys));
    memmove(&levels->shares[at + 1], &levels->shares[at], behind * sizeof(*levels->shares));
    keys[at] = key;
    levels->shares[at] = shares;
    levels->count++;
    return 0;
}

static void drop(struct levels *levels, uint32_t at)
{
    uint32_t *keys = levels_keys(levels);
    uint32_t behind = levels->count - at - 1;

    memmove(&keys[at], &keys[at + 1], behind * sizeof(*keys));
    memmove(&levels->shares[at], &levels->shares[at + 1], behind * sizeof(*levels->shares));
    levels->count--;
    /* Where there is no memory for a smaller array, the larger one goes on serving. */
    if (levels->count < levels->capacity / 2 && levels->capacity > CAPACITY_LEAST) {
        uint64_t fewer = levels->capacity - levels->capacity / 4;

        (void)resize(levels, fewer < CAPACITY_LEAST ? CAPACITY_LEAST : fewer);
    }
}

uint64_t levels_take(struct levels *levels, uint32_t key, uint64_t shares)
{
    uint32_t at = levels->count == 0 ? 0 : rank(levels, key);

    if (at == 0 || levels_keys(levels)[at - 1] != key)
        return 0;
    if (levels->shares[at - 1] > shares) {
        levels->shares[at - 1] -= shares;
        return shares;
    }
    shares = levels->shares[at - 1];
    drop(levels, at - 1);
    return shares;
}

void levels_free(struct levels *levels)
{
    free(levels->shares);
    *levels = (struct levels){0};
}
