/* SPDX-License-Identifier: MIT */
/* Unpacking gzip data that come in pieces of any size; several members may follow one another. */
#ifndef TAKT_BOOK_GUNZIP_H
#define TAKT_BOOK_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define GUNZIP_INPUT ((size_t)64 << 10)

struct gunzip {
    z_stream stream; /* next_in and avail_in: what of `input` is not unpacked yet */
    bool inside;     /* a member has begun and not ended */
    uint8_t input[GUNZIP_INPUT];
};

/* 0, or BOOK_ENOMEM. */
int gunzip_open(struct gunzip *gunzip);
void gunzip_close(struct gunzip *gunzip);

/*
 * Unpacks input until `room` bytes are made or the input is used up. *made says how many it was:
 * with room > 0 and none made, more input is needed. 0, BOOK_EGZIP or BOOK_ENOMEM; what was made
 * before the error is good.
 */
int gunzip_run(struct gunzip *gunzip, uint8_t *out, size_t room, size_t *made);

#endif
