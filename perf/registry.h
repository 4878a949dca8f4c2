/* SPDX-License-Identifier: MIT */
/* The scenarios and systems that are built into this takt-perf, in the order of meson.build. */
#ifndef TAKT_PERF_REGISTRY_H
#define TAKT_PERF_REGISTRY_H

#include <stddef.h>

#include "bench.h"

#define PERF_KNOWN_MAX 128

const struct perf_scenario *perf_scenario_at(size_t i); /* NULL behind the last */
const struct perf_system *perf_system_at(size_t i);     /* NULL behind the last */

/* Does `pattern` (with *, ? and [...] as in a shell) name any scenario? */
bool perf_scenario_named(const char *pattern);

/* Is the system takt's own? */
bool perf_is_takt(const struct perf_system *system);

/* May the system run the scenario, as far as its shape goes? */
bool perf_suits(const struct perf_system *system, const struct perf_scenario *scenario);

/* Why the system cannot run on this machine, or NULL. Valid until the next call. */
/* The system whose run of the scenario can be recorded: the first that does; or NULL. */
const struct perf_system *perf_recorder(const struct perf_scenario *scenario);

const char *perf_missing(const struct perf_system *system);

#endif
