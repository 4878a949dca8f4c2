/* SPDX-License-Identifier: MIT */
/*
 * The LOBSTER decoder: each message type, and every way in which a field can be wrong.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lobster.h"

/* What an event holds before it is decoded into: a pattern that no message makes. */
static struct book_event untouched(void)
{
    struct book_event e;
    memset(&e, 0x5a, sizeof(e));
    return e;
}

/* A copy of exactly the text's size, without its 0, so that the sanitizers see a read beyond. */
static char *exact(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, length);
    return copy;
}

static int decode(const char *line, struct book_event *e)
{
    char *copy = exact(line, strlen(line));
    int result = lobster_decode((const uint8_t *)copy, strlen(line), e);
    free(copy);
    return result;
}

static void refused(const char *line, int error)
{
    struct book_event e = untouched(), before = untouched();
    int result = decode(line, &e);
    cr_assert_eq(result, error, "%s: %d, not %d", line, result, error);
    cr_assert_eq(memcmp(&e, &before, sizeof(e)), 0, "%s: the event was changed", line);
}

struct expected {
    uint64_t time_ns, ref, shares;
    uint32_t price;
    uint8_t action, flags;
    char type, side, kind;
};

static void decoded(const char *line, struct expected x)
{
    struct book_event e = untouched(), before = untouched();
    int result = decode(line, &e);
    cr_assert_eq(result, 0, "%s: %d", line, result);
    cr_assert_eq(e.time_ns, x.time_ns);
    cr_assert_eq(e.ref, x.ref);
    cr_assert_eq(e.ref2, 0);
    cr_assert_eq(e.shares, x.shares);
    cr_assert_eq(e.price, x.price);
    cr_assert_eq(e.locate, LOBSTER_LOCATE);
    cr_assert_eq(e.action, x.action);
    cr_assert_eq(e.flags, x.flags);
    cr_assert_eq(e.type, x.type);
    cr_assert_eq(e.side, x.side);
    cr_assert_eq(e.kind, x.kind);
    cr_assert_eq(memcmp(e.symbol, "        ", 8), 0);
    cr_assert_eq(e.offset, before.offset);
    cr_assert_eq(e.trade_length, before.trade_length);
    cr_assert_eq(memcmp(e.text, before.text, sizeof(e.text)), 0, "the second line was written");

    /* And once more where the bytes lie in the event itself. */
    struct book_event same = untouched();
    memcpy(same.raw, line, strlen(line));
    cr_assert_eq(lobster_decode(same.raw, strlen(line), &same), 0);
    same.offset = e.offset;
    cr_assert_eq(memcmp(&same, &e, offsetof(struct book_event, unused)), 0);
}

static uint64_t time_of(const char *seconds)
{
    char line[128];
    struct book_event e;
    snprintf(line, sizeof(line), "%s,1,1,1,1,1", seconds);
    cr_assert_eq(decode(line, &e), 0, "%s", line);
    return e.time_ns;
}

Test(lobster, new_order)
{
    decoded("34200.015247805,1,16116658,100,310400,-1\n",
            (struct expected){.time_ns = 34200015247805,
                              .ref = 16116658,
                              .shares = 100,
                              .price = 310400,
                              .action = BOOK_ADD,
                              .flags = BOOK_ROW | BOOK_PRICED,
                              .type = '1',
                              .side = 'S'});
}

Test(lobster, partial_cancel)
{
    decoded("34201.5,2,7,50,309500,1\r\n", (struct expected){.time_ns = 34201500000000,
                                                             .ref = 7,
                                                             .shares = 50,
                                                             .price = 309500,
                                                             .action = BOOK_CANCEL,
                                                             .flags = BOOK_ROW | BOOK_PRICED,
                                                             .type = '2',
                                                             .side = 'B'});
}

Test(lobster, deletion)
{
    decoded("34200,3,18446744073709551615,4294967295,2147483647,1",
            (struct expected){.time_ns = 34200000000000,
                              .ref = UINT64_MAX,
                              .shares = UINT32_MAX,
                              .price = INT32_MAX,
                              .action = BOOK_DELETE,
                              .flags = BOOK_ROW | BOOK_PRICED,
                              .type = '3',
                              .side = 'B'});
}

Test(lobster, visible_execution)
{
    decoded("0.000000001,4,9,1,2,-1",
            (struct expected){.time_ns = 1,
                              .ref = 9,
                              .shares = 1,
                              .price = 2,
                              .action = BOOK_EXECUTE,
                              .flags = BOOK_ROW | BOOK_PRICED | BOOK_TRADE,
                              .type = '4',
                              .side = 'S',
                              .kind = 'E'});
}

Test(lobster, hidden_execution)
{
    decoded("34200.2,5,0,100,309750,1", (struct expected){.time_ns = 34200200000000,
                                                          .shares = 100,
                                                          .price = 309750,
                                                          .action = BOOK_PRINT,
                                                          .flags = BOOK_ROW | BOOK_TRADE,
                                                          .type = '5',
                                                          .side = 'B',
                                                          .kind = 'P'});
}

Test(lobster, cross)
{
    struct expected x = {.time_ns = 34202000000000,
                         .shares = 1500000,
                         .price = 309900,
                         .action = BOOK_PRINT,
                         .flags = BOOK_TRADE,
                         .type = '6',
                         .side = 'S',
                         .kind = 'Q'};
    decoded("34202.0,6,-1,1500000,309900,-1", x);
    x.ref = 12;
    decoded("34202.0,6,12,1500000,309900,-1", x);
}

Test(lobster, halt)
{
    const char *const lines[] = {"40000.25,7,0,0,-1,-1", "40000.25,7,0,0,0,-1",
                                 "40000.25,7,0,0,1,-1", "40000.25,7,-1,0,-1,-1"};
    for (size_t i = 0; i < 4; i++)
        decoded(lines[i],
                (struct expected){
                    .time_ns = 40000250000000, .action = BOOK_NONE, .type = '7', .side = 'S'});
    refused("40000.25,7,0,0,2,-1", BOOK_EFIELD);
    refused("40000.25,7,0,0,-2,-1", BOOK_EFIELD);
    refused("40000.25,7,0,0,-0,-1", BOOK_EFIELD);
    refused("40000.25,7,0,0,310000,-1", BOOK_EFIELD);
}

Test(lobster, time_is_exact)
{
    cr_assert_eq(time_of("0"), 0);
    cr_assert_eq(time_of("00034200.1"), 34200100000000);
    cr_assert_eq(time_of("34200.01399412"), 34200013994120);
    cr_assert_eq(time_of("57599.999999999"), 57599999999999);
    cr_assert_eq(time_of("0.100000000"), 100000000);
    cr_assert_eq(time_of("18446744072.999999999"), 18446744072999999999u);
    /* Every number of decimals, which a floating point number would round. */
    uint64_t digits = 0;
    char text[] = "34567.123456789";
    for (int decimals = 1; decimals <= 9; decimals++) {
        char cut[16];
        snprintf(cut, sizeof(cut), "%.*s", 6 + decimals, text);
        digits = digits * 10 + (uint64_t)decimals;
        uint64_t scaled = digits;
        for (int i = decimals; i < 9; i++)
            scaled *= 10;
        cr_assert_eq(time_of(cut), 34567000000000 + scaled);
    }
}

/* Puts each text in the place of one field of a sound line of the given type. */
static void bad_field(char type, int place, const char *const *texts, int error)
{
    for (; *texts; texts++) {
        const char *fields[6] = {"34200.5", (char[]){type, 0}, "11", "100", "309900", "1"};
        char line[256];
        fields[place] = *texts;
        snprintf(line, sizeof(line), "%s,%s,%s,%s,%s,%s", fields[0], fields[1], fields[2],
                 fields[3], fields[4], fields[5]);
        refused(line, error);
    }
}

/* What no number may look like. */
#define NO_NUMBERS                                                                                 \
    "", " ", " 1", "1 ", "+1", "-", "--1", "0x10", "1e3", "1_0", "one", "1-", "1\t", "1\r",        \
        "\"1\"", "99999999999999999999999999"

Test(lobster, bad_times)
{
    const char *const bad[] = {NO_NUMBERS,
                               "-1",
                               "34200.",
                               ".5",
                               ".",
                               "34200.1.2",
                               "34200.12345678901",
                               "34200.1234567890",
                               "34200.0000000001",
                               "34200.0000000000",
                               "34200.-1",
                               "34200.1 ",
                               "34200.+1",
                               "34200:5",
                               "nan",
                               "inf",
                               "18446744073",
                               "18446744073709551616",
                               NULL};
    bad_field('1', 0, bad, BOOK_EFIELD);
}

Test(lobster, bad_types)
{
    const char *const numbers[] = {"0", "8", "10", "255", "257", "18446744073709551615", NULL};
    const char *const others[] = {NO_NUMBERS, "-1", "A", "1.0", NULL};
    bad_field('1', 1, numbers, BOOK_ETYPE);
    bad_field('1', 1, others, BOOK_EFIELD);
}

Test(lobster, bad_orders)
{
    const char *const bad[] = {NO_NUMBERS,
                               "-1",
                               "1.0",
                               "18446744073709551616",
                               "18446744073709551620",
                               "28446744073709551615",
                               NULL};
    for (char type = '1'; type <= '5'; type++)
        bad_field(type, 2, bad, BOOK_EFIELD);
    const char *const still_bad[] = {NO_NUMBERS, "-0", "-18446744073709551616", NULL};
    bad_field('6', 2, still_bad, BOOK_EFIELD);
}

Test(lobster, bad_sizes)
{
    const char *const bad[] = {NO_NUMBERS, "-1", "1.0", "4294967296", "18446744073709551617", NULL};
    for (char type = '1'; type <= '7'; type++)
        bad_field(type, 3, bad, BOOK_EFIELD);
}

Test(lobster, bad_prices)
{
    const char *const bad[] = {NO_NUMBERS, "-1", "1.0", "2147483648", "4294967297", NULL};
    for (char type = '1'; type <= '6'; type++)
        bad_field(type, 4, bad, BOOK_EFIELD);
}

Test(lobster, bad_directions)
{
    const char *const bad[] = {NO_NUMBERS, "0", "2", "-2", "11", "-0", "B", "1.0", NULL};
    for (char type = '1'; type <= '7'; type++)
        bad_field(type, 5, bad, BOOK_EFIELD);
}

Test(lobster, number_of_fields)
{
    refused("", BOOK_EFORMAT);
    refused("\n", BOOK_EFORMAT);
    refused("\r\n", BOOK_EFORMAT);
    refused("no message at all", BOOK_EFORMAT);
    refused("34200.1,1,2,3,4", BOOK_EFORMAT);
    refused("34200.1,1,2,3,4,1,", BOOK_EFORMAT);
    refused("34200.1,1,2,3,4,1,null", BOOK_EFORMAT);
    refused("34200.1;1;2;3;4;1", BOOK_EFORMAT);
    refused(",,,,,", BOOK_EFIELD);
    refused("Time,Type,Order ID,Size,Price,Direction", BOOK_EFIELD);
}

Test(lobster, only_one_ending_is_taken_off)
{
    refused("34200.1,1,2,3,4,1\n\n", BOOK_EFIELD);
    refused("34200.1,1,2,3,4,1\r\r\n", BOOK_EFIELD);
    refused("34200.1,1,2,3,4,1\r", BOOK_EFIELD);
}
