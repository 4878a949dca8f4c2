/* SPDX-License-Identifier: MIT */
/* What waiting asks of the kernel: sleeping on a word, and a barrier in all threads at once. */
#ifndef TAKT_DISRUPTOR_FUTEX_H
#define TAKT_DISRUPTOR_FUTEX_H

#include <takt/base.h>

/* Sleeps while *word is `seen`, until it is woken or the deadline passes; may return early. */
void takt__futex_wait(const uint32_t *word, uint32_t seen, int64_t deadline);

/* Wakes at most `count` of those who sleep on the word. */
void takt__futex_wake(const uint32_t *word, int count);

/*
 * Registers the process with the kernel for takt__barrier_everywhere, which has no effect on
 * anybody else. Called when a ring or a runtime is made: a process that has threads already waits
 * for all CPUs here, some ten milliseconds, which the first thread to sleep would do in the midst
 * of events.
 */
void takt__barrier_prepare(void);

/*
 * Makes every running thread of the process pass a full memory barrier before it returns. False if
 * the kernel has no membarrier(2): then only the caller has passed one. Registers the process if
 * that was not done.
 */
bool takt__barrier_everywhere(void);

#endif
