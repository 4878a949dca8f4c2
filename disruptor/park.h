/* SPDX-License-Identifier: MIT */
/*
 * Sleeping until there is something to do, at no cost to who makes it so.
 *
 * A sleeper and a publisher meet as in Dekker's algorithm: the sleeper says that it sleeps and then
 * looks for work once more; the publisher publishes and then looks for sleepers. One of them must
 * see the other, which takes a full fence on both sides, between the store and the load. The
 * publisher is the hot path and must not pay for one, so the sleeper pays for both: membarrier(2)
 * makes every running thread of the process pass a full barrier while it waits. Where the kernel
 * has no membarrier, a sleep is cut to TAKT__NAP_NS: a wake-up may then be missed, but is never
 * lost for longer.
 *
 * To sleep:            takt__park_prepare(lot, &ticket);    to wake:  publish;
 *                      look for work once more;                       if (lot->sleepers)
 *                      found: takt__park_cancel(lot);                     takt__park_wake_one(lot);
 *                      else:  takt__park_sleep(lot, ticket, deadline);
 *
 * The wake-up itself is an event count: `events` moves, then the futex is woken. A sleeper that
 * took its ticket before the move does not fall asleep after it. Where wakers are rare and never
 * look for sleepers first (takt__park_wake_all always moves the count), that alone is enough:
 *
 *     ticket = takt__park_ticket(lot);
 *     look for what is waited for;
 *     takt__park_wait(lot, ticket, deadline);
 *
 * At most one wake-up is under way at a time: `waking` is set by who wakes and cleared by who rose,
 * so that a fast publisher does not enter the kernel for each event while a sleeper gets to its
 * feet. Whoever rises must look for work, and, when there is more than it can take, wake the next
 * one.
 */
#ifndef TAKT_DISRUPTOR_PARK_H
#define TAKT_DISRUPTOR_PARK_H

#include <takt/base.h>

/* The longest sleep where sleepers cannot make themselves visible (no membarrier). */
#define TAKT__NAP_NS 1000000

struct takt__park {
    TAKT_ALIGNED uint32_t sleepers; /* where publishers look */
    uint32_t asymmetric;            /* membarrier works */
    TAKT_ALIGNED uint32_t events;
    uint32_t waking;
};

/* Sets up a zeroed lot: asks the kernel for membarrier. */
void takt__park_init(struct takt__park *lot);

/* Says that the caller is about to sleep, visibly to every publisher, and takes a ticket. */
void takt__park_prepare(struct takt__park *lot, uint32_t *ticket);

/* Takes it back: there is work after all. */
void takt__park_cancel(struct takt__park *lot);

/* Sleeps until woken or until the deadline. True if woken. */
bool takt__park_sleep(struct takt__park *lot, uint32_t ticket, int64_t deadline);

/* Wakes one sleeper, unless a wake-up is already under way. Any thread. */
void takt__park_wake_one(struct takt__park *lot);

/* Wakes all of them. Any thread. */
void takt__park_wake_all(struct takt__park *lot);

/* A ticket for takt__park_wait. */
uint32_t takt__park_ticket(const struct takt__park *lot);

/*
 * Sleeps until the count has moved since the ticket was taken, or until the deadline. True if it
 * has moved. For those who are woken by takt__park_wake_all only.
 */
bool takt__park_wait(const struct takt__park *lot, uint32_t ticket, int64_t deadline);

/* Whether anybody sleeps or is about to: a hint. */
bool takt__park_occupied(const struct takt__park *lot);

#endif
