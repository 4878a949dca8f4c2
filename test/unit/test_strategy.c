/* SPDX-License-Identifier: MIT */
/*
 * What the strategies of waiting do between two looks: who arms a sequence and which, what is
 * learnt from a wait, how long a backoff takes, and the lag of a consumer. None of it changes what
 * comes of a wait, only what it costs.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <unistd.h>

#include <takt/takt.h>

#include "disruptor/await.h"
#include "disruptor/backoff.h"

TestSuite(strategy, .timeout = 40);

#define MS INT64_C(1000000)

/* Two sequences to wait for. */
struct pair {
    takt_sequence at[2];
    const takt_sequence *members[2];
    struct takt__gate gate;
    struct takt__gates gates;
};

static void set_up(struct pair *p, int64_t first, int64_t second)
{
    takt_sequence_init(&p->at[0], first);
    takt_sequence_init(&p->at[1], second);
    for (int i = 0; i < 2; i++)
        p->members[i] = &p->at[i];
    p->gate = (struct takt__gate){.members = p->members};
    takt__gate_cover(&p->gate, 2);
    p->gates = (struct takt__gates){.count = 1, .gate = {&p->gate}};
}

static int64_t wait_in_vain(struct pair *p, takt_wait how)
{
    struct takt__await what = {.gates = &p->gates, .wanted = 1, .deadline = takt_after(10 * MS)};
    return takt__await(&what, &how);
}

Test(strategy, those_that_block_arm_the_sequence_and_no_others)
{
    static struct pair p;
    for (int kind = TAKT_WAIT_BLOCK; kind <= TAKT_WAIT_SLEEP; kind++) {
        set_up(&p, 0, 0);
        takt_wait how = {.kind = (enum takt_wait_kind)kind, .spins = 2, .yields = 2};
        cr_assert_eq(wait_in_vain(&p, how), TAKT_ETIMEDOUT, "kind %d", kind);
        bool blocks = kind == TAKT_WAIT_BLOCK || kind == TAKT_WAIT_PHASED;
        cr_assert_eq(p.at[0].sleepers, blocks, "kind %d", kind);
    }
}

Test(strategy, it_blocks_at_the_one_that_is_behind)
{
    static struct pair p;
    for (int behind = 0; behind < 2; behind++) {
        set_up(&p, behind == 0 ? 0 : 5, behind == 1 ? 0 : 5);
        cr_assert_eq(wait_in_vain(&p, (takt_wait){.spins = 1}), TAKT_ETIMEDOUT);
        cr_assert_eq(p.at[behind].sleepers, 1);
        cr_assert_eq(p.at[1 - behind].sleepers, 0);
    }
}

static void *move_later(void *context)
{
    struct pair *p = context;
    usleep(50000);
    for (int i = 0; i < 2; i++)
        takt_sequence_set(&p->at[i], p->at[i].value + 1);
    return NULL;
}

/* A wait of some milliseconds, which begins with that patience: the patience after it. */
static uint32_t learn_from(takt_wait how, uint32_t patience)
{
    static struct pair p;
    set_up(&p, 0, 0);
    pthread_t mover;
    cr_assert_eq(pthread_create(&mover, NULL, move_later, &p), 0);
    struct takt__await what = {
        .gates = &p.gates, .wanted = 1, .deadline = TAKT_FOREVER, .patience = &patience};
    cr_assert_eq(takt__await(&what, &how), 1);
    pthread_join(mover, NULL);
    return patience;
}

Test(strategy, patience_is_halved_where_looking_did_not_pay)
{
    takt_wait how = {.kind = TAKT_WAIT_BLOCK, .spins = 64};
    cr_assert_eq(learn_from(how, 0), 32);
    cr_assert_eq(learn_from(how, 32), 16);
    cr_assert_eq(learn_from(how, 1), 1);
    cr_assert_eq(learn_from(how, 1000), 32); /* never more than the strategy says */
}

Test(strategy, and_doubled_where_it_did)
{
    takt_wait how = {.kind = TAKT_WAIT_PAUSE, .spins = UINT32_C(1) << 30};
    cr_assert_eq(learn_from(how, how.spins / 4), how.spins / 2);
    cr_assert_eq(learn_from(how, how.spins), how.spins);
}

Test(strategy, nothing_is_learnt_from_a_wait_that_was_none)
{
    static struct pair p;
    set_up(&p, 7, 7);
    uint32_t patience = 5;
    struct takt__await what = {
        .gates = &p.gates, .wanted = 1, .deadline = TAKT_FOREVER, .patience = &patience};
    cr_assert_eq(takt__await(&what, &(takt_wait){.spins = 64}), 7);
    cr_assert_eq(patience, 5);
}

Test(strategy, a_backoff_ends_up_sleeping)
{
    struct takt__backoff backoff = {0};
    int64_t began = takt_now();
    for (int i = 0; i < 200; i++)
        takt__backoff_wait(&backoff, TAKT_FOREVER);
    cr_assert(takt_now() - began > 8 * MS); /* half of them for a tenth of a millisecond */
}

struct times {
    int64_t before;
    int64_t shortest; /* between two batches */
    uint32_t batches;
};

static int note_time(void *context, takt_batch *b)
{
    struct times *t = context;
    (void)b;
    int64_t now = takt_now();
    if (t->batches++ && now - t->before < t->shortest)
        t->shortest = now - t->before;
    t->before = takt_now();
    return 0;
}

#define EVENTS INT64_C(16384)

/* The shortest time between two batches of so many events, all of which wait already. */
static int64_t shortest_gap(uint32_t batch, size_t event_size, enum takt_wait_kind kind)
{
    struct times times = {.shortest = INT64_MAX};
    takt_ring *ring;
    takt_consumer *c;
    cr_assert_eq(takt_ring_create(&ring, TAKT_RING(.event_size = event_size, .capacity = EVENTS)),
                 0);
    takt_consumer_options *o = TAKT_CONSUMER(.handler = note_time, .context = &times,
                                             .wait.kind = kind, .batch_most = batch);
    cr_assert_eq(takt_consumer_add(ring, &c, o), 0);
    takt_ring_publish(ring, takt_ring_next(ring, EVENTS));
    takt_consumer_start(c);
    cr_assert_eq(takt_ring_drain(ring, TAKT_FOREVER), 0);
    takt_ring_destroy(ring);
    cr_assert_eq(times.batches, EVENTS / batch);
    return times.shortest;
}

Test(strategy, a_consumer_lags_behind_a_dense_stream)
{
    cr_assert(shortest_gap(8, 8, TAKT_WAIT_BLOCK) >= 700);
}
