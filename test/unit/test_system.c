/* SPDX-License-Identifier: MIT */
/*
 * What the library asks of the system, and no more of it than needed. The calls are defined here,
 * in front of the C library's, so that they can be counted, and fail.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <takt/takt.h>

#include "disruptor/backoff.h"
#include "disruptor/futex.h"
#include "disruptor/ring.h"

TestSuite(system, .timeout = 20);

#define MIB ((size_t)1 << 20)

static struct {
    int yields, sleeps, huge, populated, unmaps, empty_unmaps, barriers;
    int64_t slept;
    bool no_thread;
} asked;

/* Stores the C library's own function of that name. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

int sched_yield(void)
{
    asked.yields++;
    return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    asked.sleeps++;
    asked.slept += time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
    return 0;
}

int madvise(void *memory, size_t size, int advice)
{
    int (*real)(void *, size_t, int);
    find(&real, "madvise");
    asked.huge += advice == MADV_HUGEPAGE;
    asked.populated += advice == MADV_POPULATE_WRITE;
    return real(memory, size, advice);
}

int munmap(void *memory, size_t size)
{
    int (*real)(void *, size_t);
    find(&real, "munmap");
    asked.unmaps++;
    asked.empty_unmaps += size == 0;
    return real(memory, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    find(&real, "pthread_create");
    return asked.no_thread ? 11 : real(thread, attributes, function, argument);
}

long syscall(long number, ...)
{
    long (*real)(long, ...);
    find(&real, "syscall");
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    asked.barriers += number == SYS_membarrier && a[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED;
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void forget(void)
{
    memset(&asked, 0, sizeof asked);
}

Test(system, a_backoff_spins_then_yields_then_sleeps)
{
    struct takt__backoff backoff = {0};
    forget();
    for (int i = 0; i < 64; i++)
        takt__backoff_wait(&backoff, TAKT_FOREVER);
    cr_assert(asked.yields == 0 && asked.sleeps == 0);
    for (int i = 0; i < 32; i++)
        takt__backoff_wait(&backoff, TAKT_FOREVER);
    cr_assert(asked.yields == 32 && asked.sleeps == 0);
    for (int i = 0; i < 6; i++)
        takt__backoff_wait(&backoff, TAKT_FOREVER);
    cr_assert(asked.yields == 32 && asked.sleeps == 6);
    cr_assert_eq(asked.slept, 2000 * 63); /* doubling from two microseconds */
    takt__backoff_wait(&backoff, TAKT_FOREVER);
    cr_assert_eq(asked.slept, 2000 * 63 + 100000);
    takt__backoff_wait(&backoff, takt_now() - 1);
    cr_assert_eq(asked.sleeps, 7); /* not when it is too late */
}

/* Eight sleeps: a fraction of a millisecond. */
Test(system, who_meets_a_wish_waits_a_little_in_its_favour)
{
    takt_ring *ring;
    takt_sequence done;
    cr_assert_eq(takt_ring_create(&ring, TAKT_RING(.event_size = 8, .capacity = 4, .multi = true)),
                 0);
    takt_sequence_init(&done, TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_add_gating(ring, &done), 0);
    ring->hidden->wish = 4;
    forget();
    cr_assert_eq(takt_ring_next(ring, 1), 0);
    cr_assert(asked.yields == 32 && asked.sleeps == 8);
    ring->hidden->wish = 0;
    cr_assert_eq(takt_ring_next(ring, 1), 1);
    cr_assert(asked.yields == 32 && asked.sleeps == 8);
    takt_ring_destroy(ring);
}

Test(system, memory_is_mapped_in_one_piece_where_it_may_lie_anywhere)
{
    const takt_allocator *a = takt_allocator_default();
    forget();
    void *small = a->allocate(a->context, 5000, 128);
    cr_assert(small && asked.unmaps == 0 && asked.huge == 0 && asked.populated == 1);
    a->release(a->context, small, 5000);
    for (int i = 0; i < 8; i++) {
        void *large = a->allocate(a->context, 4 * MIB, 128);
        cr_assert(large && asked.huge == i + 1 && asked.populated == i + 2);
        a->release(a->context, large, 4 * MIB);
    }
    cr_assert_eq(asked.empty_unmaps, 0);
}

/* It grows with what is used of it. */
Test(system, memory_beyond_a_ring_of_common_size_is_not_touched)
{
    const takt_allocator *a = takt_allocator_default();
    forget();
    void *most = a->allocate(a->context, 64 * MIB, 128);
    cr_assert(most && asked.populated == 1);
    a->release(a->context, most, 64 * MIB);
    void *more = a->allocate(a->context, 66 * MIB, 128);
    cr_assert(more && asked.populated == 1);
    a->release(a->context, more, 66 * MIB);
}

Test(system, more_memory_than_there_are_addresses_is_refused)
{
    const takt_allocator *a = takt_allocator_default();
    forget();
    cr_assert_null(a->allocate(a->context, (size_t)1 << 60, 128));
    cr_assert(asked.unmaps == 0 && asked.huge == 0 && asked.populated == 0);
}

Test(system, one_barrier_is_enough_once_it_was_asked_for)
{
    if (!takt__barrier_everywhere())
        return; /* there is none */
    forget();
    cr_assert(takt__barrier_everywhere());
    cr_assert_eq(asked.barriers, 1);
}

static int nothing(void *context, takt_batch *b)
{
    (void)context, (void)b;
    return 0;
}

Test(system, a_thread_that_cannot_be_had_is_an_error)
{
    takt_ring *ring;
    takt_consumer *c;
    cr_assert_eq(takt_ring_create(&ring, TAKT_RING(.event_size = 8, .capacity = 4)), 0);
    cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.handler = nothing)), 0);
    asked.no_thread = true;
    cr_assert_eq(takt_consumer_start(c), TAKT_ETHREAD);
    asked.no_thread = false;
    cr_assert_eq(takt_consumer_start(c), 0);
    takt_ring_destroy(ring);
}
