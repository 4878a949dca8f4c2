/* SPDX-License-Identifier: MIT */
/*
 * The order books of all symbols of a feed.
 *
 * The books lie in one array over all 65,536 locate codes, in memory that the system provides page
 * by page as books are first touched: real locate codes are dense from 1 on, so finding a book is
 * an addition, there is no table of pointers that threads would share, and a day of 8,000 symbols
 * takes 1 MiB for it.
 *
 * A message changes an order and the level that the order rests in. The best level of each side is
 * kept in the book itself and read again from a side's levels only when that side has changed.
 */
#include "book.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_SIZE ((size_t)BOOKS_MOST * sizeof(struct book))

int books_open(struct books *books)
{
    void *memory =
        mmap(NULL, TABLE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    books->table = memory == MAP_FAILED ? NULL : memory;
    return books->table ? 0 : BOOK_ENOMEM;
}

void books_close(struct books *books)
{
    if (!books->table)
        return;
    for (size_t i = 0; i < BOOKS_MOST; i++) {
        struct book *book = &books->table[i];

        orders_free(&book->orders);
        levels_free(&book->sides[0].levels);
        levels_free(&book->sides[1].levels);
    }
    munmap(books->table, TABLE_SIZE);
    books->table = NULL;
}

void books_name(struct books *books, uint16_t locate, const char *name)
{
    struct book *book = &books->table[locate];

    memset(book->symbol, ' ', sizeof(book->symbol));
    memcpy(book->symbol, name, strnlen(name, sizeof(book->symbol)));
    book->used = true;
}

static void read_best(struct book *book, bool sell)
{
    struct book_side *side = &book->sides[sell];
    uint32_t count = side->levels.count;

    side->best_shares = count == 0 ? 0 : side->levels.shares[count - 1];
    /* level_key is its own inverse. */
    side->best_price = count == 0 ? 0 : level_key(sell, levels_keys(&side->levels)[count - 1]);
}

static int level_add(struct book *book, bool sell, uint32_t price, uint64_t shares)
{
    int error = levels_add(&book->sides[sell].levels, level_key(sell, price), shares);

    read_best(book, sell);
    return error;
}

static uint64_t level_take(struct book *book, bool sell, uint32_t price, uint64_t shares)
{
    uint64_t taken = levels_take(&book->sides[sell].levels, level_key(sell, price), shares);

    read_best(book, sell);
    return taken;
}

int books_seed(struct books *books, uint16_t locate, char side, uint32_t price, uint64_t shares)
{
    if (shares == 0)
        return 0;
    if (price > ORDER_PRICE_MAX)
        return BOOK_EFIELD;
    return level_add(&books->table[locate], side == 'S', price, shares);
}

/* Takes an order out of the book with all its shares. */
static void drop(struct book *book, struct order *order)
{
    level_take(book, order->sell, order->price, order->shares);
    orders_remove(&book->orders, order);
}

static int add(struct book *book, uint64_t ref, bool sell, const struct book_event *e)
{
    struct order order = {ref, (uint32_t)e->shares, e->price & ORDER_PRICE_MAX, sell};
    struct order *old = orders_find(&book->orders, ref);
    int error;

    if (e->shares > UINT32_MAX || e->price > ORDER_PRICE_MAX)
        return BOOK_EFIELD;
    if (old) {
        drop(book, old);
        book->duplicates++;
    }
    if (order.shares == 0)
        return 0; /* nothing that could rest */
    error = orders_add(&book->orders, &order);
    if (error != 0)
        return error;
    return level_add(book, sell, order.price, order.shares);
}

/* An order that was never seen. */
static void orphan(struct book *book, const struct book_event *e)
{
    bool sell = e->side == 'S';
    uint64_t taken;

    book->orphans++;
    if (!(e->flags & BOOK_PRICED))
        return;
    taken = level_take(book, sell, e->price, e->shares);
    if (taken != 0 && taken < e->shares)
        book->clamped++;
}

/* Takes shares from an order, which goes when none are left. Returns the price it rested at. */
static uint32_t take(struct book *book, const struct book_event *e)
{
    struct order *order = orders_find(&book->orders, e->ref);
    uint32_t price;

    if (!order) {
        orphan(book, e);
        return e->flags & BOOK_PRICED ? e->price : 0;
    }
    price = order->price;
    if (e->shares > order->shares)
        book->clamped++;
    if (e->shares >= order->shares) {
        drop(book, order);
    } else {
        order->shares -= (uint32_t)e->shares;
        level_take(book, order->sell, price, e->shares);
    }
    return price;
}

static int replace(struct book *book, const struct book_event *e)
{
    struct order *order = orders_find(&book->orders, e->ref);
    bool sell;

    if (!order) {
        orphan(book, e);
        return 0; /* on which side the new order rests, only the old one could tell */
    }
    sell = order->sell;
    drop(book, order);
    return add(book, e->ref2, sell, e);
}

/* What stands for a name that is not known: '#' and the locate code. */
static uint64_t numbered(uint16_t locate)
{
    char text[9];
    uint64_t name;

    snprintf(text, sizeof(text), "#%-7u", locate);
    memcpy(&name, text, sizeof(name));
    return name;
}

/* The book's name, taken from the message where the message has one and the book has none yet. */
static uint64_t symbol(struct book *book, const struct book_event *e)
{
    static const char blank[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    uint64_t known, spaces;

    memcpy(&spaces, blank, sizeof(spaces));
    memcpy(&known, book->symbol, sizeof(known));
    if (known == 0 || e->action == BOOK_SYMBOL) {
        uint64_t given;

        memcpy(&given, e->symbol, sizeof(given));
        if (given != spaces) {
            memcpy(book->symbol, &given, sizeof(given));
            known = given;
        }
    }
    return known == 0 ? numbered(e->locate) : known;
}

int book_apply(struct books *books, struct book_event *e)
{
    struct book *book = &books->table[e->locate];
    uint32_t trade_price = e->price;
    uint64_t shares = e->shares; /* the fields' memory will be the result's */
    uint64_t name;
    int error = 0;

    if (e->action == BOOK_NONE)
        return 0;
    book->used = true;
    name = symbol(book, e);
    switch (e->action) {
    case BOOK_ADD: error = add(book, e->ref, e->side == 'S', e); break;
    case BOOK_EXECUTE: trade_price = take(book, e); break;
    case BOOK_EXECUTE_AT:
    case BOOK_CANCEL: (void)take(book, e); break;
    case BOOK_DELETE: {
        struct order *order = orders_find(&book->orders, e->ref);

        if (order)
            drop(book, order);
        else
            orphan(book, e);
        break;
    }
    case BOOK_REPLACE: error = replace(book, e); break;
    default: break; /* names, prints and seeds move nothing */
    }
    if (error != 0)
        return error;
    e->best.bid_price = book->sides[0].best_price;
    e->best.bid_shares = book->sides[0].best_shares;
    e->best.ask_price = book->sides[1].best_price;
    e->best.ask_shares = book->sides[1].best_shares;
    e->price = trade_price;
    e->best.trade_shares = shares;
    memcpy(e->best.symbol, &name, sizeof(name));
    return 0;
}

void book_prefetch(const struct books *books, const struct book_event *e)
{
    const struct orders *orders = &books->table[e->locate].orders;

    if (e->action == BOOK_NONE || !orders->table)
        return;
    __builtin_prefetch(&orders->table[orders_hash(e->ref) & orders->mask], 1);
    if (e->action == BOOK_REPLACE)
        __builtin_prefetch(&orders->table[orders_hash(e->ref2) & orders->mask], 1);
}

struct book_counts books_count(const struct books *books)
{
    struct book_counts sum = {0};

    for (size_t i = 0; books->table && i < BOOKS_MOST; i++) {
        const struct book *book = &books->table[i];

        sum.symbols += book->used;
        sum.live_orders += book->orders.count;
        sum.orphans += book->orphans;
        sum.clamped += book->clamped;
        sum.duplicates += book->duplicates;
    }
    return sum;
}
