/* SPDX-License-Identifier: MIT */
/*
 * LOBSTER's CSV files: the messages of one symbol, and its order book.
 *
 * The functions work on bytes that somebody else owns, keep no state and allocate nothing, so any
 * number of threads may call them at once.
 */
#ifndef TAKT_BOOK_LOBSTER_H
#define TAKT_BOOK_LOBSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* The only symbol of a LOBSTER file has this number. */
#define LOBSTER_LOCATE 1

/*
 * Looks at the line that starts at `bytes`. Returns 1 with the bytes that the line takes, its
 * ending included, in *length; 0 when the line's end is not among the bytes; BOOK_ELENGTH when the
 * line is longer than BOOK_RAW_MAX; BOOK_EFORMAT when it holds a NUL byte, as no text does. With
 * `at_end` nothing follows the bytes, and the last line may lack its ending; 0 then says that there
 * is no line left. A line ends in "\n" or "\r\n".
 */
int lobster_line(const uint8_t *bytes, size_t available, bool at_end, size_t *length);

/*
 * Decodes one line of a message file, with its ending or without it, into the first cache line of
 * `e`: time_ns, ref, ref2 (0), shares, price, locate, action, flags, type, side, kind and symbol
 * (spaces). It writes nothing else. All is read before anything is written,
 * so `line` may be e->raw. Returns 0, or an error and leaves
 * the event as it was:
 *
 *   BOOK_EFORMAT  the line has other than six fields
 *   BOOK_ETYPE    the type is a number, but none of 1 to 7
 *   BOOK_EFIELD   a field is empty, is no number, or is a number that it may not be
 *
 * The time is in seconds with up to nine decimals, the order's number below 2^64, the size below
 * 2^32, the price below 2^31 and the direction 1 or -1. Crosses (6) and halts (7) are about no
 * order: their order number may be negative, and becomes 0. A halt's price is its phase, -1, 0
 * or 1, and the event's price 0.
 */
int lobster_decode(const uint8_t *line, size_t length, struct book_event *e);

/* One price level of the order-book file. */
struct lobster_level {
    uint32_t price;
    uint32_t shares;
    char side; /* 'B' or 'S' */
};

/*
 * Parses one row of an order-book file, with its ending or without it: ask price, ask shares, bid
 * price and bid shares, as often as the file has levels. The levels that are not empty go to
 * `levels`, best first, ask before bid, and their number to *count. An empty level has no shares or
 * the price 9999999999 or -9999999999.
 *
 * Returns 0; BOOK_EFORMAT when the number of fields is no multiple of four; BOOK_EFIELD when a
 * field is empty, no number, or out of range (price 1 to 2^31 - 1, shares below 2^32); BOOK_ELENGTH
 * when the levels are more than `capacity`. A row of `length` bytes has at most length / 4 + 1 of
 * them.
 */
int lobster_levels(const char *line, size_t length, struct lobster_level *levels, size_t capacity,
                   size_t *count);

#endif
