/* SPDX-License-Identifier: MIT */
/*
 * The resting orders of one side of a stock's book, as the generator needs them: the best one, any
 * one at random, and no more memory than the orders take.
 *
 * A binary heap does all three. Its root is the order that trades next (best price, then the
 * earliest reference); every other place of the array is an order to pick; and as the generator
 * picks by place, it never has to find an order by its reference.
 */
#ifndef TAKT_BOOK_GEN_SIDE_H
#define TAKT_BOOK_GEN_SIDE_H

#include <stdbool.h>
#include <stdint.h>

struct gen_order {
    uint64_t ref;
    uint32_t price, shares;
};

struct gen_side {
    struct gen_order *orders; /* orders[0] is the best */
    uint32_t count, capacity;
    char side; /* 'B' or 'S' */
};

/* False when memory runs out. */
bool gen_side_add(struct gen_side *side, struct gen_order order);

void gen_side_remove(struct gen_side *side, uint32_t place);

void gen_side_free(struct gen_side *side);

#endif
