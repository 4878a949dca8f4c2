/* SPDX-License-Identifier: MIT */
/*
 * Pipelines: stages around one ring, and the runtime whose workers run them.
 *
 * A stage is a handler. Its input is divided among shards; each shard is run by one worker at a
 * time, different shards of a stage side by side. Which shards run where, and how many of them
 * there are, changes while events flow; what a stage has done is visible to the stages after it in
 * sequence order, so the last stage of a chain sees every event in the order of the source.
 *
 * Life of a pipeline: create, add stages, start; wait (or drain); destroy. In between it may be
 * stopped, given more stages, and started again. Functions that take a pipeline are for one
 * controlling thread at a time, except where they say "any thread".
 */
#ifndef TAKT_PIPELINE_H
#define TAKT_PIPELINE_H

#include <takt/consumer.h>
#include <takt/policy.h>

typedef struct takt_runtime takt_runtime;
typedef struct takt_pipeline takt_pipeline;
typedef struct takt_stage takt_stage;

#define TAKT_WORKERS_MAX   1024 /* workers and helpers of a runtime */
#define TAKT_PIPELINES_MAX 16   /* pipelines that run in one runtime at once */
#define TAKT_STAGES_MAX    64   /* stages of a pipeline */
#define TAKT_UPSTREAM_MAX  8    /* stages that one stage comes after */
#define TAKT_SHARDS_MAX    256  /* shards of a stage */

/* As takt_runtime_options.workers: none of its own, so that only helpers run its stages. */
#define TAKT_NO_WORKERS UINT32_MAX

/* The range of takt_pipeline_options.weight. */
#define TAKT_WEIGHT_MIN 0.001
#define TAKT_WEIGHT_MAX 1000.0

/* What a source returns when no more events will come. */
#define TAKT_END 1

/*
 * A stage's handler (takt/consumer.h) runs on one of the runtime's workers. When it fails, the
 * pipeline stops so that exactly the events before the failed one pass through the later stages.
 *
 * A source gets a batch of free slots. It fills the first of them, sets batch->count to how many
 * it filled (0: nothing to be had now), and returns 0, TAKT_END, or a negative code; the events
 * that it filled count in each case. It should return rather than wait.
 */

/* The key of an event: a pure function of what earlier stages have left in the event. */
typedef uint64_t (*takt_key_function)(const void *event);

/*
 * A hand-over: the number of a stage's shards changes, or its handler is replaced. The old shards
 * have handled exactly the events before `cut`, the new ones get exactly those from it on.
 */
typedef struct takt_handover {
    int64_t cut;
    uint32_t shards_before;
    uint32_t shards_now;
    void *context_before; /* of the handler before; where it stays, that is the context itself */
} takt_handover;

/*
 * Called when every old shard has done its last event and no new one has begun, by one thread, with
 * the context of the handler that goes on: the place to move what a handler keeps for each shard.
 * All that the old shards did is visible to it, and all that it does to every new one. The stage
 * waits for it. It must not destroy the pipeline nor wait for it.
 */
typedef void (*takt_handover_function)(void *context, const takt_handover *handover);

/*
 * Called once for each handler given to a stage, when it will not be called any more: its context
 * may be freed. Its events ended before sequence `end`. TAKT_SEQUENCE_INITIAL: another handler took
 * its place before it was called at all. TAKT_SEQUENCE_GONE: it stayed to the last, and the
 * pipeline is being destroyed.
 */
typedef void (*takt_retired_function)(void *context, int64_t end);

/* What a full pipeline means to its source: takt/source.h tells. */
enum takt_overload {
    TAKT_OVERLOAD_BLOCK = 0,
    TAKT_OVERLOAD_FAIL,
    TAKT_OVERLOAD_DROP_NEWEST,
    TAKT_OVERLOAD_DROP_OLDEST,
};

/*
 * The usual tick of the scheduler, 8 ms: short against what loads do, long against what a tick
 * costs.
 */
#define TAKT_TICK_NS 8000000

typedef struct takt_runtime_options {
    size_t size;                     /* sizeof(takt_runtime_options) */
    uint32_t workers;                /* threads; 0: one per core that this process may use */
    uint32_t cores;                  /* workers awake at once (see create); 0: as above */
    uint32_t helpers;                /* threads that may be in takt_runtime_help at once */
    bool pin;                        /* keep each worker on a core of its own, where it can be */
    int64_t tick_ns;                 /* between two decisions of the scheduler; 0: TAKT_TICK_NS */
    const takt_allocator *allocator; /* NULL: takt_allocator_default() */
} takt_runtime_options;

typedef struct takt_pipeline_options {
    size_t size; /* sizeof(takt_pipeline_options) */
    const char *name;
    size_t event_size;
    int64_t capacity;  /* slots of the ring: a power of two */
    size_t alignment;  /* of the slots; 0: TAKT_LINE_PAIR */
    int64_t slice_ns;  /* how long a worker stays before it looks around; 0: 20 microseconds */
    bool fixed_widths; /* the scheduler leaves the numbers of shards alone */
    const takt_policy *policy;   /* how it decides on them; NULL: takt_policy_default() */
    enum takt_overload overload; /* what the source does when the ring is full */
    int64_t waiting; /* TAKT_OVERLOAD_DROP_OLDEST: events that wait for room; 0: capacity */
    /*
     * Its part of the workers' time, against other pipelines of the runtime that have work too: one
     * of weight 3 gets three times what one of weight 1 gets. From TAKT_WEIGHT_MIN to
     * TAKT_WEIGHT_MAX; 0: 1.
     */
    double weight;
} takt_pipeline_options;

typedef struct takt_stage_options {
    size_t size; /* sizeof(takt_stage_options) */
    const char *name;
    takt_handler handler;
    void *context;
    takt_stage *const *after; /* the stages that this one follows; none: the ring's producer */
    size_t after_count;
    uint32_t shards;       /* at the start; 0: shards_min */
    uint32_t shards_min;   /* 0: 1 */
    uint32_t shards_max;   /* 0: twice the workers, at least 16; 1 makes the stage serial */
    uint32_t block;        /* sequences in a row that go to one shard; 0: a good one */
    takt_key_function key; /* divide by this key instead of by blocks */
    bool stored_key;       /* divide by the key that takt_batch_set_key stored */
    double weight;         /* how much this stage's backlog counts; 0: 1 */
    bool ordered;          /* a change lets the new shards start only when the old ones have left */
    takt_handover_function on_handover; /* between the two; makes the stage ordered */
    takt_retired_function on_retired;   /* when the handler has been replaced, or at the end */
} takt_stage_options;

/* What takes the place of a stage's handler. */
typedef struct takt_replacement {
    size_t size; /* sizeof(takt_replacement) */
    takt_handler handler;
    void *context;
    takt_handover_function on_handover; /* for this hand-over and later ones; ordered stages only */
    takt_retired_function on_retired;   /* when this handler will not be called any more */
} takt_replacement;

#ifndef __cplusplus
/*
 * Options in place, with their size filled in and everything that is not named 0:
 *
 *     takt_pipeline_add_stage(p, &stage, TAKT_STAGE(.name = "risk", .handler = on_risk));
 */
#define TAKT_RUNTIME(...)                                                                          \
    (&(takt_runtime_options){.size = sizeof(takt_runtime_options), __VA_ARGS__})
#define TAKT_PIPELINE(...)                                                                         \
    (&(takt_pipeline_options){.size = sizeof(takt_pipeline_options), __VA_ARGS__})
#define TAKT_STAGE(...) (&(takt_stage_options){.size = sizeof(takt_stage_options), __VA_ARGS__})

#define TAKT_REPLACEMENT(...) (&(takt_replacement){.size = sizeof(takt_replacement), __VA_ARGS__})
#endif

/* Why a pipeline stopped. */
typedef struct takt_failure {
    const char *stage; /* its name, valid as long as the pipeline */
    int64_t sequence;  /* the event that failed: the first of all that did */
    int code;          /* what the handler returned */
} takt_failure;

typedef struct takt_stage_stats {
    const char *name;
    int64_t events;        /* handled so far */
    int64_t busy_ns;       /* time spent in the handler, over all workers */
    int64_t backlog;       /* events that are available and not done */
    int64_t redivisions;   /* changes of the division completed, replacements among them */
    int64_t cut;           /* the first sequence of the present division */
    uint32_t shards_now;   /* shards at present, */
    uint32_t shards_least; /* the least and the most since the start, */
    uint32_t shards_most;
    double shards_mean; /* and their mean over time */
} takt_stage_stats;

TAKT__DECLS_BEGIN

/*
 * More workers than cores are for handlers that wait (for a disk, a lock, another program): no more
 * than takt_runtime_options.cores are awake, but those that are stuck in a handler do not count, so
 * that another one takes their place within some ticks. Workers beyond that sleep.
 *
 * Starts the workers and the scheduler thread. TAKT_EINVAL (also: more than TAKT_WORKERS_MAX
 * workers and helpers together; TAKT_NO_WORKERS without helpers, who alone could run anything then,
 * or with `pin`), TAKT_ENOMEM, TAKT_ETHREAD.
 */
int takt_runtime_create(takt_runtime **runtime, const takt_runtime_options *options);

/*
 * Stops and joins them, and waits until helpers that are inside have left, which they do with
 * TAKT_EHALTED. Its pipelines must have been destroyed, and no thread may begin to help any more;
 * one is inside when takt_runtime_snapshot shows it as present. NULL is fine.
 */
void takt_runtime_destroy(takt_runtime *runtime);

/*
 * Lends the calling thread to the runtime: until the deadline it takes seats as a worker does, of
 * all pipelines, and where there is nothing to do it sleeps where workers sleep and is woken as
 * they are. It returns how many events its handlers have handled, or that it has filled as a
 * source. No seat is begun after the deadline; the one at hand is finished, which takes about a
 * slice (takt_pipeline_options.slice_ns), or one event where that takes longer.
 *
 * With TAKT_NOW (or any deadline that has passed) it never waits: it takes a seat, or another if
 * no event came of that, and returns 0 when there was nothing to do. So this works off what is
 * there, and tells pipelines whose last event it was that they have ended:
 *
 *     while (takt_runtime_help(runtime, TAKT_NOW) > 0) {}
 *
 * As many threads may be inside at once as takt_runtime_options.helpers says. A handler sees no
 * difference between a helper and a worker. In a runtime without workers of its own nothing moves
 * while nobody helps, so who waits for a pipeline there (takt_pipeline_wait, takt_pipeline_drain)
 * needs another thread that helps, or polls with TAKT_NOW and helps in between.
 *
 * TAKT_EINVAL; TAKT_ELIMIT while as many help as may; TAKT_ESTATE from a handler or another
 * call-back of this runtime, whose thread is at work there already; TAKT_EHALTED when the runtime
 * is being destroyed. Any other thread.
 */
int64_t takt_runtime_help(takt_runtime *runtime, int64_t deadline);

/*
 * Calls helpers back: those that are inside return as at their deadline. Later calls of
 * takt_runtime_help are not touched. Any thread, handlers too; never waits.
 */
void takt_runtime_recall(takt_runtime *runtime);

/* How many workers of its own it has. Any thread. */
uint32_t takt_runtime_workers(const takt_runtime *runtime);

/*
 * Makes a pipeline without stages. Errors as takt_ring_create; TAKT_EINVAL also for a bad weight,
 * and where `waiting` is negative, or given although nothing would wait, TAKT_ECAPACITY where it is
 * above 2^30.
 */
int takt_pipeline_create(takt_pipeline **pipeline, takt_runtime *runtime,
                         const takt_pipeline_options *options);

/*
 * Makes a stage the source: workers run it, and it fills the ring. Without one the ring's producer
 * is a thread of the program (takt_pipeline_ring). `after` and the fields about shards and keys
 * are not looked at. TAKT_ESTATE if there is a source, or the pipeline was started without one;
 * TAKT_ERUNNING while it runs.
 */
int takt_pipeline_add_source(takt_pipeline *pipeline, takt_stage **stage,
                             const takt_stage_options *options);

/*
 * Adds a stage behind those named in `after`; `stage` may be NULL. Before the start, or after
 * takt_pipeline_stop: it gets the events that are published from then on. The stages named must be
 * there already, so a cycle cannot be written. TAKT_EGRAPH if one of them is no stage of this
 * pipeline (a stage of another, NULL, itself), TAKT_ERUNNING while it runs, TAKT_ESTATE when it has
 * ended, TAKT_EINVAL, TAKT_EBLOCK, TAKT_EWIDTH, TAKT_ELIMIT, TAKT_ENOMEM.
 */
int takt_pipeline_add_stage(takt_pipeline *pipeline, takt_stage **stage,
                            const takt_stage_options *options);

/*
 * Lets events flow, at first or after a stop; the source is not paused then. TAKT_EGRAPH without
 * stages; TAKT_ELIMIT with too many last stages, or while TAKT_PIPELINES_MAX others run (try again
 * later), or with taps and TAKT_STAGES_MAX stages; TAKT_ENOMEM; TAKT_ERUNNING if it runs,
 * TAKT_ESTATE if it has ended.
 */
int takt_pipeline_start(takt_pipeline *pipeline);

/*
 * Drains the pipeline as takt_pipeline_drain does, and takes it out of the runtime: no handler runs
 * any more, and its place is free for another pipeline. Stages may be added then, and it may be
 * started again, to go on with the next sequence. 0 if it was stopped. If not, it still runs: how
 * many events were left at the deadline (the source is paused: stop again, or resume), or
 * TAKT_ETIMEDOUT as from a drain; TAKT_ESTATE if it was not running, or has ended meanwhile. The
 * outside producer must have stopped, and goes on after the next start. Once nothing is left it
 * waits, also past the deadline, for every worker of the runtime that is in a handler, be it of
 * another pipeline; so not from a handler. Until the next start no other thread may ask for this
 * pipeline's figures while stages are added.
 */
int64_t takt_pipeline_stop(takt_pipeline *pipeline, int64_t deadline);

/*
 * The ring. Its producer is the caller where the pipeline has no source, unless the oldest event is
 * dropped when it is full: events come in through takt_source_claim then. Its consumers are the
 * stages, and taps (takt/tap.h): where the source is a stage, or the oldest is dropped, nobody
 * looks for workers to wake when a sequence or consumer of one's own moves on.
 */
takt_ring *takt_pipeline_ring(takt_pipeline *pipeline);

/* The outside producer says that it has published its last event. Its thread only. */
void takt_pipeline_close(takt_pipeline *pipeline);

/*
 * Waits until the source (or the outside producer) has ended and every event has passed every
 * stage: 0. If a handler failed: its code, once every event before the failed one has passed.
 * TAKT_EHALTED after takt_pipeline_halt, TAKT_ETIMEDOUT at the deadline, TAKT_ESTATE before the
 * start and while it is stopped (also to who waits already). Any thread.
 */
int takt_pipeline_wait(takt_pipeline *pipeline, int64_t deadline);

/*
 * Stops the source and waits until what had been published has passed every stage. Returns how
 * many events were left at the deadline: 0 when drained, and the number that can never pass when
 * the pipeline failed or was halted. May be called again; takt_pipeline_resume lets the source go
 * on. Events in a waiting room (takt/source.h) pass, too. The outside producer must have stopped.
 * TAKT_ETIMEDOUT if nothing is left but the source would not leave its handler by the deadline;
 * TAKT_ESTATE before the start.
 */
int64_t takt_pipeline_drain(takt_pipeline *pipeline, int64_t deadline);

/* Lets a source run again after a drain. */
void takt_pipeline_resume(takt_pipeline *pipeline);

/*
 * Stops after the batches that are being handled, and what is left of a worker's slice. Any thread,
 * never blocks. Nothing happens before the start.
 */
void takt_pipeline_halt(takt_pipeline *pipeline);

/*
 * 1 and the failure in *failure if a handler has failed; 0 otherwise. Final once
 * takt_pipeline_wait has returned; an earlier event may still fail before. Any thread.
 */
int takt_pipeline_failure(const takt_pipeline *pipeline, takt_failure *failure);

/*
 * Halts, waits until no worker of the runtime is in a handler, removes the taps, tells the handlers
 * that they are retired, and frees. Other threads may be about to return from takt_pipeline_close
 * and takt_pipeline_halt. Not from a handler. NULL is fine.
 */
void takt_pipeline_destroy(takt_pipeline *pipeline);

/*
 * Asks for `shards` shards (within the stage's least and most: TAKT_EWIDTH). The change happens
 * soon after, by the cut (docs/resharding.md); of requests made meanwhile the last one counts,
 * and the scheduler may decide otherwise later unless the pipeline's widths are fixed. Any thread,
 * never blocks.
 */
int takt_stage_set_shards(takt_stage *stage, uint32_t shards);

/*
 * Asks for another handler: there is one sequence, the cut, so that the handler before gets exactly
 * the events before it and this one exactly those from it on. The cut lies where the stage's input
 * ends at about the time of the call; before the start it is the first event. Shards asked for at
 * about the same time come with it, and of handlers asked for meanwhile the last one counts: the
 * others are retired without a call. Where the cut was is told by takt_stage_options.on_retired of
 * the handler before, and by on_handover; or wait with takt_stage_settle and read it in the stats.
 *
 * In a stage that is ordered, keyed or serial (shards_max 1), and of a source, the handler before
 * has returned for the last time before this one is called. In others both run at once for a while,
 * in different shards. Of a source that drops the oldest (takt/source.h) the cut is one of the
 * ring, and what the handler before has left in the waiting room enters the ring behind it.
 *
 * TAKT_EINVAL (also: on_handover for a stage that is not ordered), TAKT_ESTATE once the pipeline
 * has ended; nothing is kept of the replacement then. A handler that has failed cannot be replaced:
 * its pipeline is ending. Any thread, and handlers too; waits for a few instructions of other
 * callers at most.
 */
int takt_stage_replace(takt_stage *stage, const takt_replacement *replacement);

/*
 * Waits until no change of the stage is asked for or under way: 0. TAKT_ETIMEDOUT at the deadline,
 * TAKT_ESTATE if the pipeline does not run, so that it will never be. Any thread but a worker's, so
 * not from a handler.
 */
int takt_stage_settle(takt_stage *stage, int64_t deadline);

/* A stage's figures, each as of about now. Any thread, never blocks, O(shards). */
void takt_stage_get_stats(const takt_stage *stage, takt_stage_stats *stats);

TAKT__DECLS_END

#endif
