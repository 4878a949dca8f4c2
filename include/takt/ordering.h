/* SPDX-License-Identifier: MIT */
/*
 * The few atomic accesses that the inline functions of the public headers need. The library itself
 * goes through disruptor/atomic.h. Compiler builtins, so that C, C++ and the thread sanitizer all
 * read them alike: on x86 and on all larger machines a load-acquire and a store-release of eight
 * bytes cost what a plain access costs, or little more.
 *
 * Who defines TAKT__ORDERING_GIVEN gives these operations in another way: the schedule explorer
 * does, for which every one of them is a point where threads may be switched.
 */
#ifndef TAKT_ORDERING_H
#define TAKT_ORDERING_H

#include <takt/base.h>

#ifndef TAKT__ORDERING_GIVEN

static inline int64_t takt__load_acquire(const int64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline int64_t takt__load_relaxed(const int64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void takt__store_release(int64_t *p, int64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline void takt__store_relaxed(int64_t *p, int64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static inline uint32_t takt__load32_relaxed(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Keeps the compiler, not the CPU, from moving accesses across. */
static inline void takt__compiler_fence(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif

#endif
