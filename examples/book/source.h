/* SPDX-License-Identifier: MIT */
/* Cutting the feed into messages. One thread at a time. */
#ifndef TAKT_BOOK_SOURCE_H
#define TAKT_BOOK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "feed.h"

enum feed_format {
    FEED_UNKNOWN,
    FEED_ITCH50,
    FEED_LOBSTER,
};

enum source_result {
    SOURCE_LATER = 0,  /* nothing now, and waiting was not asked for */
    SOURCE_FILLED = 1, /* the event holds the next message */
    SOURCE_END = 2,    /* there are no more messages */
};

struct source {
    struct feed feed;
    enum feed_format format;
    bool closed; /* the session has ended; nothing may follow */
    uint64_t closed_at;
    bool any; /* there has been a message */
};

/* Opens the feed. 0, BOOK_EREAD or BOOK_ENOMEM. */
int source_open(struct source *source, const char *path, enum feed_format format);

/* Also after a failed source_open. */
void source_close(struct source *source);

/*
 * Waits for the first bytes and settles the format: if it was given, they must look like it; if it
 * was not, they tell. A feed without bytes may be of any format. 0, BOOK_EFORMAT, or an error of
 * feed_more. To be called once before source_fill.
 */
int source_begin(struct source *source);

/*
 * Puts the next message's bytes into e->raw and sets e->length and e->offset. Returns an enum
 * source_result or, with e->offset at the fault, an enum book_error: BOOK_ETRUNCATED when the feed
 * ends inside a message, BOOK_EEMPTY when it has none at all, BOOK_ELENGTH when something follows
 * the end of the session, and the errors of itch_frame, lobster_line and feed_more. With `wait` it
 * never returns SOURCE_LATER; without, it never waits.
 */
int source_fill(struct source *source, struct book_event *e, bool wait);

#endif
