/* SPDX-License-Identifier: MIT */
/*
 * Operations that the atomics door does not have: weaker forms of what it has, in the explorer's
 * memory, for the mutants (tools/mutants.py).
 */
#ifndef TAKT_TEST_SIM_WEAK_H
#define TAKT_TEST_SIM_WEAK_H

#include "disruptor/atomic_sim.h"

#define takt__ldp_rlx(p)                                                                           \
    ((__typeof__(*(p)))(uintptr_t)takt__sim_load((p), sizeof *(p), TAKT__SIM_RELAXED,              \
                                                 TAKT__SITE(#p)))
#define takt__stp_rlx(p, v)                                                                        \
    takt__sim_store((void *)(uintptr_t)(p), sizeof *(p), (uintptr_t)(v), TAKT__SIM_RELAXED,        \
                    TAKT__SITE(#p))

#endif
