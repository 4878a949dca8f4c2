/* SPDX-License-Identifier: MIT */
/* The picture that takt-top shows. */
#include "frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BAR     16 /* columns of a bar, */
#define MOST    32 /* and of the history at most */
#define FIGURES 93 /* columns before the history */

__attribute__((format(printf, 3, 4))) static void put(const struct canvas *c, enum style style,
                                                      const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->text(c->context, style, text);
}

/* A number in at most six columns. */
static const char *brief(double value, char text[16])
{
    static const char units[] = " kMGTP";
    int unit = 0;
    for (; value >= 9999.5 && unit < 5; unit++)
        value /= 1000;
    if (unit)
        snprintf(text, 16, value < 99.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    else
        snprintf(text, 16, "%.0f", value);
    return text;
}

static void bar(const struct canvas *c, double part, enum style style)
{
    char text[BAR * 3 + 1] = "";
    int full = part <= 0 ? 0 : part >= 1 ? BAR : (int)(part * BAR + 0.999);
    for (int i = 0; i < BAR; i++)
        strcat(text, i >= full ? (c->unicode ? "·" : ".") : c->unicode ? "█" : "#");
    c->text(c->context, style, text);
}

/* The last rates of a stage, each as high as it is against the greatest. */
static void history(const struct canvas *c, const double *values, uint32_t kept)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const letters[] = {" ", ".", ".", ":", "-", "=", "+", "*", "#"};
    int room = c->columns - FIGURES;
    int wide = room > MOST ? MOST : room < 0 ? 0 : room;
    double greatest = 0;
    for (int i = 0; i < HISTORY; i++)
        greatest = values[i] > greatest ? values[i] : greatest;
    for (int i = HISTORY - wide; i < HISTORY; i++) {
        bool is_there = HISTORY - i <= (int)kept;
        int high = greatest > 0 && is_there ? (int)(values[i] / greatest * 8 + 0.5) : 0;
        c->text(c->context, GOOD, c->unicode ? blocks[high] : letters[high]);
    }
}

/* The stages that this one comes after, if that is not just the one above it. */
static void put_upstream(const struct canvas *c, const takt_counters_pipeline *p, uint32_t k)
{
    const takt_counters_stage *s = &p->stages[k];
    uint32_t count = s->upstream_count < TAKT_UPSTREAM_MAX ? s->upstream_count : TAKT_UPSTREAM_MAX;
    if (s->source || (count == 1 && s->upstream[0] + 1 == k) || (count == 0 && k == 0))
        return;
    put(c, DIM, "  after");
    for (uint32_t i = 0; i < count; i++)
        if (s->upstream[i] < p->stage_count)
            put(c, DIM, " %.*s", TAKT_COUNTERS_NAME, p->stages[s->upstream[i]].name);
    if (count == 0)
        put(c, DIM, " the producer");
}

static void put_stage(const struct canvas *c, const struct rates *r, uint32_t i,
                      const takt_counters_pipeline *p, uint32_t k)
{
    const takt_counters_stage *s = &p->stages[k];
    char rate[16], events[16], backlog[16], shards[24];
    double filled = p->capacity ? (double)s->backlog / (double)p->capacity : 0;
    bool failed = p->state == TAKT_COUNTERS_FAILED && p->failed_stage == k;
    snprintf(shards, sizeof shards, "%u/%u", s->owners, s->shards);
    put(c, failed ? WARNING : PLAIN, "  %-14.14s", s->name);
    put(c, PLAIN, " %8s", brief((double)s->events, events));
    put(c, PLAIN, " %9s", r->known ? brief(r->per_second[i][k], rate) : "-");
    put(c, PLAIN, " %9.1f ", r->service_ns[i][k]);
    bar(c, filled, s->source ? DIM : filled > 0.9 ? WARNING : GOOD);
    put(c, PLAIN, " %6s", brief((double)s->backlog, backlog));
    put(c, PLAIN, " %9s %7ld ", shards, (long)s->redivisions);
    history(c, r->history[i][k], r->kept);
    put_upstream(c, p, k);
    if (s->voids)
        put(c, DIM, "  %ld void", (long)s->voids);
    if (s->errors)
        put(c, WARNING, "  %ld failed", (long)s->errors);
    c->line(c->context);
}

/* What became of events for a full ring, if there were any. */
static void put_overload(const struct canvas *c, const takt_counters_pipeline *p)
{
    if (!p->refused && !p->dropped_newest && !p->dropped_oldest && !p->waiting)
        return;
    put(c, WARNING, "  overload: %ld refused, %ld newest and %ld oldest dropped", (long)p->refused,
        (long)p->dropped_newest, (long)p->dropped_oldest);
    put(c, DIM, ", %ld wait for room", (long)p->waiting);
    c->line(c->context);
}

static void put_pipeline(const struct canvas *c, const struct rates *r, uint32_t i,
                         const takt_counters_pipeline *p)
{
    put(c, TITLE, "pipeline %.*s", TAKT_COUNTERS_NAME, p->name);
    put(c, p->state == TAKT_COUNTERS_FAILED ? WARNING : PLAIN, "  %s%s", state_name(p),
        p->gone ? " and gone" : "");
    if (p->state == TAKT_COUNTERS_FAILED)
        put(c, WARNING, " at event %ld with code %d", (long)p->failed_at, p->failed_code);
    put(c, DIM, "  %ld events published, ring of %ld, producer waited %ld times",
        (long)p->cursor + 1, (long)p->capacity, (long)p->waits);
    c->line(c->context);
    put_overload(c, p);
    put(c, DIM, "  %-14s %8s %9s %9s %-*s %6s %9s %7s %s", "stage", "events", "events/s",
        "ns/event", BAR + 1, " backlog", "", "own/shard", "re-div", "events/s over time");
    c->line(c->context);
    for (uint32_t k = 0; k < p->stage_count; k++)
        put_stage(c, r, i, p, k);
    c->line(c->context);
}

static void put_place(const struct canvas *c, const struct reading *reading,
                      const takt_counters_worker *w)
{
    if (w->helper && !w->present) {
        put(c, DIM, "nobody is there");
        return;
    }
    if (w->sleeping) {
        put(c, DIM, "asleep");
        return;
    }
    const takt_counters_pipeline *p = NULL;
    if (w->pipeline < reading->header->pipelines)
        p = reading_pipeline(reading, w->pipeline);
    if (!p || !pipeline_is_used(p) || w->stage >= p->stage_count) {
        put(c, DIM, "looking for a seat");
        return;
    }
    put(c, GOOD, "%.*s/%.*s shard %u", TAKT_COUNTERS_NAME, p->name, TAKT_COUNTERS_NAME,
        p->stages[w->stage].name, w->shard);
    if (w->batch_ns > 100000000)
        put(c, WARNING, "  in one batch for %.1f s", (double)w->batch_ns * 1e-9);
}

/* Places for helpers come after the workers. */
static uint32_t own_workers(const struct reading *reading)
{
    uint32_t own = 0;
    while (own < reading->header->workers && !reading_worker(reading, own)->helper)
        own++;
    return own;
}

static void put_worker(const struct canvas *c, const struct reading *reading, const struct rates *r,
                       uint32_t i)
{
    const takt_counters_worker *w = reading_worker(reading, i);
    char seats[16], events[16];
    double busy = r->busy_part[i], sleeping = r->sleeping_part[i];
    bool away = w->helper && !w->present;
    double idle = busy + sleeping < 1 && !away ? 1 - busy - sleeping : 0;
    if (w->helper)
        put(c, PLAIN, "  %5uh ", i + 1 - own_workers(reading));
    else
        put(c, PLAIN, "  %6u ", i + 1);
    bar(c, busy, GOOD);
    put(c, PLAIN, " %4.0f%% %5.0f%% %5.0f%% %8s %8s  ", busy * 100, sleeping * 100, idle * 100,
        brief((double)w->seats, seats), brief((double)w->events, events));
    put_place(c, reading, w);
    c->line(c->context);
}

void frame_draw(const struct canvas *c, const struct source *source, const struct reading *reading,
                const struct rates *rates)
{
    char sentence[256];
    bool any = false;
    writer_sentence(reading, sentence, sizeof sentence);
    put(c, TITLE, "%s", source->path);
    put(c, reading->writer == WRITER_LIVES ? DIM : WARNING, "  %s", sentence);
    c->line(c->context);
    c->line(c->context);
    for (uint32_t i = 0; i < reading->header->pipelines; i++) {
        const takt_counters_pipeline *p = reading_pipeline(reading, i);
        if (!pipeline_is_used(p))
            continue;
        put_pipeline(c, rates, i, p);
        any = true;
    }
    if (!any) {
        put(c, DIM, "no pipeline has been started");
        c->line(c->context);
        c->line(c->context);
    }
    put(c, DIM, "  %6s %-*s %5s %6s %6s %8s %8s  %s", "worker", BAR, "busy", "", "sleep", "idle",
        "seats", "events", "sits at");
    c->line(c->context);
    for (uint32_t i = 0; i < reading->header->workers; i++)
        put_worker(c, reading, rates, i);
}
