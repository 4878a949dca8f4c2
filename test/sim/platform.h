/* SPDX-License-Identifier: MIT */
/*
 * Included ahead of every source of the library that the schedule explorer compiles (the compiler's
 * option -include): what the sources ask of the machine goes to the explorer instead. The system's
 * headers come first, so that only the uses are replaced. The sources stay as they are.
 */
#ifndef TAKT_TEST_SIM_PLATFORM_H
#define TAKT_TEST_SIM_PLATFORM_H

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "disruptor/atomic_sim.h"
#include "weak.h"

int sim_clock_gettime(clockid_t clock, struct timespec *now);
int sim_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                        struct timespec *left);
int sim_nanosleep(const struct timespec *time, struct timespec *left);
int sim_sched_yield(void);

/* futex(2) and membarrier(2), as disruptor/futex.c calls them. */
long sim_syscall(long number, ...);

int sim_thread_create(pthread_t *thread, const pthread_attr_t *attributes,
                      void *(*function)(void *), void *argument);
int sim_thread_join(pthread_t thread, void **result);
int sim_thread_setname(pthread_t thread, const char *name);
pthread_t sim_thread_self(void);

int sim_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int sim_mutex_lock(pthread_mutex_t *mutex);
int sim_mutex_unlock(pthread_mutex_t *mutex);
int sim_mutex_destroy(pthread_mutex_t *mutex);

#define clock_gettime         sim_clock_gettime
#define clock_nanosleep       sim_clock_nanosleep
#define nanosleep             sim_nanosleep
#define sched_yield           sim_sched_yield
#define syscall               sim_syscall
#define pthread_create        sim_thread_create
#define pthread_join          sim_thread_join
#define pthread_setname_np    sim_thread_setname
#define pthread_self          sim_thread_self
#define pthread_mutex_init    sim_mutex_init
#define pthread_mutex_lock    sim_mutex_lock
#define pthread_mutex_unlock  sim_mutex_unlock
#define pthread_mutex_destroy sim_mutex_destroy

#endif
