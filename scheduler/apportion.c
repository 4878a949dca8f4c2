/* SPDX-License-Identifier: MIT */
/*
 * Highest averages: seats are given one at a time, each to the party whose quotient cost / d(seats)
 * is highest. Why that is exact: d grows with s, so a party's quotients fall from seat to seat, and
 * what has been given at any time are the highest quotients of all.
 *
 *   For a sum of terms f(s) that fall by less with every seat (min-sum: cost/(s+1) falls by
 *   cost/((s+1)(s+2)); Sainte-Lague alike), the quotient is that fall, and the sum of the K
 * greatest falls is the most that K seats can take off.
 *
 *   For a maximum (D'Hondt, Adams): were there a better distribution, some party would have a seat
 *   less in it than here, and the quotient at which that seat was given is at least as high as
 * every quotient left open here.
 *
 * One at a time takes seats x log(parties) with a heap. Most of that can be left out: every seat
 * whose quotient is above some bound is given in the end, if all of those together are no more than
 * there are to give. So a bound is looked for that leaves about one seat for each party, the seats
 * above it are counted by a formula instead of given one by one, and the heap does the rest. The
 * formula is put right by the quotient itself, so the result is the same to the bit as without it.
 */
#include "scheduler/apportion.h"

#include <math.h>
#include <string.h>

/* How often a better bound is looked for; after that the heap takes whatever is left. */
#define SEARCHES 12

/* The first seat of each by Adams's rule goes before all others, the dearest parties first. */
#define FIRST_OF_ALL 0x1p-500
#define COST_MAX     0x1p500

/* A party in the heap: the best of its claims. */
struct claim {
    double quotient;
    uint32_t seats;
    uint32_t party;
};

static double divisor(takt_rule rule, uint32_t seats)
{
    double s = seats;
    switch (rule) {
    case TAKT_RULE_ADAMS: return seats ? s : FIRST_OF_ALL;
    case TAKT_RULE_SAINTE_LAGUE: return s + 0.5;
    case TAKT_RULE_MIN_SUM: return (s + 1) * (s + 2);
    default: return s + 1;
    }
}

static double quotient(takt_rule rule, const struct takt__party *party, uint32_t seats)
{
    double cost = party->cost < COST_MAX ? party->cost : COST_MAX;
    return cost / divisor(rule, seats);
}

static bool takes_part(const struct takt__party *party)
{
    return !party->done && party->cost > 0 && party->most > party->least;
}

/* The square root, to a millionth: halve the exponent, then Newton. Needs no libm. */
static double root(double x)
{
    uint64_t bits;
    double y;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits >> 1) + (UINT64_C(1023) << 51);
    memcpy(&y, &bits, sizeof y);
    y = (y + x / y) / 2;
    return (y + x / y) / 2;
}

/* About how many seats s have x > d(s), by the rule's formula. */
static double about(takt_rule rule, double x)
{
    switch (rule) {
    case TAKT_RULE_ADAMS: return x + 1;
    case TAKT_RULE_SAINTE_LAGUE: return x + 0.5;
    case TAKT_RULE_MIN_SUM: return (root(1 + 4 * x) - 1) / 2;
    default: return x;
    }
}

/* How many of the party's seats have a quotient above `bound`, within its limits. */
static uint32_t seats_above(takt_rule rule, const struct takt__party *party, double bound)
{
    double guess = about(rule, party->cost / bound);
    if (!(guess < party->most))
        guess = party->most;
    uint32_t seats = guess > party->least ? (uint32_t)guess : party->least;
    while (seats < party->most && quotient(rule, party, seats) > bound)
        seats++;
    while (seats > party->least && quotient(rule, party, seats - 1) <= bound)
        seats--;
    return seats;
}

/* Gives every seat above the bound; the number given. */
static uint64_t give_above(struct takt__party *parties, uint32_t count, takt_rule rule,
                           double bound)
{
    uint64_t given = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct takt__party *party = &parties[i];
        if (takes_part(party))
            party->seats = seats_above(rule, party, bound);
        given += party->seats;
    }
    return given;
}

/* Gives most of the seats at once, and never one that would not be given; the number given. */
static uint64_t give_most(struct takt__party *parties, uint32_t count, uint32_t seats,
                          takt_rule rule, uint64_t given)
{
    double sum = 0, low = 0, high = INFINITY;
    for (uint32_t i = 0; i < count; i++)
        if (takes_part(&parties[i]))
            sum += parties[i].cost;
    if (!(sum > 0 && sum < COST_MAX) || given + count >= seats)
        return given;
    double bound = sum / seats;
    if (rule == TAKT_RULE_MIN_SUM)
        bound *= (double)count / seats;
    bool best_stands = false;
    for (int i = 0; i < SEARCHES; i++) {
        uint64_t now = give_above(parties, count, rule, bound);
        best_stands = now <= seats;
        if (best_stands) {
            high = bound;
            given = now;
            if (given + count >= seats)
                return given;
        } else {
            low = bound;
        }
        double factor = ((double)now + count / 2.0) / seats;
        bound *= rule == TAKT_RULE_MIN_SUM ? factor * factor : factor;
        if (!(bound > low && bound < high))
            bound = high < INFINITY ? (low + high) / 2 : low * 2;
    }
    return best_stands ? given : give_above(parties, count, rule, high);
}

/* Whether a has the better claim to the next seat than b. */
static bool goes_before(const struct claim *a, const struct claim *b)
{
    if (a->quotient > b->quotient || a->quotient < b->quotient)
        return a->quotient > b->quotient;
    return a->seats != b->seats ? a->seats < b->seats : a->party < b->party;
}

static void sift_down(struct claim *heap, uint32_t count, uint32_t at)
{
    struct claim claim = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && goes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!goes_before(&heap[child], &claim))
            break;
        heap[at] = heap[child];
    }
    heap[at] = claim;
}

/* Gives the rest one by one; the number given. */
static uint64_t give_rest(struct takt__party *parties, uint32_t count, uint32_t seats,
                          takt_rule rule, uint64_t given)
{
    struct claim heap[TAKT__PARTIES_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct takt__party *party = &parties[i];
        if (takes_part(party) && party->seats < party->most)
            heap[n++] = (struct claim){quotient(rule, party, party->seats), party->seats, i};
    }
    for (uint32_t i = n / 2; i-- > 0;)
        sift_down(heap, n, i);
    for (; given < seats && n > 0; given++) {
        struct takt__party *party = &parties[heap[0].party];
        party->seats++;
        if (party->seats < party->most) {
            heap[0].seats = party->seats;
            heap[0].quotient = quotient(rule, party, party->seats);
        } else {
            heap[0] = heap[--n];
        }
        sift_down(heap, n, 0);
    }
    return given;
}

uint32_t takt__apportion(struct takt__party *parties, uint32_t count, uint32_t seats,
                         takt_rule rule)
{
    uint64_t given = 0;
    if (count > TAKT__PARTIES_MAX)
        count = TAKT__PARTIES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        parties[i].seats = parties[i].done ? 0 : parties[i].least;
        given += parties[i].seats;
    }
    given = give_most(parties, count, seats, rule, given);
    return (uint32_t)give_rest(parties, count, seats, rule, given);
}
