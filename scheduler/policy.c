/* SPDX-License-Identifier: MIT */
/*
 * The policy `demand`: a stage needs the worker time that its events take as fast as they come,
 * and as much again as works off its backlog within the catch-up time:
 *
 *     V = service time * (rate + backlog / catch-up time)
 *
 * Backlog alone would mislead: with bounded rings it piles up at the bottleneck and before it, and
 * is nothing after it, however dear the stages there are. The workers are shared out as seats by
 * D'Hondt over V. A stage that wins at least two seats gets two shards for each, so that workers
 * find a vacant one that is not empty; a stage that wins one or none has one shard, which whoever
 * comes by may take.
 */
#include "scheduler/policy.h"

#include "scheduler/apportion.h"

#define CATCH_UP_S      0.01
#define SHARDS_PER_SEAT 2

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : value;
}

void takt__policy_decide(struct takt__load *loads, uint32_t count, uint32_t workers)
{
    struct takt__party parties[TAKT_STAGES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct takt__load *load = &loads[i];
        double events = load->rate + load->backlog / CATCH_UP_S;
        load->cost = load->weight * load->service_ns * 1e-9 * events;
        parties[i] = (struct takt__party){load->cost, 0, load->most, 0};
    }
    takt__apportion(parties, count, workers);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seats = parties[i].seats;
        uint32_t width = seats > 1 ? seats * SHARDS_PER_SEAT : 1;
        loads[i].width = clamp(width, loads[i].least, loads[i].most);
    }
}
