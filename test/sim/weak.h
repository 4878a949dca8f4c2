/* SPDX-License-Identifier: MIT */
/*
 * Operations that the atomics door does not have: weaker forms of what it has, in the explorer's
 * memory, for the mutants (tools/mutants.py).
 */
#ifndef TAKT_TEST_SIM_WEAK_H
#define TAKT_TEST_SIM_WEAK_H

#include "disruptor/atomic_sim.h"

bool sim_swap_relaxed(void *p, uint32_t size, uint64_t from, uint64_t to,
                      const struct takt__site *site);
uint64_t sim_add_relaxed(void *p, uint32_t size, uint64_t value, const struct takt__site *site);

#define takt__cas32_rlx(p, from, to)                                                               \
    sim_swap_relaxed((p), sizeof *(p), (uint32_t)(from), (uint32_t)(to), TAKT__SITE(#p))
#define takt__cas64_rlx(p, from, to)                                                               \
    sim_swap_relaxed((p), sizeof *(p), (uint64_t)(from), (uint64_t)(to), TAKT__SITE(#p))
#define takt__add32_rlx(p, v)                                                                      \
    ((uint32_t)sim_add_relaxed((p), sizeof *(p), (uint32_t)(v), TAKT__SITE(#p)))
#define takt__add64_rlx(p, v)                                                                      \
    ((int64_t)sim_add_relaxed((p), sizeof *(p), (uint64_t)(v), TAKT__SITE(#p)))
#define takt__ldp_rlx(p)                                                                           \
    ((__typeof__(*(p)))(uintptr_t)takt__sim_load((p), sizeof *(p), TAKT__SIM_RELAXED,              \
                                                 TAKT__SITE(#p)))
#define takt__stp_rlx(p, v)                                                                        \
    takt__sim_store((void *)(uintptr_t)(p), sizeof *(p), (uintptr_t)(v), TAKT__SIM_RELAXED,        \
                    TAKT__SITE(#p))

#endif
