/* SPDX-License-Identifier: MIT */
/* What the litmus tests share: a place in memory apart from all others, time, and threads. */
#ifndef TAKT_TEST_LITMUS_H
#define TAKT_TEST_LITMUS_H

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <takt/takt.h>

#include "disruptor/atomic.h"
#include "tap.h"

#if defined(TAKT_ATOMICS_C11)
#define BACKEND "C11"
#else
#define BACKEND "ck"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* How much longer than its share a test may look for what must be seen. */
#define PATIENCE 100

/* One variable, alone on its cache lines. */
struct place {
    TAKT_ALIGNED int64_t value;
};

/* How many cores this process may use. */
static inline int cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Keeps the calling thread on the index-th of those cores, so that two of them do run at once. */
static inline void stay_on_core(int index)
{
    cpu_set_t all, one;
    CPU_ZERO(&all);
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return;
    index %= CPU_COUNT(&all);
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &all) && index-- == 0)
            CPU_SET(core, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

/*
 * Whether threads really run at the same time here, on the machine's own memory system: only then
 * must what the machine allows be seen as well. Valgrind runs one thread at a time. Asked once, by
 * the main thread, which is on no particular core.
 */
static bool overlaps;

static inline bool find_overlaps(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return !SANITIZED && cores() > 1 && !(preload && strstr(preload, "vgpreload"));
}

static inline void nap(int64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    nanosleep(&t, NULL);
}

#endif
