/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a feed: a file, standard input, or either of them compressed with gzip, seen through
 * a window that moves along and never grows. One thread at a time, except feed_done.
 */
#ifndef TAKT_BOOK_FEED_H
#define TAKT_BOOK_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gunzip.h"

#define FEED_WINDOW ((size_t)128 << 10)

/* As many bytes behind the last one of the window may be read, whatever they are. */
#define FEED_SLACK 64

enum feed_result {
    FEED_LATER = 0, /* nothing now, and waiting was not asked for */
    FEED_MORE = 1,  /* there are more bytes in the window */
    FEED_END = 2,   /* there are no more bytes */
};

struct feed {
    const char *path;
    int fd;
    int os_error;     /* errno of BOOK_EREAD */
    bool waits;       /* reading may have to wait: a pipe, a terminal */
    bool sniffed;     /* it is known whether the feed is compressed */
    bool at_end;      /* nothing will come behind the window */
    bool input_ended; /* nothing more can be read */
    uint8_t *window;  /* FEED_WINDOW bytes, of which head up to tail are not consumed yet */
    size_t head, tail;
    uint64_t offset;       /* of window[head] in the (unpacked) feed */
    uint64_t total;        /* bytes of the file; 0 where that cannot be known */
    uint64_t done;         /* bytes of it that have been read */
    struct gunzip *gunzip; /* NULL: not compressed */
};

/* Opens `path`; "-" is standard input. 0, BOOK_EREAD (errno in os_error) or BOOK_ENOMEM. */
int feed_open(struct feed *feed, const char *path);

/* Also after a failed feed_open. */
void feed_close(struct feed *feed);

/* The bytes in the window that are not consumed yet. Good until the next call of feed_more. */
static inline const uint8_t *feed_bytes(const struct feed *feed, size_t *available)
{
    *available = feed->sniffed ? feed->tail - feed->head : 0;
    return feed->window + feed->head;
}

/* Moves past the first n bytes of the window. */
static inline void feed_consume(struct feed *feed, size_t n)
{
    feed->head += n;
    feed->offset += n;
}

/*
 * Gets more bytes into the window, behind those that are there, of which there must be fewer than
 * FEED_WINDOW. An enum feed_result, BOOK_EREAD, BOOK_EGZIP or BOOK_ENOMEM. With `wait` it does not
 * return FEED_LATER; without, it does not wait.
 */
int feed_more(struct feed *feed, bool wait);

/* False if reading on would have to wait for somebody else to write. Never waits itself. */
bool feed_ready(const struct feed *feed);

/* How many bytes of the file have been read, for showing progress. Any thread. */
uint64_t feed_done(const struct feed *feed);

/* Where in the file reading or unpacking has stopped, for BOOK_EREAD and BOOK_EGZIP. */
uint64_t feed_stopped(const struct feed *feed);

#endif
