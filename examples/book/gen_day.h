/* SPDX-License-Identifier: MIT */
/*
 * A whole day of the generator's market, from 04:00 to 20:00, in a given number of messages.
 */
#ifndef TAKT_BOOK_GEN_DAY_H
#define TAKT_BOOK_GEN_DAY_H

#include <stdint.h>

#include "gen_feed.h"

#define GEN_SYMBOLS_MAX 65535

struct gen_day {
    uint64_t messages; /* exactly that many are written */
    uint64_t seed;
    uint32_t symbols; /* 1 to GEN_SYMBOLS_MAX */
    /* Called now and then with the messages written so far; may be NULL. */
    void (*progress)(uint64_t written, uint64_t messages);
    uint64_t orders; /* set by gen_day_write(): those that rest at the end */
};

/* The shortest day with so many symbols, in messages. */
uint64_t gen_day_least(uint32_t symbols);

/*
 * Writes the day: the same bytes for the same messages, seed and symbols. Returns 0 or an errno:
 * that of the output, ENOMEM, or EINVAL for fewer messages than gen_day_least().
 */
int gen_day_write(struct gen_day *day, struct gen_feed *feed);

#endif
