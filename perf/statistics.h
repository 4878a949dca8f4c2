/* SPDX-License-Identifier: MIT */
/* Of a few figures: the one in the middle, the least and the most. */
#ifndef TAKT_PERF_STATISTICS_H
#define TAKT_PERF_STATISTICS_H

#include <stddef.h>

struct perf_spread {
    double median, least, most;
};

/* Puts the figures in order. With an even number the median lies between the two in the middle. */
struct perf_spread perf_spread_of(double *figures, size_t count);

#endif
