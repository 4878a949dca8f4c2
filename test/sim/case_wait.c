/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: whoever sleeps at a sequence is woken by who moves it, although the mover
 * does without a fence; whoever waits for several sequences sleeps at one that will still move.
 */
#include "cases.h"
#include "disruptor/await.h"
#include "disruptor/wait.h"
#include "flow.h"

struct meeting {
    takt_sequence a, b;
    takt_ring *ring;
    takt_barrier *barrier;
    int64_t wanted;
    int64_t found;
    int64_t written[2]; /* plain: what is there to be seen when the wait is over */
};

static struct meeting *meeting_begin(uint32_t sequences)
{
    struct meeting *m = sim_memory(sizeof *m);
    takt_sequence_init(&m->a, -1);
    takt_sequence_init(&m->b, -1);
    takt_ring_create(&m->ring, TAKT_RING(.event_size = 8, .capacity = 2, .alignment = 8,
                                         .allocator = &sim_allocator));
    const takt_sequence *both[] = {&m->a, &m->b};
    takt_barrier_create(&m->barrier, m->ring, both, sequences, &FLOW_BLOCK);
    return m;
}

static void meeting_end(struct meeting *m)
{
    takt_barrier_destroy(m->barrier);
    takt_ring_destroy(m->ring);
}

static void wait_for_both(void *context)
{
    struct meeting *m = context;
    m->found = takt_barrier_wait(m->barrier, m->wanted, TAKT_FOREVER);
}

static void move_a(void *context)
{
    struct meeting *m = context;
    m->written[0] = 1;
    for (int64_t i = 0; i <= m->wanted; i++)
        takt_sequence_set(&m->a, i);
}

static void move_b(void *context)
{
    struct meeting *m = context;
    m->written[1] = 1;
    for (int64_t i = 0; i <= m->wanted; i++)
        takt_sequence_set(&m->b, i);
}

static void sleep_at_one(void *unused)
{
    (void)unused;
    struct meeting *m = meeting_begin(1);
    m->wanted = 1;
    int mover = sim_start("mover", move_a, m);
    wait_for_both(m);
    sim_check(m->found == 1, "the wait found %lld", (long long)m->found);
    sim_check(m->written[0] == 1, "what was written before is not there");
    sim_join(mover);
    meeting_end(m);
}

static void sleep_at_two(void *unused)
{
    (void)unused;
    struct meeting *m = meeting_begin(2);
    int first = sim_start("mover a", move_a, m);
    int second = sim_start("mover b", move_b, m);
    wait_for_both(m);
    sim_check(m->found == 0, "the wait found %lld", (long long)m->found);
    sim_check(m->written[0] + m->written[1] == 2, "what was written before is not there");
    sim_join(first);
    sim_join(second);
    meeting_end(m);
}

/* Two sleep at the same sequence: both are woken. */
static void two_sleepers(void *unused)
{
    (void)unused;
    struct meeting *m = meeting_begin(1);
    int sleeper = sim_start("sleeper", wait_for_both, m);
    int mover = sim_start("mover", move_a, m);
    int64_t found = takt_barrier_wait(m->barrier, 0, TAKT_FOREVER);
    sim_check(found == 0, "the wait found %lld", (long long)found);
    sim_join(sleeper);
    sim_join(mover);
    meeting_end(m);
}

static void alert(void *context)
{
    struct meeting *m = context;
    takt_barrier_alert(m->barrier);
}

static void wait_alert(void *unused)
{
    (void)unused;
    struct meeting *m = meeting_begin(2);
    int alerter = sim_start("alerter", alert, m);
    int mover = sim_start("mover", move_a, m);
    wait_for_both(m);
    sim_check(m->found == TAKT_EALERTED, "the wait found %lld", (long long)m->found);
    sim_join(alerter);
    sim_join(mover);
    meeting_end(m);
}

static void halt(void *context)
{
    struct meeting *m = context;
    takt_ring_halt(m->ring);
}

/* A halt ends the wait for what nobody will do any more. */
static void end_by_halt(uint32_t sequences)
{
    struct meeting *m = meeting_begin(sequences);
    int halter = sim_start("halter", halt, m);
    wait_for_both(m);
    sim_check(m->found == TAKT_EHALTED, "the wait found %lld", (long long)m->found);
    sim_join(halter);
    meeting_end(m);
}

/* At the ring's cursor. */
static void wait_halt(void *unused)
{
    (void)unused;
    end_by_halt(0);
}

/* At a sequence that the ring does not know of. */
static void wait_halt_own(void *unused)
{
    (void)unused;
    end_by_halt(1);
}

static void wait_deadline(void *unused)
{
    (void)unused;
    struct meeting *m = meeting_begin(1);
    int mover = sim_start("mover", move_a, m);
    int64_t deadline = takt_after(20000);
    int64_t found = takt_barrier_wait(m->barrier, 0, deadline);
    sim_check(found == 0 || found == TAKT_ETIMEDOUT, "the wait found %lld", (long long)found);
    sim_check(found == 0 || sim_now() >= deadline, "a time-out before its time");
    sim_join(mover);
    meeting_end(m);
}

struct growing {
    takt_sequence first, second;
    const takt_sequence *members[2];
    struct takt__gate gate;
    struct takt__gates gates;
};

static void grow(void *context)
{
    struct growing *g = context;
    takt_sequence_set(&g->first, 0);
    takt__stp_rel(&g->members[1], &g->second);
    takt__gate_cover(&g->gate, 2);
    takt__gate_raise(&g->gate);
    takt_sequence_set(&g->second, 0);
}

/* While somebody looks for where to sleep, the last that was behind moves, and another comes. */
static void sleep_at_newcomer(void *unused)
{
    (void)unused;
    struct growing *g = sim_memory(sizeof *g);
    takt_sequence_init(&g->first, -1);
    takt_sequence_init(&g->second, -1);
    g->members[0] = &g->first;
    g->gate.members = g->members;
    g->gate.used = 1;
    g->gates = (struct takt__gates){1, {&g->gate}};
    int grower = sim_start("grower", grow, g);
    struct takt__await what = {.gates = &g->gates, .wanted = 0, .deadline = TAKT_FOREVER};
    int64_t found = takt__await(&what, &FLOW_BLOCK);
    sim_check(found == 0, "the wait found %lld", (long long)found);
    sim_join(grower);
}

/* A consumer that comes after two others, as it was in the ring when this went wrong. */
static void two_upstreams(int64_t events)
{
    static const uint32_t both[] = {0, 1};
    struct flow *f = flow_begin(2, false, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    flow_consumer(f, NULL, 0, FLOW_BLOCK);
    flow_consumer(f, both, 2, FLOW_BLOCK);
    for (uint32_t i = 0; i < f->count; i++)
        takt_consumer_start(f->consumers[i].handle);
    flow_produce(f, 0, events, TAKT_FOREVER);
    flow_drain(f);
    flow_end(f, events);
}

static void upstreams_small(void *unused)
{
    (void)unused;
    two_upstreams(1);
}

static void upstreams_large(void *unused)
{
    (void)unused;
    two_upstreams(6);
}

const struct sim_case sim_wait_cases[] = {
    {"sleep_at_one", "a sleeper is woken by who moves its sequence", sleep_at_one, 5, 15, false,
     false},
    {"sleep_at_two", "and sleeps at the one of two that is behind", sleep_at_two, 4, 30, false,
     false},
    {"sleep_at_newcomer", "or at one that has just come", sleep_at_newcomer, 3, 10, false, false},
    {"two_sleepers", "two sleepers are both woken", two_sleepers, 2, 20, false, false},
    {"wait_alert", "an alert ends a wait", wait_alert, 2, 10, false, false},
    {"wait_halt", "so does a halt", wait_halt, 4, 8, false, false},
    {"wait_halt_own", "at a sequence that the ring does not know, too", wait_halt_own, 4, 8, false,
     false},
    {"wait_deadline", "and a deadline, not early", wait_deadline, 3, 8, false, false},
    {"upstreams_small", "a consumer behind two others, one event", upstreams_small, 2, 30, false,
     false},
    {"upstreams_large", "a consumer behind two others, six events", upstreams_large, 2, 20, false,
     false},
    {0},
};
