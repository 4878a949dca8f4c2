/* SPDX-License-Identifier: MIT */
/*
 * Apportionment: sharing out seats (workers) among parties (stages) by their votes (costs). Pure
 * arithmetic: no clock, no thread, no atomics.
 */
#ifndef TAKT_SCHEDULER_APPORTION_H
#define TAKT_SCHEDULER_APPORTION_H

#include <takt/base.h>

/* One stage that takes part. */
struct takt__party {
    double cost;    /* V >= 0; a stage with cost 0 gets its least */
    uint32_t least; /* seats it has in any case */
    uint32_t most;  /* and no more than these */
    uint32_t seats; /* the result */
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
 * Shares out `seats` seats by highest averages. The least seats of all are given first, even if
 * there are too few; the rest go one by one to the highest quotient. Ties go to the party with
 * fewer seats, then to the earlier one. Seats that nobody may take are left over. Returns the
 * number given. O(seats * parties).
 */
uint32_t takt__apportion(struct takt__party *parties, uint32_t count, uint32_t seats);

#endif
