/* SPDX-License-Identifier: MIT */
/*
 * One run of takt-book: everything it has open, and how it ended. Both ways to run, the plain loop
 * and the pipeline, are made of the same five steps for each message:
 *
 *     source_fill    the next message's bytes        in feed order
 *     run_decode     bytes to fields                 any message, any thread
 *     book_apply     fields to best bid and offer    the messages of a symbol in feed order
 *     book_format    best bid and offer to rows      any message, any thread
 *     tape_put       rows to the outputs             in feed order
 */
#ifndef TAKT_BOOK_RUN_H
#define TAKT_BOOK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "book.h"
#include "options.h"
#include "progress.h"
#include "source.h"
#include "tape.h"

/* Why the run ended early: "path: byte offset: reason". */
struct book_fault {
    int error; /* 0: it did not */
    int os_error;
    const char *path;
    const char *reason; /* NULL: what book_strerror and os_error say */
    uint64_t offset;    /* RUN_NO_OFFSET: it is about no byte */
};

#define RUN_NO_OFFSET UINT64_MAX

/* What the summary says of a stage of the pipeline. */
struct book_stage {
    char name[16];
    uint64_t events;
    uint64_t service_ns; /* busy time, all workers taken together */
    unsigned shards_now, shards_min, shards_max;
    double shards_mean;
    uint64_t redivisions;
};

#define RUN_STAGES_MOST 8

struct book_run {
    const struct book_options *options;
    const struct takt_allocator *allocator; /* of the pipeline; NULL: takt's own */
    struct source source;
    struct books books;
    struct tape tape;
    struct progress progress;
    struct book_fault fault;
    bool seeded;      /* the first message is in the books already */
    unsigned workers; /* threads of the pipeline; 0 without one */
    unsigned stage_count;
    struct book_stage stages[RUN_STAGES_MOST];
    uint64_t elapsed_ns;
    uint64_t drawing_ns; /* writing --report and --trace: no part of it */
};

/* Opens feed, books and outputs. 0, or an error that is in run->fault then. */
int run_open(struct book_run *run, const struct book_options *options);

/* Also after a failed run_open. */
void run_close(struct book_run *run);

/*
 * Decodes e->raw into the event's first cache line; with --init, the first message becomes
 * BOOK_SEED. 0, or an enum book_error: the fault is at e->offset. Any thread.
 */
int run_decode(const struct book_run *run, struct book_event *e);

/*
 * Notes why the run ends, unless that is known already, and returns `error`. `offset` is the place
 * in the feed, e->offset where there is an event; for BOOK_EWRITE the output knows better.
 */
int run_fail(struct book_run *run, int error, uint64_t offset);

/* Runs event by event, in a plain loop on this thread. 0, or an error that is in run->fault. */
int run_baseline(struct book_run *run);

/* Runs over the pipeline (pipeline.c), and fills in workers and stages. 0, or an error likewise. */
int run_pipeline(struct book_run *run);

#endif
