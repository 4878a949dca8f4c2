/* SPDX-License-Identifier: MIT */
/*
 * What the ITCH 5.0 decoder refuses: every length that does not fit a type, every type that does
 * not exist, and every value that a field may not have. A refused message leaves no trace.
 */
#include "itch_message.h"

/* The types and lengths of the specification, apart from the decoder's own table. */
static const struct {
    char type;
    size_t length;
} types[] = {
    {'S', 12}, {'R', 39}, {'H', 25}, {'Y', 20}, {'L', 26}, {'V', 35}, {'W', 12}, {'K', 28},
    {'J', 35}, {'h', 21}, {'A', 36}, {'F', 40}, {'E', 31}, {'C', 36}, {'X', 23}, {'D', 19},
    {'U', 35}, {'P', 44}, {'Q', 40}, {'B', 19}, {'I', 50}, {'N', 20}, {'O', 48},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static void refused(const struct message *m, int error)
{
    struct book_event e = untouched(), before = untouched();
    int result = decode(m, &e);
    cr_assert_eq(result, error, "type %c of %zu bytes: %d, not %d", m->bytes[0], m->length, result,
                 error);
    cr_assert_eq(memcmp(&e, &before, sizeof(e)), 0, "a refused message changed the event");
}

/* A message of the type, sound in every field. */
static struct message sound(char type)
{
    struct message m = header(type);
    while (m.length < itch_layout(type)->length)
        number(&m, 0, 1);
    const size_t stock[] = {['R'] = 11, ['H'] = 11, ['Y'] = 11, ['L'] = 15, ['K'] = 11,
                            ['J'] = 11, ['h'] = 11, ['A'] = 24, ['F'] = 24, ['P'] = 24,
                            ['Q'] = 19, ['I'] = 28, ['N'] = 11, ['O'] = 11, ['z'] = 0};
    if (stock[(uint8_t)type])
        memcpy(m.bytes + stock[(uint8_t)type], "ZVZZT   ", 8);
    if (strchr("AFP", type))
        m.bytes[19] = 'S';
    if (type == 'C')
        m.bytes[31] = 'Y';
    return m;
}

Test(itch_refused, layouts_name_every_type)
{
    size_t known = 0;
    for (int c = 0; c < 256; c++)
        known += itch_layout((char)c) != NULL;
    cr_assert_eq(known, TYPES);
    for (size_t i = 0; i < TYPES; i++) {
        const struct itch_layout *layout = itch_layout(types[i].type);
        cr_assert_not_null(layout);
        cr_assert_eq(layout->length, types[i].length);
        cr_assert_not_null(layout->name);
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(strcmp(layout->name, itch_layout(types[j].type)->name), 0);
    }
}

Test(itch_refused, every_wrong_length)
{
    for (size_t i = 0; i < TYPES; i++) {
        struct message m = sound(types[i].type);
        for (m.length = 0; m.length <= BOOK_RAW_MAX; m.length++) {
            if (m.length != types[i].length)
                refused(&m, BOOK_ELENGTH);
        }
        m.length = types[i].length;
        struct book_event e;
        cr_assert_eq(decode(&m, &e), 0);
        /* Lengths that are right modulo 256 are wrong all the same. */
        m.length += 256;
        cr_assert_eq(itch_decode(m.bytes, m.length, &e), BOOK_ELENGTH);
    }
}

Test(itch_refused, every_unknown_type)
{
    for (int c = 0; c < 256; c++) {
        struct message m = {.bytes = {(uint8_t)c}};
        for (m.length = 1; !itch_layout((char)c) && m.length <= 64; m.length++)
            refused(&m, BOOK_ETYPE);
    }
}

/* Tries all values of the byte at `at` of a sound message; those in `good` must pass, no others. */
static void only(char type, size_t at, const char *good)
{
    struct message m = sound(type);
    for (int c = 0; c < 256; c++) {
        m.bytes[at] = (uint8_t)c;
        struct book_event e;
        if (c && strchr(good, c))
            cr_assert_eq(decode(&m, &e), 0, "type %c, byte %zu: %d", type, at, c);
        else
            refused(&m, BOOK_EFIELD);
    }
}

Test(itch_refused, sides)
{
    only('A', 19, "BS");
    only('F', 19, "BS");
    only('P', 19, "BS");
}

Test(itch_refused, printable_flags)
{
    only('C', 31, "YN");
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define SIGNS   "!#$%&()*+-./:;<=>?@[\\]^_`{|}~"

Test(itch_refused, stock_characters)
{
    const struct {
        char type;
        size_t at;
    } stocks[] = {{'R', 11}, {'H', 11}, {'Y', 11}, {'L', 15}, {'K', 11}, {'J', 11}, {'h', 11},
                  {'A', 24}, {'F', 24}, {'P', 24}, {'Q', 19}, {'I', 28}, {'N', 11}, {'O', 11}};
    for (size_t i = 0; i < sizeof(stocks) / sizeof(stocks[0]); i++) {
        /* In ZVZZT and three spaces: none of the first five may be a space, the sixth may. */
        for (size_t j = 0; j < 5; j++) {
            bool last = j == 4;
            only(stocks[i].type, stocks[i].at + j, last ? LETTERS SIGNS " " : LETTERS SIGNS);
        }
        only(stocks[i].type, stocks[i].at + 5, LETTERS SIGNS " ");
        only(stocks[i].type, stocks[i].at + 6, " ");
        only(stocks[i].type, stocks[i].at + 7, " ");
    }
}

Test(itch_refused, stock_padding)
{
    const char *const good[] = {"A       ", "ABCDEFGH", "ABCDEFG "};
    const char *const bad[] = {"        ", " A      ", "A B     ", "ABCDEF H", " ABCDEFG"};
    struct message m = sound('A');
    struct book_event e;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        memcpy(m.bytes + 24, good[i], 8);
        cr_assert_eq(decode(&m, &e), 0);
        cr_assert_eq(memcmp(e.symbol, good[i], 8), 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memcpy(m.bytes + 24, bad[i], 8);
        refused(&m, BOOK_EFIELD);
    }
}

Test(itch_refused, prices)
{
    const struct {
        char type;
        size_t at;
    } prices[] = {{'A', 32}, {'F', 32}, {'C', 32}, {'U', 31}, {'P', 32}, {'Q', 27}};
    for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
        struct message m = sound(prices[i].type);
        struct book_event e;
        memcpy(m.bytes + prices[i].at, "\x7f\xff\xff\xff", 4);
        cr_assert_eq(decode(&m, &e), 0);
        cr_assert_eq(e.price, INT32_MAX);
        memcpy(m.bytes + prices[i].at, "\x80\0\0\0", 4);
        refused(&m, BOOK_EFIELD);
        memset(m.bytes + prices[i].at, 0xff, 4);
        refused(&m, BOOK_EFIELD);
    }
}
