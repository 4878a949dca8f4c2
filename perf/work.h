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

/* Sequencer: producer number p of three publishes the numbers from here up to the next one's. */
static inline uint64_t perf_first_of(uint64_t events, uint32_t p)
{
    return events / 3 * p;
}

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

/*
 * Ping-pong: event number i goes there by perf_fill(event, words, i); who gets it fills his answer
 * by perf_fill(answer, words, perf_pong(event[0])); who asked sums the answers up by perf_sum and
 * then sends the next. The sum is the result. events counts the round trips.
 */
static inline uint64_t perf_pong(uint64_t ping)
{
    return ping + 1;
}

/*
 * Multicast: the value is i; the three consumers add, subtract, and combine it, each from 0; the
 * sum of the three results is the checksum.
 */
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
 * order by perf_order, from 0, so a wrong order shows. The input is the event's number.
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

/* What stage number k does: steps by perf_cost(what, k, event->input) of bench.h. */
static inline void perf_stage(struct perf_stages *event, int k, uint32_t steps)
{
    event->word[k] = perf_step(k ? event->word[k - 1] : event->input, steps);
}

static inline uint64_t perf_order(uint64_t result, uint64_t word)
{
    return result * 31 + word;
}

/*
 * Chain: the stages of above, one after the other, and the time at which the event should have been
 * sent (perf_due). When the last stage has made its word it notes perf_now() - due as the latency.
 */
struct perf_chain {
    int64_t due;
    struct perf_stages stages;
};

#endif
