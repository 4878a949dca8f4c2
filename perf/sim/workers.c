/* SPDX-License-Identifier: MIT */
/*
 * Simulated workers: as scheduler/worker.c, they choose a seat (by scheduler/choice.h), run batches
 * for a slice, give the shard up and choose again. Who finds nothing spins, and is there at once
 * when something comes; after a while he sleeps, and has to be woken.
 */
#include "perf/sim/world.h"
#include "scheduler/choice.h"

/* What an event is taken to cost until it has been measured; the first batch until then. */
#define UNKNOWN_NS  1000
#define FIRST_BATCH 16

static bool before(const struct sim_moment *a, const struct sim_moment *b)
{
    return a->at != b->at ? a->at < b->at : a->worker < b->worker;
}

static void push_moment(struct sim_world *world, int64_t at, uint32_t worker)
{
    struct sim_moment moment = {at, worker}, *heap = world->heap;
    uint32_t i = world->heap_count++;
    for (; i > 0 && before(&moment, &heap[(i - 1) / 4]); i = (i - 1) / 4)
        heap[i] = heap[(i - 1) / 4];
    heap[i] = moment;
}

static void pop_moment(struct sim_world *world)
{
    struct sim_moment *heap = world->heap, last = heap[--world->heap_count];
    uint32_t n = world->heap_count, i = 0;
    for (uint32_t child; (child = 4 * i + 1) < n; i = child) {
        uint32_t end = child + 4 < n ? child + 4 : n;
        for (uint32_t c = child + 1; c < end; c++)
            if (before(&heap[c], &heap[child]))
                child = c;
        if (!before(&heap[child], &last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
}

int64_t sim_available(const struct sim_world *world, const struct sim_stage *stage)
{
    if (stage->spec->source)
        return world->sink_done + 1 + world->capacity;
    int64_t least = stage->spec->upstream_count ? INT64_MAX : world->cursor;
    for (uint32_t i = 0; i < stage->spec->upstream_count; i++) {
        int64_t done = sim_stage_done(&world->stages[stage->spec->upstream[i]]);
        least = done < least ? done : least;
    }
    return least + 1;
}

/* Where a shard's events end. */
static int64_t end_of(const struct sim_division *division, int64_t available)
{
    return division->cut < available ? division->cut : available;
}

/* The worker's own shards with something to do: of each stage the one that is furthest behind. */
static uint64_t find_own(const struct sim_world *world, const struct sim_worker *worker,
                         const int64_t *ends, struct sim_shard **own)
{
    uint64_t found = 0;
    for (struct sim_shard *shard = worker->mine; shard; shard = shard->mine_next) {
        const struct sim_stage *stage = &world->stages[shard->stage];
        uint64_t bit = UINT64_C(1) << shard->stage;
        if (!shard->exists || shard->owner != SIM_NOBODY ||
            shard->next >= end_of(&stage->division[shard->division], ends[shard->stage]) ||
            !sim_division_open(stage, shard->division))
            continue;
        if (!(found & bit) || shard->next < own[shard->stage]->next)
            own[shard->stage] = shard;
        found |= bit;
    }
    return found;
}

/* Offers the vacant shards of one stage. */
static struct sim_shard *choose_in(const struct sim_world *world, struct sim_stage *stage,
                                   uint32_t id, int64_t available, struct sim_shard *own,
                                   struct takt__shard_choice *choice)
{
    struct sim_shard *best = NULL;
    for (uint32_t d = 0; d < 2; d++) {
        struct sim_division *division = &stage->division[d];
        if (!sim_division_open(stage, d))
            continue;
        choice->held += division->held;
        int64_t behind = sim_tree_least(&division->vacant);
        if (behind == SIM_NEVER || behind + 1 >= end_of(division, available))
            continue;
        struct sim_shard *shard = &division->shards[sim_tree_first(&division->vacant)];
        if (takt__choose_shard(choice, behind, shard->last == id, world->leash))
            best = shard;
    }
    if (own && takt__choose_shard(choice, own->next - 1, true, world->leash))
        best = own;
    return best;
}

/* The worker's next shard, or NULL. */
static struct sim_shard *choose(struct sim_world *world, uint32_t id)
{
    int64_t ends[SIM_STAGES_MAX];
    struct sim_shard *own[SIM_STAGES_MAX], *best = NULL;
    struct takt__stage_choice stages = {0};
    for (uint32_t i = 0; i < world->count; i++) {
        ends[i] = sim_available(world, &world->stages[i]);
        if (world->stages[i].target == sim_stage_width(&world->stages[i]))
            continue;
        sim_stage_redivide(&world->stages[i], ends[i]);
        sim_record_division(world, i);
    }
    uint64_t found = find_own(world, &world->workers[id], ends, own);
    for (uint32_t i = 0; i < world->count; i++) {
        struct sim_stage *stage = &world->stages[i];
        int64_t backlog = ends[i] - 1 - sim_stage_done(stage);
        if (backlog <= 0)
            continue;
        struct takt__shard_choice shards = {0};
        struct sim_shard *mine = found >> i & 1 ? own[i] : NULL;
        struct sim_shard *shard = choose_in(world, stage, id, ends[i], mine, &shards);
        double service = stage->service_ns > 0 ? stage->service_ns : UNKNOWN_NS;
        if (shard && takt__choose_stage(&stages, &shards, (double)backlog * service,
                                        stage->preference, world->options->stickiness))
            best = shard;
    }
    return best;
}

/* Fetching what other workers have in their caches. */
static double fetch(struct sim_world *world, uint32_t id, const struct sim_shard *shard,
                    const struct sim_batch *batch)
{
    if (!world->writers || batch->events == 0)
        return 0;
    const struct sim_stage *stage = &world->stages[shard->stage];
    const struct takt__blocks *blocks = &stage->division[shard->division].blocks;
    int64_t foreign = 0, looked = 0, block = 64;
    int64_t stride = stage->spec->keys ? block : (int64_t)blocks->shards * block;
    for (int64_t s = shard->next; s < batch->next; s = s / block * block + stride, looked++) {
        uint16_t *writer = &world->writers[s / block & (world->capacity / block - 1)];
        foreign += *writer != id + 1;
        *writer = (uint16_t)(id + 1);
    }
    return world->options->move_ns * (double)batch->events * (double)foreign / (double)looked;
}

/* Begins a batch of the worker's shard after `delay`. */
static void begin(struct sim_world *world, uint32_t id, double delay)
{
    struct sim_worker *worker = &world->workers[id];
    struct sim_stage *stage = &world->stages[worker->shard->stage];
    const struct sim_options *options = world->options;
    double limit =
        stage->service_ns > 0 ? (double)options->slice_ns / stage->service_ns : FIRST_BATCH;
    if (!(limit < (double)world->batch_most))
        limit = (double)world->batch_most;
    worker->limit = limit < 1 ? 1 : (uint64_t)limit;
    worker->first = worker->shard->next;
    sim_shard_draw(stage, worker->shard, sim_available(world, stage), (int64_t)worker->limit,
                   &world->random, &worker->batch);
    worker->batch.look_ns *= options->look_ns;
    double extra = fetch(world, id, worker->shard, &worker->batch);
    worker->begins = world->now + (int64_t)(delay + extra);
    worker->ends =
        worker->begins + (int64_t)(worker->batch.service_ns + worker->batch.look_ns + 0.5);
    push_moment(world, worker->ends, id);
}

/* Puts the shard into the list of those that the worker had last. */
static void make_mine(struct sim_world *world, struct sim_shard *shard, uint32_t id)
{
    if (shard->last == id)
        return;
    if (shard->last != SIM_NOBODY) {
        *shard->mine_link = shard->mine_next;
        if (shard->mine_next)
            shard->mine_next->mine_link = shard->mine_link;
    }
    struct sim_worker *worker = &world->workers[id];
    shard->mine_next = worker->mine;
    shard->mine_link = &worker->mine;
    if (worker->mine)
        worker->mine->mine_link = &shard->mine_next;
    worker->mine = shard;
    shard->last = id;
}

/* The worker takes the best seat; false if there is none. */
static bool seat(struct sim_world *world, uint32_t id)
{
    struct sim_worker *worker = &world->workers[id];
    struct sim_shard *shard = choose(world, id);
    if (!shard)
        return false;
    double delay = (double)world->options->seat_ns + world->owed_ns;
    world->owed_ns = 0;
    worker->taken = world->now + (int64_t)delay;
    if (shard->last != id)
        delay += world->options->state_ns;
    make_mine(world, shard, id);
    sim_shard_take(&world->stages[shard->stage], shard, id);
    worker->shard = shard;
    worker->seated = world->now;
    begin(world, id, delay);
    return true;
}

/* Those that spin look for work, until one finds none; if only sleepers are left, wakes one. */
void sim_call_workers(struct sim_world *world)
{
    const struct sim_options *options = world->options;
    while (world->idle_count > 0) {
        uint32_t id = world->idle[world->idle_count - 1];
        struct sim_worker *worker = &world->workers[id];
        if (world->now - worker->idle_since >= options->spin_ns) {
            if (choose(world, id)) {
                world->idle_count--;
                worker->waking = true;
                sim_record_wake(world);
                push_moment(world, world->now + options->wake_ns, id);
            }
            return;
        }
        if (!seat(world, id))
            return;
        world->idle_count--;
    }
}

/*
 * The worker chooses. If it goes on with the shard that it had, and nothing else has become
 * possible (`more`), there is nothing for the others that was not there before.
 */
static void look_for_work(struct sim_world *world, uint32_t id, const struct sim_shard *had,
                          bool more)
{
    struct sim_worker *worker = &world->workers[id];
    if (seat(world, id)) {
        if (more || worker->shard != had)
            sim_call_workers(world);
        return;
    }
    /* Nor would anybody else find anything. */
    worker->shard = NULL;
    worker->idle_since = world->now;
    world->idle[world->idle_count++] = id;
}

/* Whether the worker may go on with its shard: a full batch, and most of the slice left. */
static bool goes_on(const struct sim_world *world, const struct sim_worker *worker)
{
    const struct sim_stage *stage = &world->stages[worker->shard->stage];
    bool wanted = stage->changing && !worker->shard->visited &&
                  worker->shard->division == stage->current && stage->unvisited > 0;
    return (uint64_t)worker->batch.events >= worker->limit && !wanted &&
           world->now - worker->seated < world->options->slice_ns / 2;
}

/* The next moment has come: world->now is its time. */
void sim_moment(struct sim_world *world)
{
    uint32_t id = world->heap[0].worker;
    struct sim_worker *worker = &world->workers[id];
    world->acting = id;
    pop_moment(world);
    if (worker->waking) {
        worker->waking = false;
        sim_record_rise(world, id);
        look_for_work(world, id, NULL, true);
        return;
    }
    struct sim_shard *shard = worker->shard;
    struct sim_stage *stage = &world->stages[shard->stage];
    int64_t done = sim_stage_done(stage);
    sim_shard_advance(stage, shard, &worker->batch);
    sim_record_batch(world, id);
    bool more = sim_stage_done(stage) != done || stage->changing;
    world->work_done += worker->batch.service_ns;
    if (stage->spec->source)
        sim_publish(world);
    if (stage->sink)
        sim_finish(world);
    if (goes_on(world, worker)) {
        begin(world, id, 0);
        if (more)
            sim_call_workers(world);
        return;
    }
    sim_record_leave(world, id);
    sim_shard_leave(stage, shard);
    sim_record_division(world, stage->index);
    look_for_work(world, id, shard, more);
}

/* Work done at `at` of batches that have not ended: of all, or of one stage. */
double sim_in_flight(const struct sim_world *world, int64_t at, const struct sim_stage *of)
{
    double done = 0;
    for (uint32_t i = 0; i < world->options->workers; i++) {
        const struct sim_worker *worker = &world->workers[i];
        if (!worker->shard || at <= worker->begins ||
            (of && of != &world->stages[worker->shard->stage]))
            continue;
        double part = worker->ends > at
                          ? (double)(at - worker->begins) / (double)(worker->ends - worker->begins)
                          : 1;
        done += part * worker->batch.service_ns;
    }
    return done;
}
