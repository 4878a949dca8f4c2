/* SPDX-License-Identifier: MIT */
/*
 * Workers that look for work, step the change of a division, and sleep: scheduler/worker.c and
 * seat.c, shard/cut.c, disruptor/park.c. That the change completes, that every event gets through,
 * and that nobody sleeps while there is something to do that nobody else will do. cut.pml has the
 * order of what is done; here the gate is read in one step.
 *
 * Two workers, one producer outside, a stage whose division is changed from FROM shards to TO, and
 * (AFTER) a stage after it that has one shard. EARLY of the EVENTS are published before the start.
 * An application's thread asks for the change (takt_stage_set_shards), steps it once, and goes
 * away, or, with ONE_THREAD, publishes the rest; with TICKS the scheduler's thread steps the change
 * for as long as it is pending. FAILS: a handler may fail, once. ALONE: there is one worker.
 *
 * Memory is sequentially consistent here: the fences and membarrier of the code see to it that each
 * of two threads that meet as in Dekker's algorithm cannot miss the other.
 *
 * A worker that has looked once in vain goes to sleep; the code looks for 20 microseconds before
 * that. A ticket is kept as what it is good for: whether the count has moved since it was taken.
 *
 * When nothing can move any more, or for ever (`finished`, under weak fairness), all must be done.
 * The switches whose names begin with M_ are mutants, each a mistake that must be found.
 */
#include "stage.pml"

#define WORKERS 2

/* The change; `phase` tells its next step. */
mtype = { SETTLED, VISIT, SHAPE, SET_UP, INSTALL, LEAVE, OPEN };
byte target = FROM;
byte settled = FROM; /* 0 while a change is under way */
bool busy;
bool turned_away; /* somebody found it busy */
mtype phase = SETTLED;
bool wanted[SHARDS];
#define PENDING (target != settled)

/* The stage after: its only shard. */
byte after_sequence;
byte after_owner;

/* The lot: [0] is not used, workers are 1 and 2. */
bool ticket_holds[WORKERS + 1];
bool asleep[WORKERS + 1]; /* in the kernel */
byte sleepers;
bool waking;
bool armed; /* the cursor's `sleepers` */

/* What only assertions look at. */
bool asked;
#ifdef COUNT_LATE
byte late[SHARDS]; /* batches begun after the shard was asked for */
#endif

#define LESS(a, b) ((a) < (b) -> (a) : (b))

/* gate.h: takt__gate_least */
inline read_gate(least)
{
    least = LESS(sequence[0], sequence[1]);
    least = LESS(least, LESS(sequence[2], sequence[3]));
    least = LESS(least, LESS(sequence[4], sequence[5]))
}

/* park.c: takt__park_wake_one */
inline wake_one()
{
    if
    :: d_step { !waking -> waking = true };
        d_step { ticket_holds[1] = false; ticket_holds[2] = false };
        if
        :: d_step { asleep[1] -> asleep[1] = false }
        :: d_step { asleep[2] -> asleep[2] = false }
        :: !asleep[1] && !asleep[2]
        fi
    :: waking
    fi
}

/* What mutants change. */
#ifdef M_FAILED_WAITED_FOR
#define HAS_FAILED false
#else
#define HAS_FAILED (owner[OLD_SHARD] == FAILED)
#endif
#ifdef M_CUT_AT_NEXT
#define SHARD_END sequence[OLD_SHARD]
#else
#define SHARD_END processed[OLD_SHARD]
#endif

#ifdef M_TURNED_AWAY_FORGOTTEN
#define TURNED_AWAY false
#else
#define TURNED_AWAY turned_away
#endif

#define ASK(n)   wanted[n] = true
#ifdef COUNT_LATE
#define UNASK(n) wanted[n] = false; late[n] = 0
#else
#define UNASK(n) wanted[n] = false
#endif

/* cut.c: takt__cut_step. Nobody is hurt by what install stores at once: cut.pml. */
inline cut_step()
{
    do
    :: atomic { !busy -> busy = true; turned_away = false; mine = true }; break
    :: atomic { busy && !noted -> turned_away = true; noted = true } /* and tries once more */
    :: busy && noted -> break
    od;
    if
    :: mine ->
        do
        :: phase == SETTLED && target == width[OLD] -> break
        :: d_step { phase == SETTLED && target != width[OLD] ->
                    settled = 0; change_cut = available; cut[OLD] = change_cut; phase = VISIT;
                    stepped = true }
        :: d_step { phase == VISIT && HAS_FAILED ->
                    RAISE_TO(sequence[OLD_SHARD] + 1); visited++; stepped = true;
                    if
                    :: visited == width[OLD] -> phase = SHAPE
                    :: else
                    fi }
        :: d_step { phase == VISIT && owner[OLD_SHARD] == VACANT ->
                    UNASK(OLD_SHARD); RAISE_TO(SHARD_END); visited++; stepped = true;
                    if
                    :: visited == width[OLD] -> phase = SHAPE
                    :: else
                    fi }
        :: atomic { phase == VISIT && !HAS_FAILED && owner[OLD_SHARD] != VACANT ->
                    i = OLD_SHARD };
            d_step { ASK(i); i = 0 };
            break
        :: d_step { phase == SHAPE ->
                    width[NEW] = target; cut[NEW] = NO_CUT; final[NEW] = false;
                    opened[NEW] = false; visited = 0; phase = SET_UP }
        :: d_step { phase == SET_UP && owner[NEW_SHARD] == VACANT ->
                    UNASK(NEW_SHARD);
#if KEYED
                    sequence[NEW_SHARD] = change_cut;
#else
                    first_owned(change_cut, visited, width[NEW], sequence[NEW_SHARD]);
#endif
                    processed[NEW_SHARD] = change_cut; visited++; stepped = true;
                    if
                    :: visited == width[NEW] -> phase = INSTALL
                    :: else
                    fi }
        :: atomic { phase == SET_UP && owner[NEW_SHARD] != VACANT -> i = NEW_SHARD };
            d_step { ASK(i); i = 0; phase = (visited == 0 -> SHAPE : SET_UP) };
            break
        :: d_step { phase == INSTALL -> cut[OLD] = change_cut; final[OLD] = true; current = NEW;
                    visited = 0; phase = LEAVE; stepped = true }
        :: d_step { phase == LEAVE && sequence[GOING_SHARD] == GONE -> visited++; stepped = true;
                    if
                    :: visited == width[NEW] -> phase = OPEN
                    :: else
                    fi }
        :: d_step { phase == LEAVE && sequence[GOING_SHARD] != GONE &&
                    owner[GOING_SHARD] == VACANT && sequence[GOING_SHARD] >= change_cut ->
                    go(GOING_SHARD); visited++; stepped = true;
                    if
                    :: visited == width[NEW] -> phase = OPEN
                    :: else
                    fi }
        :: phase == LEAVE && sequence[GOING_SHARD] != GONE &&
            !(owner[GOING_SHARD] == VACANT && sequence[GOING_SHARD] >= change_cut) -> break
        :: d_step { phase == OPEN -> opened[OLD] = true; stepped = true };
            d_step { settled = width[OLD]; visited = 0; change_cut = 0; phase = SETTLED };
            break
        od;
        busy = false;
        d_step { stepped = (stepped || TURNED_AWAY); turned_away = (busy && turned_away);
                 mine = false; noted = false }
    :: else -> noted = false
    fi
}

/* runtime.c: takt__runtime_step_cut */
inline step_cut()
{
    cut_step();
#ifndef M_STEPPER_WAKES_NOBODY
    if
    :: sleepers > 0 -> wake_one()
    :: sleepers == 0
    fi
#endif
}

/* seat.c: look_through, by what is known of the end of the input. */
#ifdef M_WANTED_TAKEN
#define LEFT_ALONE(n) false
#else
#define LEFT_ALONE(n) wanted[n]
#endif
#define IS_LOOKED_AT(n) ((DIVISION(n) == current || settled == 0) && \
                         (!KEYED || DIVISION(n) != current || opened[DIVISION(n)]))
#define WORTH(n) (owner[n] == VACANT && !LEFT_ALONE(n) && sequence[n] != GONE && \
                  sequence[n] < end && sequence[n] < cut[DIVISION(n)] && IS_LOOKED_AT(n))
#define AFTER_WORTH (AFTER && after_owner == VACANT && after_sequence < least)
#define ANY_WORTH (WORTH(0) || WORTH(1) || WORTH(2) || WORTH(3) || WORTH(4) || WORTH(5))
#define SEAT(n)  :: WORTH(n) -> s = n
#define AFTER_SHARD SHARDS
#define NO_SHARD    NONE

/* seat.c: choose_in. The sequences are read before the change is stepped. */
inline choose(keep)
{
    d_step { read_gate(least); end = available };
    if
    :: PENDING -> cut_step()
    :: !PENDING
    fi;
    if
    :: atomic { least < end && ANY_WORTH ->
                if
                SEAT(0)
                SEAT(1)
                SEAT(2)
                SEAT(3)
                SEAT(4)
                SEAT(5)
                fi }
    :: atomic { AFTER_WORTH -> s = AFTER_SHARD }
    :: atomic { !(least < end && ANY_WORTH) && !AFTER_WORTH -> s = NO_SHARD }
    fi;
    d_step { least = 0; end = 0; stepped = (stepped && keep) }
}

/* Whether a worker that has stepped the change in its last look before it sleeps looks again. */
#ifdef M_LOOKS_ONCE
#define LOOKS_AGAIN false
#else
#define LOOKS_AGAIN stepped
#endif

#ifdef M_WANTED_KEPT
#define ASKED false
#else
#define ASKED wanted[s]
#endif

proctype Worker(byte me)
{
    byte s = NO_SHARD;
    byte end, least, i, e, last, k;
    bool failing, mine, noted;
    bool stepped; /* moved the change, or turned somebody away who wanted to */

look:
    choose(false);
    if
    :: s == AFTER_SHARD -> goto after
    :: s == NO_SHARD -> goto park
    :: else
    fi;

    /* worker.c: work; stage.c: takt__shard_run, find_limit */
    if
    :: atomic { owner[s] == VACANT -> owner[s] = me }
    :: atomic { owner[s] != VACANT -> s = NO_SHARD; goto look }
    fi;
batch:
    atomic {
        if
        :: sequence[s] == GONE -> goto leave
        :: else
        fi;
        if
        :: KEYED && !opened[DIVISION(s)] -> goto leave
        :: else
        fi;
        end = cut[DIVISION(s)];
        if
        :: sequence[s] >= end -> end = 0; goto depart
        :: else
        fi
    }
    /* stage.c: gather, the handler, advance */
    atomic {
        end = LESS(end, available);
        if
        :: sequence[s] >= end -> end = 0; goto depart
        :: else
        fi;
        if
        :: end = sequence[s] + 1
        :: end > sequence[s] + 1
        fi;
#if FAILS
        if
        :: failed == NONE && OWNS(INDEX(s), width[DIVISION(s)], end - 1) -> failing = true
        :: true
        fi;
#endif
        d_step {
#ifdef COUNT_LATE
            late[s] = late[s] + wanted[s];
            assert(late[s] <= WORKERS); /* asked for, it is given up: one batch of each at most */
#endif
            run_batch();
            end = 0
        };
        if
        :: failing -> failing = false; goto fail
        :: else
        fi
    }
depart: /* stage.c: leave_division */
    atomic {
        if
        :: final[DIVISION(s)] && sequence[s] >= cut[DIVISION(s)] -> go(s)
        :: else
        fi
    };
    /* worker.c: run_shard. A slice may be over at any time. */
    if
    :: atomic { !ASKED && sequence[s] < available -> goto batch }
    :: goto leave
    fi;
fail:
    atomic { owner[s] = FAILED; s = NO_SHARD; goto look };
leave:
    atomic { owner[s] = VACANT; s = NO_SHARD; goto look };

after: /* the same for the stage that comes after */
    if
    :: atomic { after_owner == VACANT ->
                after_owner = me; read_gate(least); after_sequence = least; least = 0 }
    :: atomic { after_owner != VACANT -> s = NO_SHARD; goto look }
    fi;
    atomic { after_owner = VACANT; s = NO_SHARD; goto look };

park: /* worker.c: sleep_on_it; park.c: takt__park_prepare */
#ifndef M_TICKET_LATE
    ticket_holds[me] = true;
#endif
#ifndef M_WAKING_KEPT
    waking = false;
#endif
    sleepers++;
#if EARLY < EVENTS && !defined(M_NOT_ARMED)
    armed = true;
#endif
#ifndef M_NO_SECOND_LOOK
    choose(true);
    if
    :: s == NO_SHARD && !LOOKS_AGAIN
    :: atomic { s != NO_SHARD || LOOKS_AGAIN ->
                s = NO_SHARD; sleepers--; ticket_holds[me] = false; goto look }
    fi;
#endif
#ifdef M_TICKET_LATE
    ticket_holds[me] = true;
#endif
    /* park.c: takt__park_sleep */
    do
    :: atomic { ticket_holds[me] -> asleep[me] = true };
end_asleep:
        !asleep[me]
    :: !ticket_holds[me] -> break
    od;
    sleepers--;
    waking = false;
#if EARLY < EVENTS
    if
    :: sleepers > 0 -> armed = true
    :: sleepers == 0
    fi;
#endif
    goto look
}

#ifdef AT_ONCE
#define PUBLISHED EVENTS
#else
#define PUBLISHED (available + 1)
#endif

/* takt/ring.h: takt_ring_publish; ring.c: takt__ring_wake */
inline publish()
{
    do
    :: available < EVENTS ->
        available = PUBLISHED;
#ifndef M_PUBLISH_WAKES_NOBODY
        if
        :: d_step { armed -> armed = false }; wake_one()
        :: !armed
        fi
#endif
    :: available == EVENTS -> break
    od
}

proctype Producer()
{
    publish()
}

/* life.c: takt_stage_set_shards; scheduler.c: tick */
proctype Asker()
{
    byte i;
    bool stepped, mine, noted;
    atomic { target = TO; asked = true };
    step_cut();
    stepped = false;
#ifdef ONE_THREAD
    publish();
#endif
#ifdef TICKS
    do
    :: PENDING -> step_cut(); stepped = false
    :: settled == TO -> break
    od
#endif
}

#define ARRIVED (failed == NONE && ALL_DONE(EVENTS) && (!AFTER || after_sequence == EVENTS) && \
                 settled == TO)
#define UP_TO_FAILURE (failed != NONE && ALL_DONE(failed) && (!AFTER || after_sequence == failed))
#define FINISHED (available == EVENTS && asked && (ARRIVED || UP_TO_FAILURE))

init
{
    byte i;
    atomic {
        begin_stage(i);
#ifndef ALONE
        run Worker(1);
#endif
        run Worker(2);
        available = EARLY;
#if EARLY < EVENTS && !defined(ONE_THREAD)
        run Producer();
#endif
        run Asker()
    }
#ifndef LIVE
    timeout;
    assert(FINISHED)
#endif
}

#ifdef LIVE
ltl finished { <> FINISHED }
#endif
