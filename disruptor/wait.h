/* SPDX-License-Identifier: MIT */
/*
 * Sleeping until a sequence moves, at no cost to who moves it.
 *
 * A sleeper and a publisher meet as in Dekker's algorithm: the sleeper says that it sleeps and then
 * looks at the sequence once more; the publisher moves the sequence and then looks for sleepers.
 * One of them must see the other, which takes a full fence on both sides, between the store and the
 * load. The publisher is the hot path and must not pay for one, so the sleeper pays for both:
 * membarrier(2) makes every running thread of the process pass a full barrier while it waits. Where
 * the kernel has no membarrier, a sleep is cut to TAKT__NAP_NS: a wake-up may then be missed, but
 * is never lost for longer.
 *
 *     to sleep:  ticket = takt__sequence_arm(s)           to wake:  move the sequence
 *                everywhere = takt__barrier_everywhere()            if (s->sleepers)
 *                look once more: found, go on                           takt__sequence_wake(s)
 *                takt__sequence_sleep(s, ticket, everywhere, deadline)
 *
 * Waking: `sleepers` is cleared, then `events` moves, then the futex is woken. Arming: the ticket
 * (`events`) is taken, then `sleepers` is set. If the clearing undoes a setting, the ticket was
 * taken before it, and so before `events` moved: that sleeper does not sleep. All sleepers rise at
 * once; each that still has to wait arms again.
 */
#ifndef TAKT_DISRUPTOR_WAIT_H
#define TAKT_DISRUPTOR_WAIT_H

#include <takt/sequence.h>

#include "disruptor/futex.h"

/* The longest sleep where a wake-up may be missed (no membarrier). */
#define TAKT__NAP_NS 1000000

/* Says that the caller is about to sleep, and takes a ticket. Any thread. */
uint32_t takt__sequence_arm(takt_sequence *s);

/* Sleeps until woken or until the deadline; may return early. */
void takt__sequence_sleep(const takt_sequence *s, uint32_t ticket, bool everywhere,
                          int64_t deadline);

/*
 * Wakes all who sleep at the sequence, though it has not moved. It stays armed: workers that sleep
 * in their park (park.h) have armed it too, and are still to be woken when it moves.
 */
void takt__sequence_rouse(takt_sequence *s);

/* The deadline, or that of a nap where wake-ups may be missed. */
int64_t takt__nap(bool everywhere, int64_t deadline);

#endif
