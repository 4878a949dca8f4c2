/* SPDX-License-Identifier: MIT */
/*
 * What a full ring means to the pipeline's source (takt/source.h).
 *
 * Two kinds of source, four choices. A thread outside claims slots by takt_source_claim; where it
 * is to block, to fail, or to drop the newest, that is a claim in the ring and what to do when
 * there is no room. A stage is asked by a worker, through `feed` (shard/stage.h) unless it is to
 * block: where there is no free slot, it is asked all the same, with slots that lead nowhere.
 *
 * Where the oldest is dropped there is a waiting room (disruptor/waiting.h). A stage fills slots of
 * it, and in the same call, as the owner of the source's shard, the worker moves events from there
 * into the ring. A thread outside fills slots of it too, and a source stage without a handler, the
 * pump, has workers move them: so they enter the ring when there is room, not when the thread comes
 * by again. The pump is what the ring's only producer is then.
 *
 * What is in the waiting room when the source ends, or is paused by a drain, still enters the ring:
 * the end is handed on when nothing waits any more.
 *
 * A worker may not see a source's events for the backlog of the stages, which is always worth more
 * than what a full ring has room for. So a stage that is to drop or to fail is asked before all
 * others once a slice has gone by since it was last asked; and not sooner than that while the ring
 * is full, so that a source that always has something cannot starve the stages either.
 */
#ifndef TAKT_SCHEDULER_OVERLOAD_H
#define TAKT_SCHEDULER_OVERLOAD_H

#include <takt/source.h>

#include "disruptor/waiting.h"

struct takt__intake {
    enum takt_overload choice;
    bool pump;                     /* the source is a thread outside with a waiting room */
    struct takt__waiting *waiting; /* NULL unless the oldest is dropped */
    unsigned char *nowhere;        /* a slot that leads nowhere; its event is counted, or refused */
    size_t nowhere_size;
    uint32_t sleepers; /* a pump's: who fills the waiting room is to wake a worker */
    /* The source's: of its thread, or of the owner of its shard. */
    TAKT_ALIGNED int64_t next; /* in the ring: the first claimed and not published */
    int64_t claimed;           /* the last */
    int64_t refused;           /* read by others, relaxed */
    int64_t dropped_newest;
    /* A source stage's owner's. */
    TAKT_ALIGNED int64_t due_ns; /* it is asked before all others from then on; read by workers */
    uint32_t over;               /* the handler has ended or failed; read by workers */
    int code;                    /* what it returned */
};

/* Whether a source may be given a seat now. */
enum takt__turn {
    TAKT__NO_TURN,
    TAKT__MAY_RUN,  /* as its backlog is worth */
    TAKT__MUST_RUN, /* before all others, also when the ring is full */
};

/* Makes what the choice needs. TAKT_EINVAL, TAKT_ECAPACITY, TAKT_ENOMEM. */
int takt__intake_create(takt_pipeline *pipeline, const takt_pipeline_options *options);

void takt__intake_destroy(takt_pipeline *pipeline);

/* Has the source's handler called through the choice. At the start of the pipeline. */
void takt__intake_join(takt_pipeline *pipeline);

/* The handler of a pump, which is never called. */
int takt__intake_nothing(void *context, takt_batch *batch);

/*
 * Whether it is the turn of a source stage that has a feed, when the ring has `room` free slots.
 * *look_again is lowered to when it should be looked at again.
 */
enum takt__turn takt__intake_turn(const takt_stage *source, int64_t room, int64_t *look_again);

/*
 * Has the thread outside that is the pipeline's source, if one is, wake a worker when it next
 * publishes: in the ring, or in the waiting room. The ring's cursor would not do for that: a worker
 * moves it, sees that it is armed, and disarms it.
 */
void takt__intake_arm(takt_pipeline *pipeline);

/* How many events wait to enter the ring. Any thread. */
int64_t takt__intake_waiting(const takt_pipeline *pipeline);

#endif
