/* SPDX-License-Identifier: MIT */
/*
 * The work on each event, the same for every system: what a producer writes and what consumers do
 * with it. The shapes and their work are those of LMAX's performance tests, so that their published
 * figures can be held beside these.
 *
 * Everything is made of 64-bit words; a consumer's result is one word, and a run's checksum is the
 * wrapping sum of its consumers' results. The header is for C and C++ alike; the peers in other
 * languages repeat it (perf/peers/).
 */
#ifndef TAKT_PERF_WORK_H
#define TAKT_PERF_WORK_H

#include <stdint.h>

/* Unicast, poller, sequencer: event number i is written whole, and summed up whole. */
static inline void perf_fill(uint64_t *event, uint32_t words, uint64_t i)
{
    for (uint32_t k = 0; k < words; k++)
        event[k] = i + k;
}

static inline uint64_t perf_sum(uint64_t sum, const uint64_t *event, uint32_t words)
{
    for (uint32_t k = 0; k < words; k++)
        sum += event[k];
    return sum;
}

/* Multicast: the value is i; the three consumers add, subtract, and combine it. */
static inline uint64_t perf_multicast(int consumer, uint64_t result, uint64_t value)
{
    return consumer == 0 ? result + value : consumer == 1 ? result - value : (result ^ value) + 1;
}

/* Pipeline: four words; the third consumer counts. */
struct perf_steps {
    uint64_t one, two, first, second;
};

static inline void perf_steps_fill(struct perf_steps *event, uint64_t i)
{
    event->one = i;
    event->two = 777 - i;
}

static inline void perf_steps_first(struct perf_steps *event)
{
    event->first = event->one + event->two + (event->one & 7);
}

static inline void perf_steps_second(struct perf_steps *event)
{
    event->second = event->first + 3;
}

static inline uint64_t perf_steps_third(uint64_t count, const struct perf_steps *event)
{
    return count + ((event->second & 4) == 4);
}

/* Diamond: fizz, buzz, and who counts the numbers that are both. */
struct perf_fizzbuzz {
    uint64_t value, fizz, buzz;
};

static inline void perf_fizz(struct perf_fizzbuzz *event)
{
    event->fizz = event->value % 3 == 0;
}

static inline void perf_buzz(struct perf_fizzbuzz *event)
{
    event->buzz = event->value % 5 == 0;
}

static inline uint64_t perf_fizzbuzz(uint64_t count, const struct perf_fizzbuzz *event)
{
    return count + (event->fizz && event->buzz);
}

/*
 * Stages of given cost: each stage of the four makes its word of the word before it by `steps`
 * dependent multiplications (about 1.2 ns each); the last stage's words are summed up in input
 * order, so a wrong order shows.
 */
struct perf_stages {
    uint64_t input, word[4];
};

static inline uint64_t perf_step(uint64_t x, uint32_t steps)
{
    for (uint32_t k = 0; k < steps; k++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

static inline uint64_t perf_order(uint64_t result, uint64_t word)
{
    return result * 31 + word;
}

#endif
