/* SPDX-License-Identifier: MIT */
/*
 * The bare machine for unicast: two threads, the slots, and a counter each, without any library.
 * Nothing is checked, nobody can wait but by spinning, and there is no third thread; what a ring
 * does more than this is what it costs.
 *
 * Two things make the loop fast on every run instead of on some (docs/performance.md): the producer
 * asks for the lines that it will write some lines ahead, and the consumer pauses for a while
 * before it looks at the producer's counter again, so that it takes the line away less often.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "limits.h"
#include "work.h"

#define LINE   64
#define AHEAD  (4 * LINE) /* bytes */
#define PAUSES 32

struct loop {
    const struct perf_case *what;
    uint64_t *slots;
    uint64_t mask;
    uint32_t words;
    pthread_barrier_t ready;
    uint64_t sum;
    _Alignas(2 * LINE) uint64_t published;
    _Alignas(2 * LINE) uint64_t consumed;
};

static inline void pause_a_little(int times)
{
    for (int i = 0; i < times; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb");
#endif
    }
}

static inline uint64_t *slot(const struct loop *loop, uint64_t i)
{
    return loop->slots + (i & loop->mask) * loop->words;
}

static void *consume(void *argument)
{
    struct loop *loop = argument;
    uint64_t events = loop->what->events, sum = 0, next = 0;
    const uint32_t words = loop->words;

    perf_thread_begin(loop->what, 1);
    pthread_barrier_wait(&loop->ready);
    while (next < events) {
        uint64_t end = __atomic_load_n(&loop->published, __ATOMIC_ACQUIRE);
        if (end == next) {
            pause_a_little(PAUSES);
            continue;
        }
        if (words == 1) {
            for (; next < end; next++)
                sum += *slot(loop, next);
        } else {
            for (; next < end; next++)
                sum = perf_sum(sum, slot(loop, next), words);
        }
        __atomic_store_n(&loop->consumed, next, __ATOMIC_RELEASE);
    }
    loop->sum = sum;
    perf_thread_end();
    return NULL;
}

static void produce(struct loop *loop)
{
    const uint64_t events = loop->what->events, capacity = loop->what->capacity;
    const uint64_t batch = loop->what->batch;
    const uint32_t words = loop->words;
    uint64_t room = capacity; /* up to here may be written */

    for (uint64_t next = 0; next < events;) {
        uint64_t end = next + batch < events ? next + batch : events;
        while (end > room) {
            room = __atomic_load_n(&loop->consumed, __ATOMIC_ACQUIRE) + capacity;
            if (end > room)
                pause_a_little(PAUSES);
        }
        __builtin_prefetch((char *)slot(loop, next) + AHEAD, 1);
        if (words == 1) {
            for (; next < end; next++)
                *slot(loop, next) = next;
        } else {
            for (; next < end; next++)
                perf_fill(slot(loop, next), words, next);
        }
        __atomic_store_n(&loop->published, next, __ATOMIC_RELEASE);
    }
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    struct loop loop = {.what = what, .mask = what->capacity - 1, .words = what->event_size / 8};
    size_t size = (size_t)what->capacity * what->event_size;
    pthread_t consumer;

    loop.slots = aligned_alloc(2 * LINE, size);
    if (!loop.slots)
        return -ENOMEM;
    memset(loop.slots, 0, size);
    pthread_barrier_init(&loop.ready, NULL, 2);
    int error = pthread_create(&consumer, NULL, consume, &loop);
    if (error)
        return -error;
    perf_thread_begin(what, 0);
    pthread_barrier_wait(&loop.ready);
    perf_begin(run);
    produce(&loop);
    perf_thread_end();
    pthread_join(consumer, NULL);
    perf_end(run);
    run->checksum = loop.sum;
    free(loop.slots);
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_UNICAST;
}

const struct perf_system perf_limit_loop = {
    .name = "limit-loop",
    .about = "the bare machine: two threads over the same memory, without a library",
    .limit = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(perf_limit_loop)
