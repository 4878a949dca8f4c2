/* SPDX-License-Identifier: MIT */
/*
 * The graph of consumers around a ring, changed while the ring runs.
 *
 * The producers wait for the last consumers of the graph only; the others are held ahead of those.
 * So when a consumer is added behind A, A gives its place among those that gate the producers to
 * the newcomer, and when it is removed, A takes the place back. Each time the one that comes counts
 * before the one that goes has gone, as gate.h demands, and starts no further than the one that
 * goes, so that the producers never see more room than there is.
 *
 * A newcomer begins at the cursor (where those that it comes after are) or at the oldest event
 * (where the slowest of all is). Either place may be too early by the time that it counts, since
 * the others move on meanwhile and a producer finds room behind them. So it counts first and then
 * looks where the slowest of the others is, and begins there if that is later. A producer that
 * found its room before the newcomer counted saw no more than that; one that finds it later waits
 * for the newcomer. Two fences see to it that one of the two finds the other (takt__ring_version).
 *
 * A producer may be reading a sequence when its consumer is removed, so consumers are not freed but
 * kept for the next one that is added; the memory goes with the ring.
 */
#include "disruptor/consumer.h"

#include <string.h>

#include "disruptor/alloc.h"

/* Stands in the gate where nobody does. */
static const takt_sequence nobody = {.value = TAKT_SEQUENCE_GONE};

int takt__ring_gate_on(takt_ring *ring, const takt_sequence *sequence)
{
    struct takt__gate *gate = &ring->hidden->added;
    uint32_t i = 0;
    while (i < gate->used && gate->members[i] != &nobody)
        i++;
    if (i == TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    takt__stp_rel(&gate->members[i], sequence); /* release [pairs: gate-member] */
    if (i == gate->used)
        takt__gate_cover(gate, i + 1);
    takt__gate_raise(gate);
    return 0;
}

void takt__ring_gate_swap(takt_ring *ring, const takt_sequence *old, const takt_sequence *new)
{
    struct takt__gate *gate = &ring->hidden->added;
    for (uint32_t i = 0; i < gate->used; i++)
        if (gate->members[i] == old)
            takt__stp_rel(&gate->members[i], new); /* release [pairs: gate-member] */
    takt__gate_raise(gate);
}

static int check(takt_ring *ring, const takt_consumer_options *options)
{
    if (!ring || !options || options->size != sizeof *options)
        return TAKT_EINVAL;
    if (options->after_count > TAKT_AFTER_MAX)
        return TAKT_ELIMIT;
    if (options->after_count && !options->after)
        return TAKT_EINVAL;
    for (size_t i = 0; i < options->after_count; i++)
        if (!options->after[i] || options->after[i]->ring != ring)
            return TAKT_EGRAPH;
    if (options->retry_ns < 0 || options->timeout_ns < 0)
        return TAKT_EINVAL;
    return 0;
}

static size_t picks_size(const takt_ring *ring)
{
    int64_t most = takt_ring_capacity(ring);
    return (size_t)(most < TAKT__BATCH_MOST ? most : TAKT__BATCH_MOST) * sizeof(uint32_t);
}

/* A consumer that was removed, or a new one. */
static takt_consumer *obtain(takt_ring *ring)
{
    struct takt__ring_private *hidden = ring->hidden;
    takt_consumer *c = hidden->retired;
    if (c) {
        hidden->retired = c->next;
        return c;
    }
    c = takt__allocate(hidden->allocator, sizeof *c, TAKT_LINE_PAIR);
    uint32_t *picks = takt__allocate(hidden->allocator, picks_size(ring), TAKT_LINE_PAIR);
    if (!c || !picks) {
        takt__release(hidden->allocator, c, sizeof *c);
        takt__release(hidden->allocator, picks, picks_size(ring));
        return NULL;
    }
    c->picks = picks;
    takt_sequence_init(&c->sequence, TAKT_SEQUENCE_GONE);
    return c;
}

/*
 * The greatest batch where the options set none. Those before and after a consumer wait while it
 * handles one, so that a batch as long as the ring makes a chain take turns instead of running side
 * by side.
 */
static uint32_t usual_batch(const takt_ring *ring)
{
    int64_t part = takt_ring_capacity(ring) / TAKT__BATCH_PART;
    return part < TAKT__BATCH_LEAST  ? TAKT__BATCH_LEAST
           : part > TAKT__BATCH_MOST ? TAKT__BATCH_MOST
                                     : (uint32_t)part;
}

/* Under the graph_lock. */
static void set_up(takt_consumer *c, takt_ring *ring, const takt_consumer_options *options)
{
    c->ring = ring;
    c->options = *options;
    c->options.after = c->after;
    strncpy(c->name, options->name ? options->name : "takt-consumer", sizeof c->name - 1);
    uint32_t most = (uint32_t)(picks_size(ring) / sizeof(uint32_t));
    if (c->options.batch_most == 0)
        c->options.batch_most = usual_batch(ring);
    if (c->options.batch_most > most)
        c->options.batch_most = most;
    c->followers = 0;
    c->threaded = false;
    /* By the lock: a halt of the ring that does not find it in the list was stored before this. */
    takt__st32_rlx(&c->halted, takt__ld32_rlx(&ring->halted));
    takt__st32_rlx(&c->state, TAKT__IDLE);
    takt__st32_rlx(&c->failed, 0);
    c->own.members = c->members;
    for (size_t i = 0; i < options->after_count; i++) {
        c->after[i] = options->after[i];
        c->members[i] = &c->after[i]->sequence;
    }
    takt__gate_cover(&c->own, (uint32_t)options->after_count);
    c->upstream.count = 1;
    c->upstream.gate[0] = options->after_count ? &c->own : &ring->hidden->producer;
}

/*
 * The slowest of all that hold the producers back, but for one; the cursor if there is none. The
 * cursor is read last: an older one would be behind where they have come.
 */
static int64_t slowest_but(takt_ring *ring, const takt_sequence *one)
{
    const struct takt__gates *gates = &ring->hidden->consumers;
    int64_t least = TAKT_SEQUENCE_GONE;
    for (uint32_t i = 0; i < gates->count; i++)
        for (uint32_t k = 0; k < gates->gate[i]->used; k++) {
            const takt_sequence *s = takt__gate_member(gates->gate[i], k);
            int64_t value = s == one ? least : takt_sequence_get(s);
            if (value < least)
                least = value;
        }
    int64_t cursor = takt_ring_cursor(ring);
    return cursor < least ? cursor : least;
}

/* Puts a consumer that is set up into the graph. */
static int join_graph(takt_consumer *c)
{
    takt_ring *ring = c->ring;
    bool oldest = c->options.from == TAKT_FROM_OLDEST;
    int64_t begin = oldest ? slowest_but(ring, NULL) : takt__gates_least(&c->upstream);
    takt_sequence_set(&c->sequence, begin);
    int error = takt__ring_gate_on(ring, &c->sequence);
    if (error < 0)
        return error;
    takt__fence(); /* the newcomer counts before it looks at the others again (ring.h) */
    int64_t now = slowest_but(ring, &c->sequence);
    if (now > begin)
        takt_sequence_set(&c->sequence, now);
    for (size_t i = 0; i < c->options.after_count; i++) {
        takt_sequence *before = &c->after[i]->sequence;
        c->after[i]->followers++;
        takt__ring_gate_swap(ring, before, &nobody); /* it is not there if it has followers */
        takt__sequence_wake(before); /* who waits for it is to wait for the newcomer */
    }
    c->next = ring->hidden->list;
    ring->hidden->list = c;
    return 0;
}

static void retire(takt_consumer *c)
{
    takt_sequence_set(&c->sequence, TAKT_SEQUENCE_GONE);
    c->next = c->ring->hidden->retired;
    c->ring->hidden->retired = c;
}

int takt_consumer_add(takt_ring *ring, takt_consumer **out, const takt_consumer_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(ring, options);
    if (error < 0)
        return error;
    pthread_mutex_lock(&ring->hidden->graph_lock);
    takt_consumer *c = obtain(ring);
    error = c ? 0 : TAKT_ENOMEM;
    if (c) {
        set_up(c, ring, options);
        error = join_graph(c);
        if (error < 0)
            retire(c);
        else
            *out = c;
    }
    pthread_mutex_unlock(&ring->hidden->graph_lock);
    return error;
}

/* How many places there are in the gate that holds the producers back. */
static uint32_t free_places(const takt_ring *ring)
{
    const struct takt__gate *gate = &ring->hidden->added;
    uint32_t places = TAKT_GATING_MAX - gate->used;
    for (uint32_t i = 0; i < gate->used; i++)
        places += gate->members[i] == &nobody;
    return places;
}

/*
 * Takes a consumer out, whose place goes to those before it that have no other follower.
 * TAKT_ELIMIT if these are more than there are places: it stays then.
 */
static int leave_graph(takt_consumer *c)
{
    takt_ring *ring = c->ring;
    uint32_t heirs = 0;
    for (size_t i = 0; i < c->options.after_count; i++)
        heirs += c->after[i]->followers == 1;
    if (heirs > free_places(ring) + 1)
        return TAKT_ELIMIT;
    const takt_sequence *place = &c->sequence; /* the first heir takes it over, as it is */
    for (size_t i = 0; i < c->options.after_count; i++) {
        if (--c->after[i]->followers > 0)
            continue;
        if (place)
            takt__ring_gate_swap(ring, place, &c->after[i]->sequence);
        else
            takt__ring_gate_on(ring, &c->after[i]->sequence);
        place = NULL;
    }
    takt__ring_gate_swap(ring, &c->sequence, &nobody); /* if there is no heir */
    takt_consumer **link = &ring->hidden->list;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    /* It has stopped. Others may fail at this moment, without the lock: so they are counted. */
    if (takt__ld32_rlx(&c->failed))
        takt__add32_rlx(&ring->hidden->failed, (uint32_t)-1);
    retire(c);
    return 0;
}

/* Whether another consumer comes after it. */
static bool is_followed(takt_consumer *c)
{
    pthread_mutex_lock(&c->ring->hidden->graph_lock);
    bool followed = c->followers > 0;
    pthread_mutex_unlock(&c->ring->hidden->graph_lock);
    return followed;
}

int takt_consumer_remove(takt_consumer *c)
{
    if (!c)
        return TAKT_EINVAL;
    if (is_followed(c))
        return TAKT_ESTATE;
    takt_consumer_halt(c);
    takt_consumer_join(c);
    pthread_mutex_lock(&c->ring->hidden->graph_lock);
    int error = c->followers > 0 ? TAKT_ESTATE : leave_graph(c);
    pthread_mutex_unlock(&c->ring->hidden->graph_lock);
    return error;
}

void takt__consumers_halt(takt_ring *ring)
{
    pthread_mutex_lock(&ring->hidden->graph_lock);
    for (takt_consumer *c = ring->hidden->list; c; c = c->next)
        takt_consumer_halt(c);
    pthread_mutex_unlock(&ring->hidden->graph_lock);
}

static void release_all(takt_ring *ring, takt_consumer *c)
{
    while (c) {
        takt_consumer *next = c->next;
        takt__release(ring->hidden->allocator, c->picks, picks_size(ring));
        takt__release(ring->hidden->allocator, c, sizeof *c);
        c = next;
    }
}

void takt__consumers_destroy(takt_ring *ring)
{
    takt__consumers_halt(ring);
    for (takt_consumer *c = ring->hidden->list; c; c = c->next)
        takt_consumer_join(c);
    release_all(ring, ring->hidden->list);
    release_all(ring, ring->hidden->retired);
}

const takt_sequence *takt_consumer_sequence(const takt_consumer *c)
{
    return &c->sequence;
}
