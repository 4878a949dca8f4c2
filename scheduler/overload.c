/* SPDX-License-Identifier: MIT */
/* The source's choice: feeding a source stage (told in overload.h). What a thread does: source.c.
 */
#include "scheduler/overload.h"

#include <string.h>

#include <takt/clock.h>

#include "disruptor/alloc.h"
#include "disruptor/ring.h"
#include "disruptor/wait.h"
#include "scheduler/runtime.h"

/* The most events that wait, and the most slots in one claim. */
#define WAITING_MAX (INT64_C(1) << 30)
#define AT_ONCE     256

static int make_waiting_room(takt_pipeline *p, const takt_pipeline_options *options)
{
    int64_t room = options->waiting ? options->waiting : takt_ring_capacity(p->ring);
    if (room > WAITING_MAX || (uint64_t)room > SIZE_MAX / 4 / options->event_size)
        return TAKT_ECAPACITY;
    uint32_t at_once = room < AT_ONCE ? (uint32_t)room : AT_ONCE;
    return takt__waiting_create(&p->intake.waiting, &(struct takt__waiting_options){
                                                        .event_size = options->event_size,
                                                        .alignment = options->alignment,
                                                        .room = room,
                                                        .claim_most = at_once,
                                                        .take_most = at_once,
                                                        .keys = true,
                                                        .allocator = p->runtime->allocator,
                                                    });
}

int takt__intake_create(takt_pipeline *p, const takt_pipeline_options *options)
{
    struct takt__intake *in = &p->intake;
    in->choice = options->overload;
    in->claimed = in->next - 1;
    switch (options->overload) {
    case TAKT_OVERLOAD_BLOCK: return 0;
    case TAKT_OVERLOAD_DROP_OLDEST: return make_waiting_room(p, options);
    case TAKT_OVERLOAD_FAIL:
    case TAKT_OVERLOAD_DROP_NEWEST: break;
    }
    in->nowhere_size = options->event_size;
    in->nowhere = takt__allocate(p->runtime->allocator, in->nowhere_size,
                                 options->alignment ? options->alignment : TAKT_LINE_PAIR);
    return in->nowhere ? 0 : TAKT_ENOMEM;
}

void takt__intake_destroy(takt_pipeline *p)
{
    takt__waiting_destroy(p->intake.waiting);
    takt__release(p->runtime->allocator, p->intake.nowhere, p->intake.nowhere_size);
}

void takt__intake_arm(takt_pipeline *p)
{
    if (p->intake.pump)
        takt__st32_rlx(&p->intake.sleepers, 1);
    else if (!p->source)
        takt__sequence_arm(&p->ring->cursor);
}

int64_t takt__intake_waiting(const takt_pipeline *p)
{
    return p->intake.waiting ? takt__waiting_count(p->intake.waiting) : 0;
}

/* Counts by the one thread that does. */
static void count(int64_t *counter, int64_t n)
{
    takt__st64_rlx(counter, *counter + n);
}

static int ask(takt_pipeline *p, const struct takt__code *code, takt_batch *b)
{
    uint32_t offered = b->count;
    int result = code->handler(code->context, b);
    if (b->count > offered)
        b->count = offered;
    takt__st64_rlx(&p->intake.due_ns, takt_now() + p->slice_ns);
    return result;
}

/* To a full ring: what the source has goes nowhere, or is a failure. */
static int ask_in_vain(takt_pipeline *p, const struct takt__code *code, uint32_t limit,
                       uint32_t *took)
{
    struct takt__intake *in = &p->intake;
    bool fails = in->choice == TAKT_OVERLOAD_FAIL;
    takt_batch b = {
        .slots = in->nowhere,
        .event_size = p->ring->event_size,
        .count = fails ? 1 : limit,
        .shards = 1,
    };
    int result = ask(p, code, &b);
    *took = b.count;
    count(fails ? &in->refused : &in->dropped_newest, b.count);
    return fails && b.count && result >= 0 ? TAKT_EFULL : result;
}

static int feed_or_drop(void *pipeline, const struct takt__code *code, takt_batch *b,
                        uint32_t limit, uint32_t *took)
{
    takt_pipeline *p = pipeline;
    if (takt__ld32_acq(&p->paused)) /* acquire [pairs: resumed] */
        b->count = 0;
    else if (b->count == 0)
        return ask_in_vain(p, code, limit, took);
    else
        return ask(p, code, b);
    return 0;
}

/* Lets the source fill the waiting room. */
static uint32_t fill_waiting_room(takt_pipeline *p, const struct takt__code *code, uint32_t limit)
{
    struct takt__intake *in = &p->intake;
    takt_batch b;
    if (in->over || takt__ld32_acq(&p->paused)) /* acquire [pairs: resumed] */
        return 0;
    takt__waiting_claim(in->waiting, &b, limit);
    int result = ask(p, code, &b);
    takt__waiting_put(in->waiting, b.count);
    if (result != 0) {
        in->code = result;
        takt__st32_rlx(&in->over, 1);
    }
    return b.count;
}

/* Moves what waits into the free slots of the batch. */
static void empty_waiting_room(struct takt__waiting *w, takt_batch *b)
{
    uint32_t moved = 0;
    while (moved < b->count) {
        uint32_t n = takt__waiting_take(w, b->count - moved);
        if (n == 0)
            break;
        for (uint32_t i = 0; i < n; i++) {
            memcpy(takt_batch_at(b, moved + i), takt__waiting_at(w, i), b->event_size);
            if (b->keys)
                b->keys[takt_batch_sequence(b, moved + i) & b->mask] = takt__waiting_key(w, i);
        }
        takt__waiting_give_back(w, n);
        moved += n;
    }
    b->count = moved;
}

static int feed_from_waiting_room(void *pipeline, const struct takt__code *code, takt_batch *b,
                                  uint32_t limit, uint32_t *took)
{
    takt_pipeline *p = pipeline;
    struct takt__intake *in = &p->intake;
    int code_at_end = TAKT_END;
    bool over;
    if (in->pump) {
        over = takt__ld32_acq(&p->closed); /* acquire [pairs: closed]: nothing comes after */
    } else {
        *took = fill_waiting_room(p, code, limit);
        over = in->over;
        code_at_end = in->code;
    }
    empty_waiting_room(in->waiting, b);
    if (*took < b->count)
        *took = b->count;
    return over && takt__waiting_count(in->waiting) == 0 ? code_at_end : 0;
}

int takt__intake_nothing(void *context, takt_batch *b)
{
    (void)context;
    b->count = 0;
    return 0;
}

void takt__intake_join(takt_pipeline *p)
{
    if (!p->source || p->intake.choice == TAKT_OVERLOAD_BLOCK)
        return;
    p->source->core.feed = p->intake.waiting ? feed_from_waiting_room : feed_or_drop;
    p->source->core.feeder = p;
}

static void look_again_at(int64_t *look_again, int64_t at)
{
    if (at < *look_again)
        *look_again = at;
}

enum takt__turn takt__intake_turn(const takt_stage *source, int64_t room, int64_t *look_again)
{
    const takt_pipeline *p = source->pipeline;
    const struct takt__intake *in = &p->intake;
    if (takt__ld32_rlx(&source->ended) || takt__ld32_rlx(&p->failing))
        return TAKT__NO_TURN;
    bool moves = room > 0 && takt__intake_waiting(p) > 0;
    enum takt__turn otherwise = moves ? TAKT__MAY_RUN : TAKT__NO_TURN;
    if (in->pump) {
        /* acquire [pairs: closed]: what waits was put there before */
        bool at_end = takt__ld32_acq(&p->closed) && takt__intake_waiting(p) == 0;
        return at_end ? TAKT__MUST_RUN : otherwise;
    }
    if (takt__ld32_rlx(&p->paused) || takt__ld32_rlx(&in->over))
        return otherwise;
    int64_t now = takt_now();
    int64_t idle_until = takt__ld64_rlx(&source->idle_until);
    int64_t due = takt__ld64_rlx(&in->due_ns);
    if (idle_until > now) {
        look_again_at(look_again, idle_until);
        return otherwise;
    }
    if (now >= due)
        return TAKT__MUST_RUN;
    look_again_at(look_again, due);
    return room > 0 ? TAKT__MAY_RUN : TAKT__NO_TURN;
}
