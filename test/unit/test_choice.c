/* SPDX-License-Identifier: MIT */
/* A worker's choice among shards and stages, over plain numbers. */
#include <criterion/criterion.h>

#include "random.h"
#include "scheduler/choice.h"

TestSuite(choice, .timeout = 20);

#define LEASH 1000

Test(choice, the_shard_that_is_furthest_behind)
{
    struct takt__shard_choice choice = {0};
    cr_assert(takt__choose_shard(&choice, 500, false, LEASH));
    cr_assert_not(takt__choose_shard(&choice, 700, false, LEASH));
    cr_assert_not(takt__choose_shard(&choice, 500, false, LEASH), "the first of two equal ones");
    cr_assert(takt__choose_shard(&choice, 100, false, LEASH));
    cr_assert_eq(choice.vacancies, 4);
    cr_assert_not(choice.own);
}

Test(choice, ones_own_shard_goes_first_as_far_as_the_leash)
{
    struct takt__shard_choice choice = {0};
    cr_assert(takt__choose_shard(&choice, 5000, false, LEASH));
    cr_assert_not(takt__choose_shard(&choice, 6000, true, LEASH), "at the end of the leash");
    cr_assert(takt__choose_shard(&choice, 5999, true, LEASH));
    cr_assert(choice.own);
    cr_assert_not(takt__choose_shard(&choice, 5000, false, LEASH));
    cr_assert(takt__choose_shard(&choice, 4998, false, LEASH));
    cr_assert_not(choice.own);
}

/* One worker that runs the shards of a stage by this rule leaves none behind by more. */
Test(choice, no_shard_starves)
{
    enum { SHARDS = 6, BATCH = 64 };
    int64_t progress[SHARDS] = {0};
    bool own[SHARDS] = {false};
    struct rng rng = {1};
    for (int i = 0; i < 10000; i++) {
        struct takt__shard_choice choice = {0};
        int64_t least = INT64_MAX, most = 0;
        int best = -1;
        for (int k = 0; k < SHARDS; k++)
            if (takt__choose_shard(&choice, progress[k], own[k], LEASH))
                best = k;
        cr_assert_geq(best, 0);
        own[best] = true;
        progress[best] += BATCH;
        if (rng_below(&rng, 50) == 0) /* another worker had one of them in between */
            own[rng_below(&rng, SHARDS)] = false;
        for (int k = 0; k < SHARDS; k++) {
            least = progress[k] < least ? progress[k] : least;
            most = progress[k] > most ? progress[k] : most;
        }
        cr_assert_leq(most - least, LEASH + BATCH, "round %d", i);
    }
}

static struct takt__shard_choice shards(uint32_t held, uint32_t vacancies, bool own)
{
    return (struct takt__shard_choice){.held = held, .vacancies = vacancies, .own = own};
}

static bool offer(struct takt__stage_choice *choice, struct takt__shard_choice of, double work_ns,
                  double preference)
{
    return takt__choose_stage(choice, &of, work_ns, preference, TAKT__STICKINESS);
}

Test(choice, the_stage_with_the_highest_quotient)
{
    struct takt__stage_choice choice = {0};
    cr_assert(offer(&choice, shards(0, 1, false), 1000, 1));
    cr_assert_not(offer(&choice, shards(1, 1, false), 2000, 1), "equal: the earlier");
    cr_assert(offer(&choice, shards(1, 1, false), 2001, 1));
    cr_assert_not(offer(&choice, shards(3, 1, false), 4000, 1));
    cr_assert(offer(&choice, shards(3, 1, false), 4000, 2), "preferred by the scheduler");
}

Test(choice, a_worker_leaves_its_stage_for_one_that_is_much_dearer)
{
    struct takt__stage_choice choice = {0};
    cr_assert(offer(&choice, shards(0, 1, true), 1000, 1));
    cr_assert_not(offer(&choice, shards(0, 1, false), 1000.0 * TAKT__STICKINESS, 1));
    cr_assert(offer(&choice, shards(0, 1, false), 1000.0 * TAKT__STICKINESS + 1, 1));
}

Test(choice, work_that_is_left_is_what_one_does_not_take)
{
    struct takt__stage_choice choice = {0};
    cr_assert(takt__choice_others(&choice) <= 0);
    offer(&choice, shards(0, 4, false), 1000, 1);
    cr_assert_float_eq(takt__choice_others(&choice), 750, 1e-9);
    offer(&choice, shards(0, 1, false), 100, 1);
    cr_assert_float_eq(takt__choice_others(&choice), 850, 1e-9);
    offer(&choice, shards(0, 2, false), 5000, 1);
    cr_assert_float_eq(takt__choice_others(&choice), 3600, 1e-9);
}
