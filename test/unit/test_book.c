/* SPDX-License-Identifier: MIT */
/* takt-book's books: what every message does to the best bid and offer. */
#include <criterion/criterion.h>
#include <string.h>

#include "book.h"

/* A message, applied to the books of one test; what comes back is in `e.best`. */
static struct books books;

static void open_books(void)
{
    cr_assert_eq(books_open(&books), 0);
}

static void close_books(void)
{
    books_close(&books);
}

TestSuite(book, .init = open_books, .fini = close_books);

static struct book_event apply(struct book_event e)
{
    if (e.symbol[0] == '\0')
        memset(e.symbol, ' ', sizeof(e.symbol));
    cr_assert_eq(book_apply(&books, &e), 0);
    return e;
}

static struct book_event add(uint64_t ref, char side, uint32_t shares, uint32_t price)
{
    return apply((struct book_event){.action = BOOK_ADD,
                                     .flags = BOOK_ROW,
                                     .ref = ref,
                                     .side = side,
                                     .shares = shares,
                                     .price = price});
}

static struct book_event change(enum book_action action, uint64_t ref, uint64_t shares)
{
    return apply((struct book_event){
        .action = (uint8_t)action, .flags = BOOK_ROW, .ref = ref, .shares = shares, .price = 77});
}

static void check_best(struct book_event e, uint32_t bid_price, uint64_t bid_shares,
                       uint32_t ask_price, uint64_t ask_shares)
{
    cr_assert_eq(e.best.bid_price, bid_price, "bid at %u", e.best.bid_price);
    cr_assert_eq(e.best.bid_shares, bid_shares, "bid of %lu", e.best.bid_shares);
    cr_assert_eq(e.best.ask_price, ask_price, "ask at %u", e.best.ask_price);
    cr_assert_eq(e.best.ask_shares, ask_shares, "ask of %lu", e.best.ask_shares);
}

static void check_counts(uint64_t live, uint64_t orphans, uint64_t clamped, uint64_t duplicates)
{
    struct book_counts counts = books_count(&books);

    cr_assert_eq(counts.live_orders, live, "%lu live", counts.live_orders);
    cr_assert_eq(counts.orphans, orphans, "%lu orphans", counts.orphans);
    cr_assert_eq(counts.clamped, clamped, "%lu clamped", counts.clamped);
    cr_assert_eq(counts.duplicates, duplicates, "%lu duplicates", counts.duplicates);
}

Test(book, best_of_both_sides)
{
    check_best(add(1, 'B', 100, 1000), 1000, 100, 0, 0);
    check_best(add(2, 'S', 50, 1010), 1000, 100, 1010, 50);
    check_best(add(3, 'B', 10, 1001), 1001, 10, 1010, 50);
    check_best(add(4, 'B', 5, 1000), 1001, 10, 1010, 50);
    check_best(add(5, 'S', 7, 1005), 1001, 10, 1005, 7);
    check_best(add(0, 'S', 4, 1005), 1001, 10, 1005, 11);
    check_best(change(BOOK_DELETE, 3, 0), 1000, 105, 1005, 11);
    check_best(change(BOOK_CANCEL, 1, 40), 1000, 65, 1005, 11);
    check_best(change(BOOK_DELETE, 5, 0), 1000, 65, 1005, 4);
    check_best(change(BOOK_EXECUTE, 0, 4), 1000, 65, 1010, 50);
    check_counts(3, 0, 0, 0);
    cr_assert_eq(books_count(&books).symbols, 1);
}

Test(book, an_execution_trades_at_the_price_of_its_order)
{
    struct book_event e;

    add(1, 'B', 100, 1000);
    e = change(BOOK_EXECUTE, 1, 30);
    cr_assert_eq(e.price, 1000);
    cr_assert_eq(e.best.trade_shares, 30);
    cr_assert_eq(change(BOOK_EXECUTE_AT, 1, 30).price, 77);
    cr_assert_eq(change(BOOK_PRINT, 9, 30).price, 77);
    cr_assert_eq(change(BOOK_EXECUTE, 9, 30).price, 0);
    check_best(change(BOOK_PRINT, 1, 10), 1000, 40, 0, 0);
}

Test(book, a_replacement_keeps_its_side)
{
    struct book_event e = {.action = BOOK_REPLACE, .ref = 1, .ref2 = 2, .shares = 7, .price = 1020};

    add(1, 'S', 100, 1000);
    check_best(apply(e), 0, 0, 1020, 7);
    check_counts(1, 0, 0, 0);
    check_best(apply(e), 0, 0, 1020, 7); /* order 1 is gone: 2 stays as it was */
    check_counts(1, 1, 0, 0);
    e.ref = 2; /* to its own number */
    e.shares = 8;
    check_best(apply(e), 0, 0, 1020, 8);
    check_counts(1, 1, 0, 0);
    add(3, 'S', 5, 1015);
    e.ref = 3; /* to the number of an order that rests */
    check_best(apply(e), 0, 0, 1020, 8);
    check_counts(1, 1, 0, 1);
    e.ref = 2;
    e.shares = 0;
    check_best(apply(e), 0, 0, 0, 0);
    check_counts(0, 1, 0, 1);
}

Test(book, what_does_not_fit_is_counted)
{
    add(1, 'B', 100, 1000);
    add(2, 'B', 10, 1001);
    check_best(change(BOOK_CANCEL, 9, 10), 1001, 10, 0, 0);
    check_best(change(BOOK_DELETE, 9, 10), 1001, 10, 0, 0);
    check_counts(2, 2, 0, 0);
    check_best(change(BOOK_EXECUTE, 2, 11), 1000, 100, 0, 0);
    check_counts(1, 2, 1, 0);
    check_best(add(1, 'S', 5, 1003), 0, 0, 1003, 5);
    check_counts(1, 2, 1, 1);
    check_best(add(3, 'B', 0, 999), 0, 0, 1003, 5);
    check_counts(1, 2, 1, 1);
    check_best(change(BOOK_CANCEL, 1, 0), 0, 0, 1003, 5);
    check_counts(1, 2, 1, 1);
}

Test(book, refuses_orders_that_it_cannot_hold)
{
    struct book_event e = {.action = BOOK_ADD, .side = 'B', .shares = UINT64_C(1) << 32};

    cr_assert_eq(book_apply(&books, &e), BOOK_EFIELD);
    e.shares = UINT32_MAX;
    e.price = (uint32_t)ORDER_PRICE_MAX + 1;
    cr_assert_eq(book_apply(&books, &e), BOOK_EFIELD);
    e.price = ORDER_PRICE_MAX;
    cr_assert_eq(book_apply(&books, &e), 0);
    check_best(e, ORDER_PRICE_MAX, UINT32_MAX, 0, 0);
    add(2, 'B', UINT32_MAX, ORDER_PRICE_MAX);
    check_best(change(BOOK_PRINT, 0, 0), ORDER_PRICE_MAX, 2 * (uint64_t)UINT32_MAX, 0, 0);
}

Test(book, unknown_orders_with_a_price_take_from_their_level)
{
    struct book_event e = {.action = BOOK_EXECUTE,
                           .flags = BOOK_PRICED,
                           .ref = 5,
                           .side = 'B',
                           .shares = 60,
                           .price = 1000};

    cr_assert_eq(books_seed(&books, 0, 'B', 1000, 100), 0);
    cr_assert_eq(books_seed(&books, 0, 'S', 1002, 0), 0);
    cr_assert_eq(books_seed(&books, 0, 'S', 1003, UINT64_C(1) << 40), 0);
    check_best(apply(e), 1000, 40, 1003, UINT64_C(1) << 40);
    cr_assert_eq(apply(e).price, 1000);
    check_best(apply(e), 0, 0, 1003, UINT64_C(1) << 40);
    check_counts(0, 3, 1, 0);
    e.action = BOOK_SEED; /* shows the book and leaves it alone */
    e.side = 'S';
    e.price = 1003;
    check_best(apply(e), 0, 0, 1003, UINT64_C(1) << 40);
    check_counts(0, 3, 1, 0);
}

Test(book, names_and_books_belong_to_their_locate_code)
{
    struct book_event e = {.action = BOOK_ADD, .ref = 1, .side = 'B', .shares = 5, .price = 10};

    cr_assert_eq(memcmp(apply(e).best.symbol, "#0      ", 8), 0);
    e.locate = 65535;
    memcpy(e.symbol, "ABC     ", 8);
    cr_assert_eq(memcmp(apply(e).best.symbol, "ABC     ", 8), 0);
    memcpy(e.symbol, "XYZ     ", 8);
    cr_assert_eq(memcmp(apply(e).best.symbol, "ABC     ", 8), 0, "an order renames nothing");
    e.action = BOOK_SYMBOL;
    cr_assert_eq(memcmp(apply(e).best.symbol, "XYZ     ", 8), 0, "the directory does");
    books_name(&books, 7, "EIGHTLET");
    e.locate = 7;
    memset(e.symbol, ' ', 8);
    cr_assert_eq(memcmp(apply(e).best.symbol, "EIGHTLET", 8), 0);
    cr_assert_eq(books_count(&books).symbols, 3);
    check_best(change(BOOK_PRINT, 1, 1), 10, 5, 0, 0);
    check_counts(2, 0, 0, 1);
}

Test(book, prefetching_changes_nothing)
{
    struct book_event e = {.action = BOOK_REPLACE, .ref = 1, .ref2 = 2, .locate = 3};

    book_prefetch(&books, &e);
    cr_assert_eq(books_count(&books).symbols, 0);
    e.locate = 0;
    add(1, 'B', 5, 10);
    book_prefetch(&books, &e);
    check_best(change(BOOK_PRINT, 1, 1), 10, 5, 0, 0);
    check_counts(1, 0, 0, 0);
}
