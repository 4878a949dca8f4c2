/* SPDX-License-Identifier: MIT */
/*
 * Scenarios and systems come here from constructors in their own files, before main. Two of one
 * name would be one row in every table, so that is a mistake that nobody may overlook.
 */
#include "registry.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "external_process.h"

static const struct perf_scenario *scenarios[PERF_KNOWN_MAX + 1];
static const struct perf_system *systems[PERF_KNOWN_MAX + 1];

static void give_up(const char *kind, const char *name, const char *why)
{
    fprintf(stderr, "takt-perf: %s %s: %s\n", kind, name, why);
    abort();
}

void perf_add_scenario(const struct perf_scenario *scenario)
{
    size_t i = 0;
    for (; scenarios[i]; i++) {
        if (strcmp(scenarios[i]->name, scenario->name) == 0)
            give_up("scenario", scenario->name, "there are two of this name");
    }
    if (i == PERF_KNOWN_MAX)
        give_up("scenario", scenario->name, "raise PERF_KNOWN_MAX");
    scenarios[i] = scenario;
}

void perf_add_system(const struct perf_system *system)
{
    size_t i = 0;
    for (; systems[i]; i++) {
        if (strcmp(systems[i]->name, system->name) == 0)
            give_up("system", system->name, "there are two of this name");
    }
    if (i == PERF_KNOWN_MAX)
        give_up("system", system->name, "raise PERF_KNOWN_MAX");
    systems[i] = system;
}

const struct perf_scenario *perf_scenario_at(size_t i)
{
    return scenarios[i];
}

const struct perf_system *perf_system_at(size_t i)
{
    return systems[i];
}

bool perf_scenario_named(const char *pattern)
{
    for (size_t i = 0; scenarios[i]; i++) {
        if (fnmatch(pattern, scenarios[i]->name, 0) == 0)
            return true;
    }
    return false;
}

bool perf_is_takt(const struct perf_system *system)
{
    return !system->peer && !system->limit && !system->single;
}

bool perf_suits(const struct perf_system *system, const struct perf_scenario *scenario)
{
    if (scenario->own)
        return system == scenario->own;
    struct perf_case what = scenario->what;
    what.scenario = scenario->name;
    return !system->can || system->can(&what);
}

const struct perf_system *perf_recorder(const struct perf_scenario *scenario)
{
    struct perf_case what = scenario->what;
    what.scenario = scenario->name;
    const struct perf_system *own = scenario->own;
    if (own)
        return own->records && own->records(&what) ? own : NULL;
    for (size_t i = 0; systems[i]; i++) {
        if (perf_suits(systems[i], scenario) && systems[i]->records && systems[i]->records(&what))
            return systems[i];
    }
    return NULL;
}

const char *perf_missing(const struct perf_system *system)
{
    const char *why = system->external ? perf_external_missing(system->external) : NULL;
    if (!why && system->missing)
        why = system->missing();
    return why;
}
