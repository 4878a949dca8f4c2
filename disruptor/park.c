/* SPDX-License-Identifier: MIT */
/* Sleeping and waking of workers: told in park.h. */
#include <limits.h>

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "disruptor/park.h"
#include "disruptor/wait.h"

uint32_t takt__park_ticket(const struct takt__park *lot)
{
    return takt__ld32_acq(&lot->events); /* acquire [pairs: park-events] */
}

bool takt__park_wait(const struct takt__park *lot, uint32_t ticket, int64_t deadline)
{
    while (takt__park_ticket(lot) == ticket) {
        if (deadline != TAKT_FOREVER && takt_now() >= deadline)
            return false;
        takt__futex_wait(&lot->events, ticket, deadline);
    }
    return true;
}

void takt__park_prepare(struct takt__park *lot, uint32_t *ticket)
{
    *ticket = takt__park_ticket(lot);
    /*
     * A waker may have raised `waking` for a sleeper that rose by itself, so that nobody is left
     * to clear it. Cleared here, after the ticket: a waker that raises it later still moves
     * `events` after the ticket was taken, so the caller will not sleep through it.
     */
    takt__st32_rlx(&lot->waking, 0);
    takt__add32_rlx(&lot->sleepers, 1);
}

void takt__park_cancel(struct takt__park *lot)
{
    takt__add32_rlx(&lot->sleepers, (uint32_t)-1);
}

void takt__park_sleep(struct takt__park *lot, uint32_t ticket, bool everywhere, int64_t deadline)
{
    takt__park_wait(lot, ticket, takt__nap(everywhere, deadline));
    takt__add32_rlx(&lot->sleepers, (uint32_t)-1);
    takt__st32_rlx(&lot->waking, 0);
}

void takt__park_wake_one(struct takt__park *lot)
{
    if (!takt__cas32_rlx(&lot->waking, 0, 1))
        return;
    takt__add32(&lot->events, 1); /* release [pairs: park-events] */
    takt__futex_wake(&lot->events, 1);
}

void takt__park_wake_all(struct takt__park *lot)
{
    takt__add32(&lot->events, 1); /* release [pairs: park-events] */
    takt__futex_wake(&lot->events, INT_MAX);
}

bool takt__park_occupied(const struct takt__park *lot)
{
    return takt__ld32_rlx(&lot->sleepers) != 0;
}
