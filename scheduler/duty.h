/* SPDX-License-Identifier: MIT */
/* Which of the runtime's workers are on duty, and which sleep in reserve: told in duty.c. */
#ifndef TAKT_SCHEDULER_DUTY_H
#define TAKT_SCHEDULER_DUTY_H

#include "scheduler/runtime.h"

/* So many workers may be awake; 0: one per core that this process may use. */
void takt__duty_init(takt_runtime *runtime, uint32_t cores);

/* Whether the worker is to go into reserve. A helper never is. */
static inline bool takt__duty_over(const struct takt__worker *w)
{
    return !w->helps && w->trail.worker > takt__ld32_rlx(&w->runtime->on_duty);
}

/* Sleeps until the worker is on duty. False: the runtime ends. */
bool takt__duty_wait(struct takt__worker *w);

/* Puts the first `count` workers on duty. The scheduler thread; in tests anybody. */
void takt__duty_set(takt_runtime *runtime, uint32_t count);

/* The scheduler thread's part, once a tick. True if somebody has come out of the reserve. */
bool takt__duty_tick(takt_runtime *runtime);

#endif
