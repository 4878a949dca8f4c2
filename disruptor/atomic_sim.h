/* SPDX-License-Identifier: MIT */
/*
 * The atomics door into the schedule explorer (test/sim/), which runs the library on one thread and
 * decides at every access which of the simulated threads goes on, and what a load finds. Each
 * operation hands over where it stands and what it is applied to, so that a failing schedule can be
 * read. The few operations of takt/ordering.h are given here too.
 */
#ifndef TAKT_DISRUPTOR_ATOMIC_SIM_H
#define TAKT_DISRUPTOR_ATOMIC_SIM_H

#include <stdbool.h>
#include <stdint.h>

/* Where an access stands in the source. */
struct takt__site {
    const char *file;
    int line;
    const char *function;
    const char *what; /* what it is applied to, as it is written there */
};

enum takt__sim_order { TAKT__SIM_RELAXED, TAKT__SIM_ORDERED };

uint64_t takt__sim_load(const void *p, uint32_t size, enum takt__sim_order order,
                        const struct takt__site *site);
void takt__sim_store(void *p, uint32_t size, uint64_t value, enum takt__sim_order order,
                     const struct takt__site *site);
bool takt__sim_swap(void *p, uint32_t size, uint64_t from, uint64_t to, enum takt__sim_order order,
                    const struct takt__site *site);
uint64_t takt__sim_add(void *p, uint32_t size, uint64_t value, enum takt__sim_order order,
                       const struct takt__site *site);
void takt__sim_fence(const struct takt__site *site);
void takt__sim_pause(void);

#define TAKT__SITE(text)                                                                           \
    __extension__({                                                                                \
        static const struct takt__site here = {__FILE__, __LINE__, __func__, text};                \
        &here;                                                                                     \
    })

/* These check the operands' types, which the macros below could not. */
static inline int64_t takt__sim_ld64(const int64_t *p, enum takt__sim_order order,
                                     const struct takt__site *site)
{
    return (int64_t)takt__sim_load(p, sizeof *p, order, site);
}

static inline uint32_t takt__sim_ld32(const uint32_t *p, enum takt__sim_order order,
                                      const struct takt__site *site)
{
    return (uint32_t)takt__sim_load(p, sizeof *p, order, site);
}

static inline void takt__sim_st64(int64_t *p, int64_t value, enum takt__sim_order order,
                                  const struct takt__site *site)
{
    takt__sim_store(p, sizeof *p, (uint64_t)value, order, site);
}

static inline void takt__sim_st32(uint32_t *p, uint32_t value, enum takt__sim_order order,
                                  const struct takt__site *site)
{
    takt__sim_store(p, sizeof *p, value, order, site);
}

static inline bool takt__sim_cas64(int64_t *p, int64_t from, int64_t to, enum takt__sim_order order,
                                   const struct takt__site *site)
{
    return takt__sim_swap(p, sizeof *p, (uint64_t)from, (uint64_t)to, order, site);
}

static inline bool takt__sim_cas32(uint32_t *p, uint32_t from, uint32_t to,
                                   enum takt__sim_order order, const struct takt__site *site)
{
    return takt__sim_swap(p, sizeof *p, from, to, order, site);
}

static inline int64_t takt__sim_add64(int64_t *p, int64_t value, enum takt__sim_order order,
                                      const struct takt__site *site)
{
    return (int64_t)takt__sim_add(p, sizeof *p, (uint64_t)value, order, site);
}

static inline uint32_t takt__sim_add32(uint32_t *p, uint32_t value, enum takt__sim_order order,
                                       const struct takt__site *site)
{
    return (uint32_t)takt__sim_add(p, sizeof *p, value, order, site);
}

static inline void *takt__sim_ldptr(void *const *p, const struct takt__site *site)
{
    return (void *)(uintptr_t)takt__sim_load(p, sizeof *p, TAKT__SIM_ORDERED, site);
}

static inline void takt__sim_stptr(void **p, void *value, const struct takt__site *site)
{
    takt__sim_store(p, sizeof *p, (uintptr_t)value, TAKT__SIM_ORDERED, site);
}

static inline bool takt__sim_casptr(void **p, void *from, void *to, const struct takt__site *site)
{
    return takt__sim_swap(p, sizeof *p, (uintptr_t)from, (uintptr_t)to, TAKT__SIM_ORDERED, site);
}

#define takt__ld64_rlx(p)    takt__sim_ld64((p), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__ld64_acq(p)    takt__sim_ld64((p), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__st64_rlx(p, v) takt__sim_st64((p), (v), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__st64_rel(p, v) takt__sim_st64((p), (v), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__ld32_rlx(p)    takt__sim_ld32((p), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__ld32_acq(p)    takt__sim_ld32((p), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__st32_rlx(p, v) takt__sim_st32((p), (v), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__st32_rel(p, v) takt__sim_st32((p), (v), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__cas32(p, from, to)                                                                   \
    takt__sim_cas32((p), (from), (to), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__cas64(p, from, to)                                                                   \
    takt__sim_cas64((p), (from), (to), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__add32(p, v) takt__sim_add32((p), (v), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__add64(p, v) takt__sim_add64((p), (v), TAKT__SIM_ORDERED, TAKT__SITE(#p))
#define takt__cas32_rlx(p, from, to)                                                               \
    takt__sim_cas32((p), (from), (to), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__cas64_rlx(p, from, to)                                                               \
    takt__sim_cas64((p), (from), (to), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__add32_rlx(p, v)     takt__sim_add32((p), (v), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__add64_rlx(p, v)     takt__sim_add64((p), (v), TAKT__SIM_RELAXED, TAKT__SITE(#p))
#define takt__ldptr_acq(p)        takt__sim_ldptr((p), TAKT__SITE(#p))
#define takt__stptr_rel(p, v)     takt__sim_stptr((p), (v), TAKT__SITE(#p))
#define takt__casptr(p, from, to) takt__sim_casptr((p), (from), (to), TAKT__SITE(#p))
#define takt__fence()             takt__sim_fence(TAKT__SITE("fence"))
#define takt__pause()             takt__sim_pause()

/* Those of takt/ordering.h. The compiler keeps the order of calls anyway. */
#define TAKT__ORDERING_GIVEN
#define takt__load_acquire(p)     takt__ld64_acq(p)
#define takt__load_relaxed(p)     takt__ld64_rlx(p)
#define takt__store_release(p, v) takt__st64_rel((p), (v))
#define takt__store_relaxed(p, v) takt__st64_rlx((p), (v))
#define takt__load32_relaxed(p)   takt__ld32_rlx(p)
#define takt__compiler_fence()    ((void)0)

#endif
