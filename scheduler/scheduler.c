/* SPDX-License-Identifier: MIT */
/*
 * The scheduler thread: every tick it reads what the stages have done and what waits for them,
 * shares out the workers among the pipelines (share.c), has decide.c make widths of it by each
 * pipeline's policy, and asks for the divisions to be changed.
 *
 * While nothing flows the ticks are spaced out, so that an idle runtime costs nothing to speak of.
 *
 * A worker that sits down leaves what is not worth a wake-up to itself (worker.c), and that is well
 * as long as it comes back. Where a handler waits for something, perhaps for what was left, others
 * would sleep beside it. So when a tick finds that a worker has not moved since the last one, it
 * has another one look around: once, since what comes to be done after that has its own wake-up, or
 * a worker that is awake.
 */
#include <string.h>

#include <takt/clock.h>

#include "scheduler/duty.h"
#include "scheduler/share.h"
#include "shard/cut.h"

#define IDLE_TICK_NS 64000000

/* The number of stages on the longest way from the source to a stage. */
static uint32_t depth_of(const takt_stage *stage, const struct takt__reading *readings)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < stage->upstream_count; i++) {
        uint32_t before = readings[stage->upstream[i]].depth + 1;
        depth = before > depth ? before : depth;
    }
    return depth;
}

/* Whether no event can come to the stage any more. */
static bool is_done(const takt_pipeline *p, const takt_stage *stage)
{
    bool ended = p->source ? takt__ld32_acq(&p->source->ended) /* acquire [pairs: source-ended] */
                           : takt__ld32_acq(&p->closed);       /* acquire [pairs: closed] */
    return ended && takt__stage_done(&stage->core) >= takt_ring_cursor(p->ring);
}

static void read_stage(const takt_pipeline *p, uint32_t index, struct takt__reading *readings)
{
    const takt_stage *stage = p->stages[index];
    takt_stage_stats stats;
    takt_stage_get_stats(stage, &stats);
    readings[index] = (struct takt__reading){
        .events = stats.events,
        .busy_ns = stats.busy_ns,
        .service_ns = (double)takt__ld64_rlx(&stage->core.service_ps) * 1e-3,
        .backlog = (double)stats.backlog,
        .capacity = (double)takt_ring_capacity(p->ring),
        .weight = stage->weight,
        .least = stage->core.shards_min,
        .most = stage->core.shards_max,
        .depth = depth_of(stage, readings),
        .width = takt__ld32_rlx(&stage->core.change.target),
        .source = stage->core.source,
        .keyed = stage->core.keyed,
        .done = is_done(p, stage),
    };
}

/* The taps' stage comes last, and has no shards. */
static uint32_t stages_of(const takt_pipeline *p)
{
    return p->count - p->has_taps;
}

/* Tells who looks on what the policy made of the loads, with so many workers. */
static void tell(const takt_pipeline *p, uint32_t workers, int64_t now)
{
    const struct takt__sample *sample = &p->sample;
    for (uint32_t i = 0; i < stages_of(p); i++)
        takt__watch_verdict(p->runtime, p->stages[i],
                            &(struct takt__verdict){
                                .at = now,
                                .cost = sample->loads[i].cost,
                                .rate = sample->loads[i].rate,
                                .width = sample->readings[i].width,
                                .wanted = sample->loads[i].width,
                                .workers = workers,
                            });
}

static void list_decisions(const takt_pipeline *p, struct takt__decision **decisions)
{
    for (uint32_t i = 0; i < stages_of(p); i++)
        decisions[i] = &p->stages[i]->decision;
}

/* Reads what the stages have done since the last tick. True if events have flowed. */
static bool sample(takt_pipeline *p, int64_t elapsed)
{
    struct takt__decision *decisions[TAKT_STAGES_MAX];
    struct takt__sample *sample = &p->sample;
    list_decisions(p, decisions);
    for (uint32_t i = 0; i < stages_of(p); i++)
        read_stage(p, i, sample->readings);
    return takt__decide_observe(&takt__tuning_default, &p->decisions, decisions, sample->loads,
                                sample->readings, stages_of(p), elapsed);
}

/* Has the widths decided on, and asks for those that are new. */
static void decide(takt_pipeline *p, uint32_t workers, int64_t now)
{
    struct takt__decision *decisions[TAKT_STAGES_MAX];
    struct takt__sample *sample = &p->sample;
    list_decisions(p, decisions);
    takt__decide_widths(p->policy, &takt__tuning_default, decisions, sample->loads,
                        sample->readings, stages_of(p), workers);
    tell(p, workers, now);
    for (uint32_t i = 0; i < stages_of(p); i++) {
        int64_t bits;
        memcpy(&bits, &decisions[i]->preference, sizeof bits);
        takt__st64_rlx(&p->stages[i]->preference, bits);
        if (!p->fixed_widths && decisions[i]->width != sample->readings[i].width)
            takt__cut_request(&p->stages[i]->core, decisions[i]->width);
    }
}

static void step_cuts(takt_pipeline *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (takt__cut_pending(&p->stages[i]->core))
            takt__runtime_step_cut(p->runtime, &p->stages[i]->core);
}

/* Those on duty at present, and helpers; if nobody is there, whoever comes is one. */
static uint32_t workers_of(const takt_runtime *runtime)
{
    uint32_t workers = takt__ld32_rlx(&runtime->on_duty) + takt__ld32_rlx(&runtime->helping);
    return workers ? workers : 1;
}

/* One tick of all pipelines. True if events have flowed. */
static bool tick(takt_runtime *runtime, int64_t now, int64_t elapsed)
{
    takt_pipeline *running[TAKT_PIPELINES_MAX], *flowing[TAKT_PIPELINES_MAX];
    struct takt__claimant claimants[TAKT_PIPELINES_MAX];
    uint32_t n = 0, flows = 0;
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        takt_pipeline *p = takt__runtime_place(runtime, i);
        if (!p)
            continue;
        running[n++] = p;
        if (!sample(p, elapsed))
            continue;
        claimants[flows] = (struct takt__claimant){p->sample.loads, stages_of(p), p->weight, 0};
        flowing[flows++] = p;
    }
    takt__share(claimants, flows, workers_of(runtime));
    for (uint32_t i = 0; i < flows; i++)
        decide(flowing[i], claimants[i].workers, now);
    for (uint32_t i = 0; i < n; i++)
        step_cuts(running[i]);
    return flows > 0;
}

static void sleep_until(takt_runtime *runtime, int64_t deadline)
{
    uint32_t ticket = takt__park_ticket(&runtime->scheduler_lot);
    if (!takt__ld32_rlx(&runtime->stopping))
        takt__park_wait(&runtime->scheduler_lot, ticket, deadline);
}

void *takt__scheduler_main(void *argument)
{
    takt_runtime *runtime = argument;
    int64_t before = takt_now();
    int64_t wait = runtime->tick_ns;
    while (!takt__ld32_rlx(&runtime->stopping)) {
        sleep_until(runtime, before + wait);
        int64_t now = takt_now();
        bool flowed = false;
        takt__runtime_enter(&runtime->scheduler_epoch);
        if (now > before)
            flowed = tick(runtime, now, now - before);
        takt__runtime_rest(&runtime->scheduler_epoch);
        if (takt__watch_workers(runtime, now))
            takt__runtime_wake_another(runtime);
        takt__watch_tick(runtime, now);
        if (now > before && takt__duty_tick(runtime))
            flowed = true; /* now it may */
        int64_t longest = runtime->tick_ns > IDLE_TICK_NS ? runtime->tick_ns : IDLE_TICK_NS;
        wait = flowed ? runtime->tick_ns : wait * 2 < longest ? wait * 2 : longest;
        before = now;
    }
    return NULL;
}
