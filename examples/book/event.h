/* SPDX-License-Identifier: MIT */
/*
 * One message of the feed on its way through the pipeline: the slot of takt-book's ring.
 *
 * The source copies the message's bytes into `raw`; decode turns them into the fields of the first
 * cache line; book applies the fields to its order book and leaves the best bid and offer in
 * `best`; format turns `best` into the text of the rows; tape writes the text out. Each stage is
 * done with what the one before it wrote when it starts to write itself, so raw bytes, prices and
 * text share the same memory: a slot is four cache lines, of which most messages touch two.
 */
#ifndef TAKT_BOOK_EVENT_H
#define TAKT_BOOK_EVENT_H

#include <stdint.h>

/* The longest message a slot can hold; ITCH's longest has 50 bytes, LOBSTER's longest line 76. */
#define BOOK_RAW_MAX 192

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
    uint32_t trade_price;
    char symbol[8]; /* padded with spaces; all spaces while the name is not known */
};

struct book_event {
    uint64_t offset;  /* of the message's first byte (its length field) in the feed */
    uint64_t time_ns; /* since midnight */
    uint64_t ref;     /* order reference number */
    uint64_t ref2;    /* the new reference of a replace */
    uint64_t shares;
    uint32_t price;       /* 1/10,000 dollar */
    uint16_t locate;      /* the symbol's number: the key that book is sharded by */
    uint16_t length;      /* of raw, later of the tape's row */
    uint8_t trade_length; /* of the trade's row, which follows the tape's */
    uint8_t action;       /* enum book_action */
    uint8_t flags;        /* enum book_flag */
    char type;            /* the message type as the feed names it */
    char side;            /* 'B' or 'S' */
    char kind;            /* of a trade: E C c P Q */
    char unused[2];
    char symbol[8]; /* of R, A, F, P, Q; otherwise spaces */
    union {
        uint8_t raw[BOOK_RAW_MAX];
        struct book_best best;
        char text[BOOK_RAW_MAX]; /* length bytes of tape, trade_length bytes of trades */
    };
};

_Static_assert(sizeof(struct book_event) == 256, "a slot is four cache lines");

#endif
