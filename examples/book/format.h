/* SPDX-License-Identifier: MIT */
/* The rows of the tape and of the trades, as text. */
#ifndef TAKT_BOOK_FORMAT_H
#define TAKT_BOOK_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

#define TAPE_HEADER   "seq,time_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n"
#define TRADES_HEADER "seq,time_ns,symbol,price,shares,kind\n"

/* The latest time that a row has room for; ITCH's field of six bytes ends before it. */
#define BOOK_TIME_MAX UINT64_C(999999999999999)

/*
 * Turns e->best, as book_apply left it, into e->text: first the row of the tape, e->row_length
 * bytes (0 when the message gets none), then that of the trades, e->trade_length bytes (0 when it
 * is no trade, or `trades` is false). `number` is the message's place in the feed, from 1 on;
 * e->time_ns must not be above BOOK_TIME_MAX. Any number of threads, each on its own event.
 */
void book_format(struct book_event *e, int64_t number, bool trades);

#endif
