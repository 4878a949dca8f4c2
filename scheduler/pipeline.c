/* SPDX-License-Identifier: MIT */
/*
 * Building a pipeline: the ring, and the stages around it. What happens at its start: start.c.
 *
 * A stage is added after those it names, so the order of adding is an order of dependence, and a
 * cycle cannot be written. A source is a stage like any other, except that its progress is the
 * ring's cursor, and that its input, the free slots, lies a whole ring ahead of the last stages.
 *
 * A stage that is added to a pipeline that was stopped begins after the last event that was
 * published: at that moment every stage before it has done everything, as the new one has.
 */
#include <string.h>

#include "disruptor/alloc.h"
#include "disruptor/ring.h"
#include "scheduler/tap.h"
#include "shard/cut.h"

#define SLICE_NS       20000
#define BLOCK_DEFAULT  64
#define SHARDS_DEFAULT 16

static size_t shards_size(const takt_stage *stage)
{
    return 2 * (size_t)stage->core.shards_max * sizeof(struct takt__shard);
}

static size_t members_size(const takt_stage *stage)
{
    return 2 * (size_t)stage->core.shards_max * sizeof(takt_sequence *);
}

static char *copy_name(const takt_allocator *allocator, const char *name, size_t *size)
{
    *size = strlen(name) + 1;
    char *copy = takt__allocate(allocator, *size, 1);
    if (copy)
        memcpy(copy, name, *size);
    return copy;
}

int takt_pipeline_create(takt_pipeline **out, takt_runtime *runtime,
                         const takt_pipeline_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    if (!runtime || !options || options->size != sizeof *options || options->slice_ns < 0)
        return TAKT_EINVAL;
    double weight = options->weight >= 0 && options->weight <= 0 ? 1 : options->weight;
    if (!(weight >= TAKT_WEIGHT_MIN && weight <= TAKT_WEIGHT_MAX)) /* no number at all, too */
        return TAKT_EINVAL;
    if (options->policy &&
        (options->policy->size != sizeof *options->policy || !options->policy->decide))
        return TAKT_EINVAL;
    if (options->overload > TAKT_OVERLOAD_DROP_OLDEST || options->waiting < 0 ||
        (options->waiting && options->overload != TAKT_OVERLOAD_DROP_OLDEST))
        return TAKT_EINVAL;
    const takt_allocator *allocator = runtime->allocator;
    takt_pipeline *p = takt__allocate(allocator, sizeof *p, TAKT_LINE_PAIR);
    if (!p)
        return TAKT_ENOMEM;
    p->runtime = runtime;
    pthread_mutex_init(&p->failure_lock, NULL);
    p->fixed_widths = options->fixed_widths;
    p->policy = options->policy ? options->policy : takt_policy_default();
    p->weight = weight;
    p->slice_ns = takt__duration(options->slice_ns, SLICE_NS);
    p->name = copy_name(allocator, options->name ? options->name : "pipeline", &p->name_size);
    int error = takt_ring_create(
        &p->ring, TAKT_RING(.event_size = options->event_size, .capacity = options->capacity,
                            .alignment = options->alignment, .allocator = allocator));
    if (error == 0 && !p->name)
        error = TAKT_ENOMEM;
    if (error == 0)
        error = takt__intake_create(p, options);
    if (error == 0)
        error = takt__taps_create(p);
    if (error < 0) {
        takt_pipeline_destroy(p);
        return error;
    }
    takt__ring_set_park(p->ring, &runtime->park);
    uint32_t awake = runtime->duty.cores + (runtime->crew - runtime->worker_count);
    int64_t most = options->capacity / (4 * (int64_t)awake);
    p->batch_max = most < 1 ? 1 : most > TAKT__BATCH_MAX ? TAKT__BATCH_MAX : (uint32_t)most;
    *out = p;
    return 0;
}

/* log2 of the block, or TAKT_EBLOCK. */
static int find_shift(const takt_pipeline *p, uint32_t block)
{
    int64_t capacity = takt_ring_capacity(p->ring);
    int64_t size = block;
    if (block == 0) {
        /* Two shards shall not write the same line pair, nor shall one have the ring alone. */
        size = BLOCK_DEFAULT;
        while (size * (int64_t)p->ring->event_size < TAKT_LINE_PAIR)
            size *= 2;
        while (size > 1 && size > capacity / 16)
            size /= 2;
    }
    if ((size & (size - 1)) != 0 || size > capacity)
        return TAKT_EBLOCK;
    return __builtin_ctzll((unsigned long long)size);
}

/* Twice as many shards as workers: more than that can be no use. */
static uint32_t default_most(uint32_t workers, uint32_t least)
{
    uint32_t most = 2 * workers;
    if (most < SHARDS_DEFAULT)
        most = SHARDS_DEFAULT;
    if (most < least)
        most = least;
    return most < TAKT_SHARDS_MAX ? most : TAKT_SHARDS_MAX;
}

/* The limits of the stage's width, and how it is divided; returns the width to begin with. */
static int set_shape(const takt_pipeline *p, takt_stage *stage, const takt_stage_options *options,
                     bool source)
{
    struct takt__stage *core = &stage->core;
    if (!source && options->key && options->stored_key)
        return TAKT_EINVAL;
    core->shards_min = source || !options->shards_min ? 1 : options->shards_min;
    core->shards_max = options->shards_max;
    if (source)
        core->shards_max = 1;
    else if (!options->shards_max)
        core->shards_max = default_most(p->runtime->crew, core->shards_min);
    uint32_t shards = source || !options->shards ? core->shards_min : options->shards;
    if (core->shards_max > TAKT_SHARDS_MAX || core->shards_min > core->shards_max ||
        shards < core->shards_min || shards > core->shards_max)
        return TAKT_EWIDTH;
    core->key = source ? NULL : options->key;
    core->keyed = !source && (options->key || options->stored_key);
    return (int)shards;
}

/* Whether it is one of the pipeline's; a pointer to anything else is not looked through. */
static bool is_stage_of(const takt_pipeline *p, const takt_stage *stage)
{
    for (uint32_t i = 0; i < p->count - p->has_taps; i++)
        if (p->stages[i] == stage)
            return true;
    return false;
}

/* Links the stage to those before it. */
static int set_upstream(takt_pipeline *p, takt_stage *stage, const takt_stage_options *options)
{
    if (options->after_count && !options->after)
        return TAKT_EINVAL;
    if (options->after_count > TAKT_UPSTREAM_MAX)
        return TAKT_ELIMIT;
    struct takt__gates *gates = &stage->core.upstream;
    for (size_t i = 0; i < options->after_count; i++) {
        takt_stage *before = options->after[i];
        if (!is_stage_of(p, before))
            return TAKT_EGRAPH;
        stage->upstream[stage->upstream_count++] = before->index;
        gates->gate[gates->count++] = &before->core.gate;
    }
    if (gates->count == 0)
        gates->gate[gates->count++] = &p->ring->hidden->producer;
    return 0;
}

static void release_stage(const takt_allocator *allocator, takt_stage *stage)
{
    takt__release(allocator, stage->shards, shards_size(stage));
    takt__release(allocator, stage->members, members_size(stage));
    takt__release(allocator, stage->name, stage->name_size);
    takt__release(allocator, stage, sizeof *stage);
}

/* Whether stages may be added: 0, or why not. */
static int may_add(const takt_pipeline *p)
{
    switch ((enum takt__state)takt__ld32_acq(&p->state)) { /* acquire [pairs: state] */
    case TAKT__STATE_BUILDING:
    case TAKT__STATE_STOPPED: return p->count == TAKT_STAGES_MAX ? TAKT_ELIMIT : 0;
    case TAKT__STATE_RUNNING: return TAKT_ERUNNING;
    case TAKT__STATE_ENDED:
    case TAKT__STATE_FAILED:
    case TAKT__STATE_HALTED: break;
    }
    return TAKT_ESTATE;
}

/*
 * Puts a stage behind those there are, the taps' stage, which stays the last, excepted. Who looks
 * on (watch.c) does so under the lock, also while the pipeline is stopped.
 */
static void append(takt_pipeline *p, takt_stage *stage)
{
    pthread_mutex_lock(&p->runtime->watch.lock);
    stage->index = p->count - p->has_taps;
    if (p->has_taps) {
        p->stages[p->count] = p->stages[stage->index];
        p->stages[p->count]->index = p->count;
    }
    p->stages[stage->index] = stage;
    p->count++;
    p->changed = true;
    pthread_mutex_unlock(&p->runtime->watch.lock);
}

/* What a source and any other stage have in common. */
static int make_stage(takt_pipeline *p, takt_stage **out, const takt_stage_options *options,
                      bool source)
{
    if (!p || !options || options->size != sizeof *options || !options->handler)
        return TAKT_EINVAL;
    int state = may_add(p);
    if (state < 0)
        return state;
    int shift = find_shift(p, source ? 0 : options->block);
    if (shift < 0)
        return shift;
    const takt_allocator *allocator = p->runtime->allocator;
    takt_stage *stage = takt__allocate(allocator, sizeof *stage, TAKT_LINE_PAIR);
    if (!stage)
        return TAKT_ENOMEM;
    int width = set_shape(p, stage, options, source);
    int error = width < 0 ? width : source ? 0 : set_upstream(p, stage, options);
    if (error < 0) {
        takt__release(allocator, stage, sizeof *stage);
        return error;
    }
    stage->name = copy_name(allocator, options->name ? options->name : "stage", &stage->name_size);
    stage->shards = takt__allocate(allocator, shards_size(stage), TAKT_LINE_PAIR);
    stage->members = takt__allocate(allocator, members_size(stage), TAKT_LINE_PAIR);
    if (!stage->name || !stage->shards || !stage->members) {
        release_stage(allocator, stage);
        return TAKT_ENOMEM;
    }
    stage->core.ring = p->ring;
    stage->core.slots = p->ring->slots;
    stage->core.mask = p->ring->mask;
    stage->core.event_size = p->ring->event_size;
    takt__stage_init(&stage->core, options, (uint32_t)shift, (uint32_t)width, stage->shards,
                     stage->members);
    takt__stage_begin_at(&stage->core, takt_ring_cursor(p->ring) + 1);
    stage->pipeline = p;
    stage->weight = options->weight > 0 ? options->weight : 1;
    p->needs_keys |= !source && options->stored_key;
    append(p, stage);
    *out = stage;
    return 0;
}

int takt_pipeline_add_source(takt_pipeline *p, takt_stage **out, const takt_stage_options *options)
{
    if (p && takt__ld32_acq(&p->state) == TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        return TAKT_ERUNNING;
    if (p && (p->source || p->closed_ring))
        return TAKT_ESTATE; /* its producer is another stage, or a thread outside */
    takt_stage *stage;
    int error = make_stage(p, &stage, options, true);
    if (error < 0)
        return error;
    takt__stage_set_source(&stage->core, p->ring);
    p->source = stage;
    if (out)
        *out = stage;
    return 0;
}

int takt__pipeline_add_pump(takt_pipeline *p)
{
    takt_stage *pump;
    int error =
        make_stage(p, &pump, TAKT_STAGE(.name = "source", .handler = takt__intake_nothing), true);
    if (error < 0)
        return error;
    takt__stage_set_source(&pump->core, p->ring);
    /* The first, like a source that was added as such: its figures are read after the others'. */
    for (uint32_t i = pump->index; i > 0; i--) {
        p->stages[i] = p->stages[i - 1];
        p->stages[i]->index = i;
        for (uint32_t k = 0; k < p->stages[i]->upstream_count; k++)
            p->stages[i]->upstream[k]++;
    }
    p->stages[0] = pump;
    pump->index = 0;
    p->intake.pump = true;
    takt__stp_rel(&p->source, pump); /* release [pairs: pump]: the producer may ask already */
    return 0;
}

int takt_pipeline_add_stage(takt_pipeline *p, takt_stage **out, const takt_stage_options *options)
{
    takt_stage *stage;
    int error = make_stage(p, &stage, options, false);
    if (error == 0 && out)
        *out = stage;
    return error;
}

takt_ring *takt_pipeline_ring(takt_pipeline *p)
{
    return p->ring;
}

void takt_pipeline_destroy(takt_pipeline *p)
{
    if (!p)
        return;
    takt_pipeline_halt(p);
    takt__pipeline_await_callers(p);
    takt__runtime_detach(p->runtime, p);
    takt__watch_leave(p);
    takt__taps_destroy(p);
    takt__intake_destroy(p);
    const takt_allocator *allocator = p->runtime->allocator;
    for (uint32_t i = 0; i < p->count - p->has_taps; i++) {
        takt__cut_retire(&p->stages[i]->core);
        release_stage(allocator, p->stages[i]);
    }
    takt_ring_destroy(p->ring);
    takt__release(allocator, p->keys, p->keys_size);
    takt__release(allocator, p->name, p->name_size);
    pthread_mutex_destroy(&p->failure_lock);
    takt__release(allocator, p, sizeof *p);
}
