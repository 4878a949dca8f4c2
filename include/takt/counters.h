/* SPDX-License-Identifier: MIT */
/*
 * What a runtime counts, as plain memory of a fixed layout: what a snapshot (takt/observe.h) fills,
 * and what a counters file is made of, for other processes to read (docs/observability.md).
 *
 * A counters file is a header, then `workers` worker records from worker_offset on, then
 * `pipelines` pipeline records from pipeline_offset on, with the sizes that the header gives: a
 * later minor version may append fields to a record. Numbers have the byte order of the machine.
 * Times are nanoseconds, of CLOCK_MONOTONIC where they are points in time.
 *
 * The file is written at every tick of the scheduler thread, all of it as of one moment. `lock` is
 * odd while that happens: read it, what is wanted, and it again; begin anew if it was odd or moved.
 */
#ifndef TAKT_COUNTERS_H
#define TAKT_COUNTERS_H

#include <takt/ordering.h>
#include <takt/pipeline.h>

#define TAKT_COUNTERS_MAGIC   "taktcnt" /* with the 0 at its end, eight bytes */
#define TAKT_COUNTERS_VERSION 1u
#define TAKT_COUNTERS_NAME    32 /* bytes of a name, cut off if need be, with a 0 at the end */

/* What a pipeline's state says. */
enum takt_counters_state {
    TAKT_COUNTERS_NONE,    /* the record is not in use */
    TAKT_COUNTERS_RUNNING, /* events flow, or may */
    TAKT_COUNTERS_ENDED,   /* every event has passed */
    TAKT_COUNTERS_FAILED,  /* a handler has failed: failed_stage and failed_sequence say where */
    TAKT_COUNTERS_HALTED,
    TAKT_COUNTERS_STOPPED, /* every event has passed; it may be started again */
};

/* Where a worker sits when it sits nowhere, and what comes before a stage that has no stage
 * before it. */
#define TAKT_COUNTERS_NOWHERE UINT32_MAX

/*
 * One worker, or one place for a helper (takt_runtime_help), of which the figures are those of all
 * threads that were in it. busy + sleeping + idle is the time since the worker started, or the time
 * that helpers have been there.
 */
typedef struct takt_counters_worker {
    int64_t seats;       /* shards taken */
    int64_t batches;     /* handlers called */
    int64_t events;      /* handled, or filled by a source */
    int64_t busy_ns;     /* in handlers */
    int64_t sleeping_ns; /* in the kernel, until somebody woke it */
    int64_t idle_ns;     /* the rest: looking for a seat, and for something to do */
    int64_t sleeps;      /* how often it went to sleep */
    int64_t wakes;       /* how often it woke another worker */
    int64_t batch_ns;    /* so long has nothing moved in the seat that it sits in; 0: it moves */
    uint32_t pipeline;   /* where it sits: the record of the pipeline, */
    uint32_t stage;      /* the stage's number in it, */
    uint32_t shard;      /* and the shard's in that */
    uint32_t sleeping;   /* it is asleep: 1 */
    uint32_t helper;     /* a place for a helper: 1; those come after the workers */
    uint32_t present;    /* a thread is there: 1; always of a worker */
    int64_t visits;      /* threads that came: how often somebody has helped; of a worker 1 */
    int64_t reserved[2];
} takt_counters_worker;

/* One stage. */
typedef struct takt_counters_stage {
    char name[TAKT_COUNTERS_NAME];
    int64_t events;      /* handled so far */
    int64_t done;        /* every event up to this sequence is done */
    int64_t backlog;     /* events that are available and not done; of a source, free slots */
    int64_t busy_ns;     /* in the handler, over all workers */
    int64_t service_ps;  /* picoseconds of one event at present; 0: not known yet */
    int64_t redivisions; /* changes of the number of shards completed */
    int64_t errors;      /* handlers that failed here */
    int64_t voids;       /* void events passed over */
    int64_t claims;      /* a source's: how often it was offered room, */
    int64_t waits;       /* and how often it had nothing to put there */
    double shards_mean;  /* number of shards over time */
    double weight;
    uint32_t shards; /* at present, */
    uint32_t shards_least;
    uint32_t shards_most;
    uint32_t owners; /* and so many of them are owned now */
    uint32_t source; /* 1: it is the source */
    uint32_t keyed;  /* 1: divided by key */
    uint32_t upstream_count;
    uint32_t upstream[TAKT_UPSTREAM_MAX]; /* stages that it comes after */
    uint32_t reserved32;
    int64_t reserved[8];
} takt_counters_stage;

/* One pipeline. */
typedef struct takt_counters_pipeline {
    char name[TAKT_COUNTERS_NAME];
    int64_t serial;    /* counts the pipelines started in the runtime, from 1 on */
    int64_t cursor;    /* the last sequence published */
    int64_t capacity;  /* slots of the ring */
    int64_t waits;     /* how often a producer outside found no room in the ring */
    int64_t failed_at; /* the sequence that failed */
    uint32_t state;    /* enum takt_counters_state */
    uint32_t gone;     /* it was destroyed, and these are its last figures: 1 */
    uint32_t stage_count;
    uint32_t failed_stage;
    int32_t failed_code;
    float weight; /* its part of the workers' time, against other pipelines */
    /* What became of events that the source had for a full ring (takt/source.h). */
    int64_t refused;
    int64_t dropped_newest;
    int64_t dropped_oldest;
    int64_t waiting; /* for room, at present */
    takt_counters_stage stages[TAKT_STAGES_MAX];
} takt_counters_pipeline;

/* The beginning of a counters file. */
typedef struct takt_counters_header {
    char magic[8];
    uint32_t version;
    uint32_t header_size;
    uint32_t worker_size;
    uint32_t pipeline_size;
    uint32_t stage_size;
    uint32_t workers;   /* records: workers, then places for helpers */
    uint32_t pipelines; /* records, in use or not */
    uint32_t closed;    /* the runtime has ended, or has closed the file: 1 */
    uint64_t worker_offset;
    uint64_t pipeline_offset;
    uint64_t file_size;
    int64_t pid;        /* of the writer, */
    int64_t pid_start;  /* and when it started: field 22 of /proc/PID/stat */
    int64_t opened_ns;  /* when the file was made, */
    int64_t opened_utc; /* and the same in nanoseconds since 1970 */
    int64_t tick_ns;    /* between two writings while events flow */
    int64_t lock;       /* odd while the rest is being written */
    int64_t written_ns; /* when it was written last */
    int64_t writes;     /* how often */
    int64_t reserved[14];
} takt_counters_header;

/*
 * Copies a mapped counters file of `size` bytes as of one moment. False if its writer was at it at
 * every one of the `attempts`, or has died in the middle: the copy is then what was there, and
 * its figures may not fit together.
 */
static inline bool takt_counters_copy(const void *map, void *copy, size_t size, uint32_t attempts)
{
    const int64_t *from = (const int64_t *)map;
    int64_t *to = (int64_t *)copy;
    const takt_counters_header *header = (const takt_counters_header *)map;
    while (attempts-- > 0) {
        int64_t before = takt__load_acquire(&header->lock); /* acquire [pairs: counters] */
        for (size_t i = 0; i < size / sizeof *to; i++)
            to[i] = takt__load_acquire(&from[i]); /* acquire [pairs: counters] */
        if (!(before & 1) && takt__load_relaxed(&header->lock) == before)
            return true;
    }
    return false;
}

#endif
