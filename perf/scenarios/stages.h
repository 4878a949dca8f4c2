/* SPDX-License-Identifier: MIT */
/* What the scenarios of four stages have in common. */
#ifndef TAKT_PERF_SCENARIOS_STAGES_H
#define TAKT_PERF_SCENARIOS_STAGES_H

#include "bench.h"

/* What the last stages' words, in order, must come to. */
uint64_t perf_stages_checksum(const struct perf_case *what);

#endif
