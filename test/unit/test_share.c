/* SPDX-License-Identifier: MIT */
/* One apportionment of the workers over the stages of several pipelines: numbers only. */
#include <criterion/criterion.h>

#include <takt/pipeline.h>

#include "random.h"
#include "scheduler/policy.h"
#include "scheduler/share.h"

TestSuite(share, .timeout = 20);

#define STAGES 5

/* A stage that has work for so many workers. */
static takt_load load(double demand)
{
    return (takt_load){.rate = demand * 1e6, .service_ns = 1000, .weight = 1, .most = 256};
}

struct world {
    takt_load loads[TAKT_PIPELINES_MAX][TAKT_STAGES_MAX];
    struct takt__claimant claimants[TAKT_PIPELINES_MAX];
    uint32_t count;
};

static void add(struct world *world, double weight, uint32_t stages, const double *demands)
{
    takt_load *loads = world->loads[world->count];
    for (uint32_t i = 0; i < stages; i++)
        loads[i] = load(demands[i]);
    world->claimants[world->count++] = (struct takt__claimant){loads, stages, weight, 0};
}

static void shares(struct world *world, uint32_t workers, const uint32_t *expected)
{
    takt__share(world->claimants, world->count, workers);
    for (uint32_t i = 0; i < world->count; i++)
        cr_expect_eq(world->claimants[i].workers, expected[i], "pipeline %u of %u has %u, not %u",
                     i, world->count, world->claimants[i].workers, expected[i]);
}

Test(share, one_pipeline_has_all_workers)
{
    for (uint32_t workers = 1; workers <= TAKT_WORKERS_MAX; workers *= 2) {
        struct world world = {0};
        add(&world, 0.001, 3, (const double[]){0.1, 100, 3});
        shares(&world, workers, &workers);
    }
}

Test(share, saturated_pipelines_share_by_weight)
{
    struct world world = {0};
    add(&world, 3, 1, (const double[]){100});
    add(&world, 1, 1, (const double[]){100});
    shares(&world, 64, (const uint32_t[]){48, 16});
    shares(&world, 8, (const uint32_t[]){6, 2});
    shares(&world, 4, (const uint32_t[]){3, 1});
    world.claimants[0].weight = 1;
    shares(&world, 64, (const uint32_t[]){32, 32});
    world.claimants[0].weight = 0.5;
    shares(&world, 60, (const uint32_t[]){20, 40});
}

/* What it has been given before, or how long its ring is, says nothing about its part. */
Test(share, whoever_has_more_gets_no_more)
{
    struct world world = {0};
    add(&world, 1, 2, (const double[]){2000, 2000});
    add(&world, 1, 2, (const double[]){40, 40});
    shares(&world, 64, (const uint32_t[]){32, 32});
}

Test(share, a_pipeline_takes_no_more_than_it_has_work_for)
{
    struct world world = {0};
    add(&world, 1000, 2, (const double[]){1.5, 0.2});
    add(&world, 1, 1, (const double[]){100});
    shares(&world, 64, (const uint32_t[]){3, 61});
}

Test(share, a_pipeline_without_work_takes_nothing)
{
    struct world world = {0};
    add(&world, 1000, 2, (const double[]){0, 0});
    add(&world, 1, 1, (const double[]){1000});
    shares(&world, 64, (const uint32_t[]){1, 64}); /* but one may always look at it */
    world.loads[0][0] = load(1000);
    world.loads[0][0].done = true;
    shares(&world, 64, (const uint32_t[]){1, 64});
}

Test(share, workers_that_nobody_needs_are_there_for_all)
{
    struct world world = {0};
    add(&world, 1, 2, (const double[]){0.9, 1.9});
    add(&world, 5, 1, (const double[]){0.9});
    shares(&world, 64, (const uint32_t[]){63, 61});
}

/* Seats go to the highest quotients: of all stages, or of one pipeline's, it is the same ones. */
Test(share, sharing_out_again_what_was_won_changes_nothing)
{
    struct rng rng = {1};
    for (int round = 0; round < 2000; round++) {
        struct world world = {0};
        struct takt__party all[2 * STAGES], part[STAGES];
        uint32_t workers = 1 + rng_below(&rng, 100);
        for (uint32_t p = 0; p < 2; p++) {
            double demands[STAGES], sum = 0;
            for (uint32_t i = 0; i < STAGES; i++)
                sum += demands[i] = 1000.0 + rng_below(&rng, 100000);
            add(&world, 1 + rng_below(&rng, 8), STAGES, demands);
            for (uint32_t i = 0; i < STAGES; i++)
                all[p * STAGES + i] = (struct takt__party){
                    .cost = world.claimants[p].weight * demands[i] / sum, .most = 256};
        }
        takt__apportion(all, 2 * STAGES, workers, TAKT_RULE_DHONDT);
        takt__share(world.claimants, 2, workers);
        for (uint32_t p = 0; p < 2; p++) {
            uint32_t won = 0;
            for (uint32_t i = 0; i < STAGES; i++)
                won += all[p * STAGES + i].seats;
            cr_assert_eq(world.claimants[p].workers, won ? won : 1, "round %d", round);
            for (uint32_t i = 0; i < STAGES; i++)
                part[i] = (struct takt__party){
                    .cost = takt__demand(&world.loads[p][i], TAKT__CATCH_UP_S), .most = 256};
            takt__apportion(part, STAGES, won, TAKT_RULE_DHONDT);
            for (uint32_t i = 0; i < STAGES; i++)
                cr_assert_eq(part[i].seats, all[p * STAGES + i].seats, "round %d", round);
        }
    }
}

Test(share, a_stages_weight_counts_within_its_pipeline)
{
    struct world world = {0};
    add(&world, 1, 2, (const double[]){100, 100});
    add(&world, 1, 2, (const double[]){100, 100});
    world.loads[0][1].weight = 50;
    shares(&world, 60, (const uint32_t[]){30, 30});
}

/* As many pipelines and stages as a runtime can have, in a thousand workers. */
Test(share, all_that_a_runtime_can_hold)
{
    static struct world world;
    double demands[TAKT_STAGES_MAX];
    uint32_t sum = 0;
    for (uint32_t i = 0; i < TAKT_STAGES_MAX; i++)
        demands[i] = 1000;
    for (uint32_t p = 0; p < TAKT_PIPELINES_MAX; p++)
        add(&world, p < 8 ? 3 : 1, TAKT_STAGES_MAX, demands);
    takt__share(world.claimants, world.count, 1024);
    for (uint32_t p = 0; p < TAKT_PIPELINES_MAX; p++) {
        sum += world.claimants[p].workers;
        /* A stage of D'Hondt's may be one seat off its exact share. */
        cr_assert(world.claimants[p].workers >= (p < 8 ? 64u : 1u));
    }
    cr_assert(sum >= 1024 && sum <= 1024 + TAKT_PIPELINES_MAX);
}
