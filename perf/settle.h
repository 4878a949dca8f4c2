/* SPDX-License-Identifier: MIT */
/* How soon a stream's output is what it was, after its work has moved from one stage to another. */
#ifndef TAKT_PERF_SETTLE_H
#define TAKT_PERF_SETTLE_H

#include "pauses.h"

/* The first ticks after a move, of which each has a figure. */
#define PERF_SETTLE_FIRST 3

struct perf_settle {
    size_t moves; /* that could be judged; without any the rest is 0 */
    /* Medians over the moves: */
    double ticks;                    /* until settled, */
    double share[PERF_SETTLE_FIRST]; /* the first ticks' output, */
    double lost;                     /* and what the move cost; both in steady ticks' output */
    double most;                     /* ticks until settled, of the slowest move */
};

/*
 * Ticks are counted from each move on; a stream has settled with the first tick whose output is
 * 95 % of the steady one, so 0 says that no tick had less. Steady is the median tick of the phase
 * up to the next move, but for its first 8 ticks; what the move cost is what these are short of
 * eight steady ones. A phase with fewer than 16 whole ticks is not judged.
 *
 * Both lists are in order. Between two arrivals output is taken to be even. Medians of single
 * ticks, not the best of them: a tick in which a burst came out is nobody's measure.
 */
void perf_settle_of(struct perf_settle *settle, const struct perf_arrival *arrival, size_t arrivals,
                    const int64_t *moved, size_t moves, int64_t tick_ns);

#endif
