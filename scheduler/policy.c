/* SPDX-License-Identifier: MIT */
/*
 * The library's policies.
 *
 * Demand, the default: a stage needs the worker time that its events take as fast as they come, and
 * as much again as works off its backlog within the catch-up time:
 *
 *     V = service time * (rate + backlog / catch-up time)
 *
 * The backlog's cost alone would mislead: with bounded rings it piles up at the bottleneck and
 * before it, and is nothing after it, however dear the stages there are.
 *
 * Seats become widths by a factor: more shards than seats, so that a worker who comes by finds a
 * vacant one that is not empty. And however few seats a stage has won, it gets a part of what is
 * spread over all stages evenly: with a single shard no more than one worker's work can be measured
 * in it, whatever it needs, and the moment that it becomes hot it holds up all the others. A shard
 * costs next to nothing where events are divided by blocks; where they are divided by key every
 * shard looks at every event, so a keyed stage gets nothing of the spread, but more for each seat,
 * since keys are never spread evenly. docs/scheduling.md says what each of the numbers below was
 * tried against.
 */
#include "scheduler/policy.h"

#include <string.h>

#include "scheduler/apportion.h"

#define SHARDS_PER_SEAT 2.0
#define KEYED_PER_SEAT  3.0
#define SPREAD          2.0
#define DOWNSTREAM      4.0

static uint32_t clamp(double value, uint32_t least, uint32_t most)
{
    if (!(value > least))
        return least;
    return value < most ? (uint32_t)value : most;
}

/* Gives loads[0..count) their widths: no more than takt__apportion takes at once. */
static void share(takt_load *loads, uint32_t count, uint32_t workers, takt_rule rule,
                  double shards_per_seat, double spread)
{
    struct takt__party parties[TAKT__PARTIES_MAX];
    for (uint32_t i = 0; i < count; i++)
        parties[i] = (struct takt__party){
            .cost = loads[i].cost, .most = loads[i].most, .done = loads[i].done};
    takt__apportion(parties, count, workers, rule);
    double floor = spread * workers / count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seats = parties[i].seats;
        double width = seats > 1 ? seats * shards_per_seat : 1;
        if (loads[i].keyed)
            width = seats * KEYED_PER_SEAT;
        else if (width < floor && !loads[i].done)
            width = floor;
        loads[i].width = clamp(width, loads[i].least, loads[i].most);
    }
}

void takt_policy_share(takt_load *loads, uint32_t count, uint32_t workers, takt_rule rule,
                       double shards_per_seat)
{
    share(loads, count < TAKT__PARTIES_MAX ? count : TAKT__PARTIES_MAX, workers, rule,
          shards_per_seat > 0 ? shards_per_seat : SHARDS_PER_SEAT, SPREAD);
}

double takt__demand(const takt_load *load, double catch_up_s)
{
    return load->service_ns * 1e-9 * (load->rate + load->backlog / catch_up_s);
}

void takt__scheme_decide(void *context, takt_load *loads, uint32_t count, uint32_t workers)
{
    const struct takt__scheme *scheme = context;
    for (uint32_t i = 0; i < count; i++) {
        takt_load *load = &loads[i];
        double work = load->service_ns * 1e-9 * load->backlog;
        if (scheme->catch_up_s > 0)
            work = takt__demand(load, scheme->catch_up_s);
        load->cost = load->weight * work;
        if (scheme->downstream > 0)
            for (uint32_t d = 0; d < load->depth && load->preference < 1e12; d++)
                load->preference *= scheme->downstream;
    }
    share(loads, count < TAKT__PARTIES_MAX ? count : TAKT__PARTIES_MAX, workers, scheme->rule,
          scheme->shards_per_seat > 0 ? scheme->shards_per_seat : SHARDS_PER_SEAT,
          scheme->spread > 0 ? scheme->spread : SPREAD);
}

/* Whatever width a stage has is right. */
static void decide_nothing(void *context, takt_load *loads, uint32_t count, uint32_t workers)
{
    (void)context;
    (void)loads;
    (void)count;
    (void)workers;
}

static const struct takt__scheme demand = {TAKT_RULE_DHONDT, TAKT__CATCH_UP_S, 0, 0, 0};
static const struct takt__scheme makespan = {TAKT_RULE_ADAMS, TAKT__CATCH_UP_S, 0, 0, 0};
static const struct takt__scheme sainte_lague = {TAKT_RULE_SAINTE_LAGUE, TAKT__CATCH_UP_S, 0, 0, 0};
static const struct takt__scheme backlog = {TAKT_RULE_DHONDT, 0, 0, 0, 0};
static const struct takt__scheme min_sum = {TAKT_RULE_MIN_SUM, 0, 0, 0, 0};
static const struct takt__scheme latency = {TAKT_RULE_DHONDT, TAKT__CATCH_UP_S, 0, 0, DOWNSTREAM};

/* The first is the default. A scheme is only read, though a context may be written to. */
static const takt_policy policies[] = {
    TAKT_POLICY(.name = "demand", .decide = takt__scheme_decide, .context = (void *)&demand),
    TAKT_POLICY(.name = "makespan", .decide = takt__scheme_decide, .context = (void *)&makespan),
    TAKT_POLICY(.name = "sainte-lague", .decide = takt__scheme_decide,
                .context = (void *)&sainte_lague),
    TAKT_POLICY(.name = "backlog", .decide = takt__scheme_decide, .context = (void *)&backlog),
    TAKT_POLICY(.name = "min-sum", .decide = takt__scheme_decide, .context = (void *)&min_sum),
    TAKT_POLICY(.name = "latency", .decide = takt__scheme_decide, .context = (void *)&latency),
    TAKT_POLICY(.name = "fixed", .decide = decide_nothing),
};

const takt_policy *takt_policy_at(uint32_t index)
{
    return index < sizeof policies / sizeof policies[0] ? &policies[index] : NULL;
}

const takt_policy *takt_policy_default(void)
{
    return &policies[0];
}

const takt_policy *takt_policy_find(const char *name)
{
    for (uint32_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        if (name && strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}
