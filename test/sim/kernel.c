/* SPDX-License-Identifier: MIT */
/*
 * What the library asks of the system (platform.h), on fibres: the clock, sleeping, futex(2) and
 * membarrier(2), threads, mutexes. A futex wait compares and sleeps in one step, may return early
 * (a signal), and sleepers are woken in the order of their arrival.
 */
#include "platform.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine.h"

#define LOOK_NS 20

struct mutex {
    const void *address;
    int owner; /* fibre, or -1 */
};

static struct mutex mutexes[SIM_MUTEXES];
static uint32_t mutex_count;
static bool registered; /* for membarrier: a process is not when it starts */
static bool no_membarrier;

void sim_without_membarrier(void)
{
    no_membarrier = true;
}

void sim_kernel_reset(void)
{
    no_membarrier = false;
    mutex_count = 0;
    registered = false;
}

static int64_t nanoseconds(const struct timespec *t)
{
    return t ? (int64_t)t->tv_sec * 1000000000 + t->tv_nsec : TAKT_FOREVER;
}

int sim_clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    sim_pass_time(LOOK_NS);
    int64_t ns = sim_now();
    *now = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return 0;
}

int sim_nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    sim_point(true);
    sim_block(NULL, sim_now() + nanoseconds(time));
    return 0;
}

int sim_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                        struct timespec *left)
{
    (void)clock;
    (void)flags;
    (void)left;
    sim_point(true);
    sim_block(NULL, nanoseconds(until));
    return 0;
}

int sim_sched_yield(void)
{
    sim_give_way();
    return 0;
}

static long futex_wait(const uint32_t *word, uint32_t seen, int64_t deadline)
{
    sim_point(true);
    if (*word != seen) {
        if (sim_tracing)
            sim_trace("futex wait", NULL, word, "%u, not %u: goes on", *word, seen);
        errno = EAGAIN;
        return -1;
    }
    if (sim_choose_rare()) {
        if (sim_tracing)
            sim_trace("futex wait", NULL, word, "returns early");
        errno = EINTR;
        return -1;
    }
    if (sim_tracing)
        sim_trace("futex wait", NULL, word, "%u: sleeps", seen);
    errno = ETIMEDOUT;
    return sim_block(word, deadline) ? -1 : 0;
}

static long futex_wake(const uint32_t *word, int most)
{
    sim_point(true);
    int woken = sim_wake(word, most);
    sim_note_write();
    if (sim_tracing)
        sim_trace("futex wake", NULL, word, "%d woken", woken);
    return woken;
}

static long futex(va_list arguments)
{
    const uint32_t *word = va_arg(arguments, const uint32_t *);
    int operation = va_arg(arguments, int);
    int value = va_arg(arguments, int);
    const struct timespec *until = va_arg(arguments, const struct timespec *);
    sim_check_freed(word);
    if (operation == FUTEX_WAIT_BITSET_PRIVATE)
        return futex_wait(word, (uint32_t)value, nanoseconds(until));
    if (operation == FUTEX_WAKE_PRIVATE)
        return futex_wake(word, value);
    sim_fail("futex operation %d is not simulated", operation);
}

static long membarrier(int command)
{
    if (no_membarrier)
        return -1;
    if (command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) {
        registered = true;
        return 0;
    }
    if (command != MEMBARRIER_CMD_PRIVATE_EXPEDITED || !registered)
        return -1;
    sim_point(true);
    sim_fence_everywhere();
    if (sim_tracing)
        sim_trace("membarrier", NULL, NULL, "all");
    return 0;
}

long sim_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    long result = -1;
    if (number == SYS_futex)
        result = futex(arguments);
    else if (number == SYS_membarrier)
        result = membarrier(va_arg(arguments, int));
    else
        sim_fail("system call %ld is not simulated", number);
    va_end(arguments);
    return result;
}

static int start(const char *name, struct sim_body body)
{
    int child = sim_fibre_begin(name, body);
    sim_view_begin(child, sim_current);
    if (sim_tracing)
        sim_trace("start", NULL, NULL, "%s", name);
    return child;
}

/* No thread is 0, as it is with the system's. */
static pthread_t thread_of(int fibre)
{
    return (pthread_t)fibre + 1;
}

static int fibre_of(pthread_t thread)
{
    return (int)(thread - 1);
}

int sim_thread_create(pthread_t *thread, const pthread_attr_t *attributes,
                      void *(*function)(void *), void *argument)
{
    (void)attributes;
    *thread =
        thread_of(start("thread", (struct sim_body){.thread = function, .argument = argument}));
    return 0;
}

pthread_t sim_thread_self(void)
{
    return thread_of(sim_current);
}

int sim_thread_setname(pthread_t thread, const char *name)
{
    char numbered[20];
    snprintf(numbered, sizeof numbered, "%.15s %d", name, fibre_of(thread) & 7);
    sim_fibre_rename(fibre_of(thread), numbered);
    return 0;
}

int sim_thread_join(pthread_t thread, void **result)
{
    (void)result;
    sim_join(fibre_of(thread));
    return 0;
}

int sim_start(const char *name, void (*function)(void *), void *argument)
{
    return start(name, (struct sim_body){.plain = function, .argument = argument});
}

void sim_join(int fibre)
{
    sim_point(true);
    if (!sim_fibre_ended(fibre))
        sim_block(sim_fibre_end(fibre), TAKT_FOREVER);
    sim_view_join(sim_current, fibre);
    if (sim_tracing)
        sim_trace("join", NULL, NULL, "%s", sim_fibre_name(fibre));
}

static uint32_t mutex_of(const void *address)
{
    for (uint32_t i = 0; i < mutex_count; i++)
        if (mutexes[i].address == address)
            return i;
    if (mutex_count == SIM_MUTEXES)
        sim_fail("the case uses more than %d mutexes", SIM_MUTEXES);
    mutexes[mutex_count] = (struct mutex){address, -1};
    return mutex_count++;
}

int sim_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    (void)mutex;
    (void)attributes;
    return 0;
}

int sim_mutex_lock(pthread_mutex_t *mutex)
{
    sim_check_freed(mutex);
    uint32_t m = mutex_of(mutex);
    sim_point(true);
    if (mutexes[m].owner == sim_current)
        sim_fail("%s locks a mutex that it holds", sim_fibre_name(sim_current));
    while (mutexes[m].owner >= 0)
        sim_block(mutex, TAKT_FOREVER);
    mutexes[m].owner = sim_current;
    sim_view_lock(m);
    if (sim_tracing)
        sim_trace("lock", NULL, mutex, "mutex");
    return 0;
}

int sim_mutex_unlock(pthread_mutex_t *mutex)
{
    uint32_t m = mutex_of(mutex);
    sim_point(true);
    if (mutexes[m].owner != sim_current)
        sim_fail("%s unlocks a mutex that it does not hold", sim_fibre_name(sim_current));
    sim_view_unlock(m);
    mutexes[m].owner = -1;
    sim_wake(mutex, SIM_FIBRES);
    if (sim_tracing)
        sim_trace("unlock", NULL, mutex, "mutex");
    return 0;
}

int sim_mutex_destroy(pthread_mutex_t *mutex)
{
    return mutexes[mutex_of(mutex)].owner >= 0 ? EBUSY : 0;
}
