/* SPDX-License-Identifier: MIT */
/* The command line of takt-book. */
#ifndef TAKT_BOOK_OPTIONS_H
#define TAKT_BOOK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "source.h"

struct book_options {
    enum feed_format format; /* FEED_UNKNOWN: the feed's first bytes tell */
    const char *feed;
    const char *init;        /* LOBSTER's order-book file, or NULL */
    const char *tape;        /* or NULL */
    const char *trades;      /* or NULL */
    const char *report;      /* a page of the recording, or NULL */
    const char *trace;       /* the recording for Chrome's tracing, or NULL */
    const char *counters;    /* the pipeline's figures, or NULL */
    unsigned workers;        /* 0: as many as there are cores */
    uint64_t redivide_every; /* events between two forced re-divisions; 0: none */
    bool json;
    bool baseline;
};

enum options_result {
    OPTIONS_RUN,   /* go on */
    OPTIONS_DONE,  /* help or version was printed: leave with 0 */
    OPTIONS_USAGE, /* what is wrong was printed: leave with 2 */
};

/* Reads the command line. The strings stay argv's. */
enum options_result options_parse(struct book_options *options, int argc, char **argv);

#endif
