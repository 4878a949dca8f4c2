/* SPDX-License-Identifier: MIT */
/*
 * Waiting in phases for something that another thread does and does not announce: first a short
 * spin with pauses (it is about to happen), then giving the core to whoever is ready (more threads
 * than cores), then sleeps that double up to a limit (it will take a while).
 */
#ifndef TAKT_DISRUPTOR_BACKOFF_H
#define TAKT_DISRUPTOR_BACKOFF_H

#include <takt/base.h>

struct takt__backoff {
    uint32_t round;
};

/* Waits a little, longer from call to call, never past the deadline. */
void takt__backoff_wait(struct takt__backoff *backoff, int64_t deadline);

#endif
