/* SPDX-License-Identifier: MIT */
/* The cut, as a machine of four states: the protocol and why it is right are told in cut.h. */
#include <takt/clock.h>

#include "disruptor/backoff.h"
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

/* Becomes the one who may look at the code that is wanted. Never waits. */
static bool try_to_ask(struct takt__change *change)
{
    return !takt__ld32_rlx(&change->asking) &&
           takt__cas32(&change->asking, 0, 1); /* acquire [pairs: asking] */
}

static void end_asking(struct takt__change *change)
{
    takt__st32_rel(&change->asking, 0); /* release [pairs: asking] */
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

/* Takes the code that is wanted, if another is. False while somebody is asking for one. */
static bool take_next(struct takt__change *change, struct takt__code *code)
{
    if (!try_to_ask(change))
        return false;
    change->taken = takt__ld32_rlx(&change->asked);
    change->replacing = change->has_next;
    if (change->has_next)
        *code = change->next;
    change->has_next = false;
    end_asking(change);
    return true;
}

static void retire(const struct takt__code *code, int64_t end)
{
    if (code->on_retired)
        code->on_retired(code->context, end);
}

/* Lets the code that goes on have what the one before has left. */
static void hand_over(const struct takt__code *code, const takt_handover *handover)
{
    if (code->on_handover)
        code->on_handover(code->context, handover);
}

/* Says that the change is over; who sees that sees all that was done before it. */
static enum phase settle(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    uint32_t shards = current(stage)->blocks.shards;
    takt__st64_rlx(&change->redivisions, change->redivisions + 1);
    takt__st32_rel(&change->answered, change->taken); /* release [pairs: settled] */
    takt__st32_rel(&change->settled, shards);         /* release [pairs: settled] */
    return SETTLED;
}

/*
 * A source has one shard, which stays: it moves the ring's cursor. Whoever owns the shard may give
 * it other code, since nobody is in the handler then.
 */
static enum phase swap_source(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *division = current(stage);
    struct takt__shard *shard = &division->shards[0];
    struct takt__code before = division->code;
    if (!visit(shard))
        return SETTLED;
    if (!take_next(change, &division->code)) {
        takt__shard_leave(shard);
        return SETTLED;
    }
    change->cut = shard->next;
    takt__st64_rlx(&change->from, change->cut);
    hand_over(&division->code, &(takt_handover){change->cut, 1, 1, before.context});
    takt__shard_leave(shard);
    retire(&before, change->cut);
    return settle(stage);
}

/*
 * One past what the foremost shard of a division shows: about where the visits will find it. No
 * event from there on that waits already is left to the old division.
 */
static int64_t foremost(const struct takt__division *division)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < division->blocks.shards; i++) {
        int64_t next = takt__shard_progress(&division->shards[i]) + 1;
        most = next > most ? next : most;
    }
    return most;
}

static enum phase begin(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = current(stage);
    if (takt__ld32_rlx(&change->target) == old->blocks.shards &&
        takt__ld32_rlx(&change->asked) == change->answered)
        return SETTLED;
    if (stage->source)
        return swap_source(stage);
    takt__st32_rlx(&change->settled, 0);
    change->visited = 0;
    change->shaped = false;
    int64_t near = foremost(old), available = takt__stage_available(stage);
    change->cut = near < available ? near : available;
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
    if (stage->change.replacing)
        shard->recent_events = shard->recent_ns = 0;         /* of other code */
    takt__st64_rlx(&shard->sequence.value, shard->next - 1); /* counts with the gate's version */
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

/*
 * Gives the new division its width and its code: no shard of it exists. An ordered one is closed:
 * it ends where it begins, so that nobody looks for work in it. False if it must wait.
 */
static bool shape(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *new = other(stage);
    new->code = current(stage)->code;
    if (!take_next(change, &new->code))
        return false;
    takt__st32_rlx(&new->blocks.shards, takt__ld32_rlx(&change->target));
    takt__st64_rlx(&new->cut, stage->ordered ? change->cut : TAKT__NO_CUT);
    takt__st32_rlx(&new->final, 0);
    takt__st32_rlx(&new->open, 0);
    if (change->replacing)
        takt__st64_rlx(&stage->service_ps, 0);
    return true;
}

static enum phase install(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    struct takt__division *old = current(stage);
    struct takt__division *new = other(stage);
    if (!change->shaped && !shape(stage))
        return INSTALL;
    change->shaped = true;
    uint32_t shards = new->blocks.shards;
    for (; change->visited < shards; change->visited++)
        if (!set_up(stage, new, change->visited))
            return INSTALL;
    uint32_t most = shards > old->blocks.shards ? shards : old->blocks.shards;
    takt__gate_cover(&stage->gate, 2 * most);
    takt__gate_raise(&stage->gate);                 /* the new shards count from here on */
    note_width(change, old->blocks.shards, shards); /* in the figures before it shows */
    takt__st64_rlx(&old->cut, change->cut);
    takt__st32_rel(&old->final, 1); /* release [pairs: cut-final] */
    takt__st64_rlx(&change->from, change->cut);
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
    hand_over(&new->code, &(takt_handover){change->cut, old->blocks.shards, new->blocks.shards,
                                           old->code.context});
    takt__st64_rlx(&new->cut, TAKT__NO_CUT);
    takt__st32_rel(&new->open, 1); /* release [pairs: division-open] */
    takt__gate_cover(&stage->gate, 2 * new->blocks.shards);
    if (change->replacing)
        retire(&old->code, change->cut);
    return settle(stage);
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

bool takt__cut_step(struct takt__stage *stage)
{
    struct takt__change *change = &stage->change;
    if (takt__ld32_rlx(&change->busy) || !takt__cas32(&change->busy, 0, 1))
        return false; /* acquire [pairs: changer] */
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
    return true;
}

void takt__cut_replace(struct takt__stage *stage, const struct takt__code *code)
{
    struct takt__change *change = &stage->change;
    struct takt__backoff backoff = {0};
    while (!try_to_ask(change))
        takt__backoff_wait(&backoff, TAKT_FOREVER);
    struct takt__code never = change->next;
    bool superseded = change->has_next;
    change->next = *code;
    change->has_next = true;
    takt__st32_rlx(&change->asked, change->asked + 1);
    end_asking(change);
    if (superseded)
        retire(&never, TAKT_SEQUENCE_INITIAL);
}

bool takt__cut_settled(const struct takt__stage *stage)
{
    const struct takt__change *change = &stage->change;
    uint32_t asked = takt__ld32_rlx(&change->asked);
    return takt__ld32_acq(&change->answered) == asked && /* acquire [pairs: settled] */
           takt__ld32_acq(&change->settled) == takt__ld32_rlx(&change->target);
}

void takt__cut_retire(struct takt__stage *stage)
{
    const struct takt__change *change = &stage->change;
    if (change->has_next)
        retire(&change->next, TAKT_SEQUENCE_INITIAL);
    if (change->replacing && change->shaped && change->phase == INSTALL)
        retire(&other(stage)->code, TAKT_SEQUENCE_INITIAL);
    if (change->replacing && change->phase == LEAVE)
        retire(&other(stage)->code, change->cut);
    retire(&current(stage)->code, TAKT_SEQUENCE_GONE);
}

double takt__cut_mean_width(const struct takt__stage *stage)
{
    const struct takt__change *change = &stage->change;
    int64_t now = takt_now();
    int64_t since = takt__ld64_rlx(&change->since_ns);
    uint32_t current = takt__ld32_rlx(&stage->current);
    double shards = takt__division_shards(&stage->division[current]);
    double sum = (double)takt__ld64_rlx(&change->width_sum) + shards * (double)(now - since);
    return now > change->began_ns ? sum / (double)(now - change->began_ns) : shards;
}
