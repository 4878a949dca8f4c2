/* SPDX-License-Identifier: MIT */
/* Median, least and most of takt-perf's rounds. */
#include <criterion/criterion.h>

#include "perf/statistics.h"
#include "random.h"

TestSuite(statistics, .timeout = 20);

static void check(double *figures, size_t count, double median, double least, double most)
{
    struct perf_spread spread = perf_spread_of(figures, count);
    cr_assert_float_eq(spread.median, median, 1e-9, "%g, not %g", spread.median, median);
    cr_assert_float_eq(spread.least, least, 1e-9);
    cr_assert_float_eq(spread.most, most, 1e-9);
}

Test(statistics, of_few)
{
    check(NULL, 0, 0, 0, 0);
    check((double[]){7}, 1, 7, 7, 7);
    check((double[]){9, 1}, 2, 5, 1, 9);
    check((double[]){9, 1, 2}, 3, 2, 1, 9);
    check((double[]){4, 1, 3, 2}, 4, 2.5, 1, 4);
    check((double[]){-4, -1, -3}, 3, -3, -4, -1);
    check((double[]){1e300, 1.5e300}, 2, 1.25e300, 1e300, 1.5e300);
}

Test(statistics, as_many_lie_below_the_median_as_above)
{
    struct rng rng = {5};
    for (int round = 0; round < 1000; round++) {
        double figures[99];
        size_t count = 1 + rng_below(&rng, 99), below = 0, above = 0;
        for (size_t i = 0; i < count; i++)
            figures[i] = rng_below(&rng, 20);
        struct perf_spread spread = perf_spread_of(figures, count);
        for (size_t i = 0; i < count; i++) {
            below += figures[i] < spread.median;
            above += figures[i] > spread.median;
            cr_assert(figures[i] >= spread.least && figures[i] <= spread.most);
        }
        cr_assert(below <= count / 2 && above <= count / 2);
    }
}
