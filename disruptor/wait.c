/* SPDX-License-Identifier: MIT */
/* Sleeping at a sequence: the algorithm is told in wait.h. */
#include <limits.h>

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "disruptor/wait.h"

void takt__sequence_rouse(takt_sequence *s)
{
    takt__add32(&s->events, 1); /* release [pairs: sequence-events] */
    takt__futex_wake(&s->events, INT_MAX);
}

void takt__sequence_wake(takt_sequence *s)
{
    takt__st32_rlx(&s->sleepers, 0);
    takt__sequence_rouse(s);
}

uint32_t takt__sequence_arm(takt_sequence *s)
{
    uint32_t ticket = takt__ld32_acq(&s->events); /* acquire [pairs: sequence-events] */
    takt__st32_rlx(&s->sleepers, 1);
    return ticket;
}

int64_t takt__nap(bool everywhere, int64_t deadline)
{
    if (everywhere)
        return deadline;
    int64_t nap = takt_after(TAKT__NAP_NS);
    return nap < deadline ? nap : deadline;
}

void takt__sequence_sleep(const takt_sequence *s, uint32_t ticket, bool everywhere,
                          int64_t deadline)
{
    takt__futex_wait(&s->events, ticket, takt__nap(everywhere, deadline));
}
