/* SPDX-License-Identifier: MIT */
/* Many producers, seen from one thread: claims, and publishing in any order. */
#include "random.h"
#include "rig.h"

TestSuite(multi, .timeout = 20);

static takt_ring *ring;
static takt_consumer *poller;
static struct rig_log log_of;

static void set_up(int64_t capacity)
{
    ring = RIG_RING(.capacity = capacity, .multi = true);
    poller = rig_poller(ring);
    log_of = (struct rig_log){0};
}

static void publish(int64_t low, int64_t high)
{
    rig_fill(ring, low, high);
    takt_ring_publish_range(ring, low, high);
}

Test(multi, claims_come_one_after_the_other)
{
    set_up(8);
    cr_assert_eq(takt_ring_next(ring, 1), 0);
    cr_assert_eq(takt_ring_try_next(ring, 3), 3);
    cr_assert_eq(takt_ring_next_until(ring, 4, 1), 7);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    cr_assert_eq(takt_ring_cursor(ring), -1, "claimed is not published");
    takt_ring_destroy(ring);
}

Test(multi, refuses_claims_out_of_range)
{
    const int64_t numbers[] = {0, -1, 9, INT64_MIN, INT64_MAX};
    takt_ring *lonely = RIG_RING(.capacity = 8, .multi = true);
    cr_assert_eq(takt_ring_next(lonely, 1), TAKT_ENOCONSUMER);
    cr_assert_eq(takt_ring_try_next(lonely, 8), TAKT_ENOCONSUMER);
    takt_ring_destroy(lonely);
    set_up(8);
    for (int64_t used = 0; used <= 8; used += 4) { /* with room for all, some, none */
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            cr_assert_eq(takt_ring_next(ring, numbers[i]), TAKT_EINVAL);
            cr_assert_eq(takt_ring_try_next(ring, numbers[i]), TAKT_EINVAL);
        }
        if (used < 8)
            cr_assert_eq(takt_ring_next(ring, 4), used + 3, "nothing was claimed in between");
    }
    takt_ring_destroy(ring);
}

/* Publishes four claims in one order; what is published is the longest row from the start. */
static void check_order(const int *order)
{
    bool published[5] = {false};
    set_up(4);
    for (int64_t s = 0; s < 4; s++)
        cr_assert_eq(takt_ring_next(ring, 1), s);
    for (int i = 0; i < 4; i++) {
        publish(order[i], order[i]);
        published[order[i]] = true;
        int64_t row = -1;
        while (published[row + 1])
            row++;
        for (int64_t s = 0; s < 4; s++)
            cr_assert_eq(takt_ring_is_available(ring, s), published[s]);
        cr_assert_eq(takt_ring_is_available(ring, 4), false);
        cr_assert_eq(takt_ring_cursor(ring), row);
        rig_poll(poller, &log_of, 4, -1);
        rig_has(&log_of, 0, (uint32_t)(row + 1));
        for (int64_t s = 0; s <= row; s++)
            cr_assert(takt_ring_is_available(ring, s));
    }
    takt_ring_destroy(ring);
}

Test(multi, publishes_in_every_order)
{
    int orders = 0;
    for (int code = 0; code < 256; code++) {
        int order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        int all = 1 << order[0] | 1 << order[1] | 1 << order[2] | 1 << order[3];
        if (all == 15)
            check_order(order), orders++;
    }
    cr_assert_eq(orders, 24);
}

Test(multi, a_hole_holds_those_behind_it)
{
    takt_barrier *barrier;
    set_up(8);
    cr_assert_eq(takt_barrier_create(&barrier, ring, NULL, 0, NULL), 0);
    cr_assert_eq(takt_ring_next(ring, 1), 0);
    cr_assert_eq(takt_ring_next(ring, 6), 6);
    publish(1, 6);
    cr_assert_eq(takt_ring_cursor(ring), -1);
    cr_assert(takt_ring_is_available(ring, 6) && !takt_ring_is_available(ring, 0));
    rig_poll(poller, &log_of, 8, 0);
    cr_assert_eq(takt_barrier_available(barrier), -1);
    cr_assert_eq(takt_barrier_wait(barrier, 0, takt_after(1000000)), TAKT_ETIMEDOUT);
    publish(0, 0);
    cr_assert_eq(takt_barrier_wait(barrier, 0, TAKT_NOW), 6, "all at once");
    rig_poll(poller, &log_of, 8, 7);
    rig_has(&log_of, 0, 7);
    cr_assert_eq(log_of.batches, 1);
    takt_barrier_destroy(barrier);
    takt_ring_destroy(ring);
}

Test(multi, publishes_a_claim_in_parts)
{
    set_up(8);
    cr_assert_eq(takt_ring_next(ring, 6), 5);
    publish(4, 5);
    cr_assert_eq(takt_ring_cursor(ring), -1);
    publish(0, 1);
    cr_assert_eq(takt_ring_cursor(ring), 1);
    rig_poll(poller, &log_of, 8, 2);
    publish(3, 3);
    cr_assert_eq(takt_ring_cursor(ring), 1);
    rig_fill(ring, 2, 2);
    takt_ring_publish(ring, 2);
    cr_assert_eq(takt_ring_cursor(ring), 5);
    rig_poll(poller, &log_of, 8, 4);
    rig_has(&log_of, 0, 6);
    takt_ring_destroy(ring);
}

Test(multi, a_slot_of_the_lap_before_is_not_published)
{
    set_up(4);
    for (int64_t lap = 0; lap < 20; lap++) {
        int64_t low = 4 * lap;
        cr_assert_eq(takt_ring_next(ring, 4), low + 3);
        for (int64_t s = low; s < low + 4; s++)
            cr_assert(!takt_ring_is_available(ring, s));
        cr_assert_eq(takt_ring_cursor(ring), low - 1);
        publish(low + 1, low + 3);
        cr_assert_eq(takt_ring_cursor(ring), low - 1);
        publish(low, low);
        cr_assert_eq(takt_ring_cursor(ring), low + 3, "and no further");
        cr_assert(takt_ring_is_available(ring, 0), "what was published stays so");
        rig_poll(poller, &log_of, 4, 4);
    }
    rig_has(&log_of, 0, 80);
    takt_ring_destroy(ring);
}

Test(multi, a_claim_in_vain_leaves_no_hole)
{
    set_up(4);
    cr_assert_eq(takt_ring_next(ring, 3), 2);
    publish(0, 2);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(takt_ring_try_next(ring, 2), TAKT_EFULL);
        cr_assert_eq(takt_ring_next_until(ring, 4, 1), TAKT_ETIMEDOUT);
        cr_assert_eq(takt_ring_next_until(ring, 2, takt_after(500000)), TAKT_ETIMEDOUT);
    }
    cr_assert_eq(takt_ring_try_next(ring, 1), 3);
    publish(3, 3);
    cr_assert_eq(takt_ring_cursor(ring), 3);
    rig_poll(poller, &log_of, 4, 4);
    cr_assert_eq(takt_ring_next(ring, 4), 7);
    takt_ring_destroy(ring);
}

Test(multi, in_a_ring_of_one_slot)
{
    set_up(1);
    for (int64_t s = 0; s < 1000; s++) {
        cr_assert_eq(takt_ring_try_next(ring, 1), s);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
        cr_assert_eq(takt_ring_cursor(ring), s - 1);
        publish(s, s);
        cr_assert_eq(takt_ring_cursor(ring), s);
        cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "publishing makes no room");
        rig_poll(poller, &log_of, 1, 1);
    }
    rig_has(&log_of, 0, 1000);
    takt_ring_destroy(ring);
}

#define CLAIMS_MOST 64

/* Claims that are not published yet, beside the ring: what should be, step by step. */
struct model {
    int64_t low[CLAIMS_MOST], high[CLAIMS_MOST];
    uint32_t open;
    int64_t claimed, done;
    bool published[CLAIMS_MOST]; /* by slot */
};

static void step_claim(struct model *m, struct rng *rng, int64_t capacity)
{
    int64_t n = 1 + rng_below(rng, (uint32_t)capacity);
    bool fits = m->claimed + n - m->done <= capacity;
    int64_t high = takt_ring_try_next(ring, n);
    cr_assert_eq(high, fits ? m->claimed + n : TAKT_EFULL);
    if (!fits)
        return;
    m->low[m->open] = m->claimed + 1;
    m->high[m->open++] = high;
    for (int64_t s = m->claimed + 1; s <= high; s++)
        m->published[s & (capacity - 1)] = false;
    m->claimed = high;
}

/* Publishes one of the open claims, or only the front of it. */
static void step_publish(struct model *m, struct rng *rng, int64_t capacity)
{
    if (m->open == 0)
        return;
    uint32_t i = rng_below(rng, m->open);
    int64_t length = m->high[i] - m->low[i] + 1;
    int64_t high = m->low[i] + rng_below(rng, (uint32_t)length);
    publish(m->low[i], high);
    for (int64_t s = m->low[i]; s <= high; s++)
        m->published[s & (capacity - 1)] = true;
    m->low[i] = high + 1;
    if (high < m->high[i])
        return;
    m->open--;
    m->low[i] = m->low[m->open];
    m->high[i] = m->high[m->open];
}

static void check_model(const struct model *m, int64_t capacity)
{
    int64_t row = m->done;
    while (row < m->claimed && m->published[(row + 1) & (capacity - 1)])
        row++;
    cr_assert_eq(takt_ring_cursor(ring), row);
    for (int64_t s = m->done + 1; s <= m->claimed; s++)
        cr_assert_eq(takt_ring_is_available(ring, s), m->published[s & (capacity - 1)]);
    cr_assert(!takt_ring_is_available(ring, m->claimed + 1));
    cr_assert_eq(takt_ring_remaining_capacity(ring), capacity - (m->claimed - m->done));
}

static void run_against_model(int64_t capacity, uint64_t seed)
{
    struct rng rng = {seed};
    struct model m = {.claimed = -1, .done = -1};
    set_up(capacity);
    for (int step = 0; step < 5000; step++) {
        uint32_t what = rng_below(&rng, 3);
        if (what == 0)
            step_claim(&m, &rng, capacity);
        else if (what == 1)
            step_publish(&m, &rng, capacity);
        else
            rig_poll(poller, &log_of, 1 + rng_below(&rng, (uint32_t)capacity), -1);
        m.done = rig_done(poller);
        check_model(&m, capacity);
    }
    cr_assert(m.done > 4 * capacity, "hardly anything came through: seed %lu", seed);
    cr_assert_eq(log_of.count, m.done + 1);
    cr_assert_eq(log_of.wrong, 0);
    takt_ring_destroy(ring);
}

Test(multi, claims_and_publishes_like_the_model)
{
    for (int64_t capacity = 1; capacity <= CLAIMS_MOST; capacity *= 2)
        run_against_model(capacity, 300 + (uint64_t)capacity);
}
