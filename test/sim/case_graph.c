/* SPDX-License-Identifier: MIT */
/* The graph of consumers, and gates under it, changed while events flow. */
#include <takt/payload.h>

#include "cases.h"
#include "disruptor/consumer.h"
#include "flow.h"

struct relay {
    struct takt__gate gate;
    takt_sequence first, second;
    const takt_sequence *members[2];
    int64_t done[8]; /* plain: by whoever has handled the event */
};

/* The first member goes, the second takes over: gate.h's own order of doing so. */
static void hand_over(void *context)
{
    struct relay *r = context;
    for (int64_t s = 0; s < 2; s++) {
        r->done[s] = s;
        takt_sequence_set(&r->first, s);
    }
    takt_sequence_set(&r->second, 1);
    takt__gate_cover(&r->gate, 2);
    takt__gate_raise(&r->gate);
    takt_sequence_set(&r->first, TAKT_SEQUENCE_GONE);
    r->done[2] = 2;
    takt_sequence_set(&r->second, 2);
}

static void gate_hand_over(void *unused)
{
    (void)unused;
    struct relay *r = sim_memory(sizeof *r);
    takt_sequence_init(&r->first, -1);
    takt_sequence_init(&r->second, TAKT_SEQUENCE_GONE);
    r->members[0] = &r->first;
    r->members[1] = &r->second;
    r->gate.members = r->members;
    takt__gate_cover(&r->gate, 1);
    int relay = sim_start("relay", hand_over, r);
    int64_t before = -1;
    for (int i = 0; i < 2; i++) {
        int64_t least = takt__gate_least(&r->gate);
        sim_check(least >= before && least <= 2, "the least went from %lld to %lld",
                  (long long)before, (long long)least);
        for (int64_t s = 0; s <= least; s++)
            sim_check(r->done[s] == s, "event %lld is not done", (long long)s);
        before = least;
    }
    sim_join(relay);
}

struct graph {
    struct flow *flow;
    int64_t events;
    enum takt_from from;
};

static void produce(void *context)
{
    struct graph *g = context;
    flow_produce(g->flow, 0, g->events, TAKT_FOREVER);
}

static struct graph *graph_begin(int64_t events)
{
    struct graph *g = sim_memory(sizeof *g);
    g->flow = flow_begin(2, false, FLOW_BLOCK);
    g->events = events;
    takt_consumer_start(flow_consumer(g->flow, NULL, 0, FLOW_BLOCK));
    return g;
}

static void graph_end(struct graph *g, int producer)
{
    sim_join(producer);
    flow_drain(g->flow);
    sim_check(g->flow->consumers[0].count == g->events, "the first consumer got %lld events",
              (long long)g->flow->consumers[0].count);
    flow_end(g->flow, -1);
}

/* A consumer behind the first comes and stays: it gets everything from where it began. */
static void come(void *unused)
{
    (void)unused;
    static const uint32_t first[] = {0};
    struct graph *g = graph_begin(4);
    int producer = sim_start("producer", produce, g);
    takt_consumer_start(flow_consumer(g->flow, first, 1, FLOW_BLOCK));
    graph_end(g, producer);
    const struct flow_consumer *late = &g->flow->consumers[1];
    sim_check(late->first < 0 || late->last == 3, "the newcomer ended at %lld",
              (long long)late->last);
}

/* Beside the first, it comes and goes; the producer is not held up by it afterwards. */
static void come_and_go(void *unused)
{
    (void)unused;
    struct graph *g = graph_begin(4);
    int producer = sim_start("producer", produce, g);
    takt_consumer *c = flow_consumer(g->flow, NULL, 0, FLOW_BLOCK);
    takt_consumer_start(c);
    int error = takt_consumer_remove(c);
    sim_check(error == 0, "it cannot be removed: %s", takt_strerror(error));
    graph_end(g, producer);
}

/* Behind the first, whose place at the producer's gate it takes and gives back. */
static void insert(void *unused)
{
    (void)unused;
    static const uint32_t first[] = {0};
    struct graph *g = graph_begin(4);
    int producer = sim_start("producer", produce, g);
    takt_consumer *c = flow_consumer(g->flow, first, 1, FLOW_BLOCK);
    takt_consumer_start(c);
    int error = takt_consumer_remove(c);
    sim_check(error == 0, "it cannot be removed: %s", takt_strerror(error));
    graph_end(g, producer);
}

/* The second consumer, if it has had an event at all, must have had the last of four. */
static void end_with_newcomer(struct graph *g, int producer)
{
    sim_join(producer);
    flow_drain(g->flow);
    const struct flow_consumer *c = &g->flow->consumers[1];
    sim_check(c->first < 0 || c->last == 3, "the newcomer ended at %lld", (long long)c->last);
    flow_end(g->flow, -1);
}

/* The only consumer goes, and another comes while the producer is under way. */
static void change_over(void *unused)
{
    (void)unused;
    struct graph *g = graph_begin(4);
    int producer = sim_start("producer", produce, g);
    takt_consumer *next = flow_consumer(g->flow, NULL, 0, FLOW_BLOCK);
    takt_consumer_remove(g->flow->consumers[0].handle);
    takt_consumer_start(next);
    end_with_newcomer(g, producer);
}

/* All have gone, and one comes back: the producer goes by what it has published itself. */
static void gone(void *unused)
{
    (void)unused;
    struct graph *g = graph_begin(4);
    takt_consumer_remove(g->flow->consumers[0].handle);
    int producer = sim_start("producer", produce, g);
    takt_consumer *next = flow_consumer(g->flow, NULL, 0, FLOW_BLOCK);
    takt_consumer_start(next);
    end_with_newcomer(g, producer);
}

/*
 * A sequence moves, a producer sees that and writes to the slot that has become free, and a
 * consumer comes that begins with the oldest event: if it has not seen the sequence move, the
 * producer must have seen it come.
 */
struct look {
    takt_ring *ring;
    takt_payload *payload;
    takt_sequence slow;
    takt_consumer *newcomer;
};

static void move(void *context)
{
    struct look *l = context;
    int64_t value = *(int64_t *)takt_ring_at(l->ring, 0);
    sim_check(value == 0, "event 0 is %lld", (long long)value);
    takt_sequence_set(&l->slow, 0);
}

static void claim(void *context)
{
    struct look *l = context;
    int64_t s = l->payload ? takt_payload_try_next(l->payload, 8, NULL) //
                           : takt_ring_try_next(l->ring, 1);
    if (s < 0)
        return;
    *(int64_t *)takt_ring_at(l->ring, s) = s;
    takt_ring_publish(l->ring, s);
}

static int see(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t sequence = takt_batch_sequence(b, i), value = *(int64_t *)takt_batch_at(b, i);
        sim_check(value == sequence, "event %lld is %lld", (long long)sequence, (long long)value);
    }
    return 0;
}

static void look_again(void *context)
{
    struct look *l = context;
    takt_consumer_add(l->ring, &l->newcomer,
                      TAKT_CONSUMER(.handler = see, .from = TAKT_FROM_OLDEST));
    takt_consumer_poll(l->newcomer, see, NULL, 1);
}

static void look(bool multi, bool payload)
{
    struct look *l = sim_memory(sizeof *l);
    takt_ring_create(&l->ring, TAKT_RING(.event_size = 8, .capacity = 1, .multi = multi,
                                         .allocator = &sim_allocator));
    takt_sequence_init(&l->slow, -1);
    takt_ring_add_gating(l->ring, &l->slow);
    if (payload)
        takt_payload_create(&l->payload, l->ring, TAKT_PAYLOAD(.capacity = 64));
    claim(l);
    int mover = sim_start("mover", move, l);
    int producer = sim_start("producer", claim, l);
    int newcomer = sim_start("newcomer", look_again, l);
    sim_join(mover);
    sim_join(producer);
    sim_join(newcomer);
    takt_consumer_poll(l->newcomer, see, NULL, 1);
    int64_t done = takt_sequence_get(takt_consumer_sequence(l->newcomer));
    sim_check(done == takt_ring_cursor(l->ring), "it ended at %lld", (long long)done);
    takt_payload_destroy(l->payload);
    takt_ring_destroy(l->ring);
}

static void look_single(void *unused)
{
    (void)unused;
    look(false, false);
}

static void look_multi(void *unused)
{
    (void)unused;
    look(true, false);
}

static void look_payload(void *unused)
{
    (void)unused;
    look(false, true);
}

static void read_least(void *context)
{
    const takt_ring *ring = context;
    for (int i = 0; i < 2; i++) {
        int64_t least = takt__gates_least(&ring->hidden->consumers);
        sim_check(least == -1, "the least of those who have done nothing is %lld",
                  (long long)least);
    }
}

/* A consumer's place is taken and given back while somebody looks at all of them. */
static void least(void *unused)
{
    (void)unused;
    static const uint32_t first[] = {0};
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    int reader = sim_start("reader", read_least, f->ring);
    takt_consumer_remove(flow_consumer(f, first, 1, FLOW_BLOCK));
    sim_join(reader);
    flow_end(f, -1);
}

static int fail(void *context, takt_batch *b)
{
    (void)context;
    return takt_batch_fail(b, 0, TAKT_EUSER);
}

static void drain(void *context)
{
    int64_t left = takt_ring_drain(context, TAKT_FOREVER);
    sim_check(left == 1, "%lld events are left", (long long)left);
}

/* Who sleeps at a consumer until all is done hears of its failure behind a newcomer, too. */
static void fail_behind(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    takt_consumer *before, *newcomer;
    takt_consumer_add(f->ring, &before, TAKT_CONSUMER(.handler = fail, .wait = FLOW_BLOCK));
    flow_produce(f, 0, 1, TAKT_FOREVER);
    int drainer = sim_start("drainer", drain, f->ring);
    for (int i = 0; i < 4; i++)
        sim_give_way();
    takt_consumer_add(f->ring, &newcomer,
                      TAKT_CONSUMER(.handler = flow_handle, .after = &before, .after_count = 1));
    takt_consumer_start(before);
    sim_join(drainer);
    flow_end(f, -1);
}

static void run_there(void *context)
{
    takt_consumer_run(context);
}

/* One fails while another that failed before is removed: a drain still ends. */
static void fail_beside(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    takt_consumer *before, *beside;
    takt_consumer_add(f->ring, &before, TAKT_CONSUMER(.handler = fail, .wait = FLOW_BLOCK));
    takt_consumer_add(f->ring, &beside, TAKT_CONSUMER(.handler = fail, .wait = FLOW_BLOCK));
    flow_produce(f, 0, 1, TAKT_FOREVER);
    takt_consumer_run(before);
    int runner = sim_start("runner", run_there, beside);
    takt_consumer_remove(before);
    drain(f->ring);
    sim_join(runner);
    flow_end(f, -1);
}

static void halt(void *context)
{
    takt_ring_halt(context);
}

/*
 * A halt while a consumer is added: whoever wakes all finds only what is there, and who comes when
 * all have been woken stops by itself.
 */
static void come_and_halt(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    int halter = sim_start("halter", halt, f->ring);
    takt_consumer *c = flow_consumer(f, NULL, 0, FLOW_BLOCK);
    takt_consumer_start(c);
    sim_join(halter);
    takt_consumer_join(c);
    flow_end(f, 0);
}

struct starting {
    takt_consumer *consumer;
    int first, second;
};

static void start_first(void *context)
{
    struct starting *s = context;
    s->first = takt_consumer_start(s->consumer);
}

/* Two threads start the same consumer: it has one thread, and the other is refused. */
static void start_twice(void *unused)
{
    (void)unused;
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    struct starting *s = sim_memory(sizeof *s);
    s->consumer = flow_consumer(f, NULL, 0, FLOW_BLOCK);
    int starter = sim_start("starter", start_first, s);
    s->second = takt_consumer_start(s->consumer);
    sim_join(starter);
    sim_check(s->first + s->second == TAKT_ESTATE, "the starts found %d and %d", s->first,
              s->second);
    flow_end(f, 0);
}

static void diamond(void *unused)
{
    (void)unused;
    static const uint32_t first[] = {0}, both[] = {1, 2};
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    flow_consumer(f, first, 1, FLOW_BLOCK);
    flow_consumer(f, first, 1, FLOW_BLOCK);
    flow_consumer(f, both, 2, FLOW_BLOCK);
    for (uint32_t i = 0; i < f->count; i++)
        takt_consumer_start(f->consumers[i].handle);
    flow_produce(f, 0, 4, TAKT_FOREVER);
    flow_drain(f);
    flow_end(f, 4);
}

const struct sim_case sim_graph_cases[] = {
    {"gate_hand_over", "the least of a gate whose members change", gate_hand_over, 4, 15, false,
     false},
    {"graph_come", "a consumer is added while events flow", come, 2, 30, false, false},
    {"graph_come_and_go", "added and removed beside another", come_and_go, 2, 40, false, false},
    {"graph_insert", "added and removed behind another", insert, 2, 30, false, false},
    {"graph_change_over", "one goes, another comes", change_over, 2, 30, false, false},
    {"graph_gone", "all have gone, and one comes", gone, 2, 20, false, false},
    {"graph_look", "a sequence moves while one comes", look_single, 3, 10, false, false},
    {"graph_look_multi", "the same, with many producers", look_multi, 3, 10, false, false},
    {"graph_look_payload", "the same, with bytes", look_payload, 3, 10, false, false},
    {"graph_least", "one comes and goes while all are looked at", least, 3, 10, false, false},
    {"graph_fail", "one fails behind which another has come", fail_behind, 2, 5, false, false},
    {"graph_fail_beside", "one fails, one that failed goes", fail_beside, 3, 10, false, false},
    {"graph_halt", "a halt while one comes", come_and_halt, 3, 10, false, false},
    {"graph_start", "two threads start the same one", start_twice, 3, 10, false, false},
    {"graph_diamond", "a diamond of four", diamond, 2, 20, false, false},
    {0},
};
