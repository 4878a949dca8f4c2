/* SPDX-License-Identifier: MIT */
/* One row as one line of JSON. What there is nothing to say about is null, or not there. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "print.h"

/* Six digits: no figure here has more, and a line stays readable. */
static void add_number(cJSON *object, const char *name, double value)
{
    char text[32];
    if (isfinite(value)) {
        snprintf(text, sizeof text, "%.6g", value);
        cJSON_AddRawToObject(object, name, text);
    } else {
        cJSON_AddNullToObject(object, name);
    }
}

static void add_latency(cJSON *line, const struct perf_histogram *latency)
{
    static const struct {
        const char *name;
        double percent;
    } percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}};
    cJSON *object = cJSON_AddObjectToObject(line, "latency_ns");
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++)
        cJSON_AddNumberToObject(object, percentiles[i].name,
                                (double)perf_histogram_at(latency, percentiles[i].percent));
}

static void add_threads(cJSON *counters, const struct perf_row *row,
                        const struct perf_events *events, const char *unit)
{
    cJSON *threads = cJSON_AddArrayToObject(counters, "threads");
    for (int i = 0; i < row->threads; i++) {
        cJSON *thread = cJSON_CreateObject();
        cJSON_AddItemToArray(threads, thread);
        if (row->thread[i].thread >= 0)
            cJSON_AddNumberToObject(thread, "thread", row->thread[i].thread);
        else
            cJSON_AddStringToObject(thread, "thread", "others");
        cJSON *counts = cJSON_AddObjectToObject(thread, unit);
        for (int k = 0; k < events->count; k++)
            add_number(counts, events->name[k], row->thread[i].count[k] / row->units);
    }
    if (row->uncounted)
        cJSON_AddNumberToObject(counters, "threads_not_counted", row->uncounted);
}

/* The figures of a scenario's own: the medians, and in the same order how far the rounds differ. */
static void add_own(cJSON *counters, const struct perf_row *row)
{
    for (int k = 0; k < row->owned; k++)
        add_number(counters, row->own[k].name, row->own[k].spread.median);
    cJSON *spread = row->owned ? cJSON_AddObjectToObject(counters, "min_max") : NULL;
    for (int k = 0; k < row->owned; k++) {
        const double ends[] = {row->own[k].spread.least, row->own[k].spread.most};
        cJSON_AddItemToObject(spread, row->own[k].name, cJSON_CreateDoubleArray(ends, 2));
    }
}

static void add_counters(cJSON *line, const struct perf_row *row, const struct perf_table *table,
                         const struct perf_events *events, const char *missing)
{
    const char *unit = table->counts_events ? "per_event" : "per_second";
    cJSON *counters = cJSON_AddObjectToObject(line, "counters");
    double cycles = NAN, instructions = NAN;

    add_number(counters, "cpu_percent", row->cpu_percent.median);
    cJSON *counts = cJSON_AddObjectToObject(counters, unit), *scaled = NULL;
    if (isfinite(row->tsc_count.median))
        add_number(counts, "tsc", row->tsc_count.median);
    for (int k = 0; k < events->count; k++) {
        add_number(counts, events->name[k], row->count[k].median);
        if (strcmp(events->name[k], "cycles") == 0)
            cycles = row->count[k].median;
        if (strcmp(events->name[k], "instructions") == 0)
            instructions = row->count[k].median;
        if (row->scaled[k]) {
            scaled = scaled ? scaled : cJSON_AddArrayToObject(counters, "scaled");
            cJSON_AddItemToArray(scaled, cJSON_CreateString(events->name[k]));
        }
    }
    if (isfinite(instructions / cycles))
        add_number(counters, "ipc", instructions / cycles);
    add_threads(counters, row, events, unit);
    add_own(counters, row);
    if (*missing)
        cJSON_AddStringToObject(counters, "missing", missing);
}

static void add_rate(cJSON *line, const struct perf_row *row, bool counts_events)
{
    static const char *const names[] = {"events_per_s", "min", "max"};
    double figures[] = {row->rate.median, row->rate.least, row->rate.most};
    for (int i = 0; i < 3; i++)
        add_number(line, names[i], counts_events ? figures[i] : NAN);
}

static void print_row(const struct perf_row *row, const struct perf_table *table,
                      const struct perf_events *events, const char *missing)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "scenario", table->scenario->name);
    cJSON_AddStringToObject(line, "system", row->system->name);
    cJSON_AddNumberToObject(line, "rounds", row->rounds);
    if (row->skipped || row->failed) {
        cJSON_AddStringToObject(line, row->failed ? "error" : "skipped", row->why);
    } else {
        add_rate(line, row, table->counts_events);
        if (row->ratio_to_best_peer > 0)
            add_number(line, "ratio_to_best_peer", row->ratio_to_best_peer);
        if (row->speedup_to_single > 0)
            add_number(line, "speedup_to_single", row->speedup_to_single);
        if (row->latency)
            add_latency(line, row->latency);
        add_counters(line, row, table, events, missing);
    }
    char *text = cJSON_PrintUnformatted(line);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(line);
}

void perf_print_json(const struct perf_table *table, const struct perf_events *events,
                     const char *missing)
{
    for (int i = 0; i < table->rows; i++)
        print_row(&table->row[i], table, events, missing);
    fflush(stdout);
}
