/* SPDX-License-Identifier: MIT */
/*
 * The outputs: the tape and the trades, each of them optional, written in large pieces; and the
 * count of messages by type, since every message passes here once and in feed order.
 */
#ifndef TAKT_BOOK_TAPE_H
#define TAKT_BOOK_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct output {
    const char *path; /* "-" is standard output; NULL: there is none, rows are only counted */
    char *buffer;
    size_t used;
    int fd;       /* -1 once the output cannot be written any more */
    int os_error; /* why not, as errno; or, where that says too little, in words: */
    const char *reason;
    uint64_t written; /* bytes that the system has taken */
    uint64_t rows;
};

struct tape {
    struct output tape, trades;
    uint64_t messages;
    uint64_t by_type[256];
};

/*
 * Opens the outputs and puts the headers in their buffers. A regular file that is there is
 * overwritten, unless it is the feed (as fstat says of `feed_fd`). 0, BOOK_EWRITE, BOOK_ENOMEM.
 */
int tape_open(struct tape *tape, const char *tape_path, const char *trades_path, int feed_fd);

/*
 * Appends the rows of an event that book_format has been through and counts it. One thread at a
 * time; waits for the system when a buffer is full. 0, or BOOK_EWRITE.
 */
int tape_put(struct tape *tape, const struct book_event *e);

/* Writes out what is buffered and closes. 0, or BOOK_EWRITE. Also after an error, and twice. */
int tape_close(struct tape *tape);

/* The output that BOOK_EWRITE was about, or NULL. */
const struct output *tape_failed(const struct tape *tape);

#endif
