/* SPDX-License-Identifier: MIT */
/* The live orders of one book, found by reference number. orders.c says how. */
#ifndef TAKT_BOOK_ORDERS_H
#define TAKT_BOOK_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The highest price that an order can rest at, in 1/10,000 dollar; ITCH's own limit is lower. */
#define ORDER_PRICE_MAX INT32_MAX

/* An order; a place in the table without one has shares 0, so every reference can be used. */
struct order {
    uint64_t ref;
    uint32_t shares;
    uint32_t price : 31;
    uint32_t sell : 1;
};

_Static_assert(sizeof(struct order) == 16, "four orders in a cache line");

/* All zero: no orders yet. One thread at a time. */
struct orders {
    struct order *table; /* mask + 1 places, or NULL */
    uint32_t mask;
    uint32_t count;
};

/* Mixes every bit of the reference into the low bits, which choose the place. */
static inline uint64_t orders_hash(uint64_t ref)
{
    uint64_t product = (ref ^ ref >> 32) * 0x9e3779b97f4a7c15u;

    return product ^ product >> 32;
}

/* The order `ref`, or NULL. The pointer is good until the next orders_add or orders_remove. */
static inline struct order *orders_find(const struct orders *orders, uint64_t ref)
{
    if (orders->count == 0)
        return NULL;
    for (uint64_t at = orders_hash(ref);; at++) {
        struct order *order = &orders->table[at & orders->mask];

        if (order->shares == 0)
            return NULL;
        if (order->ref == ref)
            return order;
    }
}

/*
 * Adds an order that is not there, with at least one share and a price up to ORDER_PRICE_MAX.
 * 0, or BOOK_ENOMEM: then nothing has changed.
 */
int orders_add(struct orders *orders, const struct order *order);

/* Takes out an order that orders_find gave. */
void orders_remove(struct orders *orders, struct order *order);

/* Gives the memory back and leaves an empty table. */
void orders_free(struct orders *orders);

#endif
