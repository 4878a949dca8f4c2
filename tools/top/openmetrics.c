/* SPDX-License-Identifier: MIT */
/*
 * A reading in the OpenMetrics text format: families one after another, each with its samples, a
 * counter's ending in _total, times in seconds, and the end marked.
 */
#include <stddef.h>

#include "export.h"

struct family {
    const char *name;
    const char *type;
    const char *unit; /* or NULL */
    const char *help;
    size_t offset; /* of the field in the record: an int64_t, */
    bool narrow;   /* or an uint32_t */
    double scale;
};

#define PIPELINE(field) offsetof(takt_counters_pipeline, field)
#define STAGE(field)    offsetof(takt_counters_stage, field)
#define WORKER(field)   offsetof(takt_counters_worker, field)

static const struct family of_pipelines[] = {
    {"takt_pipeline_published", "counter", NULL, "Events published.", PIPELINE(cursor), false, 1},
    {"takt_pipeline_waits", "counter", NULL, "How often a producer found no room.", PIPELINE(waits),
     false, 1},
    {"takt_pipeline_refused", "counter", NULL, "Events refused because the ring was full.",
     PIPELINE(refused), false, 1},
    {"takt_pipeline_dropped_newest", "counter", NULL, "Events not taken because the ring was full.",
     PIPELINE(dropped_newest), false, 1},
    {"takt_pipeline_dropped_oldest", "counter", NULL,
     "Events given up in the waiting room for newer ones.", PIPELINE(dropped_oldest), false, 1},
    {"takt_pipeline_waiting_events", "gauge", "events", "Events that wait for room in the ring.",
     PIPELINE(waiting), false, 1},
};

static const struct family of_stages[] = {
    {"takt_stage_events", "counter", NULL, "Events handled.", STAGE(events), false, 1},
    {"takt_stage_busy_seconds", "counter", "seconds", "Time in the handler, over all workers.",
     STAGE(busy_ns), false, 1e-9},
    {"takt_stage_backlog_events", "gauge", "events",
     "Events that are available and not done; of a source, free slots.", STAGE(backlog), false, 1},
    {"takt_stage_service_seconds", "gauge", "seconds", "Time of one event at present.",
     STAGE(service_ps), false, 1e-12},
    {"takt_stage_shards", "gauge", NULL, "Shards at present.", STAGE(shards), true, 1},
    {"takt_stage_owned_shards", "gauge", NULL, "Shards that a worker owns.", STAGE(owners), true,
     1},
    {"takt_stage_redivisions", "counter", NULL, "Changes of the number of shards.",
     STAGE(redivisions), false, 1},
    {"takt_stage_errors", "counter", NULL, "Handlers that failed.", STAGE(errors), false, 1},
    {"takt_stage_voids", "counter", NULL, "Void events passed over.", STAGE(voids), false, 1},
    {"takt_stage_claims", "counter", NULL, "How often a source was offered room.", STAGE(claims),
     false, 1},
    {"takt_stage_waits", "counter", NULL, "How often a source had nothing.", STAGE(waits), false,
     1},
};

static const struct family of_workers[] = {
    {"takt_worker_busy_seconds", "counter", "seconds", "Time in handlers.", WORKER(busy_ns), false,
     1e-9},
    {"takt_worker_sleeping_seconds", "counter", "seconds", "Time asleep.", WORKER(sleeping_ns),
     false, 1e-9},
    {"takt_worker_idle_seconds", "counter", "seconds", "Time spent looking for work.",
     WORKER(idle_ns), false, 1e-9},
    {"takt_worker_seats", "counter", NULL, "Shards taken.", WORKER(seats), false, 1},
    {"takt_worker_batches", "counter", NULL, "Handlers called.", WORKER(batches), false, 1},
    {"takt_worker_events", "counter", NULL, "Events handled.", WORKER(events), false, 1},
    {"takt_worker_sleeps", "counter", NULL, "How often it went to sleep.", WORKER(sleeps), false,
     1},
};

static void begin(FILE *file, const struct family *f)
{
    fprintf(file, "# TYPE %s %s\n", f->name, f->type);
    if (f->unit)
        fprintf(file, "# UNIT %s %s\n", f->name, f->unit);
    fprintf(file, "# HELP %s %s\n", f->name, f->help);
}

/* A label's value: bytes that are no ASCII become question marks. */
static void put_label(FILE *file, const char *name, const char *value)
{
    fprintf(file, "%s=\"", name);
    for (size_t i = 0; i < TAKT_COUNTERS_NAME && value[i]; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else
            putc(c < 0x20 || c >= 0x7f ? '?' : c, file);
    }
    putc('"', file);
}

static double value_of(const struct family *f, const void *record)
{
    const unsigned char *at = (const unsigned char *)record + f->offset;
    double value = f->narrow ? *(const uint32_t *)at : (double)*(const int64_t *)at;
    return value * f->scale;
}

static const char *suffix(const struct family *f)
{
    return f->type[0] == 'c' ? "_total" : "";
}

static void put_stages(FILE *file, const struct reading *reading, const struct family *f)
{
    begin(file, f);
    for (uint32_t i = 0; i < reading->header->pipelines; i++) {
        const takt_counters_pipeline *p = reading_pipeline(reading, i);
        for (uint32_t k = 0; pipeline_is_used(p) && k < p->stage_count; k++) {
            fprintf(file, "%s%s{", f->name, suffix(f));
            put_label(file, "pipeline", p->name);
            /* Names need not differ; places and numbers do. */
            fprintf(file, ",place=\"%u\",", i);
            put_label(file, "stage", p->stages[k].name);
            fprintf(file, ",number=\"%u\"} %.17g\n", k, value_of(f, &p->stages[k]));
        }
    }
}

static void put_workers(FILE *file, const struct reading *reading, const struct family *f)
{
    begin(file, f);
    uint32_t own = 0; /* helpers' places come after them */
    for (uint32_t i = 0; i < reading->header->workers; i++) {
        const takt_counters_worker *w = reading_worker(reading, i);
        own += !w->helper;
        fprintf(file, "%s%s{%s=\"%u\"} %.17g\n", f->name, suffix(f),
                w->helper ? "helper" : "worker", w->helper ? i + 1 - own : i + 1, value_of(f, w));
    }
}

static void put_pipelines(FILE *file, const struct reading *reading, const struct family *f)
{
    begin(file, f);
    for (uint32_t i = 0; i < reading->header->pipelines; i++) {
        const takt_counters_pipeline *p = reading_pipeline(reading, i);
        if (!pipeline_is_used(p))
            continue;
        /* The sequence of the last one, from 0 on. */
        double value = f->offset == PIPELINE(cursor) ? (double)p->cursor + 1 : value_of(f, p);
        fprintf(file, "%s%s{", f->name, suffix(f));
        put_label(file, "pipeline", p->name);
        fprintf(file, ",place=\"%u\"} %.17g\n", i, value);
    }
}

void export_openmetrics(FILE *file, const struct reading *reading)
{
    fprintf(file,
            "# TYPE takt_up gauge\n"
            "# HELP takt_up Whether the process that writes the figures is alive.\n"
            "takt_up %d\n"
            "# TYPE takt_age_seconds gauge\n"
            "# UNIT takt_age_seconds seconds\n"
            "# HELP takt_age_seconds How old the figures are.\n"
            "takt_age_seconds %.6f\n",
            reading->writer == WRITER_LIVES, reading->age);
    for (size_t i = 0; i < sizeof of_pipelines / sizeof of_pipelines[0]; i++)
        put_pipelines(file, reading, &of_pipelines[i]);
    for (size_t i = 0; i < sizeof of_stages / sizeof of_stages[0]; i++)
        put_stages(file, reading, &of_stages[i]);
    for (size_t i = 0; i < sizeof of_workers / sizeof of_workers[0]; i++)
        put_workers(file, reading, &of_workers[i]);
    fputs("# EOF\n", file);
}
