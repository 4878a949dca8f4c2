/* SPDX-License-Identifier: MIT */
/*
 * What all cores can do together: on each of them limit-batch over a share of its own, with nothing
 * handed from one to another. Cores share power, caches and memory, and virtual ones sometimes a
 * real one, so this is less than as many times limit-batch; no division of the work can pass it.
 */
#include "limits.h"
#include "takt_job.h"

struct share {
    const struct perf_case *what;
    uint64_t from, to, result;
};

static void *work(void *argument)
{
    struct share *share = argument;
    share->result = limit_batch(share->what, share->from, share->to);
    return NULL;
}

/* The result over two rows of events, one after the other, from the results over each. */
static uint64_t join(uint64_t before, uint64_t after, uint64_t count)
{
    uint64_t factor = perf_order(1, 0), power = 1;
    for (; count; count >>= 1, factor *= factor)
        if (count & 1)
            power *= factor;
    return before * power + after;
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    struct share shares[CREW_MAX];
    void *arguments[CREW_MAX];
    struct crew crew;
    uint32_t cores = usable_cores(what);
    uint32_t members = cores < CREW_MAX ? cores : CREW_MAX;
    for (uint32_t i = 0; i < members; i++) {
        shares[i] = (struct share){.what = what,
                                   .from = what->events * i / members,
                                   .to = what->events * (i + 1) / members};
        arguments[i] = &shares[i];
    }
    crew_start(&crew, what, members, work, arguments);
    perf_begin(run);
    crew_go(&crew);
    crew_join(&crew, 0, members);
    perf_end(run);
    run->checksum = 0;
    for (uint32_t i = 0; i < members; i++)
        run->checksum = join(run->checksum, shares[i].result, shares[i].to - shares[i].from);
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_STAGES;
}

static const struct perf_system limit_cores = {
    .name = "limit-cores",
    .about = "the bare machine: limit-batch on all cores at once, each with events of its own",
    .limit = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(limit_cores)
