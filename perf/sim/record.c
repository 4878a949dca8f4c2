/* SPDX-License-Identifier: MIT */
/* A simulated run as a recording: record.h tells what becomes of many seats. */
#include "perf/sim/record.h"

#include <stdlib.h>
#include <string.h>

#include "perf/sim/world.h"
#include "scheduler/observe/dump.h"

/* A worker's spans, or the scheduler's. */
struct lane {
    struct takt__span *spans;
    size_t count, room;
    size_t merged; /* so many are; those after them began within the same merged_ns */
};

/* A stage's divisions so far. */
struct divisions {
    uint32_t width, least, most;
    int64_t seen;  /* changes */
    int64_t since; /* when it was divided so, */
    double sum;    /* and widths by time before */
    int64_t began; /* the change under way */
    bool under_way;
};

struct sim_record {
    uint32_t workers, stages;
    size_t limit, spans; /* of the workers' lanes */
    int64_t merged_ns;
    int64_t length_ns;
    struct lane *lanes;   /* one for each worker, and the scheduler's */
    int64_t *seat_events; /* of each worker's seat, so far */
    takt_counters_pipeline figures;
    struct divisions divisions[SIM_STAGES_MAX];
};

struct sim_record *sim_record_create(const struct sim_workload *workload, uint32_t workers,
                                     size_t spans)
{
    struct sim_record *record = calloc(1, sizeof *record);
    if (!record)
        return NULL;
    size_t least =
        3 * (size_t)workers * (workload->count + 1); /* so that merging comes to an end */
    record->workers = workers;
    record->stages = workload->count;
    record->limit = spans ? spans : SIM_RECORD_SPANS;
    record->limit = record->limit > least ? record->limit : least;
    record->lanes = calloc(workers + 1, sizeof *record->lanes);
    record->seat_events = calloc(workers, sizeof *record->seat_events);
    for (uint32_t i = 0; i < workload->count; i++)
        record->divisions[i] = (struct divisions){.width = 1, .least = 1, .most = 1};
    if (record->lanes && record->seat_events)
        return record;
    sim_record_free(record);
    return NULL;
}

void sim_record_free(struct sim_record *record)
{
    if (!record)
        return;
    for (uint32_t i = 0; record->lanes && i <= record->workers; i++)
        free(record->lanes[i].spans);
    free(record->lanes);
    free(record->seat_events);
    free(record);
}

/*
 * Makes one span of all that are about the same stage, in the order in which the stages came first;
 * returns how many are left.
 */
static size_t merge(struct takt__span *spans, size_t count)
{
    struct takt__span merged[SIM_STAGES_MAX + 1]; /* one more for sleep */
    size_t kinds = 0;
    int64_t from = spans[0].from;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < kinds && merged[k].stage != spans[i].stage)
            k++;
        if (k == kinds) {
            merged[kinds++] = spans[i];
        } else {
            merged[k].until += spans[i].until - spans[i].from;
            merged[k].value += spans[i].value;
            merged[k].open |= spans[i].open;
        }
    }
    for (size_t k = 0; kinds < count && k < kinds; k++) { /* one after the other, as they were */
        int64_t length = merged[k].until - merged[k].from;
        merged[k].from = from;
        merged[k].until = from += length;
    }
    memcpy(spans, merged, kinds * sizeof *merged);
    return kinds;
}

/* Merges what of a lane began within the same `merged_ns`. */
static void merge_lane(struct lane *lane, int64_t merged_ns)
{
    size_t kept = 0, count = 0;
    for (size_t i = 0; i < lane->count; i++) /* what lies in a seat */
        if (lane->spans[i].kind == TAKT__TRACE_SEAT || lane->spans[i].kind == TAKT__TRACE_SLEEP)
            lane->spans[count++] = lane->spans[i];
    for (size_t i = 0, end; i < count; i = end) {
        int64_t piece = lane->spans[i].from / merged_ns;
        for (end = i + 1; end < count && lane->spans[end].from / merged_ns == piece;)
            end++;
        size_t made = merge(&lane->spans[i], end - i);
        memmove(&lane->spans[kept], &lane->spans[i], made * sizeof *lane->spans);
        lane->merged = kept;
        kept += made;
    }
    lane->count = kept;
}

/* Makes room: at least half of the limit is free then, so this comes seldom. */
static void make_room(struct sim_world *world)
{
    struct sim_record *record = world->options->record;
    while (record->spans > record->limit / 2) {
        record->merged_ns =
            record->merged_ns ? 2 * record->merged_ns : 2 * world->options->slice_ns;
        record->spans = 0;
        for (uint32_t i = 0; i < record->workers; i++) {
            merge_lane(&record->lanes[i], record->merged_ns);
            record->spans += record->lanes[i].count;
        }
    }
}

/*
 * Merges the last spans of a lane if the next begins too late to be one of them, or if they have
 * become many meanwhile.
 */
static void close_piece(struct sim_record *record, struct lane *lane, int64_t from)
{
    size_t open = lane->count - lane->merged;
    if (open == 0)
        return;
    bool over = lane->spans[lane->merged].from / record->merged_ns != from / record->merged_ns;
    if (!over && open < 2 * (size_t)(record->stages + 1))
        return;
    size_t left = merge(&lane->spans[lane->merged], open);
    lane->count = lane->merged + left;
    lane->merged += over ? left : 0;
    record->spans -= open - left;
}

static void put(struct sim_world *world, uint32_t which, struct takt__span span)
{
    struct sim_record *record = world->options->record;
    struct lane *lane = &record->lanes[which];
    bool small = span.kind == TAKT__TRACE_BATCH || span.kind == TAKT__TRACE_WAKE;
    if (which < record->workers && small && record->merged_ns)
        return;
    if (lane->count == lane->room) {
        size_t room = lane->room ? 2 * lane->room : 64;
        struct takt__span *spans = realloc(lane->spans, room * sizeof *spans);
        if (!spans) {
            world->out_of_memory = true;
            return;
        }
        lane->spans = spans;
        lane->room = room;
    }
    if (which < record->workers && record->merged_ns)
        close_piece(record, lane, span.from);
    lane->spans[lane->count++] = span;
    if (which < record->workers && ++record->spans >= record->limit)
        make_room(world);
}

static struct takt__span span_of(const struct sim_world *world, uint32_t worker,
                                 enum takt__trace_kind kind, int64_t from)
{
    const struct sim_shard *shard = world->workers[worker].shard;
    return (struct takt__span){
        .kind = (uint16_t)kind,
        .from = from,
        .until = world->now,
        .stage = shard ? shard->stage : TAKT__NO_STAGE,
        .shard = shard ? shard->index : 0,
    };
}

void sim_record_batch(struct sim_world *world, uint32_t id)
{
    struct sim_record *record = world->options->record;
    const struct sim_worker *worker = &world->workers[id];
    if (!record || worker->batch.events == 0)
        return;
    struct takt__span span = span_of(world, id, TAKT__TRACE_BATCH, worker->begins);
    span.value = worker->first << TAKT__TRACE_EVENTS_BITS | worker->batch.events;
    record->seat_events[id] += worker->batch.events;
    put(world, id, span);
}

static void end_seat(struct sim_world *world, uint32_t id, bool open)
{
    struct sim_record *record = world->options->record;
    struct takt__span span = span_of(world, id, TAKT__TRACE_SEAT, world->workers[id].taken);
    span.value = record->seat_events[id];
    span.open = open;
    record->seat_events[id] = 0;
    if (span.from <= span.until)
        put(world, id, span);
}

void sim_record_leave(struct sim_world *world, uint32_t id)
{
    if (world->options->record)
        end_seat(world, id, false);
}

static void end_sleep(struct sim_world *world, uint32_t id, bool open)
{
    const struct sim_worker *worker = &world->workers[id];
    int64_t from = worker->idle_since + world->options->spin_ns;
    struct takt__span span = span_of(world, id, TAKT__TRACE_SLEEP, from);
    span.stage = TAKT__NO_STAGE;
    span.open = open;
    if (span.from < span.until)
        put(world, id, span);
}

void sim_record_rise(struct sim_world *world, uint32_t id)
{
    if (world->options->record)
        end_sleep(world, id, false);
}

void sim_record_wake(struct sim_world *world)
{
    if (world->options->record && world->acting != SIM_NOBODY)
        put(world, world->acting, span_of(world, world->acting, TAKT__TRACE_WAKE, world->now));
}

void sim_record_division(struct sim_world *world, uint32_t index)
{
    struct sim_record *record = world->options->record;
    if (!record)
        return;
    const struct sim_stage *stage = &world->stages[index];
    struct divisions *d = &record->divisions[index];
    if (!d->under_way && (stage->changing || stage->redivisions > d->seen)) {
        d->under_way = true;
        d->began = world->now;
    }
    if (stage->redivisions == d->seen)
        return;
    uint32_t width = sim_stage_width(stage);
    put(world, record->workers,
        (struct takt__span){.kind = TAKT__TRACE_CUT,
                            .from = d->began,
                            .until = world->now,
                            .stage = (uint16_t)index,
                            .value = (int64_t)d->width << 16 | width});
    d->sum += (double)d->width * (double)(world->now - d->since);
    d->since = world->now;
    d->width = width;
    d->least = width < d->least ? width : d->least;
    d->most = width > d->most ? width : d->most;
    d->seen = stage->redivisions;
    d->under_way = stage->changing;
}

/* A number that belongs to a stage and to this moment. */
static void put_number(struct sim_world *world, enum takt__trace_kind kind, uint32_t stage,
                       int64_t number, int64_t value)
{
    put(world, world->options->record->workers,
        (struct takt__span){.kind = (uint16_t)kind,
                            .from = world->now,
                            .until = number,
                            .stage = (uint16_t)stage,
                            .value = value});
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static int64_t backlog_of(const struct sim_world *world, const struct sim_stage *stage)
{
    int64_t backlog = sim_available(world, stage) - 1 - sim_stage_done(stage);
    return backlog > 0 ? backlog : 0;
}

void sim_record_tick(struct sim_world *world, const struct takt__reading *readings,
                     const takt_load *loads)
{
    if (!world->options->record)
        return;
    for (uint32_t i = 0; loads && i < world->count; i++) {
        int64_t widths = (int64_t)readings[i].width << 16 | loads[i].width;
        put_number(world, TAKT__TRACE_COST, i, bits_of(loads[i].cost), widths);
        put_number(world, TAKT__TRACE_RATE, i, bits_of(loads[i].rate),
                   world->options->record->workers);
    }
    for (uint32_t i = 0; i < world->count; i++) {
        const struct sim_stage *stage = &world->stages[i];
        int64_t owners = stage->division[0].held + stage->division[1].held;
        put_number(world, TAKT__TRACE_LOAD, i, backlog_of(world, stage),
                   owners << 16 | sim_stage_width(stage));
        put_number(world, TAKT__TRACE_SERVICE, i, (int64_t)(stage->service_ns * 1000),
                   stage->events);
    }
}

static void copy_name(char *to, const char *from)
{
    memcpy(to, from, strnlen(from, TAKT_COUNTERS_NAME - 1));
}

/* The stage's figures, as a snapshot of a pipeline has them. */
static void sum_up_stage(const struct sim_world *world, uint32_t index,
                         takt_counters_stage *figures)
{
    const struct sim_stage *stage = &world->stages[index];
    const struct divisions *d = &world->options->record->divisions[index];
    double sum = d->sum + (double)d->width * (double)(world->now - d->since);
    *figures = (takt_counters_stage){
        .events = stage->events,
        .done = sim_stage_done(stage),
        .backlog = backlog_of(world, stage),
        .busy_ns = (int64_t)stage->busy_ns,
        .service_ps = (int64_t)(stage->service_ns * 1000),
        .redivisions = stage->redivisions,
        .shards_mean = world->now > 0 ? sum / (double)world->now : d->width,
        .weight = stage->spec->weight,
        .shards = d->width,
        .shards_least = d->least,
        .shards_most = d->most,
        .owners = stage->division[0].held + stage->division[1].held,
        .source = stage->spec->source,
        .keyed = stage->spec->keys > 0,
        .upstream_count = stage->spec->upstream_count,
    };
    copy_name(figures->name, stage->spec->name);
    memcpy(figures->upstream, stage->spec->upstream,
           stage->spec->upstream_count * sizeof *figures->upstream);
}

void sim_record_end(struct sim_world *world)
{
    struct sim_record *record = world->options->record;
    if (!record)
        return;
    for (uint32_t i = 0; i < record->workers; i++) { /* what they are at */
        if (world->workers[i].shard)
            end_seat(world, i, true);
        else
            end_sleep(world, i, true);
    }
    record->length_ns = world->now;
    record->figures = (takt_counters_pipeline){
        .serial = 1,
        .cursor = world->cursor,
        .capacity = world->capacity,
        .state = TAKT_COUNTERS_HALTED,
        .gone = 1,
        .failed_stage = TAKT_COUNTERS_NOWHERE,
        .stage_count = world->count,
    };
    copy_name(record->figures.name, world->workload->name);
    for (uint32_t i = 0; i < world->count; i++)
        sum_up_stage(world, i, &record->figures.stages[i]);
}

int sim_record_write(const struct sim_record *record, const char *title, const char *path)
{
    struct takt__recorded stages[SIM_STAGES_MAX];
    struct takt__lane *lanes = calloc(record->workers + 1, sizeof *lanes);
    if (!lanes)
        return TAKT_ENOMEM;
    for (uint32_t i = 0; i <= record->workers; i++)
        lanes[i] = (struct takt__lane){record->lanes[i].spans, record->lanes[i].count};
    for (uint32_t i = 0; i < record->stages; i++)
        stages[i] = (struct takt__recorded){&record->figures, &record->figures.stages[i], 0};
    struct takt__recording recording = {
        .allocator = takt_allocator_default(),
        .title = title,
        .simulated = true,
        .merged_ns = record->merged_ns,
        .length_ns = record->length_ns,
        .workers = record->workers,
        .lanes = lanes,
        .stage_count = record->stages,
        .stages = stages,
    };
    int error = takt__recording_write(&recording, path);
    free(lanes);
    return error;
}
