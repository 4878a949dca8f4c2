/* SPDX-License-Identifier: MIT */
/*
 * A simulated stage: the shards of its two divisions and the change from one to the other, as in
 * shard/stage.h and shard/cut.h, on one thread. The arithmetic of blocks and of key hashes is the
 * library's own.
 */
#ifndef TAKT_SIM_STAGE_H
#define TAKT_SIM_STAGE_H

#include "perf/sim/random.h"
#include "perf/sim/tree.h"
#include "perf/sim/workload.h"
#include "scheduler/decide.h"
#include "shard/blocks.h"

#define SIM_NOBODY UINT32_MAX

struct sim_shard {
    int64_t next;   /* first event not done */
    uint32_t owner; /* worker, or SIM_NOBODY */
    uint32_t last;  /* who had it last, or SIM_NOBODY */
    bool exists;
    bool visited; /* knows the cut */
    uint8_t stage, division;
    uint16_t index;
    double share;                             /* keyed: the part of the events that is its */
    struct sim_shard *mine_next, **mine_link; /* in the list of shards that `last` had last */
};

struct sim_division {
    struct takt__blocks blocks;
    struct sim_shard *shards;
    struct sim_tree progress; /* of all that exist: next - 1 */
    struct sim_tree vacant;   /* of those that nobody owns */
    int64_t cut;
    uint32_t alive;
    uint32_t held;
    bool open;
};

struct sim_stage {
    const struct sim_stage_spec *spec;
    uint32_t index, most;
    uint32_t depth;
    bool sink;
    double mean_ns;   /* at present */
    uint32_t *hashes; /* keyed: of each key, */
    double *shares;   /* and the part of the events that have it */
    struct sim_division division[2];
    uint32_t current;
    bool changing;
    bool near_cut;
    int64_t cut;        /* of the change under way */
    uint32_t target;    /* shards wanted; */
    uint32_t unvisited; /* old shards that somebody holds */
    int64_t redivisions;
    /* What the library's shards and workers would have measured. */
    int64_t events;
    double busy_ns;
    double recent_events, recent_ns;
    double service_ns;
    double preference;
    struct takt__decision decision;
};

/* One batch: how far the shard goes, how many events of its own that is, in what time. */
struct sim_batch {
    int64_t next;
    int64_t events;
    double service_ns; /* in the handler */
    double look_ns;    /* looking at keys of others */
};

bool sim_stage_init(struct sim_stage *stage, const struct sim_stage_spec *spec, uint32_t index,
                    uint32_t workers, uint32_t block, bool near_cut, struct sim_random *random);
void sim_stage_free(struct sim_stage *stage);

/* All events up to here are done. */
static inline int64_t sim_stage_done(const struct sim_stage *stage)
{
    int64_t a = sim_tree_least(&stage->division[0].progress);
    int64_t b = sim_tree_least(&stage->division[1].progress);
    return a < b ? a : b;
}

/* How many shards new events go to. */
static inline uint32_t sim_stage_width(const struct sim_stage *stage)
{
    return stage->division[stage->current].blocks.shards;
}

/* Whether a worker may take a vacant shard of the division. */
static inline bool sim_division_open(const struct sim_stage *stage, uint32_t which)
{
    return which == stage->current ? !stage->spec->keys || stage->division[which].open
                                   : stage->changing;
}

/* What part of a keyed stage's events the busiest of `shards` shards has. */
double sim_stage_busiest(const struct sim_stage *stage, uint32_t shards);

/* A worker becomes the owner of a vacant shard, or gives it up. */
void sim_shard_take(struct sim_stage *stage, struct sim_shard *shard, uint32_t worker);
void sim_shard_leave(struct sim_stage *stage, struct sim_shard *shard);

/* Draws the next batch of at most `limit` events below `end`. */
void sim_shard_draw(struct sim_stage *stage, const struct sim_shard *shard, int64_t end,
                    int64_t limit, struct sim_random *random, struct sim_batch *batch);

/* The batch is done. */
void sim_shard_advance(struct sim_stage *stage, struct sim_shard *shard,
                       const struct sim_batch *batch);

/* Begins a change to stage->target shards if one is wanted; `available` ends its input now. */
void sim_stage_redivide(struct sim_stage *stage, int64_t available);

#endif
