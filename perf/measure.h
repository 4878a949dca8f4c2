/* SPDX-License-Identifier: MIT */
/* The process of one run: what the harness's end of perf_begin and perf_end needs. */
#ifndef TAKT_PERF_MEASURE_H
#define TAKT_PERF_MEASURE_H

#include "bench.h"
#include "counters.h"

/* After the run, in its process: what was counted between perf_begin and perf_end. */
void perf_measured(struct perf_counts *counts);

/* Did the run call perf_begin and then perf_end? */
bool perf_was_measured(void);

#endif
