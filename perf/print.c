/* SPDX-License-Identifier: MIT */
/* The table that is read on a terminal. */
#include "print.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const double percentiles[] = {50, 90, 99, 99.9, 100};

static bool any_latency(const struct perf_table *table)
{
    for (int i = 0; i < table->rows; i++) {
        if (table->row[i].latency)
            return true;
    }
    return false;
}

static int find(const struct perf_events *events, const char *name)
{
    for (int k = 0; k < events->count; k++) {
        if (strcmp(events->name[k], name) == 0)
            return k;
    }
    return -1;
}

/* The width of the column of something that is counted. */
static int width_of(const char *name, const char *unit)
{
    int width = (int)(strlen(name) + strlen(unit)) + 1;
    return width > 9 ? width : 9;
}

static void print_head(const struct perf_table *table, const struct perf_events *events)
{
    const char *unit = table->counts_events ? "event" : "s";

    printf("\n%s: %s\n", table->scenario->name, table->scenario->about);
    printf("  %-22s", "");
    if (table->counts_events)
        printf(" %10s %9s %9s %8s %8s", "M events/s", "least", "most", "to peer", "to one");
    printf(" %7s %*s/%s", "cpu %", width_of("tsc", unit) - (int)strlen(unit) - 1, "tsc", unit);
    for (int k = 0; k < events->count; k++)
        printf("  %*s/%s", width_of(events->name[k], unit) - (int)strlen(unit) - 1, events->name[k],
               unit);
    if (find(events, "cycles") >= 0 && find(events, "instructions") >= 0)
        printf(" %6s", "IPC");
    if (any_latency(table))
        printf(" %10s %10s %10s %10s %10s", "p50 us", "p90", "p99", "p99.9", "max");
    printf("\n");
}

static void print_ratio(double ratio)
{
    if (ratio > 0)
        printf(" %8.2f", ratio);
    else
        printf(" %8s", "");
}

static void print_row(const struct perf_row *row, const struct perf_table *table,
                      const struct perf_events *events)
{
    const char *unit = table->counts_events ? "event" : "s";
    int cycles = find(events, "cycles"), instructions = find(events, "instructions");

    printf("%c %-22s", row->ratio_to_best_peer > 0 && row->ratio_to_best_peer < 1 ? '-' : ' ',
           row->system->name);
    if (table->counts_events) {
        printf(" %10.4g %9.4g %9.4g", row->rate.median / 1e6, row->rate.least / 1e6,
               row->rate.most / 1e6);
        print_ratio(row->ratio_to_best_peer);
        print_ratio(row->speedup_to_single);
    }
    printf(" %7.3g", row->cpu_percent.median);
    if (isnan(row->tsc_count.median))
        printf(" %*s", width_of("tsc", unit), "-");
    else
        printf(" %*.4g", width_of("tsc", unit), row->tsc_count.median);
    for (int k = 0; k < events->count; k++) {
        int width = width_of(events->name[k], unit);
        if (isnan(row->count[k].median))
            printf("  %*s", width, "-");
        else
            printf(" %c%*.4g", row->scaled[k] ? '~' : ' ', width, row->count[k].median);
    }
    if (cycles >= 0 && instructions >= 0)
        printf(" %6.2f", row->count[instructions].median / row->count[cycles].median);
    for (size_t p = 0; row->latency && p < sizeof percentiles / sizeof percentiles[0]; p++)
        printf(" %10.1f", (double)perf_histogram_at(row->latency, percentiles[p]) / 1e3);
    printf("\n");
    for (int k = 0; k < row->owned; k++) {
        const struct perf_own_figure *own = &row->own[k];
        printf("%s%s %.4g", k ? ", " : "      ", own->name, own->spread.median);
        if (own->spread.least < own->spread.most)
            printf(" (%.4g to %.4g)", own->spread.least, own->spread.most);
        printf("%s", k == row->owned - 1 ? "\n" : "");
    }
}

void perf_print_table(const struct perf_table *table, const struct perf_events *events)
{
    print_head(table, events);
    for (int i = 0; i < table->rows; i++) {
        const struct perf_row *row = &table->row[i];
        if (row->skipped)
            printf("  %-22s skipped: %s\n", row->system->name, row->why);
        else if (row->failed)
            printf("! %-22s FAILED: %s\n", row->system->name, row->why);
        else
            print_row(row, table, events);
    }
    if (table->rows == 0)
        printf("  no system that is built can run it\n");
    fflush(stdout);
}

bool perf_print_hgrm(const struct perf_table *table, const char *folder)
{
    bool good = true;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "takt-perf: %s: %s\n", folder, strerror(errno));
        return false;
    }
    for (int i = 0; i < table->rows; i++) {
        const struct perf_row *row = &table->row[i];
        char path[4096];
        if (!row->latency || row->failed)
            continue;
        snprintf(path, sizeof path, "%s/%s-%s.hgrm", folder, table->scenario->name,
                 row->system->name);
        FILE *file = fopen(path, "we");
        bool written = file && perf_histogram_write(row->latency, file);
        written = (!file || fclose(file) == 0) && written;
        if (!written)
            fprintf(stderr, "takt-perf: %s: %s\n", path, strerror(errno));
        good &= written;
    }
    return good;
}
