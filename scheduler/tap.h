/* SPDX-License-Identifier: MIT */
/* A pipeline's taps, as the pipeline sees them. */
#ifndef TAKT_SCHEDULER_TAP_H
#define TAKT_SCHEDULER_TAP_H

#include <takt/tap.h>

#include "scheduler/runtime.h"

struct takt_tap {
    takt_pipeline *pipeline;
    takt_tap_options options;
    char name[16];               /* as long as a thread's may be */
    struct takt__gates upstream; /* its stage, or the producer */
    uint32_t *picks;             /* room for a batch with void events in it */
    int64_t first;
    int64_t last; /* the last sequence done, once its thread has ended */
    pthread_t thread;
    uint32_t patience; /* of its waits (await.h) */
    bool taken;        /* under the taps' lock */
    bool threaded;
    takt_sequence sequence;
    TAKT_ALIGNED uint32_t halted;
    uint32_t failed; /* the handler has failed: `code` holds */
    int code;
};

/*
 * All taps of a pipeline, with a stage that stands for them: it has no shards, so no worker takes
 * one, and its gate's members are the taps' sequences.
 */
struct takt__taps {
    takt_stage stage;
    pthread_mutex_t lock; /* over who is taken, and over adding and removing */
    const takt_sequence *members[TAKT_TAPS_MAX];
    takt_tap tap[TAKT_TAPS_MAX];
};

/* Makes the places for a pipeline's taps. TAKT_ENOMEM. */
int takt__taps_create(takt_pipeline *pipeline);

/*
 * Puts the stage that stands for the taps behind all others, so that everything that asks how far
 * the pipeline has come asks the taps too. TAKT_ELIMIT if there are taps and no room for it.
 */
int takt__taps_join(takt_pipeline *pipeline);

/* Removes those that are left and frees all. NULL taps are fine. */
void takt__taps_destroy(takt_pipeline *pipeline);

#endif
