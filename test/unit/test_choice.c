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

/* --- several pipelines --- */

#define PIPELINES 3
#define SLICE     20000.0

/* Pipelines served by workers, each of which ends its slice when the next event says so. */
struct hall {
    struct takt__account accounts[PIPELINES];
    uint32_t shards[PIPELINES]; /* that it has; 0: it has nothing to do */
    double got[PIPELINES];
    double clock;
    uint32_t count, workers;
    struct {
        double until;
        double start, least;
        double slice;
        uint32_t at; /* the pipeline; count: none */
    } worker[64];
};

static void open_hall(struct hall *hall, uint32_t workers, const double *weights, uint32_t count)
{
    *hall = (struct hall){.count = count, .workers = workers};
    for (uint32_t i = 0; i < count; i++) {
        hall->accounts[i] = (struct takt__account){.weight = weights[i], .slice = SLICE};
        hall->shards[i] = 256;
    }
    for (uint32_t i = 0; i < workers; i++)
        hall->worker[i].at = count;
}

/* The worker that is ready first leaves its seat and takes another; how long a slice is varies. */
static double step(struct hall *hall, struct rng *rng, double longest)
{
    uint32_t w = 0;
    struct takt__pipeline_choice choice = {0};
    for (uint32_t i = 1; i < hall->workers; i++)
        if (hall->worker[i].until < hall->worker[w].until)
            w = i;
    double now = hall->worker[w].until;
    uint32_t was = hall->worker[w].at, best = hall->count;
    if (was < hall->count) { /* as takt__seat_charge */
        struct takt__account *account = &hall->accounts[was];
        double from = account->served;
        if (from < hall->worker[w].start)
            from = hall->worker[w].start;
        account->served = from + hall->worker[w].slice / account->weight;
        account->held--;
        if (hall->clock < hall->worker[w].least)
            hall->clock = hall->worker[w].least;
    }
    for (uint32_t i = 0; i < hall->count; i++) {
        hall->accounts[i].own = i == was;
        if (hall->accounts[i].held < hall->shards[i] &&
            takt__choose_pipeline(&choice, &hall->accounts[i], hall->clock))
            best = i;
    }
    hall->worker[w].at = best;
    hall->worker[w].start = choice.start;
    hall->worker[w].least = choice.least;
    hall->worker[w].slice = best < hall->count ? 1000 + rng_below(rng, (uint32_t)longest) : 1000;
    hall->worker[w].until = now + hall->worker[w].slice;
    if (best < hall->count) {
        hall->accounts[best].held++;
        hall->got[best] += hall->worker[w].slice;
    }
    return now;
}

static double run(struct hall *hall, struct rng *rng, double ns, double longest)
{
    double now = 0, from = hall->worker[0].until;
    for (uint32_t i = 0; i < hall->count; i++)
        hall->got[i] = 0;
    while (now < from + ns)
        now = step(hall, rng, longest);
    return now;
}

Test(choice, saturated_pipelines_are_served_by_weight)
{
    static const double weights[][PIPELINES] = {{1, 1, 1}, {3, 1, 1}, {1, 8, 64}, {0.001, 1, 0.1}};
    struct rng rng = {1};
    for (size_t k = 0; k < sizeof weights / sizeof weights[0]; k++)
        for (uint32_t workers = 1; workers <= 64; workers *= 4) {
            struct hall hall;
            double sum = weights[k][0] + weights[k][1] + weights[k][2];
            open_hall(&hall, workers, weights[k], PIPELINES);
            run(&hall, &rng, 3e9 / workers, 2 * SLICE);
            double all = hall.got[0] + hall.got[1] + hall.got[2];
            for (uint32_t i = 0; i < PIPELINES; i++)
                cr_expect_float_eq(hall.got[i] / all, weights[k][i] / sum, 0.02,
                                   "weights %zu, %u workers: pipeline %u has %g, not %g", k,
                                   workers, i, hall.got[i] / all, weights[k][i] / sum);
        }
}

/* Handlers that stay for a hundred slices. */
Test(choice, long_handlers_change_nothing_about_it)
{
    struct rng rng = {1};
    struct hall hall;
    open_hall(&hall, 4, (const double[]){3, 1}, 2);
    run(&hall, &rng, 10e9, 100 * SLICE);
    cr_assert_float_eq(hall.got[0] / hall.got[1], 3, 0.2);
}

Test(choice, what_one_does_not_use_the_others_get)
{
    struct rng rng = {1};
    struct hall hall;
    open_hall(&hall, 8, (const double[]){100, 3, 1}, 3);
    hall.shards[0] = 2;
    run(&hall, &rng, 1e9, 2 * SLICE);
    double all = hall.got[0] + hall.got[1] + hall.got[2];
    cr_assert_float_eq(hall.got[0] / all, 0.25, 0.02);
    cr_assert_float_eq(hall.got[1] / hall.got[2], 3, 0.2);
}

/* A second of idleness is not paid back: the others go on as before. */
Test(choice, who_comes_back_gets_its_part_and_no_more)
{
    struct rng rng = {1};
    struct hall hall;
    open_hall(&hall, 2, (const double[]){1, 1}, 2);
    hall.shards[1] = 0;
    run(&hall, &rng, 1e9, 2 * SLICE);
    cr_assert(hall.got[1] <= 0);
    hall.shards[1] = 256;
    run(&hall, &rng, 1e7, 2 * SLICE);
    cr_assert_float_eq(hall.got[0] / hall.got[1], 1, 0.1);
}

/* It is chosen by the next worker that is free, although that one would rather stay. */
Test(choice, who_comes_back_is_served_at_once)
{
    struct rng rng = {1};
    for (int i = 0; i < 200; i++) {
        struct hall hall;
        open_hall(&hall, 1, (const double[]){1, 1}, 2);
        hall.shards[1] = 0;
        run(&hall, &rng, 1e6 + rng_below(&rng, 1000000), 2 * SLICE);
        hall.shards[1] = 1;
        step(&hall, &rng, SLICE);
        cr_assert_eq(hall.worker[0].at, 1);
    }
}
