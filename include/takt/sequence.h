/* SPDX-License-Identifier: MIT */
/*
 * A sequence: how far a producer or consumer has come, on cache lines of its own. It starts at
 * TAKT_SEQUENCE_INITIAL (-1: nothing yet) and only grows. One thread writes it, any may read it,
 * and any may sleep until it moves. Who moves it pays one look at `sleepers` for that, and enters
 * the kernel only if somebody sleeps (disruptor/wait.c).
 */
#ifndef TAKT_SEQUENCE_H
#define TAKT_SEQUENCE_H

#include <takt/ordering.h>

#define TAKT_SEQUENCE_INITIAL INT64_C(-1)

/* The value of a sequence that holds nobody back: a consumer that has left. */
#define TAKT_SEQUENCE_GONE INT64_MAX

/* The most sequences that one ring or barrier waits for. */
#define TAKT_GATING_MAX 64

typedef struct takt_sequence {
    TAKT_ALIGNED int64_t value;
    TAKT_ALIGNED uint32_t sleepers; /* somebody sleeps, or is about to, until it moves */
    uint32_t events;                /* moves when they are woken */
} takt_sequence;

TAKT__DECLS_BEGIN

/* The slow half of moving a sequence: wakes who sleeps. */
void takt__sequence_wake(takt_sequence *s);

TAKT__DECLS_END

/* Gives a sequence its first value, before other threads know it. */
static inline void takt_sequence_init(takt_sequence *s, int64_t value)
{
    takt__store_relaxed(&s->value, value);
    s->sleepers = 0;
    s->events = 0;
}

/* What the sequence says: everything its owner wrote before it is visible after. Any thread. */
static inline int64_t takt_sequence_get(const takt_sequence *s)
{
    return takt__load_acquire(&s->value); /* acquire [pairs: sequence] */
}

/* Moves the sequence; what the caller wrote before is visible to who reads it. Its owner only. */
static inline void takt_sequence_set(takt_sequence *s, int64_t value)
{
    takt__store_release(&s->value, value); /* release [pairs: sequence] */
    /* The store must come before the look. The compiler is held here; the CPU by the sleeper. */
    takt__compiler_fence();
    if (TAKT_UNLIKELY(takt__load32_relaxed(&s->sleepers)))
        takt__sequence_wake(s);
}

#endif
