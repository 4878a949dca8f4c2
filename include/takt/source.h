/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a source's events when the pipeline is full, and how a thread of the program is a
 * source that has this choice.
 *
 * The choice is the pipeline's (takt_pipeline_options.overload), since a pipeline has one source, a
 * stage (takt_pipeline_add_source) or one thread outside:
 *
 *   TAKT_OVERLOAD_BLOCK        the source waits: a stage is not asked, a thread waits for room
 * until its deadline. Nothing is lost. The default. TAKT_OVERLOAD_FAIL         a thread's claim
 * returns TAKT_EFULL at once. A stage that has an event for a full ring fails the pipeline with
 * TAKT_EFULL at that event; all before it pass. Counted as refused. TAKT_OVERLOAD_DROP_NEWEST  what
 * the source offers to a full ring is not taken. Counted. TAKT_OVERLOAD_DROP_OLDEST  what the
 * source offers is always taken, into a waiting room of takt_pipeline_options.waiting events, from
 * which workers move it into the ring, oldest first, as there is room. When the waiting room is
 * full the oldest event in it gives way to the newest. Counted.
 *
 * "The oldest" is the oldest that is not yet in the ring, so one that no stage has begun. What is
 * in the ring is never dropped: it passes every stage. So at most capacity + waiting events are on
 * their way, and a small ring before a larger waiting room keeps what is handled fresh. An event
 * that is dropped has no sequence: sequences stay without a gap, in the order of the source. At
 * rest, every event offered was published, refused or dropped, or still waits
 * (takt_source_get_stats).
 *
 * Any choice but to block makes a stage that is the source be asked at least once in a slice of
 * time (takt_pipeline_options.slice_ns) that it is not left alone for having had nothing, whatever
 * the other stages have to do, and also while the ring is full. It fills slots that are not in the
 * ring then, so it must not use takt_batch_sequence.
 *
 * A thread outside does this:
 *
 *     takt_batch slots;
 *     if (takt_source_claim(pipeline, &slots, 1, TAKT_FOREVER) >= 0) {
 *         ...fill takt_batch_at(&slots, 0)...
 *         takt_source_publish(pipeline, &slots);
 *     }
 *
 * The functions that claim, publish and offer are for the source's one thread.
 */
#ifndef TAKT_SOURCE_H
#define TAKT_SOURCE_H

#include <takt/pipeline.h>

/* What takt_source_claim and takt_source_offer return when there is no room for the newest event.
 */
#define TAKT_DROPPED 1

typedef struct takt_source_stats {
    int64_t published;      /* events that entered the ring */
    int64_t refused;        /* offered, and no room for them (TAKT_OVERLOAD_FAIL) */
    int64_t dropped_newest; /* offered, and not taken (TAKT_OVERLOAD_DROP_NEWEST) */
    int64_t
        dropped_oldest; /* taken, and given up in the waiting room (TAKT_OVERLOAD_DROP_OLDEST) */
    int64_t waiting;    /* in the waiting room at present */
} takt_source_stats;

TAKT__DECLS_BEGIN

/*
 * Claims slots for up to `n` events that the caller has to offer, as a batch: event i is filled at
 * takt_batch_at(batch, i), and its key, where a stage uses stored keys, set by takt_batch_set_key.
 * batch->count is how many slots there are, at least 1. What is claimed and not published is
 * claimed again by the next call; nothing is lost by not publishing. takt_batch_sequence has no
 * meaning.
 *
 * 0, or TAKT_DROPPED where the newest is dropped and there is no room: the events in the batch will
 * be counted when they are published, need not be filled, and go nowhere. TAKT_EFULL where a full
 * ring is to fail: `n` events count as refused. TAKT_ETIMEDOUT at the deadline, which matters only
 * where a full ring blocks: no other choice ever waits; TAKT_EFULL if it is TAKT_NOW. TAKT_EHALTED
 * when the pipeline has ended, TAKT_ENOCONSUMER before its start, TAKT_ESTATE if its source is a
 * stage, TAKT_EINVAL. O(1), but O(stages) when the room known of is used up.
 */
int takt_source_claim(takt_pipeline *pipeline, takt_batch *batch, uint32_t n, int64_t deadline);

/*
 * Publishes the first batch->count events of the last claim, which the caller may have lowered.
 * Never waits, but may enter the kernel to wake a worker. Where the oldest is dropped it counts
 * here.
 */
void takt_source_publish(takt_pipeline *pipeline, const takt_batch *batch);

/*
 * Claims, copies one event, and publishes it: 0 if it was taken, TAKT_DROPPED if it was not, and
 * otherwise as takt_source_claim.
 */
int takt_source_offer(takt_pipeline *pipeline, const void *event, int64_t deadline);

/* What has become of the source's events, of either kind. Any thread, never blocks. */
void takt_source_get_stats(const takt_pipeline *pipeline, takt_source_stats *stats);

TAKT__DECLS_END

#endif
