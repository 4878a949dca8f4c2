/* SPDX-License-Identifier: MIT */
/*
 * Recordings of simulated runs: with room for few spans they hold the same time and the same events
 * as with room for all, for each worker and stage, in order. test/drawn_test.py opens what is made
 * of them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <takt/error.h>

#include "perf/sim/engine.h"

TestSuite(sim_record, .timeout = 120);

#define WORKERS 8
#define STAGES  16

/* What the seats of a trace add up to. */
struct sums {
    double busy_us[WORKERS + 1][STAGES];
    double slept_us[WORKERS + 1];
    double until_us[WORKERS + 1]; /* of the last */
    long events[STAGES];
    size_t seats, slices;
    bool batches;
};

/* One event is one line. */
static void add_line(struct sums *sums, const struct sim_workload *w, const char *line)
{
    unsigned track;
    double from, length;
    char name[SIM_NAME_MAX], kind[16];
    int found = sscanf(line,
                       "{\"ph\":\"X\",\"pid\":1,\"tid\":%u,\"ts\":%lf,\"name\":\"%31[^\"]\","
                       "\"cat\":\"%15[^\"]\",\"dur\":%lf",
                       &track, &from, name, kind, &length);
    if (found != 5)
        return;
    cr_assert(track >= 1 && track <= WORKERS);
    sums->slices++;
    sums->batches |= strcmp(kind, "batch") == 0;
    if (strcmp(kind, "batch") == 0)
        return;
    cr_assert(from > sums->until_us[track] - 0.0015, "%s overlaps", line); /* they are rounded */
    sums->until_us[track] = from + length;
    sums->seats++;
    if (strcmp(kind, "sleep") == 0) {
        sums->slept_us[track] += length;
        return;
    }
    for (uint32_t i = 0; i < w->count; i++)
        if (strcmp(w->stages[i].name, name) == 0) {
            sums->busy_us[track][i] += length;
            sums->events[i] += strtol(strstr(line, "\"events\":") + 9, NULL, 10);
        }
}

static struct sums record(const struct sim_workload *w, uint32_t ticks, size_t spans)
{
    static struct sums sums;
    char path[64], line[512];
    struct sim_options options;
    struct sim_result result;
    sim_options_init(&options);
    options.workers = WORKERS;
    options.ticks = ticks;
    options.record = sim_record_create(w, WORKERS, spans);
    cr_assert_not_null(options.record);
    cr_assert(sim_run(w, &options, &result));
    snprintf(path, sizeof path, "sim-record-%ld.json", (long)getpid());
    cr_assert_eq(sim_record_write(options.record, "a test", path), 0);
    sim_record_free(options.record);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    sums = (struct sums){0};
    while (fgets(line, sizeof line, file))
        add_line(&sums, w, line);
    fclose(file);
    unlink(path);
    return sums;
}

static void compare(const char *name, uint32_t ticks, size_t few)
{
    const struct sim_workload *w = sim_suite_find(name);
    struct sums all = record(w, ticks, 0), merged = record(w, ticks, few);
    cr_assert(all.batches && !merged.batches);
    cr_assert_lt(merged.slices, few);
    cr_assert_lt(merged.seats, all.seats / 2, "%zu of %zu", merged.seats, all.seats);
    for (uint32_t i = 0; i < w->count; i++)
        cr_assert_eq(all.events[i], merged.events[i], "%s", w->stages[i].name);
    for (uint32_t k = 1; k <= WORKERS; k++) {
        cr_assert_float_eq(all.slept_us[k], merged.slept_us[k], 1);
        for (uint32_t i = 0; i < w->count; i++)
            cr_assert_float_eq(all.busy_us[k][i], merged.busy_us[k][i], 1, "worker %u, %s", k,
                               w->stages[i].name);
    }
}

Test(sim_record, few_spans_hold_the_same_time_and_events)
{
    compare("moving", 24, 2000);
}

Test(sim_record, sleepers_as_well)
{
    compare("burst", 24, 2000);
}

/* Every stage of every worker in hardly more spans than there are of them. */
Test(sim_record, a_long_run_in_the_least_room)
{
    compare("sixteen", 400, 3 * WORKERS * (STAGES + 1) + 1);
}

Test(sim_record, a_file_that_cannot_be_written_is_an_error)
{
    struct sim_record *nothing = sim_record_create(sim_suite_find("moving"), WORKERS, 0);
    cr_assert_eq(sim_record_write(nothing, "a test", "/nowhere/x.html"), TAKT_EFILE);
    sim_record_free(nothing);
}
