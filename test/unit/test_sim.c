/* SPDX-License-Identifier: MIT */
/*
 * takt-sim: it counts right where the answer is known, gives the same figures again, and the
 * default policy does on its standard suite what is claimed of it (docs/scheduling.md).
 */
#include <criterion/criterion.h>
#include <string.h>

#include <takt/pipeline.h>

#include "perf/sim/engine.h"
#include "perf/sim/metrics.h"
#include "perf/sim/random.h"
#include "perf/sim/tree.h"

TestSuite(sim, .timeout = 120);

static struct sim_result run_with_ticks(const struct sim_workload *workload, uint32_t workers,
                                        const char *policy, int64_t tick_ns)
{
    struct sim_options options;
    struct sim_result result;
    sim_options_init(&options);
    if (tick_ns)
        options.tick_ns = tick_ns;
    options.workers = workers;
    options.policy = takt_policy_find(policy);
    cr_assert(sim_run(workload, &options, &result));
    return result;
}

static struct sim_result run(const struct sim_workload *workload, uint32_t workers,
                             const char *policy)
{
    return run_with_ticks(workload, workers, policy, 0);
}

static void read_from(struct sim_workload *workload, const char *text, const char *wrong)
{
    char error[200] = "", copy[1000];
    strcpy(copy, text);
    FILE *file = fmemopen(copy, strlen(copy), "r");
    cr_assert_not_null(file);
    bool fine = sim_workload_read(workload, file, error, sizeof error);
    fclose(file);
    cr_assert_eq(fine, !wrong, "%s: %s", text, error);
    if (wrong)
        cr_assert_not_null(strstr(error, wrong), "%s: %s", text, error);
}

Test(sim, one_worker_does_one_workers_work)
{
    struct sim_workload w;
    read_from(&w, "stage a 100\nstage b 300\n", NULL);
    struct sim_result r = run(&w, 1, "demand");
    /* A seat costs 100 ns in 20,000; of 1 / 400 ns there are 2.5 million in a second. */
    cr_assert_float_eq(r.bound_per_s, 2.5e6, 1e3);
    cr_assert(r.efficiency < 1 && 0.99 < r.efficiency, "%g", r.efficiency);
    cr_assert(r.busy < 1 && 0.99 < r.busy, "%g", r.busy);
}

Test(sim, the_bound_is_the_slowest_stage_that_cannot_be_widened)
{
    struct sim_workload w;
    read_from(&w, "stage a 100\nstage b 500 most 2\nstage c 50\n", NULL);
    struct sim_result r = run(&w, 16, "demand");
    cr_assert_float_eq(r.bound_per_s, 2 / 500e-9, 1e3);
    cr_assert(r.efficiency < 1.001 && 0.98 < r.efficiency, "%g", r.efficiency);
    cr_assert_float_eq(r.events_per_s / r.bound_per_s, 1, 0.05);
}

Test(sim, one_shard_each_is_one_worker_each)
{
    struct sim_workload w;
    read_from(&w, "stage a 100\nstage b 100\nstage c 100\n", NULL);
    struct sim_result r = run(&w, 12, "fixed");
    cr_assert_float_eq(r.efficiency, 3.0 / 12, 0.01);
    cr_assert(r.redivisions_per_s <= 0);
}

Test(sim, light_load_is_done_as_it_comes)
{
    struct sim_workload w;
    read_from(&w, "stage a 500\narrivals poisson 0.1\n", NULL);
    struct sim_result r = run(&w, 1, "demand");
    cr_assert_float_eq(r.efficiency, 1, 0.02);
    cr_assert_float_eq(r.events_per_s, 0.2e6, 0.02e6);
    cr_assert(r.p50_ns < 5000, "%g", r.p50_ns);
}

Test(sim, the_same_seed_gives_the_same_figures)
{
    const struct sim_workload *w = sim_suite_find("burst");
    struct sim_result a = run(w, 16, "demand"), b = run(w, 16, "demand");
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    struct sim_options options;
    sim_options_init(&options);
    options.workers = 16;
    options.seed = 2;
    cr_assert(sim_run(w, &options, &b));
    cr_assert_neq(memcmp(&a, &b, sizeof a), 0, "the seed has no effect");
}

/* The default policy on the whole suite. */
static void check_default(const uint32_t *workers, size_t count, int64_t tick_ns)
{
    uint32_t n = 0;
    for (; sim_suite_at(n); n++)
        for (size_t k = 0; k < count; k++) {
            const struct sim_workload *w = sim_suite_at(n);
            const char *policy = takt_policy_default()->name;
            struct sim_result r = run_with_ticks(w, workers[k], policy, tick_ns);
            cr_assert_geq(r.efficiency, 0.95, "%s, %u: %g", w->name, workers[k], r.efficiency);
            cr_assert_leq(r.settle_ticks, 3, "%s, %u", w->name, workers[k]);
            cr_assert_leq(r.reversals, 2, "%s, %u", w->name, workers[k]);
        }
    cr_assert_geq(n, 12);
}

/* Nearly all of the suite's time goes into the largest machines: takt-sim itself runs those. */
Test(sim, the_default_policy_reaches_the_bound)
{
    check_default((const uint32_t[]){1, 2, 4, 16, 64}, 5, 0);
}

Test(sim, the_default_policy_reaches_the_bound_at_the_runtimes_tick)
{
    check_default((const uint32_t[]){1, 2, 4, 16}, 4, TAKT_TICK_NS);
}

Test(sim, workloads_are_read_with_all_their_words)
{
    struct sim_workload w;
    read_from(&w,
              "# a comment\nname mine\nstage a 10 source\nstage b 20 law bimodal then 30 weight 2\n"
              "stage c 5.5 keys 7 skew 1.5 most 3 after a\nstage d 1 after b after c\nring 4096\n",
              NULL);
    cr_assert_str_eq(w.name, "mine");
    cr_assert(w.count == 4 && w.capacity == 4096 && w.stages[0].source);
    cr_assert(w.stages[1].law == SIM_BIMODAL && w.stages[1].upstream[0] == 0);
    cr_assert_float_eq(w.stages[1].mean_after_ns, 30, 0);
    cr_assert(w.stages[2].keys == 7 && w.stages[2].most == 3 && w.stages[2].upstream[0] == 0);
    cr_assert(w.stages[3].upstream_count == 2 && w.stages[3].upstream[1] == 2);
    read_from(&w, "stage a 1\narrivals on-off 1.2 0 4", NULL);
    cr_assert(w.shape == SIM_ON_OFF);
    cr_assert_float_eq(w.period_ms, 4, 0);
}

Test(sim, what_is_no_workload_is_refused_with_the_reason)
{
    struct sim_workload w;
    read_from(&w, "\n", "no stage");
    read_from(&w, "stage a 1 source\n", "after the source");
    read_from(&w, "stage a\n", "needs a number");
    read_from(&w, "stage a -1\n", "from 0.1");
    read_from(&w, "stage a 1x\n", "'1x'");
    read_from(&w, "stage a 1 law fair\n", "law: constant");
    read_from(&w, "stage a 1\nstage b 1 after c\n", "line 2: after: no stage 'c'");
    read_from(&w, "stage a 1\nstage b 1 source\n", "only the first");
    read_from(&w, "stage a 1 colour red\n", "unknown word 'colour'");
    read_from(&w, "stage a 1 source\nstage b 1\narrivals poisson 1\n", "no arrivals");
    read_from(&w, "stage a 1\narrivals square 1 1 1\n", "saturated, poisson");
    read_from(&w, "ring 65536 slots\n", "'slots' is too much");
    read_from(&w, "stages a 1\n", "not 'stages'");
}

Test(sim, distributions_have_the_means_they_should)
{
    struct sim_random random = {1};
    double gamma = 0, poisson = 0, binomial = 0;
    enum { N = 40000 };
    for (int i = 0; i < N; i++) {
        gamma += sim_gamma(&random, 5) / N;
        poisson += (double)sim_poisson(&random, i % 2 ? 3 : 300) / N;
        binomial += (double)sim_binomial(&random, i % 2 ? 10 : 1000, 0.02) / N;
    }
    cr_assert_float_eq(gamma, 5, 0.05);
    cr_assert_float_eq(poisson, 151.5, 0.5);
    cr_assert_float_eq(binomial, 10.1, 0.1);
}

Test(sim, the_tree_knows_the_least)
{
    static struct sim_tree tree;
    struct sim_random random = {1};
    int64_t values[37];
    sim_tree_init(&tree, 37);
    for (int i = 0; i < 37; i++)
        values[i] = SIM_NEVER;
    for (int round = 0; round < 20000; round++) {
        uint32_t at = (uint32_t)(sim_next(&random) % 37), first = 0;
        values[at] = sim_next(&random) % 5 ? (int64_t)(sim_next(&random) % 100) : SIM_NEVER;
        sim_tree_set(&tree, at, values[at]);
        for (uint32_t i = 1; i < 37; i++)
            if (values[i] < values[first])
                first = i;
        cr_assert_eq(sim_tree_least(&tree), values[first]);
        cr_assert_eq(sim_tree_first(&tree), first);
    }
}

Test(sim, settling_and_turning_are_counted)
{
    static struct sim_metrics m;
    static const double done[] = {10, 40, 99, 60, 99, 98, 97, 99, 99, 99, 99, 99, 99, 99};
    static const uint16_t widths[] = {4, 8, 4, 4, 8, 8, 6, 6, 6, 6, 6, 6, 6, 6};
    m.tick_count = 14;
    for (int i = 0; i < 14; i++) {
        m.ticks[i] = (struct sim_tick){done[i], 100, false};
        m.widths[i][0] = widths[i];
    }
    cr_assert_eq(sim_metrics_settle(&m, 0), 4);
    cr_assert_eq(sim_metrics_reversals(&m, 0, 14, 1), 3);
    cr_assert_eq(sim_metrics_reversals(&m, 3, 14, 1), 1);
    cr_assert_float_eq(sim_metrics_overshoot(&m, 0, 1), 8.0 / 6 - 1, 1e-9);
    m.ticks[3].caught_up = true;
    cr_assert_eq(sim_metrics_settle(&m, 0), 2);
}
