/* SPDX-License-Identifier: MIT */
/* The words for what can go wrong in takt-book. */
#include "error.h"

#include <takt/error.h>

#include "event.h"

const char *book_strerror(int code)
{
    switch (code) {
    case BOOK_ETYPE: return "no such message type";
    case BOOK_ELENGTH: return "the length does not fit the message";
    case BOOK_EFIELD: return "a field has a value that it may not have";
    case BOOK_ETRUNCATED: return "the feed ends inside this message";
    case BOOK_EFORMAT: return "this is not in the feed's format";
    case BOOK_EREAD: return "cannot be read";
    case BOOK_EGZIP: return "the compressed data are damaged or incomplete";
    case BOOK_EWRITE: return "cannot be written";
    case BOOK_ENOMEM: return "out of memory";
    case BOOK_EEMPTY: return "the feed has no message";
    default: return takt_strerror(code);
    }
}
