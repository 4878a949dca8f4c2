/* SPDX-License-Identifier: MIT */
/*
 * Writing numbers fast: printf would take longer than everything else that happens to a message.
 * Digits are taken off two at a time by a table of the pairs 00 to 99, which halves the divisions,
 * and long numbers are first cut into pieces of eight digits, so that all divisions but one or two
 * are 32 bits wide and by a constant, which compilers turn into multiplications.
 */
#include "format.h"

#include <string.h>

/* The longest rows: a price has up to 10 digits, shares 20. */
#define NUMBER_MOST 19
#define TIME_MOST   15
#define START_MOST  (NUMBER_MOST + 1 + TIME_MOST + 1 + 8 + 1)
#define LEVEL_MOST  (10 + 1 + 20)
#define TAPE_MOST   (START_MOST + LEVEL_MOST + 1 + LEVEL_MOST + 1)
#define TRADE_MOST  (START_MOST + LEVEL_MOST + 1 + 1 + 1)

_Static_assert(TAPE_MOST + TRADE_MOST <= BOOK_TEXT_MAX, "both rows fit, whatever the numbers");
_Static_assert(TRADE_MOST <= UINT8_MAX, "the trade's length fits its field");

/* clang-format off */
static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";
/* clang-format on */

static inline char *put_pair(char *at, uint32_t value)
{
    memcpy(at, &pairs[2 * value], 2);
    return at + 2;
}

/* One or two digits, three or four, without leading zeros. */
static inline char *put_up_to_4(char *at, uint32_t value)
{
    uint32_t high = value / 100, low = value % 100;

    if (high == 0) {
        if (low < 10) {
            *at = (char)('0' + low);
            return at + 1;
        }
        return put_pair(at, low);
    }
    if (high < 10)
        *at++ = (char)('0' + high);
    else
        at = put_pair(at, high);
    return put_pair(at, low);
}

static inline char *put_4(char *at, uint32_t value)
{
    return put_pair(put_pair(at, value / 100), value % 100);
}

static inline char *put_8(char *at, uint32_t value)
{
    return put_4(put_4(at, value / 10000), value % 10000);
}

static inline char *put_up_to_8(char *at, uint32_t value)
{
    if (value < 10000)
        return put_up_to_4(at, value);
    return put_4(put_up_to_4(at, value / 10000), value % 10000);
}

static char *put_number(char *at, uint64_t value)
{
    const uint64_t piece = 100000000;
    uint64_t high;

    if (value < piece)
        return put_up_to_8(at, (uint32_t)value);
    high = value / piece;
    if (high < piece) {
        at = put_up_to_8(at, (uint32_t)high);
    } else {
        at = put_up_to_4(at, (uint32_t)(high / piece));
        at = put_8(at, (uint32_t)(high % piece));
    }
    return put_8(at, (uint32_t)(value % piece));
}

static inline char *put_level(char *at, uint32_t price, uint64_t shares)
{
    at = put_number(at, price);
    *at++ = ',';
    return put_number(at, shares);
}

/* The name without its padding. */
static inline char *put_symbol(char *at, const char symbol[8])
{
    size_t length = 8;

    while (length > 0 && symbol[length - 1] == ' ')
        length--;
    memcpy(at, symbol, 8); /* all eight: cheaper than a copy of some, and the rest has room */
    return at + length;
}

/* What both rows start with. */
static inline char *put_start(char *at, const struct book_event *e, int64_t number,
                              const char symbol[8])
{
    at = put_number(at, (uint64_t)number);
    *at++ = ',';
    at = put_number(at, e->time_ns);
    *at++ = ',';
    at = put_symbol(at, symbol);
    *at++ = ',';
    return at;
}

void book_format(struct book_event *e, int64_t number, bool trades)
{
    const struct book_best best = e->best; /* a copy: the text may not change it */
    char *at = e->text, *end;

    if (e->flags & BOOK_ROW) {
        at = put_start(at, e, number, best.symbol);
        at = put_level(at, best.bid_price, best.bid_shares);
        *at++ = ',';
        at = put_level(at, best.ask_price, best.ask_shares);
        *at++ = '\n';
    }
    end = at;
    if (trades && e->flags & BOOK_TRADE) {
        end = put_start(end, e, number, best.symbol);
        end = put_level(end, e->price, best.trade_shares);
        *end++ = ',';
        *end++ = e->kind;
        *end++ = '\n';
    }
    e->row_length = (uint16_t)(at - e->text);
    e->trade_length = (uint8_t)(end - at);
    e->counted = e->type;
}
