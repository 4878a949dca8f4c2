/* SPDX-License-Identifier: MIT */
/*
 * A simulated stage.
 *
 * The change of division follows shard/cut.h: a tentative cut T; every old shard is visited (those
 * that nobody holds at once, the others when they are given up), and stops at T from then on; the
 * cut C is the highest of T and of what any has processed; the new shards begin at C, keyed ones
 * when the last old one has left. T is where the stage's input ends, or (`near_cut`) where the
 * foremost of the old shards stands: then the backlog goes to the new shards.
 */
#include "perf/sim/stage.h"

#include <stdlib.h>
#include <string.h>

#include "shard/keys.h"

/* shard/stage.c forgets by halves after so much time. */
#define RECENT_NS 1e6

/* As scheduler/pipeline.c has it. */
static uint32_t default_most(uint32_t workers)
{
    uint32_t most = 2 * workers < 16 ? 16 : 2 * workers;
    return most < TAKT_SHARDS_MAX ? most : TAKT_SHARDS_MAX;
}

/* Zipf's law: the k-th key's part is proportional to k^-skew. */
static bool make_keys(struct sim_stage *stage, struct sim_random *random)
{
    uint32_t n = stage->spec->keys;
    double sum = 0;
    stage->hashes = malloc(n * sizeof *stage->hashes);
    stage->shares = malloc(n * sizeof *stage->shares);
    if (!stage->hashes || !stage->shares)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        stage->hashes[i] = takt__key_hash(sim_next(random));
        stage->shares[i] = pow(i + 1.0, -stage->spec->skew);
        sum += stage->shares[i];
    }
    for (uint32_t i = 0; i < n; i++)
        stage->shares[i] /= sum;
    return true;
}

double sim_stage_busiest(const struct sim_stage *stage, uint32_t shards)
{
    double share[SIM_TREE_LEAVES] = {0}, most = 0;
    for (uint32_t i = 0; i < stage->spec->keys; i++) {
        double *mine = &share[takt__key_shard(stage->hashes[i], shards)];
        *mine += stage->shares[i];
        most = *mine > most ? *mine : most;
    }
    return most;
}

/* Fills an empty division with `shards` shards that begin at `from`. */
static void fill(struct sim_stage *stage, uint32_t which, uint32_t shards, int64_t from)
{
    struct sim_division *division = &stage->division[which];
    bool keyed = stage->spec->keys;
    division->blocks.shards = shards;
    division->cut = SIM_NEVER;
    division->alive = shards;
    division->held = 0;
    division->open = false;
    sim_tree_init(&division->progress, shards);
    sim_tree_init(&division->vacant, shards);
    for (uint32_t i = 0; i < shards; i++) {
        struct sim_shard *shard = &division->shards[i];
        shard->exists = true;
        shard->visited = false;
        shard->share = 0;
        shard->next = keyed ? from : takt__blocks_first(&division->blocks, i, from);
        sim_tree_set(&division->progress, i, shard->next - 1);
        sim_tree_set(&division->vacant, i, shard->next - 1);
    }
    for (uint32_t i = 0; i < stage->spec->keys; i++)
        division->shards[takt__key_shard(stage->hashes[i], shards)].share += stage->shares[i];
}

bool sim_stage_init(struct sim_stage *stage, const struct sim_stage_spec *spec, uint32_t index,
                    uint32_t workers, uint32_t block, bool near_cut, struct sim_random *random)
{
    stage->spec = spec;
    stage->index = index;
    stage->near_cut = near_cut;
    stage->most = spec->source ? 1 : spec->most ? spec->most : default_most(workers);
    stage->mean_ns = spec->mean_ns;
    stage->preference = spec->weight;
    stage->target = 1;
    if (spec->keys && !make_keys(stage, random))
        return false;
    for (int d = 0; d < 2; d++) {
        struct sim_division *division = &stage->division[d];
        division->blocks.shift = (uint32_t)__builtin_ctz(block);
        division->shards = calloc(stage->most, sizeof *division->shards);
        if (!division->shards)
            return false;
        for (uint32_t i = 0; i < stage->most; i++)
            division->shards[i] = (struct sim_shard){.owner = SIM_NOBODY,
                                                     .last = SIM_NOBODY,
                                                     .stage = (uint8_t)index,
                                                     .division = (uint8_t)d,
                                                     .index = (uint16_t)i};
        sim_tree_init(&division->progress, 1);
        sim_tree_init(&division->vacant, 1);
    }
    fill(stage, 0, 1, 0);
    stage->division[0].open = true;
    return true;
}

void sim_stage_free(struct sim_stage *stage)
{
    free(stage->hashes);
    free(stage->shares);
    free(stage->division[0].shards);
    free(stage->division[1].shards);
}

static struct sim_division *old_division(struct sim_stage *stage)
{
    return &stage->division[1 - stage->current];
}

/* An old shard leaves; with the last one the change is done. */
static void depart(struct sim_stage *stage, struct sim_shard *shard)
{
    struct sim_division *division = &stage->division[shard->division];
    shard->exists = false;
    sim_tree_set(&division->progress, shard->index, SIM_NEVER);
    sim_tree_set(&division->vacant, shard->index, SIM_NEVER);
    if (--division->alive == 0) {
        stage->changing = false;
        stage->redivisions++;
        stage->division[stage->current].open = true;
    }
}

/* Every old shard knows the cut: the new ones begin there. */
static void install(struct sim_stage *stage)
{
    int64_t cut = stage->division[stage->current].cut = stage->cut;
    stage->current = 1 - stage->current;
    fill(stage, stage->current, stage->target, cut);
    struct sim_division *old = old_division(stage);
    for (uint32_t i = 0; i < old->blocks.shards; i++)
        if (old->shards[i].owner == SIM_NOBODY && old->shards[i].next >= cut)
            depart(stage, &old->shards[i]);
}

/* One past the last event that the shard has done, or passed over. */
static int64_t processed(const struct sim_stage *stage, const struct sim_shard *shard)
{
    const struct takt__blocks *blocks = &stage->division[shard->division].blocks;
    if (stage->spec->keys)
        return shard->next;
    int64_t ordinal = takt__blocks_ordinal(blocks, shard->index, shard->next);
    return ordinal ? takt__blocks_sequence(blocks, shard->index, ordinal - 1) + 1 : 0;
}

/* A shard that nobody holds gets to know the tentative cut. */
static void visit(struct sim_stage *stage, struct sim_shard *shard)
{
    int64_t end = processed(stage, shard);
    if (end > stage->cut)
        stage->cut = end;
    shard->visited = true;
}

void sim_stage_redivide(struct sim_stage *stage, int64_t available)
{
    struct sim_division *division = &stage->division[stage->current];
    if (stage->changing || stage->target == division->blocks.shards)
        return;
    stage->changing = true;
    stage->unvisited = division->held;
    stage->cut = stage->near_cut ? 0 : available;
    for (uint32_t i = 0; i < division->blocks.shards; i++)
        division->shards[i].visited = false;
    if (stage->near_cut)
        for (uint32_t i = 0; i < division->blocks.shards; i++) {
            int64_t end = processed(stage, &division->shards[i]);
            stage->cut = end > stage->cut ? end : stage->cut;
        }
    division->cut = stage->cut;
    for (uint32_t i = 0; i < division->blocks.shards; i++)
        if (division->shards[i].owner == SIM_NOBODY)
            visit(stage, &division->shards[i]);
    if (stage->unvisited == 0)
        install(stage);
}

void sim_shard_take(struct sim_stage *stage, struct sim_shard *shard, uint32_t worker)
{
    struct sim_division *division = &stage->division[shard->division];
    shard->owner = worker;
    division->held++;
    sim_tree_set(&division->vacant, shard->index, SIM_NEVER);
}

void sim_shard_leave(struct sim_stage *stage, struct sim_shard *shard)
{
    struct sim_division *division = &stage->division[shard->division];
    shard->owner = SIM_NOBODY;
    division->held--;
    sim_tree_set(&division->vacant, shard->index, shard->next - 1);
    if (!stage->changing || division->cut == SIM_NEVER)
        return;
    if (!shard->visited) {
        visit(stage, shard);
        if (--stage->unvisited == 0)
            install(stage);
    } else if (shard->division != stage->current && shard->next >= division->cut) {
        depart(stage, shard);
    }
}

/* The time of n events. */
static double draw(const struct sim_stage *stage, int64_t n, struct sim_random *random)
{
    double mean = stage->mean_ns, sum;
    int64_t rare;
    switch (stage->spec->law) {
    case SIM_EXPONENTIAL: return mean * sim_gamma(random, (double)n);
    case SIM_BIMODAL:
        rare = sim_binomial(random, n, 1.0 / 50);
        return mean / (1 + 24.0 / 50) * (double)(n + 24 * rare);
    case SIM_HEAVY_TAIL:
        rare = sim_binomial(random, n, 1.0 / 200);
        sum = sim_gamma(random, (double)(n - rare));
        /* Pareto by inversion, between 10 and 1,000; its mean is 32.54. */
        for (int64_t i = 0; i < rare; i++)
            sum += 10 * pow(1 - sim_uniform(random) * (1 - pow(0.01, 1.3)), -1 / 1.3);
        return mean / (0.995 + 32.54 / 200) * sum;
    default: return mean * (double)n;
    }
}

void sim_shard_draw(struct sim_stage *stage, const struct sim_shard *shard, int64_t end,
                    int64_t limit, struct sim_random *random, struct sim_batch *batch)
{
    const struct sim_division *division = &stage->division[shard->division];
    if (division->cut < end)
        end = division->cut;
    *batch = (struct sim_batch){.next = shard->next};
    if (shard->next >= end)
        return;
    if (stage->spec->keys) {
        int64_t span = end - shard->next;
        if ((double)span * shard->share > (double)limit)
            span = (int64_t)((double)limit / shard->share) + 1;
        batch->next = shard->next + span;
        batch->events = sim_round(random, (double)span * shard->share);
        batch->look_ns = (double)(span - batch->events);
    } else {
        const struct takt__blocks *blocks = &division->blocks;
        int64_t from = takt__blocks_ordinal(blocks, shard->index, shard->next);
        int64_t own = takt__blocks_ordinal(blocks, shard->index, end) - from;
        batch->events = own < limit ? own : limit;
        batch->next = takt__blocks_sequence(blocks, shard->index, from + batch->events);
    }
    batch->service_ns = batch->events ? draw(stage, batch->events, random) : 0;
}

void sim_shard_advance(struct sim_stage *stage, struct sim_shard *shard,
                       const struct sim_batch *batch)
{
    shard->next = batch->next;
    sim_tree_set(&stage->division[shard->division].progress, shard->index, batch->next - 1);
    stage->events += batch->events;
    stage->busy_ns += batch->service_ns;
    stage->recent_events += (double)batch->events;
    stage->recent_ns += batch->service_ns + batch->look_ns;
    if (stage->recent_events > 0)
        stage->service_ns = stage->recent_ns / stage->recent_events;
    if (stage->recent_ns > RECENT_NS) {
        stage->recent_ns /= 2;
        stage->recent_events /= 2;
    }
}
