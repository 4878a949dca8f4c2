/* SPDX-License-Identifier: MIT */
/*
 * takt-book over takt: the five steps of run.h as the stages of a pipeline.
 *
 *     source -> decode -> book -> format -> tape
 *
 * The source cuts the feed into messages and the tape writes the rows, each in one shard, in feed
 * order. Decode and format treat every message for itself and are divided by sequence. Book is
 * divided by symbol: decode stores the locate code as the message's key, so a symbol's messages are
 * applied by one worker at a time and in feed order, while different symbols' go side by side.
 *
 * A fault needs no care for order here: the pipeline ends so that exactly the messages before the
 * faulty one have reached the tape, and the faulty one still lies in its slot.
 */
#include <errno.h>
#include <string.h>

#include <takt/takt.h>

#include "format.h"
#include "run.h"

/* Slots of the ring: 4 MiB of events, of which the messages touch about half. */
#define CAPACITY 16384

/*
 * How long a worker stays with a stage: a feed is read for throughput, not for latency. Long enough
 * for the greatest batch in every stage, so that two workers follow each other down the stages with
 * batches of one length.
 */
#define SLICE_NS 250000

/*
 * How far ahead the memory of later messages is fetched, which may lie in another core's cache; and
 * in the book stage, when a message has come, what it needs of its book.
 */
#define FETCH_MESSAGE 16
#define FETCH_BOOK    8

/* The most shards that --redivide-every asks for. */
#define REDIVIDE_MOST 8

#define PROGRESS_NS 100000000

/* How many records a worker's recording holds: 8 MiB, for some twenty seconds. */
#define RECORDS (1u << 18)

enum { SOURCE, DECODE, BOOK, FORMAT, TAPE, STAGES };

struct book_pipeline {
    struct book_run *run;
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *stages[STAGES];
    uint64_t redivide_at; /* the message that the next forced re-division comes with */
    uint64_t random;
};

/* xorshift64: the re-divisions are the same in every run. */
static uint32_t draw(struct book_pipeline *bp, uint32_t below)
{
    bp->random ^= bp->random << 13;
    bp->random ^= bp->random >> 7;
    bp->random ^= bp->random << 17;
    return (uint32_t)(bp->random >> 32) % below;
}

static void redivide(struct book_pipeline *bp)
{
    takt_stage *stage = bp->stages[DECODE + draw(bp, 3)];
    takt_stage_set_shards(stage, 1 + draw(bp, REDIVIDE_MOST));
}

/* The lines of a message that a stage uses: the fields, the text, or both. */
enum { FIELDS = 1, TEXT = 2 };

static inline void fetch(const struct book_event *e, int lines)
{
    if (lines & FIELDS)
        takt_prefetch_write(e);
    if (lines & TEXT)
        takt_prefetch_write(&e->row_length);
}

/* Fetches a later message than k of a stretch of `run`, which begins at event i of the batch. */
static inline void fetch_ahead(const takt_batch *b, uint32_t i, const struct book_event *first,
                               uint32_t k, uint32_t run, int lines)
{
    if (k + FETCH_MESSAGE < run)
        fetch(&first[k + FETCH_MESSAGE], lines);
    else if (i + k + FETCH_MESSAGE < b->count)
        fetch(takt_batch_at(b, i + k + FETCH_MESSAGE), lines);
}

/* What a stage does with event i of a batch: 0, or what ends the batch there. */
typedef int (*step_function)(struct book_pipeline *bp, const takt_batch *b, uint32_t i,
                             struct book_event *e);

/*
 * Takes the step for each event of a batch, stretch by stretch of those that lie side by side.
 * *done counts those that went well. Always inlined, so that the step is, too.
 */
static inline __attribute__((always_inline)) int go_through(struct book_pipeline *bp,
                                                            const takt_batch *b, int lines,
                                                            step_function step, uint32_t *done)
{
    const takt_batch batch = *b; /* a copy: nothing that the loop stores can change it */
    uint32_t run;
    for (uint32_t i = 0; i < batch.count; i += run) {
        struct book_event *first = takt_batch_run(&batch, i, &run);
        for (uint32_t k = 0; k < run; k++) {
            fetch_ahead(&batch, i, first, k, run, lines);
            int result = step(bp, &batch, i + k, &first[k]);
            if (result != 0) {
                *done = i + k;
                return result;
            }
        }
    }
    *done = batch.count;
    return 0;
}

/* The same as a stage's handler. */
static inline __attribute__((always_inline)) int handle(struct book_pipeline *bp, takt_batch *b,
                                                        int lines, step_function step)
{
    uint32_t done;
    int error = go_through(bp, b, lines, step, &done);
    return error < 0 ? takt_batch_fail(b, done, error) : 0;
}

/* There is nothing now: another result than SOURCE_LATER, which is 0. */
#define NOTHING_NOW 100

static int fill(struct book_pipeline *bp, const takt_batch *b, uint32_t i, struct book_event *e)
{
    (void)b, (void)i;
    int result = source_fill(&bp->run->source, e, false);
    return result == SOURCE_FILLED ? 0 : result == SOURCE_LATER ? NOTHING_NOW : result;
}

static int on_source(void *context, takt_batch *b)
{
    struct book_pipeline *bp = context;
    uint64_t every = bp->run->options->redivide_every;
    uint32_t done;
    int result = go_through(bp, b, FIELDS, fill, &done);
    b->count = done;
    if (result != 0 && result != NOTHING_NOW)
        return result == SOURCE_END ? TAKT_END : result;
    uint64_t filled = (uint64_t)b->first + done;
    for (; every && filled >= bp->redivide_at; bp->redivide_at += every)
        redivide(bp);
    return 0;
}

static int decode(struct book_pipeline *bp, const takt_batch *b, uint32_t i, struct book_event *e)
{
    int error = run_decode(bp->run, e);
    if (error == 0)
        takt_batch_set_key(b, i, e->locate);
    return error;
}

static int on_decode(void *context, takt_batch *b)
{
    return handle(context, b, FIELDS, decode);
}

static int book(struct book_pipeline *bp, const takt_batch *b, uint32_t i, struct book_event *e)
{
    if (i + FETCH_BOOK < b->count)
        book_prefetch(&bp->run->books, takt_batch_at(b, i + FETCH_BOOK));
    return book_apply(&bp->run->books, e);
}

static int on_book(void *context, takt_batch *b)
{
    return handle(context, b, FIELDS, book);
}

static int format(struct book_pipeline *bp, const takt_batch *b, uint32_t i, struct book_event *e)
{
    book_format(e, takt_batch_sequence(b, i) + 1, bp->run->options->trades != NULL);
    return 0;
}

static int on_format(void *context, takt_batch *b)
{
    return handle(context, b, FIELDS | TEXT, format);
}

static int write_rows(struct book_pipeline *bp, const takt_batch *b, uint32_t i,
                      struct book_event *e)
{
    (void)b, (void)i;
    return tape_put(&bp->run->tape, e);
}

static int on_tape(void *context, takt_batch *b)
{
    return handle(context, b, TEXT, write_rows);
}

/*
 * Each shard of a stage that is divided by key looks at the key of every message, so there are no
 * more of them than workers; but for re-divisions that are forced to see whether all goes well.
 */
static uint32_t book_shards(const struct book_pipeline *bp)
{
    return bp->run->options->redivide_every ? 0 : takt_runtime_workers(bp->runtime);
}

/* Notes that a file of --report, --trace or --counters could not be written. */
static int fail_at_file(struct book_run *run, const char *path, int error)
{
    int os_error = errno;
    if (error != TAKT_EFILE)
        return run_fail(run, error, RUN_NO_OFFSET);
    run_fail(run, BOOK_EWRITE, RUN_NO_OFFSET);
    if (run->fault.error == BOOK_EWRITE && !tape_failed(&run->tape)) {
        run->fault.path = path;
        run->fault.os_error = os_error;
    }
    return BOOK_EWRITE;
}

/* Begins to record, and to keep counters, if that is wanted. */
static int observe(struct book_pipeline *bp)
{
    const struct book_options *options = bp->run->options;
    int error = 0;
    if (options->counters)
        error = takt_observe_open(bp->runtime, options->counters);
    if (error != 0)
        return fail_at_file(bp->run, options->counters, error);
    if (options->report || options->trace)
        error = takt_trace_start(bp->runtime, TAKT_TRACE(.records = RECORDS));
    return error;
}

/* Writes what was recorded. */
static void write_recording(struct book_pipeline *bp)
{
    const char *const paths[] = {bp->run->options->report, bp->run->options->trace};
    uint64_t begun = progress_clock();
    takt_trace_stop(bp->runtime);
    for (int i = 0; i < 2; i++) {
        int error = paths[i] ? takt_trace_dump(bp->runtime, paths[i]) : 0;
        if (error != 0)
            fail_at_file(bp->run, paths[i], error);
    }
    bp->run->drawing_ns = progress_clock() - begun;
}

/* Runtime, ring and stages. 0, or an error of takt's. */
static int build(struct book_pipeline *bp)
{
    static const struct {
        const char *name;
        takt_handler handler;
        uint32_t shards_max;
        bool stored_key;
    } plan[STAGES] = {
        [SOURCE] = {"source", on_source, 1, false}, [DECODE] = {"decode", on_decode, 0, false},
        [BOOK] = {"book", on_book, 0, true},        [FORMAT] = {"format", on_format, 0, false},
        [TAPE] = {"tape", on_tape, 1, false},
    };
    int error = takt_runtime_create(&bp->runtime, TAKT_RUNTIME(.workers = bp->run->options->workers,
                                                               .allocator = bp->run->allocator));
    if (error == 0)
        error = observe(bp);
    if (error == 0)
        error = takt_pipeline_create(&bp->pipeline, bp->runtime,
                                     TAKT_PIPELINE(.name = "book",
                                                   .event_size = sizeof(struct book_event),
                                                   .capacity = CAPACITY, .slice_ns = SLICE_NS));
    for (int i = 0; error == 0 && i < STAGES; i++) {
        takt_stage_options options = {
            .size = sizeof options,
            .name = plan[i].name,
            .handler = plan[i].handler,
            .context = bp,
            .after = i ? &bp->stages[i - 1] : NULL,
            .after_count = i ? 1 : 0,
            .shards_max = i == BOOK ? book_shards(bp) : plan[i].shards_max,
            .stored_key = plan[i].stored_key,
        };
        error = i == SOURCE ? takt_pipeline_add_source(bp->pipeline, &bp->stages[i], &options)
                            : takt_pipeline_add_stage(bp->pipeline, &bp->stages[i], &options);
    }
    return error == 0 ? takt_pipeline_start(bp->pipeline) : error;
}

/* Waits for the end, showing how far it is. 0, or the error that ended it. */
static int wait_for_end(struct book_pipeline *bp)
{
    const struct feed *feed = &bp->run->source.feed;
    for (;;) {
        int error = takt_pipeline_wait(bp->pipeline, takt_after(PROGRESS_NS));
        if (error != TAKT_ETIMEDOUT)
            return error;
        takt_stage_stats stats;
        takt_stage_get_stats(bp->stages[TAPE], &stats);
        progress_show(&bp->run->progress, feed_done(feed), feed->total, (uint64_t)stats.events);
    }
}

static void take_stats(struct book_pipeline *bp)
{
    struct book_run *run = bp->run;
    run->workers = takt_runtime_workers(bp->runtime);
    run->stage_count = STAGES;
    for (int i = 0; i < STAGES; i++) {
        takt_stage_stats stats;
        takt_stage_get_stats(bp->stages[i], &stats);
        struct book_stage *stage = &run->stages[i];
        *stage = (struct book_stage){
            .events = (uint64_t)stats.events,
            .service_ns = (uint64_t)stats.busy_ns,
            .shards_now = stats.shards_now,
            .shards_min = stats.shards_least,
            .shards_max = stats.shards_most,
            .shards_mean = stats.shards_mean,
            .redivisions = (uint64_t)stats.redivisions,
        };
        strncpy(stage->name, stats.name, sizeof stage->name - 1);
    }
}

/* Says where in the feed the pipeline failed. */
static void take_fault(struct book_pipeline *bp, int error)
{
    takt_failure failure;
    if (takt_pipeline_failure(bp->pipeline, &failure)) {
        const struct book_event *e =
            takt_ring_at(takt_pipeline_ring(bp->pipeline), failure.sequence);
        run_fail(bp->run, failure.code, e->offset);
    } else {
        run_fail(bp->run, error, RUN_NO_OFFSET);
    }
}

int run_pipeline(struct book_run *run)
{
    struct book_pipeline bp = {
        .run = run,
        .random = 0x9e3779b97f4a7c15u,
        .redivide_at = run->options->redivide_every,
    };
    int error = build(&bp);
    if (error == 0) {
        error = wait_for_end(&bp);
        take_stats(&bp);
        write_recording(&bp);
    }
    if (error != 0 && bp.pipeline)
        take_fault(&bp, error);
    else if (error != 0)
        run_fail(run, error, RUN_NO_OFFSET);
    takt_pipeline_destroy(bp.pipeline);
    takt_runtime_destroy(bp.runtime);
    return error;
}
