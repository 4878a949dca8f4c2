/* SPDX-License-Identifier: MIT */
/*
 * What a worker counts and records about itself: its own memory, plain stores. Others read it when
 * they like, field by field.
 *
 * A seat has a number in which everything about it is packed: the place of its pipeline's figures
 * plus one, the stage, the shard. 0 is no seat.
 */
#ifndef TAKT_SCHEDULER_OBSERVE_PROBE_H
#define TAKT_SCHEDULER_OBSERVE_PROBE_H

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "scheduler/observe/ring.h"

struct takt__probe {
    TAKT_ALIGNED int64_t seats;
    int64_t batches;
    int64_t events;
    int64_t busy_ns;
    int64_t sleeps;
    int64_t slept_ns;
    int64_t asleep_since; /* 0: awake */
    int64_t wakes;
    int64_t seat;                   /* where it sits */
    int64_t seat_from;              /* since when, while recording (takt__ticks) */
    struct takt__trace_ring *trace; /* NULL: nothing is recorded */
    int64_t present_since;          /* when its thread came; 0: a helper's place that is empty */
    int64_t present_ns;             /* how long threads were there before */
    int64_t visits;                 /* threads that came */
    /* The scheduler thread's: when it saw the worker move last. */
    TAKT_ALIGNED int64_t seen_moves;
    int64_t still_since;
    int64_t stalled; /* the same, once it is a stall that has been told */
};

static inline int64_t takt__seat_number(uint32_t stage_number, uint32_t shard)
{
    return (int64_t)stage_number << 16 | shard;
}

/* Adds to one of the worker's own counters. */
static inline void takt__count(int64_t *counter, int64_t by)
{
    takt__st64_rlx(counter, *counter + by);
}

/* The worker's ring, while a recording is on. */
static inline struct takt__trace_ring *takt__probe_ring(const struct takt__probe *probe)
{
    return takt__ldp_acq(&probe->trace); /* acquire [pairs: trace-on] */
}

/* A thread comes, or goes. */
static inline void takt__probe_arrive(struct takt__probe *probe)
{
    takt__count(&probe->visits, 1);
    takt__st64_rlx(&probe->present_since, takt_now());
}

static inline void takt__probe_depart(struct takt__probe *probe)
{
    takt__count(&probe->present_ns, takt_now() - probe->present_since);
    takt__st64_rlx(&probe->present_since, 0);
}

static inline void takt__probe_take(struct takt__probe *probe, uint32_t stage_number,
                                    uint32_t shard)
{
    takt__count(&probe->seats, 1);
    takt__st64_rlx(&probe->seat, takt__seat_number(stage_number, shard));
    const struct takt__trace_ring *ring = takt__probe_ring(probe);
    takt__st64_rlx(&probe->seat_from, TAKT_UNLIKELY(ring) ? takt__ticks(ring->tsc) : 0);
}

static inline void takt__probe_leave(struct takt__probe *probe)
{
    struct takt__trace_ring *ring = takt__probe_ring(probe);
    if (TAKT_UNLIKELY(ring) && probe->seat_from)
        takt__trace_put(ring, TAKT__TRACE_SEAT, probe->seat_from, takt__ticks(ring->tsc),
                        probe->seat, 0);
    takt__st64_rlx(&probe->seat, 0);
}

/* A handler was called; when it began and ended is of takt_now(). */
static inline void takt__probe_batch(struct takt__probe *probe, int64_t began_ns, int64_t ended_ns,
                                     uint32_t events, int64_t first)
{
    takt__count(&probe->batches, 1);
    takt__count(&probe->events, events);
    takt__count(&probe->busy_ns, ended_ns - began_ns);
    struct takt__trace_ring *ring = takt__probe_ring(probe);
    if (TAKT_UNLIKELY(ring))
        takt__trace_put(ring, TAKT__TRACE_BATCH, began_ns, ended_ns, probe->seat,
                        first << TAKT__TRACE_EVENTS_BITS | events);
}

static inline void takt__probe_wake(struct takt__probe *probe)
{
    takt__count(&probe->wakes, 1);
    struct takt__trace_ring *ring = takt__probe_ring(probe);
    if (TAKT_UNLIKELY(ring)) {
        int64_t now = takt__ticks(ring->tsc);
        takt__trace_put(ring, TAKT__TRACE_WAKE, now, now, probe->seat, 0);
    }
}

static inline void takt__probe_sleep(struct takt__probe *probe)
{
    takt__count(&probe->sleeps, 1);
    takt__st64_rlx(&probe->asleep_since, takt_now());
}

static inline void takt__probe_rise(struct takt__probe *probe)
{
    int64_t now = takt_now(), since = probe->asleep_since;
    takt__count(&probe->slept_ns, now - since);
    takt__st64_rlx(&probe->asleep_since, 0);
    struct takt__trace_ring *ring = takt__probe_ring(probe);
    if (TAKT_UNLIKELY(ring))
        takt__trace_put(ring, TAKT__TRACE_SLEEP, since, now, 0, 0);
}

#endif
