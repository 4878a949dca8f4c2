/* SPDX-License-Identifier: MIT */
/*
 * The order books of all symbols of a feed, one for each locate code.
 *
 * A symbol's book is reached by its locate code alone and shares nothing with any other, neither a
 * counter nor a cache line pair: so threads may apply messages of different symbols at the same
 * time, as long as each symbol's messages are applied one after the other and in feed order.
 */
#ifndef TAKT_BOOK_BOOK_H
#define TAKT_BOOK_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "levels.h"
#include "orders.h"

/* The best level of a side as it was last read from the levels; 0 and 0 for an empty side. */
struct book_side {
    struct levels levels;
    uint64_t best_shares;
    uint32_t best_price;
};

struct book {
    _Alignas(128) struct orders orders;
    struct book_side sides[2]; /* bids, asks */
    char symbol[8];            /* all zero while the name is not known */
    bool used;                 /* some message was for this book */
    uint64_t orphans, clamped, duplicates;
};

_Static_assert(sizeof(struct book) == 128, "a book has a cache line pair of its own");

struct books {
    struct book *table; /* BOOKS_MOST of them; untouched ones take no memory */
};

#define BOOKS_MOST 65536

/* What the books have seen, all symbols taken together. */
struct book_counts {
    uint64_t symbols;     /* books that some message was for */
    uint64_t live_orders; /* orders resting now */
    uint64_t orphans;     /* messages for orders that were never seen */
    uint64_t clamped;     /* messages that took more shares than there were */
    uint64_t duplicates;  /* orders added under the number of one that still rested */
};

/* 0, or BOOK_ENOMEM. */
int books_open(struct books *books);

/* Gives all memory back. After a failed books_open, or on zeroed books, it does nothing. */
void books_close(struct books *books);

/* Names a symbol: at most eight characters. */
void books_name(struct books *books, uint16_t locate, const char *name);

/* Puts a level of unknown orders on a side ('B' or 'S') of a book. 0, BOOK_EFIELD, BOOK_ENOMEM. */
int books_seed(struct books *books, uint16_t locate, char side, uint32_t price, uint64_t shares);

/*
 * Applies a decoded message to its symbol's book. When it gets a row (its flags say so), e->best
 * tells the best bid and offer after it, its trade and the symbol's name. Returns 0, BOOK_ENOMEM,
 * or BOOK_EFIELD for an order that is larger or dearer than a book can hold (only LOBSTER's numbers
 * are that wide).
 *
 * What does not fit the book is counted and is no error. A message for an order that was never seen
 * is an orphan: it changes nothing, except that one which names side and price (BOOK_PRICED) still
 * takes its shares from that level. More shares than there are take what there is. An order added
 * under the number of a resting one replaces it.
 */
int book_apply(struct books *books, struct book_event *e);

/*
 * Has the cache lines fetched that book_apply will need for this decoded message. Changes nothing,
 * but reads the book: so it is for the thread that may apply the symbol's messages.
 */
void book_prefetch(const struct books *books, const struct book_event *e);

/* Adds up. Not while messages are being applied. */
struct book_counts books_count(const struct books *books);

#endif
