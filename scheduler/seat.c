/* SPDX-License-Identifier: MIT */
/*
 * The next seat: D'Hondt's method, one seat at a time, made by each worker for itself. Which stage
 * and which shard is decided by choice.h over plain numbers; here they are read from the stages
 * that run.
 *
 * A worker would rather have what is warm: a shard whose next event is one of those that the worker
 * has just had in another stage, so that it follows its events down the pipeline while they are in
 * its caches; or, of a keyed stage, a shard that it had last itself: what is worth keeping there is
 * the state of the keys.
 *
 * Of several pipelines each keeps an account of the worker time that it has had, over its weight,
 * as long as there are others. It is charged when a seat is left, by compare-and-swap: an account
 * that lags far behind the clock is moved up to it in the same step, and two workers that add the
 * distance each would put the pipeline as far ahead as it was behind.
 *
 * What is read here is a hint: sequences move and shards are taken meanwhile. Nothing depends on
 * it but the quality of the choice; running the shard looks at everything again as its owner.
 *
 * A source's backlog is the free room of the ring, so in a saturated pipeline a nearly empty ring
 * draws a worker to the source and a full one to the stages.
 */
#include <string.h>

#include <takt/clock.h>

#include "scheduler/seat.h"
#include "shard/cut.h"

/* What an event is taken to cost until it has been measured. */
#define UNKNOWN_PS 1000000

/* More than any backlog costs: what must be run first. */
#define URGENT_NS 1e15

/* What a seat counts for beside the time in handlers, so that none is free. */
#define SEAT_NS 100

/*
 * A seat is charged with no more than so many times a slice and what its events take as a rule: the
 * clock goes on when the worker is without a core, which is not the pipeline's doing.
 */
#define CHARGE_MOST 4

/* The best seat of one pipeline. */
struct offer {
    struct takt__stage_choice choice;
    takt_stage *stage;
    struct takt__shard *shard;
    uint32_t held;
};

/* One stage as a candidate. */
struct candidate {
    struct takt__trail trail; /* of the worker that looks for a seat */
    bool keyed;
    int64_t leash;
    struct takt__shard *vacant; /* the best of those that have something to do */
    struct takt__shard_choice choice;
};

static bool is_warm(const struct candidate *c, const struct takt__shard *shard, int64_t next)
{
    if (next >= c->trail.first && next < c->trail.past)
        return true;
    return c->keyed && takt__ld32_rlx(&shard->last) == c->trail.worker;
}

/* Looks through one division of the stage for vacant shards with events below `end`. */
static void look_through(const struct takt__division *division, int64_t end, struct candidate *c)
{
    int64_t cut = takt__ld64_rlx(&division->cut);
    if (cut < end)
        end = cut;
    uint32_t shards = takt__division_shards(division);
    for (uint32_t i = 0; i < shards; i++) {
        struct takt__shard *shard = &division->shards[i];
        int64_t progress = takt__shard_progress(shard);
        if (progress == TAKT_SEQUENCE_GONE)
            continue;
        uint32_t owner = takt__ld32_rlx(&shard->owner);
        if (owner != TAKT__VACANT) {
            c->choice.held += owner != TAKT__FAILED;
            continue;
        }
        if (progress + 1 >= end || takt__ld32_rlx(&shard->wanted))
            continue;
        bool warm = is_warm(c, shard, progress + 1);
        if (takt__choose_shard(&c->choice, progress, warm, c->leash))
            c->vacant = shard;
    }
}

static void look_at_stage(const struct takt__stage *core, int64_t end, struct candidate *c)
{
    uint32_t current = takt__ld32_rlx(&core->current);
    const struct takt__division *division = &core->division[current];
    bool changing = takt__ld32_rlx(&core->change.settled) == 0;
    if (changing)
        look_through(&core->division[1 - current], end, c);
    if (!core->keyed || takt__ld32_rlx(&division->open))
        look_through(division, end, c);
}

/* Whether the source may run now; if it is only to be left alone for a while, until when. */
static bool source_ready(const takt_pipeline *p, const takt_stage *stage, struct takt__seat *seat)
{
    if (takt__ld32_rlx(&stage->ended) || takt__ld32_rlx(&p->paused) || takt__ld32_rlx(&p->failing))
        return false;
    int64_t until = takt__ld64_rlx(&stage->idle_until);
    if (until == 0 || until <= takt_now())
        return true;
    if (until < seat->look_again)
        seat->look_again = until;
    return false;
}

/* Considers one stage whose input ends at `end` and which has done everything up to `done`. */
static void consider(takt_stage *stage, int64_t end, int64_t done, struct takt__seat *seat,
                     struct offer *offer)
{
    struct takt__stage *core = &stage->core;
    if (takt__cut_pending(core))
        seat->stepped |= takt__cut_step(core);
    int64_t backlog = end - 1 - done;
    enum takt__turn turn = backlog > 0 ? TAKT__MAY_RUN : TAKT__NO_TURN;
    if (core->feed)
        turn = takt__intake_turn(stage, backlog, &seat->look_again);
    else if (core->source && backlog > 0 && !source_ready(stage->pipeline, stage, seat))
        return;
    if (turn == TAKT__NO_TURN)
        return;
    if (backlog <= 0)
        end = done + 2; /* it is run although there is no room */
    struct candidate c = {
        .trail = seat->trail,
        .keyed = core->keyed,
        .leash = takt_ring_capacity(stage->pipeline->ring) / TAKT__LEASH,
    };
    if (c.trail.pipeline != stage->pipeline)
        c.trail.past = c.trail.first;
    look_at_stage(core, end, &c);
    offer->held += c.choice.held;
    if (!c.vacant)
        return;
    int64_t service = takt__ld64_rlx(&core->service_ps);
    double work_ns = (double)backlog * (double)(service ? service : UNKNOWN_PS) * 1e-3;
    if (turn == TAKT__MUST_RUN)
        work_ns = URGENT_NS;
    if (takt__choose_stage(&offer->choice, &c.choice, work_ns, takt__preference(stage),
                           TAKT__STICKINESS)) {
        offer->stage = stage;
        offer->shard = c.vacant;
    }
}

/* Where the stage's input ends, by the sequences read before. */
static int64_t end_of_input(const takt_stage *stage, const int64_t *done, int64_t cursor)
{
    int64_t least = stage->upstream_count ? TAKT_SEQUENCE_GONE : cursor;
    for (uint32_t i = 0; i < stage->upstream_count; i++)
        if (done[stage->upstream[i]] < least)
            least = done[stage->upstream[i]];
    return least + 1;
}

static double number_of(int64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static int64_t bits_of(double number)
{
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* Holds the best of the pipeline's seats against those of the pipelines before. */
static void weigh(takt_pipeline *p, const struct offer *offer, struct takt__seat *seat)
{
    struct takt__account account = {
        .served = number_of(takt__ld64_rlx(&p->served)),
        .weight = p->weight,
        .slice = (double)p->slice_ns,
        .held = offer->held,
        .own = seat->trail.pipeline == p,
    };
    double clock = number_of(takt__ld64_rlx(&p->runtime->clock));
    seat->all_ns += offer->choice.all_ns;
    if (!takt__choose_pipeline(&seat->choice, &account, clock))
        return;
    seat->mine_ns = offer->choice.mine_ns;
    seat->stage = offer->stage;
    seat->shard = offer->shard;
}

static void choose_in(takt_pipeline *p, struct takt__seat *seat)
{
    int64_t done[TAKT_STAGES_MAX];
    struct offer offer = {0};
    /* Last stages first: each sequence read is then at or above those read before it. */
    for (uint32_t i = p->count; i-- > 0;)
        done[i] = takt__stage_done(&p->stages[i]->core);
    int64_t cursor = takt_ring_cursor(p->ring);
    for (uint32_t i = 0; i < p->count; i++) {
        takt_stage *stage = p->stages[i];
        int64_t end = stage->core.source ? takt__stage_available(&stage->core)
                                         : end_of_input(stage, done, cursor);
        consider(stage, end, done[i], seat, &offer);
    }
    if (offer.shard)
        weigh(p, &offer, seat);
    else
        takt__pipeline_settle(p);
}

void takt__seat_choose(takt_runtime *runtime, const struct takt__trail *trail,
                       struct takt__seat *seat)
{
    *seat = (struct takt__seat){.trail = *trail, .look_again = TAKT_FOREVER};
    uint32_t running = 0;
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        takt_pipeline *p = takt__runtime_place(runtime, i);
        if (!p)
            continue;
        choose_in(p, seat);
        running++;
    }
    seat->rivals = running > 1 ? running - 1 : 0;
}

void takt__seat_charge(takt_runtime *runtime, const struct takt__seat *seat, int64_t ns,
                       int64_t expected_ns)
{
    takt_pipeline *p = seat->stage->pipeline;
    int64_t bits;
    double start;
    if (!seat->rivals)
        return;
    int64_t most = CHARGE_MOST * (p->slice_ns + expected_ns);
    double cost = (double)((ns < most ? ns : most) + SEAT_NS) / p->weight;
    do {
        bits = takt__ld64_rlx(&p->served);
        start = number_of(bits) > seat->choice.start ? number_of(bits) : seat->choice.start;
    } while (!takt__cas64(&p->served, bits, bits_of(start + cost)));
    /* Who fails here leaves it to others: the clock is late by a slice. */
    bits = takt__ld64_rlx(&runtime->clock);
    if (number_of(bits) < seat->choice.least)
        takt__cas64(&runtime->clock, bits, bits_of(seat->choice.least));
}
