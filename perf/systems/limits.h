/* SPDX-License-Identifier: MIT */
/* The bare machine's systems, which run scenarios of their own as well (scenarios/limit.c). */
#ifndef TAKT_PERF_LIMITS_H
#define TAKT_PERF_LIMITS_H

#include "bench.h"

extern const struct perf_system perf_limit_batch, perf_limit_line, perf_limit_loop;

#endif
