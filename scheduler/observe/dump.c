/* SPDX-License-Identifier: MIT */
/* Taking a recording out of the rings while their threads may go on writing (ring.h says how). */
#include <string.h>

#include "disruptor/alloc.h"
#include "scheduler/observe/dump.h"

/* Between the numbers in the rings and a recording. */
struct scale {
    const struct takt__trace *trace;
    double ns_per_tick;
    uint32_t base[TAKT_PIPELINES_MAX + 1]; /* by place + 1: the first of the pipeline's stages */
    uint32_t count[TAKT_PIPELINES_MAX + 1];
};

static int64_t from_ticks(const struct scale *scale, int64_t ticks)
{
    return (int64_t)((double)(ticks - scale->trace->began.ticks) * scale->ns_per_tick);
}

static uint16_t stage_of(const struct scale *scale, int64_t seat)
{
    uint32_t place = (uint32_t)(seat >> 32) & 0xffff;
    uint32_t index = (uint32_t)(seat >> 16) & 0xffff;
    if (place == 0 || place > TAKT_PIPELINES_MAX || index >= scale->count[place])
        return TAKT__NO_STAGE;
    return (uint16_t)(scale->base[place] + index);
}

static struct takt__span convert(const struct scale *scale, const struct takt__trace_record *r)
{
    int64_t began = scale->trace->began.ns;
    struct takt__span span = {
        .from = r->from - began,
        .until = r->until,
        .value = r->value,
        .kind = (uint16_t)(r->what >> 48),
        .stage = stage_of(scale, r->what),
        .shard = (uint16_t)r->what,
    };
    switch ((enum takt__trace_kind)span.kind) {
    case TAKT__TRACE_SEAT:
    case TAKT__TRACE_WAKE:
        span.from = from_ticks(scale, r->from);
        span.until = from_ticks(scale, r->until);
        break;
    case TAKT__TRACE_BATCH:
    case TAKT__TRACE_SLEEP:
    case TAKT__TRACE_CUT:
    case TAKT__TRACE_STALL: span.until = r->until - began; break;
    case TAKT__TRACE_LOAD:
    case TAKT__TRACE_SERVICE:
    case TAKT__TRACE_COST:
    case TAKT__TRACE_RATE: break;
    }
    return span;
}

static struct takt__trace_record read_record(const struct takt__trace_ring *ring, int64_t index)
{
    const struct takt__trace_record *r = &ring->records[index & ring->mask];
    /* acquire [pairs: trace-record] */
    struct takt__trace_record copy = {.from = takt__ld64_acq(&r->from)};
    copy.until = takt__ld64_acq(&r->until); /* acquire [pairs: trace-record] */
    copy.what = takt__ld64_acq(&r->what);
    copy.value = takt__ld64_acq(&r->value); /* acquire [pairs: trace-record] */
    return copy;
}

/* Copies one ring into `spans`, the newest last. Returns how many of them are sound. */
static size_t take_ring(const struct scale *scale, const struct takt__trace_ring *ring,
                        struct takt__span *spans)
{
    int64_t capacity = ring->mask + 1;
    int64_t head = takt__ld64_acq(&ring->head); /* acquire [pairs: trace-head] */
    int64_t first = head > capacity ? head - capacity : 0;
    for (int64_t i = first; i < head; i++) {
        struct takt__trace_record record = read_record(ring, i);
        spans[i - first] = convert(scale, &record);
    }
    int64_t lost = takt__ld64_acq(&ring->head) - capacity + 1 - first; /* [pairs: trace-head] */
    size_t skip = lost > 0 ? (size_t)lost : 0, kept = 0;
    for (size_t i = skip; i < (size_t)(head - first); i++)
        if (spans[i].from >= 0) /* of this recording */
            spans[kept++] = spans[i];
    return kept;
}

/* What a worker is at has no record yet. */
static size_t add_open(const struct scale *scale, const struct takt__worker *w,
                       struct takt__span *spans, size_t count)
{
    const struct takt__trace *trace = scale->trace;
    int64_t end = trace->ended.ns - trace->began.ns;
    int64_t seat = takt__ld64_rlx(&w->probe.seat), from = takt__ld64_rlx(&w->probe.seat_from);
    int64_t since = takt__ld64_rlx(&w->probe.asleep_since);
    struct takt__span span = {.until = end, .stage = TAKT__NO_STAGE, .open = 1};
    if (seat && from >= trace->began.ticks) {
        span.kind = TAKT__TRACE_SEAT;
        span.stage = stage_of(scale, seat);
        span.shard = (uint16_t)seat;
        span.from = from_ticks(scale, from);
    } else if (since) {
        span.kind = TAKT__TRACE_SLEEP;
        span.from = since > trace->began.ns ? since - trace->began.ns : 0;
    }
    /* Time went on between the end of the recording and this look. */
    if (!span.kind || span.from > end)
        return count;
    if (count && spans[count - 1].kind == span.kind && spans[count - 1].from >= span.from)
        return count; /* it has ended, and has its record */
    spans[count] = span;
    return count + 1;
}

/* Counts each seat's events. */
static void sum_up_seats(struct takt__span *spans, size_t count)
{
    int64_t events = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].kind == TAKT__TRACE_BATCH) {
            events += spans[i].value & ((1 << TAKT__TRACE_EVENTS_BITS) - 1);
        } else if (spans[i].kind == TAKT__TRACE_SEAT) {
            spans[i].value = events;
            events = 0;
        }
    }
}

static void list_stages(struct takt__recording *recording, const struct takt__watch *watch,
                        struct scale *scale)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        const struct takt__watched *watched = watch->places[i];
        if (!watched)
            continue;
        const takt_counters_pipeline *figures = &watched->figures;
        scale->base[i + 1] = n;
        scale->count[i + 1] = figures->stage_count;
        for (uint32_t k = 0; k < figures->stage_count; k++, n++)
            recording->stages[n] =
                (struct takt__recorded){figures, &figures->stages[k], scale->base[i + 1]};
    }
    recording->stage_count = n;
}

static int allocate(struct takt__recording *recording, const takt_runtime *runtime)
{
    const struct takt__trace *trace = &runtime->watch.trace;
    size_t each = (size_t)trace->ring[0].mask + 2; /* and an open one */
    recording->spans_size = trace->rings * each * sizeof *recording->spans;
    recording->lanes_size = trace->rings * sizeof *recording->lanes;
    recording->stages_size =
        (size_t)TAKT_PIPELINES_MAX * TAKT_STAGES_MAX * sizeof *recording->stages;
    recording->spans = takt__allocate(runtime->allocator, recording->spans_size, 8);
    recording->lanes = takt__allocate(runtime->allocator, recording->lanes_size, 8);
    recording->stages = takt__allocate(runtime->allocator, recording->stages_size, 8);
    if (recording->spans && recording->lanes && recording->stages)
        return 0;
    takt__recording_free(recording);
    return TAKT_ENOMEM;
}

int takt__recording_take(struct takt__recording *recording, takt_runtime *runtime)
{
    const struct takt__trace *trace = &runtime->watch.trace;
    *recording = (struct takt__recording){
        .allocator = runtime->allocator,
        .length_ns = trace->ended.ns - trace->began.ns,
        .workers = runtime->crew,
        .helpers = runtime->crew - runtime->worker_count,
    };
    int error = allocate(recording, runtime);
    if (error < 0)
        return error;
    struct scale scale = {.trace = trace, .ns_per_tick = 1};
    if (trace->ended.ticks != trace->began.ticks)
        scale.ns_per_tick =
            (double)recording->length_ns / (double)(trace->ended.ticks - trace->began.ticks);
    list_stages(recording, &runtime->watch, &scale);
    size_t each = (size_t)trace->ring[0].mask + 2;
    for (uint32_t i = 0; i < trace->rings; i++) {
        struct takt__span *spans = recording->spans + i * each;
        size_t count = take_ring(&scale, &trace->ring[i], spans);
        if (i < recording->workers && trace->on)
            count = add_open(&scale, &runtime->workers[i], spans, count);
        sum_up_seats(spans, count);
        recording->lanes[i] = (struct takt__lane){spans, count};
    }
    return 0;
}

void takt__recording_free(struct takt__recording *recording)
{
    const takt_allocator *allocator = recording->allocator;
    takt__release(allocator, recording->spans, recording->spans_size);
    takt__release(allocator, recording->lanes, recording->lanes_size);
    takt__release(allocator, recording->stages, recording->stages_size);
}

double takt__span_number(int64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool is_page(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".html") == 0;
}

int takt__recording_write(const struct takt__recording *recording, const char *path)
{
    struct takt__out *out = takt__allocate(recording->allocator, sizeof *out, 8);
    if (!out)
        return TAKT_ENOMEM;
    int error = takt__out_open(out, path);
    if (error == 0 && is_page(path))
        takt__report_write(out, recording);
    else if (error == 0)
        takt__chrome_write(out, recording);
    if (error == 0)
        error = takt__out_close(out);
    takt__release(recording->allocator, out, sizeof *out);
    return error;
}

int takt__trace_write(takt_runtime *runtime, const char *path)
{
    struct takt__recording recording;
    int error = takt__recording_take(&recording, runtime);
    if (error == 0) {
        error = takt__recording_write(&recording, path);
        takt__recording_free(&recording);
    }
    return error;
}
