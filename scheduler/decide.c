/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's decision at a tick.
 *
 *   Smooth   Service time is busy time divided by events, each summed over the last ticks: one
 *            division, not a mean of ratios, so that a tick with few events weighs little. No more
 *            ticks are summed than it takes to see enough events: in a stage that has many of them
 *            the last tick alone says it, and follows a step at once.
 *   Decide   The policy turns rates, service times and backlogs into widths.
 *   Damp     A shard too few costs throughput at once, one too many next to nothing. So a stage
 *            grows as soon as a few ticks agree, and shrinks only when many in a row want it
 *            narrower, and then to the widest that they asked for. A change must be worth more than
 *            `gain` of the width, and a stage rests for `dwell` ticks after one.
 *
 * Why widths cannot swing at constant load: to grow again after it has shrunk, the policy must ask
 * for more than the most that it asked for in all of `shrink_ticks` ticks, by more than the gain.
 * To shrink again takes as many ticks once more. So in any shrink_ticks ticks a stage changes
 * direction at most twice, whatever the noise.
 *
 * A stage that has handled nothing in the window keeps its last service time.
 */
#include "scheduler/decide.h"

const struct takt__tuning takt__tuning_default = {
    .window = 8,
    .enough = 256,
    .rate_window = 1,
    .grow_ticks = 1,
    .shrink_ticks = 10,
    .gain = 0.2,
    .dwell = 0,
};

/* Notes what came since the last tick. True if anything did. */
static bool note(struct takt__decision *stage, const struct takt__reading *reading, uint32_t at)
{
    stage->events[at] = reading->events - stage->seen_events;
    stage->busy_ns[at] = reading->busy_ns - stage->seen_busy_ns;
    stage->seen_events = reading->events;
    stage->seen_busy_ns = reading->busy_ns;
    if (stage->since_change < UINT32_MAX)
        stage->since_change++;
    return stage->events[at] > 0;
}

/* The sum of the last n entries of a history whose last entry is at `at`. */
static double sum(const int64_t *history, uint32_t at, uint32_t n)
{
    double total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += (double)history[(at + TAKT__WINDOW_MAX - i) % TAKT__WINDOW_MAX];
    return total;
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void load_from(const struct takt__tuning *tuning, const struct takt__decisions *all,
                      const struct takt__decision *stage, const struct takt__reading *reading,
                      takt_load *load)
{
    uint32_t rate_window = least_of(tuning->rate_window, all->ticks);
    uint32_t window = 1, most = least_of(tuning->window, all->ticks);
    while (window < most && sum(stage->events, all->at, window) < tuning->enough)
        window++;
    double events = sum(stage->events, all->at, window);
    double elapsed = sum(all->elapsed_ns, all->at, rate_window);
    *load = (takt_load){
        .rate = elapsed > 0 ? sum(stage->events, all->at, rate_window) * 1e9 / elapsed : 0,
        .service_ns =
            events > 0 ? sum(stage->busy_ns, all->at, window) / events : reading->service_ns,
        .backlog = reading->backlog,
        .capacity = reading->capacity,
        .weight = reading->weight,
        .least = reading->least,
        .most = reading->most,
        .depth = reading->depth,
        .source = reading->source,
        .keyed = reading->keyed,
        .done = reading->done,
        .preference = reading->weight,
        .width = reading->width,
    };
}

/* How wide the stage shall be, if the policy wants `wanted`. */
static uint32_t damp(const struct takt__tuning *tuning, struct takt__decision *stage, uint32_t now,
                     uint32_t wanted)
{
    double margin = tuning->gain * now;
    stage->grow_ticks = wanted > now + margin ? stage->grow_ticks + 1 : 0;
    stage->shrink_ticks = wanted + margin < now ? stage->shrink_ticks + 1 : 0;
    if (stage->shrink_ticks == 1 || wanted > stage->shrink_to)
        stage->shrink_to = wanted;
    if (stage->since_change <= tuning->dwell) /* it is 1 in the tick after a change */
        return now;
    if (stage->grow_ticks >= tuning->grow_ticks && stage->grow_ticks > 0)
        now = wanted;
    else if (stage->shrink_ticks >= tuning->shrink_ticks && stage->shrink_ticks > 0)
        now = stage->shrink_to;
    else
        return now;
    stage->grow_ticks = stage->shrink_ticks = stage->since_change = 0;
    return now;
}

/* What a policy of the user's may return is made safe here. */
static void settle(const struct takt__tuning *tuning, struct takt__decision *stage,
                   const struct takt__reading *reading, const takt_load *load)
{
    uint32_t wanted = load->width < reading->least  ? reading->least
                      : load->width > reading->most ? reading->most
                                                    : load->width;
    bool sane = load->preference > 0 && load->preference < 1e30;
    stage->preference = sane ? load->preference : reading->weight;
    stage->cost = load->cost;
    stage->width = damp(tuning, stage, reading->width, wanted);
}

bool takt__decide_observe(const struct takt__tuning *tuning, struct takt__decisions *all,
                          struct takt__decision **stages, takt_load *loads,
                          const struct takt__reading *readings, uint32_t count, int64_t elapsed_ns)
{
    bool flowed = false;
    all->at = (all->at + 1) % TAKT__WINDOW_MAX;
    all->elapsed_ns[all->at] = elapsed_ns;
    for (uint32_t i = 0; i < count; i++)
        flowed |= note(stages[i], &readings[i], all->at);
    if (!flowed) {
        all->ticks = 0; /* a pause: what was measured before it says little about after it */
        for (uint32_t i = 0; i < count; i++)
            stages[i]->width = readings[i].width;
        return false;
    }
    if (all->ticks < TAKT__WINDOW_MAX)
        all->ticks++;
    for (uint32_t i = 0; i < count; i++)
        load_from(tuning, all, stages[i], &readings[i], &loads[i]);
    return true;
}

void takt__decide_widths(const takt_policy *policy, const struct takt__tuning *tuning,
                         struct takt__decision **stages, takt_load *loads,
                         const struct takt__reading *readings, uint32_t count, uint32_t workers)
{
    policy->decide(policy->context, loads, count, workers);
    for (uint32_t i = 0; i < count; i++)
        settle(tuning, stages[i], &readings[i], &loads[i]);
}

bool takt__decide(const takt_policy *policy, const struct takt__tuning *tuning,
                  struct takt__decisions *all, struct takt__decision **stages, takt_load *loads,
                  const struct takt__reading *readings, uint32_t count, uint32_t workers,
                  int64_t elapsed_ns)
{
    if (!takt__decide_observe(tuning, all, stages, loads, readings, count, elapsed_ns))
        return false;
    takt__decide_widths(policy, tuning, stages, loads, readings, count, workers);
    return true;
}
