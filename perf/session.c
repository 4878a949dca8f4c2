/* SPDX-License-Identifier: MIT */
/*
 * The rounds. The systems take turns within each round, and the order turns from round to round, so
 * that a drift of the machine meets them all alike. The first round warms up: it finds out for each
 * system how many events take about the time asked for, and is not counted.
 *
 * Every run's checksum is looked at, in the warm-up too. A system that failed once takes no further
 * part: a row is the median of all its rounds or no row.
 */
#include "session.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MOST  8
#define EVENTS_MOST (UINT64_C(1) << 40)

struct session {
    const struct perf_scenario *scenario;
    const struct perf_options *options;
    const struct perf_events *events;
    struct perf_outcome *outcome;
    struct perf_table *table;

    /* Where the scenario does not know the result: what was found first. */
    uint64_t found_events, found_sum;
};

__attribute__((format(printf, 2, 3))) static void fail(struct perf_row *row, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    row->failed = true;
    vsnprintf(row->why, sizeof row->why, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 1, 2))) static void progress(const char *format, ...)
{
    va_list arguments;
    if (!isatty(STDERR_FILENO))
        return;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

/* A number of events that the three producers and all batches divide evenly. */
static uint64_t even(double events, uint32_t batch)
{
    uint64_t unit = 3 * (uint64_t)batch;
    if (events > (double)EVENTS_MOST)
        events = (double)EVENTS_MOST;
    uint64_t units = (uint64_t)(events / (double)unit);
    return (units ? units : 1) * unit;
}

/*
 * What the result must be: by the scenario, or, where it does not know, what the first system with
 * the same number of events found, so that at least all agree. Working it out often takes as long
 * as a run, so a row remembers it.
 */
static bool is_right(struct session *s, struct perf_row *row, uint64_t sum)
{
    if (row->known_events == row->what.events)
        return sum == row->known_sum;
    if (s->scenario->checksum) {
        row->known_sum = s->scenario->checksum(&row->what);
    } else {
        if (s->found_events != row->what.events) {
            s->found_events = row->what.events;
            s->found_sum = sum;
        }
        row->known_sum = s->found_sum;
    }
    row->known_events = row->what.events;
    return sum == row->known_sum;
}

/* One run; false if the row has failed by it. */
static bool run_once(struct session *s, struct perf_row *row)
{
    perf_run_once(row->system, &row->what, s->options->limit, s->outcome);
    if (s->outcome->failed) {
        fail(row, "%s", s->outcome->why);
        return false;
    }
    if (!is_right(s, row, s->outcome->run.checksum)) {
        fail(row, "wrong result of %llu events: %llu instead of %llu",
             (unsigned long long)row->what.events, (unsigned long long)s->outcome->run.checksum,
             (unsigned long long)row->known_sum);
        return false;
    }
    return true;
}

/*
 * The warm-up. From the first try on, the number is raised by what is missing to the time asked
 * for, but not a hundredfold at once, because the first runs are the slowest.
 */
static void warm_up(struct session *s, struct perf_row *row)
{
    const struct perf_scenario *scenario = s->scenario;
    double wanted = (double)s->options->time_ns;
    bool again = false;

    row->what = scenario->what;
    row->what.scenario = scenario->name;
    row->what.time_ns = s->options->time_ns;
    row->what.cpu_count = s->options->cpu_count;
    memcpy(row->what.cpus, s->options->cpus, sizeof row->what.cpus);
    if (!scenario->fixed)
        row->what.events = even((double)row->what.events, row->what.batch);
    if (row->what.rate) /* the producer's rate gives the number */
        row->what.events = even((double)row->what.rate * wanted / 1e9, row->what.batch);
    for (int try = 0; try < TRIES_MOST && run_once(s, row); try++) {
        double ns = (double)s->outcome->run.ns, grow = wanted / ns;
        if (scenario->fixed || row->what.rate)
            break;
        uint64_t events =
            even((double)row->what.events * (grow > 100 ? 100 : grow), row->what.batch);
        bool enough = ns >= wanted / 2 || events == row->what.events;
        row->what.events = events;
        if (enough && (again || !row->system->external))
            break;
        again = enough;
    }
}

/* `count` zeros; without memory for some numbers there is nothing to go on with. */
static void *zeros(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "takt-perf: no memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void note_counts(struct session *s, struct perf_row *row, int round, double units)
{
    const struct perf_counts *counts = &s->outcome->counts;

    row->tsc[round] = counts->tsc ? (double)counts->tsc / units : NAN;
    row->cpu[round] =
        counts->of_ns > 0 ? 100 * (double)counts->cpu_ns / (double)counts->of_ns : NAN;
    row->uncounted = counts->uncounted;
    row->units += units;
    for (int k = 0; k < s->events->count; k++) {
        double sum = counts->threads ? 0 : NAN;
        for (int i = 0; i < counts->threads; i++) {
            sum += counts->thread[i].count[k].value;
            row->scaled[k] |= counts->thread[i].count[k].scaled;
        }
        row->counted[k][round] = sum / units;
    }
    for (int i = 0; i < counts->threads; i++) {
        int at = 0;
        while (at < row->threads && row->thread[at].thread != counts->thread[i].thread)
            at++;
        if (at == PERF_THREADS_MAX)
            continue;
        if (at == row->threads)
            row->thread[row->threads++] =
                (struct perf_thread_sum){.thread = counts->thread[i].thread};
        for (int k = 0; k < s->events->count; k++)
            row->thread[at].count[k] += counts->thread[i].count[k].value;
    }
}

static void note_figures(const struct session *s, struct perf_row *row)
{
    const struct perf_run *run = &s->outcome->run;
    for (int k = 0; k < run->figures; k++) {
        int at = 0;
        while (at < row->owned && strcmp(row->own[at].name, run->figure[k].name) != 0)
            at++;
        if (at == PERF_FIGURES_MAX)
            continue;
        struct perf_own_figure *own = &row->own[at];
        if (at == row->owned) {
            row->owned++;
            memcpy(own->name, run->figure[k].name, sizeof own->name);
            own->values = zeros((size_t)s->options->rounds, sizeof(double));
        }
        if (own->rounds <= row->rounds) /* a name that came twice in a round counts once */
            own->values[own->rounds++] = run->figure[k].value;
    }
}

static void note(struct session *s, struct perf_row *row)
{
    const struct perf_run *run = &s->outcome->run;
    double seconds = (double)run->ns / 1e9;

    row->rates[row->rounds] = (double)run->events / seconds;
    note_counts(s, row, row->rounds, run->events ? (double)run->events : seconds);
    note_figures(s, row);
    if (s->outcome->latency.count) {
        if (!row->latency)
            row->latency = zeros(1, sizeof *row->latency);
        perf_histogram_add(row->latency, &s->outcome->latency);
    }
    s->table->counts_events |= run->events != 0;
    row->rounds++;
}

static void run_rounds(struct session *s)
{
    struct perf_table *table = s->table;

    for (int round = -1; round < s->options->rounds; round++) {
        for (int turn = 0; turn < table->rows; turn++) {
            struct perf_row *row = &table->row[(turn + round + table->rows) % table->rows];
            if (row->skipped || row->failed)
                continue;
            if (round < 0)
                progress("%s: warm-up, %s", s->scenario->name, row->system->name);
            else
                progress("%s: round %d of %d, %s", s->scenario->name, round + 1, s->options->rounds,
                         row->system->name);
            if (round < 0)
                warm_up(s, row);
            else if (run_once(s, row))
                note(s, row);
            if (row->failed) {
                progress("%s", "");
                fprintf(stderr, "takt-perf: %s on %s FAILED: %s\n", s->scenario->name,
                        row->system->name, row->why);
            }
        }
    }
    progress("%s", "");
}

/* The figures that were counted in the rounds; those that never were are not a number. */
static struct perf_spread spread(double *figures, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        if (isnan(figures[i]))
            return (struct perf_spread){NAN, NAN, NAN};
    }
    return perf_spread_of(figures, (size_t)rounds);
}

static void sum_up(const struct session *s, struct perf_row *row)
{
    row->rate = spread(row->rates, row->rounds);
    row->tsc_count = spread(row->tsc, row->rounds);
    row->cpu_percent = spread(row->cpu, row->rounds);
    for (int k = 0; k < s->events->count; k++)
        row->count[k] = spread(row->counted[k], row->rounds);
    for (int k = 0; k < row->owned; k++)
        row->own[k].spread = spread(row->own[k].values, row->own[k].rounds);
}

/* How good a row is: the more the better. With a given rate it is the latency that counts. */
static double merit(const struct perf_row *row)
{
    if (row->skipped || row->failed)
        return 0;
    if (row->what.rate)
        return row->latency ? 1 / (double)(perf_histogram_at(row->latency, 99) + 1) : 0;
    return row->rate.median;
}

static void compare(struct perf_table *table)
{
    double best_peer = 0, single = 0;

    for (int i = 0; i < table->rows; i++) {
        double value = merit(&table->row[i]);
        if (table->row[i].system->peer && value > best_peer)
            best_peer = value;
        if (table->row[i].system->single && value > single)
            single = value;
    }
    for (int i = 0; i < table->rows; i++) {
        struct perf_row *row = &table->row[i];
        if (best_peer > 0 && perf_is_takt(row->system))
            row->ratio_to_best_peer = merit(row) / best_peer;
        if (single > 0 && !row->system->single)
            row->speedup_to_single = merit(row) / single;
    }
}

static void add_rows(struct session *s)
{
    const struct perf_system *system;
    size_t rounds = (size_t)s->options->rounds;

    for (size_t i = 0; (system = perf_system_at(i)) != NULL; i++) {
        if (perf_suits(system, s->scenario) && options_choose_system(s->options, system))
            s->table->row[s->table->rows++].system = system;
    }
    /* A system for one scenario alone need not be known to all. */
    if (s->scenario->own && s->table->rows == 0)
        s->table->row[s->table->rows++].system = s->scenario->own;
    for (int i = 0; i < s->table->rows; i++) {
        struct perf_row *row = &s->table->row[i];
        const char *missing = perf_missing(row->system);
        row->rates = zeros(rounds, sizeof(double));
        row->tsc = zeros(rounds, sizeof(double));
        row->cpu = zeros(rounds, sizeof(double));
        for (int k = 0; k < s->events->count; k++)
            row->counted[k] = zeros(rounds, sizeof(double));
        row->skipped = missing != NULL;
        if (missing)
            snprintf(row->why, sizeof row->why, "%s", missing);
    }
}

/* One more run, which is recorded and so not counted. */
static void record(struct session *s)
{
    const struct perf_system *system = perf_recorder(s->scenario);
    const struct perf_row *row = s->table->row;

    while (row->system != system)
        row++;
    s->table->unrecorded = true;
    if (row->skipped || row->failed) {
        fprintf(stderr, "takt-perf: not recorded: %s\n", row->why);
        return;
    }
    struct perf_case what = row->what;
    what.report = s->options->report;
    what.trace = s->options->trace;
    progress("%s: recording %s", s->scenario->name, system->name);
    perf_run_once(system, &what, s->options->limit, s->outcome);
    progress("%s", "");
    if (s->outcome->failed)
        fprintf(stderr, "takt-perf: not recorded: %s\n", s->outcome->why);
    else
        s->table->unrecorded = false;
}

void perf_session(const struct perf_scenario *scenario, const struct perf_options *options,
                  const struct perf_events *events, struct perf_outcome *outcome,
                  struct perf_table *table)
{
    struct session s = {scenario, options, events, outcome, table, 0, 0};

    *table = (struct perf_table){.scenario = scenario};
    add_rows(&s);
    run_rounds(&s);
    if (options->report || options->trace)
        record(&s);
    for (int i = 0; i < table->rows; i++)
        sum_up(&s, &table->row[i]);
    compare(table);
}

void perf_session_free(struct perf_table *table)
{
    for (int i = 0; i < table->rows; i++) {
        struct perf_row *row = &table->row[i];
        free(row->rates);
        free(row->tsc);
        free(row->cpu);
        for (int k = 0; k < PERF_EVENTS_MAX; k++)
            free(row->counted[k]);
        for (int k = 0; k < row->owned; k++)
            free(row->own[k].values);
        free(row->latency);
    }
}
