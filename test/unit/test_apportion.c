/* SPDX-License-Identifier: MIT */
/*
 * Sharing out seats: D'Hondt's result against all the others there are, and against the table of
 * quotients; and the policy that makes widths of it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "random.h"
#include "scheduler/apportion.h"
#include "scheduler/policy.h"

TestSuite(apportion, .timeout = 20);
TestSuite(policy, .timeout = 20);

#define PARTIES_MOST 4
#define SEATS_MOST   9
#define NO_LIMIT     1000

/* The greatest cost / (seats + 1): what D'Hondt minimises. */
static double greatest(const struct takt__party *parties, uint32_t count)
{
    double most = 0;
    for (uint32_t i = 0; i < count; i++) {
        double q = parties[i].cost / (parties[i].seats + 1.0);
        most = q > most ? q : most;
    }
    return most;
}

/* The least that `greatest` can be, by trying every distribution that the limits allow. */
static double best(struct takt__party *parties, uint32_t count, uint32_t from, uint32_t seats)
{
    if (from == count)
        return greatest(parties, count);
    double least = -1;
    struct takt__party *party = &parties[from];
    for (uint32_t more = 0; more <= seats; more++) {
        party->seats = party->least + more;
        if (more && party->seats > party->most)
            break;
        double q = best(parties, count, from + 1, seats - more);
        least = least < 0 || q < least ? q : least;
    }
    return least;
}

/* Costs of three kinds: few different ones, so that ties abound; any; and often none. */
static double random_cost(struct rng *rng, int kind)
{
    if (kind == 0)
        return rng_below(rng, 6);
    if (kind == 1)
        return (double)(rng_next(rng) >> 11) * 1e-6;
    return rng_below(rng, 3) ? 0 : 1 + rng_below(rng, 1000);
}

static void check_minimum(struct rng *rng, bool limits)
{
    struct takt__party parties[PARTIES_MOST], tried[PARTIES_MOST];
    uint32_t count = 2 + rng_below(rng, PARTIES_MOST - 1);
    uint32_t seats = rng_below(rng, SEATS_MOST + 1);
    uint32_t given = 0, least = 0, room = 0;
    int kind = (int)rng_below(rng, 3);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = limits ? rng_below(rng, 3) : 0;
        uint32_t high = limits ? low + rng_below(rng, 5) : NO_LIMIT;
        parties[i] = (struct takt__party){random_cost(rng, kind), low, high, 77};
        tried[i] = parties[i];
        least += low;
        room += parties[i].cost > 0 ? high - low : 0;
    }
    uint32_t result = takt__apportion(parties, count, seats);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(parties[i].seats >= parties[i].least && parties[i].seats <= parties[i].most);
        if (parties[i].cost <= 0)
            cr_assert_eq(parties[i].seats, parties[i].least);
        given += parties[i].seats;
    }
    uint32_t rest = seats > least ? seats - least : 0;
    cr_assert_eq(result, given);
    cr_assert_eq(given, least + (rest < room ? rest : room));
    double minimum = best(tried, count, 0, rest);
    cr_assert(greatest(parties, count) <= minimum, "%g, but %g is possible",
              greatest(parties, count), minimum);
}

Test(apportion, minimises_the_greatest_quotient)
{
    struct rng rng = {1};
    for (int i = 0; i < 4000; i++)
        check_minimum(&rng, false);
}

Test(apportion, minimises_within_least_and_most)
{
    struct rng rng = {2};
    for (int i = 0; i < 4000; i++)
        check_minimum(&rng, true);
}

/* One line of the table of quotients. */
struct claim {
    double quotient;
    uint32_t held;
    uint32_t party;
};

static int by_claim(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    if (a->quotient < b->quotient || a->quotient > b->quotient)
        return a->quotient > b->quotient ? -1 : 1;
    if (a->held != b->held)
        return a->held < b->held ? -1 : 1;
    return a->party < b->party ? -1 : 1;
}

Test(apportion, ties_go_to_fewer_seats_and_then_to_the_earlier_party)
{
    struct rng rng = {3};

    for (int round = 0; round < 4000; round++) {
        struct takt__party parties[PARTIES_MOST];
        struct claim claims[PARTIES_MOST * SEATS_MOST];
        uint32_t expected[PARTIES_MOST] = {0};
        uint32_t count = 2 + rng_below(&rng, PARTIES_MOST - 1);
        uint32_t seats = 1 + rng_below(&rng, SEATS_MOST), n = 0;
        for (uint32_t i = 0; i < count; i++) {
            parties[i] = (struct takt__party){1 + rng_below(&rng, 6), 0, NO_LIMIT, 0};
            for (uint32_t held = 0; held < seats; held++)
                claims[n++] = (struct claim){parties[i].cost / (held + 1.0), held, i};
        }
        qsort(claims, n, sizeof *claims, by_claim);
        for (uint32_t i = 0; i < seats; i++)
            expected[claims[i].party]++;
        cr_assert_eq(takt__apportion(parties, count, seats), seats);
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(parties[i].seats, expected[i], "round %d, party %u", round, i);
    }
}

/* Two workers on stages A and B, whose backlogs and times of one event are given. */
static void check_example(double a_waiting, double b_waiting, uint32_t a, uint32_t b)
{
    struct takt__party parties[] = {{a_waiting * 1.0, 0, 2, 0}, {b_waiting * 1.0, 0, 2, 0}};
    cr_assert_eq(takt__apportion(parties, 2, 2), a + b);
    cr_assert_eq(parties[0].seats, a);
    cr_assert_eq(parties[1].seats, b);
}

Test(apportion, four_examples_of_two_workers_and_two_stages)
{
    check_example(3, 0, 2, 0);
    check_example(1, 2, 1, 1); /* A and B tie for the second seat; B has one already */
    check_example(0, 2, 0, 2); /* A is done */
    check_example(0, 0, 0, 0); /* all done: no worker is sent anywhere */
}

Test(apportion, the_least_is_given_even_where_there_are_too_few)
{
    struct takt__party parties[] = {{5, 1, 9, 0}, {0, 2, 9, 0}, {50, 1, 9, 0}};
    cr_assert_eq(takt__apportion(parties, 3, 2), 4);
    cr_assert(parties[0].seats == 1 && parties[1].seats == 2 && parties[2].seats == 1);
    cr_assert_eq(takt__apportion(parties, 0, 2), 0);
}

static struct takt__load load(double rate, double service_ns, double backlog)
{
    return (struct takt__load){.rate = rate,
                               .service_ns = service_ns,
                               .backlog = backlog,
                               .weight = 1,
                               .least = 1,
                               .most = 16};
}

static bool is_about(double value, double expected)
{
    return value > expected * (1 - 1e-9) && value < expected * (1 + 1e-9);
}

Test(policy, a_hot_stage_wins_both_of_two_seats)
{
    /* What 10:10:170:10 looks like when the third stage is the bottleneck. */
    struct takt__load loads[] = {load(5e6, 10, 0), load(5e6, 10, 1000), load(5e6, 170, 60000),
                                 load(5e6, 10, 0)};

    takt__policy_decide(loads, 4, 2);
    cr_assert_eq(loads[0].width, 1);
    cr_assert_eq(loads[1].width, 1);
    cr_assert_eq(loads[2].width, 4, "two seats, two shards each; not %u", loads[2].width);
    cr_assert_eq(loads[3].width, 1);
}

Test(policy, equal_stages_keep_one_shard_each)
{
    struct takt__load loads[] = {load(5e6, 60, 0), load(5e6, 60, 0), load(5e6, 60, 0)};
    takt__policy_decide(loads, 3, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(loads[i].width, 1);
}

Test(policy, cost_is_the_demand_of_rate_and_backlog)
{
    struct takt__load loads[] = {load(1e6, 200, 0), load(0, 200, 10000), load(1e6, 200, 10000)};
    loads[2].weight = 3;
    takt__policy_decide(loads, 3, 4);
    cr_assert(is_about(loads[0].cost, 0.2), "%g", loads[0].cost);
    cr_assert(is_about(loads[1].cost, 0.2), "%g", loads[1].cost); /* caught up with in 10 ms */
    cr_assert(is_about(loads[2].cost, 1.2), "%g", loads[2].cost);
    cr_assert_eq(loads[2].width, 8); /* quotients 1.2, 0.6, 0.4 and 0.3 go before 0.2 */
}

Test(policy, widths_stay_within_their_limits)
{
    struct takt__load loads[] = {load(1e6, 900, 0), load(1e6, 100, 0), load(0, 0, 0)};
    loads[0].most = 1; /* a serial stage: its seats go to others */
    loads[2].least = 3;
    takt__policy_decide(loads, 3, 8);
    cr_assert_eq(loads[0].width, 1);
    cr_assert_eq(loads[1].width, 14);
    cr_assert_eq(loads[2].width, 3);
    loads[1].most = 5;
    takt__policy_decide(loads, 3, 8);
    cr_assert_eq(loads[1].width, 5);
}

Test(policy, what_does_not_flow_keeps_its_least)
{
    struct takt__load loads[TAKT_STAGES_MAX];
    for (uint32_t i = 0; i < TAKT_STAGES_MAX; i++) {
        loads[i] = load(0, 100, 0);
        loads[i].least = 1 + i % 3;
    }
    takt__policy_decide(loads, TAKT_STAGES_MAX, TAKT_WORKERS_MAX);
    for (uint32_t i = 0; i < TAKT_STAGES_MAX; i++)
        cr_assert_eq(loads[i].width, 1 + i % 3);
}
