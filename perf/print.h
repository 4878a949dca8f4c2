/* SPDX-License-Identifier: MIT */
/* What is shown of a scenario's rows: a table to read, or lines of JSON. */
#ifndef TAKT_PERF_PRINT_H
#define TAKT_PERF_PRINT_H

#include "session.h"

void perf_print_table(const struct perf_table *table, const struct perf_events *events);
void perf_print_json(const struct perf_table *table, const struct perf_events *events,
                     const char *missing);

/* The latencies as FOLDER/SCENARIO-SYSTEM.hgrm; false, and said on standard error, if not. */
bool perf_print_hgrm(const struct perf_table *table, const char *folder);

#endif
