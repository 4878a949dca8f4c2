/* SPDX-License-Identifier: MIT */
/*
 * The method of D'Hondt: seats are given one at a time, each to the party whose cost per seat,
 * counting the seat it would get, is highest. The result minimises the greatest cost/(seats + 1),
 * exactly: were there a better distribution, some party would have a seat less in it than here, and
 * the quotient at which that seat was given is at least as high as every quotient left open here.
 */
#include "scheduler/apportion.h"

/* Whether a has the better claim to the next seat than b. */
static bool goes_before(const struct takt__party *a, const struct takt__party *b)
{
    double qa = takt__quotient(a->cost, a->seats);
    double qb = takt__quotient(b->cost, b->seats);
    return qa > qb || (qa >= qb && a->seats < b->seats);
}

uint32_t takt__apportion(struct takt__party *parties, uint32_t count, uint32_t seats)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < count; i++) {
        parties[i].seats = parties[i].least;
        given += parties[i].least;
    }
    while (given < seats) {
        struct takt__party *next = NULL;
        for (uint32_t i = 0; i < count; i++) {
            struct takt__party *party = &parties[i];
            if (party->cost <= 0 || party->seats >= party->most)
                continue;
            if (!next || goes_before(party, next))
                next = party;
        }
        if (!next)
            break;
        next->seats++;
        given++;
    }
    return given;
}
