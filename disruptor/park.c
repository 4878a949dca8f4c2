/* SPDX-License-Identifier: MIT */
/* Sleeping and waking: the algorithm is told in park.h. */
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "disruptor/park.h"

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

void takt__park_init(struct takt__park *lot)
{
    lot->asymmetric = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

uint32_t takt__park_ticket(const struct takt__park *lot)
{
    return takt__ld32_acq(&lot->events); /* acquire [pairs: park-events] */
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
    takt__add32(&lot->sleepers, 1);
    if (lot->asymmetric)
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    else
        takt__fence();
}

void takt__park_cancel(struct takt__park *lot)
{
    takt__add32(&lot->sleepers, (uint32_t)-1);
}

static void futex_wait(const uint32_t *word, uint32_t seen, int64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    const struct timespec *until = deadline == TAKT_FOREVER ? NULL : &t;
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void futex_wake(const uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

bool takt__park_wait(const struct takt__park *lot, uint32_t ticket, int64_t deadline)
{
    while (takt__park_ticket(lot) == ticket) {
        if (deadline != TAKT_FOREVER && takt_now() >= deadline)
            return false;
        futex_wait(&lot->events, ticket, deadline);
    }
    return true;
}

bool takt__park_sleep(struct takt__park *lot, uint32_t ticket, int64_t deadline)
{
    if (!lot->asymmetric) {
        /* A wake-up may have been missed: look for work after a nap at the latest. */
        int64_t nap = takt_after(TAKT__NAP_NS);
        deadline = nap < deadline ? nap : deadline;
    }
    bool woken = takt__park_wait(lot, ticket, deadline);
    takt__add32(&lot->sleepers, (uint32_t)-1);
    takt__st32_rlx(&lot->waking, 0);
    return woken;
}

void takt__park_wake_one(struct takt__park *lot)
{
    if (!takt__cas32(&lot->waking, 0, 1))
        return;
    takt__add32(&lot->events, 1); /* release [pairs: park-events] */
    futex_wake(&lot->events, 1);
}

void takt__park_wake_all(struct takt__park *lot)
{
    takt__add32(&lot->events, 1); /* release [pairs: park-events] */
    futex_wake(&lot->events, INT_MAX);
}

bool takt__park_occupied(const struct takt__park *lot)
{
    return takt__ld32_rlx(&lot->sleepers) != 0;
}
