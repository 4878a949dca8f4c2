/* SPDX-License-Identifier: MIT */
/* The command line of takt-perf. */
#ifndef TAKT_PERF_OPTIONS_H
#define TAKT_PERF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

enum options_result { OPTIONS_LIST, OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

struct perf_options {
    const char *peers; /* all, none, or names with commas between them */
    const char *events;
    const char *hgrm;           /* a folder, or NULL */
    const char *report, *trace; /* files, or NULL */
    char **scenarios;           /* patterns; none means all */
    int scenario_count;
    int rounds, limit;
    int64_t time_ns;
    bool json;
    int cpus[sizeof((struct perf_case *)0)->cpus / sizeof(int)];
    int cpu_count;
};

/* With OPTIONS_USAGE, what is wrong has been said on standard error. */
enum options_result options_parse(struct perf_options *options, int argc, char **argv);

/* Is the system among those that --peers chooses? takt and the bare machine always are. */
bool options_choose_system(const struct perf_options *options, const struct perf_system *system);
bool options_choose_scenario(const struct perf_options *options,
                             const struct perf_scenario *scenario);

#endif
