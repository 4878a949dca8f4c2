/* SPDX-License-Identifier: MIT */
/*
 * The atomics door in the terms of C11's memory model, by the compiler's builtins for it (which,
 * unlike <stdatomic.h>, work on plain integers).
 */
#ifndef TAKT_DISRUPTOR_ATOMIC_C11_H
#define TAKT_DISRUPTOR_ATOMIC_C11_H

static inline int64_t takt__ld64_rlx(const int64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline int64_t takt__ld64_acq(const int64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void takt__st64_rlx(int64_t *p, int64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static inline void takt__st64_rel(int64_t *p, int64_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline uint32_t takt__ld32_rlx(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline uint32_t takt__ld32_acq(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void takt__st32_rlx(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

static inline void takt__st32_rel(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

#define TAKT__READ_MODIFY_WRITES(bits, type, suffix, order)                                        \
    static inline bool takt__cas##bits##suffix(type *p, type from, type to)                        \
    {                                                                                              \
        return __atomic_compare_exchange_n(p, &from, to, false, order, order);                     \
    }                                                                                              \
    static inline type takt__add##bits##suffix(type *p, type value)                                \
    {                                                                                              \
        return __atomic_fetch_add(p, value, order);                                                \
    }

TAKT__READ_MODIFY_WRITES(32, uint32_t, , __ATOMIC_SEQ_CST)
TAKT__READ_MODIFY_WRITES(64, int64_t, , __ATOMIC_SEQ_CST)
TAKT__READ_MODIFY_WRITES(32, uint32_t, _rlx, __ATOMIC_RELAXED)
TAKT__READ_MODIFY_WRITES(64, int64_t, _rlx, __ATOMIC_RELAXED)

static inline void *takt__ldptr_acq(void *const *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void takt__stptr_rel(void **p, void *value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline bool takt__casptr(void **p, void *from, void *to)
{
    return __atomic_compare_exchange_n(p, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The thread sanitizer does not model fences: nothing may lean on this one but store-load order
 * between atomic accesses, which it does not check anyway. */
static inline void takt__fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void takt__pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
