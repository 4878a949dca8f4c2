/* SPDX-License-Identifier: MIT */
/* Cutting a LOBSTER file into lines, and reading the rows of its order book. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lobster.h"

/* A copy of exactly the text's size, without its 0, so that the sanitizers see a read beyond. */
static char *exact(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, length);
    return copy;
}

static int line(const char *text, size_t available, bool at_end, size_t *length)
{
    char *copy = exact(text, available);
    int result = lobster_line((const uint8_t *)copy, available, at_end, length);
    free(copy);
    return result;
}

Test(lobster_rows, lines_of_a_feed)
{
    const char feed[] = "a,b\nc\r\n\nlast";
    const size_t lengths[] = {4, 3, 1, 4};
    size_t at = 0, length;
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(line(feed + at, strlen(feed) - at, true, &length), 1);
        cr_assert_eq(length, lengths[i]);
        at += length;
    }
    cr_assert_eq(at, strlen(feed));
    cr_assert_eq(line(feed + at, 0, true, &length), 0);
}

Test(lobster_rows, line_that_is_not_whole_yet)
{
    size_t length = 99;
    cr_assert_eq(line("34200", 0, false, &length), 0);
    cr_assert_eq(line("34200", 5, false, &length), 0);
    cr_assert_eq(line("34200\r", 6, false, &length), 0);
    cr_assert_eq(length, 99);
    cr_assert_eq(line("34200\r\n", 7, false, &length), 1);
    cr_assert_eq(length, 7);
}

Test(lobster_rows, longest_line)
{
    char text[BOOK_RAW_MAX + 2];
    size_t length = 99;
    memset(text, '1', sizeof(text));
    cr_assert_eq(line(text, BOOK_RAW_MAX - 1, false, &length), 0);
    cr_assert_eq(line(text, BOOK_RAW_MAX, false, &length), BOOK_ELENGTH);
    cr_assert_eq(line(text, BOOK_RAW_MAX + 1, false, &length), BOOK_ELENGTH);
    cr_assert_eq(line(text, BOOK_RAW_MAX + 1, true, &length), BOOK_ELENGTH);
    cr_assert_eq(length, 99);
    cr_assert_eq(line(text, BOOK_RAW_MAX, true, &length), 1);
    cr_assert_eq(length, BOOK_RAW_MAX);
    text[BOOK_RAW_MAX] = '\n';
    cr_assert_eq(line(text, BOOK_RAW_MAX + 2, false, &length), BOOK_ELENGTH);
    text[BOOK_RAW_MAX - 1] = '\n';
    cr_assert_eq(line(text, BOOK_RAW_MAX + 2, false, &length), 1);
    cr_assert_eq(length, BOOK_RAW_MAX);
}

Test(lobster_rows, nul_bytes_are_no_text)
{
    size_t length;
    cr_assert_eq(line("3420\0\n", 6, false, &length), BOOK_EFORMAT);
    cr_assert_eq(line("3420\0", 5, false, &length), BOOK_EFORMAT);
    cr_assert_eq(line("3420\0", 5, true, &length), BOOK_EFORMAT);
    /* One behind the line's end is the next line's matter. */
    cr_assert_eq(line("342\n\0", 5, true, &length), 1);
    cr_assert_eq(length, 4);
}

static int levels(const char *row, struct lobster_level *out, size_t capacity, size_t *count)
{
    char *copy = exact(row, strlen(row));
    int result = lobster_levels(copy, strlen(row), out, capacity, count);
    free(copy);
    return result;
}

static void level_is(struct lobster_level level, char side, uint32_t price, uint32_t shares)
{
    cr_assert_eq(level.side, side);
    cr_assert_eq(level.price, price);
    cr_assert_eq(level.shares, shares);
}

Test(lobster_rows, levels_of_a_book)
{
    struct lobster_level out[4];
    size_t count = 0;
    cr_assert_eq(levels("309900,3788,309500,300,310500,100,309300,3986\n", out, 4, &count), 0);
    cr_assert_eq(count, 4);
    level_is(out[0], 'S', 309900, 3788);
    level_is(out[1], 'B', 309500, 300);
    level_is(out[2], 'S', 310500, 100);
    level_is(out[3], 'B', 309300, 3986);
    cr_assert_eq(levels("1,1,2147483647,4294967295\r\n", out, 2, &count), 0);
    cr_assert_eq(count, 2);
    level_is(out[0], 'S', 1, 1);
    level_is(out[1], 'B', INT32_MAX, UINT32_MAX);
}

Test(lobster_rows, empty_levels)
{
    struct lobster_level out[4];
    size_t count = 0;
    cr_assert_eq(levels("9999999999,0,309500,300,9999999999,0,-9999999999,0", out, 4, &count), 0);
    cr_assert_eq(count, 1);
    level_is(out[0], 'B', 309500, 300);
    cr_assert_eq(levels("310000,0,0,0", out, 0, &count), 0);
    cr_assert_eq(count, 0);
    cr_assert_eq(levels("9999999999,5,-9999999999,5", out, 0, &count), 0);
    cr_assert_eq(count, 0);
}

Test(lobster_rows, bad_levels)
{
    struct lobster_level out[8];
    size_t count = 99;
    const char *const formats[] = {"", "\n", "1", "1,2", "1,2,3", "1,2,3,4,", "1,2,3,4,5,6", NULL};
    for (const char *const *row = formats; *row; row++)
        cr_assert_eq(levels(*row, out, 8, &count), BOOK_EFORMAT, "%s", *row);
    const char *const fields[] = {
        "a,2,3,4",          "1,b,3,4",           "1,2,,4",    "1,2,3,",    "1,2,3,4 ",
        "1,2,3,-4",         "-1,2,3,4",          "1,2,-3,4",  "0,2,3,4",   "2147483648,2,3,4",
        "1,4294967296,3,4", "10000000000,2,3,4", "1,2,3,4\r", "1,2,3.0,4", NULL};
    for (const char *const *row = fields; *row; row++)
        cr_assert_eq(levels(*row, out, 8, &count), BOOK_EFIELD, "%s", *row);
    cr_assert_eq(levels("1,2,3,4", out, 1, &count), BOOK_ELENGTH);
    cr_assert_eq(count, 99);
}

/* The bound that the header gives for the number of levels is enough, and nearly reached. */
Test(lobster_rows, most_levels_of_a_row)
{
    char row[4 * 400];
    struct lobster_level out[401];
    size_t length = 0, count;
    for (size_t pairs = 2; pairs <= 400; pairs += 2) {
        length += (size_t)snprintf(row + length, sizeof(row) - length,
                                   pairs == 2 ? "1,1,1,1" : ",1,1,1,1");
        cr_assert_eq(levels(row, out, length / 4 + 1, &count), 0);
        cr_assert_eq(count, pairs);
    }
}
