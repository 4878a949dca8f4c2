/* SPDX-License-Identifier: MIT */
/* The scheduler's decision tick by tick, on made-up stages: no clock, no thread. */
#include <criterion/criterion.h>
#include <math.h>

#include <takt/pipeline.h>

#include "random.h"
#include "scheduler/decide.h"

TestSuite(decide, .timeout = 20);

#define TICK   1000000
#define STAGES 2

struct plant {
    const takt_policy *policy;
    struct takt__tuning tuning;
    struct takt__decisions all;
    struct takt__decision stages[STAGES];
    struct takt__reading readings[STAGES];
    uint32_t workers;
};

static void begin(struct plant *plant, const takt_policy *policy)
{
    *plant = (struct plant){.policy = policy, .tuning = takt__tuning_default, .workers = 8};
    for (int i = 0; i < STAGES; i++)
        plant->readings[i] =
            (struct takt__reading){.weight = 1, .least = 1, .most = 64, .width = 1, .depth = i};
}

/* What a stage has done since the last tick. */
static void work(struct plant *plant, int stage, int64_t events, int64_t busy_ns, double backlog)
{
    plant->readings[stage].events += events;
    plant->readings[stage].busy_ns += busy_ns;
    plant->readings[stage].backlog = backlog;
}

/* One tick, after which the stages have the widths that were decided on. */
static bool tick(struct plant *plant)
{
    struct takt__decision *stages[] = {&plant->stages[0], &plant->stages[1]};
    takt_load loads[STAGES];
    bool flowed = takt__decide(plant->policy, &plant->tuning, &plant->all, stages, loads,
                               plant->readings, STAGES, plant->workers, TICK);
    for (int i = 0; i < STAGES; i++)
        plant->readings[i].width = plant->stages[i].width;
    return flowed;
}

/* A policy that remembers what it was shown and asks for what it was told. */
struct script {
    takt_load seen[STAGES];
    uint32_t widths[STAGES];
    double preference;
};

static void follow(void *context, takt_load *loads, uint32_t count, uint32_t workers)
{
    struct script *script = context;
    cr_assert_eq(count, STAGES);
    cr_assert_eq(workers, 8);
    for (uint32_t i = 0; i < count; i++) {
        script->seen[i] = loads[i];
        loads[i].width = script->widths[i];
        if (script->preference != 1)
            loads[i].preference = script->preference;
    }
}

#define SCRIPTED(script)                                                                           \
    &(takt_policy)TAKT_POLICY(.name = "script", .decide = follow, .context = &(script))

Test(decide, service_time_is_one_quotient_of_sums)
{
    struct script script = {.widths = {1, 1}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    work(&plant, 0, 100, 100 * 50, 7);
    cr_assert(tick(&plant));
    cr_assert_float_eq(script.seen[0].service_ns, 50, 1e-9);
    cr_assert_float_eq(script.seen[0].rate, 100e3, 1e-6);
    cr_assert_float_eq(script.seen[0].backlog, 7, 0);
    /* One event of 1,000 ns more: the mean of 101, not of two ratios. */
    work(&plant, 0, 1, 1000, 0);
    tick(&plant);
    cr_assert_float_eq(script.seen[0].service_ns, 6000.0 / 101, 1e-9);
    /* With enough events in one tick, what was before is forgotten at once. */
    work(&plant, 0, 10000, 10000 * 7, 0);
    tick(&plant);
    cr_assert_float_eq(script.seen[0].service_ns, 7, 1e-9);
    cr_assert_float_eq(script.seen[0].rate, 10e6, 1e-3);
}

Test(decide, a_stage_without_events_is_taken_at_its_workers_word)
{
    struct script script = {.widths = {1, 1}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    plant.readings[1].service_ns = 321;
    plant.readings[1].source = plant.readings[1].keyed = plant.readings[1].done = true;
    work(&plant, 0, 1, 1, 0);
    tick(&plant);
    cr_assert_float_eq(script.seen[1].service_ns, 321, 0);
    cr_assert(script.seen[1].rate <= 0);
    cr_assert(script.seen[1].source && script.seen[1].keyed && script.seen[1].done);
    cr_assert_eq(script.seen[1].depth, 1);
}

Test(decide, nothing_is_changed_while_nothing_flows)
{
    struct script script = {.widths = {9, 9}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    plant.readings[0].width = 5;
    plant.readings[0].backlog = 1e6;
    cr_assert_not(tick(&plant));
    cr_assert_eq(plant.stages[0].width, 5);
}

Test(decide, grows_at_once_and_shrinks_late_to_the_widest_wanted)
{
    struct script script = {.widths = {20, 1}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    work(&plant, 0, 1000, 1000, 0);
    tick(&plant);
    cr_assert_eq(plant.stages[0].width, 20);
    for (uint32_t i = 1; i <= plant.tuning.shrink_ticks; i++) {
        cr_assert_eq(plant.stages[0].width, 20, "after %u ticks", i - 1);
        script.widths[0] = i == 3 ? 9 : 4;
        work(&plant, 0, 1000, 1000, 0);
        tick(&plant);
    }
    cr_assert_eq(plant.stages[0].width, 9);
}

Test(decide, small_differences_change_nothing)
{
    struct script script = {.widths = {10, 1}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    for (int i = 0; i < 60; i++) {
        work(&plant, 0, 1000, 1000, 0);
        tick(&plant);
        cr_assert_eq(plant.stages[0].width, 10, "tick %d", i);
        script.widths[0] = i < 30 ? 12 : 8;
    }
}

Test(decide, a_stage_rests_after_a_change_if_it_is_told_to)
{
    struct script script = {.widths = {4, 1}, .preference = 1};
    struct plant plant;
    begin(&plant, SCRIPTED(script));
    plant.tuning.dwell = 3;
    for (int i = 1; i <= 8; i++) {
        work(&plant, 0, 1000, 1000, 0);
        tick(&plant);
        cr_assert_eq(plant.stages[0].width, i < 4 ? 1 : i < 8 ? 4 : 16, "tick %d", i);
        script.widths[0] = i >= 4 ? 16 : 4;
    }
}

/* Whatever the policy asks for, a width turns at most twice in ten ticks. */
Test(decide, noise_does_not_make_widths_swing)
{
    struct rng rng = {1};
    struct script script = {.preference = 1};
    struct plant plant;
    uint32_t last = 1;
    int direction = 0, turn_at[3] = {-100, -100, -100};
    begin(&plant, SCRIPTED(script));
    for (int i = 0; i < 20000; i++) {
        script.widths[0] = 1 + rng_below(&rng, rng_below(&rng, 8) ? 16 : 64);
        script.widths[1] = 1;
        work(&plant, 0, 1000, 1000, 0);
        tick(&plant);
        int step = (int)plant.stages[0].width - (int)last;
        last = plant.stages[0].width;
        if (step == 0)
            continue;
        if (direction != 0 && (step > 0) != (direction > 0)) {
            turn_at[0] = turn_at[1];
            turn_at[1] = turn_at[2];
            turn_at[2] = i;
            cr_assert(turn_at[2] - turn_at[0] > 10, "three turns by tick %d", i);
        }
        direction = step;
    }
    cr_assert(turn_at[0] > 0, "the noise was none");
}

Test(decide, what_a_policy_returns_is_made_safe)
{
    static const double bad[] = {0, -1, 1e40, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct script script = {.widths = {UINT32_MAX, 0}, .preference = bad[i]};
        struct plant plant;
        begin(&plant, SCRIPTED(script));
        plant.readings[0].weight = 3;
        work(&plant, 0, 1000, 1000, 0);
        tick(&plant);
        cr_assert_eq(plant.stages[0].width, 64);
        cr_assert_eq(plant.stages[1].width, 1);
        cr_assert_float_eq(plant.stages[0].preference, 3, 0, "%g", bad[i]);
    }
}

Test(decide, the_default_policy_follows_a_step_within_two_ticks)
{
    struct plant plant;
    begin(&plant, takt_policy_default());
    for (int i = 0; i < 20; i++) {
        work(&plant, 0, 40000, 40000 * 180, 100);
        work(&plant, 1, 40000, 40000 * 20, 100);
        tick(&plant);
    }
    cr_assert(plant.stages[0].width > plant.stages[1].width);
    uint32_t before = plant.stages[1].width;
    for (int i = 0; i < 2; i++) {
        work(&plant, 0, 20000, 20000 * 20, 0);
        work(&plant, 1, 20000, 20000 * 180, 60000);
        tick(&plant);
    }
    cr_assert(before < plant.stages[1].width);
    cr_assert(plant.stages[1].width >= 14, "%u", plant.stages[1].width);
}
