/* SPDX-License-Identifier: MIT */
/* The list of a runtime's pipelines for those who look at it, and their figures. */
#include <string.h>

#include "disruptor/alloc.h"
#include "disruptor/ring.h"
#include "scheduler/runtime.h"
#include "shard/cut.h"

static void copy_name(char *to, const char *from)
{
    size_t length = strlen(from);
    if (length >= TAKT_COUNTERS_NAME)
        length = TAKT_COUNTERS_NAME - 1;
    memcpy(to, from, length);
    memset(to + length, 0, TAKT_COUNTERS_NAME - length);
}

/* What the stage's shards have counted, and how many are owned. */
static void sum_up_shards(const struct takt__stage *core, uint32_t most,
                          takt_counters_stage *figures)
{
    for (uint32_t i = 0; i < 2 * most; i++) {
        const struct takt__shard *shard = &core->division[i & 1].shards[i >> 1];
        figures->voids += takt__ld64_rlx(&shard->voids);
        uint32_t owner = takt__ld32_rlx(&shard->owner);
        figures->owners += owner != TAKT__VACANT && owner < TAKT__FAILED;
    }
}

/* Everything about a stage but where it stands. */
static void read_stage(const takt_stage *stage, takt_counters_stage *figures)
{
    const struct takt__stage *core = &stage->core;
    takt_stage_stats stats;
    takt_stage_get_stats(stage, &stats);
    copy_name(figures->name, stage->name);
    figures->events = stats.events;
    figures->busy_ns = stats.busy_ns;
    figures->service_ps = takt__ld64_rlx(&core->service_ps);
    figures->redivisions = stats.redivisions;
    figures->errors = takt__ld64_rlx(&stage->errors);
    figures->claims = takt__ld64_rlx(&stage->claims);
    figures->waits = takt__ld64_rlx(&stage->waits);
    figures->shards_mean = stats.shards_mean;
    figures->weight = stage->weight;
    figures->shards = stats.shards_now;
    figures->shards_least = stats.shards_least;
    figures->shards_most = stats.shards_most;
    figures->source = core->source;
    figures->keyed = core->keyed;
    sum_up_shards(core, stats.shards_most, figures);
    figures->upstream_count = stage->upstream_count;
    memcpy(figures->upstream, stage->upstream, sizeof figures->upstream);
}

/* Where the input of stage i ends, by the progress of those before it. */
static int64_t last_of_input(const takt_pipeline *p, const takt_counters_pipeline *figures,
                             uint32_t i, int64_t sinks)
{
    const takt_stage *stage = p->stages[i];
    if (stage->core.source)
        return sinks == TAKT_SEQUENCE_GONE ? sinks : sinks + stage->core.lead;
    int64_t least = stage->upstream_count ? TAKT_SEQUENCE_GONE : figures->cursor;
    for (uint32_t k = 0; k < stage->upstream_count; k++)
        if (figures->stages[stage->upstream[k]].done < least)
            least = figures->stages[stage->upstream[k]].done;
    return least;
}

/* Last stages first: each sequence read is then at or above those read before it. */
static void read_progress(const takt_pipeline *p, takt_counters_pipeline *figures)
{
    int64_t sinks = TAKT_SEQUENCE_GONE;
    for (uint32_t i = p->count; i-- > 0;) {
        int64_t done = takt__stage_done(&p->stages[i]->core);
        if (i < figures->stage_count) /* the taps' stage is none of ours */
            figures->stages[i].done = done;
        if (p->stages[i]->sink && done < sinks)
            sinks = done;
    }
    /* A source's progress is the cursor, which may have moved since. */
    figures->cursor =
        p->source ? figures->stages[p->source->index].done : takt_ring_cursor(p->ring);
    for (uint32_t i = 0; i < figures->stage_count; i++) {
        takt_counters_stage *stage = &figures->stages[i];
        int64_t backlog = last_of_input(p, figures, i, sinks) - stage->done;
        stage->backlog = backlog > 0 && sinks != TAKT_SEQUENCE_GONE ? backlog : 0;
    }
}

static uint32_t state_of(const takt_pipeline *p)
{
    switch ((enum takt__state)takt__ld32_acq(&p->state)) { /* acquire [pairs: state] */
    case TAKT__STATE_ENDED: return TAKT_COUNTERS_ENDED;
    case TAKT__STATE_FAILED: return TAKT_COUNTERS_FAILED;
    case TAKT__STATE_HALTED: return TAKT_COUNTERS_HALTED;
    case TAKT__STATE_STOPPED: return TAKT_COUNTERS_STOPPED;
    case TAKT__STATE_BUILDING: break;
    case TAKT__STATE_RUNNING: return TAKT_COUNTERS_RUNNING;
    }
    return TAKT_COUNTERS_NONE;
}

static void read_failure(const takt_pipeline *p, takt_counters_pipeline *figures)
{
    takt_failure failure;
    figures->failed_stage = TAKT_COUNTERS_NOWHERE;
    if (!takt_pipeline_failure(p, &failure))
        return;
    figures->failed_at = failure.sequence;
    figures->failed_code = failure.code;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->stages[i]->name == failure.stage)
            figures->failed_stage = i;
}

/* What has become of the source's events. */
static void read_source(const takt_pipeline *p, takt_counters_pipeline *figures)
{
    takt_source_stats source;
    takt_source_get_stats(p, &source);
    figures->refused = source.refused;
    figures->dropped_newest = source.dropped_newest;
    figures->dropped_oldest = source.dropped_oldest;
    figures->waiting = source.waiting;
}

void takt_pipeline_snapshot(const takt_pipeline *p, takt_counters_pipeline *snapshot)
{
    *snapshot = (takt_counters_pipeline){0};
    copy_name(snapshot->name, p->name);
    snapshot->serial = p->serial;
    snapshot->weight = p->weight;
    snapshot->capacity = takt_ring_capacity(p->ring);
    snapshot->stage_count = p->count - p->has_taps;
    read_progress(p, snapshot);
    /* Counted before it shows: what is done by now is in the figures that are read from here on. */
    for (uint32_t i = snapshot->stage_count; i-- > 0;)
        read_stage(p->stages[i], &snapshot->stages[i]);
    snapshot->waits = takt__ld64_rlx(&p->ring->hidden->full);
    read_source(p, snapshot);
    snapshot->state = state_of(p);
    read_failure(p, snapshot);
}

static void read_worker(const struct takt__worker *w, takt_counters_worker *figures)
{
    const struct takt__probe *probe = &w->probe;
    int64_t now = takt_now();
    int64_t since = takt__ld64_rlx(&probe->asleep_since);
    int64_t seat = takt__ld64_rlx(&probe->seat);
    int64_t stalled = takt__ld64_rlx(&probe->still_since);
    int64_t present = takt__ld64_rlx(&probe->present_since);
    *figures = (takt_counters_worker){
        .seats = takt__ld64_rlx(&probe->seats),
        .batches = takt__ld64_rlx(&probe->batches),
        .events = takt__ld64_rlx(&probe->events),
        .busy_ns = takt__ld64_rlx(&probe->busy_ns),
        .sleeping_ns = takt__ld64_rlx(&probe->slept_ns) + (since ? now - since : 0),
        .sleeps = takt__ld64_rlx(&probe->sleeps),
        .wakes = takt__ld64_rlx(&probe->wakes),
        .batch_ns = seat && stalled ? now - stalled : 0,
        .pipeline = seat ? (uint32_t)(seat >> 32) - 1 : TAKT_COUNTERS_NOWHERE,
        .stage = seat ? (uint32_t)(seat >> 16) & 0xffff : TAKT_COUNTERS_NOWHERE,
        .shard = seat ? (uint32_t)seat & 0xffff : TAKT_COUNTERS_NOWHERE,
        .sleeping = since != 0,
        .helper = w->helps,
        .present = present != 0,
        .visits = takt__ld64_rlx(&probe->visits),
    };
    int64_t there = takt__ld64_rlx(&probe->present_ns) + (present ? now - present : 0);
    int64_t idle = there - figures->busy_ns - figures->sleeping_ns;
    figures->idle_ns = idle > 0 ? idle : 0;
}

uint32_t takt_runtime_snapshot(const takt_runtime *runtime, takt_counters_worker *workers,
                               uint32_t count)
{
    for (uint32_t i = 0; i < count && i < runtime->crew; i++)
        read_worker(&runtime->workers[i], &workers[i]);
    return runtime->crew;
}

void takt__watch_init(takt_runtime *runtime)
{
    pthread_mutex_init(&runtime->watch.lock, NULL);
}

void takt__watch_end(takt_runtime *runtime)
{
    struct takt__watch *watch = &runtime->watch;
    takt__counters_close(runtime);
    takt__trace_free(runtime);
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++)
        takt__release(runtime->allocator, watch->places[i], sizeof(struct takt__watched));
    pthread_mutex_destroy(&watch->lock);
}

/* A place that is free: an unused one, or else the one whose pipeline is gone the longest. */
static struct takt__watched **find_place(struct takt__watch *watch)
{
    struct takt__watched **oldest = NULL;
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        struct takt__watched **place = &watch->places[i];
        if (!*place)
            return place;
        if (!(*place)->pipeline &&
            (!oldest || (*place)->figures.serial < (*oldest)->figures.serial))
            oldest = place;
    }
    return oldest;
}

/* The number of stage i of the pipeline in a place; place 0: it has none. */
static uint32_t number_of(uint32_t place, uint32_t i)
{
    return place ? place << 16 | i : 0;
}

int takt__watch_pipeline(takt_pipeline *p)
{
    struct takt__watch *watch = &p->runtime->watch;
    int error = 0;
    pthread_mutex_lock(&watch->lock);
    if (p->serial) {
        /* An attempt to start it had failed, or it was stopped: there may be more stages now. */
        for (uint32_t i = 0; i < p->count; i++)
            p->stages[i]->number = number_of(p->stages[0]->number >> 16, i);
        pthread_mutex_unlock(&watch->lock);
        return 0;
    }
    struct takt__watched **place = find_place(watch);
    if (place && !*place)
        *place = takt__allocate(p->runtime->allocator, sizeof **place, TAKT_LINE_PAIR);
    if (place && *place) {
        **place = (struct takt__watched){.pipeline = p};
        uint32_t number = (uint32_t)(place - watch->places) + 1;
        for (uint32_t i = 0; i < p->count; i++)
            p->stages[i]->number = number_of(number, i);
    }
    if (place && !*place)
        error = TAKT_ENOMEM;
    else
        p->serial = ++watch->serial;
    pthread_mutex_unlock(&watch->lock);
    return error;
}

void takt__watch_leave(takt_pipeline *p)
{
    struct takt__watch *watch = &p->runtime->watch;
    pthread_mutex_lock(&watch->lock);
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        struct takt__watched *watched = watch->places[i];
        if (!watched || watched->pipeline != p)
            continue;
        takt_pipeline_snapshot(p, &watched->figures);
        watched->figures.gone = 1;
        takt__trace_look_for_failure(p->runtime, watched);
        watched->pipeline = NULL;
        takt__counters_write(p->runtime, takt_now());
    }
    pthread_mutex_unlock(&watch->lock);
}

/*
 * Notes since when the worker has not moved, in its seat, or in a call-back of a change that it met
 * on the way. True if that is new.
 */
static bool look_at_worker(struct takt__worker *w, int64_t now)
{
    struct takt__probe *probe = &w->probe;
    int64_t epoch = takt__ld64_rlx(&w->epoch);
    int64_t moves = epoch + takt__ld64_rlx(&probe->batches);
    bool still = moves == probe->seen_moves && takt__runtime_in_pass(epoch);
    bool was_still = takt__ld64_rlx(&probe->still_since) != 0;
    probe->seen_moves = moves;
    if (still != was_still)
        takt__st64_rlx(&probe->still_since, still ? now : 0);
    return still && !was_still;
}

void takt__watch_refresh(takt_runtime *runtime)
{
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        struct takt__watched *watched = runtime->watch.places[i];
        if (watched && watched->pipeline)
            takt_pipeline_snapshot(watched->pipeline, &watched->figures);
    }
}

bool takt__watch_workers(takt_runtime *runtime, int64_t now)
{
    bool one_more = false;
    for (uint32_t i = 0; i < runtime->crew; i++)
        one_more |= look_at_worker(&runtime->workers[i], now);
    return one_more;
}

void takt__watch_tick(takt_runtime *runtime, int64_t now)
{
    struct takt__watch *watch = &runtime->watch;
    pthread_mutex_lock(&watch->lock);
    if (watch->file.map || watch->trace.on) {
        takt__watch_refresh(runtime);
        takt__trace_tick(runtime, now);
        takt__counters_write(runtime, now);
    }
    pthread_mutex_unlock(&watch->lock);
}
