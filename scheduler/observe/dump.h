/* SPDX-License-Identifier: MIT */
/*
 * A recording, taken out of the rings and brought to one scale of time, for the writers. takt-sim
 * makes recordings too, without a runtime and in virtual time.
 */
#ifndef TAKT_SCHEDULER_OBSERVE_DUMP_H
#define TAKT_SCHEDULER_OBSERVE_DUMP_H

#include "scheduler/observe/out.h"
#include "scheduler/runtime.h"

/* No stage. */
#define TAKT__NO_STAGE 0xffffu

struct takt__span {
    int64_t from;   /* nanoseconds since the recording began */
    int64_t until;  /* the same, or a number (ring.h) */
    int64_t value;  /* a seat's: the events handled in it */
    uint16_t kind;  /* enum takt__trace_kind */
    uint16_t stage; /* in recording.stages; TAKT__NO_STAGE */
    uint16_t shard;
    uint16_t open; /* it has not ended */
};

struct takt__lane {
    const struct takt__span *spans; /* in order of their end */
    size_t count;
};

/* A stage of any of the pipelines. */
struct takt__recorded {
    const takt_counters_pipeline *pipeline;
    const takt_counters_stage *stage;
    uint32_t first; /* where its pipeline's stages begin */
};

struct takt__recording {
    const takt_allocator *allocator;
    const char *title; /* what was recorded; NULL: takt */
    bool simulated;    /* in virtual time: no worker ever lacks a core */
    int64_t merged_ns; /* seats of one stage that began within so long are one span; 0: none are */
    int64_t length_ns;
    uint32_t workers; /* lanes; one more is the scheduler's */
    uint32_t helpers; /* the last of those lanes: helpers' places */
    struct takt__lane *lanes;
    uint32_t stage_count;
    struct takt__recorded *stages;
    /* Memory. */
    struct takt__span *spans;
    size_t spans_size, lanes_size, stages_size;
};

/* Copies what the rings hold. TAKT_ENOMEM. With the watch's lock held. */
int takt__recording_take(struct takt__recording *recording, takt_runtime *runtime);
void takt__recording_free(struct takt__recording *recording);

/*
 * Writes it as a page if `path` ends in ".html", and as a Chrome trace otherwise. TAKT_ENOMEM;
 * TAKT_EFILE, errno says why.
 */
int takt__recording_write(const struct takt__recording *recording, const char *path);

/* The two formats. */
void takt__chrome_write(struct takt__out *out, const struct takt__recording *recording);
void takt__report_write(struct takt__out *out, const struct takt__recording *recording);

/* The double whose bits are stored in `bits`. */
double takt__span_number(int64_t bits);

#endif
