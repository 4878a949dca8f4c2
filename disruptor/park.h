/* SPDX-License-Identifier: MIT */
/*
 * An event count for threads that look for work of any kind: the runtime's workers, which sleep
 * until there is something for one of them, and threads that wait for a rare change of state.
 *
 * Two ways to use it. Where wakers are rare and always wake everybody:
 *
 *     ticket = takt__park_ticket(lot);                      change what is waited for;
 *     look for what is waited for;                          takt__park_wake_all(lot);
 *     takt__park_wait(lot, ticket, deadline);
 *
 * Workers are woken one at a time, by whoever has work for another (wait.h tells how a publisher
 * learns that there are sleepers without paying for it):
 *
 *     takt__park_prepare(lot, &ticket);                     if (takt__park_occupied(lot))
 *     arm the sequences that publishers move;                   takt__park_wake_one(lot);
 *     everywhere = takt__barrier_everywhere();
 *     look for work once more;
 *     found: takt__park_cancel(lot);
 *     else:  takt__park_sleep(lot, ticket, everywhere, deadline);
 *
 * At most one wake-up is under way at a time: `waking` is set by who wakes and cleared by who rose,
 * so that a fast publisher does not enter the kernel for each event while a sleeper gets to its
 * feet. Whoever rises must look for work, and, when there is more than it can take, wake the next.
 */
#ifndef TAKT_DISRUPTOR_PARK_H
#define TAKT_DISRUPTOR_PARK_H

#include <takt/base.h>

struct takt__park {
    TAKT_ALIGNED uint32_t sleepers; /* how many sleep, or are about to */
    uint32_t events;                /* moves with every wake-up */
    uint32_t waking;                /* somebody is being woken */
};

/* A ticket for takt__park_wait. */
uint32_t takt__park_ticket(const struct takt__park *lot);

/*
 * Sleeps until the count has moved since the ticket was taken, or until the deadline. True if it
 * has moved.
 */
bool takt__park_wait(const struct takt__park *lot, uint32_t ticket, int64_t deadline);

/* Says that the caller is about to sleep, and takes a ticket. */
void takt__park_prepare(struct takt__park *lot, uint32_t *ticket);

/* Takes it back: there is work after all. */
void takt__park_cancel(struct takt__park *lot);

/* Sleeps until woken or until the deadline; shorter where wake-ups may be missed. */
void takt__park_sleep(struct takt__park *lot, uint32_t ticket, bool everywhere, int64_t deadline);

/* Wakes one sleeper, unless a wake-up is already under way. Any thread. */
void takt__park_wake_one(struct takt__park *lot);

/* Wakes all of them. Any thread. */
void takt__park_wake_all(struct takt__park *lot);

/* Whether anybody sleeps or is about to: a hint. */
bool takt__park_occupied(const struct takt__park *lot);

#endif
