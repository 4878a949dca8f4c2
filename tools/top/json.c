/* SPDX-License-Identifier: MIT */
/* A reading as one JSON object. */
#include "export.h"

static void put_string(FILE *file, const char *text)
{
    putc('"', file);
    for (size_t i = 0; i < TAKT_COUNTERS_NAME && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            fprintf(file, "\\u%04x", c);
        else
            putc(c, file);
    }
    putc('"', file);
}

static void put_stage(FILE *file, const takt_counters_stage *s, double rate, double service)
{
    fputs("{\"name\":", file);
    put_string(file, s->name);
    fprintf(file,
            ",\"events\":%ld,\"done\":%ld,\"backlog\":%ld,\"busy_ns\":%ld,\"service_ns\":%.3f,"
            "\"events_per_second\":%.1f,\"redivisions\":%ld,\"errors\":%ld,\"voids\":%ld,"
            "\"claims\":%ld,\"waits\":%ld,\"shards\":%u,\"shards_least\":%u,\"shards_most\":%u,"
            "\"shards_mean\":%.3f,\"owners\":%u,\"weight\":%g,\"source\":%s,\"keyed\":%s,"
            "\"after\":[",
            (long)s->events, (long)s->done, (long)s->backlog, (long)s->busy_ns, service, rate,
            (long)s->redivisions, (long)s->errors, (long)s->voids, (long)s->claims, (long)s->waits,
            s->shards, s->shards_least, s->shards_most, s->shards_mean, s->owners, s->weight,
            s->source ? "true" : "false", s->keyed ? "true" : "false");
    for (uint32_t i = 0; i < s->upstream_count && i < TAKT_UPSTREAM_MAX; i++)
        fprintf(file, "%s%u", i ? "," : "", s->upstream[i]);
    fputs("]}", file);
}

static void put_pipeline(FILE *file, const takt_counters_pipeline *p, const struct rates *r,
                         uint32_t i)
{
    fputs("{\"name\":", file);
    put_string(file, p->name);
    fprintf(file,
            ",\"serial\":%ld,\"state\":\"%s\",\"gone\":%s,\"cursor\":%ld,\"capacity\":%ld,"
            "\"waits\":%ld,\"refused\":%ld,\"dropped_newest\":%ld,\"dropped_oldest\":%ld,"
            "\"waiting\":%ld",
            (long)p->serial, state_name(p), p->gone ? "true" : "false", (long)p->cursor,
            (long)p->capacity, (long)p->waits, (long)p->refused, (long)p->dropped_newest,
            (long)p->dropped_oldest, (long)p->waiting);
    if (p->failed_code < 0 && p->failed_stage < p->stage_count) {
        fputs(",\"failure\":{\"stage\":", file);
        put_string(file, p->stages[p->failed_stage].name);
        fprintf(file, ",\"sequence\":%ld,\"code\":%d}", (long)p->failed_at, p->failed_code);
    }
    fputs(",\"stages\":[", file);
    for (uint32_t k = 0; k < p->stage_count; k++) {
        fputs(k ? ",\n" : "\n", file);
        put_stage(file, &p->stages[k], r->per_second[i][k], r->service_ns[i][k]);
    }
    fputs("]}", file);
}

static void put_worker(FILE *file, const takt_counters_worker *w, const struct rates *r, uint32_t i)
{
    fprintf(file,
            "{\"seats\":%ld,\"batches\":%ld,\"events\":%ld,\"busy_ns\":%ld,\"sleeping_ns\":%ld,"
            "\"idle_ns\":%ld,\"sleeps\":%ld,\"wakes\":%ld,\"sleeping\":%s,\"busy\":%.4f",
            (long)w->seats, (long)w->batches, (long)w->events, (long)w->busy_ns,
            (long)w->sleeping_ns, (long)w->idle_ns, (long)w->sleeps, (long)w->wakes,
            w->sleeping ? "true" : "false", r->busy_part[i]);
    if (w->helper)
        fprintf(file, ",\"helper\":true,\"present\":%s,\"visits\":%ld",
                w->present ? "true" : "false", (long)w->visits);
    if (w->pipeline != TAKT_COUNTERS_NOWHERE)
        fprintf(file, ",\"seat\":{\"pipeline\":%u,\"stage\":%u,\"shard\":%u,\"still_ns\":%ld}",
                w->pipeline, w->stage, w->shard, (long)w->batch_ns);
    fputs("}", file);
}

void export_json(FILE *file, const struct reading *reading, const struct rates *rates)
{
    const takt_counters_header *h = reading->header;
    bool first = true;
    fprintf(file,
            "{\"pid\":%ld,\"writer\":\"%s\",\"whole\":%s,\"age_seconds\":%.3f,\"writes\":%ld,\n"
            "\"pipelines\":[",
            (long)h->pid, writer_word(reading->writer), reading->whole ? "true" : "false",
            reading->age, (long)h->writes);
    for (uint32_t i = 0; i < h->pipelines; i++) {
        const takt_counters_pipeline *p = reading_pipeline(reading, i);
        if (!pipeline_is_used(p))
            continue;
        fputs(first ? "\n" : ",\n", file);
        put_pipeline(file, p, rates, i);
        first = false;
    }
    fputs("],\n\"workers\":[", file);
    for (uint32_t i = 0; i < h->workers; i++) {
        fputs(i ? ",\n" : "\n", file);
        put_worker(file, reading_worker(reading, i), rates, i);
    }
    fputs("]}\n", file);
}
