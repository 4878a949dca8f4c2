/* SPDX-License-Identifier: MIT */
/* Waiting in phases: told in backoff.h. */
#include <sched.h>
#include <time.h>

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "disruptor/backoff.h"

#define SPIN_ROUNDS  64
#define PAUSES       16
#define YIELD_ROUNDS 32
#define SLEEP_MIN_NS 2000
#define SLEEP_MAX_NS 100000

static void sleep_for(int64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    nanosleep(&t, NULL);
}

void takt__backoff_wait(struct takt__backoff *backoff, int64_t deadline)
{
    uint32_t round = backoff->round++;
    if (round < SPIN_ROUNDS) {
        for (int i = 0; i < PAUSES; i++)
            takt__pause();
        return;
    }
    if (round < SPIN_ROUNDS + YIELD_ROUNDS) {
        sched_yield();
        return;
    }
    uint32_t doublings = round - SPIN_ROUNDS - YIELD_ROUNDS;
    int64_t ns = doublings < 6 ? SLEEP_MIN_NS << doublings : SLEEP_MAX_NS;
    int64_t left = deadline == TAKT_FOREVER ? ns : deadline - takt_now();
    if (left > 0)
        sleep_for(left < ns ? left : ns);
}
