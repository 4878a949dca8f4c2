/* SPDX-License-Identifier: MIT */
/*
 * A stage and its shards (shard/stage.h, blocks.h, keys.h), and what running a batch does. The
 * checks that stand here hold wherever a batch is run: each event is handled once, and in a keyed
 * stage after those before it that have its key.
 *
 * A sequence is written down as one past its value, so that 0 says "nothing yet". Shard i of
 * division d has the number 2 * i + d, its place in the gate.
 */
#ifndef BLOCK
#define BLOCK 1
#endif
#ifndef KEYS /* the key of event e is bit e: 0, 1, 1, 0, 1, 0, 0, 1 */
#define KEYS 150
#endif

#define SHARDS 6
#define GONE   31
#define NO_CUT 30
#define NONE   31

/* Owners; others are workers. */
#define VACANT 0
#define FAILED 9

#define DIVISION(s) ((s) & 1)
#define INDEX(s)    ((s) >> 1)
#define KEY(e)      ((KEYS >> (e)) & 1)
/* Two keys, whose shards are others after the change: of two shards 0 and 1, of three 1 and 2. */
#define KEY_SHARD(k, n) ((n) == 1 -> 0 : ((n) == 2 -> (k) : 1 + (k)))
#if KEYED
#define OWNS(i, n, e) (KEY_SHARD(KEY(e), n) == (i))
#else
#define OWNS(i, n, e) (((e) / BLOCK) % (n) == (i))
#endif

#define IS_DONE(e) ((done >> (e)) & 1)
#define BELOW(e)   ((1 << (e)) - 1)
/* Whether all events below n are done; nothing is done beyond the last one. */
#define ALL_DONE(n) ((n) <= EVENTS && (done & BELOW(n)) == BELOW(n))

/* The shards. `sequence` is `next` too: the two are the same unless the shard is gone. */
byte sequence[SHARDS] = GONE;
byte processed[SHARDS];
byte owner[SHARDS];

/* The divisions. */
byte width[2];
byte cut[2] = NO_CUT;
bool final[2];
bool opened[2];
bit current;
#define OLD current
#define NEW (1 - current)

/* The shards that the change has come to. Once the current division has turned, NEW is the old. */
byte visited;
byte change_cut;
#define OLD_SHARD   (2 * visited + OLD)
#define NEW_SHARD   (2 * visited + NEW)
#define GOING_SHARD NEW_SHARD
#define RAISE_TO(end) change_cut = (end > change_cut -> end : change_cut)

byte available; /* one past what upstream has published */

/* What only assertions look at. */
byte done;          /* a bit for each event */
byte failed = NONE; /* the event at which the handler failed */

/* The first sequence from `from` on that belongs to shard i of n. */
inline first_owned(from, i, n, result)
{
    result = from;
    do
    :: (result / BLOCK) % n == i -> break
    :: else -> result++
    od
}

/* The handler gets the event e. */
inline handle(e)
{
    assert(!IS_DONE(e)); /* exactly once */
    assert(e != failed); /* and never again where it failed */
#if KEYED
    do
    :: k < e -> assert(KEY(k) != KEY(e) || IS_DONE(k)); k++ /* in the order of its key */
    :: else -> k = 0; break
    od;
#endif
    done = done | (1 << e)
}

/* All events of the shard below `end` are handled, but for the last one if it is `failing`. */
inline run_batch()
{
    e = sequence[s];
    last = e;
    do
    :: e < end ->
        if
        :: OWNS(INDEX(s), width[DIVISION(s)], e) && failing && e + 1 == end -> failed = e
        :: OWNS(INDEX(s), width[DIVISION(s)], e) && !(failing && e + 1 == end) ->
            handle(e);
            last = e + 1;
            processed[s] = last
        :: else
        fi;
        e++
    :: else -> break
    od;
    if
    :: failing -> sequence[s] = failed
    :: else ->
#if KEYED
        processed[s] = end;
        sequence[s] = end
#else
        first_owned(last, INDEX(s), width[DIVISION(s)], sequence[s])
#endif
    fi;
    e = 0;
    last = 0
}

/* The shard does not exist any more; nobody reads what else is kept of it. */
inline go(n)
{
    sequence[n] = GONE;
    processed[n] = 0
}

/* The stage's first division, in init. */
inline begin_stage(i)
{
    do
    :: i < FROM -> sequence[2 * i] = (KEYED -> 0 : i * BLOCK); i++
    :: else -> break
    od;
    i = 0;
    width[0] = FROM;
    opened[0] = true
}
