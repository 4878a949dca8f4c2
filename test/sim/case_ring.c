/* SPDX-License-Identifier: MIT */
/*
 * A ring and its consumers: one producer, several, claims with deadlines, halts. Every event is
 * handled once, in order, as it was written; the explorer checks besides that no slot is written
 * while it may be read.
 */
#include "cases.h"
#include "flow.h"

/* One producer, here, and one consumer on its thread. */
static void one_to_one(int64_t capacity, int64_t events, takt_wait wait)
{
    struct flow *f = flow_begin(capacity, false, wait);
    takt_consumer_start(flow_consumer(f, NULL, 0, wait));
    flow_produce(f, 0, events, TAKT_FOREVER);
    flow_drain(f);
    flow_end(f, events);
}

static void ring_block(void *unused)
{
    (void)unused;
    one_to_one(2, 4, FLOW_BLOCK);
}

static void ring_one_slot(void *unused)
{
    (void)unused;
    one_to_one(1, 3, FLOW_BLOCK);
}

static void ring_yield(void *unused)
{
    (void)unused;
    one_to_one(2, 5, FLOW_YIELD);
}

static void ring_sleep(void *unused)
{
    (void)unused;
    one_to_one(2, 5, FLOW_SLEEP);
}

static void ring_long(void *unused)
{
    (void)unused;
    one_to_one(4, 20, FLOW_BLOCK);
}

static void poll_all(void *context)
{
    struct flow_consumer *c = context;
    while (c->count < 4) {
        int64_t done = takt_consumer_poll(c->handle, flow_handle, c, 2);
        sim_check(done >= 0, "a poll failed: %s", takt_strerror((int)done));
        if (done == 0)
            sim_give_way();
    }
}

static void ring_poll(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    int poller = sim_start("poller", poll_all, &f->consumers[0]);
    flow_produce(f, 0, 4, TAKT_FOREVER);
    sim_join(poller);
    flow_end(f, 4);
}

/* Of each two that are claimed, the first is published as void: nobody sees it. */
static void ring_void(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    flow_skips_voids(f);
    for (int64_t i = 0; i < 3; i++) {
        int64_t s = takt_ring_next(f->ring, 2);
        flow_fill(f, s, 0, i);
        takt_ring_publish_void(f->ring, s - 1, s - 1);
        takt_ring_publish(f->ring, s);
    }
    flow_drain(f);
    flow_end(f, 3);
}

struct producer {
    struct flow *flow;
    int64_t number, events, deadline;
    int64_t result;
};

static void produce(void *context)
{
    struct producer *p = context;
    p->result = flow_produce(p->flow, p->number, p->events, p->deadline);
}

static int start_producer(struct flow *f, int64_t number, int64_t events, int64_t deadline,
                          struct producer **out)
{
    struct producer *p = sim_memory(sizeof *p);
    *p = (struct producer){f, number, events, deadline, 0};
    if (out)
        *out = p;
    return sim_start(number ? "producer 1" : "producer 0", produce, p);
}

static void two_producers(int64_t capacity, int64_t events, uint32_t consumers, bool drain)
{
    struct flow *f = flow_begin(capacity, true, FLOW_BLOCK);
    for (uint32_t i = 0; i < consumers; i++)
        takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    int first = start_producer(f, 0, events, TAKT_FOREVER, NULL);
    int second = start_producer(f, 1, events, TAKT_FOREVER, NULL);
    sim_join(first);
    sim_join(second);
    if (drain)
        flow_drain(f);
    else
        flow_wait(f, 2 * events - 1);
    flow_end(f, 2 * events);
}

static void multi_small(void *unused)
{
    (void)unused;
    two_producers(2, 2, 1, false);
}

static void multi_drain(void *unused)
{
    (void)unused;
    two_producers(2, 2, 1, true);
}

static void produce_void(void *context)
{
    struct producer *p = context;
    for (int64_t i = 0; i < p->events; i++) {
        int64_t s = takt_ring_next(p->flow->ring, 2);
        flow_fill(p->flow, s, p->number, i);
        takt_ring_publish_void(p->flow->ring, s - 1, s - 1);
        takt_ring_publish(p->flow->ring, s);
    }
}

/* Of two producers; the slots of void events hold no producer's number. */
static void multi_void(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(8, true, FLOW_BLOCK);
    struct producer producers[2] = {{f, 0, 1, TAKT_FOREVER, 0}, {f, 1, 1, TAKT_FOREVER, 0}};
    for (int i = 0; i < 8; i++)
        flow_fill(f, i, -1, -1);
    takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    flow_skips_voids(f);
    int first = sim_start("producer 0", produce_void, &producers[0]);
    int second = sim_start("producer 1", produce_void, &producers[1]);
    sim_join(first);
    sim_join(second);
    flow_wait(f, 3);
    flow_end(f, 2);
}

static void walk(void *ring)
{
    (void)takt_ring_cursor(ring);
}

/* Somebody else moves the cursor less far than the consumer has seen; then the ring goes round. */
static void multi_walk(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, true, FLOW_BLOCK);
    takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    int walker = sim_start("walker", walk, f->ring);
    flow_produce(f, 0, 4, TAKT_FOREVER);
    sim_join(walker);
    flow_wait(f, 3);
    flow_end(f, 4);
}

static void multi_large(void *unused)
{
    (void)unused;
    two_producers(4, 6, 2, false);
}

/* Gives up where it takes too long, and goes on: nothing is lost and no hole is left. */
static void claim_deadline(bool multi)
{
    struct flow *f = flow_begin(2, multi, FLOW_BLOCK);
    takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    int64_t published = 0;
    for (int64_t i = 0; i < 5; i++) {
        int64_t s = takt_ring_next_until(f->ring, 1, takt_after(5000));
        if (s < 0) {
            sim_check(s == TAKT_ETIMEDOUT, "a claim with a deadline: %s", takt_strerror((int)s));
            continue;
        }
        sim_check(s == published, "a claim that was given up has left a hole before %lld",
                  (long long)s);
        flow_fill(f, s, 0, published++);
        takt_ring_publish(f->ring, s);
    }
    flow_wait(f, published - 1);
    flow_end(f, published);
}

static void deadline_single(void *unused)
{
    (void)unused;
    claim_deadline(false);
}

static void deadline_multi(void *unused)
{
    (void)unused;
    claim_deadline(true);
}

/* The ring is full and stays so: only the halt ends the claim. */
static void claim_halt(bool multi)
{
    struct flow *f = flow_begin(2, multi, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    struct producer *p;
    int producer = start_producer(f, 0, 4, TAKT_FOREVER, &p);
    takt_ring_halt(f->ring);
    sim_join(producer);
    sim_check(p->result == TAKT_EHALTED || (p->result >= 1 && p->result <= 2),
              "a claim in a ring that is halted: %lld", (long long)p->result);
    sim_check(takt_ring_try_next(f->ring, 1) == TAKT_EHALTED, "a claim after a halt");
    flow_end(f, -1);
}

static void halt_single(void *unused)
{
    (void)unused;
    claim_halt(false);
}

static void halt_multi(void *unused)
{
    (void)unused;
    claim_halt(true);
}

/* There is room; who claims after the halt is refused nevertheless. */
static void halt_room(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(4, false, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    struct producer *p;
    int producer = start_producer(f, 0, 1, TAKT_FOREVER, &p);
    takt_ring_halt(f->ring);
    sim_join(producer);
    int64_t s = takt_ring_try_next(f->ring, 1);
    sim_check(s == TAKT_EHALTED, "a claim after a halt returned %lld", (long long)s);
    flow_end(f, -1);
}

/* A halt while everything moves: what the consumer has had is a stretch from the start. */
static void halt_flow(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    takt_consumer_start(flow_consumer(f, NULL, 0, FLOW_BLOCK));
    struct producer *p;
    int producer = start_producer(f, 0, 4, TAKT_FOREVER, &p);
    sim_give_way();
    takt_ring_halt(f->ring);
    sim_join(producer);
    int64_t published = p->result > 0 ? p->result : 0;
    struct flow_consumer *c = &f->consumers[0];
    takt_consumer_join(c->handle);
    sim_check(c->count <= published, "%lld events came of %lld", (long long)c->count,
              (long long)published);
    flow_end(f, -1);
}

const struct sim_case sim_ring_cases[] = {
    {"ring_block", "one producer, one consumer, both block", ring_block, 2, 40, false, false},
    {"ring_one_slot", "a ring of one slot", ring_one_slot, 2, 30, false, false},
    {"ring_yield", "both yield", ring_yield, 2, 25, false, false},
    {"ring_sleep", "both sleep", ring_sleep, 2, 25, false, false},
    {"ring_poll", "a consumer that is polled", ring_poll, 3, 15, false, false},
    {"ring_void", "void events between others", ring_void, 2, 40, false, false},
    {"ring_long", "twenty events", ring_long, 2, 65, false, false},
    {"multi_small", "two producers, a consumer", multi_small, 2, 60, false, false},
    {"multi_drain", "a drain of what two producers have published", multi_drain, 2, 20, false,
     false},
    {"multi_walk", "the cursor is moved by one who has seen less", multi_walk, 3, 25, false, false},
    {"multi_large", "two producers, two consumers, twelve events", multi_large, 1, 30, false,
     false},
    {"multi_void", "void events of two producers", multi_void, 2, 25, false, false},
    {"deadline_single", "a claim that gives up", deadline_single, 2, 30, false, false},
    {"deadline_multi", "the same, for many producers", deadline_multi, 2, 30, false, false},
    {"halt_single", "a halt ends a claim", halt_single, 4, 10, false, false},
    {"halt_multi", "the same, for many producers", halt_multi, 4, 10, false, false},
    {"halt_room", "after a halt no claim succeeds", halt_room, 4, 15, false, false},
    {"halt_flow", "a halt while events flow", halt_flow, 2, 50, false, false},
    {0},
};
