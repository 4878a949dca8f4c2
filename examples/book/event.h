/* SPDX-License-Identifier: MIT */
/*
 * One message of the feed on its way through the pipeline: the slot of takt-book's ring.
 *
 * Each stage may run on another core than the one before it, and what it finds in the other core's
 * cache it has to wait for. So the fields are laid out by cache lines, and a stage touches as few
 * as it can. What one stage is done with, the next one's results overwrite:
 *
 *              first line                              the lines after it
 *     source   writes offset, length and raw           (a long line of text goes on there)
 *     decode   reads them, writes the fields
 *     book     reads the fields, writes best
 *     format   reads best                              writes the rows, their lengths, the type
 *     tape                                             reads them
 *
 * A slot is four lines, of which most messages touch two, and most stages one.
 */
#ifndef TAKT_BOOK_EVENT_H
#define TAKT_BOOK_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* The longest message a slot can hold; ITCH's longest has 50 bytes, LOBSTER's longest line 76. */
#define BOOK_RAW_MAX 240

/* What there is for the rows; most fit into what their first line has. */
#define BOOK_TEXT_MAX 188

/* What a message asks of the book. */
enum book_action {
    BOOK_NONE,       /* nothing to do: administrative messages */
    BOOK_SYMBOL,     /* the locate code's name (stock directory) */
    BOOK_ADD,        /* a new order: ref, side, shares, price */
    BOOK_EXECUTE,    /* ref loses shares, which trade at the order's price */
    BOOK_EXECUTE_AT, /* ref loses shares, which trade at `price` */
    BOOK_CANCEL,     /* ref loses shares */
    BOOK_DELETE,     /* ref goes */
    BOOK_REPLACE,    /* ref goes; ref2 comes with its side, and with shares and price */
    BOOK_PRINT,      /* a trade that moves no displayed order: shares, price */
    BOOK_SEED,       /* best levels given from outside (LOBSTER's first row): nothing to apply */
};

enum book_flag {
    BOOK_ROW = 1,   /* the message gets a row on the tape */
    BOOK_TRADE = 2, /* the message gets a row among the trades */
    /* The message itself names side and price (LOBSTER): an order that was never seen still
     * reduces its level. */
    BOOK_PRICED = 4,
};

/* Why a feed is refused; negative, below takt's own codes. book_strerror() words them. */
enum book_error {
    BOOK_ETYPE = -2000, /* no such message type */
    BOOK_ELENGTH,       /* the length does not fit the message type */
    BOOK_EFIELD,        /* a field has a value that it may not have */
    BOOK_ETRUNCATED,    /* the feed ends inside a message */
    BOOK_EFORMAT,       /* this is no feed of that format */
    BOOK_EREAD,         /* the feed cannot be read (errno in hand) */
    BOOK_EGZIP,         /* the compressed data are damaged */
    BOOK_EWRITE,        /* an output cannot be written (errno in hand) */
    BOOK_ENOMEM,        /* out of memory */
    BOOK_EEMPTY,        /* the feed has no message at all */
};

/* The best bid and offer after a message, and the trade that it made. */
struct book_best {
    uint64_t bid_shares, ask_shares;
    uint64_t trade_shares;
    uint32_t bid_price, ask_price; /* 1/10,000 dollar; 0 with 0 shares for an empty side */
    char symbol[8]; /* padded with spaces; '#' and the locate code while the name is not known */
};

struct book_event {
    union {
        uint64_t time_ns; /* since midnight */
        uint64_t length;  /* of raw, until it is decoded */
    };
    uint64_t offset; /* of the message's first byte (its length field) in the feed */
    union {
        struct {
            uint32_t price; /* 1/10,000 dollar; after book, of the trade */
            uint8_t flags;  /* enum book_flag */
            char type;      /* the message type as the feed names it */
            char kind;      /* of a trade: E C c P Q */
            uint8_t action; /* enum book_action */
            union {
                struct {
                    uint64_t ref;  /* order reference number */
                    uint64_t ref2; /* the new reference of a replace */
                    uint64_t shares;
                    char symbol[8];  /* where the message names one; otherwise spaces */
                    uint16_t locate; /* the symbol's number: the key that book is sharded by */
                    char side;       /* 'B' or 'S' */
                    char unused[5];
                };
                struct book_best best;
            };
            uint16_t row_length;  /* of the tape's row */
            uint8_t trade_length; /* of the trade's row, which follows it */
            char counted;         /* the type once more, for who counts the rows */
            char text[BOOK_TEXT_MAX];
        };
        uint8_t raw[BOOK_RAW_MAX];
    };
};

_Static_assert(sizeof(struct book_event) == 256, "a slot is four cache lines");
_Static_assert(offsetof(struct book_event, row_length) == 64, "the fields fill the first of them");

#endif
