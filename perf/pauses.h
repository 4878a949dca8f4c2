/* SPDX-License-Identifier: MIT */
/* Pauses in a stream's output around the changes that were made meanwhile. */
#ifndef TAKT_PERF_PAUSES_H
#define TAKT_PERF_PAUSES_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"

/* A batch that came out: when, and the first sequence after it. */
struct perf_arrival {
    int64_t at, past;
};

/* A change: when it was asked for, and the first sequence of what is new. */
struct perf_change {
    int64_t asked, cut;
};

/*
 * Notes one pause for each change: the longest time between two arrivals, one after the other,
 * from the pause that the request fell into up to the batch with which the cut came out. Both
 * lists are in order. A change before the second arrival, or whose cut never came out, has none.
 */
void perf_pauses_note(struct perf_histogram *pauses, const struct perf_arrival *arrival,
                      size_t arrivals, const struct perf_change *change, size_t changes);

#endif
