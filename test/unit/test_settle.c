/* SPDX-License-Identifier: MIT */
/* After how many ticks an output counts as settled, on streams that are made up. */
#include <criterion/criterion.h>

#include "perf/settle.h"

TestSuite(settle, .timeout = 20);

#define TICK 1000

static struct perf_arrival arrival[100000];
static size_t arrivals;
static int64_t time_now, past;

/* So many ticks with so many events each, which come out in as many batches of one size. */
static void flow(int ticks, int64_t events, int64_t batches)
{
    for (int64_t i = 1; i <= ticks * batches; i++)
        arrival[arrivals++] =
            (struct perf_arrival){time_now + i * TICK / batches, past + i * events / batches};
    time_now += (int64_t)ticks * TICK;
    past += ticks * events;
}

static void begin(void)
{
    arrivals = 0;
    time_now = past = 0;
    flow(20, 1000, 10);
}

static struct perf_settle settle_of(const int64_t *moved, size_t moves)
{
    struct perf_settle settle;
    perf_settle_of(&settle, arrival, arrivals, moved, moves, TICK);
    return settle;
}

struct phase {
    int ticks;
    int64_t events; /* in each */
};

/* A move, and what came after it. */
static struct perf_settle after(const struct phase *phases, size_t count)
{
    begin();
    int64_t moved = time_now;
    for (size_t i = 0; i < count; i++)
        flow(phases[i].ticks, phases[i].events, 10);
    return settle_of(&moved, 1);
}

#define AFTER(...)                                                                                 \
    after((const struct phase[]){__VA_ARGS__},                                                     \
          sizeof((const struct phase[]){__VA_ARGS__}) / sizeof(struct phase))

Test(settle, an_output_that_stays_as_it_was_settles_at_once)
{
    struct perf_settle s = AFTER({30, 1000});
    cr_assert_eq(s.moves, 1);
    cr_assert_eq(s.ticks, 0);
    cr_assert_eq(s.most, 0);
    cr_assert_float_eq(s.lost, 0, 1e-9);
    for (int i = 0; i < PERF_SETTLE_FIRST; i++)
        cr_assert_float_eq(s.share[i], 1, 1e-9);
}

Test(settle, the_first_good_tick_counts_against_what_comes_later)
{
    const struct phase disturbance = {1, 100};
    struct perf_settle s = AFTER({2, 500}, {1, 940}, {1, 960}, disturbance, {30, 1000});
    cr_assert_eq(s.ticks, 3);
    cr_assert_float_eq(s.share[0], 0.5, 1e-9);
    cr_assert_float_eq(s.share[1], 0.5, 1e-9);
    cr_assert_float_eq(s.share[2], 0.94, 1e-9);
    cr_assert_float_eq(s.lost, 0.5 + 0.5 + 0.06 + 0.04 + 0.9, 1e-9);
}

Test(settle, the_measure_is_the_new_phase_and_no_single_tick_of_it)
{
    const struct phase burst = {1, 9000}, taken_from = {1, 10};
    struct perf_settle s = AFTER({4, 1900}, {4, 1950}, {10, 2000}, burst, taken_from, {10, 2000});
    cr_assert_eq(s.ticks, 0, "1,900 are 95 %% of 2,000");
    cr_assert_float_eq(s.share[0], 0.95, 1e-9);
    begin();
    for (size_t i = 0; i < arrivals; i++)
        arrival[i].past *= 10; /* what was before the move does not count */
    past *= 10;
    int64_t moved = time_now;
    flow(1, 900, 10);
    flow(30, 1000, 10);
    cr_assert_eq(settle_of(&moved, 1).ticks, 1);
}

Test(settle, between_two_arrivals_output_is_even)
{
    begin();
    int64_t moved = time_now + TICK / 4; /* amidst two batches, three quarters of a tick at 400 */
    flow(1, 400, 1);
    flow(30, 1000, 1);
    struct perf_settle s = settle_of(&moved, 1);
    cr_assert_float_eq(s.share[0], 0.75 * 0.4 + 0.25, 1e-9);
    cr_assert_eq(s.ticks, 1);
}

Test(settle, medians_are_of_the_moves_and_the_most_is_kept)
{
    begin();
    int64_t moved[3];
    const int slow[3] = {1, 5, 2};
    for (int i = 0; i < 3; i++) {
        moved[i] = time_now;
        flow(slow[i], 600, 7);
        flow(30, 1000, 7);
    }
    struct perf_settle s = settle_of(moved, 3);
    cr_assert_eq(s.moves, 3);
    cr_assert_eq(s.ticks, 2);
    cr_assert_eq(s.most, 5);
    cr_assert_float_eq(s.share[0], 0.6, 1e-9);
    cr_assert_float_eq(s.share[1], 0.6, 1e-9);
    cr_assert_float_eq(s.share[2], 1, 1e-9);
    cr_assert_float_eq(s.lost, 0.8, 1e-9);
}

Test(settle, a_phase_that_is_too_short_is_not_judged)
{
    begin();
    int64_t moved[2] = {time_now, 0};
    flow(15, 1000, 10);
    moved[1] = time_now;
    cr_assert_eq(settle_of(moved, 2).moves, 0, "15 ticks, and none");
    flow(16, 1000, 10);
    cr_assert_eq(settle_of(moved, 2).moves, 1);
    flow(100, 1000, 10);
    cr_assert_eq(settle_of(moved, 2).moves, 1);
}

Test(settle, what_is_not_in_the_list_is_not_judged)
{
    begin();
    int64_t early = arrival[0].at - 1, late = time_now + 1;
    cr_assert_eq(settle_of(&early, 1).moves, 0, "before the first arrival");
    cr_assert_eq(settle_of(&late, 1).moves, 0, "after the last");
    cr_assert_eq(settle_of(NULL, 0).moves, 0);
    arrivals = 0;
    cr_assert_eq(settle_of(&early, 1).moves, 0, "no arrivals");
}

Test(settle, an_output_that_never_comes_back_is_as_late_as_the_phase_is_long)
{
    struct perf_settle s = AFTER({20, 1000}, {20, 2000}); /* the median of the rest is 2,000 */
    cr_assert_eq(s.ticks, 20);
    s = AFTER({8, 1000}, {30, 0});
    cr_assert_eq(s.moves, 0, "there is no rate to come back to");
}
