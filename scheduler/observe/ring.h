/* SPDX-License-Identifier: MIT */
/*
 * A trace ring: the last records of one thread, written by that thread alone, without a lock, and
 * read by others while it goes on writing.
 *
 * The writer fills the record of index `head` and then moves head. A reader copies the records
 * below head, reads head again, and drops those whose place may have been taken meanwhile: index
 * head - capacity and below. That is enough: every word of a record is stored with release after
 * the head before it, so who sees a word of the record with index h sees that head is at least h.
 *
 * Seats are stamped with the processor's time-stamp counter where it runs evenly on all cores, and
 * with CLOCK_MONOTONIC elsewhere; what the library has read the clock for anyway (batches, sleeps)
 * keeps those nanoseconds. A dump brings both to one scale.
 */
#ifndef TAKT_SCHEDULER_OBSERVE_RING_H
#define TAKT_SCHEDULER_OBSERVE_RING_H

#include <takt/clock.h>

#include "disruptor/atomic.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum takt__trace_kind {
    TAKT__TRACE_SEAT = 1, /* from a worker's taking a shard to its giving it up */
    TAKT__TRACE_BATCH,    /* a handler's call; value: first sequence and number of events */
    TAKT__TRACE_SLEEP,
    TAKT__TRACE_WAKE, /* it woke another worker */
    /* The scheduler thread's. */
    TAKT__TRACE_CUT,     /* a change of division; value: from << 16 | to shards */
    TAKT__TRACE_LOAD,    /* a stage at a tick; until: backlog, value: owners << 16 | shards */
    TAKT__TRACE_SERVICE, /* the same tick; until: service time (ps), value: events so far */
    TAKT__TRACE_COST,    /* a decision; until: cost (a double), value: now << 16 | wanted shards */
    TAKT__TRACE_RATE,    /* the same; until: events per second (a double), value: its workers */
    TAKT__TRACE_STALL,   /* a worker hangs in a handler; value: the worker */
};

/* How many bits of a batch's value are its number of events; the others are its first sequence. */
#define TAKT__TRACE_EVENTS_BITS 13

struct takt__trace_record {
    int64_t from;  /* ticks for a seat and a wake, nanoseconds of takt_now() for others */
    int64_t until; /* the same, or a number */
    int64_t what;  /* kind << 48 | seat */
    int64_t value;
};

struct takt__trace_ring {
    struct takt__trace_record *records;
    int64_t mask;
    bool tsc; /* seats are stamped with the time-stamp counter */
    TAKT_ALIGNED int64_t head;
};

/* The fine clock: the time-stamp counter, or nanoseconds. */
static inline int64_t takt__ticks(bool tsc)
{
#if defined(__x86_64__)
    if (TAKT_LIKELY(tsc))
        return (int64_t)__rdtsc();
#endif
    (void)tsc;
    return takt_now();
}

/* Writes a record. The ring's thread only. */
static inline void takt__trace_put(struct takt__trace_ring *ring, enum takt__trace_kind kind,
                                   int64_t from, int64_t until, int64_t seat, int64_t value)
{
    int64_t head = takt__ld64_rlx(&ring->head);
    struct takt__trace_record *record = &ring->records[head & ring->mask];
    /* release [pairs: trace-record] */
    takt__st64_rel(&record->from, from);
    takt__st64_rel(&record->until, until);
    takt__st64_rel(&record->what, (int64_t)kind << 48 | seat); /* release [pairs: trace-record] */
    takt__st64_rel(&record->value, value);
    takt__st64_rel(&ring->head, head + 1); /* release [pairs: trace-head] */
}

#endif
