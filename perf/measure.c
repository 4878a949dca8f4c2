/* SPDX-License-Identifier: MIT */
/*
 * What a system calls around its measured part. Opening counters takes longer than reading the
 * clock, so they are opened and started before the first reading and stopped after the second; what
 * they count too much by that is a few system calls of one thread.
 */
#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

static struct {
    pthread_mutex_t lock;
    struct {
        pid_t id;
        int number;
    } thread[PERF_THREADS_MAX];
    int threads;
    int64_t begun, ns, cpu_begun, cpu_ns;
    uint64_t tsc_begun, tsc;
    bool ended;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t time_stamp(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/* Of this process and of those that it has started and seen the end of. */
static int64_t cpu_time(void)
{
    struct timespec own;
    struct rusage others;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    getrusage(RUSAGE_CHILDREN, &others);
    int64_t micros = (others.ru_utime.tv_sec + others.ru_stime.tv_sec) * INT64_C(1000000) +
                     others.ru_utime.tv_usec + others.ru_stime.tv_usec;
    return own.tv_sec * INT64_C(1000000000) + own.tv_nsec + micros * 1000;
}

static pid_t own_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

int64_t perf_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void perf_thread_begin(const struct perf_case *what, int thread)
{
    if (what->cpu_count > 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(what->cpus[thread % what->cpu_count], &one);
        sched_setaffinity(0, sizeof one, &one); /* the cores were seen to be allowed at the start */
    }
    pthread_mutex_lock(&state.lock);
    if (state.threads < PERF_THREADS_MAX) {
        state.thread[state.threads].id = own_id();
        state.thread[state.threads++].number = thread;
    }
    pthread_mutex_unlock(&state.lock);
}

void perf_thread_end(void)
{
    perf_counters_stop_thread(own_id());
}

void perf_begin(struct perf_run *run)
{
    run->ns = 0;
    perf_counters_begin();
    state.cpu_begun = cpu_time();
    state.tsc_begun = time_stamp();
    state.begun = perf_now();
}

void perf_end(struct perf_run *run)
{
    state.ns = run->ns = perf_now() - state.begun;
    state.tsc = time_stamp() - state.tsc_begun;
    state.cpu_ns = cpu_time() - state.cpu_begun;
    perf_counters_end();
    state.ended = state.begun != 0;
}

void perf_latency(struct perf_run *run, int64_t ns)
{
    perf_histogram_note(run->latency, ns, 1);
}

int64_t perf_due(const struct perf_case *what, int64_t start, uint64_t i)
{
    /* In two parts, so that nothing overflows and no error adds up over the events. */
    uint64_t second = i / what->rate, rest = i % what->rate;
    int64_t due = start + (int64_t)(second * 1000000000u + rest * 1000000000u / what->rate);
    while (perf_now() < due)
        sched_yield();
    return due;
}

bool perf_was_measured(void)
{
    return state.ended;
}

static int number_of(pid_t thread)
{
    int number = -1;
    pthread_mutex_lock(&state.lock);
    for (int i = 0; i < state.threads && number < 0; i++) {
        if (state.thread[i].id == thread)
            number = state.thread[i].number;
    }
    pthread_mutex_unlock(&state.lock);
    return number;
}

void perf_measured(struct perf_counts *counts)
{
    perf_counters_read(counts, number_of);
    counts->tsc = state.tsc;
    counts->cpu_ns = state.cpu_ns;
    counts->of_ns = state.ns;
}
