/* SPDX-License-Identifier: MIT */
/* The cores that this process may use, and whether a thread uses one. */
#ifndef TAKT_SCHEDULER_TOPO_H
#define TAKT_SCHEDULER_TOPO_H

#include <takt/base.h>

/*
 * How many cores' worth of time the process may use: those of its affinity mask, or less if a
 * cgroup (version 2 or 1) has a quota of CPU time. At least 1.
 */
uint32_t takt__topo_cores(void);

/*
 * Whether a thread of this process sleeps in the kernel at this moment, by the state in its stat
 * file. False where that cannot be read.
 */
bool takt__topo_blocked(uint32_t thread_id);

/*
 * Keeps the calling thread on the index-th core of the affinity mask (modulo their number). False
 * where the system refuses.
 */
bool takt__topo_pin(uint32_t index);

#endif
