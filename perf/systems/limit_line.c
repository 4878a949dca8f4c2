/* SPDX-License-Identifier: MIT */
/*
 * What two cores can do at best in turns: one cache line that goes there and back. One thread
 * writes odd numbers into it and the other even ones, and each waits for the other's; nothing is
 * said to the CPU about the waiting, because a pause would be part of the answer's time.
 */
#include <errno.h>
#include <pthread.h>

#include "bench.h"
#include "limits.h"
#include "work.h"

struct ball {
    _Alignas(128) uint64_t line; /* 2 i + 1: event i is there; 2 i + 2: and its answer is back */
    _Alignas(128) const struct perf_case *what;
    pthread_barrier_t ready;
};

static void await(const uint64_t *line, uint64_t value)
{
    while (__atomic_load_n(line, __ATOMIC_ACQUIRE) != value)
        ;
}

static void *answer(void *argument)
{
    struct ball *ball = argument;
    perf_thread_begin(ball->what, 1);
    pthread_barrier_wait(&ball->ready);
    for (uint64_t i = 0; i < ball->what->events; i++) {
        await(&ball->line, 2 * i + 1);
        __atomic_store_n(&ball->line, 2 * i + 2, __ATOMIC_RELEASE);
    }
    perf_thread_end();
    return NULL;
}

static int run(const struct perf_case *what, struct perf_run *run)
{
    struct ball ball = {.what = what};
    uint64_t sum = 0;
    pthread_t other;

    pthread_barrier_init(&ball.ready, NULL, 2);
    int error = pthread_create(&other, NULL, answer, &ball);
    if (error)
        return -error;
    perf_thread_begin(what, 0);
    pthread_barrier_wait(&ball.ready);
    perf_begin(run);
    for (uint64_t i = 0; i < what->events; i++) {
        __atomic_store_n(&ball.line, 2 * i + 1, __ATOMIC_RELEASE);
        await(&ball.line, 2 * i + 2);
        sum += perf_pong(i);
    }
    perf_end(run);
    perf_thread_end();
    pthread_join(other, NULL);
    run->checksum = sum;
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_PINGPONG;
}

const struct perf_system perf_limit_line = {
    .name = "limit-line",
    .about = "the bare machine: one cache line there and back between two threads",
    .limit = true,
    .can = can,
    .run = run,
};
PERF_SYSTEM(perf_limit_line)
