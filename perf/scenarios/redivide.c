/* SPDX-License-Identifier: MIT */
/*
 * What it costs to divide a loaded stage anew while events flow, stateless (`redivide`) and keyed
 * (`keyed`). A source, a wide stage of about 100 ns an event, and a serial sink; one system leaves
 * the stage alone, one divides it anew 1,000 times a second, one does that and waits each time
 * until the change is over. The difference of the first two in throughput is what the changes cost
 * the stage, the difference in latency the pause that they cause: docs/resharding.md says how to
 * read the rows. The result is a checksum over the order, over that of each key's events too where
 * there are keys, so that an event lost, doubled or out of order is a failed run.
 */
#include <string.h>

#include "bench.h"
#include "systems/redivide.h"

static uint64_t checksum(const struct perf_case *what)
{
    uint64_t result = 0;
    for (uint64_t i = 0; i < what->events; i++)
        result = perf_order(result, redivide_word(what, i));
    return result;
}

static uint64_t checksum_keyed(const struct perf_case *what)
{
    static struct redivide_keys keys;
    uint64_t result = 0, of_key[REDIVIDE_KEYS] = {0};
    redivide_keys_init(&keys);
    for (uint64_t i = 0; i < what->events; i++) {
        uint64_t *sum = &of_key[redivide_key(&keys, i)];
        *sum = perf_order(*sum, redivide_word(what, i));
        result = perf_order(result, *sum);
    }
    return result;
}

#define CASE                                                                                       \
    {                                                                                              \
        .shape = PERF_OTHER, .events = 30000, .event_size = sizeof(struct redivide_event),         \
        .batch = 1, .capacity = 4096, .cost = {                                                    \
            80                                                                                     \
        }                                                                                          \
    }

static const struct perf_scenario redivide = {
    .name = "redivide",
    .about = "a stage of 100 ns an event, divided anew while events flow",
    .what = CASE,
    .checksum = checksum,
};
PERF_SCENARIO(redivide)

static const struct perf_scenario keyed = {
    .name = "keyed",
    .about = "the same, divided by 64 keys of which some are frequent",
    .what = CASE,
    .checksum = checksum_keyed,
};
PERF_SCENARIO(keyed)

static bool is(const struct perf_case *what, const char *name)
{
    return what->shape == PERF_OTHER && strcmp(what->scenario, name) == 0;
}

static bool is_redivide(const struct perf_case *what)
{
    return is(what, "redivide");
}

static bool is_keyed(const struct perf_case *what)
{
    return is(what, "keyed");
}

/* A system: its variable, its name, which scenario it runs, and how. */
#define SYSTEM(variable, title, text, scenario, with_keys, kind)                                   \
    static int run_##variable(const struct perf_case *what, struct perf_run *run)                  \
    {                                                                                              \
        return redivide_run(what, run, with_keys, kind);                                           \
    }                                                                                              \
    static const struct perf_system variable = {                                                   \
        .name = title,                                                                             \
        .about = text,                                                                             \
        .can = is_##scenario,                                                                      \
        .run = run_##variable,                                                                     \
        .records = (kind) == REDIVIDE_ASK ? is_##scenario : NULL,                                  \
    };                                                                                             \
    PERF_SYSTEM(variable)

#define ALONE   "takt, the division left alone; pauses at moments 1,000 times a second"
#define ASKED   "takt, another width asked for 1,000 times a second"
#define SETTLED "the same, and waited each time until the change is over"

SYSTEM(redivide_none, "redivide-none", ALONE, redivide, false, REDIVIDE_NONE)
SYSTEM(redivide_1000, "redivide-1000", ASKED, redivide, false, REDIVIDE_ASK)
SYSTEM(redivide_settled, "redivide-settled", SETTLED, redivide, false, REDIVIDE_SETTLED)
SYSTEM(keyed_none, "keyed-none", ALONE, keyed, true, REDIVIDE_NONE)
SYSTEM(keyed_1000, "keyed-1000", ASKED, keyed, true, REDIVIDE_ASK)
SYSTEM(keyed_settled, "keyed-settled", SETTLED, keyed, true, REDIVIDE_SETTLED)
