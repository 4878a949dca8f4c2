/* SPDX-License-Identifier: MIT */
/*
 * Claiming and publishing.
 *
 * Sequence s lives in slot s mod capacity. A producer may write s when every consumer has done
 * s - capacity, the event that had the slot before. A single producer remembers the highest
 * sequence for which that is known (`room`) and reads the consumers' lines only when it gets there:
 * with a ring that is not full, once for many events.
 *
 * Two edges make the slots' contents safe. Producer to consumer: the cursor is stored (release)
 * after the slot was filled, and read (acquire) before the slot is. Consumer to producer: a
 * consumer's sequence is stored (release) after it has done with the slot, and read (acquire) here
 * before the slot is claimed.
 *
 * Many producers claim by compare-and-swap on `claimed`, and only when there is room for the claim,
 * so that a producer that gives up has taken nothing; a fetch-and-add would take the slots first
 * and leave a hole behind. They publish in any order: each slot has a word that says in which lap
 * around the ring it was last published. The cursor follows the words: whoever wants to know how
 * far all is published walks from the cursor on while the words are of the right lap, and moves
 * the cursor there. A word of the right lap is stored (release) after its slot was filled and read
 * (acquire) on the walk; who only reads the cursor has the same edge through who moved it. A walk
 * cannot be fooled by a word of an earlier lap, which differs, nor by one of a later lap: a slot is
 * claimed again only when consumers are past it, and so the cursor, which makes the walker's
 * compare-and-swap fail.
 *
 * Whoever comes first when there is room takes it, which is no order: threads that take turns at
 * few cores may fall into a rhythm in which the same one always looks when the ring is full, for
 * seconds, while millions of events pass it by; and who wants many slots at once may never meet
 * them. So a producer that has waited for room and found it gone LOSSES times says so: it puts the
 * number of its slots into `wish`, if no other has a wish there, and who finds room after that
 * leaves so many of them alone. It costs the others a look where they read the consumers' lines
 * anyway, once a lap. That is a courtesy and no lock: whoever meets it waits for no longer than
 * COURTESY rounds (a fraction of a millisecond) and then takes the room after all, since the one
 * with the wish may itself wait for an event that this one has claimed and not published yet. Only
 * a claim that does not wait at all is turned away each time: in a rhythm, too, it may come just
 * when the last slot is left.
 *
 * Void: a slot that was claimed and cannot be filled is marked in a second array before it is
 * published, and `last_void` raised. Consumers look there only when their batch begins at or
 * below `last_void`; ordinary publishing knows nothing of it.
 */
#include "disruptor/backoff.h"
#include "disruptor/ring.h"

#define LOSSES   32
#define COURTESY 104

/*
 * The highest sequence that may be claimed now, if nobody was added meanwhile (takt__ring_version).
 * When all consumers have gone, nobody is overtaken; but one that is added begins at the cursor, so
 * no more than a ring beyond that is claimed. Sequences end a ring before TAKT_SEQUENCE_GONE, so
 * that none of these sums overflows.
 */
static int64_t find_room(takt_ring *ring)
{
    int64_t capacity = ring->mask + 1;
    int64_t done = takt__gates_least(&ring->hidden->consumers);
    if (done == TAKT_SEQUENCE_GONE)
        done = takt_ring_cursor(ring);
    int64_t end = TAKT_SEQUENCE_GONE - 1 - capacity;
    return done > end - capacity ? end : done + capacity;
}

/* Whether there is nobody to wait for: what is missing is that something be published. */
static bool all_gone(const takt_ring *ring)
{
    return takt__gates_least(&ring->hidden->consumers) == TAKT_SEQUENCE_GONE;
}

/* Waits until `high` may be claimed, or the ring is halted: 0, or TAKT_EFULL or _ETIMEDOUT. */
static int await_room(takt_ring *ring, int64_t high, int64_t deadline)
{
    struct takt__await what = {
        .gates = &ring->hidden->consumers,
        .wanted = high - ring->mask - 1,
        .alert = &ring->halted,
        .deadline = deadline,
        .patience = &ring->hidden->patience,
    };
    if (takt__gates_least(what.gates) < what.wanted)
        takt__add64_rlx(&ring->hidden->full, 1);
    int64_t found = takt__await(&what, &ring->hidden->wait);
    if (found != TAKT_ETIMEDOUT)
        return 0;
    return deadline == TAKT_NOW ? TAKT_EFULL : TAKT_ETIMEDOUT;
}

/* One claim among those of other producers. */
struct bid {
    int64_t n, deadline;
    uint32_t losses;              /* how often there was room, and others took it */
    bool wishing;                 /* `wish` is ours */
    struct takt__backoff backoff; /* of our courtesy */
};

/* Waits a little in favour of a wish: 0; 1: that was long enough; or no time to wait. */
static int defer(struct bid *bid)
{
    if (bid->deadline == TAKT_NOW)
        return TAKT_EFULL;
    if (bid->backoff.round >= COURTESY)
        return 1;
    takt__backoff_wait(&bid->backoff, bid->deadline);
    return bid->deadline != TAKT_FOREVER && takt_now() >= bid->deadline;
}

/* Waits for room up to `high`, which others may take first: 0, or why not. */
static int lose(takt_ring *ring, struct bid *bid, int64_t high)
{
    if (++bid->losses > LOSSES && !bid->wishing)
        bid->wishing = takt__cas64_rlx(&ring->hidden->wish, 0, bid->n);
    return all_gone(ring) ? TAKT_EFULL : await_room(ring, high, bid->deadline);
}

/*
 * Sees to it that `high` may be claimed, for all that is known: 1; 0 to look again; or an error.
 * The stored room leaves the wish alone, even if it is ours and we do not: a room that another has
 * overtaken, or that is too small, is harmless, since it is looked for again.
 */
static int make_room(takt_ring *ring, struct bid *bid, int64_t high)
{
    struct takt__ring_private *hidden = ring->hidden;
    /* acquire [pairs: room]: who found the room has read the consumers' sequences for us */
    if (high <= takt__ld64_acq(&hidden->multi_room))
        return 1;
    uint32_t version = takt__ring_version(ring);
    int64_t room = find_room(ring);
    takt__fence();
    if (takt__ring_version(ring) != version)
        return 0;
    int64_t open = room - takt__ld64_rlx(&hidden->wish);
    takt__st64_rel(&hidden->multi_room, open); /* release [pairs: room] */
    if (high > room)
        return lose(ring, bid, high);
    return bid->wishing || high <= open ? 1 : defer(bid);
}

static int64_t claim_multi(takt_ring *ring, int64_t n, int64_t deadline)
{
    struct bid bid = {.n = n, .deadline = deadline};
    int64_t result;
    for (;;) {
        if (takt__ld32_rlx(&ring->halted)) {
            result = TAKT_EHALTED;
            break;
        }
        int64_t claimed = takt__ld64_rlx(&ring->claimed);
        result = make_room(ring, &bid, claimed + n);
        if (result < 0)
            break;
        /* release [pairs: claimed]: to who claims bytes as well (payload.c) */
        if (result && takt__cas64(&ring->claimed, claimed, claimed + n)) {
            result = claimed + n;
            break;
        }
    }
    if (bid.wishing)
        takt__st64_rlx(&ring->hidden->wish, 0);
    return result;
}

static int64_t claim_single(takt_ring *ring, int64_t n, int64_t deadline)
{
    int64_t high = ring->claimed + n;
    for (;;) {
        int error = await_room(ring, high, deadline);
        if (error < 0)
            return error;
        uint32_t version = takt__ring_version(ring);
        int64_t room = find_room(ring);
        takt__st64_rlx(&ring->room, room);
        takt__fence(); /* a halt stores `halted` and then `room` */
        if (takt__ld32_rlx(&ring->halted)) {
            takt__st64_rlx(&ring->room, INT64_MIN);
            return TAKT_EHALTED;
        }
        if (takt__ring_version(ring) != version)
            takt__st64_rlx(&ring->room, INT64_MIN);
        else if (high <= room)
            break;
        else if (all_gone(ring))
            return TAKT_EFULL; /* a whole ring is not published yet */
    }
    takt__st64_rlx(&ring->claimed, high);
    return high;
}

int64_t takt__ring_claim(takt_ring *ring, int64_t n, int64_t deadline)
{
    int64_t capacity = ring->mask + 1;
    if (n < 1 || n > capacity)
        return TAKT_EINVAL;
    if (takt__ring_has_no_consumer(ring))
        return TAKT_ENOCONSUMER;
    if (takt__ld64_rlx(&ring->claimed) > TAKT_SEQUENCE_GONE - 1 - capacity - n)
        return TAKT_ELIMIT;
    return ring->laps ? claim_multi(ring, n, deadline) : claim_single(ring, n, deadline);
}

void takt__ring_publish_multi(takt_ring *ring, int64_t low, int64_t high)
{
    for (int64_t s = low; s <= high; s++)
        takt__st32_rel(&ring->laps[s & ring->mask],
                       takt__ring_lap(ring, s)); /* release [pairs: lap] */
    takt__compiler_fence();                      /* as in takt_sequence_set */
    if (takt__ld32_rlx(&ring->cursor.sleepers))
        takt__ring_wake(ring);
}

bool takt__ring_is_published(const takt_ring *ring, int64_t s)
{
    if (s <= takt_sequence_get(&ring->cursor))
        return true;
    uint32_t lap = takt__ld32_acq(&ring->laps[s & ring->mask]); /* acquire [pairs: lap] */
    return lap == takt__ring_lap(ring, s);
}

/*
 * A walker whose compare-and-swap fails was overtaken by one that may have seen less, so it walks
 * on from there: what it returns is never less than what was published when it was called. Nobody
 * is woken: who waits for the cursor walks himself, and what he waits for is the words, whose
 * publishers look for sleepers.
 */
int64_t takt__ring_advance(takt_ring *ring)
{
    for (;;) {
        int64_t cursor = takt__ld64_acq(&ring->cursor.value); /* acquire [pairs: sequence] */
        int64_t end = cursor;
        /* acquire [pairs: lap] */
        while (takt__ld32_acq(&ring->laps[(end + 1) & ring->mask]) == takt__ring_lap(ring, end + 1))
            end++;
        if (end == cursor)
            return cursor;
        if (takt__cas64(&ring->cursor.value, cursor, end)) /* release [pairs: sequence] */
            return end;
    }
}

int64_t takt_ring_remaining_capacity(const takt_ring *ring)
{
    int64_t claimed = takt__ld64_rlx(&ring->claimed);
    int64_t done = takt__gates_least(&ring->hidden->consumers);
    if (done == TAKT_SEQUENCE_GONE)
        done = takt_ring_cursor(ring);
    int64_t used = done > claimed ? 0 : claimed - done;
    /* Read by others while claims go on, the two may not fit together. */
    return used > ring->mask ? 0 : ring->mask + 1 - used;
}

/* Raises *word to at least `value`. */
static void raise_to(int64_t *word, int64_t value)
{
    int64_t seen = takt__ld64_rlx(word);
    while (seen < value && !takt__cas64_rlx(word, seen, value))
        seen = takt__ld64_rlx(word);
}

void takt_ring_publish_void(takt_ring *ring, int64_t low, int64_t high)
{
    struct takt__ring_private *hidden = ring->hidden;
    for (int64_t s = low; s <= high; s++)
        takt__st64_rlx(&hidden->voids[s & ring->mask], s + 1); /* 0: none yet */
    raise_to(&hidden->last_void, high);
    takt_ring_publish_range(ring, low, high);
}

bool takt_ring_is_void(const takt_ring *ring, int64_t s)
{
    const struct takt__ring_private *hidden = ring->hidden;
    return takt__ld64_rlx(&hidden->voids[s & ring->mask]) == s + 1;
}

bool takt__ring_may_be_void(const takt_ring *ring, int64_t sequence)
{
    return sequence <= takt__ld64_rlx(&ring->hidden->last_void);
}

void takt__ring_skip_voids(const takt_ring *ring, takt_batch *b, uint32_t *picks)
{
    if (b->count == 0 || !takt__ring_may_be_void(ring, b->first))
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        if (!takt_ring_is_void(ring, s))
            picks[kept++] = (uint32_t)(s - b->first);
    }
    b->picks = picks;
    b->count = kept;
}
