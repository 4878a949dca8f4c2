/* SPDX-License-Identifier: MIT */
/*
 * Systems that go wrong, each in one way, for perf_test.py: linked with takt-perf's harness in the
 * place of the real ones. And one of each kind that is right, with known times, so that medians and
 * ratios can be foretold.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "external.h"

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static uint64_t checksum(const struct perf_case *what)
{
    return what->events * 3;
}

/* Takes a thousandth of `ms` milliseconds for each event, by what it says. */
static int pretend(const struct perf_case *what, struct perf_run *run, int64_t ms)
{
    perf_thread_begin(what, 0);
    perf_begin(run);
    perf_end(run);
    perf_thread_end();
    run->ns = (int64_t)what->events * ms * 1000;
    run->checksum = what->events * 3;
    for (uint64_t i = 1; i <= 1000; i++)
        perf_latency(run, (int64_t)i * ms * 1000);
    return 0;
}

static int quick(const struct perf_case *what, struct perf_run *run)
{
    return pretend(what, run, 1);
}

static int slow(const struct perf_case *what, struct perf_run *run)
{
    return pretend(what, run, 4);
}

static int slowest(const struct perf_case *what, struct perf_run *run)
{
    return pretend(what, run, 8);
}

static int wrong(const struct perf_case *what, struct perf_run *run)
{
    int error = pretend(what, run, 1);
    run->checksum++;
    return error;
}

static int crash(const struct perf_case *what, struct perf_run *run)
{
    pretend(what, run, 1);
    raise(SIGABRT);
    return 0;
}

static int leave(const struct perf_case *what, struct perf_run *run)
{
    pretend(what, run, 1);
    _exit(7);
}

static int hang(const struct perf_case *what, struct perf_run *run)
{
    pretend(what, run, 1);
    sleep_ms(600000);
    return 0;
}

static int refuse(const struct perf_case *what, struct perf_run *run)
{
    (void)what, (void)run;
    return -ENOMEM;
}

static int not_measured(const struct perf_case *what, struct perf_run *run)
{
    run->ns = 1000;
    run->checksum = what->events * 3;
    return 0;
}

/* Right until its fourth run, which comes after the warm-up; a file has a byte for each. */
static int later(const struct perf_case *what, struct perf_run *run)
{
    const char *path = getenv("PERF_FAULTS_COUNT");
    FILE *file = path ? fopen(path, "ae") : NULL;
    int error = pretend(what, run, 1);
    if (file) {
        fputc('.', file);
        fflush(file);
        if (ftell(file) >= 4)
            run->checksum = 0;
        fclose(file);
    }
    return error;
}

/*
 * Threads that use a known time of their cores: 20 ms that which begins, 10 ms another that says
 * who it is, and 20 ms one that says nothing and is started in the middle.
 */
static pthread_barrier_t all_there;

static void work_ms(int64_t ms)
{
    struct timespec used;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
}

static void *named(void *what)
{
    perf_thread_begin(what, 1);
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&all_there);
    work_ms(10);
    perf_thread_end();
    return NULL;
}

static void *unnamed(void *nothing)
{
    work_ms(20);
    return nothing;
}

static int threads(const struct perf_case *what, struct perf_run *run)
{
    struct perf_case copy = *what;
    pthread_t first, second;
    pthread_barrier_init(&all_there, NULL, 2);
    if (pthread_create(&first, NULL, named, &copy) != 0)
        return -EAGAIN;
    perf_thread_begin(what, 0);
    pthread_barrier_wait(&all_there);
    perf_begin(run);
    pthread_barrier_wait(&all_there);
    if (pthread_create(&second, NULL, unnamed, NULL) != 0)
        return -EAGAIN;
    work_ms(20);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    perf_end(run);
    perf_thread_end();
    run->events = 1000;
    run->checksum = what->events * 3;
    return 0;
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_UNICAST;
}

static bool is_right(const struct perf_case *what)
{
    return what->shape == PERF_POLLER;
}

static const char *missing(void)
{
    return "on purpose";
}

#define SYSTEM(variable, shown, runs, ...)                                                         \
    static const struct perf_system variable = {                                                   \
        .name = shown, .about = "test", .run = (runs), __VA_ARGS__};                               \
    PERF_SYSTEM(variable)

SYSTEM(takt_system, "takt", slow, .can = is_right)
SYSTEM(best_peer, "best-peer", quick, .can = is_right, .peer = true)
SYSTEM(other_peer, "other-peer", slowest, .can = is_right, .peer = true)
SYSTEM(one_thread, "one-thread", slowest, .can = is_right, .limit = true, .single = true)
SYSTEM(absent, "absent", quick, .can = is_right, .peer = true, .missing = missing)

SYSTEM(wrong_system, "wrong", wrong, .can = can, .peer = true)
SYSTEM(crash_system, "crash", crash, .can = can, .peer = true)
SYSTEM(leave_system, "leave", leave, .can = can, .peer = true)
SYSTEM(hang_system, "hang", hang, .can = can, .peer = true)
SYSTEM(refuse_system, "refuse", refuse, .can = can, .peer = true)
SYSTEM(not_measured_system, "not-measured", not_measured, .can = can, .peer = true)
SYSTEM(later_system, "later", later, .can = can, .peer = true)
SYSTEM(good_system, "good", slow, .can = can)

/* Processes: perf_peer.py answers by the system's name. */
static const struct perf_external process = {.command = {"python3", "-B", PERF_PEER}};
static const struct perf_external not_built = {.command = {"python3"}, .built = "@/no/such.jar"};
static const struct perf_external no_program = {.command = {"no-such-program-anywhere"}};

#define EXTERNAL(variable, shown, which)                                                           \
    static const struct perf_system variable = {                                                   \
        .name = shown, .about = "test", .peer = true, .can = can, .external = &(which)};           \
    PERF_SYSTEM(variable)

EXTERNAL(x_good, "x-good", process)
EXTERNAL(x_wrong, "x-wrong", process)
EXTERNAL(x_error, "x-error", process)
EXTERNAL(x_exit, "x-exit", process)
EXTERNAL(x_hang, "x-hang", process)
EXTERNAL(x_babble, "x-babble", process)
EXTERNAL(x_no_sum, "x-no-sum", process)
EXTERNAL(x_unasked, "x-unasked", process)
EXTERNAL(x_bad_latency, "x-bad-latency", process)
EXTERNAL(x_not_built, "x-not-built", not_built)
EXTERNAL(x_no_program, "x-no-program", no_program)

#define SCENARIO(variable, called, shaped, ...)                                                    \
    static const struct perf_scenario variable = {                                                 \
        .name = called,                                                                            \
        .about = "test",                                                                           \
        .what = {.shape = shaped, .events = 300, .event_size = 8, .batch = 7, .capacity = 64},     \
        .checksum = checksum,                                                                      \
        __VA_ARGS__};                                                                              \
    PERF_SCENARIO(variable)

static const struct perf_system threads_system = {.name = "threads", .run = threads};

SCENARIO(faults, "faults", PERF_UNICAST, .fixed = false)
SCENARIO(right, "right", PERF_POLLER, .fixed = false)
SCENARIO(counted, "counted", PERF_OTHER, .fixed = true, .own = &threads_system)
