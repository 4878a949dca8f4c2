/* SPDX-License-Identifier: MIT */
/*
 * What one thread wrote before it said something is there for who has heard it: an alert, a halt, a
 * failure, the end of a consumer, a cursor, an early release. The flow of events itself is checked
 * in case_ring.c. What is written is plain, so that a missing edge is a race, which the explorer
 * reports.
 */
#include "cases.h"
#include "disruptor/atomic.h"
#include "flow.h"

#define CODE (TAKT_EUSER - 7)

struct edge {
    struct flow *flow;
    takt_barrier *barrier;
    takt_consumer *consumer;
    int64_t note; /* plain */
    int64_t answer;
    uint32_t runs, refused;
    uint32_t started;
};

static struct edge *edge_begin(int64_t capacity, bool multi)
{
    struct edge *e = sim_memory(sizeof *e);
    e->flow = flow_begin(capacity, multi, FLOW_BLOCK);
    return e;
}

static void wait_at_barrier(void *context)
{
    struct edge *e = context;
    int64_t found = takt_barrier_wait(e->barrier, 0, TAKT_FOREVER);
    sim_check(found == TAKT_EALERTED || found == TAKT_EHALTED, "the wait found %lld",
              (long long)found);
    sim_check(e->note == 7, "the wait has ended, and why is not there");
}

static void end_a_wait(bool by_halt)
{
    struct edge *e = edge_begin(2, false);
    takt_barrier_create(&e->barrier, e->flow->ring, NULL, 0, &FLOW_BLOCK);
    int waiter = sim_start("waiter", wait_at_barrier, e);
    e->note = 7;
    if (by_halt)
        takt_ring_halt(e->flow->ring);
    else
        takt_barrier_alert(e->barrier);
    sim_join(waiter);
    takt_barrier_destroy(e->barrier);
    flow_end(e->flow, 0);
}

static void edge_alert(void *unused)
{
    (void)unused;
    end_a_wait(false);
}

static void edge_halt(void *unused)
{
    (void)unused;
    end_a_wait(true);
}

static void on_start(void *context)
{
    struct edge *e = context;
    takt__st32_rel(&e->started, 1);
}

static void on_stop(void *context)
{
    struct edge *e = context;
    e->answer = e->note;
}

static int nothing(void *context, takt_batch *b)
{
    (void)context, (void)b;
    return 0;
}

static void run_consumer(void *context)
{
    struct edge *e = context;
    int code = takt_consumer_run(e->consumer);
    takt__add32(code == TAKT_ESTATE ? &e->refused : &e->runs, 1);
}

/* On a thread of the caller's: what comes before the halt is there at its end, and that after. */
static void edge_run(void *unused)
{
    (void)unused;
    struct edge *e = edge_begin(2, false);
    takt_consumer_add(e->flow->ring, &e->consumer,
                      TAKT_CONSUMER(.handler = nothing, .context = e, .on_start = on_start,
                                    .on_stop = on_stop, .wait = FLOW_BLOCK));
    int first = sim_start("first", run_consumer, e);
    int second = sim_start("second", run_consumer, e);
    while (!takt__ld32_acq(&e->started))
        sim_give_way();
    e->note = 7;
    takt_consumer_halt(e->consumer);
    takt_consumer_join(e->consumer);
    sim_check(e->answer == 7, "it has stopped, and what it did is not there");
    sim_join(first);
    sim_join(second);
    sim_check(e->runs == 1 && e->refused == 1, "two threads run a consumer");
    flow_end(e->flow, 0);
}

static int fail_at_one(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == 1)
            return takt_batch_fail(b, i, CODE);
    return 0;
}

static void check_failure(const struct edge *e)
{
    int64_t sequence = -1;
    int code = 0;
    sim_check(takt_consumer_failure(e->consumer, &sequence, &code) == 1, "no failure");
    sim_check(sequence == 1 && code == CODE, "failed at %lld with %d", (long long)sequence, code);
}

static struct edge *begin_failing(uint32_t retries)
{
    struct edge *e = edge_begin(4, false);
    takt_consumer_add(e->flow->ring, &e->consumer,
                      TAKT_CONSUMER(.handler = fail_at_one, .context = e, .wait = FLOW_BLOCK,
                                    .retries = retries, .retry_ns = TAKT_FOREVER));
    takt_consumer_start(e->consumer);
    flow_produce(e->flow, 0, 2, TAKT_FOREVER);
    return e;
}

/* Who sees that there is a failure sees which. */
static void edge_failure(void *unused)
{
    (void)unused;
    struct edge *e = begin_failing(0);
    int64_t sequence;
    int code;
    while (!takt_consumer_failure(e->consumer, &sequence, &code))
        sim_give_way();
    check_failure(e);
    flow_end(e->flow, 0);
}

/* A drain that a failure has ended: it is there. */
static void edge_drain(void *unused)
{
    (void)unused;
    struct edge *e = begin_failing(0);
    int64_t left = takt_ring_drain(e->flow->ring, TAKT_FOREVER);
    sim_check(left == 1, "%lld events are left", (long long)left);
    check_failure(e);
    flow_end(e->flow, 0);
}

/* A consumer that would wait for ever before it tries again is halted. */
static void edge_retry(void *unused)
{
    (void)unused;
    struct edge *e = begin_failing(1);
    takt_consumer_halt(e->consumer);
    takt_consumer_join(e->consumer);
    flow_end(e->flow, 0);
}

static void produce_two(void *context)
{
    struct edge *e = context;
    flow_produce(e->flow, 0, 2, TAKT_FOREVER);
}

/* Who asks whether an event is there, or how far the ring is, may read it. */
static void look_up(bool multi, bool by_cursor)
{
    struct edge *e = edge_begin(4, multi);
    flow_consumer(e->flow, NULL, 0, FLOW_BLOCK);
    int producer = sim_start("producer", produce_two, e);
    takt_ring *ring = e->flow->ring;
    while (by_cursor ? takt_ring_cursor(ring) < 1 : !takt_ring_is_available(ring, 1))
        sim_give_way();
    const struct flow_event *event = takt_ring_at(ring, 1);
    sim_check(event->number == 1, "the event is %lld", (long long)event->number);
    sim_join(producer);
    flow_end(e->flow, 0);
}

static void edge_available(void *unused)
{
    (void)unused;
    look_up(false, false);
}

static void edge_available_multi(void *unused)
{
    (void)unused;
    look_up(true, false);
}

static void move_cursor(void *context)
{
    struct edge *e = context;
    while (takt_ring_cursor(e->flow->ring) < 1)
        sim_give_way();
}

/* Another one moves the cursor of several producers, and what it has seen is handed on by that. */
static void edge_available_moved(void *unused)
{
    (void)unused;
    struct edge *e = edge_begin(4, true);
    flow_consumer(e->flow, NULL, 0, FLOW_BLOCK);
    int mover = sim_start("mover", move_cursor, e);
    int producer = sim_start("producer", produce_two, e);
    while (!takt_ring_is_available(e->flow->ring, 1))
        sim_give_way();
    const struct flow_event *event = takt_ring_at(e->flow->ring, 1);
    sim_check(event->number == 1, "the event is %lld", (long long)event->number);
    sim_join(producer);
    sim_join(mover);
    flow_end(e->flow, 0);
}

static void edge_cursor(void *unused)
{
    (void)unused;
    look_up(false, true);
}

/* Gives free what it has read, and waits in its batch until the producer has used the room. */
static int release_early(void *context, takt_batch *b)
{
    struct edge *e = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        sim_check(event->number == e->answer++, "event %lld", (long long)event->number);
        takt_batch_release(b, i);
    }
    int64_t due = e->answer + 1 < 3 ? e->answer + 1 : 3;
    while (takt_ring_cursor(e->flow->ring) < due)
        sim_give_way();
    return 0;
}

static void edge_release(void *unused)
{
    (void)unused;
    struct edge *e = edge_begin(2, false);
    takt_consumer_add(e->flow->ring, &e->consumer,
                      TAKT_CONSUMER(.handler = release_early, .context = e, .wait = FLOW_BLOCK));
    takt_consumer_start(e->consumer);
    flow_produce(e->flow, 0, 4, TAKT_FOREVER);
    flow_drain(e->flow);
    sim_check(e->answer == 4, "%lld events came", (long long)e->answer);
    flow_end(e->flow, 0);
}

/* Reads what it is given, and fails at every other event. */
static int fail_often(void *context, takt_batch *b)
{
    struct edge *e = context;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct flow_event *event = takt_batch_at(b, i);
        sim_check(event->number == e->answer++, "event %lld", (long long)event->number);
        if (event->number % 2 == 0)
            return takt_batch_fail(b, i, CODE);
    }
    return 0;
}

/* A failed event that is skipped is done with. */
static void edge_skip(void *unused)
{
    (void)unused;
    struct edge *e = edge_begin(1, false);
    takt_consumer_add(e->flow->ring, &e->consumer,
                      TAKT_CONSUMER(.handler = fail_often, .context = e, .wait = FLOW_BLOCK,
                                    .policy = TAKT_SKIP));
    takt_consumer_start(e->consumer);
    flow_produce(e->flow, 0, 4, TAKT_FOREVER);
    flow_drain(e->flow);
    sim_check(e->answer == 4, "%lld events came", (long long)e->answer);
    flow_end(e->flow, 0);
}

const struct sim_case sim_edge_cases[] = {
    {"edge_alert", "what comes before an alert is there", edge_alert, 3, 6, false, false},
    {"edge_halt", "and before a halt", edge_halt, 3, 6, false, false},
    {"edge_run", "a consumer on a thread of the caller's", edge_run, 2, 10, false, false},
    {"edge_failure", "a failure is seen as a whole", edge_failure, 2, 6, false, false},
    {"edge_drain", "also by who drains", edge_drain, 2, 8, false, false},
    {"edge_retry", "a halt while a consumer waits to try again", edge_retry, 2, 6, false, false},
    {"edge_available", "an event that is available may be read", edge_available, 3, 5, false,
     false},
    {"edge_available_multi", "of several producers, too", edge_available_multi, 3, 8, false, false},
    {"edge_available_moved", "when another one has moved the cursor", edge_available_moved, 2, 8,
     false, false},
    {"edge_cursor", "so may what the cursor has passed", edge_cursor, 3, 5, false, false},
    {"edge_skip", "failed events that are skipped", edge_skip, 2, 8, false, false},
    {"edge_release", "a batch that is given free in parts", edge_release, 2, 10, false, false},
    {0},
};
