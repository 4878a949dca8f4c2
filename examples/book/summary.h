/* SPDX-License-Identifier: MIT */
/* What a run has done: for people on standard error, for programs as JSON on standard output. */
#ifndef TAKT_BOOK_SUMMARY_H
#define TAKT_BOOK_SUMMARY_H

#include "run.h"

/* What is counted when the run is over and before it is closed. */
struct summary {
    struct book_counts counts;
    uint64_t anonymous_bytes; /* memory of the process that no file stands behind; 0: unknown */
    uint64_t memory_bound;    /* what it may be at most: 64 MiB and 96 bytes for each live order */
    double elapsed_s;
    double messages_per_s;
};

struct summary summary_take(const struct book_run *run);

/* Prints the summary for people. */
void summary_print(const struct summary *summary, const struct book_run *run);

/* Prints the fault, if there was one, as "takt-book: FILE: byte N: reason". */
void summary_print_fault(const struct book_run *run);

/* Prints one JSON object and a newline on standard output. 0, or BOOK_EWRITE (errno is set). */
int summary_print_json(const struct summary *summary, const struct book_run *run);

#endif
