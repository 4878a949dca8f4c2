/* SPDX-License-Identifier: MIT */
/*
 * Running a shard: find the events that are due, hand them to the handler, move the sequence.
 *
 * What is due ends at what the stages before have done, and below the division's cut. The cut
 * needs no order of its own here: a changer that lowers it becomes the owner of every shard
 * afterwards, so an owner either is not past it yet and will be asked, or has seen it through the
 * hand-over of ownership. Only to leave for good takes more: the cut may still be raised until it
 * is declared final, so `final` is read first and the cut after it.
 */
#include <takt/clock.h>

#include "disruptor/ring.h"
#include "shard/keys.h"
#include "shard/stage.h"

/* The longest stretch of input that a keyed shard looks through at once. */
#define KEY_WINDOW 8192

/* Fading sums are halved beyond this many nanoseconds: the memory of the service time. */
#define RECENT_NS 1000000

static void begin_at(struct takt__stage *stage, int64_t from)
{
    struct takt__division *first = &stage->division[0];
    for (uint32_t i = 0; i < first->blocks.shards; i++) {
        struct takt__shard *shard = &first->shards[i];
        shard->next = stage->keyed ? from : takt__blocks_first(&first->blocks, i, from);
        shard->processed = from;
        takt_sequence_init(&shard->sequence, shard->next - 1);
    }
    stage->change.from = from;
}

void takt__stage_init(struct takt__stage *stage, const takt_stage_options *options, uint32_t shift,
                      uint32_t width, struct takt__shard *shards, const takt_sequence **members)
{
    uint32_t max = stage->shards_max;
    stage->ordered = stage->keyed || options->ordered || options->on_handover || max == 1;
    for (uint32_t d = 0; d < 2; d++) {
        struct takt__division *division = &stage->division[d];
        division->blocks = (struct takt__blocks){shift, 0};
        division->code = (struct takt__code){
            .handler = options->handler,
            .context = options->context,
            .on_handover = options->on_handover,
            .on_retired = options->on_retired,
        };
        division->cut = TAKT__NO_CUT;
        division->shards = shards + d * max;
        for (uint32_t i = 0; i < max; i++) {
            struct takt__shard *shard = &division->shards[i];
            shard->index = i;
            shard->division = division;
            shard->to = &shard->sequence;
            takt_sequence_init(&shard->sequence, TAKT_SEQUENCE_GONE);
            members[2 * i + d] = &shard->sequence;
        }
    }
    stage->gate.members = members;
    struct takt__division *first = &stage->division[0];
    first->blocks.shards = width;
    first->open = 1;
    begin_at(stage, 0);
    takt__gate_cover(&stage->gate, 2 * width);
    stage->change.target = stage->change.settled = width;
    stage->change.least = stage->change.most = width;
}

void takt__stage_begin_at(struct takt__stage *stage, int64_t from)
{
    begin_at(stage, from);
}

void takt__stage_set_source(struct takt__stage *stage, takt_ring *ring)
{
    struct takt__shard *shard = &stage->division[0].shards[0];
    stage->source = true;
    stage->lead = takt_ring_capacity(ring);
    shard->to = &ring->cursor;
    stage->gate.members[0] = &ring->cursor;
}

/* Where the shard's input ends for now. */
static int64_t find_limit(const struct takt__stage *stage, const struct takt__division *division)
{
    /* acquire [pairs: division-open] */
    if (stage->ordered && !takt__ld32_acq(&division->open))
        return 0;
    int64_t cut = takt__ld64_rlx(&division->cut);
    int64_t available = takt__stage_available(stage);
    return available < cut ? available : cut;
}

/*
 * Fills the batch with what is due; false if there is nothing at all to do. *past is one past the
 * last sequence that the batch covers, *next the shard's next event once the batch is done.
 */
static bool gather(const struct takt__stage *stage, const struct takt__shard *shard, uint32_t limit,
                   uint32_t *picks, takt_batch *b, int64_t *past, int64_t *next)
{
    const struct takt__division *division = shard->division;
    const struct takt__blocks *blocks = &division->blocks;
    int64_t end = find_limit(stage, division);
    int64_t from = shard->next;
    if (from >= end)
        return false;
    b->first = from;
    if (stage->keyed && blocks->shards > 1) {
        int64_t to = end - from > KEY_WINDOW ? from + KEY_WINDOW : end;
        b->count =
            takt__keys_pick(stage, shard->index, blocks->shards, from, to, picks, limit, past);
        b->picks = picks;
        *next = *past;
        return true;
    }
    int64_t ordinal = takt__blocks_ordinal(blocks, shard->index, from);
    int64_t due = takt__blocks_ordinal(blocks, shard->index, end) - ordinal;
    b->count = due < limit ? (uint32_t)due : limit;
    b->skip = takt__blocks_skip(blocks);
    b->phase = (uint32_t)(ordinal & (takt__blocks_block(blocks) - 1));
    b->shift = blocks->shift;
    *past = takt_batch_sequence(b, b->count - 1) + 1;
    *next = takt__blocks_sequence(blocks, shard->index, ordinal + b->count);
    return true;
}

/* Keeps the books of what the handler took: `worked` events, of which `events` count. */
static void account(struct takt__stage *stage, struct takt__shard *shard, uint32_t events,
                    uint32_t worked, int64_t ns)
{
    takt__st64_rlx(&shard->events, shard->events + events);
    takt__st64_rlx(&shard->busy_ns, shard->busy_ns + ns);
    shard->recent_events += worked;
    shard->recent_ns += ns;
    if (shard->recent_events)
        takt__st64_rlx(&stage->service_ps, shard->recent_ns * 1000 / shard->recent_events + 1);
    if (shard->recent_ns > RECENT_NS) {
        shard->recent_ns /= 2;
        shard->recent_events /= 2;
    }
}

/* Stores how far the shard has come. */
static void advance(struct takt__shard *shard, int64_t past, int64_t next)
{
    shard->processed = past;
    shard->next = next;
    takt_sequence_set(shard->to, next - 1);
}

/* Leaves the division if its cut is final and nothing is left below it. */
static bool leave_division(const struct takt__stage *stage, struct takt__shard *shard)
{
    const struct takt__division *division = shard->division;
    if (stage->source || !takt__ld32_acq(&division->final)) /* acquire [pairs: cut-final] */
        return false;
    if (shard->next < takt__ld64_rlx(&division->cut))
        return false;
    takt_sequence_set(&shard->sequence, TAKT_SEQUENCE_GONE);
    return true;
}

/* Which event of the batch the handler says has failed. */
static uint32_t failed_event(const takt_batch *b)
{
    return b->failed < b->count ? b->failed : 0;
}

/* The batch's handler has failed: the events before the failed one are done. */
static void stop_at(struct takt__shard *shard, const takt_batch *b, struct takt__run *run)
{
    uint32_t failed = run->events;
    run->sequence = takt_batch_sequence(b, failed);
    int64_t past = failed ? takt_batch_sequence(b, failed - 1) + 1 : shard->processed;
    advance(shard, past, run->sequence);
}

static void finish_source(struct takt__shard *shard, const takt_batch *b, int result,
                          struct takt__run *run)
{
    run->ended = result != 0;
    run->worked = b->count > 0 || run->took > 0 || run->ended;
    run->code = result < 0 ? result : 0;
    run->sequence = b->first + b->count;
    if (b->count)
        advance(shard, run->sequence, run->sequence);
}

static int call_handler(const struct takt__stage *stage, const struct takt__division *division,
                        takt_batch *b, uint32_t limit, struct takt__run *run)
{
    uint32_t offered = b->count;
    int result;
    run->called = true;
    run->began_ns = takt_now();
    if (TAKT_LIKELY(!stage->feed))
        result = division->code.handler(division->code.context, b);
    else
        result = stage->feed(stage->feeder, &division->code, b, limit, &run->took);
    run->ended_ns = takt_now();
    if (b->count > offered)
        b->count = offered;
    return result;
}

void takt__shard_run(struct takt__stage *stage, struct takt__shard *shard, uint32_t limit,
                     uint32_t *picks, struct takt__run *run)
{
    *run = (struct takt__run){0};
    if (takt__shard_gone(shard))
        return;
    const struct takt__division *division = shard->division;
    takt_batch b = {
        .slots = stage->slots,
        .mask = stage->mask,
        .event_size = stage->event_size,
        .shard = shard->index,
        .shards = division->blocks.shards,
        .keys = stage->keys,
    };
    int64_t past = 0, next = 0;
    if (!gather(stage, shard, limit, picks, &b, &past, &next)) {
        if (!stage->feed) {
            run->worked = leave_division(stage, shard);
            return;
        }
        b.first = shard->next; /* the ring is full */
    }
    run->worked = true;
    if (stage->ring && !stage->source) {
        uint32_t found = b.count;
        takt__ring_skip_voids(stage->ring, &b, picks);
        if (b.count != found)
            takt__st64_rlx(&shard->voids, shard->voids + found - b.count);
    }
    run->first = b.first;
    int result = b.count || stage->feed ? call_handler(stage, division, &b, limit, run) : 0;
    run->events = result < 0 && !stage->source ? failed_event(&b) : b.count;
    /* Counted before it shows: who sees the events done finds them in the figures. */
    if (run->called)
        account(stage, shard, run->events, run->took > run->events ? run->took : run->events,
                run->ended_ns - run->began_ns);
    if (stage->source) {
        finish_source(shard, &b, result, run);
    } else if (result < 0) {
        run->code = result;
        stop_at(shard, &b, run);
    } else {
        advance(shard, past, next);
        leave_division(stage, shard);
    }
}
