/* SPDX-License-Identifier: MIT */
/*
 * The start of a pipeline, its stop, and its start with more stages than before.
 *
 * At a start it is found who waits for whom at the ring's ends. Stages that no other comes after
 * are sinks: the producer may not overtake them. All that is written here is read by workers and by
 * the scheduler thread, which find the pipeline in its place of the runtime: it is put there last.
 *
 * A stop is a drain that leaves nothing behind, after which the pipeline is taken out of its place,
 * and every thread that was looking at it has looked elsewhere. Then nobody reads what a start
 * writes, but who looks on (watch.c), and that is kept off by its lock; so it can be written again.
 * At that moment all stages have come to the cursor, so a stage that begins there loses nothing and
 * sees nothing twice, wherever in the graph it stands, and the room that the producer knows of
 * (up to a ring beyond what the sinks had done then) is not too much for any new sink.
 */
#include <takt/clock.h>

#include "disruptor/alloc.h"
#include "disruptor/ring.h"
#include "scheduler/tap.h"

/* Says which stages are sinks. */
static void find_sinks(takt_pipeline *p)
{
    for (uint32_t i = 0; i < p->count - p->has_taps; i++)
        p->stages[i]->sink = !p->stages[i]->core.source;
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; k < p->stages[i]->upstream_count; k++)
            p->stages[p->stages[i]->upstream[k]]->sink = false;
}

/* Makes the producer wait for the sinks. */
static int close_the_ring(takt_pipeline *p)
{
    bool again = p->closed_ring;
    if (again && !p->changed)
        return 0;
    const struct takt__gate *gates[TAKT_STAGES_MAX];
    uint32_t n = 0;
    int error = takt__taps_join(p);
    if (error < 0)
        return error;
    find_sinks(p);
    for (uint32_t i = 0; i < p->count; i++) /* the taps are looked at last: tap.c */
        if (p->stages[i]->sink)
            gates[n++] = &p->stages[i]->core.gate;
    error = takt__ring_set_gates(p->ring, gates, n, again);
    if (error < 0)
        return error;
    if (p->source)
        p->source->core.upstream = p->ring->hidden->consumers;
    p->closed_ring = true;
    p->changed = false;
    return 0;
}

static int make_key_column(takt_pipeline *p)
{
    if (!p->needs_keys)
        return 0;
    p->keys_size = (size_t)takt_ring_capacity(p->ring) * sizeof(uint32_t);
    if (!p->keys)
        p->keys = takt__allocate(p->runtime->allocator, p->keys_size, TAKT_LINE_PAIR);
    if (!p->keys)
        return TAKT_ENOMEM;
    for (uint32_t i = 0; i < p->count; i++)
        p->stages[i]->core.keys = p->keys;
    return 0;
}

/* The times of new stages begin. */
static void start_clocks(takt_pipeline *p)
{
    int64_t now = takt_now();
    for (uint32_t i = 0; i < p->count; i++) {
        struct takt__change *change = &p->stages[i]->core.change;
        if (change->began_ns)
            continue; /* it has been started before */
        change->since_ns = now;
        change->width_sum = 0;
        change->began_ns = now;
    }
}

/* All that a start writes, with those who look on kept off. */
static int prepare(takt_pipeline *p)
{
    pthread_mutex_lock(&p->runtime->watch.lock);
    int error = make_key_column(p);
    if (error == 0)
        error = close_the_ring(p);
    if (error == 0) {
        takt__intake_join(p);
        start_clocks(p);
    }
    pthread_mutex_unlock(&p->runtime->watch.lock);
    return error;
}

int takt_pipeline_start(takt_pipeline *p)
{
    if (!p)
        return TAKT_EINVAL;
    uint32_t before = takt__ld32_acq(&p->state); /* acquire [pairs: state] */
    if (before == TAKT__STATE_RUNNING)
        return TAKT_ERUNNING;
    if (before != TAKT__STATE_BUILDING && before != TAKT__STATE_STOPPED)
        return TAKT_ESTATE;
    if (p->count == (p->source ? 1u : 0u))
        return TAKT_EGRAPH;
    int error = 0;
    if (p->intake.waiting && !p->source)
        error = takt__pipeline_add_pump(p);
    if (error == 0)
        error = prepare(p);
    if (error == 0)
        error = takt__watch_pipeline(p);
    if (error < 0)
        return error;
    takt__st32_rel(&p->paused, 0); /* release [pairs: resumed] */
    /* A pipeline that is stopped may be halted at any time. */
    if (!takt__cas32(&p->state, before, TAKT__STATE_RUNNING)) /* release [pairs: state] */
        return TAKT_ESTATE;
    error = takt__runtime_attach(p->runtime, p);
    takt__fence(); /* a halt changes the state and then looks for the pipeline's place */
    if (error < 0 && takt__cas32(&p->state, TAKT__STATE_RUNNING, before))
        takt__park_wake_all(&p->waiters);
    else if (takt__ld32_acq(&p->state) != TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        takt__runtime_vacate(p->runtime, p);
    return error;
}

int64_t takt_pipeline_stop(takt_pipeline *p, int64_t deadline)
{
    if (!p)
        return TAKT_EINVAL;
    if (takt__ld32_acq(&p->state) != TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        return TAKT_ESTATE;
    int64_t left = takt_pipeline_drain(p, deadline);
    if (left > 0 && takt__ld32_acq(&p->state) != TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        return TAKT_ESTATE;                                           /* they will never pass */
    if (left != 0)
        return left;
    /* It may have ended, failed or been halted meanwhile. */
    if (!takt__cas32(&p->state, TAKT__STATE_RUNNING, TAKT__STATE_STOPPED)) /* [pairs: state] */
        return TAKT_ESTATE;
    takt__runtime_detach(p->runtime, p);
    takt__park_wake_all(&p->waiters);
    return 0;
}
