/* SPDX-License-Identifier: MIT */
#include "statistics.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct perf_spread perf_spread_of(double *figures, size_t count)
{
    if (count == 0)
        return (struct perf_spread){0};
    qsort(figures, count, sizeof figures[0], by_value);
    double low = figures[(count - 1) / 2], high = figures[count / 2];
    return (struct perf_spread){low + (high - low) / 2, figures[0], figures[count - 1]};
}
