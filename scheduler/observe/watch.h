/* SPDX-License-Identifier: MIT */
/*
 * What a runtime keeps for those who look at it: a list of its pipelines with their last figures,
 * the counters file, and the recording. All of it is under one lock, which workers never take.
 *
 * A pipeline is listed from its start on. When it is destroyed its last figures stay in their place
 * until another pipeline needs that, so that a report written at the end can still name it.
 */
#ifndef TAKT_SCHEDULER_OBSERVE_WATCH_H
#define TAKT_SCHEDULER_OBSERVE_WATCH_H

#include <pthread.h>

#include <takt/observe.h>
#include <takt/trace.h>

#include "scheduler/observe/probe.h"
#include "shard/stage.h"

/* A place for a pipeline's figures. */
struct takt__watched {
    const takt_pipeline *pipeline; /* NULL: it is gone, or there has been none */
    takt_counters_pipeline figures;
    int64_t cuts[TAKT_STAGES_MAX]; /* changes of division that the recording has seen */
    bool failure_told;             /* the flight recorder has written for it */
};

/* A moment on both clocks. */
struct takt__moment {
    int64_t ticks;
    int64_t ns;
};

struct takt__trace {
    bool on;
    bool made;                      /* there has been a recording */
    uint32_t rings;                 /* one for each worker and one for the scheduler thread */
    struct takt__trace_ring *ring;  /* NULL before the first recording */
    struct takt__trace_record *all; /* their memory */
    size_t all_size;
    struct takt__moment began, ended;
    int64_t stall_ns;
    char *flight;
    size_t flight_size;
};

/* The counters file that is open. */
struct takt__counters_file {
    unsigned char *map; /* NULL: none */
    size_t size;
};

struct takt__watch {
    pthread_mutex_t lock;
    int64_t serial; /* of the pipeline that started last */
    struct takt__watched *places[TAKT_PIPELINES_MAX];
    struct takt__counters_file file;
    takt_counters_worker *workers; /* scratch memory of the file's writer */
    size_t workers_size;
    struct takt__trace trace;
};

/* Of the runtime's creation and destruction, when no thread of it runs. */
void takt__watch_init(takt_runtime *runtime);
void takt__watch_end(takt_runtime *runtime);

/* Lists a pipeline that is about to start, and gives its stages their numbers. TAKT_ENOMEM. */
int takt__watch_pipeline(takt_pipeline *pipeline);

/* Takes its last figures: it is about to be destroyed. */
void takt__watch_leave(takt_pipeline *pipeline);

/* The scheduler thread's parts, at every tick. True: one more worker does not move. */
bool takt__watch_workers(takt_runtime *runtime, int64_t now);
void takt__watch_tick(takt_runtime *runtime, int64_t now);

/* What the scheduler decided about a stage; its thread only. */
struct takt__verdict {
    int64_t at;  /* the same for all stages of a pipeline */
    double cost; /* V */
    double rate; /* events per second */
    uint32_t width, wanted;
    uint32_t workers; /* that the pipeline had to share out */
};
void takt__watch_verdict(takt_runtime *runtime, const takt_stage *stage,
                         const struct takt__verdict *verdict);

/* For the lock's holder: takes the figures of all pipelines that there are. */
void takt__watch_refresh(takt_runtime *runtime);

/* For the lock's holder: writes the file, if one is open; ends it. */
void takt__counters_write(takt_runtime *runtime, int64_t now);
void takt__counters_close(takt_runtime *runtime);

/* For the lock's holder: the recording's part of a tick; writing it to a file; giving it up. */
void takt__trace_tick(takt_runtime *runtime, int64_t now);
int takt__trace_write(takt_runtime *runtime, const char *path);
void takt__trace_free(takt_runtime *runtime);

/* For the lock's holder: writes the flight recorder's file if the pipeline has failed. */
void takt__trace_look_for_failure(takt_runtime *runtime, struct takt__watched *watched);

#endif
