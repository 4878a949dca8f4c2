/* SPDX-License-Identifier: MIT */
/*
 * A stage and its shards.
 *
 * A stage's input is one sequence space, divided among the shards of its current division. A shard
 * is a claimable unit: whoever becomes its owner may run it, one owner at a time. The owner knows
 * exactly which of the shard's events are done (`next`); everybody else sees `sequence`, below or
 * at which nothing of the shard is left to do. The stage as a whole has come as far as the least
 * of its shards' sequences, which is what the stages after it read through the stage's gate.
 *
 * A stage has two divisions. One is current; the other is empty, or is the one before, on its way
 * out (cut.h). A shard that does not exist has the sequence TAKT_SEQUENCE_GONE.
 *
 * Who writes what:
 *   owner                 by compare-and-swap, from vacant; back by its owner (release)
 *   next, processed, ...  the shard's owner
 *   sequence              the shard's owner (release)
 *   the division's shape  the changer, while none of the division's shards exists
 *   cut, final, open      the changer
 *   the division's code   the changer, while none of the division's shards exists
 */
#ifndef TAKT_SHARD_STAGE_H
#define TAKT_SHARD_STAGE_H

#include <takt/pipeline.h>

#include "disruptor/gate.h"
#include "shard/blocks.h"

/* Values of a shard's owner; others are the number of a worker plus one. */
#define TAKT__VACANT  0u
#define TAKT__CHANGER 0xffffffffu
#define TAKT__FAILED  0xfffffffeu /* its handler failed: nobody runs it again */

#define TAKT__NO_CUT INT64_MAX

struct takt__shard {
    takt_sequence sequence; /* all that is the shard's up to here is done; see takt__shard_gone */
    TAKT_ALIGNED uint32_t owner;
    uint32_t wanted;                /* the changer waits for it: leave it vacant */
    uint32_t last;                  /* who owned it last: its memory is in that worker's caches */
    TAKT_ALIGNED takt_sequence *to; /* where progress is stored: `sequence`, or a ring's cursor */
    int64_t next;                   /* the shard's first event not yet done */
    int64_t processed;              /* one past the last sequence done, or passed over */
    int64_t events;                 /* handled; with busy_ns read by others, relaxed */
    int64_t busy_ns;
    int64_t voids;         /* void events passed over; relaxed */
    int64_t recent_events; /* the same, fading: for the service time at present */
    int64_t recent_ns;
    uint32_t index;
    struct takt__division *division;
};

/* What a division's shards call. */
struct takt__code {
    takt_handler handler;
    void *context;
    takt_handover_function on_handover;
    takt_retired_function on_retired;
};

/*
 * What stands between a source and its handler where a full ring does not simply keep the source
 * waiting. Called by the owner of the source's shard in the handler's place, also when there is no
 * free slot: it fills the batch as the handler does, lowers its count to what it filled, and
 * returns what the handler would. `limit` is how many events it should take on at most; in *took it
 * says how many it did, whatever became of them.
 */
typedef int (*takt__feed_function)(void *feeder, const struct takt__code *code, takt_batch *batch,
                                   uint32_t limit, uint32_t *took);

struct takt__division {
    struct takt__blocks blocks; /* block, and number of shards */
    struct takt__code code;
    struct takt__shard *shards;
    TAKT_ALIGNED int64_t cut; /* the division's events end before this sequence */
    uint32_t final;           /* the cut will not move any more */
    uint32_t open;            /* ordered: the division before has left, the shards may start */
};

/* A change of the division under way; the changer's. */
struct takt__change {
    TAKT_ALIGNED uint32_t target; /* the number of shards that is wanted */
    uint32_t settled;             /* the number there is; 0 while a change is under way */
    uint32_t asked;               /* replacements asked for, */
    uint32_t answered;            /* and those that are complete */
    TAKT_ALIGNED uint32_t busy;   /* somebody is the changer */
    uint32_t phase;
    uint32_t visited; /* shards of the old division that know the cut */
    uint32_t taken;   /* of those asked for, the ones that this change answers */
    bool shaped;      /* the new division has its width and its code */
    bool replacing;   /* and that code is not the old one's */
    int64_t cut;
    int64_t redivisions; /* read by others, relaxed, as the figures below */
    int64_t from;        /* where the present division began */
    uint32_t least, most;
    int64_t since_ns;  /* when the present number of shards began */
    int64_t width_sum; /* sum of shards times nanoseconds up to then */
    int64_t began_ns;
    /* Under `asking`, which is held for a few instructions. */
    TAKT_ALIGNED uint32_t asking;
    bool has_next;
    struct takt__code next; /* the code that is wanted */
};

/* The last changes that are complete, for who looks on; the changer's, read by others. */
#define TAKT__CUTS_KEPT 32

struct takt__cut_note {
    int64_t began_ns, ended_ns;
    int64_t widths; /* before << 16 | after */
};

struct takt__stage {
    /* Written before the start. */
    const takt_ring *ring; /* NULL: no event can be void */
    unsigned char *slots;
    int64_t mask;
    uint64_t event_size;
    uint32_t *keys; /* the key column, or NULL */
    takt_key_function key;
    bool keyed;
    bool ordered; /* new shards start when the old ones have left */
    bool source;
    takt__feed_function feed; /* a source's, or NULL: its handler is called */
    void *feeder;
    uint32_t shards_min, shards_max;
    int64_t lead; /* how far ahead of `upstream` it may go: a source's ring; 0 otherwise */
    struct takt__gates upstream;
    struct takt__gate gate; /* its shards: what the stages after it wait for */
    struct takt__division division[2];
    /* Changes seldom. */
    TAKT_ALIGNED uint32_t current; /* the division that new events go to */
    int64_t service_ps;            /* picoseconds of one event at present; 0: not known */
    struct takt__change change;
    /* The changer's, too. */
    int64_t cut_began_ns; /* when the change under way began, */
    uint32_t cut_from;    /* and with how many shards */
    int64_t cuts_noted;   /* number of changes in `cuts`: n lies at n modulo its length */
    struct takt__cut_note cuts[TAKT__CUTS_KEPT];
};

/* What a run of a shard came to. */
struct takt__run {
    uint32_t events;  /* handled, or filled by a source */
    uint32_t took;    /* a source with a feed: events that it took on, or moved on */
    bool called;      /* there was something for the handler */
    bool worked;      /* anything moved */
    bool ended;       /* a source said TAKT_END, or failed */
    int code;         /* negative: the handler failed at `sequence` */
    int64_t sequence; /* of the failed event */
    int64_t first;    /* of the batch, if the handler was called */
    int64_t began_ns; /* the clock before and after the handler, if it was called */
    int64_t ended_ns;
};

/* One past the last sequence that the stage may handle, were it not for a cut. */
static inline int64_t takt__stage_available(const struct takt__stage *stage)
{
    int64_t least = takt__gates_least(&stage->upstream);
    return least == TAKT_SEQUENCE_GONE ? least : least + 1 + stage->lead;
}

/* How far the stage has come: everything up to here is done. */
static inline int64_t takt__stage_done(const struct takt__stage *stage)
{
    return takt__gate_least(&stage->gate);
}

/* Whether the shard does not exist; certain only for its owner. */
static inline bool takt__shard_gone(const struct takt__shard *shard)
{
    return takt__ld64_rlx(&shard->sequence.value) == TAKT_SEQUENCE_GONE;
}

/* How far the shard has come; for a source, the ring's cursor. */
static inline int64_t takt__shard_progress(const struct takt__shard *shard)
{
    return takt__ld64_rlx(&shard->to->value);
}

/* The number of shards of a division: certain only while one of them exists. */
static inline uint32_t takt__division_shards(const struct takt__division *division)
{
    return takt__ld32_rlx(&division->blocks.shards);
}

/* Tries to become the owner of a shard. */
static inline bool takt__shard_take(struct takt__shard *shard, uint32_t owner)
{
    if (takt__ld32_rlx(&shard->owner) != TAKT__VACANT)
        return false;
    return takt__cas32(&shard->owner, TAKT__VACANT, owner); /* acquire [pairs: owner] */
}

/* Gives it up: who owns it next sees all that was done. */
static inline void takt__shard_leave(struct takt__shard *shard)
{
    takt__st32_rel(&shard->owner, TAKT__VACANT); /* release [pairs: owner] */
}

/*
 * Sets up a stage over its own memory: options are checked, `shards` arrays and gate members hold
 * shards_max shards per division. The first division has `width` and starts at sequence 0.
 */
void takt__stage_init(struct takt__stage *stage, const takt_stage_options *options, uint32_t shift,
                      uint32_t width, struct takt__shard *shards, const takt_sequence **members);

/* Makes a new stage start at sequence `from` instead: it has done everything before. */
void takt__stage_begin_at(struct takt__stage *stage, int64_t from);

/*
 * Makes the stage's only shard move `cursor` instead of a sequence of its own: a source. Before
 * the start.
 */
void takt__stage_set_source(struct takt__stage *stage, takt_ring *ring);

/*
 * Runs a shard that the caller owns on at most `limit` events. `picks` has room for as many. The
 * caller stays the owner.
 */
void takt__shard_run(struct takt__stage *stage, struct takt__shard *shard, uint32_t limit,
                     uint32_t *picks, struct takt__run *run);

#endif
