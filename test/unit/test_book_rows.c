/* SPDX-License-Identifier: MIT */
/* takt-book's rows, outputs and messages. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "error.h"
#include "format.h"
#include "tape.h"

/* Rows as printf would write them. */
static void expect_rows(struct book_event e, int64_t number)
{
    struct book_best best = e.best;
    char rows[300], symbol[9] = "";
    int tape = 0, trade = 0;

    for (int i = 0; i < 8 && best.symbol[i] != ' '; i++)
        symbol[i] = best.symbol[i];
    if (e.flags & BOOK_ROW)
        tape = snprintf(
            rows, sizeof(rows),
            "%" PRIi64 ",%" PRIu64 ",%s,%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRIu64 "\n", number,
            e.time_ns, symbol, best.bid_price, best.bid_shares, best.ask_price, best.ask_shares);
    if (e.flags & BOOK_TRADE)
        trade = snprintf(rows + tape, sizeof(rows) - (size_t)tape,
                         "%" PRIi64 ",%" PRIu64 ",%s,%" PRIu32 ",%" PRIu64 ",%c\n", number,
                         e.time_ns, symbol, e.price, best.trade_shares, e.kind);
    book_format(&e, number, true);
    cr_assert_eq(e.row_length, tape);
    cr_assert_eq(e.trade_length, trade);
    cr_assert_eq(memcmp(e.text, rows, (size_t)(tape + trade)), 0, "%.*s is not %s", tape + trade,
                 e.text, rows);
}

static void expect_value(uint64_t value, uint8_t flags, size_t name_length)
{
    uint32_t price = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    struct book_event e = {.flags = flags,
                           .kind = 'E',
                           .price = price,
                           .time_ns = value > BOOK_TIME_MAX ? BOOK_TIME_MAX : value};

    e.best = (struct book_best){value, value / 3, value, price, price / 7, "        "};
    memcpy(e.best.symbol, "ABCDEFGH", name_length);
    expect_rows(e, (int64_t)(value >> 1));
}

Test(format, rows_are_what_printf_writes)
{
    uint64_t power = 1;

    for (size_t digits = 0; digits < 20; digits++) {
        for (uint8_t flags = 0; flags <= (BOOK_ROW | BOOK_TRADE); flags++) {
            expect_value(power - 1, flags, digits % 9);
            expect_value(power, flags, (digits + 1) % 9);
            expect_value(power + 1, flags, 0);
            expect_value(power * 2 - power / 7, flags, 8);
        }
        power *= 10;
    }
    expect_value(UINT64_MAX, BOOK_ROW | BOOK_TRADE, 8);
}

Test(format, the_longest_rows_fit)
{
    struct book_event e = {
        .flags = BOOK_ROW | BOOK_TRADE, .kind = 'Q', .time_ns = BOOK_TIME_MAX, .price = UINT32_MAX};

    e.best = (struct book_best){UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                UINT32_MAX, UINT32_MAX, {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'}};
    expect_rows(e, INT64_MAX);
    book_format(&e, 1, false);
    cr_assert_eq(e.trade_length, 0);
}

static char directory[64];

static void enter(void)
{
    strcpy(directory, "/tmp/takt-book-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

static void leave(void)
{
    const char *const names[] = {"feed", "tape", "trades"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        (void)unlink(names[i]);
    cr_expect_eq(rmdir(directory), 0);
}

TestSuite(tape, .init = enter, .fini = leave);

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void expect_file(const char *path, const char *content)
{
    char read_back[400];
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, read_back, sizeof(read_back));

    close(fd);
    cr_assert_eq(length, (ssize_t)strlen(content));
    cr_assert_eq(memcmp(read_back, content, (size_t)length), 0);
}

Test(tape, rows_go_to_their_outputs)
{
    struct book_event e = {.row_length = 4, .trade_length = 3, .counted = 'E', .text = "row\ntr\n"};
    struct tape tape;

    write_file("tape", "what was there before, and is longer than what is written over it, so that "
                       "some of it would be left if the file were not emptied");
    cr_assert_eq(tape_open(&tape, "tape", "trades", -1), 0);
    cr_assert_eq(tape_put(&tape, &e), 0);
    e.trade_length = 0;
    e.counted = 'A';
    cr_assert_eq(tape_put(&tape, &e), 0);
    cr_assert_eq(tape_put(&tape, &e), 0);
    cr_assert_eq(tape_close(&tape), 0);
    cr_assert_eq(tape_close(&tape), 0);
    expect_file("tape", TAPE_HEADER "row\nrow\nrow\n");
    expect_file("trades", TRADES_HEADER "tr\n");
    cr_assert_eq(tape.messages, 3);
    cr_assert_eq(tape.by_type['A'], 2);
    cr_assert_eq(tape.by_type['E'], 1);
    cr_assert_eq(tape.tape.rows, 3);
    cr_assert_eq(tape.trades.rows, 1);
    cr_assert_null(tape_failed(&tape));
}

Test(tape, a_full_device_is_an_error_when_the_buffer_is_full)
{
    struct book_event e = {.row_length = 100, .counted = 'A'};
    struct tape tape;
    int error = 0;

    cr_assert_eq(tape_open(&tape, "/dev/full", "trades", -1), 0);
    for (int i = 0; i < 100000 && error == 0; i++)
        error = tape_put(&tape, &e);
    cr_assert_eq(error, BOOK_EWRITE);
    cr_assert_eq(tape_put(&tape, &e), BOOK_EWRITE);
    cr_assert_eq(tape_close(&tape), BOOK_EWRITE);
    cr_assert_eq(tape_failed(&tape), &tape.tape);
    cr_assert_eq(tape.tape.os_error, ENOSPC);
    cr_assert_eq(tape.tape.written, 0);
    expect_file("trades", TRADES_HEADER);
}

Test(tape, tells_how_many_bytes_the_system_took)
{
    const struct rlimit limit = {300001, 300001};
    struct book_event e = {.row_length = 100, .counted = 'A'};
    struct tape tape;
    int error = 0;

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(tape_open(&tape, "tape", NULL, -1), 0);
    for (int i = 0; i < 100000 && error == 0; i++)
        error = tape_put(&tape, &e);
    cr_assert_eq(error, BOOK_EWRITE);
    cr_assert_eq(tape.tape.os_error, EFBIG);
    cr_assert_eq(tape.tape.written, 300001);
    cr_assert_eq(tape_close(&tape), BOOK_EWRITE);
}

Test(tape, never_overwrites_the_feed)
{
    struct tape tape;
    int feed;

    write_file("feed", "precious");
    feed = open("feed", O_RDONLY);
    cr_assert_eq(tape_open(&tape, "tape", "feed", feed), BOOK_EWRITE);
    cr_assert_not_null(tape_failed(&tape)->reason);
    cr_assert_eq(tape_close(&tape), BOOK_EWRITE);
    cr_assert_eq(tape_open(&tape, "tape", "tape", feed), BOOK_EWRITE);
    cr_assert_not_null(tape_failed(&tape)->reason);
    cr_assert_eq(tape_close(&tape), BOOK_EWRITE);
    cr_assert_eq(tape_open(&tape, "/dev/null", "/dev/null", feed), 0);
    cr_assert_eq(tape_close(&tape), 0);
    close(feed);
    expect_file("feed", "precious");
}

Test(error, every_code_has_words_of_its_own)
{
    for (int code = BOOK_ETYPE; code <= BOOK_EEMPTY; code++) {
        for (int other = BOOK_ETYPE; other < code; other++)
            cr_assert_neq(strcmp(book_strerror(code), book_strerror(other)), 0);
    }
    cr_assert_eq(strcmp(book_strerror(-2), "out of memory"), 0);
}
