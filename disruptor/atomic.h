/* SPDX-License-Identifier: MIT */
/*
 * The only door of the library to atomic accesses. Three backends give the same operations:
 *
 *   atomic_ck.h   ConcurrencyKit's ck_pr: the default build
 *   atomic_c11.h  the compiler's C11 memory model: what the thread sanitizer can see
 *   atomic_sim.h  the schedule explorer's simulated memory (test/sim/): for no other build
 *
 * Operations name their width and their order. `acq` loads and `rel` stores pair up; each place
 * that uses one names its partner by a label, [pairs: NAME], which stands at both ends. `rlx`
 * accesses order nothing: for counters, hints, and values that another edge already orders.
 * Read-modify-writes acquire and release, but for those that say `rlx`. Where a store must be seen
 * before a later load of another place is made, a fence says so. Plain integers are the operands,
 * so that public structures need no special types.
 *
 *   takt__ld64_acq(p)  takt__ld64_rlx(p)  takt__st64_rel(p, v)  takt__st64_rlx(p, v)
 *   takt__ld32_acq(p)  takt__ld32_rlx(p)  takt__st32_rel(p, v)  takt__st32_rlx(p, v)
 *   takt__cas32(p, from, to), takt__cas64(p, from, to)   true if *p was `from` and is now `to`
 *   takt__add32(p, v), takt__add64(p, v)                 the value before
 *   takt__cas32_rlx, takt__cas64_rlx, takt__add32_rlx, takt__add64_rlx        the same, relaxed
 *   takt__ldp_acq(p), takt__stp_rel(p, v), takt__casp(p, from, to)            the same for pointers
 *   takt__fence()                                        a full fence
 *   takt__pause()                                        to the CPU: this is a spin loop
 */
#ifndef TAKT_DISRUPTOR_ATOMIC_H
#define TAKT_DISRUPTOR_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(TAKT_ATOMICS_SIM)
#include "disruptor/atomic_sim.h"
#elif defined(TAKT_ATOMICS_C11)
#include "disruptor/atomic_c11.h"
#else
#include "disruptor/atomic_ck.h"
#endif

/* Pointers, where p points to a pointer of any type. */
#define takt__ldp_acq(p)        ((__typeof__(*(p)))takt__ldptr_acq((void *const *)(p)))
#define takt__stp_rel(p, v)     takt__stptr_rel((void **)(p), (void *)(uintptr_t)(v))
#define takt__casp(p, from, to) takt__casptr((void **)(p), (from), (to))

#endif
