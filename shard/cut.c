/* SPDX-License-Identifier: MIT */
/* The cut, as a machine of four states: the protocol and why it is right are told in cut.h. */
#include <takt/clock.h>

#include "shard/cut.h"

enum phase { SETTLED, VISIT, INSTALL, LEAVE };

static struct takt__division *current(struct takt__stage *stage)
{
    return &stage->division[stage->current];
}

static struct takt__division *other(struct takt__stage *stage)
{
    return &stage->division[1 - stage->current];
}

/* Becomes the owner of a shard, or asks its owner for it. */
static bool visit(struct takt__shard *shard)
{
    if (takt__shard_take(shard, TAKT__CHANGER)) {
        takt__st32_rlx(&shard->wanted, 0);
        return true;
    }
    takt__st32_rlx(&shard->wanted, 1);
    return false;
}

static enum phase begin(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = current(stage);
    if (takt__ld32_rlx(&change->target) == old->blocks.shards)
        return SETTLED;
    takt__st32_rlx(&change->settled, 0);
    change->visited = 0;
    change->cut = takt__stage_available(stage);
    takt__st64_rlx(&old->cut, change->cut); /* seen through the visits' [pairs: owner] */
    return VISIT;
}

static enum phase visit_all(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = current(stage);
    while (change->visited < old->blocks.shards) {
        struct takt__shard *shard = &old->shards[change->visited];
        int64_t end;
        if (takt__ld32_acq(&shard->owner) == TAKT__FAILED) { /* acquire [pairs: owner] */
            end = shard->next + 1;
        } else if (visit(shard)) {
            end = shard->processed;
            takt__shard_leave(shard);
        } else {
            return VISIT;
        }
        if (end > change->cut)
            change->cut = end;
        change->visited++;
    }
    change->visited = 0;
    return INSTALL;
}

/* Sets up one new shard at the cut; false if a worker is still looking at its old shell. */
static bool set_up(const struct takt__stage *stage, struct takt__division *division, uint32_t index)
{
    struct takt__shard *shard = &division->shards[index];
    if (!visit(shard))
        return false;
    int64_t cut = stage->change.cut;
    shard->next = stage->keyed ? cut : takt__blocks_first(&division->blocks, index, cut);
    shard->processed = cut;
    takt_sequence_set(&shard->sequence, shard->next - 1);
    takt__shard_leave(shard);
    return true;
}

static void note_width(struct takt__change *change, uint32_t before, uint32_t now)
{
    int64_t at = takt_now();
    int64_t sum = change->width_sum + before * (at - change->since_ns);
    takt__st64_rlx(&change->width_sum, sum);
    takt__st64_rlx(&change->since_ns, at);
    if (now < change->least)
        takt__st32_rlx(&change->least, now);
    if (now > change->most)
        takt__st32_rlx(&change->most, now);
}

static enum phase install(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = current(stage);
    struct takt__division *new = other(stage);
    if (change->visited == 0) {
        /* No shard of this division exists: its shape may change. */
        takt__st32_rlx(&new->blocks.shards, takt__ld32_rlx(&change->target));
        takt__st64_rlx(&new->cut, TAKT__NO_CUT);
        takt__st32_rlx(&new->final, 0);
        takt__st32_rlx(&new->open, 0);
    }
    uint32_t shards = new->blocks.shards;
    for (; change->visited < shards; change->visited++)
        if (!set_up(stage, new, change->visited))
            return INSTALL;
    uint32_t most = shards > old->blocks.shards ? shards : old->blocks.shards;
    takt__gate_cover(&stage->gate, 2 * most);
    takt__gate_raise(&stage->gate); /* the new shards count from here on */
    takt__st64_rlx(&old->cut, change->cut);
    takt__st32_rel(&old->final, 1); /* release [pairs: cut-final] */
    note_width(change, old->blocks.shards, shards);
    takt__st32_rel(&stage->current, 1 - stage->current); /* release [pairs: current] */
    return LEAVE;
}

/* Whether the old shard has left; makes it leave if it is vacant and has nothing to do. */
static bool has_left(struct takt__shard *shard, int64_t cut)
{
    /* acquire [pairs: sequence]: what the shard's owner did comes before the division opens */
    if (takt__ld64_acq(&shard->sequence.value) == TAKT_SEQUENCE_GONE)
        return true;
    if (!takt__shard_take(shard, TAKT__CHANGER))
        return false;
    bool gone = takt__shard_gone(shard) || shard->next >= cut;
    if (gone)
        takt_sequence_set(&shard->sequence, TAKT_SEQUENCE_GONE);
    takt__shard_leave(shard);
    return gone;
}

static enum phase leave(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = other(stage);
    struct takt__division *new = current(stage);
    for (uint32_t i = 0; i < old->blocks.shards; i++)
        if (!has_left(&old->shards[i], change->cut))
            return LEAVE;
    takt__st32_rel(&new->open, 1); /* release [pairs: division-open] */
    takt__gate_cover(&stage->gate, 2 * new->blocks.shards);
    takt__st64_rlx(&change->redivisions, change->redivisions + 1);
    takt__st32_rlx(&change->settled, new->blocks.shards);
    return SETTLED;
}

/* Keeps when a change began and ended, for who looks on. */
static void note_change(struct takt__stage *stage)
{
    int64_t number = stage->cuts_noted;
    struct takt__cut_note *note = &stage->cuts[number % TAKT__CUTS_KEPT];
    takt__st64_rel(&note->began_ns, stage->cut_began_ns); /* release [pairs: cut-note] */
    takt__st64_rel(&note->ended_ns, takt_now());
    takt__st64_rel(&note->widths,
                   (int64_t)stage->cut_from << 16 | takt__ld32_rlx(&stage->change.settled));
    takt__st64_rel(&stage->cuts_noted, number + 1); /* release [pairs: cut-note] */
}

void takt__cut_step(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    if (takt__ld32_rlx(&change->busy) || !takt__cas32(&change->busy, 0, 1))
        return; /* acquire [pairs: changer] */
    int64_t complete = change->redivisions;
    enum phase phase = (enum phase)change->phase;
    if (phase == SETTLED) {
        stage->cut_began_ns = takt_now();
        stage->cut_from = current(stage)->blocks.shards;
        phase = begin(stage);
    }
    if (phase == VISIT)
        phase = visit_all(stage);
    if (phase == INSTALL)
        phase = install(stage);
    if (phase == LEAVE)
        phase = leave(stage);
    change->phase = phase;
    if (change->redivisions != complete)
        note_change(stage);
    takt__st32_rel(&change->busy, 0); /* release [pairs: changer] */
}

double takt__cut_mean_width(const struct takt__stage *stage)
{
    const struct takt__change *change = &stage->change;
    int64_t now = takt_now();
    int64_t since = takt__ld64_rlx(&change->since_ns);
    uint32_t current = takt__ld32_acq(&stage->current); /* acquire [pairs: current] */
    double shards = takt__division_shards(&stage->division[current]);
    double sum = (double)takt__ld64_rlx(&change->width_sum) + shards * (double)(now - since);
    return now > change->began_ns ? sum / (double)(now - change->began_ns) : shards;
}
