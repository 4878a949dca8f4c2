/* SPDX-License-Identifier: MIT */
/*
 * A run: whichever comes first of the next moment of a worker, the next step of arrivals, and the
 * next tick of the scheduler happens next.
 */
#include "perf/sim/engine.h"

#include <stdlib.h>

#include "perf/sim/world.h"
#include "scheduler/choice.h"

#define BATCH_MAX 4096
#define LOG_FIRST 4096

void sim_options_init(struct sim_options *options)
{
    *options = (struct sim_options){
        .workers = 2,
        .policy = takt_policy_default(),
        .tuning = takt__tuning_default,
        .stickiness = TAKT__STICKINESS,
        .leash = TAKT__LEASH,
        .block = 64,
        .tick_ns = 1000000,
        .slice_ns = 20000,
        .seat_ns = 100,
        .wake_ns = 5000,
        .spin_ns = 20000,
        .redivide_ns = 50,
        .look_ns = 0.5,
        .ticks = 24,
        .warm_ticks = 4,
        .seed = 1,
    };
}

static int64_t power_of_two(int64_t at_least)
{
    int64_t n = 1024;
    while (n < at_least)
        n *= 2;
    return n;
}

static bool make_stages(struct sim_world *world)
{
    const struct sim_workload *workload = world->workload;
    uint32_t workers = world->options->workers;
    world->count = workload->count;
    world->stages = calloc(world->count, sizeof *world->stages);
    for (uint32_t i = 0; world->stages && i < world->count; i++) {
        struct sim_stage *stage = &world->stages[i];
        const struct sim_stage_spec *spec = &workload->stages[i];
        if (!sim_stage_init(stage, spec, i, workers, world->options->block,
                            !world->options->far_cut, &world->random))
            return false;
        stage->sink = true;
        for (uint32_t k = 0; k < spec->upstream_count; k++) {
            struct sim_stage *upstream = &world->stages[spec->upstream[k]];
            upstream->sink = false;
            if (stage->depth <= upstream->depth)
                stage->depth = upstream->depth + 1;
        }
    }
    return world->stages != NULL;
}

static bool make(struct sim_world *world)
{
    const struct sim_options *options = world->options;
    uint32_t workers = options->workers;
    world->capacity = power_of_two(world->workload->capacity);
    if (world->capacity < world->workload->slots_per_worker * workers)
        world->capacity = power_of_two(world->workload->slots_per_worker * workers);
    int64_t most = world->capacity / (4 * (int64_t)workers);
    world->batch_most = most < 1 ? 1 : most < BATCH_MAX ? most : BATCH_MAX;
    world->leash = (int64_t)((double)world->capacity / options->leash);
    world->cursor = world->sink_done = -1;
    world->workers = calloc(workers, sizeof *world->workers);
    world->heap = calloc(workers + 1, sizeof *world->heap);
    world->idle = calloc(workers, sizeof *world->idle);
    world->log = calloc(LOG_FIRST, sizeof *world->log);
    world->log_mask = LOG_FIRST - 1;
    if (options->move_ns > 0)
        world->writers = calloc((size_t)world->capacity / 64, sizeof *world->writers);
    if (!world->workers || !world->heap || !world->idle || !world->log ||
        (options->move_ns > 0 && !world->writers) || !make_stages(world))
        return false;
    for (uint32_t i = 0; i < workers; i++) /* the first to be called is worker 0 */
        world->idle[world->idle_count++] = workers - 1 - i;
    sim_bound(world);
    return true;
}

static void take_apart(struct sim_world *world)
{
    for (uint32_t i = 0; world->stages && i < world->count; i++)
        sim_stage_free(&world->stages[i]);
    free(world->stages);
    free(world->workers);
    free(world->heap);
    free(world->idle);
    free(world->log);
    free(world->writers);
    free(world);
}

/* The scheduler's tick. */
static void decide(struct sim_world *world)
{
    struct takt__reading readings[SIM_STAGES_MAX];
    struct takt__decision *decisions[SIM_STAGES_MAX];
    takt_load loads[SIM_STAGES_MAX];
    for (uint32_t i = 0; i < world->count; i++) {
        struct sim_stage *stage = &world->stages[i];
        decisions[i] = &stage->decision;
        readings[i] = (struct takt__reading){
            .events = stage->events,
            .busy_ns = (int64_t)stage->busy_ns,
            .service_ns = stage->service_ns,
            .backlog = (double)(sim_available(world, stage) - 1 - sim_stage_done(stage)),
            .capacity = (double)world->capacity,
            .weight = stage->spec->weight,
            .least = 1,
            .most = stage->most,
            .depth = stage->depth,
            .width = stage->target,
            .source = stage->spec->source,
            .keyed = stage->spec->keys > 0,
        };
    }
    bool flowed = takt__decide(world->options->policy, &world->options->tuning, &world->decisions,
                               decisions, loads, readings, world->count, world->options->workers,
                               world->options->tick_ns);
    sim_record_tick(world, readings, flowed ? loads : NULL);
    if (!flowed)
        return;
    for (uint32_t i = 0; i < world->count; i++) {
        struct sim_stage *stage = &world->stages[i];
        stage->preference = decisions[i]->preference;
        if (stage->target != decisions[i]->width)
            world->owed_ns +=
                world->options->redivide_ns * (double)(stage->target + decisions[i]->width);
        stage->target = decisions[i]->width;
    }
}

/*
 * Work done so far. Where a stage is what limits all, only its own counts: the others can be ahead
 * of it by what the ring holds, but not faster. And where that is a keyed stage, only what its last
 * shard has passed: the others can be ahead of the busiest.
 */
static double measured(const struct sim_world *world)
{
    const struct sim_stage *limiting = world->limiting;
    if (limiting && limiting->spec->keys)
        return (double)(sim_stage_done(limiting) + 1) * world->work_ns;
    double in_flight = sim_in_flight(world, world->now, limiting);
    if (!limiting)
        return world->work_done + in_flight;
    return (limiting->busy_ns + in_flight) * world->work_ns / limiting->mean_ns;
}

/* Half-way the stages may change. */
static void step(struct sim_world *world)
{
    struct sim_metrics *m = &world->metrics;
    double before = measured(world);
    for (uint32_t i = 0; i < world->count; i++) {
        struct sim_stage *stage = &world->stages[i];
        if (stage->spec->mean_after_ns > 0)
            stage->mean_ns = stage->spec->mean_after_ns;
    }
    sim_bound(world);
    m->done_before += measured(world) - before; /* what counts may be another stage now */
    m->done_at_tick = measured(world);
    m->left_all = sim_left(world);
}

static void begin_measuring(struct sim_world *world)
{
    struct sim_metrics *m = &world->metrics;
    m->left_all = sim_left(world);
    m->bound_all = 0;
    m->done_before = measured(world);
    m->events_before = world->sink_done;
    for (uint32_t i = 0; i < world->count; i++)
        m->redivisions_before += world->stages[i].redivisions;
}

/* One line for each stage: what the tick came to, and what was decided at its end. */
static void write_csv(const struct sim_world *world, uint32_t number)
{
    const struct sim_tick *tick = &world->metrics.ticks[world->metrics.tick_count];
    for (uint32_t i = 0; i < world->count; i++) {
        const struct sim_stage *stage = &world->stages[i];
        fprintf(world->options->csv, "%u,%.4f,%u,%s,%u,%u,%lld,%.1f,%.3f\n", number,
                tick->bound > 0 ? tick->done / tick->bound : 1, world->idle_count,
                stage->spec->name, stage->target, stage->division[0].held + stage->division[1].held,
                (long long)(sim_available(world, stage) - 1 - sim_stage_done(stage)),
                stage->service_ns, stage->decision.cost);
    }
}

static void tick(struct sim_world *world, uint32_t number)
{
    struct sim_metrics *m = &world->metrics;
    const struct sim_options *options = world->options;
    double done = measured(world), left = sim_left(world);
    double little = 2.0 * (double)options->slice_ns * options->workers;
    m->ticks[m->tick_count] =
        (struct sim_tick){done - m->done_at_tick, m->bound_tick,
                          left < little && world->workload->shape != SIM_SATURATED};
    m->done_at_tick = done;
    m->bound_tick = 0;
    if (number == options->ticks / 2)
        step(world);
    m->left_tick = sim_left(world);
    if (number == options->warm_ticks)
        begin_measuring(world);
    decide(world);
    if (options->csv)
        write_csv(world, number);
    for (uint32_t i = 0; i < world->count; i++)
        m->widths[m->tick_count][i] = (uint16_t)world->stages[i].target;
    m->tick_count++;
}

static void run(struct sim_world *world)
{
    const struct sim_options *options = world->options;
    int64_t next_arrival = 0, next_tick = options->tick_ns;
    uint32_t ticks = 0;
    sim_publish(world);
    while (ticks < options->ticks && !world->out_of_memory) {
        int64_t next = world->heap_count ? world->heap[0].at : INT64_MAX;
        if (next < next_tick && next < next_arrival) {
            world->now = next;
            sim_moment(world);
        } else if (next_arrival < next_tick) {
            world->now = next_arrival;
            world->acting = SIM_NOBODY;
            next_arrival = sim_arrive(world);
            sim_call_workers(world);
        } else {
            world->now = next_tick;
            next_tick += options->tick_ns;
            tick(world, ++ticks);
        }
    }
    sim_record_end(world);
}

static void conclude(struct sim_world *world, struct sim_result *result)
{
    struct sim_metrics *m = &world->metrics;
    const struct sim_options *options = world->options;
    double seconds =
        (double)(options->ticks - options->warm_ticks) * (double)options->tick_ns * 1e-9;
    double done = measured(world) - m->done_before;
    uint32_t middle = options->ticks / 2, from = 0;
    bool steps = world->workload->shape == SIM_STEP;
    int64_t redivisions = 0;
    for (uint32_t i = 0; i < world->count; i++) {
        redivisions += world->stages[i].redivisions;
        steps |= world->stages[i].spec->mean_after_ns > 0;
    }
    /* Tick numbers begin at 1, the list of them at 0: the first after the step is [middle]. */
    from = steps ? middle : 0;
    *result = (struct sim_result){
        .efficiency = m->bound_all > 0 ? done / m->bound_all : 1,
        .settle_ticks = sim_metrics_settle(m, from),
        .overshoot = sim_metrics_overshoot(m, steps ? middle - 1 : 0, world->count),
        .redivisions_per_s = (double)(redivisions - m->redivisions_before) / seconds,
        .p50_ns = sim_metrics_percentile(m, 50),
        .p99_ns = sim_metrics_percentile(m, 99),
        .events_per_s = (double)(world->sink_done - m->events_before) / seconds,
        .bound_per_s = m->bound_all / world->work_ns / seconds,
        .busy = world->work_done /
                ((double)options->workers * options->ticks * (double)options->tick_ns),
        .reversals = sim_metrics_reversals(m, 0, steps ? middle - 1 : m->tick_count, world->count),
    };
    uint32_t after = sim_metrics_reversals(m, middle, m->tick_count, world->count);
    if (steps && after > result->reversals)
        result->reversals = after;
}

bool sim_run(const struct sim_workload *workload, const struct sim_options *options,
             struct sim_result *result)
{
    struct sim_world *world = calloc(1, sizeof *world);
    if (!world)
        return false;
    world->workload = workload;
    world->options = options;
    world->random.state = (uint64_t)options->seed;
    bool fine = make(world);
    if (fine) {
        run(world);
        fine = !world->out_of_memory;
        if (fine)
            conclude(world, result);
    }
    take_apart(world);
    return fine;
}
