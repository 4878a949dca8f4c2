/* SPDX-License-Identifier: MIT */
/*
 * Workers that sleep until there is something for one of them (disruptor/park.h): the protocol of
 * scheduler/worker.c, with a counter in the place of shards.
 */
#include "cases.h"
#include "disruptor/park.h"
#include "disruptor/ring.h"
#include "disruptor/wait.h"

#define EVENTS 3

struct hall {
    struct takt__park lot;
    takt_ring *ring;
    takt_sequence done;
    TAKT_ALIGNED int64_t taken; /* the last event that a worker took */
    int64_t handled[EVENTS];
};

static bool take_one(struct hall *h)
{
    int64_t taken = takt__ld64_rlx(&h->taken);
    if (taken >= takt_ring_cursor(h->ring) || !takt__cas64(&h->taken, taken, taken + 1))
        return false;
    h->handled[taken + 1]++;
    return true;
}

static bool is_over(const struct hall *h)
{
    return takt__ld64_rlx(&h->taken) == EVENTS - 1;
}

/* The last event has been taken: nobody else may sleep on. */
static void tell(struct hall *h)
{
    takt__fence();
    takt__park_wake_all(&h->lot);
}

static void work(void *context)
{
    struct hall *h = context;
    while (!is_over(h)) {
        if (take_one(h))
            continue;
        uint32_t ticket;
        takt__park_prepare(&h->lot, &ticket);
        takt__sequence_arm(&h->ring->cursor);
        bool everywhere = takt__barrier_everywhere();
        if (takt__ld64_rlx(&h->taken) < takt_ring_cursor(h->ring) || is_over(h)) {
            takt__park_cancel(&h->lot);
            continue;
        }
        takt__park_sleep(&h->lot, ticket, everywhere, TAKT_FOREVER);
        if (takt__park_occupied(&h->lot)) {
            takt__sequence_arm(&h->ring->cursor);
            takt__fence();
        }
    }
    tell(h);
}

static void park(uint32_t workers)
{
    struct hall *h = sim_memory(sizeof *h);
    takt_ring_create(&h->ring, TAKT_RING(.event_size = 8, .capacity = 4, .alignment = 8,
                                         .allocator = &sim_allocator));
    takt_sequence_init(&h->done, -1);
    takt_ring_add_gating(h->ring, &h->done);
    takt__ring_set_park(h->ring, &h->lot);
    h->taken = -1;
    int fibres[2];
    fibres[0] = sim_start("worker 1", work, h);
    if (workers > 1)
        fibres[1] = sim_start("worker 2", work, h);
    for (int64_t i = 0; i < EVENTS; i++)
        takt_ring_publish(h->ring, takt_ring_next(h->ring, 1));
    for (uint32_t i = 0; i < workers; i++)
        sim_join(fibres[i]);
    for (int64_t i = 0; i < EVENTS; i++)
        sim_check(h->handled[i] == 1, "event %lld was handled %lld times", (long long)i,
                  (long long)h->handled[i]);
    takt_ring_destroy(h->ring);
}

static void park_one(void *unused)
{
    (void)unused;
    park(1);
}

static void park_two(void *unused)
{
    (void)unused;
    park(2);
}

/* A thread that waits for a rare change of state. */
struct state {
    struct takt__park lot;
    uint32_t value;
};

static void change_state(void *context)
{
    struct state *s = context;
    for (uint32_t i = 1; i <= 2; i++) {
        takt__st32_rel(&s->value, i);
        takt__park_wake_all(&s->lot);
    }
}

static void park_state(void *unused)
{
    (void)unused;
    struct state *s = sim_memory(sizeof *s);
    int changer = sim_start("changer", change_state, s);
    for (;;) {
        uint32_t ticket = takt__park_ticket(&s->lot);
        if (takt__ld32_acq(&s->value) == 2)
            break;
        takt__park_wait(&s->lot, ticket, TAKT_FOREVER);
    }
    sim_join(changer);
}

const struct sim_case sim_park_cases[] = {
    {"park_one", "a worker sleeps and is woken by a publish", park_one, 4, 25, false, false},
    {"park_two", "two workers", park_two, 2, 30, false, false},
    {"park_state", "waiting for a change of state", park_state, 4, 8, false, false},
    {0},
};
