/* SPDX-License-Identifier: MIT */
/*
 * The search: which schedules of a case are run.
 *
 * A schedule is the list of its choices, counted from the start. Choice 0 is always the straight
 * one: the same fibre goes on, a load finds the latest store, nothing rare happens. What makes a
 * schedule are its deviations from that, few as a rule; a list of those is enough to replay it.
 *
 * Exhaustively: depth first over all schedules that have at most `bound` deviations (a choice that
 * is free, as between two that could go on after a third has blocked, does not count). Most faults
 * of concurrent programs show with one or two preemptions in the right places; the bound is raised
 * from 0 on, so the first failure found is one with the fewest. Only choices where another value
 * could still be afforded are put on the stack.
 *
 * At random: each schedule is made by one of two recipes, with a rate of old loads and of early
 * time-outs of its own. By priorities (PCT): fibres have random priorities, the highest that can
 * run does, and at d random moments the one that runs falls below all others; a fault that takes d
 * orderings is found with a probability of at least 1 / (fibres * steps^(d-1)). By walk: at each
 * point another fibre goes on with a probability drawn beforehand. Either way the one that is left
 * may be stalled.
 */
#include <string.h>

#include "engine.h"
#include "random.h"

#define STACK_MOST  20000
#define CHANGE_MOST 4

struct choice {
    uint32_t count, taken;
    uint32_t spent; /* deviations before it */
    bool is_free;
};

struct sim_deviation sim_deviations[SIM_DEVIATIONS];
uint32_t sim_deviation_count;

static enum sim_mode mode;
static uint32_t made; /* choices in this schedule */

static struct choice stack[STACK_MOST];
static uint32_t stack_size, depth, spent, bound;

static struct rng rng;
static uint32_t rarity_of_old, rarity_of_early, rarity_of_switch, rarity_of_stall;
static bool by_priority;
static uint32_t changes[CHANGE_MOST], change_count, longest;
static int64_t priority[SIM_FIBRES], lowest;

static struct sim_deviation script[SIM_DEVIATIONS];
static uint32_t script_size, script_at;

void sim_search_exhaustive(uint32_t most)
{
    mode = SIM_EXHAUSTIVE;
    bound = most;
    stack_size = 0;
}

void sim_search_again(void)
{
    stack_size = 0;
}

bool sim_search_next(void)
{
    while (stack_size > 0) {
        struct choice *c = &stack[stack_size - 1];
        if (c->taken + 1 < c->count && (c->is_free || c->spent < bound)) {
            c->taken++;
            return true;
        }
        stack_size--;
    }
    return false;
}

void sim_search_random(uint64_t seed)
{
    static const uint32_t old[] = {0, 2, 4, 16}, early[] = {0, 20, 100, 400},
                          walk[] = {2, 4, 10, 30}, stall[] = {0, 1, 2, 8};
    mode = SIM_RANDOM;
    rng.state = seed;
    rarity_of_old = old[rng_below(&rng, 4)];
    rarity_of_early = early[rng_below(&rng, 4)];
    rarity_of_switch = walk[rng_below(&rng, 4)];
    rarity_of_stall = stall[rng_below(&rng, 4)];
    by_priority = rng_below(&rng, 3) > 0;
    change_count = rng_below(&rng, CHANGE_MOST + 1);
    for (uint32_t i = 0; i < change_count; i++)
        changes[i] = rng_below(&rng, longest + 1);
    lowest = 0;
}

void sim_search_replay(const struct sim_deviation *deviations, uint32_t count)
{
    mode = SIM_REPLAY;
    memcpy(script, deviations, count * sizeof *deviations);
    script_size = count;
}

bool sim_search_replays(void)
{
    return mode == SIM_REPLAY;
}

void sim_search_begin(void)
{
    made = depth = spent = script_at = 0;
    sim_deviation_count = 0;
}

void sim_search_fibre(int fibre)
{
    priority[fibre] = mode == SIM_RANDOM ? (int64_t)(rng_next(&rng) >> 2) : 0;
}

void sim_search_gives_way(int fibre)
{
    priority[fibre] = --lowest;
}

/* Notes what was chosen. */
static uint32_t note(uint32_t value)
{
    if (made > longest)
        longest = made;
    if (value == 0)
        return 0;
    if (sim_deviation_count == SIM_DEVIATIONS)
        sim_fail("the schedule has more than %d deviations", SIM_DEVIATIONS);
    sim_deviations[sim_deviation_count++] = (struct sim_deviation){made, value};
    return value;
}

static uint32_t replay(uint32_t count)
{
    while (script_at < script_size && script[script_at].index < made)
        script_at++;
    if (script_at == script_size || script[script_at].index != made)
        return 0;
    uint32_t value = script[script_at].value;
    return value < count ? value : 0;
}

static uint32_t explore(uint32_t count, bool is_free)
{
    if (!is_free && spent == bound)
        return 0;
    if (depth == STACK_MOST)
        sim_fail("the schedule has more than %d choices", STACK_MOST);
    if (depth == stack_size)
        stack[stack_size++] = (struct choice){count, 0, spent, is_free};
    struct choice *c = &stack[depth++];
    spent += c->taken > 0 && !is_free;
    return c->taken;
}

static bool rarely(uint32_t rarity)
{
    return rarity && rng_below(&rng, rarity) == 0;
}

static uint32_t highest(const int *options, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (priority[options[i]] > priority[options[best]])
            best = i;
    return best;
}

static uint32_t draw_ready(const int *options, uint32_t count, bool is_free)
{
    if (!by_priority)
        return is_free || rarely(rarity_of_switch) ? rng_below(&rng, count) : 0;
    for (uint32_t i = 0; i < change_count; i++)
        if (changes[i] == made)
            priority[options[0]] = --lowest;
    return highest(options, count);
}

static uint32_t draw_fibre(const int *options, uint32_t count, uint32_t stalling, uint32_t timed,
                           bool is_free)
{
    if (timed < count && rarely(rarity_of_early))
        return timed + rng_below(&rng, count - timed);
    uint32_t pick = draw_ready(options, stalling, is_free);
    if (pick > 0 && stalling < timed && rarely(rarity_of_stall))
        return stalling + pick - 1;
    return pick;
}

uint32_t sim_choose_fibre(const int *options, uint32_t count, uint32_t stalling, uint32_t timed,
                          bool is_free)
{
    made++;
    if (mode == SIM_RANDOM)
        return note(count > 1 ? draw_fibre(options, count, stalling, timed, is_free) : 0);
    if (count < 2 && mode == SIM_EXHAUSTIVE)
        return 0;
    return note(mode == SIM_REPLAY ? replay(count) : explore(count, is_free));
}

uint32_t sim_choose_store(uint32_t count)
{
    made++;
    if (mode == SIM_RANDOM)
        return note(rarely(rarity_of_old) ? rng_below(&rng, count) : 0);
    return note(mode == SIM_REPLAY ? replay(count) : explore(count, false));
}

bool sim_choose_rare(void)
{
    made++;
    if (mode == SIM_RANDOM)
        return note(rarely(rarity_of_early));
    return note(mode == SIM_REPLAY ? replay(2) : explore(2, false));
}
