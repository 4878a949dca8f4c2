/* SPDX-License-Identifier: MIT */
/* What is told in metrics.h. Latencies are kept in sixteen buckets for each power of two. */
#include "perf/sim/metrics.h"

#define GOOD     0.95
#define IN_A_ROW 3
#define LAST     8 /* ticks that say how well it runs in the end */
#define CONSTANT 10

static uint32_t bucket_of(int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    if (value < 32)
        return (uint32_t)value;
    uint32_t power = 63 - (uint32_t)__builtin_clzll(value);
    return (power - 4) * 16 + (uint32_t)(value >> (power - 4));
}

/* The middle of a bucket. */
static double bucket_middle(uint32_t bucket)
{
    if (bucket < 32)
        return bucket;
    uint32_t power = bucket / 16 - 1 + 4;
    double step = (double)(UINT64_C(1) << (power - 4));
    return (bucket % 16 + 16) * step + step / 2;
}

void sim_metrics_latency(struct sim_metrics *m, int64_t ns, int64_t count)
{
    m->latency[bucket_of(ns)] += (uint64_t)count;
}

double sim_metrics_percentile(const struct sim_metrics *m, double percent)
{
    uint64_t all = 0, below = 0;
    for (uint32_t i = 0; i < SIM_BUCKETS; i++)
        all += m->latency[i];
    double wanted = (double)all * percent / 100;
    for (uint32_t i = 0; i < SIM_BUCKETS; i++) {
        below += m->latency[i];
        if (below > 0 && (double)below >= wanted)
            return bucket_middle(i);
    }
    return 0;
}

static void flow(double *left, double *bound, double arrives, double could)
{
    *left += arrives;
    double done = *left < could ? *left : could;
    *left -= done;
    *bound += done;
}

void sim_metrics_flow(struct sim_metrics *m, double arrives, double could)
{
    flow(&m->left_all, &m->bound_all, arrives, could);
    flow(&m->left_tick, &m->bound_tick, arrives, could);
}

static double ratio(const struct sim_tick *tick)
{
    return tick->bound > 0 ? tick->done / tick->bound : 1;
}

uint32_t sim_metrics_settle(const struct sim_metrics *m, uint32_t from)
{
    double usual = 0;
    uint32_t last = m->tick_count - from < LAST ? m->tick_count - from : LAST;
    if (last == 0)
        return 0;
    for (uint32_t i = m->tick_count - last; i < m->tick_count; i++)
        usual += ratio(&m->ticks[i]) / last;
    usual = usual < 1 ? usual : 1;
    uint32_t good = 0;
    for (uint32_t i = from; i < m->tick_count; i++) {
        const struct sim_tick *tick = &m->ticks[i];
        good = tick->caught_up || ratio(tick) >= GOOD * usual ? good + 1 : 0;
        if (good == IN_A_ROW)
            return i + 1 - IN_A_ROW - from;
    }
    return m->tick_count - from;
}

double sim_metrics_overshoot(const struct sim_metrics *m, uint32_t from, uint32_t stages)
{
    double worst = 0;
    for (uint32_t s = 0; s < stages && from < m->tick_count; s++) {
        double ends = m->widths[m->tick_count - 1][s];
        if (m->widths[from][s] > ends)
            ends = m->widths[from][s];
        for (uint32_t i = from; i < m->tick_count; i++) {
            double above = m->widths[i][s] / ends - 1;
            worst = above > worst ? above : worst;
        }
    }
    return worst;
}

/* How often one stage's width turns round in the ticks [from, to). */
static uint32_t turns(const struct sim_metrics *m, uint32_t from, uint32_t to, uint32_t stage)
{
    int direction = 0;
    uint32_t n = 0;
    for (uint32_t i = from + 1; i < to; i++) {
        int step = m->widths[i][stage] - m->widths[i - 1][stage];
        if (step == 0)
            continue;
        n += direction != 0 && (step > 0) != (direction > 0);
        direction = step;
    }
    return n;
}

uint32_t sim_metrics_reversals(const struct sim_metrics *m, uint32_t from, uint32_t to,
                               uint32_t stages)
{
    uint32_t worst = 0;
    for (uint32_t s = 0; s < stages; s++)
        for (uint32_t i = from; i + CONSTANT < to; i++) {
            uint32_t n = turns(m, i, i + CONSTANT + 1, s);
            worst = n > worst ? n : worst;
        }
    return worst;
}
