/* SPDX-License-Identifier: MIT */
/*
 * The bare machine for unicast: two threads, the slots, and a counter each, without any library.
 * Nothing is checked, nobody can wait but by spinning, and there is no third thread; what a ring
 * does more than this is what it costs.
 *
 * It is a bound, so nothing that is faster is left out, whatever the scenario asks of a ring.
 * Events are handed over CHUNK bytes at a time and not one by one: the counters' lines go there and
 * back so seldom that their way does not show. Inside a chunk both sides run over plain arrays,
 * which the compiler makes vectors of. Events that fill lines are fetched ahead of both sides, in a
 * distance at which a line is there when it is needed; smaller ones the CPU fetches well enough by
 * itself, and asking for them costs more than it brings. The memory lies in huge pages, where there
 * are any, and is touched before.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "limits.h"
#include "work.h"

#define LINE      64
#define HUGE_PAGE ((size_t)2 << 20)
#define CHUNK     16384 /* bytes: a chunk stays in the first cache of who writes it */
#define AHEAD     1024  /* bytes, of who writes */
#define READ      512   /* and of who reads */

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

#define ALWAYS_INLINE inline __attribute__((always_inline))

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static inline uint64_t *slot(const struct loop *loop, uint64_t i)
{
    return loop->slots + (i & loop->mask) * loop->words;
}

/* The end of the chunk that begins at `next`: no further than `end`, nor than the last slot. */
static inline uint64_t chunk_end(const struct loop *loop, uint64_t next, uint64_t end)
{
    uint64_t most = CHUNK / (loop->words * sizeof(uint64_t));
    uint64_t to_last = loop->mask + 1 - (next & loop->mask);
    uint64_t count = end - next;
    count = count < most ? count : most;
    return next + (count < to_last ? count : to_last);
}

/* Events of at least a line are fetched, line by line. */
static ALWAYS_INLINE void fetch(const uint64_t *event, uint32_t words, uint32_t ahead, int write)
{
    for (uint32_t at = 0; words >= LINE / 8 && at < words; at += LINE / 8) {
        const char *line = (const char *)(event + at) + ahead;
        if (write)
            __builtin_prefetch(line, 1);
        else
            __builtin_prefetch(line);
    }
}

static ALWAYS_INLINE uint64_t sum_up(const uint64_t *event, uint64_t count, uint64_t sum,
                                     uint32_t words)
{
    for (uint64_t k = 0; k < count; k++, event += words) {
        fetch(event, words, READ, 0);
        sum = perf_sum(sum, event, words);
    }
    return sum;
}

static ALWAYS_INLINE void fill(uint64_t *event, uint64_t count, uint64_t i, uint32_t words)
{
    for (uint64_t k = 0; k < count; k++, event += words) {
        fetch(event, words, AHEAD, 1);
        perf_fill(event, words, i + k);
    }
}

/* The sizes of the scenarios are spelled out, as for takt and the peers. */
static uint64_t sum_chunk(const struct loop *loop, uint64_t next, uint64_t end, uint64_t sum)
{
    const uint64_t *event = slot(loop, next);
    switch (loop->words) {
    case 1: return sum_up(event, end - next, sum, 1);
    case 8: return sum_up(event, end - next, sum, 8);
    case 128: return sum_up(event, end - next, sum, 128);
    default: return sum_up(event, end - next, sum, loop->words);
    }
}

static void fill_chunk(const struct loop *loop, uint64_t next, uint64_t end)
{
    uint64_t *event = slot(loop, next);
    switch (loop->words) {
    case 1: fill(event, end - next, next, 1); break;
    case 8: fill(event, end - next, next, 8); break;
    case 128: fill(event, end - next, next, 128); break;
    default: fill(event, end - next, next, loop->words); break;
    }
}

static void *consume(void *argument)
{
    struct loop *loop = argument;
    uint64_t events = loop->what->events, sum = 0, next = 0;

    perf_thread_begin(loop->what, 1);
    pthread_barrier_wait(&loop->ready);
    while (next < events) {
        uint64_t published;
        while ((published = __atomic_load_n(&loop->published, __ATOMIC_ACQUIRE)) == next)
            relax();
        while (next < published) {
            uint64_t end = chunk_end(loop, next, published);
            sum = sum_chunk(loop, next, end, sum);
            __atomic_store_n(&loop->consumed, end, __ATOMIC_RELEASE);
            next = end;
        }
    }
    loop->sum = sum;
    perf_thread_end();
    return NULL;
}

static void produce(struct loop *loop)
{
    const uint64_t events = loop->what->events, capacity = loop->what->capacity;
    uint64_t room = capacity; /* up to here may be written */

    for (uint64_t next = 0; next < events;) {
        uint64_t end = chunk_end(loop, next, events);
        while (end > room) {
            room = __atomic_load_n(&loop->consumed, __ATOMIC_ACQUIRE) + capacity;
            if (end > room)
                relax();
        }
        fill_chunk(loop, next, end);
        __atomic_store_n(&loop->published, end, __ATOMIC_RELEASE);
        next = end;
    }
}

/* The slots, touched, in huge pages where the kernel gives them; NULL if there is no memory. */
static uint64_t *make_slots(const struct perf_case *what)
{
    size_t size = (size_t)what->capacity * what->event_size;
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uint64_t *slots = aligned_alloc(HUGE_PAGE, size);
    if (!slots)
        return NULL;
    madvise(slots, size, MADV_HUGEPAGE);
    memset(slots, 0, size);
    return slots;
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    struct loop loop = {.what = what, .mask = what->capacity - 1, .words = what->event_size / 8};
    pthread_t consumer;

    loop.slots = make_slots(what);
    if (!loop.slots)
        return -ENOMEM;
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
    .about = "the bare machine: two threads over the same memory, 16 KiB handed over at once",
    .limit = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(perf_limit_loop)
