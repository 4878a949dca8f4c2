/* SPDX-License-Identifier: MIT */
/*
 * NASDAQ TotalView-ITCH 5.0: the frames of a daily file and the messages in them.
 *
 * Both functions work on bytes that somebody else owns, keep no state and allocate nothing, so any
 * number of threads may call them at once.
 */
#ifndef TAKT_BOOK_ITCH_H
#define TAKT_BOOK_ITCH_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* The two bytes of length in front of each message of a daily file. */
#define ITCH_PREFIX 2

/* What itch_frame() says of the bytes it was given, when it is no error. */
enum itch_frame_result {
    ITCH_MORE = 0,  /* the frame's end is not among the bytes */
    ITCH_FRAME = 1, /* a whole frame: ITCH_PREFIX bytes, then *length bytes of message */
    ITCH_END = 2,   /* a length of 0, which closes the session: no message follows it */
};

/* The fields of a message that an event keeps. */
enum itch_field {
    ITCH_REF,
    ITCH_REF2,
    ITCH_SHARES,
    ITCH_PRICE,
    ITCH_SIDE,
    ITCH_PRINTABLE,
    ITCH_STOCK,
    ITCH_FIELDS
};

/*
 * Where a message type has its fields. A field is the last `width` bytes of the eight bytes that
 * start at offset `window`; width 0 says that the type has no such field.
 */
struct itch_layout {
    const char *name; /* in words */
    uint8_t length;   /* of the whole message, type byte included; exact */
    uint8_t action;   /* enum book_action */
    uint8_t flags;    /* enum book_flag */
    char kind;        /* of the trade that the message reports; 0 if it reports none */
    struct {
        uint8_t window, width;
    } fields[ITCH_FIELDS];
};

/* The layout of a message type, or NULL when there is no such type. */
const struct itch_layout *itch_layout(char type);

/*
 * Looks at the frame that starts at `bytes`: an enum itch_frame_result, with the message's length
 * in *length when it is ITCH_FRAME (and 0 there when it is ITCH_END), or BOOK_ELENGTH when no
 * message is as long as the prefix says. The first byte alone is enough to refuse text and
 * compressed files. *length is untouched in the other cases.
 */
int itch_frame(const uint8_t *bytes, size_t available, size_t *length);

/*
 * Decodes one message, without its prefix, into the first cache line of `e`: time_ns, ref, ref2,
 * shares, price, locate, action, flags, type, side, kind and symbol. What the message does not have
 * is 0, or spaces for the symbol. It writes nothing else. All is read before anything is
 * written, so `message` may be e->raw. Returns 0,
 * or BOOK_ETYPE, BOOK_ELENGTH or BOOK_EFIELD and leaves the event as it was.
 *
 * Refused as fields: a side other than B and S, a printable flag other than Y and N, a price of
 * 2^31 or more, and a stock that is empty, holds anything but printable ASCII without quotes and
 * commas, or has a space anywhere but in its padding.
 */
int itch_decode(const uint8_t *message, size_t length, struct book_event *e);

#endif
