/* SPDX-License-Identifier: MIT */
/*
 * takt-book: limit order books from an exchange feed, over takt's pipeline or in a plain loop.
 * `takt-book --help` says what it does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TAKT_BOOK_JEMALLOC
#include <takt/jemalloc.h>
#endif

#include "options.h"
#include "run.h"
#include "summary.h"

/*
 * Read by jemalloc, where the program is linked with it: memory that order tables gave back goes
 * to the system at once and not some seconds later, since it is bounded by the orders that live.
 */
extern const char *malloc_conf;
const char *malloc_conf = "dirty_decay_ms:0,muzzy_decay_ms:0";

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };

#ifdef TAKT_BOOK_JEMALLOC
/* The ring lies in an arena apart from the books' memory, if one is to be had. */
static void run_stages(struct book_run *run)
{
    takt_allocator arena;

    if (takt_allocator_jemalloc_create(&arena) == 0)
        run->allocator = &arena;
    (void)run_pipeline(run);
    run->allocator = NULL;
    (void)takt_allocator_jemalloc_destroy(&arena);
}
#else
static void run_stages(struct book_run *run)
{
    (void)run_pipeline(run);
}
#endif

static void run_all(struct book_run *run)
{
    uint64_t begun = progress_clock();

    if (run->options->baseline)
        (void)run_baseline(run);
    else
        run_stages(run);
    if (tape_close(&run->tape) != 0)
        (void)run_fail(run, BOOK_EWRITE, RUN_NO_OFFSET);
    run->elapsed_ns = progress_clock() - begun - run->drawing_ns;
}

int main(int argc, char **argv)
{
    struct book_options options;
    struct book_run run;
    struct summary summary;
    enum options_result parsed = options_parse(&options, argc, argv);
    bool opened, failed;

    if (parsed != OPTIONS_RUN)
        return parsed == OPTIONS_DONE ? EXIT_SUCCESS : EXIT_USAGE;
    /* An output that nobody reads any more is an error like any other. */
    signal(SIGPIPE, SIG_IGN);

    opened = run_open(&run, &options) == 0;
    if (opened)
        run_all(&run);
    else
        (void)tape_close(&run.tape);
    progress_end(&run.progress);

    summary = summary_take(&run);
    if (opened)
        summary_print(&summary, &run);
    summary_print_fault(&run);
    failed = run.fault.error != 0;
    if (options.json && summary_print_json(&summary, &run) != 0) {
        fprintf(stderr, "takt-book: standard output: cannot be written: %s\n", strerror(errno));
        failed = true;
    }
    run_close(&run);
    return failed ? EXIT_FAULT : EXIT_SUCCESS;
}
