/* SPDX-License-Identifier: MIT */
/* Which of the pauses in an output are counted to a change. */
#include <criterion/criterion.h>

#include "perf/pauses.h"

TestSuite(pauses, .timeout = 20);

/* Ten events a batch; pauses of 10, 30, 10, 50, 20. */
static const struct perf_arrival arrival[] = {{100, 10}, {110, 20}, {140, 30},
                                              {150, 40}, {200, 50}, {220, 60}};
#define ARRIVALS (sizeof arrival / sizeof arrival[0])

static struct perf_histogram pauses;

static int64_t pause_of(int64_t asked, int64_t cut)
{
    pauses = (struct perf_histogram){0};
    perf_pauses_note(&pauses, arrival, ARRIVALS, &(struct perf_change){asked, cut}, 1);
    cr_assert_leq(pauses.count, 1);
    return pauses.count ? pauses.most : -1;
}

Test(pauses, the_longest_up_to_the_cut_counts)
{
    cr_assert_eq(pause_of(105, 20), 30, "the batch that begins with the cut counts");
    cr_assert_eq(pause_of(105, 19), 10, "what comes after the cut does not");
    cr_assert_eq(pause_of(105, 45), 50);
    cr_assert_eq(pause_of(145, 30), 10);
    cr_assert_eq(pause_of(201, 59), 20);
}

Test(pauses, the_pause_that_the_request_fell_into_counts_whole)
{
    cr_assert_eq(pause_of(139, 20), 30);
    cr_assert_eq(pause_of(140, 30), 10, "what came out at the request was before it");
    cr_assert_eq(pause_of(100, 10), 10);
}

Test(pauses, a_cut_that_has_come_out_already_ends_with_the_next_batch)
{
    cr_assert_eq(pause_of(141, 0), 10);
}

Test(pauses, without_two_ends_there_is_none)
{
    cr_assert_eq(pause_of(99, 30), -1, "asked before anything came out");
    cr_assert_eq(pause_of(150, 60), -1, "the cut never came out");
    cr_assert_eq(pause_of(230, 30), -1, "nothing came out afterwards");
    perf_pauses_note(&pauses, arrival, 0, &(struct perf_change){105, 20}, 1);
    cr_assert_eq(pauses.count, 0);
}

Test(pauses, each_change_has_its_own_although_they_overlap)
{
    static const struct perf_change change[] = {{105, 45}, {112, 20}, {155, 59}, {156, 99}};
    perf_pauses_note(&pauses, arrival, ARRIVALS, change, sizeof change / sizeof change[0]);
    cr_assert_eq(pauses.count, 3);
    cr_assert_eq(pauses.bucket[50], 2);
    cr_assert_eq(pauses.bucket[30], 1);
}
