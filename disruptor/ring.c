/* SPDX-License-Identifier: MIT */
/* Making a ring, and who may hold its producers back. */
#include "disruptor/ring.h"

#include "disruptor/alloc.h"
#include "disruptor/consumer.h"
#include "disruptor/futex.h"

static int check(const takt_ring_options *options)
{
    if (!options || options->size != sizeof *options)
        return TAKT_EINVAL;
    if (options->event_size == 0 || options->event_size > UINT32_MAX)
        return TAKT_EEVENTSIZE;
    int64_t n = options->capacity;
    if (n < 1 || n > TAKT_CAPACITY_MAX || (n & (n - 1)) != 0 ||
        (uint64_t)n > SIZE_MAX / 4 / options->event_size)
        return TAKT_ECAPACITY;
    size_t a = options->alignment;
    if ((a & (a - 1)) != 0 || (a > 8 && options->event_size % a != 0))
        return TAKT_EALIGN;
    /* Sequences do not wrap: 2^63 events take 292 years at a thousand million a second. */
    if (options->first < 0 || options->first > TAKT_SEQUENCE_GONE - 1 - 3 * n)
        return TAKT_EINVAL;
    return 0;
}

static void init_gates(takt_ring *ring)
{
    struct takt__ring_private *hidden = ring->hidden;
    hidden->added.members = hidden->added_members;
    hidden->consumers.gate[hidden->consumers.count++] = &hidden->added;
    hidden->producer.ring = ring->laps ? ring : NULL;
    hidden->producer_member[0] = &ring->cursor;
    hidden->producer.members = hidden->producer_member;
    takt__gate_cover(&hidden->producer, 1);
}

static void release(const takt_allocator *allocator, takt_ring *ring,
                    struct takt__ring_private *hidden)
{
    if (ring && hidden) {
        takt__release(allocator, ring->slots, hidden->slots_size);
        takt__release(allocator, ring->laps, hidden->laps_size);
        takt__release(allocator, hidden->voids, hidden->voids_size);
    }
    takt__release(allocator, hidden, sizeof *hidden);
    takt__release(allocator, ring, sizeof *ring);
}

/* The ring's memory; NULL if there is not enough. */
static takt_ring *allocate(const takt_allocator *allocator, const takt_ring_options *options)
{
    takt_ring *ring = takt__allocate(allocator, sizeof *ring, TAKT_LINE_PAIR);
    struct takt__ring_private *hidden = takt__allocate(allocator, sizeof *hidden, TAKT_LINE_PAIR);
    if (!ring || !hidden) {
        release(allocator, ring, hidden);
        return NULL;
    }
    ring->hidden = hidden;
    hidden->allocator = allocator;
    hidden->slots_size = (size_t)options->capacity * options->event_size;
    hidden->laps_size = (size_t)options->capacity * sizeof(uint32_t);
    size_t alignment = options->alignment ? options->alignment : TAKT_LINE_PAIR;
    ring->slots = takt__allocate(allocator, hidden->slots_size, alignment);
    hidden->voids_size = (size_t)options->capacity * sizeof(int64_t);
    hidden->voids = takt__allocate(allocator, hidden->voids_size, TAKT_LINE_PAIR);
    if (options->multi)
        ring->laps = takt__allocate(allocator, hidden->laps_size, TAKT_LINE_PAIR);
    if (!ring->slots || !hidden->voids || (options->multi && !ring->laps)) {
        release(allocator, ring, hidden);
        return NULL;
    }
    return ring;
}

int takt_ring_create(takt_ring **out, const takt_ring_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(options);
    if (error < 0)
        return error;
    takt_ring *ring =
        allocate(options->allocator ? options->allocator : takt_allocator_default(), options);
    if (!ring)
        return TAKT_ENOMEM;
    takt__barrier_prepare();
    struct takt__ring_private *hidden = ring->hidden;
    int64_t before = options->first - 1;
    ring->mask = options->capacity - 1;
    ring->event_size = options->event_size;
    ring->claimed = before;
    ring->room = options->multi ? INT64_MIN : before;
    takt_sequence_init(&ring->cursor, before);
    hidden->first = options->first;
    hidden->wait = options->wait;
    hidden->last_void = INT64_MIN;
    hidden->multi_room = before;
    hidden->lap_shift = (uint32_t)__builtin_ctzll((unsigned long long)options->capacity);
    /* A lap that no sequence has before 2^32 laps have gone by, each of which is stored. */
    for (int64_t i = 0; ring->laps && i <= ring->mask; i++)
        ring->laps[i] = takt__ring_lap(ring, options->first) - 1;
    pthread_mutex_init(&hidden->graph_lock, NULL);
    init_gates(ring);
    *out = ring;
    return 0;
}

void takt_ring_destroy(takt_ring *ring)
{
    if (!ring)
        return;
    takt__consumers_destroy(ring);
    pthread_mutex_destroy(&ring->hidden->graph_lock);
    release(ring->hidden->allocator, ring, ring->hidden);
}

static bool was_claimed(const takt_ring *ring)
{
    return takt__ld64_rlx(&ring->claimed) != ring->hidden->first - 1;
}

int takt__ring_set_gates(takt_ring *ring, const struct takt__gate *const *gate, uint32_t count,
                         bool at_rest)
{
    struct takt__gates *gates = &ring->hidden->consumers;
    if (was_claimed(ring) && !at_rest)
        return TAKT_ESTATE;
    if (count > TAKT_GATING_MAX)
        return TAKT_ELIMIT;
    pthread_mutex_lock(&ring->hidden->graph_lock); /* against a halt, which wakes at them */
    for (uint32_t i = 0; i < count; i++)
        gates->gate[1 + i] = gate[i];         /* the first is the ring's own */
    takt__st32_rel(&gates->count, 1 + count); /* release [pairs: gates] */
    pthread_mutex_unlock(&ring->hidden->graph_lock);
    return 0;
}

int takt_ring_add_gating(takt_ring *ring, const takt_sequence *consumer)
{
    if (!ring || !consumer)
        return TAKT_EINVAL;
    if (was_claimed(ring))
        return TAKT_ESTATE;
    return takt__ring_gate_on(ring, consumer);
}

void takt_ring_halt(takt_ring *ring)
{
    takt__st32_rel(&ring->halted, 1); /* release [pairs: halt] */
    /* A claim stores `room`, then looks at `halted`: it sees it, or the next store is last. */
    takt__fence();
    takt__st64_rlx(&ring->room, INT64_MIN); /* claims go the slow way, which looks at `halted` */
    pthread_mutex_lock(&ring->hidden->graph_lock);
    takt__gates_wake(&ring->hidden->consumers);
    takt__barriers_wake(ring);
    pthread_mutex_unlock(&ring->hidden->graph_lock);
    takt__consumers_halt(ring);
    takt__ring_wake(ring);
    if (ring->hidden->park)
        takt__park_wake_all(ring->hidden->park);
}

int64_t takt_ring_drain(takt_ring *ring, int64_t deadline)
{
    int64_t cursor = takt_ring_cursor(ring);
    struct takt__await what = {
        .gates = &ring->hidden->consumers,
        .wanted = cursor,
        .alert = &ring->hidden->failed,
        .halt = &ring->halted,
        .deadline = deadline,
    };
    takt__await(&what, &(takt_wait){.kind = TAKT_WAIT_BLOCK});
    int64_t done = takt__gates_least(&ring->hidden->consumers);
    return done >= cursor ? 0 : cursor - done;
}

void takt__ring_set_park(takt_ring *ring, struct takt__park *park)
{
    ring->hidden->park = park;
}

void takt__ring_wake(takt_ring *ring)
{
    takt__sequence_wake(&ring->cursor);
    if (ring->hidden->park)
        takt__park_wake_one(ring->hidden->park);
}
