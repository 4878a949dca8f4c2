/* SPDX-License-Identifier: MIT */
/*
 * Waiting by a strategy.
 *
 * Every strategy looks a number of times in a row first. What comes then: nothing else (busy, and
 * busy with pauses), giving the core away between looks, sleeping between looks, or blocking. A
 * thread blocks at one sequence: one that is behind what is wanted. As long as that one has not
 * moved far enough, nothing else matters; when it has, the thread looks for another.
 */
#include <sched.h>
#include <time.h>

#include <takt/clock.h>
#include <takt/error.h>

#include "disruptor/await.h"
#include "disruptor/wait.h"

#define NOTHING INT64_MIN

#define SPINS    100
#define YIELDS   100
#define SLEEP_NS 50000

/* Between two looks at somebody's cache line: looking too often takes it away from its writer. */
#define PAUSES 4

static void sleep_until(int64_t at)
{
    struct timespec t = {(time_t)(at / 1000000000), (long)(at % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* A sleep that doubles from round to round, up to the strategy's longest. */
static void sleep_a_while(const takt_wait *how, uint32_t round, int64_t deadline)
{
    int64_t longest = how->sleep_ns > 0 ? how->sleep_ns : SLEEP_NS;
    int64_t ns = longest >> (round < 5 ? 5 - round : 0);
    int64_t until = takt_after(ns > 0 ? ns : 1);
    sleep_until(until < deadline ? until : deadline);
}

/* A sequence that is below what is wanted, or NULL: where to sleep, and no more is read there. */
static takt_sequence *find_blocker(const struct takt__await *what)
{
    for (uint32_t i = 0; i < what->gates->count; i++) {
        const struct takt__gate *gate = what->gates->gate[i];
        uint32_t used = takt__ld32_acq(&gate->used); /* acquire [pairs: gate-used] */
        for (uint32_t k = 0; k < used; k++) {
            const takt_sequence *s = takt__gate_member(gate, k);
            if (takt__ld64_rlx(&s->value) < what->wanted)
                return (takt_sequence *)s;
        }
    }
    return NULL;
}

/* What ends the waiting now, or NOTHING. */
static int64_t look(const struct takt__await *what)
{
    /* Looked at before the sequences: what was published before a halt is still found. */
    bool halted = what->halt && takt__ld32_acq(what->halt); /* acquire [pairs: halt] */
    if (what->alert && takt__ld32_acq(what->alert))         /* acquire [pairs: alert] */
        return TAKT_EALERTED;
    int64_t least = takt__gates_least(what->gates);
    if (least >= what->wanted)
        return least;
    return halted ? TAKT_EHALTED : NOTHING;
}

/*
 * Blocks until a sequence that is behind has moved. It must be seen to be behind after it was
 * armed: it may have moved just before, while another one of the gates still is behind, and whoever
 * sleeps at a sequence that need not move any more is not woken.
 */
static void block(const struct takt__await *what)
{
    takt_sequence *s = find_blocker(what);
    if (!s)
        return;
    uint32_t ticket = takt__sequence_arm(s);
    bool everywhere = takt__barrier_everywhere();
    bool nothing = look(what) == NOTHING;
    if (nothing && takt__ld64_rlx(&s->value) < what->wanted)
        takt__sequence_sleep(s, ticket, everywhere, what->deadline);
}

/* How often to look at once: what the strategy says, less where that has not paid lately. */
static uint32_t spins_of(const struct takt__await *what, const takt_wait *how)
{
    uint32_t spins = how->spins ? how->spins : SPINS;
    uint32_t patience = what->patience ? takt__ld32_rlx(what->patience) : 0;
    return patience && patience < spins ? patience : spins;
}

/* Learns from a wait that took so many rounds. */
static void learn(const struct takt__await *what, const takt_wait *how, uint32_t spins,
                  uint32_t rounds)
{
    uint32_t most = how->spins ? how->spins : SPINS;
    if (!what->patience || rounds == 0)
        return;
    uint32_t patience = rounds > spins ? spins / 2 : spins * 2;
    patience = patience < 1 ? 1 : patience > most ? most : patience;
    if (patience != takt__ld32_rlx(what->patience))
        takt__st32_rlx(what->patience, patience);
}

/* Waits a little in the way of the strategy; `round` counts the calls. */
static void wait_a_little(const struct takt__await *what, const takt_wait *how, uint32_t spins,
                          uint32_t round)
{
    if (how->kind == TAKT_WAIT_BUSY)
        return;
    if (how->kind == TAKT_WAIT_PAUSE || round < spins) {
        for (int i = 0; i < PAUSES; i++)
            takt__pause();
        return;
    }
    round -= spins;
    uint32_t yields = how->yields ? how->yields : YIELDS;
    if (how->kind == TAKT_WAIT_YIELD || (how->kind != TAKT_WAIT_BLOCK && round < yields))
        sched_yield();
    else if (how->kind == TAKT_WAIT_SLEEP)
        sleep_a_while(how, round - yields, what->deadline);
    else
        block(what);
}

int64_t takt__await(const struct takt__await *what, const takt_wait *how)
{
    uint32_t spins = spins_of(what, how);
    for (uint32_t round = 0;; round += round < UINT32_MAX) {
        int64_t found = look(what);
        if (found != NOTHING) {
            learn(what, how, spins, round);
            return found;
        }
        if (what->deadline != TAKT_FOREVER && takt_now() >= what->deadline)
            return TAKT_ETIMEDOUT;
        wait_a_little(what, how, spins, round);
    }
}

/*
 * Wakes at every sequence, whether or not anybody sleeps there, and so needs no fence: a sleeper
 * that took its ticket before `events` moved does not sleep on, and one that took it after that has
 * acquired the stop word with it. A sequence that this does not find in the gates yet, though
 * somebody sleeps there, was found by the sleeper before its barrier: so the stop word was not
 * stored by then, or this would find it too.
 */
void takt__gates_wake(const struct takt__gates *gates)
{
    uint32_t count = takt__ld32_acq(&gates->count); /* acquire [pairs: gates] */
    for (uint32_t i = 0; i < count; i++) {
        const struct takt__gate *gate = gates->gate[i];
        uint32_t used = takt__ld32_acq(&gate->used); /* acquire [pairs: gate-used] */
        for (uint32_t k = 0; k < used; k++) {
            const takt_sequence *s = takt__gate_member(gate, k);
            /* Nobody sleeps at one that has gone: going has woken them. */
            if (takt__ld64_rlx(&s->value) != TAKT_SEQUENCE_GONE)
                takt__sequence_rouse((takt_sequence *)s);
        }
    }
}
