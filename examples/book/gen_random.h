/* SPDX-License-Identifier: MIT */
/*
 * The random numbers of itch-gen: xoshiro256**, seeded through splitmix64, and a few distributions
 * in integer arithmetic. Nothing here depends on the machine, its byte order or its mathematics
 * library: the same seed gives the same numbers everywhere.
 */
#ifndef TAKT_BOOK_GEN_RANDOM_H
#define TAKT_BOOK_GEN_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct gen_random {
    uint64_t state[4];
};

static inline void gen_random_seed(struct gen_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
        random->state[i] = mixed ^ mixed >> 31;
    }
}

static inline uint64_t gen_rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline uint64_t gen_next(struct gen_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = gen_rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = gen_rotate(s[3], 45);
    return result;
}

/* Uniform on 0 to bound - 1; the bias is below bound / 2^32. The bound must not be 0. */
static inline uint32_t gen_below(struct gen_random *random, uint32_t bound)
{
    return (uint32_t)((gen_next(random) >> 32) * bound >> 32);
}

static inline bool gen_one_in(struct gen_random *random, uint32_t n)
{
    return gen_below(random, n) == 0;
}

/* k with probability 1 / 2^(k + 1), at most 63. */
static inline uint32_t gen_geometric(struct gen_random *random)
{
    return (uint32_t)__builtin_clzll(gen_next(random) | 1);
}

/*
 * Nearly exponential with the given mean, below 2^47: -log2 of a uniform number with straight lines
 * between the powers of two, whose mean is exactly 3/2.
 */
static inline uint64_t gen_exponential(struct gen_random *random, uint64_t mean)
{
    uint32_t whole = gen_geometric(random);
    uint32_t fraction = gen_below(random, 1024);
    return (mean * ((uint64_t)whole * 1024 + fraction) / 1024) * 2 / 3;
}

#endif
