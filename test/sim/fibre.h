/* SPDX-License-Identifier: MIT */
/* Switching between stacks on one thread: a dozen instructions, no system call. */
#ifndef TAKT_TEST_SIM_FIBRE_H
#define TAKT_TEST_SIM_FIBRE_H

#include <stddef.h>

/* A stack with a page below it that faults, or NULL. */
void *sim_stack(size_t size);

/* What to switch to for `entry` to be called on a stack. It must not return. */
void *sim_context(void *stack, size_t size, void (*entry)(void));

/* Saves where this goes on in *from and goes on at `to`. */
void sim_switch(void **from, void *to);

#endif
