/* SPDX-License-Identifier: MIT */
/*
 * The scheduler thread: every tick it samples what the stages have done and what waits for them,
 * lets the policy decide on widths, and asks for the divisions to be changed.
 *
 * A change costs little but is not free, and samples are noisy, so a width is changed only when
 * DECISIVE ticks in a row proposed the same one, and not before DWELL_NS have passed since the
 * stage's last change. While nothing flows the ticks are spaced out, so that an idle runtime costs
 * nothing to speak of.
 */
#include <takt/clock.h>

#include "scheduler/policy.h"
#include "scheduler/runtime.h"
#include "shard/cut.h"

#define DECISIVE     3
#define DWELL_NS     10000000
#define IDLE_TICK_NS 64000000

/* Takes a sample of one stage over the last `elapsed` nanoseconds. */
static bool sample(takt_stage *stage, int64_t elapsed, struct takt__load *load)
{
    takt_stage_stats stats;
    takt_stage_get_stats(stage, &stats);
    int64_t events = stats.events - stage->seen_events;
    int64_t busy = stats.busy_ns - stage->seen_busy_ns;
    stage->seen_events = stats.events;
    stage->seen_busy_ns = stats.busy_ns;
    *load = (struct takt__load){
        .rate = (double)events * 1e9 / (double)elapsed,
        .service_ns = events ? (double)busy / (double)events
                             : (double)takt__ld64_rlx(&stage->core.service_ps) * 1e-3,
        .backlog = (double)stats.backlog,
        .weight = stage->weight,
        .least = stage->core.shards_min,
        .most = stage->core.shards_max,
    };
    return events > 0;
}

/* Asks for the proposed width once enough ticks have agreed on it. */
static void propose(takt_stage *stage, uint32_t width, int64_t now)
{
    if (width != stage->proposed) {
        stage->proposed = width;
        stage->proposals = 0;
    }
    if (++stage->proposals < DECISIVE || now - stage->changed_ns < DWELL_NS)
        return;
    if (takt__ld32_rlx(&stage->core.change.target) == width)
        return;
    stage->changed_ns = now;
    takt__cut_request(&stage->core, width);
}

/* One tick of one pipeline. True if events have flowed. */
static bool tick(takt_pipeline *p, int64_t now, int64_t elapsed)
{
    struct takt__load loads[TAKT_STAGES_MAX];
    bool flowed = false;
    for (uint32_t i = 0; i < p->count; i++)
        flowed |= sample(p->stages[i], elapsed, &loads[i]);
    if (flowed && !p->fixed_widths) {
        takt__policy_decide(loads, p->count, p->runtime->worker_count);
        for (uint32_t i = 0; i < p->count; i++) {
            takt__watch_verdict(p->runtime, p->stages[i],
                                &(struct takt__verdict){
                                    .at = now,
                                    .cost = loads[i].cost,
                                    .rate = loads[i].rate,
                                    .width = takt__ld32_rlx(&p->stages[i]->core.change.target),
                                    .wanted = loads[i].width,
                                });
            propose(p->stages[i], loads[i].width, now);
        }
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (takt__cut_pending(&p->stages[i]->core))
            takt__runtime_step_cut(p->runtime, &p->stages[i]->core);
    return flowed;
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
        for (uint32_t i = 0; i < TAKT_PIPELINES_MAX && now > before; i++) {
            takt_pipeline *p = takt__runtime_place(runtime, i);
            if (p)
                flowed |= tick(p, now, now - before);
        }
        takt__runtime_rest(&runtime->scheduler_epoch);
        takt__watch_tick(runtime, now);
        int64_t longest = runtime->tick_ns > IDLE_TICK_NS ? runtime->tick_ns : IDLE_TICK_NS;
        wait = flowed ? runtime->tick_ns : wait * 2 < longest ? wait * 2 : longest;
        before = now;
    }
    return NULL;
}
