/* SPDX-License-Identifier: MIT */
/* Picking a keyed shard's events, by stored and by computed keys, against looking at each one. */
#include <criterion/criterion.h>

#include "random.h"
#include "shard/keys.h"

TestSuite(keys, .timeout = 20);

#define SLOTS 64

struct event {
    uint64_t unused;
    uint64_t key;
};

static struct event events[SLOTS];
static uint32_t column[SLOTS];
static struct takt__stage stage;

static uint64_t key_of(const void *event)
{
    return ((const struct event *)event)->key;
}

/* Gives every event a key below `keys`, stored in its slot and in the key column. */
static void set_up(struct rng *rng, uint32_t keys, bool stored)
{
    takt_batch b = {.mask = SLOTS - 1, .keys = column};

    for (uint32_t i = 0; i < SLOTS; i++) {
        events[i].key = rng_below(rng, keys);
        takt_batch_set_key(&b, i, events[i].key);
    }
    stage.slots = (unsigned char *)events;
    stage.mask = SLOTS - 1;
    stage.event_size = sizeof *events;
    stage.keys = stored ? column : NULL;
    stage.key = stored ? NULL : key_of;
    stage.keyed = true;
}

static bool is_mine(uint32_t index, uint32_t shards, int64_t s)
{
    return takt__key_shard(takt__key_hash(events[s % SLOTS].key), shards) == index;
}

/* One pick, against taking the events one by one. */
static void check_pick(uint32_t index, uint32_t shards, int64_t from, int64_t to, uint32_t limit)
{
    uint32_t picks[SLOTS + 1], n = 0;
    int64_t end = -1, s = from;

    picks[limit] = 0xabcdef01;
    uint32_t count = takt__keys_pick(&stage, index, shards, from, to, picks, limit, &end);
    for (; s < to && n < limit; s++) {
        if (!is_mine(index, shards, s))
            continue;
        cr_assert(n < count, "event %ld is left out", s);
        cr_assert_eq(picks[n++], (uint32_t)(s - from));
    }
    cr_assert_eq(count, n);
    cr_assert_eq(end, s, "looked up to %ld, not %ld", end, s);
    cr_assert_eq(picks[limit], 0xabcdef01, "written beyond the limit");
}

static void check_picks(bool stored)
{
    struct rng rng = {stored ? 11 : 12};

    for (int round = 0; round < 3000; round++) {
        uint32_t shards = 1 + rng_below(&rng, 9);
        set_up(&rng, 1 + rng_below(&rng, 40), stored);
        int64_t from = rng_below(&rng, 5 * SLOTS);
        int64_t to = from + rng_below(&rng, SLOTS + 1);
        uint32_t limit = rng_below(&rng, SLOTS + 1);
        for (uint32_t index = 0; index < shards; index++)
            check_pick(index, shards, from, to, limit);
    }
}

Test(keys, picks_by_stored_keys)
{
    check_picks(true);
}

Test(keys, picks_by_computed_keys)
{
    check_picks(false);
}

Test(keys, every_event_belongs_to_exactly_one_shard)
{
    struct rng rng = {13};
    uint32_t picks[SLOTS];

    for (uint32_t shards = 1; shards <= TAKT_SHARDS_MAX; shards++) {
        uint32_t taken[SLOTS] = {0};
        set_up(&rng, 1000, shards & 1);
        for (uint32_t index = 0; index < shards; index++) {
            int64_t end;
            uint32_t n = takt__keys_pick(&stage, index, shards, 0, SLOTS, picks, SLOTS, &end);
            cr_assert_eq(end, SLOTS);
            for (uint32_t i = 0; i < n; i++)
                taken[picks[i]]++;
        }
        for (uint32_t i = 0; i < SLOTS; i++)
            cr_assert_eq(taken[i], 1, "%u shards, event %u", shards, i);
    }
}

Test(keys, stored_and_computed_keys_agree)
{
    struct rng rng = {14};
    takt_batch b = {.mask = SLOTS - 1, .keys = column};

    for (int i = 0; i < 1000; i++) {
        uint64_t key = rng_next(&rng);
        takt_batch_set_key(&b, 5, key);
        cr_assert_eq(column[5], takt__key_hash(key));
    }
}

Test(keys, the_key_of_a_batch_lies_at_its_sequence)
{
    const uint32_t picks[] = {0, 3, 70};
    takt_batch b = {.mask = SLOTS - 1, .keys = column, .first = 60, .picks = picks};

    for (uint32_t i = 0; i < 3; i++)
        takt_batch_set_key(&b, i, 100 + i);
    cr_assert_eq(column[60], takt__key_hash(100));
    cr_assert_eq(column[63], takt__key_hash(101));
    cr_assert_eq(column[130 % SLOTS], takt__key_hash(102));
}

Test(keys, storing_a_key_is_harmless_where_nobody_wants_it)
{
    takt_batch b = {.mask = SLOTS - 1, .count = 1};
    takt_batch_set_key(&b, 0, 1); /* there is no column to write to */
    cr_assert(b.keys == NULL);
}

Test(keys, shards_divide_the_keys_evenly)
{
    for (uint32_t shards = 1; shards <= 16; shards++) {
        uint32_t counts[16] = {0};
        for (uint64_t key = 0; key < 16000; key++) {
            uint32_t shard = takt__key_shard(takt__key_hash(key), shards);
            cr_assert(shard < shards);
            counts[shard]++;
        }
        for (uint32_t i = 0; i < shards; i++)
            cr_assert(counts[i] > 16000 / shards * 9 / 10 && counts[i] < 16000 / shards * 11 / 10,
                      "shard %u of %u has %u", i, shards, counts[i]);
    }
    cr_assert_eq(takt__key_shard(UINT32_MAX, TAKT_SHARDS_MAX), TAKT_SHARDS_MAX - 1);
    cr_assert_eq(takt__key_shard(0, TAKT_SHARDS_MAX), 0);
}
