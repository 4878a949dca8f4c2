/* SPDX-License-Identifier: MIT */
/* How events come into the ring, and leave it; and the most that could be done with them. */
#include <stdlib.h>

#include "perf/sim/world.h"

/* Arrivals are drawn for so long at once. */
#define STEP_NS 1000

/*
 * How many events a nanosecond a stage can do at most. A key has one shard, and every shard looks
 * at the keys of all: of 1, 2, 4 ... shards the best (trying every number would find the one that
 * this hash happens to like, which nobody can know beforehand); `by_all` is set if it is the
 * workers rather than the busiest shard that set the limit then. `all_ns` is the time that an event
 * takes in all stages.
 */
static double fastest(const struct sim_world *world, const struct sim_stage *stage, double all_ns,
                      bool *by_all)
{
    double look = world->options->look_ns, best = 0;
    *by_all = false;
    if (!stage->spec->keys)
        return stage->most / stage->mean_ns;
    for (uint32_t n = 1; n <= stage->most; n *= 2) {
        double busiest = sim_stage_busiest(stage, n);
        double shard = 1 / (busiest * stage->mean_ns + (1 - busiest) * look);
        double all = world->options->workers / (all_ns + (n - 1) * look);
        double both = shard < all ? shard : all;
        if (both > best) {
            best = both;
            *by_all = all <= shard;
        }
    }
    return best;
}

/* The workers, or the stage that can be widened least, say how fast all may go. */
void sim_bound(struct sim_world *world)
{
    double work = 0;
    for (uint32_t i = 0; i < world->count; i++)
        work += world->stages[i].mean_ns;
    world->work_ns = work;
    world->could = world->options->workers;
    world->limiting = NULL;
    for (uint32_t i = 0; i < world->count; i++) {
        bool by_all;
        double could = fastest(world, &world->stages[i], work, &by_all) * work;
        if (could < world->could) {
            world->could = could;
            world->limiting = by_all ? NULL : &world->stages[i];
        }
    }
}

/* The load at present, and the events that come at once. */
static double load_now(struct sim_world *world, int64_t *at_once)
{
    const struct sim_workload *w = world->workload;
    double run_ns = (double)world->options->tick_ns * world->options->ticks;
    double now = (double)world->now, period = w->period_ms * 1e6;
    switch (w->shape) {
    case SIM_STEP: return now < run_ns / 2 ? w->load : w->other_load;
    case SIM_SINE:
        return (w->load + w->other_load) / 2 +
               (w->other_load - w->load) / 2 * sin(now / period * 2 * 3.14159265358979323846);
    case SIM_ON_OFF: return fmod(now, period) < period / 2 ? w->load : w->other_load;
    case SIM_BURST:
        world->burst_left_ns -= STEP_NS;
        if (world->burst_left_ns <= 0) {
            world->burst_left_ns += period;
            *at_once = (int64_t)(w->burst * (double)world->capacity);
        }
        return w->load;
    default: return w->load;
    }
}

void sim_log_arrival(struct sim_world *world, int64_t end, int64_t at)
{
    if (world->log_tail - world->log_head > world->log_mask) {
        uint64_t size = 2 * (world->log_mask + 1);
        struct sim_arrival *log = malloc(size * sizeof *log);
        if (!log) {
            world->out_of_memory = true;
            return;
        }
        for (uint64_t i = world->log_head; i < world->log_tail; i++)
            log[i & (size - 1)] = world->log[i & world->log_mask];
        free(world->log);
        world->log = log;
        world->log_mask = size - 1;
    }
    world->log[world->log_tail++ & world->log_mask] = (struct sim_arrival){end, at};
}

/* Publishes what has arrived and has room. */
void sim_publish(struct sim_world *world)
{
    if (world->stages[0].spec->source) {
        world->cursor = sim_stage_done(&world->stages[0]);
        world->arrived = world->cursor + 1;
        sim_log_arrival(world, world->arrived, world->now);
        return;
    }
    int64_t end = world->sink_done + world->capacity;
    if (world->workload->shape == SIM_SATURATED && world->cursor < end) {
        world->arrived = end + 1;
        sim_log_arrival(world, world->arrived, world->now);
    }
    world->cursor = world->arrived - 1 < end ? world->arrived - 1 : end;
}

/* Draws what arrives in the next step; returns when to come again. */
int64_t sim_arrive(struct sim_world *world)
{
    double could = world->could * STEP_NS;
    if (world->workload->shape == SIM_SATURATED) {
        sim_metrics_flow(&world->metrics, could, could);
        return world->now + STEP_NS;
    }
    int64_t at_once = 0;
    double load = load_now(world, &at_once);
    int64_t n = at_once + sim_poisson(&world->random, load * could / world->work_ns);
    sim_metrics_flow(&world->metrics, (double)n * world->work_ns, could);
    if (n > 0) {
        world->arrived += n;
        sim_log_arrival(world, world->arrived, world->now);
        sim_publish(world);
    }
    return world->now + STEP_NS;
}

/* The last stages may have gone on: notes how long the events took. */
void sim_finish(struct sim_world *world)
{
    int64_t done = INT64_MAX;
    for (uint32_t i = 0; i < world->count; i++)
        if (world->stages[i].sink && sim_stage_done(&world->stages[i]) < done)
            done = sim_stage_done(&world->stages[i]);
    if (done <= world->sink_done)
        return;
    bool counts = world->now >= world->options->warm_ticks * world->options->tick_ns;
    int64_t from = world->sink_done + 1;
    while (world->log_head < world->log_tail && from <= done) {
        const struct sim_arrival *a = &world->log[world->log_head & world->log_mask];
        int64_t to = a->end < done + 1 ? a->end : done + 1;
        if (counts && to > from)
            sim_metrics_latency(&world->metrics, world->now - a->at, to - from);
        from = to > from ? to : from;
        if (a->end > done + 1)
            break;
        world->log_head++;
    }
    world->sink_done = done;
    sim_publish(world);
}

/* Nanoseconds of work on events that have arrived. */
double sim_left(const struct sim_world *world)
{
    const struct sim_stage *limiting = world->limiting;
    double left = 0;
    if (limiting)
        left = (double)(world->arrived - limiting->events) * limiting->mean_ns;
    for (uint32_t i = 0; !limiting && i < world->count; i++)
        left += world->stages[i].mean_ns * (double)(world->arrived - world->stages[i].events);
    left -= sim_in_flight(world, world->now, limiting);
    if (limiting)
        left *= world->work_ns / limiting->mean_ns;
    return left > 0 ? left : 0;
}
