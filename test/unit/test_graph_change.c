/* SPDX-License-Identifier: MIT */
/* Consumers that are added and removed while the ring is in use. */
#include "random.h"
#include "rig.h"

TestSuite(graph_change, .timeout = 30);

Test(graph_change, at_the_cursor_a_newcomer_gets_what_comes_later)
{
    for (int64_t before = 0; before <= 12; before++) {
        struct rig_log old = {0}, log = {0};
        takt_ring *ring = RIG_RING(.capacity = 16, .multi = before % 2);
        takt_consumer *a = rig_poller(ring);
        for (int64_t s = 0; s < before; s++)
            rig_publish(ring, 1);
        takt_consumer *c = rig_poller(ring);
        rig_poll(c, &log, 16, 0);
        rig_publish(ring, 4);
        rig_poll(c, &log, 16, 4);
        rig_has(&log, before, 4);
        rig_poll(a, &old, 16, before + 4);
        rig_has(&old, 0, (uint32_t)(before + 4));
        takt_ring_destroy(ring);
    }
}

Test(graph_change, at_the_oldest_a_newcomer_gets_what_is_still_there)
{
    for (int64_t done = 0; done <= 9; done++) {
        struct rig_log old = {0}, log = {0};
        takt_ring *ring = RIG_RING(.capacity = 16);
        takt_consumer *a = rig_poller(ring), *b = rig_poller(ring);
        rig_publish(ring, 9);
        rig_poll(a, &old, 9, 9);
        if (done)
            rig_poll(b, &old, (uint32_t)done, done);
        takt_consumer *c = rig_add(ring, TAKT_CONSUMER(.from = TAKT_FROM_OLDEST));
        cr_assert_eq(rig_done(c), done - 1);
        rig_poll(c, &log, 16, 9 - done);
        rig_has(&log, done, (uint32_t)(9 - done));
        takt_ring_destroy(ring);
    }
}

Test(graph_change, a_newcomer_follows_from_where_the_one_before_is)
{
    for (int oldest = 0; oldest < 2; oldest++) {
        struct rig_log log[3] = {{0}};
        takt_ring *ring = RIG_RING(.capacity = 16);
        takt_consumer *a = rig_poller(ring), *b = rig_poller(ring);
        rig_publish(ring, 12);
        rig_poll(a, &log[0], 7, 7);
        rig_poll(b, &log[1], 2, 2);
        takt_consumer *c =
            rig_add(ring, TAKT_CONSUMER(.from = oldest ? TAKT_FROM_OLDEST : TAKT_FROM_CURSOR,
                                        RIG_AFTER(a)));
        int64_t begin = oldest ? 2 : 7;
        rig_poll(c, &log[2], 16, 7 - begin);
        rig_poll(a, &log[0], 16, 5);
        rig_poll(c, &log[2], 16, 5);
        rig_has(&log[2], begin, (uint32_t)(12 - begin));
        takt_ring_destroy(ring);
    }
}

Test(graph_change, at_the_oldest_of_a_ring_without_consumers_is_at_the_cursor)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 4);
    takt_consumer *a = rig_poller(ring);
    rig_publish(ring, 3);
    cr_assert_eq(takt_consumer_remove(a), 0);
    for (int64_t s = 3; s < 50; s++)
        cr_assert_eq(rig_publish(ring, 1), s, "nobody holds the producer");
    takt_consumer *c = rig_add(ring, TAKT_CONSUMER(.from = TAKT_FROM_OLDEST));
    rig_publish(ring, 4);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "the newcomer does");
    rig_poll(c, &log, 4, 4);
    rig_has(&log, 50, 4);
    takt_ring_destroy(ring);
}

Test(graph_change, who_is_followed_cannot_be_removed)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_poller(ring);
    takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
    takt_consumer *c = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a, b)));
    cr_assert_eq(takt_consumer_remove(NULL), TAKT_EINVAL);
    cr_assert_eq(takt_consumer_remove(a), TAKT_ESTATE);
    cr_assert_eq(takt_consumer_remove(b), TAKT_ESTATE);
    rig_publish(ring, 8);
    rig_poll(a, &log, 8, 8);
    cr_assert_eq(takt_consumer_remove(c), 0);
    cr_assert_eq(takt_consumer_remove(a), TAKT_ESTATE);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "b holds the producer again");
    rig_poll(b, &log, 3, 3);
    cr_assert_eq(takt_ring_try_next(ring, 3), 10);
    cr_assert_eq(takt_consumer_remove(b), 0);
    cr_assert_eq(takt_consumer_remove(a), 0);
    takt_ring_destroy(ring);
}

Test(graph_change, who_follows_has_gone_and_the_one_before_holds_the_producer)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 4);
    takt_consumer *a = rig_poller(ring);
    for (int round = 0; round < 200; round++) {
        takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a)));
        rig_publish(ring, 4);
        rig_poll(a, &log, 4, 4);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "b has done nothing");
        cr_assert_eq(takt_consumer_remove(b), 0);
        rig_publish(ring, 4);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "a has not");
        rig_poll(a, &log, 4, 4);
    }
    rig_has(&log, 0, 1600);
    takt_ring_destroy(ring);
}

/* All places are taken when a follower leaves: those before it must hold the producer all the same,
 * and if there is no place for them, the follower must stay. */
Test(graph_change, who_leaves_a_full_ring_gives_its_place_back)
{
    for (size_t before = 1; before <= 3; before++) {
        struct rig_log log = {0};
        takt_consumer *first[3], *others[TAKT_GATING_MAX];
        takt_ring *ring = RIG_RING(.capacity = 4);
        for (size_t i = 0; i < before; i++)
            first[i] = rig_poller(ring);
        takt_consumer *last = rig_add(ring, TAKT_CONSUMER(.after = first, .after_count = before));
        size_t count = 0;
        while (takt_consumer_add(ring, &others[count], TAKT_CONSUMER()) == 0)
            count++;
        cr_assert_eq(count, TAKT_GATING_MAX - 1);
        int result = takt_consumer_remove(last);
        cr_assert(result == 0 || before > 1, "%s", takt_error_name(result));
        rig_publish(ring, 4);
        for (size_t i = 0; i < count; i++)
            rig_poll(others[i], &log, 4, 4);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL,
                     "the producer overtook %zu consumers that had done nothing", before);
        takt_ring_destroy(ring);
    }
}

Test(graph_change, a_removal_frees_the_producer_in_every_strategy)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        struct rig_claimer claimer;
        struct rig_log log = {0};
        takt_ring *ring = RIG_RING(.capacity = 4, .multi = k % 2, .wait = {.kind = rig_kinds[k]});
        takt_consumer *slow = rig_poller(ring), *quick = rig_poller(ring);
        rig_publish(ring, 4);
        rig_poll(quick, &log, 4, 4);
        rig_start_claim(&claimer, ring, 4);
        cr_assert_eq(takt_consumer_remove(slow), 0);
        cr_assert_eq(rig_end_claim(&claimer), 7);
        rig_fill(ring, 4, 7);
        takt_ring_publish_range(ring, 4, 7);
        rig_poll(quick, &log, 4, 4);
        rig_start_claim(&claimer, ring, 3);
        cr_assert_eq(rig_end_claim(&claimer), 10);
        takt_ring_destroy(ring);
    }
}

static int fail(void *context, takt_batch *b)
{
    (void)context;
    return takt_batch_fail(b, 1, -66);
}

/* Counts its stops, and works slowly. */
static int dawdle(void *context, takt_batch *b)
{
    usleep(3000);
    return rig_record(context, b);
}

static void count_stop(void *context)
{
    ((struct rig_log *)context)->wrong += 100;
}

Test(graph_change, who_has_failed_can_be_removed_and_its_place_used_again)
{
    struct rig_log log = {0};
    int64_t sequence;
    int code;
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_poller(ring);
    for (int round = 0; round < 5; round++) {
        takt_consumer *c = rig_add(ring, TAKT_CONSUMER(.handler = fail, .name = "weak"));
        cr_assert_eq(takt_consumer_failure(c, &sequence, &code), 0);
        int64_t first = rig_publish(ring, 8) - 7;
        rig_start(c);
        takt_consumer_join(c);
        cr_assert_eq(takt_consumer_failure(c, &sequence, &code), 1);
        cr_assert(sequence == first + 1 && code == -66);
        rig_poll(a, &log, 8, 8);
        cr_assert_eq(takt_ring_try_next(ring, 2), TAKT_EFULL, "it still holds the producer");
        cr_assert_eq(takt_consumer_remove(c), 0);
    }
    rig_has(&log, 0, 40);
    takt_ring_destroy(ring);
}

Test(graph_change, who_runs_is_joined_when_it_is_removed)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        static struct rig_log log;
        log = (struct rig_log){0};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *c =
            rig_add(ring, TAKT_CONSUMER(.handler = dawdle, .context = &log, .on_stop = count_stop,
                                        .batch_most = 1, .wait = {.kind = rig_kinds[k]}));
        rig_publish(ring, 8);
        rig_start(c);
        rig_comes_to(c, 0);
        cr_assert_eq(takt_consumer_remove(c), 0);
        cr_assert_eq(log.wrong, 100, "it has stopped, once");
        cr_assert(log.count >= 1 && log.count < 8, "after the batch that it was in");
        takt_ring_destroy(ring);
    }
}

/* A graph that changes at random, and the same as numbers. */
#define NODES 10

struct node {
    takt_consumer *c;
    uint32_t after; /* a bit for each node that it follows */
    int64_t done;
};

struct model {
    struct node node[NODES];
    int64_t cursor;
    int64_t capacity;
};

/* The least of the nodes in the set, or the cursor. */
static int64_t least_of(const struct model *m, uint32_t set)
{
    int64_t least = m->cursor;
    for (uint32_t i = 0; i < NODES; i++)
        if (set >> i & 1 && m->node[i].c && m->node[i].done < least)
            least = m->node[i].done;
    return least;
}

static uint32_t followers_of(const struct model *m, uint32_t i)
{
    uint32_t set = 0;
    for (uint32_t k = 0; k < NODES; k++)
        if (m->node[k].c && m->node[k].after >> i & 1)
            set |= 1u << k;
    return set;
}

static void add_at_random(struct model *m, takt_ring *ring, struct rng *rng, uint32_t i)
{
    takt_consumer *after[NODES];
    size_t count = 0;
    bool oldest = rng_below(rng, 2);
    uint32_t set = 0;
    for (uint32_t k = 0; k < NODES; k++)
        if (m->node[k].c && rng_below(rng, 4) == 0) {
            after[count++] = m->node[k].c;
            set |= 1u << k;
        }
    int64_t begin = oldest ? least_of(m, UINT32_MAX) : least_of(m, set);
    takt_consumer *c =
        rig_add(ring, TAKT_CONSUMER(.after = after, .after_count = count,
                                    .from = oldest ? TAKT_FROM_OLDEST : TAKT_FROM_CURSOR));
    m->node[i] = (struct node){c, set, begin};
    cr_assert_eq(rig_done(c), begin, "begins at %ld, not %ld", rig_done(c), begin);
}

static void change_at_random(struct model *m, takt_ring *ring, struct rng *rng)
{
    uint32_t i = rng_below(rng, NODES);
    struct node *node = &m->node[i];
    if (!node->c) {
        add_at_random(m, ring, rng, i);
        return;
    }
    uint32_t followers = followers_of(m, i);
    cr_assert_eq(takt_consumer_remove(node->c), followers ? TAKT_ESTATE : 0);
    if (!followers)
        node->c = NULL;
}

static void poll_at_random(struct model *m, struct rng *rng, struct rig_log *log)
{
    struct node *node = &m->node[rng_below(rng, NODES)];
    uint32_t most = rng_between(rng, 1, 9);
    if (!node->c)
        return;
    int64_t due = least_of(m, node->after) - node->done;
    log->count = 0;
    rig_poll(node->c, log, most, due < most ? due : most);
    for (uint32_t k = 0; k < log->count; k++)
        cr_assert_eq(log->sequences[k], node->done + 1 + k);
    node->done += log->count;
}

static void run_at_random(uint64_t seed)
{
    struct rng rng = {seed};
    struct rig_log log = {0};
    struct model m = {.cursor = -1, .capacity = 8};
    takt_ring *ring = RIG_RING(.capacity = 8, .multi = seed % 2);
    add_at_random(&m, ring, &rng, 0);
    for (int step = 0; step < 2000; step++) {
        if (rng_below(&rng, 6) == 0)
            change_at_random(&m, ring, &rng);
        int64_t room = 8 - (m.cursor - least_of(&m, UINT32_MAX)), n = rng_between(&rng, 1, 8);
        cr_assert_eq(takt_ring_remaining_capacity(ring), room, "seed %lu, step %d", seed, step);
        if (n <= room)
            m.cursor = rig_publish(ring, n);
        else
            cr_assert_eq(takt_ring_try_next(ring, n), TAKT_EFULL, "seed %lu", seed);
        for (int i = 0; i < 4; i++)
            poll_at_random(&m, &rng, &log);
    }
    cr_assert_eq(log.wrong, 0, "seed %lu", seed);
    cr_assert(m.cursor > 500, "seed %lu: %ld", seed, m.cursor);
    takt_ring_destroy(ring);
}

Test(graph_change, at_random_moves_like_the_model)
{
    for (uint64_t seed = 0; seed < 60; seed++)
        run_at_random(seed);
}

Test(graph_change, who_is_followed_goes_on_when_it_cannot_be_removed)
{
    static struct rig_log first, second;
    first = second = (struct rig_log){0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &first));
    takt_consumer *b =
        rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &second, RIG_AFTER(a)));
    takt_consumer_start(a);
    takt_consumer_start(b);
    cr_assert_eq(takt_consumer_remove(a), TAKT_ESTATE);
    rig_publish(ring, 3);
    rig_comes_to(b, 2);
    takt_ring_destroy(ring);
}

Test(graph_change, who_cannot_be_replaced_at_the_gate_stays)
{
    static takt_sequence others[TAKT_GATING_MAX];
    takt_consumer *before[TAKT_AFTER_MAX], *last;
    takt_ring *ring = RIG_RING(.capacity = 8);
    for (int i = 0; i < TAKT_AFTER_MAX; i++)
        before[i] = rig_add(ring, TAKT_CONSUMER(.handler = rig_record));
    last = rig_add(
        ring, TAKT_CONSUMER(.handler = rig_record, .after = before, .after_count = TAKT_AFTER_MAX));
    int free = 0;
    takt_sequence_init(&others[free], TAKT_SEQUENCE_INITIAL);
    while (takt_ring_add_gating(ring, &others[free]) == 0)
        takt_sequence_init(&others[++free], TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(free, TAKT_GATING_MAX - 1);
    cr_assert_eq(takt_consumer_remove(last), TAKT_ELIMIT);
    cr_assert_eq(takt_consumer_remove(before[0]), TAKT_ESTATE); /* it is followed still */
    takt_ring_destroy(ring);
}

Test(graph_change, who_leaves_gives_the_place_back_whoever_else_follows)
{
    takt_consumer *follower[TAKT_GATING_MAX];
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *first = rig_add(ring, TAKT_CONSUMER(.handler = rig_record));
    for (int i = 0; i < TAKT_GATING_MAX; i++)
        follower[i] = rig_add(ring, TAKT_CONSUMER(.handler = rig_record, RIG_AFTER(first)));
    for (int i = 1; i < TAKT_GATING_MAX; i++)
        cr_assert_eq(takt_consumer_remove(follower[i]), 0);
    for (int i = 1; i < TAKT_GATING_MAX; i++)
        rig_add(ring, TAKT_CONSUMER(.handler = rig_record));
    takt_ring_destroy(ring);
}

Test(graph_change, a_batch_is_never_longer_than_the_longest)
{
    static struct rig_log log;
    log = (struct rig_log){0};
    takt_ring *ring = RIG_RING(.capacity = 1 << 17);
    takt_consumer *c =
        rig_add(ring, TAKT_CONSUMER(.handler = rig_record, .context = &log, .batch_most = 100000));
    takt_ring_publish(ring, takt_ring_next(ring, 1 << 17));
    cr_assert_eq(takt_consumer_poll(c, rig_record, &log, UINT32_MAX), 65536);
    takt_ring_destroy(ring);
}
