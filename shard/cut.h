/* SPDX-License-Identifier: MIT */
/*
 * The cut: changing the number of shards of a stage while events flow, so that nothing is lost,
 * done twice, or seen out of order downstream.
 *
 * The old division handles the sequences below a cut C, the new one those from C on. The changer
 * (whoever holds `change.busy`; the work is done in steps that never wait) proceeds so:
 *
 *   begin    Stores a tentative cut T: one past what the foremost old shard shows, but nothing
 *            that is not available yet. The nearer the cut, the sooner the change helps: with T =
 *            all that is available the old shards would first have to work off the backlog for
 *            whose sake they are to become more.
 *   visit    Becomes the owner of each old shard in turn, reads how far it has processed, and
 *            gives it up. Who owns the shard from then on has seen T, by the hand-over of
 *            ownership, and stops below it. A shard that is owned is asked for (`wanted`) and
 *            tried again later.
 *   install  C = the highest of T and of what any old shard has processed already. C is at or
 *            above T, so raising the cut from T to C is harmless: waiting at T was merely early.
 *            Every event below C is available, so the old shards will get there. Each new shard
 *            is set up at its first sequence from C on. Then the gate's version is raised: the new
 *            shards count. Only then is the cut declared final, and an old shard may leave.
 *   leave    An old shard that owns nothing below C any more leaves: its owner does it, or the
 *            changer does where it is vacant. When all have left the change is done.
 *
 * Exactly once: below C nobody but an old shard handles an event, since the new ones start at C;
 * from C on no old one does, since C is above all that had been processed and every owner after the
 * visit stops below the cut. In order downstream: the stage's progress is the least of all its
 * shards, and gate.h tells why it can be read while shards come and go; the old shards hold it
 * below C until the last event before C is done (the owner of sequence C-1, say, cannot pass it),
 * the new ones hold it from C on.
 *
 * C is not the old shards' next *own* sequence: that may lie in a block that upstream has not
 * published, and the change would wait for events that may never come.
 *
 * A shard whose handler has failed stays where it is for ever, and so does the change. But every
 * event before the failed one must still be done, so the other old shards must not be left waiting
 * at a tentative cut: the failed shard counts as visited, with a cut beyond its failed event, which
 * is thus never handed to anybody else.
 *
 * In an ordered stage (a keyed one, a serial one, one that asks for it) the new shards start only
 * when every old one has left (`open`), so that a key's events stay in order, and the state that
 * the handler keeps for a key passes from its old owner to its new one by one happens-before edge:
 * old owner leaves (release) -> changer sees all gone (acquire), opens (release) -> new owner sees
 * it open (acquire). Between the two lies the hand-over: the changer calls on_handover, once, since
 * it is the changer, and all that the old owners did is before it and all that the new ones do
 * after. A closed division's cut is where it begins, so workers that look for shards with something
 * to do find none in it. Raising that cut at the opening is harmless, as raising a cut always is.
 *
 * Replacing a stage's code is the same change, with the old width or with another: at `install` the
 * new division gets the code that is wanted then, and an old shard calls the old one to its end, so
 * that C divides the codes as it divides the shards. When all old shards have left, nobody calls
 * the old code again, and its on_retired says so. A request is stored under `asking`, a lock that
 * is held for a few instructions; the changer does not wait for it but tries again at its next
 * step.
 */
#ifndef TAKT_SHARD_CUT_H
#define TAKT_SHARD_CUT_H

#include "shard/stage.h"

/* Whether the stage's division is to be changed, or is being changed: a hint, cheap. */
static inline bool takt__cut_pending(const struct takt__stage *stage)
{
    const struct takt__change *change = &stage->change;
    return takt__ld32_rlx(&change->target) != takt__ld32_rlx(&change->settled) ||
           takt__ld32_rlx(&change->asked) != takt__ld32_rlx(&change->answered);
}

/* Asks for a number of shards: the changer will see to it. Any thread. */
static inline void takt__cut_request(struct takt__stage *stage, uint32_t shards)
{
    takt__st32_rlx(&stage->change.target, shards);
}

/* Asks for other code, likewise. Retires what was asked for before and has not been begun. */
void takt__cut_replace(struct takt__stage *stage, const struct takt__code *code);

/* Whether nothing is asked for or under way; what the changes did is visible then. Any thread. */
bool takt__cut_settled(const struct takt__stage *stage);

/* Retires all the code of a stage that nobody runs any more. */
void takt__cut_retire(struct takt__stage *stage);

/* Begins a change, or takes one as far as it goes now. Never waits. Any thread. */
void takt__cut_step(struct takt__stage *stage);

/* The mean number of shards since the start, as of now. */
double takt__cut_mean_width(const struct takt__stage *stage);

#endif
