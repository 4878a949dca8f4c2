/* SPDX-License-Identifier: MIT */
/*
 * Sharing out seats: the result of each rule against all the others there are, and against seats
 * given one by one without any short cut. Costs are small whole numbers, and what is minimised is
 * computed in whole numbers too, so that "exact" means equal.
 */
#include <criterion/criterion.h>

#include "random.h"
#include "scheduler/apportion.h"

TestSuite(apportion, .timeout = 60);

#define PARTIES_MOST 4
#define SEATS_MOST   9
#define NO_LIMIT     1000
/* Divisible by every seats + 1 and seats that occur: 2 * 2 * 2 * 3 * 3 * 5 * 7 * 11 * 13. */
#define COMMON INT64_C(360360)

/* What a rule makes as small as it can be; INT64_MAX stands for no seat where one is needed. */
static int64_t objective(const struct takt__party *parties, uint32_t count, takt_rule rule)
{
    int64_t most = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t cost = (int64_t)parties[i].cost, s = parties[i].seats, q = 0;
        if (rule == TAKT_RULE_DHONDT || rule == TAKT_RULE_MIN_SUM)
            q = COMMON * cost / (s + 1);
        else if (rule == TAKT_RULE_ADAMS)
            q = cost == 0 ? 0 : s ? COMMON * cost / s : INT64_MAX;
        else if (cost > 0)
            q = COMMON * s * s / cost; /* costs here divide COMMON */
        most = q > most ? q : most;
        sum += q;
    }
    return rule == TAKT_RULE_DHONDT || rule == TAKT_RULE_ADAMS ? most : sum;
}

/* The least that the objective can be, by trying every distribution that the limits allow. */
static int64_t best(struct takt__party *parties, uint32_t count, uint32_t from, uint32_t seats,
                    takt_rule rule)
{
    if (from == count)
        return seats == 0 ? objective(parties, count, rule) : INT64_MAX;
    int64_t least = INT64_MAX;
    struct takt__party *party = &parties[from];
    for (uint32_t more = 0; more <= seats; more++) {
        party->seats = party->least + more;
        if (more && (party->seats > party->most || party->cost <= 0))
            break;
        int64_t q = best(parties, count, from + 1, seats - more, rule);
        least = q < least ? q : least;
    }
    return least;
}

/* Divisors of COMMON, few of them so that ties abound, or none. */
static double random_cost(struct rng *rng)
{
    static const double costs[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 60, 360, 840};
    if (rng_below(rng, 5) == 0)
        return 0;
    return costs[rng_below(rng, sizeof costs / sizeof costs[0])];
}

static void check_minimum(struct rng *rng, takt_rule rule, bool limits)
{
    struct takt__party parties[PARTIES_MOST], tried[PARTIES_MOST];
    uint32_t count = 2 + rng_below(rng, PARTIES_MOST - 1);
    uint32_t seats = rng_below(rng, SEATS_MOST + 1);
    uint32_t given = 0, least = 0, room = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = limits ? rng_below(rng, 3) : 0;
        uint32_t high = limits ? low + rng_below(rng, 5) : NO_LIMIT;
        parties[i] = (struct takt__party){random_cost(rng), low, high, 77, false};
        tried[i] = parties[i];
        least += low;
        room += parties[i].cost > 0 ? high - low : 0;
    }
    uint32_t result = takt__apportion(parties, count, seats, rule);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(parties[i].seats >= parties[i].least && parties[i].seats <= parties[i].most);
        if (parties[i].cost <= 0)
            cr_assert_eq(parties[i].seats, parties[i].least);
        given += parties[i].seats;
    }
    uint32_t rest = seats > least ? seats - least : 0;
    cr_assert_eq(result, given);
    rest = rest < room ? rest : room;
    cr_assert_eq(given, least + rest);
    int64_t minimum = best(tried, count, 0, rest, rule);
    cr_assert_eq(objective(parties, count, rule), minimum, "rule %d: %lld, but %lld is possible",
                 (int)rule, (long long)objective(parties, count, rule), (long long)minimum);
}

static void check_rule(takt_rule rule)
{
    struct rng rng = {(uint64_t)rule + 1};
    for (int i = 0; i < 4000; i++)
        check_minimum(&rng, rule, i % 2);
}

Test(apportion, dhondt_minimises_the_greatest_cost_per_seat_and_one_more)
{
    check_rule(TAKT_RULE_DHONDT);
}

Test(apportion, one_seat_each_first_minimises_the_makespan)
{
    check_rule(TAKT_RULE_ADAMS);
}

Test(apportion, min_sum_minimises_the_sum)
{
    check_rule(TAKT_RULE_MIN_SUM);
}

Test(apportion, sainte_lague_comes_closest_to_the_shares)
{
    check_rule(TAKT_RULE_SAINTE_LAGUE);
}

/* The same by the definition: seats one by one, each to the best claim of all. */
static double claim(const struct takt__party *party, takt_rule rule)
{
    double s = party->seats;
    switch (rule) {
    case TAKT_RULE_ADAMS: return s > 0 ? party->cost / s : party->cost * 1e120;
    case TAKT_RULE_SAINTE_LAGUE: return party->cost / (s + 0.5);
    case TAKT_RULE_MIN_SUM: return party->cost / ((s + 1) * (s + 2));
    default: return party->cost / (s + 1);
    }
}

static uint32_t one_by_one(struct takt__party *parties, uint32_t count, uint32_t seats,
                           takt_rule rule)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < count; i++)
        given += parties[i].seats = parties[i].done ? 0 : parties[i].least;
    for (; given < seats; given++) {
        struct takt__party *next = NULL;
        for (uint32_t i = 0; i < count; i++) {
            struct takt__party *party = &parties[i];
            if (party->done || party->cost <= 0 || party->seats >= party->most)
                continue;
            if (!next || claim(party, rule) > claim(next, rule) ||
                (claim(party, rule) >= claim(next, rule) && party->seats < next->seats))
                next = party;
        }
        if (!next)
            break;
        next->seats++;
    }
    return given;
}

/* Costs of many magnitudes, of a few equal ones, and of two or three that outweigh all others. */
static double wide_cost(struct rng *rng, uint32_t kind)
{
    double any = (double)(rng_next(rng) >> 11) * 0x1p-53;
    if (kind == 0)
        return 1 + rng_below(rng, 4);
    if (kind == 1)
        return any * 1e-6;
    if (kind == 2)
        return rng_below(rng, 20) ? any : any * 1e9;
    return rng_below(rng, 3) ? 0 : 1 + rng_below(rng, 1000);
}

static void check_short_cut(struct rng *rng, uint32_t parties_most, uint32_t seats_most)
{
    struct takt__party parties[TAKT__PARTIES_MAX], slowly[TAKT__PARTIES_MAX];
    uint32_t count = 1 + rng_below(rng, parties_most), seats = rng_below(rng, seats_most + 1);
    uint32_t kind = rng_below(rng, 4), limits = rng_below(rng, 3);
    takt_rule rule = (takt_rule)rng_below(rng, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = limits == 1 ? rng_below(rng, 4) : 0;
        uint32_t high = limits ? rng_below(rng, 40) : UINT32_MAX;
        parties[i] = (struct takt__party){wide_cost(rng, kind), low, high, 5,
                                          limits && rng_below(rng, 9) == 0};
        slowly[i] = parties[i];
    }
    uint32_t given = takt__apportion(parties, count, seats, rule);
    cr_assert_eq(given, one_by_one(slowly, count, seats, rule), "%u given, rule %d", given,
                 (int)rule);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(parties[i].seats, slowly[i].seats, "rule %d, party %u of %u, %u seats",
                     (int)rule, i, count, seats);
}

Test(apportion, the_short_cut_gives_what_one_by_one_gives)
{
    struct rng rng = {7};
    for (int i = 0; i < 20000; i++)
        check_short_cut(&rng, 6, 60);
    for (int i = 0; i < 300; i++)
        check_short_cut(&rng, 64, 1024);
    for (int i = 0; i < 10; i++)
        check_short_cut(&rng, TAKT__PARTIES_MAX, 2000);
}

/* Two workers on stages A and B, by backlog times the time of one event. */
static void check_example(takt_rule rule, struct takt__party a, struct takt__party b,
                          uint32_t seats_a, uint32_t seats_b)
{
    struct takt__party parties[] = {a, b};
    cr_assert_eq(takt__apportion(parties, 2, 2, rule), seats_a + seats_b);
    cr_assert_eq(parties[0].seats, seats_a, "rule %d", (int)rule);
    cr_assert_eq(parties[1].seats, seats_b, "rule %d", (int)rule);
}

Test(apportion, four_examples_of_two_workers_and_two_stages)
{
    static const takt_rule rules[] = {TAKT_RULE_MIN_SUM, TAKT_RULE_DHONDT};
    for (int i = 0; i < 2; i++) {
        struct takt__party none = {0, 0, 2, 0, false}, done = {7, 0, 2, 0, true};
        struct takt__party one = {1, 0, 2, 0, false}, two = {2, 0, 2, 0, false};
        struct takt__party three = {3, 0, 2, 0, false};
        check_example(rules[i], three, none, 2, 0);
        check_example(rules[i], one, two, 1, 1); /* a tie: B has a seat already, A has none */
        check_example(rules[i], done, two, 0, 2);
        check_example(rules[i], done, done, 0, 0); /* all done: no worker is sent anywhere */
    }
}

Test(apportion, rules_differ_where_they_should)
{
    static const uint32_t first[] = {
        [TAKT_RULE_DHONDT] = 8, [TAKT_RULE_ADAMS] = 7, [TAKT_RULE_MIN_SUM] = 6};
    for (int rule = 0; rule < 4; rule++) {
        struct takt__party parties[] = {{900, 0, 8, 0, false}, {100, 0, 8, 0, false}};
        if (rule == TAKT_RULE_SAINTE_LAGUE)
            continue;
        takt__apportion(parties, 2, 8, (takt_rule)rule);
        cr_assert_eq(parties[0].seats, first[rule], "rule %d", rule);
        cr_assert_eq(parties[1].seats, 8 - first[rule], "rule %d", rule);
    }
}

Test(apportion, the_least_is_given_even_where_there_are_too_few)
{
    struct takt__party parties[] = {
        {5, 1, 9, 0, false}, {0, 2, 9, 0, false}, {50, 1, 9, 0, false}, {9, 3, 9, 0, true}};
    cr_assert_eq(takt__apportion(parties, 4, 2, TAKT_RULE_DHONDT), 4);
    cr_assert(parties[0].seats == 1 && parties[1].seats == 2 && parties[2].seats == 1);
    cr_assert_eq(parties[3].seats, 0, "done");
    cr_assert_eq(takt__apportion(parties, 0, 2, TAKT_RULE_DHONDT), 0);
}

Test(apportion, costs_that_are_no_numbers_do_no_harm)
{
    double nan = __builtin_nan(""), inf = __builtin_inf();
    for (int rule = 0; rule < 4; rule++) {
        struct takt__party parties[] = {{nan, 0, 900, 0, false},
                                        {inf, 0, 400, 0, false},
                                        {-1, 0, 900, 0, false},
                                        {1e-300, 0, 900, 0, false}};
        cr_assert_eq(takt__apportion(parties, 4, 1000, (takt_rule)rule), 1000);
        cr_assert(parties[0].seats == 0 && parties[2].seats == 0);
        cr_assert(parties[1].seats == 400 && parties[3].seats == 600);
    }
}
