/* SPDX-License-Identifier: MIT */
/* The bare machine's systems, which run scenarios of their own as well (scenarios/limit.c). */
#ifndef TAKT_PERF_LIMITS_H
#define TAKT_PERF_LIMITS_H

#include "bench.h"

extern const struct perf_system perf_limit_batch, perf_limit_line, perf_limit_loop;

/* The four stages over events number `from` to `to` - 1; their result in order, from 0. */
uint64_t limit_batch(const struct perf_case *what, uint64_t from, uint64_t to);

#endif
