/* SPDX-License-Identifier: MIT */
/* A thread outside as the source, with a choice of what a full ring means (told in overload.h). */
#include <string.h>

#include <takt/clock.h>

#include "disruptor/ring.h"
#include "scheduler/runtime.h"

/* Slots of the ring that were claimed and not published, at most n, as a batch. */
static int hand_out(const takt_pipeline *p, takt_batch *b, uint32_t n)
{
    const struct takt__intake *in = &p->intake;
    int64_t there = in->claimed - in->next + 1;
    *b = (takt_batch){
        .slots = p->ring->slots,
        .mask = p->ring->mask,
        .event_size = p->ring->event_size,
        .first = in->next,
        .count = there < n ? (uint32_t)there : n,
        .shards = 1,
        .keys = p->keys,
    };
    return 0;
}

/* The ring is full, and the newest event is not to be taken: a slot that leads nowhere. */
static int hand_out_nowhere(const takt_pipeline *p, takt_batch *b, uint32_t n)
{
    *b = (takt_batch){
        .slots = p->intake.nowhere,
        .event_size = p->ring->event_size,
        .count = n,
        .shards = 1,
    };
    return TAKT_DROPPED;
}

static int claim_in_ring(takt_pipeline *p, takt_batch *b, uint32_t n, int64_t deadline)
{
    struct takt__intake *in = &p->intake;
    takt_ring *ring = p->ring;
    if (in->claimed >= in->next && !takt__ld32_rlx(&ring->halted))
        return hand_out(p, b, n);
    int64_t k = n;
    if (takt__ld64_rlx(&ring->room) < takt__ld64_rlx(&ring->claimed) + k) {
        if (takt__ring_has_no_consumer(ring))
            return TAKT_ENOCONSUMER;
        int64_t free = takt_ring_remaining_capacity(ring);
        k = free < 1 ? 1 : free < k ? free : k;
    }
    bool blocks = in->choice == TAKT_OVERLOAD_BLOCK;
    int64_t high = takt_ring_next_until(ring, k, blocks ? deadline : TAKT_NOW);
    if (high == TAKT_EFULL && in->choice == TAKT_OVERLOAD_DROP_NEWEST)
        return hand_out_nowhere(p, b, n);
    if (high == TAKT_EFULL && in->choice == TAKT_OVERLOAD_FAIL)
        takt__st64_rlx(&in->refused, in->refused + n);
    if (high < 0)
        return (int)high;
    in->next = high - k + 1;
    in->claimed = high;
    return hand_out(p, b, n);
}

static int claim_in_waiting_room(takt_pipeline *p, takt_batch *b, uint32_t n)
{
    if (takt__ld32_rlx(&p->ring->halted))
        return TAKT_EHALTED;
    if (!takt__ldp_acq(&p->source)) /* acquire [pairs: pump] */
        return TAKT_ENOCONSUMER;
    takt__waiting_claim(p->intake.waiting, b, n);
    return 0;
}

int takt_source_claim(takt_pipeline *p, takt_batch *b, uint32_t n, int64_t deadline)
{
    if (!p || !b || n == 0)
        return TAKT_EINVAL;
    const takt_stage *source = takt__ldp_acq(&p->source); /* acquire [pairs: pump] */
    if (source && !p->intake.pump)
        return TAKT_ESTATE;
    return p->intake.waiting ? claim_in_waiting_room(p, b, n) : claim_in_ring(p, b, n, deadline);
}

/* Wakes a worker for the pump: those that sleep have armed the waiting room (worker.c). */
static void wake(takt_pipeline *p)
{
    takt__compiler_fence(); /* as in takt_sequence_set */
    if (!takt__ld32_rlx(&p->intake.sleepers))
        return;
    takt__st32_rlx(&p->intake.sleepers, 0); /* before the wake-up: wait.h */
    takt__park_wake_one(&p->runtime->park);
}

void takt_source_publish(takt_pipeline *p, const takt_batch *b)
{
    struct takt__intake *in = &p->intake;
    int64_t n = b->count;
    if (n == 0)
        return;
    if (b->slots == in->nowhere) {
        takt__st64_rlx(&in->dropped_newest, in->dropped_newest + n);
    } else if (in->waiting) {
        takt__waiting_put(in->waiting, (uint32_t)n);
        wake(p);
    } else {
        int64_t there = in->claimed - in->next + 1;
        n = n < there ? n : there;
        takt_ring_publish_range(p->ring, in->next, in->next + n - 1);
        in->next += n;
    }
}

int takt_source_offer(takt_pipeline *p, const void *event, int64_t deadline)
{
    takt_batch b;
    if (!event)
        return TAKT_EINVAL;
    int result = takt_source_claim(p, &b, 1, deadline);
    if (result < 0)
        return result;
    if (result == 0)
        memcpy(takt_batch_at(&b, 0), event, b.event_size);
    takt_source_publish(p, &b);
    return result;
}

void takt_source_get_stats(const takt_pipeline *p, takt_source_stats *stats)
{
    const struct takt__intake *in = &p->intake;
    *stats = (takt_source_stats){
        .refused = takt__ld64_rlx(&in->refused),
        .dropped_newest = takt__ld64_rlx(&in->dropped_newest),
        .dropped_oldest = in->waiting ? takt__ld64_rlx(&in->waiting->dropped) : 0,
        .waiting = takt__intake_waiting(p),
    };
    stats->published = takt_ring_cursor(p->ring) + 1;
}
