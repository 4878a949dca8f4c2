/* SPDX-License-Identifier: MIT */
/*
 * Apportionment: sharing out seats (workers) among parties (stages) by their votes (costs). Pure
 * arithmetic: no clock, no thread, no atomics.
 *
 * The rules are methods of highest averages. They differ in the divisor d(s) by which the cost of
 * a party that has s seats is divided to make its claim to the next one, and so in what the result
 * minimises, each exactly:
 *
 *     D'Hondt        s + 1            the greatest cost / (seats + 1)
 *     Adams          s (first: 0)     the greatest cost / seats: the makespan. It is one seat for
 *                                     each first, then D'Hondt over the rest counting from zero
 *     Sainte-Lague   s + 1/2          the sum of (seats - share)^2 / cost: the least biased
 *     min-sum        (s + 1)(s + 2)   the sum of cost / (seats + 1)
 */
#ifndef TAKT_SCHEDULER_APPORTION_H
#define TAKT_SCHEDULER_APPORTION_H

#include <takt/policy.h>

/* The most parties that take part: all stages of all pipelines of a runtime. */
#define TAKT__PARTIES_MAX 1024

/* One stage that takes part. */
struct takt__party {
    double cost;    /* V >= 0, weighted; a stage with cost 0 gets its least */
    uint32_t least; /* seats it has in any case */
    uint32_t most;  /* and no more than these, or its least if that is more */
    uint32_t seats; /* the result */
    bool done;      /* gets nothing, not even its least */
};

/*
 * The quotient by which the next seat is given (D'Hondt, or Jefferson): cost / (seats + 1). The
 * worker's choice of a seat and the scheduler's widths are made by this one rule.
 */
static inline double takt__quotient(double cost, uint32_t seats)
{
    return cost / ((double)seats + 1.0);
}

/*
 * Shares out `seats` seats. The least seats of all are given first, even if there are too few; the
 * rest go one by one to the highest quotient. Ties go to the party with fewer seats, then to the
 * earlier one. Seats that nobody may take are left over. Returns the number given.
 */
uint32_t takt__apportion(struct takt__party *parties, uint32_t count, uint32_t seats,
                         takt_rule rule);

#endif
