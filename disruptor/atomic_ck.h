/* SPDX-License-Identifier: MIT */
/*
 * The atomics door over ConcurrencyKit. ck_pr's loads and stores are relaxed; its fences are only
 * compiler barriers where the machine keeps the order anyway (x86), and instructions elsewhere.
 */
#ifndef TAKT_DISRUPTOR_ATOMIC_CK_H
#define TAKT_DISRUPTOR_ATOMIC_CK_H

#include <ck_pr.h>

static inline int64_t takt__ld64_rlx(const int64_t *p)
{
    return (int64_t)ck_pr_load_64((const uint64_t *)p);
}

static inline int64_t takt__ld64_acq(const int64_t *p)
{
    int64_t value = takt__ld64_rlx(p);
    ck_pr_fence_acquire();
    return value;
}

static inline void takt__st64_rlx(int64_t *p, int64_t value)
{
    ck_pr_store_64((uint64_t *)p, (uint64_t)value);
}

static inline void takt__st64_rel(int64_t *p, int64_t value)
{
    ck_pr_fence_release();
    takt__st64_rlx(p, value);
}

static inline uint32_t takt__ld32_rlx(const uint32_t *p)
{
    return ck_pr_load_32(p);
}

static inline uint32_t takt__ld32_acq(const uint32_t *p)
{
    uint32_t value = ck_pr_load_32(p);
    ck_pr_fence_acquire();
    return value;
}

static inline void takt__st32_rlx(uint32_t *p, uint32_t value)
{
    ck_pr_store_32(p, value);
}

static inline void takt__st32_rel(uint32_t *p, uint32_t value)
{
    ck_pr_fence_release();
    ck_pr_store_32(p, value);
}

static inline bool takt__cas32_rlx(uint32_t *p, uint32_t from, uint32_t to)
{
    return ck_pr_cas_32(p, from, to);
}

static inline bool takt__cas32(uint32_t *p, uint32_t from, uint32_t to)
{
    ck_pr_fence_release();
    bool done = takt__cas32_rlx(p, from, to);
    ck_pr_fence_acquire();
    return done;
}

static inline bool takt__cas64_rlx(int64_t *p, int64_t from, int64_t to)
{
    return ck_pr_cas_64((uint64_t *)p, (uint64_t)from, (uint64_t)to);
}

static inline bool takt__cas64(int64_t *p, int64_t from, int64_t to)
{
    ck_pr_fence_release();
    bool done = takt__cas64_rlx(p, from, to);
    ck_pr_fence_acquire();
    return done;
}

static inline uint32_t takt__add32_rlx(uint32_t *p, uint32_t value)
{
    return ck_pr_faa_32(p, value);
}

static inline uint32_t takt__add32(uint32_t *p, uint32_t value)
{
    ck_pr_fence_release();
    uint32_t before = takt__add32_rlx(p, value);
    ck_pr_fence_acquire();
    return before;
}

static inline int64_t takt__add64_rlx(int64_t *p, int64_t value)
{
    return (int64_t)ck_pr_faa_64((uint64_t *)p, (uint64_t)value);
}

static inline int64_t takt__add64(int64_t *p, int64_t value)
{
    ck_pr_fence_release();
    int64_t before = takt__add64_rlx(p, value);
    ck_pr_fence_acquire();
    return before;
}

static inline void *takt__ldptr_acq(void *const *p)
{
    void *value = ck_pr_load_ptr(p);
    ck_pr_fence_acquire();
    return value;
}

static inline void takt__stptr_rel(void **p, void *value)
{
    ck_pr_fence_release();
    ck_pr_store_ptr(p, value);
}

static inline bool takt__casptr(void **p, void *from, void *to)
{
    ck_pr_fence_release();
    bool done = ck_pr_cas_ptr(p, from, to);
    ck_pr_fence_acquire();
    return done;
}

static inline void takt__fence(void)
{
    ck_pr_fence_memory();
}

static inline void takt__pause(void)
{
    ck_pr_stall();
}

#endif
