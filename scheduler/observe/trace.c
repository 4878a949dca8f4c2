/* SPDX-License-Identifier: MIT */
/*
 * Recording: switching it on and off, what the scheduler thread adds at a tick, and the flight
 * recorder, which writes the rings when a handler fails or a worker hangs in one.
 *
 * The scheduler thread has a ring of its own. What others do seldom (changes of division) is noted
 * where it happens and put into that ring at the next tick; so is where each stage stands, from
 * which the bands of the report are drawn.
 */
#include <string.h>

#include "disruptor/alloc.h"
#include "scheduler/runtime.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define RECORDS_DEFAULT 65536u
#define RECORDS_MOST    (1u << 24)
#define STALL_NS        1000000000

/* Whether the time-stamp counter runs at one speed whatever the core does. */
static bool has_even_counter(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
#else
    return false;
#endif
}

/* The counter between two readings of the clock, of some tries the closest. */
static struct takt__moment read_both(bool tsc)
{
    struct takt__moment moment = {0, 0};
    int64_t closest = INT64_MAX;
    for (int i = 0; i < 8; i++) {
        int64_t before = takt_now();
        int64_t ticks = takt__ticks(tsc);
        int64_t after = takt_now();
        if (after - before < closest) {
            closest = after - before;
            moment = (struct takt__moment){ticks, before + closest / 2};
        }
    }
    return moment;
}

static int make_rings(takt_runtime *runtime, uint32_t records)
{
    struct takt__trace *trace = &runtime->watch.trace;
    uint32_t rings = runtime->crew + 1;
    size_t size = 1;
    while (size < records)
        size *= 2;
    trace->all_size = size * rings * sizeof *trace->all;
    trace->all = takt__allocate(runtime->allocator, trace->all_size, TAKT_LINE_PAIR);
    trace->ring = takt__allocate(runtime->allocator, rings * sizeof *trace->ring, TAKT_LINE_PAIR);
    if (!trace->all || !trace->ring) {
        takt__trace_free(runtime);
        return TAKT_ENOMEM;
    }
    bool tsc = has_even_counter();
    for (uint32_t i = 0; i < rings; i++) {
        trace->ring[i].records = trace->all + i * size;
        trace->ring[i].mask = (int64_t)size - 1;
        trace->ring[i].tsc = tsc;
    }
    trace->rings = rings;
    return 0;
}

void takt__trace_free(takt_runtime *runtime)
{
    struct takt__trace *trace = &runtime->watch.trace;
    const takt_allocator *allocator = runtime->allocator;
    takt__release(allocator, trace->all, trace->all_size);
    takt__release(allocator, trace->ring, (runtime->crew + 1) * sizeof *trace->ring);
    takt__release(allocator, trace->flight, trace->flight_size);
    *trace = (struct takt__trace){0};
}

static int keep_flight(takt_runtime *runtime, const char *path)
{
    struct takt__trace *trace = &runtime->watch.trace;
    takt__release(runtime->allocator, trace->flight, trace->flight_size);
    trace->flight = NULL;
    if (!path)
        return 0;
    trace->flight_size = strlen(path) + 1;
    trace->flight = takt__allocate(runtime->allocator, trace->flight_size, 1);
    if (!trace->flight)
        return TAKT_ENOMEM;
    memcpy(trace->flight, path, trace->flight_size);
    return 0;
}

/* Has the threads record from here on, or (NULL) not any more. */
static void hand_out(takt_runtime *runtime, struct takt__trace_ring *ring)
{
    for (uint32_t i = 0; i < runtime->crew; i++) {
        struct takt__probe *probe = &runtime->workers[i].probe;
        takt__stp_rel(&probe->trace, ring ? &ring[i] : NULL); /* release [pairs: trace-on] */
    }
}

/* What was changed before the recording is no part of it. */
static void skip_old_cuts(struct takt__watch *watch)
{
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        struct takt__watched *watched = watch->places[i];
        for (uint32_t k = 0; watched && watched->pipeline && k < watched->pipeline->count; k++) {
            const struct takt__stage *core = &watched->pipeline->stages[k]->core;
            watched->cuts[k] = takt__ld64_acq(&core->cuts_noted); /* acquire [pairs: cut-note] */
        }
    }
}

/* With the lock held. */
static int start(takt_runtime *runtime, const takt_trace_options *options)
{
    struct takt__watch *watch = &runtime->watch;
    struct takt__trace *trace = &watch->trace;
    uint32_t records = options->records ? options->records : RECORDS_DEFAULT;
    if (trace->on)
        return TAKT_ESTATE;
    if (trace->ring && options->records > trace->ring->mask + 1)
        return TAKT_ELIMIT;
    int error = trace->ring ? 0 : make_rings(runtime, records);
    if (error == 0)
        error = keep_flight(runtime, options->flight);
    if (error < 0)
        return error;
    trace->stall_ns = options->stall_ns ? options->stall_ns : STALL_NS;
    skip_old_cuts(watch);
    trace->began = read_both(trace->ring->tsc);
    trace->on = trace->made = true;
    hand_out(runtime, trace->ring);
    return 0;
}

int takt_trace_start(takt_runtime *runtime, const takt_trace_options *options)
{
    static const takt_trace_options none = {.size = sizeof none};
    if (!options)
        options = &none;
    if (!runtime || options->size != sizeof *options || options->stall_ns < 0)
        return TAKT_EINVAL;
    if (options->records > RECORDS_MOST)
        return TAKT_EINVAL;
    pthread_mutex_lock(&runtime->watch.lock);
    int error = start(runtime, options);
    pthread_mutex_unlock(&runtime->watch.lock);
    return error;
}

void takt_trace_stop(takt_runtime *runtime)
{
    struct takt__trace *trace = &runtime->watch.trace;
    pthread_mutex_lock(&runtime->watch.lock);
    if (trace->on) {
        hand_out(runtime, NULL);
        trace->ended = read_both(trace->ring->tsc);
        trace->on = false;
    }
    pthread_mutex_unlock(&runtime->watch.lock);
}

int takt_trace_dump(takt_runtime *runtime, const char *path)
{
    struct takt__trace *trace = &runtime->watch.trace;
    if (!path)
        return TAKT_EINVAL;
    pthread_mutex_lock(&runtime->watch.lock);
    if (trace->on)
        trace->ended = read_both(trace->ring->tsc);
    takt__watch_refresh(runtime);
    int error = trace->made ? takt__trace_write(runtime, path) : TAKT_ESTATE;
    pthread_mutex_unlock(&runtime->watch.lock);
    return error;
}

static struct takt__trace_ring *own_ring(const struct takt__trace *trace)
{
    return &trace->ring[trace->rings - 1];
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void takt__watch_verdict(takt_runtime *runtime, const takt_stage *stage,
                         const struct takt__verdict *verdict)
{
    const struct takt__trace *trace = &runtime->watch.trace;
    pthread_mutex_lock(&runtime->watch.lock);
    if (trace->on) {
        int64_t seat = takt__seat_number(stage->number, 0);
        int64_t widths = (int64_t)verdict->width << 16 | verdict->wanted;
        takt__trace_put(own_ring(trace), TAKT__TRACE_COST, verdict->at, bits_of(verdict->cost),
                        seat, widths);
        takt__trace_put(own_ring(trace), TAKT__TRACE_RATE, verdict->at, bits_of(verdict->rate),
                        seat, verdict->workers);
    }
    pthread_mutex_unlock(&runtime->watch.lock);
}

/* The changes of division since the tick before, of those that are kept. */
static void put_cuts(struct takt__trace_ring *ring, const takt_stage *stage, int64_t *seen)
{
    const struct takt__stage *core = &stage->core;
    int64_t noted = takt__ld64_acq(&core->cuts_noted); /* acquire [pairs: cut-note] */
    for (int64_t n = *seen; n < noted; n++) {
        const struct takt__cut_note *note = &core->cuts[n % TAKT__CUTS_KEPT];
        /* acquire [pairs: cut-note] */
        int64_t began = takt__ld64_acq(&note->began_ns), ended = takt__ld64_acq(&note->ended_ns);
        int64_t widths = takt__ld64_acq(&note->widths); /* acquire [pairs: cut-note] */
        if (takt__ld64_rlx(&core->cuts_noted) - n >= TAKT__CUTS_KEPT)
            continue;
        takt__trace_put(ring, TAKT__TRACE_CUT, began, ended, takt__seat_number(stage->number, 0),
                        widths);
    }
    *seen = noted;
}

static void put_stages(struct takt__trace_ring *ring, struct takt__watched *watched, int64_t now)
{
    const takt_counters_pipeline *figures = &watched->figures;
    if (figures->state != TAKT_COUNTERS_RUNNING)
        return;
    for (uint32_t i = 0; i < figures->stage_count; i++) {
        const takt_counters_stage *f = &figures->stages[i];
        const takt_stage *stage = watched->pipeline->stages[i];
        int64_t seat = takt__seat_number(stage->number, 0);
        takt__trace_put(ring, TAKT__TRACE_LOAD, now, f->backlog, seat,
                        (int64_t)f->owners << 16 | f->shards);
        takt__trace_put(ring, TAKT__TRACE_SERVICE, now, f->service_ps, seat, f->events);
        put_cuts(ring, stage, &watched->cuts[i]);
    }
}

void takt__trace_look_for_failure(takt_runtime *runtime, struct takt__watched *watched)
{
    struct takt__trace *trace = &runtime->watch.trace;
    const takt_counters_pipeline *figures = &watched->figures;
    bool failed = figures->failed_code < 0 && figures->state != TAKT_COUNTERS_RUNNING;
    if (!trace->on || watched->failure_told || !failed)
        return;
    watched->failure_told = true;
    trace->ended = read_both(trace->ring->tsc);
    if (trace->flight)
        (void)takt__trace_write(runtime, trace->flight);
}

/* Tells of workers that hang, each once. */
static void look_for_stalls(takt_runtime *runtime, int64_t now)
{
    struct takt__trace *trace = &runtime->watch.trace;
    bool new = false;
    for (uint32_t i = 0; i < runtime->crew; i++) {
        struct takt__probe *probe = &runtime->workers[i].probe;
        int64_t since = takt__ld64_rlx(&probe->still_since);
        if (!since || now - since < trace->stall_ns || probe->stalled == since)
            continue;
        probe->stalled = since;
        takt__trace_put(own_ring(trace), TAKT__TRACE_STALL, since, now,
                        takt__ld64_rlx(&probe->seat), i);
        new = true;
    }
    if (new && trace->flight) {
        trace->ended = read_both(trace->ring->tsc);
        (void)takt__trace_write(runtime, trace->flight);
    }
}

void takt__trace_tick(takt_runtime *runtime, int64_t now)
{
    struct takt__watch *watch = &runtime->watch;
    if (!watch->trace.on)
        return;
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        struct takt__watched *watched = watch->places[i];
        if (!watched || !watched->pipeline)
            continue;
        put_stages(own_ring(&watch->trace), watched, now);
        takt__trace_look_for_failure(runtime, watched);
    }
    look_for_stalls(runtime, now);
}
