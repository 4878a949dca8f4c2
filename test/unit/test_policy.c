/* SPDX-License-Identifier: MIT */
/* Policies: from loads to widths, with no clock in it. */
#include <criterion/criterion.h>
#include <string.h>

#include <takt/pipeline.h>

TestSuite(policy, .timeout = 20);

static takt_load load(double rate, double service_ns, double backlog)
{
    return (takt_load){.rate = rate,
                       .service_ns = service_ns,
                       .backlog = backlog,
                       .capacity = 65536,
                       .weight = 1,
                       .preference = 1,
                       .least = 1,
                       .most = 16,
                       .width = 3};
}

static void decide(const char *name, takt_load *loads, uint32_t count, uint32_t workers)
{
    const takt_policy *policy = takt_policy_find(name);
    cr_assert_not_null(policy, "%s", name);
    cr_assert_eq(policy->size, sizeof *policy);
    policy->decide(policy->context, loads, count, workers);
}

static bool is_about(double value, double expected)
{
    return value > expected * (1 - 1e-9) && value < expected * (1 + 1e-9);
}

Test(policy, all_are_found_by_their_names)
{
    uint32_t n = 0;
    cr_assert_eq(takt_policy_at(0), takt_policy_default());
    for (const takt_policy *policy; (policy = takt_policy_at(n)); n++)
        cr_assert_eq(takt_policy_find(policy->name), policy);
    cr_assert_eq(n, 7);
    cr_assert_null(takt_policy_at(UINT32_MAX));
    cr_assert_null(takt_policy_find("no such policy"));
    cr_assert_null(takt_policy_find(NULL));
}

Test(policy, a_hot_stage_wins_both_of_two_seats)
{
    /* What 10:10:170:10 looks like when the third stage is the bottleneck. */
    takt_load loads[] = {load(5e6, 10, 0), load(5e6, 10, 1000), load(5e6, 170, 60000),
                         load(5e6, 10, 0)};
    decide("demand", loads, 4, 2);
    cr_assert(loads[0].width == 1 && loads[1].width == 1 && loads[3].width == 1);
    cr_assert_eq(loads[2].width, 4, "two seats, two shards each; not %u", loads[2].width);
}

Test(policy, equal_stages_share_what_is_spread)
{
    takt_load loads[] = {load(5e6, 60, 0), load(5e6, 60, 0), load(5e6, 60, 0)};
    decide("demand", loads, 3, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(loads[i].width, 2);
}

Test(policy, demand_is_the_time_for_rate_and_backlog)
{
    takt_load loads[] = {load(1e6, 200, 0), load(0, 200, 10000), load(1e6, 200, 10000)};
    loads[2].weight = 3;
    decide("demand", loads, 3, 4);
    cr_assert(is_about(loads[0].cost, 0.2), "%g", loads[0].cost);
    cr_assert(is_about(loads[1].cost, 0.2), "%g", loads[1].cost); /* caught up with in 10 ms */
    cr_assert(is_about(loads[2].cost, 1.2), "%g", loads[2].cost);
    cr_assert_eq(loads[2].width, 8); /* quotients 1.2, 0.6, 0.4 and 0.3 go before 0.2 */
}

Test(policy, backlog_looks_at_nothing_but_the_backlog)
{
    takt_load loads[] = {load(1e6, 200, 1000), load(1e6, 900, 0)};
    decide("backlog", loads, 2, 4);
    cr_assert(is_about(loads[0].cost, 0.0002), "%g", loads[0].cost);
    cr_assert_eq(loads[0].width, 8);
    cr_assert_eq(loads[1].width, 4);
}

Test(policy, rules_share_eight_seats_differently)
{
    static const struct {
        const char *name;
        uint32_t hot, other;
    } cases[] = {{"backlog", 16, 8}, {"min-sum", 12, 8}};
    for (int i = 0; i < 2; i++) {
        takt_load loads[] = {load(0, 100, 9000), load(0, 100, 1000)};
        decide(cases[i].name, loads, 2, 8);
        cr_assert_eq(loads[0].width, cases[i].hot, "%s: %u", cases[i].name, loads[0].width);
        cr_assert_eq(loads[1].width, cases[i].other, "%s: %u", cases[i].name, loads[1].width);
    }
    static const char *const by_demand[] = {"demand", "makespan", "sainte-lague"};
    static const uint32_t seats_of_dearest[] = {5, 4, 4};
    for (int i = 0; i < 3; i++) {
        takt_load loads[] = {load(1e6, 500, 0), load(1e6, 100, 0), load(1e6, 100, 0)};
        decide(by_demand[i], loads, 3, 6);
        uint32_t expected = 2 * seats_of_dearest[i];
        cr_assert_eq(loads[0].width, expected, "%s: %u", by_demand[i], loads[0].width);
    }
}

Test(policy, latency_prefers_what_is_nearer_to_the_end)
{
    takt_load loads[] = {load(1e6, 100, 0), load(1e6, 100, 0), load(1e6, 100, 0)};
    for (uint32_t i = 0; i < 3; i++)
        loads[i].depth = i;
    decide("latency", loads, 3, 6);
    cr_assert(loads[0].preference < loads[1].preference);
    cr_assert(loads[1].preference < loads[2].preference);
    decide("demand", loads, 3, 6);
    loads[0].depth = UINT32_MAX; /* however deep, it stays a number */
    decide("latency", loads, 3, 6);
    cr_assert(loads[0].preference < 1e13);
}

Test(policy, fixed_asks_for_what_there_is)
{
    takt_load loads[] = {load(1e6, 100, 0), load(1e6, 900, 60000)};
    decide("fixed", loads, 2, 64);
    cr_assert(loads[0].width == 3 && loads[1].width == 3);
}

Test(policy, widths_stay_within_their_limits)
{
    takt_load loads[] = {load(1e6, 900, 0), load(1e6, 100, 0), load(0, 0, 0)};
    loads[0].most = 1; /* a serial stage: its seats go to others */
    loads[2].least = 3;
    decide("demand", loads, 3, 8);
    cr_assert_eq(loads[0].width, 1);
    cr_assert_eq(loads[1].width, 14);
    cr_assert_eq(loads[2].width, 5); /* of 16 that are spread over three stages */
    loads[1].most = 5;
    loads[2].least = 7;
    decide("demand", loads, 3, 8);
    cr_assert_eq(loads[1].width, 5);
    cr_assert_eq(loads[2].width, 7);
}

Test(policy, a_stage_that_is_done_gets_no_seat)
{
    takt_load loads[] = {load(1e6, 900, 50000), load(1e6, 100, 0)};
    loads[0].done = true;
    decide("demand", loads, 2, 8);
    cr_assert_eq(loads[0].width, 1);
    cr_assert_eq(loads[1].width, 16);
}

Test(policy, a_keyed_stage_has_three_shards_for_each_seat_and_no_others)
{
    takt_load loads[] = {load(1e6, 200, 0), load(1e6, 600, 0)};
    loads[0].keyed = true;
    decide("demand", loads, 2, 4);
    cr_assert_eq(loads[0].width, 3);
    cr_assert_eq(loads[1].width, 6);
    loads[0].rate = 0;
    decide("demand", loads, 2, 4);
    cr_assert_eq(loads[0].width, 1);
}

Test(policy, what_does_not_flow_is_spread_all_the_same)
{
    for (uint32_t n = 0; n < 6; n++) {
        takt_load loads[TAKT_STAGES_MAX];
        for (uint32_t i = 0; i < TAKT_STAGES_MAX; i++) {
            loads[i] = load(0, 100, 0);
            loads[i].least = i % 3 ? 1 : 9;
            loads[i].done = i % 5 == 0;
        }
        decide(takt_policy_at(n)->name, loads, TAKT_STAGES_MAX, 128);
        for (uint32_t i = 0; i < TAKT_STAGES_MAX; i++) {
            uint32_t spread = i % 5 ? 4 : 1;
            cr_assert_eq(loads[i].width, i % 3 ? spread : 9, "%u: %u", i, loads[i].width);
        }
    }
}

Test(policy, shards_per_seat_are_the_callers_choice)
{
    takt_load loads[] = {load(0, 0, 0), load(0, 0, 0)};
    loads[0].cost = 5;
    takt_policy_share(loads, 2, 4, TAKT_RULE_DHONDT, 1);
    cr_assert(loads[0].width == 4 && loads[1].width == 4);
    takt_policy_share(loads, 2, 4, TAKT_RULE_DHONDT, 1.5);
    cr_assert_eq(loads[0].width, 6);
    takt_policy_share(loads, 2, 4, TAKT_RULE_DHONDT, 1e300);
    cr_assert_eq(loads[0].width, 16);
    takt_policy_share(loads, 2, 4, TAKT_RULE_DHONDT, 0);
    cr_assert_eq(loads[0].width, 8);
}

/* A policy of the user's own, in a pipeline that flows until the policy has been asked twice. */
static uint32_t asked;

static void count(void *context, takt_load *loads, uint32_t n, uint32_t workers)
{
    bool right = context == &asked && n == 2 && workers == 1 && loads[0].source &&
                 loads[1].depth == 1 && loads[1].capacity >= 1024 && loads[1].capacity <= 1024;
    __atomic_fetch_add(&asked, right ? 1 : 1000, __ATOMIC_RELAXED);
}

static int fill(void *context, takt_batch *batch)
{
    (void)context;
    (void)batch;
    return __atomic_load_n(&asked, __ATOMIC_RELAXED) >= 2 ? TAKT_END : 0;
}

static int pass(void *context, takt_batch *batch)
{
    (void)context;
    (void)batch;
    return 0;
}

Test(policy, of_ones_own_is_asked_at_every_tick)
{
    takt_policy mine = TAKT_POLICY(.name = "mine", .decide = count, .context = &asked);
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *source;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 1)), 0);
    cr_assert_eq(
        takt_pipeline_create(&p, runtime,
                             TAKT_PIPELINE(.event_size = 8, .capacity = 1024, .policy = &mine)),
        0);
    cr_assert_eq(takt_pipeline_add_source(p, &source, TAKT_STAGE(.handler = fill)), 0);
    cr_assert_eq(takt_pipeline_add_stage(
                     p, NULL, TAKT_STAGE(.handler = pass, .after = &source, .after_count = 1)),
                 0);
    cr_assert_eq(takt_pipeline_start(p), 0);
    cr_assert_eq(takt_pipeline_wait(p, TAKT_FOREVER), 0);
    cr_assert(asked >= 2 && asked < 1000, "%u", asked);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

Test(policy, without_a_function_or_of_another_version_is_refused)
{
    takt_policy bad[] = {{.size = sizeof bad[0]}, {.size = 8, .decide = count}};
    takt_runtime *runtime;
    takt_pipeline *p;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 1)), 0);
    for (int i = 0; i < 2; i++) {
        takt_pipeline_options options = {
            .size = sizeof options, .event_size = 8, .capacity = 1024, .policy = &bad[i]};
        cr_assert_eq(takt_pipeline_create(&p, runtime, &options), TAKT_EINVAL);
        cr_assert_null(p);
    }
    takt_runtime_destroy(runtime);
}
