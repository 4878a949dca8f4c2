/* SPDX-License-Identifier: MIT */
/*
 * Taps: consumers that are inserted into a running pipeline and removed from it, to look at what
 * passes: for a trace, a figure, a second opinion.
 *
 * A tap follows one stage, or the producer. It is handed every event from takt_tap_first on, in
 * sequence order, each once, after the stage has done it and before its slot is filled again: a tap
 * that is slow holds the producer back, as any consumer does, and misses nothing. It runs on a
 * thread of its own, or is polled; the pipeline's workers have nothing to do with it, and a tap
 * that fails leaves without harm to the pipeline.
 *
 * It may read what its stage and those before it have left in an event. Stages after its stage run
 * beside it, so it must not write, and not read what they write.
 *
 * A pipeline has passed its events (takt_pipeline_wait, takt_pipeline_drain) when its taps have
 * too: who polls a tap must go on polling, or remove it. After a halt, or a failure, a tap still
 * gets what its stage has done.
 */
#ifndef TAKT_TAP_H
#define TAKT_TAP_H

#include <takt/pipeline.h>

/* Taps of a pipeline at once. A pipeline of TAKT_STAGES_MAX stages can have none. */
#define TAKT_TAPS_MAX 16

typedef struct takt_tap takt_tap;

typedef struct takt_tap_options {
    size_t size;          /* sizeof(takt_tap_options) */
    const char *name;     /* of its thread */
    takt_handler handler; /* on a thread of its own; NULL: it is polled */
    void *context;
    takt_stage *after;   /* the stage that it follows; NULL: the producer */
    takt_wait wait;      /* how its thread waits */
    uint32_t batch_most; /* events in one batch; 0: as many as there are, up to 4,096 */
} takt_tap_options;

#ifndef __cplusplus
#define TAKT_TAP(...) (&(takt_tap_options){.size = sizeof(takt_tap_options), __VA_ARGS__})
#endif

TAKT__DECLS_BEGIN

/*
 * Inserts a tap. Before the start it will see all events; later it begins after what its stage has
 * done now, or later still where the stages have moved on meanwhile. TAKT_EINVAL, TAKT_EGRAPH (a
 * stage of another pipeline), TAKT_ELIMIT, TAKT_ENOMEM, TAKT_ETHREAD, TAKT_ESTATE once the pipeline
 * has ended. Any thread.
 */
int takt_tap_add(takt_pipeline *pipeline, takt_tap **tap, const takt_tap_options *options);

/* The first sequence that it is handed. Any thread. */
int64_t takt_tap_first(const takt_tap *tap);

/*
 * Hands at most `most` of the events that are there now to `handler`, on the calling thread, and
 * returns how many sequences were passed; 0 if there are none. A failure is returned as it is, and
 * the next poll begins with the failed event. TAKT_ESTATE if the tap has a thread. One thread at a
 * time.
 */
int64_t takt_tap_poll(takt_tap *tap, takt_handler handler, void *context, uint32_t most);

/*
 * Waits until a tap with a thread has handled all that its stage has done by now: 0, or
 * TAKT_ETIMEDOUT, or its handler's code if that has failed. Any thread but its own.
 */
int takt_tap_drain(takt_tap *tap, int64_t deadline);

/*
 * Stops the tap after the batch that it is handling, and takes it out. It has handled exactly the
 * sequences from takt_tap_first to *last, and none if that is less; `last` may be NULL. Returns 0,
 * or the handler's code if that had failed, at *last + 1. Any thread but its own.
 */
int takt_tap_remove(takt_tap *tap, int64_t *last);

TAKT__DECLS_END

#endif
