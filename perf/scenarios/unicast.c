/* SPDX-License-Identifier: MIT */
/*
 * One producer and one consumer: events of 8 bytes claimed one at a time (LMAX's OneToOne), in
 * batches of 10 and 100, and events of one cache line and of sixteen. And the same with a consumer
 * that polls from a loop of its own.
 */
#include "bench.h"
#include "work.h"

/* The sum of all words of all events, in any order: what perf_fill writes is i + k. */
static uint64_t checksum(const struct perf_case *what)
{
    uint64_t words = what->event_size / 8, n = what->events;
    uint64_t numbers = n % 2 ? (n - 1) / 2 * n : n / 2 * (n - 1);
    uint64_t offsets = words * (words - 1) / 2;
    return numbers * words + offsets * n;
}

#define UNICAST(variable, called, shaped, size, batched, slots, says)                              \
    static const struct perf_scenario variable = {                                                 \
        .name = called,                                                                            \
        .about = says,                                                                             \
        .what = {.shape = shaped,                                                                  \
                 .events = 300000,                                                                 \
                 .event_size = size,                                                               \
                 .batch = batched,                                                                 \
                 .capacity = slots},                                                               \
        .checksum = checksum,                                                                      \
    };                                                                                             \
    PERF_SCENARIO(variable)

UNICAST(one, "unicast", PERF_UNICAST, 8, 1, 65536,
        "one producer, one consumer, 8-byte events one by one")
UNICAST(ten, "unicast-batch10", PERF_UNICAST, 8, 10, 65536, "the same, published in batches of 10")
UNICAST(hundred, "unicast-batch100", PERF_UNICAST, 8, 100, 65536, "the same, in batches of 100")
UNICAST(line, "unicast-64b", PERF_UNICAST, 64, 1, 65536, "events of one cache line, one by one")
UNICAST(block, "unicast-1k", PERF_UNICAST, 1024, 1, 8192, "events of 1 KiB, one by one")
UNICAST(poller, "poller", PERF_POLLER, 8, 1, 65536,
        "8-byte events, the consumer polls in its own loop")
