/* SPDX-License-Identifier: MIT */
/* takt-perf: microbenchmarks of takt beside its peers and the bare machine. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "external_process.h"
#include "options.h"
#include "print.h"
#include "registry.h"
#include "session.h"

/* The exit statuses; options.c's help names them. */
enum { GOOD = 0, RUN_FAILED = 1, MISUSED = 2 };

static const char *kind_of(const struct perf_system *system)
{
    if (system->peer)
        return "peer";
    return system->limit || system->single ? "limit" : "takt";
}

static int list(void)
{
    const struct perf_scenario *scenario;
    const struct perf_system *system;

    printf("scenarios\n");
    for (size_t i = 0; (scenario = perf_scenario_at(i)) != NULL; i++)
        printf("  %-20s  %s\n", scenario->name, scenario->about);
    printf("\nsystems\n");
    for (size_t i = 0; (system = perf_system_at(i)) != NULL; i++) {
        const char *missing = perf_missing(system);
        printf("  %-20s  %-5s  %s\n", system->name, kind_of(system), system->about);
        if (missing)
            printf("  %-20s         skipped: %s\n", "", missing);
    }
    return GOOD;
}

/* Runs one scenario and prints it: does it have a failed row? */
static bool run_scenario(const struct perf_scenario *scenario, const struct perf_options *options,
                         const struct perf_events *events, const char *missing,
                         struct perf_outcome *outcome)
{
    static struct perf_table table;
    bool failed = false;

    perf_session(scenario, options, events, outcome, &table);
    failed = table.unrecorded;
    if (options->json)
        perf_print_json(&table, events, missing);
    else
        perf_print_table(&table, events);
    if (options->hgrm)
        failed |= !perf_print_hgrm(&table, options->hgrm);
    for (int i = 0; i < table.rows; i++)
        failed |= table.row[i].failed;
    perf_session_free(&table);
    return failed;
}

static int run(const struct perf_options *options)
{
    const struct perf_scenario *scenario;
    struct perf_events events;
    char missing[1024];
    bool failed = false;

    struct perf_outcome *outcome = perf_outcome_create();
    if (!outcome) {
        fprintf(stderr, "takt-perf: no memory\n");
        return RUN_FAILED;
    }
    if (perf_counters_setup(options->events, &events, missing, sizeof missing) != 0)
        return MISUSED;
    if (*missing)
        fprintf(stderr, "takt-perf: not counted here: %s; software events instead\n", missing);
    for (size_t i = 0; (scenario = perf_scenario_at(i)) != NULL; i++) {
        if (options_choose_scenario(options, scenario))
            failed |= run_scenario(scenario, options, &events, missing, outcome);
    }
    perf_external_stop();
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "takt-perf: standard output: cannot be written\n");
        return RUN_FAILED;
    }
    return failed ? RUN_FAILED : GOOD;
}

int main(int argc, char **argv)
{
    struct perf_options options;

    signal(SIGPIPE, SIG_IGN); /* a system that is gone is a failed row */
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_LIST: return list();
    case OPTIONS_RUN: return run(&options);
    case OPTIONS_DONE: return GOOD;
    default: return MISUSED;
    }
}
