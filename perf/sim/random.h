/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for takt-sim: SplitMix64 and the distributions drawn from it. The same from the
 * same seed everywhere, as far as the C library's log, pow and sqrt are.
 */
#ifndef TAKT_SIM_RANDOM_H
#define TAKT_SIM_RANDOM_H

#include <math.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline uint64_t sim_next(struct sim_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Uniform in (0, 1). */
static inline double sim_uniform(struct sim_random *random)
{
    return ((double)(sim_next(random) >> 11) + 0.5) * 0x1p-53;
}

/* Standard normal, by the polar method. */
static inline double sim_normal(struct sim_random *random)
{
    double x, y, r;
    do {
        x = 2 * sim_uniform(random) - 1;
        y = 2 * sim_uniform(random) - 1;
        r = x * x + y * y;
    } while (r >= 1 || r <= 0);
    return x * sqrt(-2 * log(r) / r);
}

/* A whole number with the given mean: one of the two nearest. */
static inline int64_t sim_round(struct sim_random *random, double mean)
{
    int64_t whole = (int64_t)mean;
    return whole + (sim_uniform(random) < mean - (double)whole);
}

/* The sum of n exponential times of mean 1, at once: the gamma distribution by Marsaglia, Tsang. */
static inline double sim_gamma(struct sim_random *random, double n)
{
    double d = n - 1.0 / 3, c = 1 / sqrt(9 * d);
    if (n <= 0)
        return 0;
    for (;;) {
        double x = sim_normal(random), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = sim_uniform(random);
        if (u < 1 - 0.0331 * x * x * x * x || log(u) < x * x / 2 + d * (1 - v + log(v)))
            return d * v;
    }
}

/* Events of a Poisson process: one by one while they are few, by the normal law when many. */
static inline int64_t sim_poisson(struct sim_random *random, double mean)
{
    if (mean <= 0)
        return 0;
    if (mean > 40) {
        double many = mean + sqrt(mean) * sim_normal(random) + 0.5;
        return many > 0 ? (int64_t)many : 0;
    }
    int64_t n = 0;
    for (double left = exp(-mean), p = sim_uniform(random); p > left; n++)
        p *= sim_uniform(random);
    return n;
}

/* How many of n events come out at probability p. */
static inline int64_t sim_binomial(struct sim_random *random, int64_t n, double p)
{
    double mean = (double)n * p;
    if (n <= 16) {
        int64_t hits = 0;
        for (int64_t i = 0; i < n; i++)
            hits += sim_uniform(random) < p;
        return hits;
    }
    int64_t hits = mean < 40 && p < 0.1
                       ? sim_poisson(random, mean)
                       : (int64_t)(mean + sqrt(mean * (1 - p)) * sim_normal(random) + 0.5);
    return hits < 0 ? 0 : hits > n ? n : hits;
}

#endif
