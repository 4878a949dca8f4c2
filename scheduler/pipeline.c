/* SPDX-License-Identifier: MIT */
/*
 * Building a pipeline: the ring, the stages around it, and what waits for what.
 *
 * A stage is added after those it names, so the order of adding is an order of dependence, and a
 * cycle cannot be written. Stages that no other comes after are sinks: the producer may not
 * overtake them. A source is a stage like any other, except that its progress is the ring's cursor,
 * and that its input, the free slots, lies a whole ring ahead of the sinks.
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
    const takt_allocator *allocator = runtime->allocator;
    takt_pipeline *p = takt__allocate(allocator, sizeof *p, TAKT_LINE_PAIR);
    if (!p)
        return TAKT_ENOMEM;
    p->runtime = runtime;
    pthread_mutex_init(&p->failure_lock, NULL);
    p->fixed_widths = options->fixed_widths;
    p->policy = options->policy ? options->policy : takt_policy_default();
    p->weight = weight;
    p->slice_ns = options->slice_ns ? options->slice_ns : SLICE_NS;
    p->name = copy_name(allocator, options->name ? options->name : "pipeline", &p->name_size);
    int error = takt_ring_create(
        &p->ring, TAKT_RING(.event_size = options->event_size, .capacity = options->capacity,
                            .alignment = options->alignment, .allocator = allocator));
    if (error == 0 && !p->name)
        error = TAKT_ENOMEM;
    if (error == 0)
        error = takt__taps_create(p);
    if (error < 0) {
        takt_pipeline_destroy(p);
        return error;
    }
    takt__ring_set_park(p->ring, &runtime->park);
    int64_t most = options->capacity / (4 * (int64_t)runtime->crew);
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
        if (!before || before->pipeline != p)
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

/* What a source and any other stage have in common. */
static int make_stage(takt_pipeline *p, takt_stage **out, const takt_stage_options *options,
                      bool source)
{
    if (!p || !options || options->size != sizeof *options || !options->handler)
        return TAKT_EINVAL;
    if (p->state != TAKT__STATE_BUILDING)
        return TAKT_ESTATE;
    if (p->count == TAKT_STAGES_MAX)
        return TAKT_ELIMIT;
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
    stage->pipeline = p;
    stage->weight = options->weight > 0 ? options->weight : 1;
    stage->index = p->count;
    p->needs_keys |= !source && options->stored_key;
    p->stages[p->count++] = stage;
    *out = stage;
    return 0;
}

int takt_pipeline_add_source(takt_pipeline *p, takt_stage **out, const takt_stage_options *options)
{
    if (p && p->source)
        return TAKT_ESTATE;
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

int takt_pipeline_add_stage(takt_pipeline *p, takt_stage **out, const takt_stage_options *options)
{
    takt_stage *stage;
    int error = make_stage(p, &stage, options, false);
    if (error == 0 && out)
        *out = stage;
    return error;
}

/* Finds the sinks, and makes the producer wait for them. */
static int close_the_ring(takt_pipeline *p)
{
    if (p->closed_ring)
        return 0;
    for (uint32_t i = 0; i < p->count; i++)
        p->stages[i]->sink = !p->stages[i]->core.source;
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; k < p->stages[i]->upstream_count; k++)
            p->stages[p->stages[i]->upstream[k]]->sink = false;
    for (uint32_t i = 0; i < p->count; i++) {
        if (!p->stages[i]->sink)
            continue;
        int error = takt__ring_add_gate(p->ring, &p->stages[i]->core.gate);
        if (error < 0)
            return error;
    }
    takt__taps_join(p);
    if (p->source)
        p->source->core.upstream = p->ring->hidden->consumers;
    p->closed_ring = true;
    return 0;
}

static int make_key_column(takt_pipeline *p)
{
    if (!p->needs_keys || p->keys)
        return 0;
    p->keys_size = (size_t)takt_ring_capacity(p->ring) * sizeof(uint32_t);
    p->keys = takt__allocate(p->runtime->allocator, p->keys_size, TAKT_LINE_PAIR);
    if (!p->keys)
        return TAKT_ENOMEM;
    for (uint32_t i = 0; i < p->count; i++)
        p->stages[i]->core.keys = p->keys;
    return 0;
}

int takt_pipeline_start(takt_pipeline *p)
{
    if (!p)
        return TAKT_EINVAL;
    if (p->state != TAKT__STATE_BUILDING)
        return TAKT_ESTATE;
    if (p->count == (p->source ? 1u : 0u))
        return TAKT_EGRAPH;
    int error = make_key_column(p);
    if (error == 0)
        error = close_the_ring(p);
    if (error == 0)
        error = takt__watch_pipeline(p);
    if (error < 0)
        return error;
    int64_t now = takt_now();
    for (uint32_t i = 0; i < p->count; i++) {
        p->stages[i]->core.change.since_ns = now;
        p->stages[i]->core.change.width_sum = 0;
        p->stages[i]->core.change.began_ns = now;
    }
    takt__st32_rel(&p->state, TAKT__STATE_RUNNING); /* release [pairs: state] */
    error = takt__runtime_attach(p->runtime, p);
    if (error < 0)
        takt__st32_rel(&p->state, TAKT__STATE_BUILDING); /* release [pairs: state] */
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
    takt__runtime_detach(p->runtime, p);
    takt__watch_leave(p);
    takt__taps_destroy(p);
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
