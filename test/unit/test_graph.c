/* SPDX-License-Identifier: MIT */
/* Graphs of consumers: chains, fan-outs, joins and diamonds, and those that cannot be. */
#include "random.h"
#include "rig.h"

TestSuite(graph, .timeout = 30);

/* Adds a consumer that is refused, and sees that nothing comes of it. */
static void check_refused(takt_ring *ring, const takt_consumer_options *options, int code)
{
    takt_consumer *c = (takt_consumer *)&c;
    int result = takt_consumer_add(ring, &c, options);
    cr_assert_eq(result, code, "%s, not %s", takt_error_name(result), takt_error_name(code));
    cr_assert(c == NULL);
}

Test(graph, mistakes_are_errors_that_say_which)
{
    takt_ring *ring = RIG_RING(.capacity = 8), *other = RIG_RING(.capacity = 8);
    takt_consumer *c = rig_poller(ring), *stranger = rig_poller(other);
    takt_consumer *after[TAKT_AFTER_MAX + 1];
    takt_consumer_options options = {.size = sizeof options};
    for (size_t i = 0; i <= TAKT_AFTER_MAX; i++)
        after[i] = c;
    cr_assert_eq(takt_consumer_add(ring, NULL, &options), TAKT_EINVAL);
    check_refused(NULL, &options, TAKT_EINVAL);
    check_refused(ring, NULL, TAKT_EINVAL);
    const size_t sizes[] = {0, sizeof options - 1, sizeof options + 1};
    for (size_t i = 0; i < 3; i++) {
        options.size = sizes[i];
        check_refused(ring, &options, TAKT_EINVAL);
    }
    check_refused(ring, TAKT_CONSUMER(.after_count = 1), TAKT_EINVAL);
    check_refused(ring, TAKT_CONSUMER(.after = after, .after_count = TAKT_AFTER_MAX + 1),
                  TAKT_ELIMIT);
    check_refused(ring, TAKT_CONSUMER(RIG_AFTER(stranger)), TAKT_EGRAPH);
    check_refused(ring, TAKT_CONSUMER(RIG_AFTER(c, stranger)), TAKT_EGRAPH);
    check_refused(ring, TAKT_CONSUMER(RIG_AFTER(c, NULL)), TAKT_EGRAPH);
    rig_publish(ring, 8);
    struct rig_log log = {0};
    rig_poll(c, &log, 8, 8);
    cr_assert_eq(rig_publish(ring, 8), 15, "c holds the producer, and nobody else");
    cr_assert_eq(takt_consumer_remove(c), 0, "nobody follows it");
    takt_ring_destroy(ring);
    takt_ring_destroy(other);
}

Test(graph, has_at_most_so_many_ends)
{
    struct rig_log log = {0};
    takt_consumer *c[TAKT_GATING_MAX];
    takt_ring *ring = RIG_RING(.capacity = 4);
    for (size_t i = 0; i < TAKT_GATING_MAX; i++)
        c[i] = rig_poller(ring);
    check_refused(ring, TAKT_CONSUMER(), TAKT_ELIMIT);
    rig_publish(ring, 4);
    for (size_t i = 0; i < TAKT_GATING_MAX; i++) {
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "each counts, also %zu", i);
        rig_poll(c[i], &log, 4, 4);
    }
    cr_assert_eq(takt_ring_try_next(ring, 4), 7);
    cr_assert_eq(takt_consumer_remove(c[17]), 0);
    rig_poller(ring); /* in its place */
    check_refused(ring, TAKT_CONSUMER(), TAKT_ELIMIT);
    takt_ring_destroy(ring);
}

#define CHAIN 8

Test(graph, chain_in_which_only_the_last_holds_the_producer)
{
    struct rig_log log[CHAIN] = {{0}};
    takt_consumer *c[CHAIN] = {NULL};
    takt_ring *ring = RIG_RING(.capacity = 8);
    for (int i = 0; i < CHAIN; i++)
        c[i] = rig_add(ring, TAKT_CONSUMER(.after = &c[i - (i > 0)], .after_count = i > 0));
    rig_publish(ring, 8);
    for (int i = CHAIN - 1; i > 0; i--)
        rig_poll(c[i], &log[i], 8, 0);
    for (int i = 0; i < CHAIN; i++) {
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
        rig_poll(c[i], &log[i], 8, 8);
    }
    cr_assert_eq(rig_publish(ring, 8), 15);
    takt_ring_destroy(ring);
}

/* A graph of pollers, and the same as numbers: who follows whom, and how far each has come. */
#define NODES 12

struct model {
    uint32_t nodes;
    takt_consumer *c[NODES];
    uint32_t after[NODES]; /* a bit for each that it follows */
    int64_t done[NODES];
    int64_t cursor;
};

static int64_t available_to(const struct model *m, uint32_t node)
{
    int64_t least = m->cursor;
    for (uint32_t i = 0; i < node; i++)
        if (m->after[node] >> i & 1 && m->done[i] < least)
            least = m->done[i];
    return least;
}

/* Only those that nobody follows hold the producer; the others are ahead of them anyhow. */
static int64_t room_of(const struct model *m, int64_t capacity)
{
    int64_t least = m->cursor;
    for (uint32_t i = 0; i < m->nodes; i++)
        least = m->done[i] < least ? m->done[i] : least;
    return capacity - (m->cursor - least);
}

static void build_at_random(struct model *m, takt_ring *ring, struct rng *rng)
{
    *m = (struct model){.cursor = -1, .nodes = rng_between(rng, 1, NODES)};
    for (uint32_t i = 0; i < m->nodes; i++) {
        takt_consumer *after[NODES];
        size_t count = 0;
        for (uint32_t k = 0; k < i; k++)
            if (rng_below(rng, 3) == 0) {
                m->after[i] |= 1u << k;
                after[count++] = m->c[k];
            }
        m->c[i] = rig_add(ring, TAKT_CONSUMER(.after = after, .after_count = count));
        m->done[i] = -1;
    }
}

static void run_at_random(uint64_t seed)
{
    struct rng rng = {seed};
    struct rig_log log = {0};
    struct model m;
    takt_ring *ring = RIG_RING(.capacity = 16, .multi = seed % 2);
    build_at_random(&m, ring, &rng);
    for (int step = 0; step < 400; step++) {
        int64_t n = rng_between(&rng, 1, 8);
        cr_assert_eq(takt_ring_remaining_capacity(ring), room_of(&m, 16), "seed %lu", seed);
        if (n <= room_of(&m, 16))
            m.cursor = rig_publish(ring, n);
        else
            cr_assert_eq(takt_ring_try_next(ring, n), TAKT_EFULL);
        for (int i = 0; i < 4; i++) {
            uint32_t node = rng_below(&rng, m.nodes), most = rng_between(&rng, 1, 12);
            int64_t due = available_to(&m, node) - m.done[node];
            rig_poll(m.c[node], &log, most, due < most ? due : most);
            m.done[node] += due < most ? due : most;
        }
        cr_assert_eq(log.wrong, 0, "seed %lu", seed);
    }
    takt_ring_destroy(ring);
}

Test(graph, of_any_shape_moves_like_the_model)
{
    for (uint64_t seed = 0; seed < 100; seed++)
        run_at_random(seed);
}

Test(graph, joins_as_many_as_there_may_be)
{
    struct rig_log log = {0}, joined = {0};
    takt_consumer *c[TAKT_AFTER_MAX];
    takt_ring *ring = RIG_RING(.capacity = 8);
    for (size_t i = 0; i < TAKT_AFTER_MAX; i++)
        c[i] = rig_poller(ring);
    takt_consumer *join = rig_add(ring, TAKT_CONSUMER(.after = c, .after_count = TAKT_AFTER_MAX));
    rig_publish(ring, 8);
    for (size_t i = 0; i < TAKT_AFTER_MAX; i++) {
        rig_poll(join, &joined, 8, 0);
        rig_poll(c[i], &log, 8, 8);
    }
    rig_poll(join, &joined, 8, 8);
    takt_ring_destroy(ring);
}

Test(graph, in_which_one_is_named_twice)
{
    struct rig_log log = {0};
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *a = rig_poller(ring);
    takt_consumer *b = rig_add(ring, TAKT_CONSUMER(RIG_AFTER(a, a)));
    rig_publish(ring, 8);
    rig_poll(b, &log, 8, 0);
    rig_poll(a, &log, 8, 8);
    cr_assert_eq(takt_consumer_remove(a), TAKT_ESTATE);
    cr_assert_eq(takt_consumer_remove(b), 0);
    cr_assert_eq(rig_publish(ring, 8), 15, "a alone holds the producer again");
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    cr_assert_eq(takt_consumer_remove(a), 0);
    takt_ring_destroy(ring);
}

/* Stages on threads, which leave marks in the event for those after them. */
struct stage {
    int64_t wrong, handled;
    int role; /* 0: sets left, 1: right, 2: checks both, 3: sets right from left, 4: checks left */
};

static int handle(void *context, takt_batch *b)
{
    struct stage *stage = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct rig_event *e = takt_batch_at(b, i);
        int64_t s = takt_batch_sequence(b, i);
        stage->wrong += e->number != s || s != stage->handled;
        if (stage->role == 0)
            e->left = 3 * s;
        else if (stage->role == 1)
            e->right = 5 * s;
        else if (stage->role == 2)
            stage->wrong += e->left != 3 * s || e->right != 5 * s;
        else if (stage->role == 3)
            e->right = e->left + 2 * s;
        else
            stage->wrong += e->left != 3 * s;
        stage->handled++;
    }
    return 0;
}

static struct stage stages[4];

static takt_consumer *add_stage(takt_ring *ring, int i, int role, takt_wait wait,
                                takt_consumer **after, size_t count)
{
    stages[i] = (struct stage){.role = role};
    return rig_add(ring, TAKT_CONSUMER(.handler = handle, .context = &stages[i], .wait = wait,
                                       .after = after, .after_count = count));
}

#define STREAM 3000

/* Sends events through and destroys the ring, which joins the consumers. */
static void run_stages(takt_ring *ring, takt_consumer **c, int count)
{
    for (int i = count - 1; i >= 0; i--)
        rig_start(c[i]);
    for (int64_t s = 0; s < STREAM; s += 3)
        rig_publish(ring, 3);
    cr_assert_eq(takt_ring_drain(ring, takt_after(RIG_PATIENCE_NS)), 0);
    takt_ring_destroy(ring);
    for (int i = 0; i < count; i++) {
        cr_assert_eq(stages[i].handled, STREAM);
        cr_assert_eq(stages[i].wrong, 0, "stage %d: %ld", i, stages[i].wrong);
    }
}

/* A strategy that does not keep the core: the machine may have one only. */
static takt_wait gentle(size_t i)
{
    static const enum takt_wait_kind kinds[] = {TAKT_WAIT_BLOCK, TAKT_WAIT_YIELD, TAKT_WAIT_PHASED};
    return (takt_wait){.kind = kinds[i % 3]};
}

Test(graph, diamond_on_threads)
{
    for (size_t i = 0; i < 3; i++) {
        takt_consumer *c[3];
        takt_ring *ring = RIG_RING(.capacity = 8, .multi = i == 1);
        c[0] = add_stage(ring, 0, 0, gentle(i), NULL, 0);
        c[1] = add_stage(ring, 1, 1, gentle(i + 1), NULL, 0);
        c[2] = add_stage(ring, 2, 2, gentle(i), c, 2);
        run_stages(ring, c, 3);
    }
}

Test(graph, chain_on_threads)
{
    for (size_t i = 0; i < 3; i++) {
        takt_consumer *c[3];
        takt_ring *ring = RIG_RING(.capacity = 4, .multi = i == 2);
        c[0] = add_stage(ring, 0, 0, gentle(i), NULL, 0);
        c[1] = add_stage(ring, 1, 3, gentle(i + 1), &c[0], 1);
        c[2] = add_stage(ring, 2, 2, gentle(i + 2), &c[1], 1);
        run_stages(ring, c, 3);
    }
}

/* One that fans out to two, and a join: all ends and middles at once. */
Test(graph, fan_out_and_join_on_threads)
{
    for (size_t i = 0; i < 3; i++) {
        takt_consumer *c[4];
        takt_ring *ring = RIG_RING(.capacity = 16);
        c[0] = add_stage(ring, 0, 0, gentle(i), NULL, 0);
        c[1] = add_stage(ring, 1, 3, gentle(i + 1), &c[0], 1);
        c[2] = add_stage(ring, 2, 4, gentle(i + 2), &c[0], 1);
        c[3] = add_stage(ring, 3, 2, gentle(i), &c[1], 2);
        run_stages(ring, c, 4);
    }
}
