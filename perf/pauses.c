/* SPDX-License-Identifier: MIT */
/*
 * One pass over both lists. The stretches of two changes may overlap (the next is asked for while
 * the cut of the one before is still on its way to the output), so each change looks ahead from the
 * first arrival after its request, which only moves on.
 */
#include "pauses.h"

void perf_pauses_note(struct perf_histogram *pauses, const struct perf_arrival *arrival,
                      size_t arrivals, const struct perf_change *change, size_t changes)
{
    size_t first = 1;
    for (size_t c = 0; c < changes && arrivals > 0; c++) {
        int64_t longest = -1;
        if (change[c].asked < arrival[0].at)
            continue;
        while (first < arrivals && arrival[first].at <= change[c].asked)
            first++;
        for (size_t i = first; i < arrivals; i++) {
            int64_t pause = arrival[i].at - arrival[i - 1].at;
            longest = pause > longest ? pause : longest;
            if (arrival[i].past > change[c].cut) {
                perf_histogram_note(pauses, longest, 1);
                break;
            }
        }
    }
}
