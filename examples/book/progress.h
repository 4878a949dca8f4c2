/* SPDX-License-Identifier: MIT */
/* The progress bar: one line on standard error, while that is a terminal. One thread at a time. */
#ifndef TAKT_BOOK_PROGRESS_H
#define TAKT_BOOK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on;    /* standard error is a terminal; otherwise nothing is ever shown */
    bool shown; /* the line is on the terminal now */
    uint64_t begun_ns, shown_ns;
};

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t progress_clock(void);

void progress_begin(struct progress *progress);

/*
 * Shows how far the run is: bytes of the feed (a total of 0 means that nobody knows), messages,
 * their rate and the time that is left. Call it as often as you like: ten times a second it draws,
 * otherwise it returns at once.
 */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t messages);

/* Wipes the line away. */
void progress_end(struct progress *progress);

#endif
