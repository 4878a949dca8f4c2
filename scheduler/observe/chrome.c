/* SPDX-License-Identifier: MIT */
/*
 * A recording in Chrome's trace-event format, which Perfetto reads as well: a process with a track
 * for each worker and one for the scheduler, and a counter track for each stage.
 *
 * Slices of a track must lie inside one another. A batch lies in its seat, but the two were stamped
 * with different clocks, so it is cut to the seat's ends.
 */
#include "scheduler/observe/dump.h"

#define PID 1

struct chrome {
    struct takt__out *out;
    const struct takt__recording *recording;
    bool begun;
};

static double us(int64_t ns)
{
    return (double)ns / 1000;
}

/* Begins an event; its fields follow, and a closing brace. */
static void begin(struct chrome *c, char phase, uint32_t track, int64_t at)
{
    takt__out_text(c->out, c->begun ? ",\n{" : "\n{");
    takt__out_format(c->out, "\"ph\":\"%c\",\"pid\":%d,\"tid\":%u,\"ts\":%.3f,\"name\":", phase,
                     PID, track, us(at));
    c->begun = true;
}

static const char *stage_name(const struct chrome *c, const struct takt__span *span)
{
    return span->stage < c->recording->stage_count ? c->recording->stages[span->stage].stage->name
                                                   : "?";
}

static void name_track(struct chrome *c, uint32_t track, const char *format, uint32_t number)
{
    begin(c, 'M', track, 0);
    takt__out_text(c->out, "\"thread_name\",\"args\":{\"name\":\"");
    if (number)
        takt__out_format(c->out, "%s %u", format, number);
    else
        takt__out_text(c->out, format);
    takt__out_text(c->out, "\"}}");
}

/* What several seats have in common is not a shard. */
static void write_seat(struct chrome *c, const struct takt__span *seat)
{
    takt__out_text(c->out, ",\"args\":{");
    if (!c->recording->merged_ns)
        takt__out_format(c->out, "\"shard\":%u,", seat->shard);
    takt__out_format(c->out, "\"events\":%ld%s}}", (long)seat->value,
                     seat->open ? ",\"open\":true" : "");
}

static void write_slice(struct chrome *c, uint32_t track, const struct takt__span *span,
                        const char *category, int64_t from, int64_t until)
{
    begin(c, 'X', track, from);
    takt__out_string(c->out, span->kind == TAKT__TRACE_SLEEP ? "sleep" : stage_name(c, span));
    takt__out_format(c->out, ",\"cat\":\"%s\",\"dur\":%.3f", category,
                     us(until > from ? until - from : 0));
    int64_t events = span->value;
    if (span->kind == TAKT__TRACE_BATCH)
        takt__out_format(c->out, ",\"args\":{\"events\":%ld,\"first\":%ld}}",
                         (long)(events & ((1 << TAKT__TRACE_EVENTS_BITS) - 1)),
                         (long)(events >> TAKT__TRACE_EVENTS_BITS));
    else if (span->kind == TAKT__TRACE_SEAT)
        write_seat(c, span);
    else
        takt__out_text(c->out, "}");
}

static int64_t within(int64_t at, const struct takt__span *seat)
{
    return at < seat->from ? seat->from : at > seat->until ? seat->until : at;
}

static void write_worker(struct chrome *c, uint32_t track, const struct takt__lane *lane)
{
    size_t batches = 0; /* where those of the next seat begin */
    for (size_t i = 0; i < lane->count; i++) {
        const struct takt__span *span = &lane->spans[i];
        if (span->kind == TAKT__TRACE_WAKE) {
            begin(c, 'i', track, span->from);
            takt__out_text(c->out, "\"wakes another\",\"s\":\"t\",\"cat\":\"wake\"}");
        } else if (span->kind == TAKT__TRACE_SLEEP) {
            write_slice(c, track, span, "sleep", span->from, span->until);
        } else if (span->kind == TAKT__TRACE_SEAT) {
            write_slice(c, track, span, "seat", span->from, span->until);
            for (; batches < i; batches++) {
                const struct takt__span *b = &lane->spans[batches];
                if (b->kind == TAKT__TRACE_BATCH && b->until >= span->from)
                    write_slice(c, track, b, "batch", within(b->from, span),
                                within(b->until, span));
            }
        }
    }
}

static void write_load(struct chrome *c, const struct takt__span *span)
{
    begin(c, 'C', 0, span->from);
    takt__out_string(c->out, stage_name(c, span));
    takt__out_format(c->out, ",\"cat\":\"stage\",\"args\":{\"backlog\":%ld,\"shards\":%ld}}",
                     (long)span->until, (long)(span->value & 0xffff));
}

static void write_decision(struct chrome *c, uint32_t track, const struct takt__span *span)
{
    double cost = takt__span_number(span->until);
    long width = (long)(span->value >> 16), wanted = (long)(span->value & 0xffff);
    begin(c, 'i', track, span->from);
    takt__out_string(c->out, stage_name(c, span));
    takt__out_format(c->out,
                     ",\"s\":\"t\",\"cat\":\"decision\",\"args\":{\"cost\":%.6g,\"quotients\":"
                     "[%.6g,%.6g,%.6g],\"shards\":%ld,\"wanted\":%ld}}",
                     cost, cost, cost / 2, cost / 3, width, wanted);
}

/* A change of division may overlap with others': an asynchronous slice. */
static void write_cut(struct chrome *c, uint32_t track, const struct takt__span *span, size_t id)
{
    for (int end = 0; end < 2; end++) {
        begin(c, end ? 'e' : 'b', track, end ? span->until : span->from);
        takt__out_string(c->out, stage_name(c, span));
        takt__out_format(c->out, ",\"cat\":\"cut\",\"id\":%zu,\"args\":{\"from\":%ld,\"to\":%ld}}",
                         id, (long)(span->value >> 16), (long)(span->value & 0xffff));
    }
}

static void write_scheduler(struct chrome *c, uint32_t track, const struct takt__lane *lane)
{
    for (size_t i = 0; i < lane->count; i++) {
        const struct takt__span *span = &lane->spans[i];
        if (span->kind == TAKT__TRACE_LOAD) {
            write_load(c, span);
        } else if (span->kind == TAKT__TRACE_COST) {
            write_decision(c, track, span);
        } else if (span->kind == TAKT__TRACE_CUT) {
            write_cut(c, track, span, i + 1);
        } else if (span->kind == TAKT__TRACE_STALL) {
            begin(c, 'i', (uint32_t)span->value + 1, span->until);
            takt__out_text(c->out, "\"stall\",\"s\":\"p\",\"cat\":\"stall\"}");
        }
    }
}

void takt__chrome_write(struct takt__out *out, const struct takt__recording *recording)
{
    struct chrome c = {out, recording, false};
    uint32_t scheduler = recording->workers + 1;
    uint32_t own = recording->workers - recording->helpers;
    takt__out_format(out,
                     "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"virtual_time\":%s,"
                     "\"seats_merged_ns\":%ld},\"traceEvents\":[",
                     recording->simulated ? "true" : "false", (long)recording->merged_ns);
    begin(&c, 'M', 0, 0);
    takt__out_text(out, "\"process_name\",\"args\":{\"name\":");
    takt__out_string(out, recording->title ? recording->title : "takt");
    takt__out_text(out, "}}");
    for (uint32_t i = 0; i < recording->workers; i++)
        name_track(&c, i + 1, i < own ? "worker" : "helper", i < own ? i + 1 : i + 1 - own);
    name_track(&c, scheduler, "scheduler", 0);
    for (uint32_t i = 0; i < recording->workers; i++)
        write_worker(&c, i + 1, &recording->lanes[i]);
    write_scheduler(&c, scheduler, &recording->lanes[recording->workers]);
    takt__out_text(out, "\n]}\n");
}
