/* SPDX-License-Identifier: MIT */
/*
 * The cut and the ownership of shards, as shard/cut.c, shard/stage.c and disruptor/gate.h do them:
 * that nothing is lost, done twice, or seen out of order. park.pml has what is left to ask: that
 * the change completes and that nobody sleeps while there is work.
 *
 * One stage with one producer before it. Two workers run its shards; the division is changed from
 * FROM shards to TO, and, with BACK, to FROM again, asked for at any time. The change is stepped by
 * one thread. Which thread it is does not matter here: one at a time has `busy`, and a worker that
 * steps the change owns no shard meanwhile. A reader looks at the stage's gate at any moment: it
 * stands for every stage, changer or producer downstream, none of which keeps anything from one
 * look to the next. With FAILS a handler may fail, once; with RING the producer waits for room.
 *
 * What is one step here, and why it may be (docs/verification.md has the table of steps):
 *
 *   - To take a shard and the first look at what is shared are one step, and so are the last such
 *     look and giving the shard up: in between others can only find it taken, and turn elsewhere.
 *   - What belongs to the process (it owns the shard; it is the changer; the division is empty)
 *     goes with the step before it.
 *   - What is available only grows, and a batch may be of any length; so reading it when the batch
 *     is done and ending the batch anywhere below is as good as reading it earlier.
 *   - A worker that finds nothing to do changes nothing; it is not seen here to take the shard.
 *     One that holds a shard for several batches does what one does that takes it again at once.
 *     A worker's choice is made by hints that may be old: it may be any shard.
 *   - The reader gives up a look that the version has spoilt as soon as it is spoilt (so it may
 *     read the version and what the gate covers at once), and one that cannot end badly any more
 *     because everything up to the least it has seen is done.
 *
 * The switches whose names begin with M_ are mutants, each a mistake that must be found.
 */
#include "stage.pml"

#define MOST (FROM > TO -> FROM : TO)

/* The gate. */
byte used;
byte version;

/* The change; `phase` tells its next step. */
mtype = { SETTLED, TELL, VISIT, SET_UP, COVER, RAISE, CUT, FINAL, LEAVE, OPEN, UNCOVER };
byte target = TO;
mtype phase = SETTLED;

/* What mutants change. */
#ifdef M_NOT_OWNED
#define MAY_VISIT (owner[OLD_SHARD] != FAILED)
#else
#define MAY_VISIT (owner[OLD_SHARD] == VACANT)
#endif
#ifdef M_FAILED_HANDED_ON
#define FAILED_END sequence[OLD_SHARD]
#else
#define FAILED_END (sequence[OLD_SHARD] + 1)
#endif
#ifdef M_CUT_NOT_RAISED
#define SHARD_END 0
#else
#define SHARD_END processed[OLD_SHARD]
#endif
#ifdef M_OPEN_AT_ONCE
#define OPEN_AT_FIRST true
#else
#define OPEN_AT_FIRST false
#endif
#ifdef M_LEFT_UNDONE
#define MAY_LEAVE (owner[GOING_SHARD] == VACANT)
#else
#define MAY_LEAVE (owner[GOING_SHARD] == VACANT && sequence[GOING_SHARD] >= change_cut)
#endif
#ifdef M_NO_VERSION
#define SPOILT false
#else
#define SPOILT (version != before)
#endif
#define TO_SET_UP    width[NEW]
#define AFTER_SET_UP COVER
#define AFTER_COVER  RAISE
#define AFTER_RAISE  CUT
#define AFTER_FINAL  LEAVE
#ifdef M_COUNTED_LATE /* the last of the new shards, after the cut is final */
#undef TO_SET_UP
#undef AFTER_SET_UP
#undef AFTER_FINAL
#define TO_SET_UP    (final[OLD] -> width[NEW] : width[NEW] - 1)
#define AFTER_SET_UP (final[OLD] -> LEAVE : COVER)
#define AFTER_FINAL  SET_UP
#endif
#ifdef M_COVERED_LATE
#undef AFTER_SET_UP
#undef AFTER_COVER
#undef AFTER_RAISE
#define AFTER_SET_UP RAISE
#define AFTER_COVER  CUT
#define AFTER_RAISE  COVER
#endif
#ifdef M_RAISED_LATE
#undef AFTER_COVER
#undef AFTER_RAISE
#undef AFTER_FINAL
#define AFTER_COVER CUT
#define AFTER_RAISE LEAVE
#define AFTER_FINAL RAISE
#endif

/* cut.c: what install does first. Nothing of the division exists: nobody looks at it. */
inline shape()
{
    assert(sequence[NEW] == GONE && sequence[NEW + 2] == GONE && sequence[NEW + 4] == GONE);
    width[NEW] = target;
    cut[NEW] = NO_CUT;
    final[NEW] = false;
    opened[NEW] = OPEN_AT_FIRST;
    visited = 0;
    phase = SET_UP
}

/* The step that turns the division does so once all that comes before is over. */
inline go_on(following)
{
    phase = following;
    if
    :: phase == LEAVE -> current = NEW; visited = 0
    :: else
    fi
}

/* cut.c: takt__cut_step, as often as it takes; it waits where the code tries again later. */
inline change_division()
{
end_blocked:
    do
    /* begin */
    :: d_step { phase == SETTLED -> change_cut = available; phase = TELL }
    :: d_step { phase == SETTLED -> change_cut = 0; phase = TELL } /* the code's lies between */
    :: d_step { phase == TELL -> cut[OLD] = change_cut; phase = VISIT }
    /* visit_all */
    :: d_step { phase == VISIT && owner[OLD_SHARD] == FAILED -> RAISE_TO(FAILED_END); visited++;
                if
                :: visited == width[OLD] -> shape()
                :: else
                fi }
    :: d_step { phase == VISIT && MAY_VISIT -> RAISE_TO(SHARD_END); visited++;
                if
                :: visited == width[OLD] -> shape()
                :: else
                fi }
    /* install */
    :: d_step { phase == SET_UP && owner[NEW_SHARD] == VACANT ->
#if KEYED
                sequence[NEW_SHARD] = change_cut;
#else
                first_owned(change_cut, visited, width[NEW], sequence[NEW_SHARD]);
#endif
                processed[NEW_SHARD] = change_cut;
                visited++;
                if
                :: visited == TO_SET_UP -> go_on(AFTER_SET_UP)
                :: else
                fi }
    :: d_step { phase == COVER -> used = 2 * (width[0] > width[1] -> width[0] : width[1]);
                go_on(AFTER_COVER) }
    :: d_step { phase == RAISE -> version++; go_on(AFTER_RAISE) }
    :: d_step { phase == CUT -> cut[OLD] = change_cut; phase = FINAL }
    :: d_step { phase == FINAL -> final[OLD] = true; go_on(AFTER_FINAL) }
    /* leave */
    :: d_step { phase == LEAVE && visited < width[NEW] && sequence[GOING_SHARD] == GONE ->
                visited++ }
    :: d_step { phase == LEAVE && visited < width[NEW] && sequence[GOING_SHARD] != GONE &&
                MAY_LEAVE -> go(GOING_SHARD); visited++ }
    :: d_step { phase == LEAVE && visited == width[NEW] -> opened[OLD] = true; phase = UNCOVER }
    :: d_step { phase == UNCOVER -> used = 2 * width[OLD]; visited = 0; change_cut = 0;
                phase = SETTLED };
        break
    od
}

proctype Stepper()
{
end_tick:
    do
    :: width[OLD] != target -> change_division()
    od
}

/* Asks for the way back, whenever it likes. */
proctype Asker()
{
    target = FROM
}

#ifdef RING
#define HAS_LEFT(s) (sequence[s] + RING > available)
#define ROOM (HAS_LEFT(0) && HAS_LEFT(1) && HAS_LEFT(2) && HAS_LEFT(3) && HAS_LEFT(4) && \
              HAS_LEFT(5))
#define OVERWRITES_NOTHING (available < RING || IS_DONE(available - RING))
#else
#define ROOM true
#define OVERWRITES_NOTHING true
#endif

proctype Producer()
{
end_room:
    do
    :: d_step { available < EVENTS && ROOM -> assert(OVERWRITES_NOTHING); available++ }
    :: available == EVENTS -> break
    od
}

#define CHOOSE(n) \
    :: atomic { n < 2 * MOST && owner[n] == VACANT && sequence[n] != GONE && \
                (!KEYED || opened[DIVISION(n)]) -> owner[n] = me; s = n }

proctype Worker(byte me)
{
    byte s; /* the shard that it owns */
    byte end, e, last, k;
    bool failing;

end_look: /* worker.c: work; stage.c: takt__shard_run, find_limit */
    atomic {
        if
        CHOOSE(0)
        CHOOSE(1)
        CHOOSE(2)
        CHOOSE(3)
        CHOOSE(4)
        CHOOSE(5)
        fi;
        end = cut[DIVISION(s)];
        if
        :: sequence[s] >= end -> end = 0; goto depart
        :: else
        fi
    }
end_wait: /* stage.c: gather, the handler, advance */
    atomic {
        sequence[s] < available;
        if
        :: end > available -> end = available
        :: else
        fi;
        do
        :: end > sequence[s] + 1 -> end--
        :: break
        od;
#if FAILS
        if
        :: failed == NONE && OWNS(INDEX(s), width[DIVISION(s)], end - 1) -> failing = true
        :: true
        fi;
#endif
        assert(owner[s] == me); /* one owner at a time */
        d_step { run_batch(); end = 0 };
        if
        :: failing -> owner[s] = FAILED; failing = false; s = 0; goto end_look
        :: else
        fi
    }
depart: /* stage.c: leave_division; worker.c: work */
#ifdef M_FINAL_AFTER_CUT
    end = cut[DIVISION(s)];
#endif
    atomic {
#ifndef M_FINAL_AFTER_CUT
        end = cut[DIVISION(s)];
#endif
        if
#ifdef M_TENTATIVE
        :: sequence[s] >= end -> go(s)
#else
        :: final[DIVISION(s)] && sequence[s] >= end -> go(s)
#endif
        :: else
        fi;
        assert(owner[s] == me);
        owner[s] = VACANT;
        end = 0;
        s = 0;
        goto end_look
    }
}

/* gate.h: takt__gate_least */
proctype Reader()
{
    byte before, covered, i, least;

end_look:
    atomic { before = version; covered = used; least = GONE };
    do
    :: atomic { i < covered ->
                least = (sequence[i] < least -> sequence[i] : least);
                i++;
                if
                :: ALL_DONE(least) || SPOILT -> goto looked
                :: else
                fi }
    :: atomic { i == covered ->
                if
                :: SPOILT
                :: else -> assert(ALL_DONE(least)) /* nothing is seen before it is done */
                fi;
                goto looked }
    od;
looked:
    atomic { before = 0; covered = 0; i = 0; least = 0; goto end_look }
}

init
{
    atomic {
        byte i;
        begin_stage(i);
        used = 2 * FROM;
        run Worker(1);
        run Worker(2);
        run Stepper();
        run Reader();
        run Producer();
#ifdef BACK
        run Asker();
#endif
    }
}
