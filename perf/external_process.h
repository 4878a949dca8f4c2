/* SPDX-License-Identifier: MIT */
/* The harness's end of systems in another language; external.h has the protocol. */
#ifndef TAKT_PERF_EXTERNAL_PROCESS_H
#define TAKT_PERF_EXTERNAL_PROCESS_H

#include "child.h"
#include "external.h"

/* Why its program cannot be run, or NULL. Valid until the next call. */
const char *perf_external_missing(const struct perf_external *external);

void perf_external_run(const struct perf_system *system, const struct perf_case *what, int limit,
                       struct perf_outcome *outcome);

/* Ends all processes that were started. */
void perf_external_stop(void);

/* The folder that takt-perf lies in. */
const char *perf_folder(void);

#endif
