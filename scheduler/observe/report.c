/* SPDX-License-Identifier: MIT */
/*
 * A recording as one page of HTML. The page is report/page.html, compiled in by report/embed.py;
 * what is added is its data: one JSON object, in which whatever there may be a million of is an
 * array in base64, which a browser decodes in milliseconds where it would parse JSON for seconds.
 */
#include <string.h>

#include "scheduler/observe/dump.h"
#include "scheduler/observe/page.h"

/* Where the data goes in the page. */
#define MARK "@DATA@"

/* What can be asked of a span, as an array. */
enum column { FROM, LENGTH, STAGE, EVENTS, SHARDS, BACKLOG, SERVICE, COST, RATE, WIDTHS, WORKERS };

static const struct {
    const char *name;
    size_t size; /* 8: a double, 4: a float, 2: a whole number */
} columns[] = {
    [FROM] = {"from", 8},       [LENGTH] = {"length", 4},   [STAGE] = {"stage", 2},
    [EVENTS] = {"events", 2},   [SHARDS] = {"shards", 2},   [BACKLOG] = {"backlog", 4},
    [SERVICE] = {"service", 4}, [COST] = {"cost", 4},       [RATE] = {"rate", 4},
    [WIDTHS] = {"widths", 4},   [WORKERS] = {"workers", 2},
};

static double number(const struct takt__span *span, enum column column)
{
    switch (column) {
    case FROM: return (double)span->from;
    case LENGTH: return (double)(span->until > span->from ? span->until - span->from : 0);
    case STAGE: return span->stage;
    case EVENTS: return span->value < 0xffff ? (double)span->value : 0xffff;
    case SHARDS: return (double)(span->value & 0xffff);
    case BACKLOG: return (double)span->until;
    case SERVICE: return (double)span->until / 1000;
    case COST:
    case RATE: return takt__span_number(span->until);
    case WORKERS: return (double)span->value;
    case WIDTHS: return (double)((span->value >> 16) * 1024 + (span->value & 0xffff));
    }
    return 0;
}

static void write_column(struct takt__out *out, const struct takt__lane *lane, unsigned kinds,
                         enum column column)
{
    takt__out_format(out, ",\"%s\":\"", columns[column].name);
    for (size_t i = 0; i < lane->count; i++) {
        if (!(kinds >> lane->spans[i].kind & 1))
            continue;
        double value = number(&lane->spans[i], column);
        float single = (float)value;
        uint16_t whole = columns[column].size == 2 ? (uint16_t)value : 0;
        if (columns[column].size == 8)
            takt__out_base64(out, &value, sizeof value);
        else if (columns[column].size == 4)
            takt__out_base64(out, &single, sizeof single);
        else
            takt__out_base64(out, &whole, sizeof whole);
    }
    takt__out_base64_end(out);
    takt__out_text(out, "\"");
}

/* The spans of these kinds as a table: {"count": n, column: base64, ...}. */
static void write_table(struct takt__out *out, const struct takt__lane *lane, unsigned kinds,
                        const enum column *which, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < lane->count; i++)
        rows += kinds >> lane->spans[i].kind & 1;
    takt__out_format(out, "{\"count\":%zu", rows);
    for (size_t i = 0; i < count; i++)
        write_column(out, lane, kinds, which[i]);
    takt__out_text(out, "}");
}

static void write_lanes(struct takt__out *out, const struct takt__recording *r)
{
    static const enum column which[] = {FROM, LENGTH, STAGE, EVENTS};
    takt__out_text(out, ",\n\"lanes\":[");
    for (uint32_t i = 0; i < r->workers; i++) {
        takt__out_text(out, i ? ",\n" : "");
        write_table(out, &r->lanes[i], 1u << TAKT__TRACE_SEAT | 1u << TAKT__TRACE_SLEEP, which, 4);
    }
    takt__out_text(out, "]");
}

static void write_stage(struct takt__out *out, const struct takt__recording *r, uint32_t index)
{
    const struct takt__recorded *recorded = &r->stages[index];
    const takt_counters_stage *s = recorded->stage;
    takt__out_text(out, index ? ",\n{\"name\":" : "\n{\"name\":");
    takt__out_string(out, s->name);
    takt__out_text(out, ",\"pipeline\":");
    takt__out_string(out, recorded->pipeline->name);
    takt__out_format(
        out,
        ",\"serial\":%ld,\"events\":%ld,\"busy\":%ld,\"backlog\":%ld,"
        "\"redivisions\":%ld,\"errors\":%ld,\"voids\":%ld,\"mean\":%.3f,"
        "\"shards\":%u,\"least\":%u,\"most\":%u,\"source\":%u,\"keyed\":%u,\"after\":[",
        (long)recorded->pipeline->serial, (long)s->events, (long)s->busy_ns, (long)s->backlog,
        (long)s->redivisions, (long)s->errors, (long)s->voids, s->shards_mean, s->shards,
        s->shards_least, s->shards_most, s->source, s->keyed);
    for (uint32_t i = 0; i < s->upstream_count; i++)
        takt__out_format(out, "%s%u", i ? "," : "", recorded->first + s->upstream[i]);
    takt__out_text(out, "]}");
}

/* The few things that need no tables. */
static void write_marks(struct takt__out *out, const struct takt__lane *lane,
                        enum takt__trace_kind kind, const char *name)
{
    bool first = true;
    takt__out_format(out, ",\n\"%s\":[", name);
    for (size_t i = 0; i < lane->count; i++) {
        const struct takt__span *span = &lane->spans[i];
        if (span->kind != kind)
            continue;
        takt__out_format(out, "%s[%ld,%ld,%u,%ld]", first ? "" : ",", (long)span->from,
                         (long)span->until, span->stage, (long)span->value);
        first = false;
    }
    takt__out_text(out, "]");
}

static void write_data(struct takt__out *out, const struct takt__recording *r)
{
    static const enum column loads[] = {FROM, STAGE, SHARDS, BACKLOG};
    static const enum column costs[] = {FROM, STAGE, COST, WIDTHS};
    static const enum column number_only[] = {SERVICE}, rates[] = {RATE, WORKERS};
    const struct takt__lane *scheduler = &r->lanes[r->workers];
    takt__out_format(out, "{\"length\":%ld,\"workers\":%u,\"helpers\":%u,\"virtual\":%s,",
                     (long)r->length_ns, r->workers, r->helpers, r->simulated ? "true" : "false");
    takt__out_format(out, "\"merged\":%ld,\"title\":", (long)r->merged_ns);
    takt__out_string(out, r->title ? r->title : "");
    takt__out_text(out, ",\n\"stages\":[");
    for (uint32_t i = 0; i < r->stage_count; i++)
        write_stage(out, r, i);
    takt__out_text(out, "]");
    write_lanes(out, r);
    takt__out_text(out, ",\n\"loads\":");
    write_table(out, scheduler, 1u << TAKT__TRACE_LOAD, loads, 4);
    takt__out_text(out, ",\n\"services\":");
    write_table(out, scheduler, 1u << TAKT__TRACE_SERVICE, number_only, 1);
    takt__out_text(out, ",\n\"decisions\":");
    write_table(out, scheduler, 1u << TAKT__TRACE_COST, costs, 4);
    takt__out_text(out, ",\n\"rates\":");
    write_table(out, scheduler, 1u << TAKT__TRACE_RATE, rates, 2);
    write_marks(out, scheduler, TAKT__TRACE_CUT, "cuts");
    write_marks(out, scheduler, TAKT__TRACE_STALL, "stalls");
    takt__out_text(out, "}");
}

void takt__report_write(struct takt__out *out, const struct takt__recording *recording)
{
    const char *page = (const char *)takt__page, *mark = strstr(page, MARK);
    takt__out_bytes(out, page, (size_t)(mark - page));
    write_data(out, recording);
    takt__out_text(out, mark + strlen(MARK));
}
