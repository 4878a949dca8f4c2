/* SPDX-License-Identifier: MIT */
/* The division by blocks, and the index arithmetic of batches, against counting one by one. */
#include <criterion/criterion.h>

#include <takt/batch.h>

#include "random.h"
#include "shard/blocks.h"

TestSuite(blocks, .timeout = 20);

#define SHIFT_MOST  4
#define SHARDS_MOST 7
#define SEQUENCES   300

/* The definition that everything else is measured by. */
static uint32_t owner_of(const struct takt__blocks *d, int64_t s)
{
    return (uint32_t)((s >> d->shift) % d->shards);
}

static int64_t next_owned(const struct takt__blocks *d, uint32_t index, int64_t s)
{
    while (owner_of(d, s) != index)
        s++;
    return s;
}

/* Runs the statement for every small division d and each of its shards. */
#define FOR_ALL_SHARDS(d, index)                                                                   \
    for (struct takt__blocks d = {0, 1}; d.shift <= SHIFT_MOST; d.shift++)                         \
        for (d.shards = 1; d.shards <= SHARDS_MOST; d.shards++)                                    \
            for (uint32_t index = 0; index < d.shards; index++)

Test(blocks, block_and_skip)
{
    for (uint32_t shift = 0; shift < 20; shift++) {
        for (uint32_t shards = 1; shards <= 256; shards++) {
            struct takt__blocks d = {shift, shards};
            cr_assert_eq(takt__blocks_block(&d), INT64_C(1) << shift);
            cr_assert_eq(takt__blocks_skip(&d), (INT64_C(1) << shift) * (shards - 1));
        }
    }
}

Test(blocks, ordinal_counts_the_owned_sequences_below)
{
    FOR_ALL_SHARDS(d, index)
    {
        int64_t owned = 0;
        for (int64_t s = 0; s < SEQUENCES; s++) {
            cr_assert_eq(takt__blocks_ordinal(&d, index, s), owned, "block %u, %u of %u, at %ld",
                         1u << d.shift, index, d.shards, s);
            owned += owner_of(&d, s) == index;
        }
    }
}

Test(blocks, sequence_finds_the_owned_one_by_its_ordinal)
{
    FOR_ALL_SHARDS(d, index)
    {
        int64_t ordinal = 0;
        for (int64_t s = 0; s < SEQUENCES; s++) {
            if (owner_of(&d, s) != index)
                continue;
            cr_assert_eq(takt__blocks_sequence(&d, index, ordinal), s,
                         "block %u, %u of %u, no. %ld", 1u << d.shift, index, d.shards, ordinal);
            ordinal++;
        }
    }
}

Test(blocks, first_is_the_next_owned_sequence)
{
    FOR_ALL_SHARDS(d, index)
    {
        for (int64_t s = 0; s < SEQUENCES; s++)
            cr_assert_eq(takt__blocks_first(&d, index, s), next_owned(&d, index, s),
                         "block %u, %u of %u, at %ld", 1u << d.shift, index, d.shards, s);
    }
}

Test(blocks, far_along_and_with_many_shards)
{
    struct rng rng = {20260727};

    for (int i = 0; i < 20000; i++) {
        struct takt__blocks d = {rng_below(&rng, 13), 1 + rng_below(&rng, 256)};
        uint32_t index = rng_below(&rng, d.shards);
        int64_t s = (int64_t)(rng_next(&rng) >> (2 + rng_below(&rng, 50)));
        int64_t first = takt__blocks_first(&d, index, s);
        int64_t round = (int64_t)d.shards << d.shift;
        int64_t ordinal = takt__blocks_ordinal(&d, index, s);

        cr_assert(first >= s && first < s + round, "from %ld to %ld", s, first);
        cr_assert_eq(owner_of(&d, first), index);
        if (first > s) { /* then s is not owned, and what is passed over begins a block */
            cr_assert(owner_of(&d, s) != index);
            cr_assert_eq(first & (takt__blocks_block(&d) - 1), 0);
        }
        cr_assert_eq(takt__blocks_ordinal(&d, index, first), ordinal);
        cr_assert_eq(takt__blocks_ordinal(&d, index, first + 1), ordinal + 1);
        cr_assert_eq(takt__blocks_sequence(&d, index, ordinal), first);
    }
}

/* A batch as a shard makes it that goes on at `first`, which it owns. */
static takt_batch batch_of(const struct takt__blocks *d, uint32_t index, int64_t first)
{
    int64_t ordinal = takt__blocks_ordinal(d, index, first);
    return (takt_batch){
        .first = first,
        .skip = takt__blocks_skip(d),
        .phase = (uint32_t)(ordinal & (takt__blocks_block(d) - 1)),
        .shift = d->shift,
        .shard = index,
        .shards = d->shards,
    };
}

Test(blocks, a_batch_knows_the_sequence_of_each_event)
{
    FOR_ALL_SHARDS(d, index)
    {
        for (int64_t from = 0; from < 2 * d.shards << d.shift; from++) {
            takt_batch b = batch_of(&d, index, next_owned(&d, index, from));
            int64_t s = b.first;
            for (uint32_t i = 0; i < 3u << d.shift; i++) {
                cr_assert_eq(takt_batch_sequence(&b, i), s, "block %u, %u of %u, from %ld, no. %u",
                             1u << d.shift, index, d.shards, from, i);
                s = next_owned(&d, index, s + 1);
            }
        }
    }
}

Test(blocks, a_batch_finds_events_in_their_slots)
{
    unsigned char slots[16 * 24];
    struct takt__blocks d = {1, 3};
    takt_batch b = batch_of(&d, 1, 8); /* owns 2 3, 8 9, 14 15, 20 21, 26 27, ... */
    const int64_t slot_of[] = {8, 9, 14, 15, 4, 5, 10, 11, 0, 1};

    b.slots = slots;
    b.mask = 15;
    b.event_size = 24;
    for (uint32_t i = 0; i < 10; i++)
        cr_assert(takt_batch_at(&b, i) == slots + slot_of[i] * 24, "event %u", i);
}

Test(blocks, a_batch_of_picked_events)
{
    const uint32_t picks[] = {0, 1, 5, 17, 4000};
    unsigned char slots[8];
    takt_batch b = {.slots = slots, .mask = 7, .event_size = 1, .first = 1000000, .picks = picks};

    for (uint32_t i = 0; i < 5; i++) {
        int64_t s = 1000000 + (int64_t)picks[i];
        cr_assert_eq(takt_batch_sequence(&b, i), s);
        cr_assert(takt_batch_at(&b, i) == slots + s % 8);
    }
}

Test(blocks, failing_notes_the_event_and_passes_the_code_on)
{
    takt_batch b = {.count = 7};
    cr_assert_eq(takt_batch_fail(&b, 3, -1234), -1234);
    cr_assert_eq(b.failed, 3);
    cr_assert_eq(b.count, 7);
}

Test(blocks, a_run_goes_to_the_end_of_its_block_and_no_further)
{
    static int64_t slots[16];
    uint32_t n;
    takt_batch b = {.slots = (unsigned char *)slots, .mask = 15, .event_size = 8, .count = 4};
    cr_assert_eq(takt_batch_run(&b, 0, &n), &slots[0]);
    cr_assert_eq(n, 4); /* one shard: no blocks */
    b.shift = 1;
    b.skip = 2;
    b.phase = 1;
    b.first = 5;
    cr_assert_eq(takt_batch_run(&b, 0, &n), &slots[5]);
    cr_assert_eq(n, 1);
    cr_assert_eq(takt_batch_run(&b, 1, &n), &slots[8]);
    cr_assert_eq(n, 2);
    cr_assert_eq(takt_batch_run(&b, 3, &n), &slots[12]);
    cr_assert_eq(n, 1);
}
