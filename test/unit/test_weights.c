/* SPDX-License-Identifier: MIT */
/*
 * Several pipelines in one runtime, on real threads: each gets its part of the workers' time by its
 * weight. What is compared are counts of events, until one pipeline has had so many, and never
 * times; a machine that is slow or busy is slow or busy for all of them.
 */
#include <math.h>

#include "flow.h"

#include <takt/observe.h>

TestSuite(weights, .timeout = 50);

/* Worker time that an event takes, whatever the machine: turns of a loop. */
static int on_heavy(void *context, takt_batch *b)
{
    int64_t *seen = context;
    volatile uint64_t x = 1;
    for (uint32_t i = 0; i < b->count; i++)
        for (int k = 0; k < 500; k++)
            x = x * 6364136223846793005u + 1;
    takt__store_release(seen, *seen + b->count); /* of a serial stage */
    return 0;
}

static int on_source(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        *(int64_t *)takt_batch_at(b, i) = takt_batch_sequence(b, i);
    return 0;
}

struct tenant {
    takt_pipeline *p;
    int64_t seen;
};

static void move_in(struct tenant *tenant, takt_runtime *runtime, double weight, int64_t capacity,
                    bool saturated)
{
    takt_stage *source;
    *tenant = (struct tenant){0};
    cr_assert_eq(takt_pipeline_create(&tenant->p, runtime,
                                      TAKT_PIPELINE(.event_size = sizeof(int64_t),
                                                    .capacity = capacity, .weight = weight)),
                 0);
    takt_stage_options heavy = {
        .size = sizeof heavy, .handler = on_heavy, .context = &tenant->seen, .shards_max = 1};
    if (saturated) {
        cr_assert_eq(takt_pipeline_add_source(tenant->p, &source, TAKT_STAGE(.handler = on_source)),
                     0);
        heavy.after = &source;
        heavy.after_count = 1;
    }
    flow_stage(tenant->p, &heavy);
    flow_start(tenant->p);
}

Test(weights, a_weight_has_a_range)
{
    takt_runtime *runtime = flow_runtime(1);
    const double bad[] = {-1, NAN, INFINITY, -INFINITY, 0.0009, 1000.1, -0.5};
    const double good[] = {0, 1, TAKT_WEIGHT_MIN, TAKT_WEIGHT_MAX, 3};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        takt_pipeline *p = (takt_pipeline *)1;
        cr_assert_eq(
            takt_pipeline_create(&p, runtime,
                                 TAKT_PIPELINE(.event_size = 8, .capacity = 64, .weight = bad[i])),
            TAKT_EINVAL, "%g", bad[i]);
        cr_assert(p == NULL);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        takt_pipeline *p;
        takt_counters_pipeline figures;
        cr_assert_eq(
            takt_pipeline_create(&p, runtime,
                                 TAKT_PIPELINE(.event_size = 8, .capacity = 64, .weight = good[i])),
            0);
        takt_pipeline_snapshot(p, &figures);
        cr_assert_float_eq(figures.weight, good[i] > 0 ? good[i] : 1, 1e-4);
        takt_pipeline_destroy(p);
    }
    takt_runtime_destroy(runtime);
}

/* Events of the first for each of the second, after both have had many. */
static double ratio(const double *weights, const int64_t *capacities)
{
    takt_runtime *runtime = flow_runtime(1); /* so that both want the same one */
    struct tenant a, b;
    move_in(&a, runtime, weights[0], capacities[0], true);
    move_in(&b, runtime, weights[1], capacities[1], true);
    flow_reaches(&a.seen, 2000);
    flow_reaches(&b.seen, 2000);
    int64_t a_before = takt__load_acquire(&a.seen), b_before = takt__load_acquire(&b.seen);
    flow_reaches(&a.seen, a_before + 200000);
    flow_reaches(&b.seen, b_before + 200000);
    double result = (double)(takt__load_acquire(&a.seen) - a_before) /
                    (double)(takt__load_acquire(&b.seen) - b_before);
    takt_pipeline_destroy(a.p);
    takt_pipeline_destroy(b.p);
    takt_runtime_destroy(runtime);
    return result;
}

Test(weights, a_pipeline_of_weight_three_gets_three_times_as_much)
{
    double r = ratio((const double[]){3, 1}, (const int64_t[]){1024, 1024});
    cr_assert(r > 2 && r < 4.5, "%g times", r);
    r = ratio((const double[]){1, 3}, (const int64_t[]){1024, 1024});
    cr_assert(r > 1 / 4.5 && r < 0.5, "%g times", r);
}

/* By backlog the long ring would have it all. */
Test(weights, a_longer_ring_gets_no_more)
{
    double r = ratio((const double[]){1, 1}, (const int64_t[]){65536, 256});
    cr_assert(r > 0.6 && r < 1.6, "%g times", r);
}

/* The other pipeline has a thousand times the weight and nothing to do. */
Test(weights, an_idle_pipeline_takes_nothing)
{
    takt_runtime *runtime = flow_runtime(2);
    takt_counters_worker before[2], after[2];
    struct tenant busy, idle;
    move_in(&idle, runtime, TAKT_WEIGHT_MAX, 1024, false);
    move_in(&busy, runtime, 1, 1024, true);
    flow_reaches(&busy.seen, 1000);
    takt_runtime_snapshot(runtime, before, 2);
    int64_t from = takt__load_acquire(&busy.seen);
    flow_reaches(&busy.seen, from + 50000);
    takt_runtime_snapshot(runtime, after, 2);
    int64_t events = after[0].events + after[1].events - before[0].events - before[1].events;
    cr_assert(events >= 50000);
    cr_assert_eq(idle.seen, 0);
    /* And what comes is served at once, whatever is waiting there. */
    for (int64_t i = 1; i <= 20; i++) {
        int64_t s = takt_ring_next(takt_pipeline_ring(idle.p), 1);
        takt_ring_publish(takt_pipeline_ring(idle.p), s);
        flow_reaches(&idle.seen, i);
    }
    takt_pipeline_destroy(idle.p);
    takt_pipeline_destroy(busy.p);
    takt_runtime_destroy(runtime);
}

/* One that had the runtime to itself does not pay for it, nor does the new one get it all. */
Test(weights, a_newcomer_starts_where_the_others_are)
{
    takt_runtime *runtime = flow_runtime(1);
    struct tenant old, other, new;
    move_in(&old, runtime, 1, 1024, true);
    move_in(&other, runtime, 1, 1024, true);
    flow_reaches(&old.seen, 200000);
    move_in(&new, runtime, 1, 1024, true);
    flow_reaches(&new.seen, 2000);
    int64_t from = takt__load_acquire(&old.seen), since = takt__load_acquire(&new.seen);
    flow_reaches(&new.seen, since + 100000);
    double r = (double)(takt__load_acquire(&old.seen) - from) /
               (double)(takt__load_acquire(&new.seen) - since);
    cr_assert(r > 0.5 && r < 2, "%g times", r);
    takt_pipeline_destroy(old.p);
    takt_pipeline_destroy(other.p);
    takt_pipeline_destroy(new.p);
    takt_runtime_destroy(runtime);
}
