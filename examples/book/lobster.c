/* SPDX-License-Identifier: MIT */
/*
 * Parsing LOBSTER's CSV.
 *
 * A line is first cut at its commas, which settles how many fields there are, and then every field
 * is read by one strict reader of decimal digits. The time's fraction is such a number too, scaled
 * by the decimals that it lacks: no floating point, so each nanosecond comes out as it was written.
 */
#include "lobster.h"

#include <string.h>

enum { TIME, TYPE, ORDER, SIZE, PRICE, DIRECTION, FIELDS };

struct field {
    const char *text;
    size_t length;
};

/* What each type, 1 to 7, asks of the book. */
static const struct {
    uint8_t action, flags;
    char kind;
} types[8] = {
    [1] = {BOOK_ADD, BOOK_ROW | BOOK_PRICED, 0},
    [2] = {BOOK_CANCEL, BOOK_ROW | BOOK_PRICED, 0},
    [3] = {BOOK_DELETE, BOOK_ROW | BOOK_PRICED, 0},
    [4] = {BOOK_EXECUTE, BOOK_ROW | BOOK_PRICED | BOOK_TRADE, 'E'},
    [5] = {BOOK_PRINT, BOOK_ROW | BOOK_TRADE, 'P'},
    [6] = {BOOK_PRINT, BOOK_TRADE, 'Q'},
    [7] = {BOOK_NONE, 0, 0},
};

#define CROSS 6
#define HALT  7

/* Digits only, at least one, up to `max`. */
static bool read_number(const char *text, size_t length, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || digit > max || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return length > 0;
}

static bool read_field(struct field f, uint64_t max, uint64_t *value)
{
    return read_number(f.text, f.length, max, value);
}

/* The same with a sign in front allowed: *negative says whether there was one. */
static bool read_signed(struct field f, uint64_t max, uint64_t *value, bool *negative)
{
    *negative = f.length > 0 && f.text[0] == '-';
    return read_number(f.text + *negative, f.length - *negative, max, value) &&
           !(*negative && *value == 0);
}

/* Seconds with up to nine decimals, to nanoseconds. */
static bool read_time(struct field f, uint64_t *time_ns)
{
    const uint64_t second = 1000000000;
    const char *point = memchr(f.text, '.', f.length);
    size_t whole = point ? (size_t)(point - f.text) : f.length;
    uint64_t seconds, fraction = 0;
    if (!read_number(f.text, whole, UINT64_MAX / second - 1, &seconds))
        return false;
    if (point) {
        size_t decimals = f.length - whole - 1;
        if (decimals > 9 || !read_number(point + 1, decimals, second - 1, &fraction))
            return false;
        for (; decimals < 9; decimals++)
            fraction *= 10;
    }
    *time_ns = seconds * second + fraction;
    return true;
}

/* The order's number; for what is about no order, a negative one is as good as none. */
static bool read_order(struct field f, uint64_t type, uint64_t *ref)
{
    bool negative;
    if (!read_signed(f, UINT64_MAX, ref, &negative))
        return false;
    if (negative)
        *ref = 0;
    return !negative || type >= CROSS;
}

static bool read_price(struct field f, uint64_t type, uint64_t *price)
{
    if (type != HALT)
        return read_field(f, INT32_MAX, price);
    bool negative;
    bool ok = read_signed(f, 1, price, &negative);
    *price = 0;
    return ok;
}

static bool read_direction(struct field f, char *side)
{
    bool negative;
    uint64_t one;
    bool ok = read_signed(f, 1, &one, &negative) && one == 1;
    *side = negative ? 'S' : 'B';
    return ok;
}

static size_t without_ending(const char *line, size_t length)
{
    if (length == 0 || line[length - 1] != '\n')
        return length;
    length--;
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

static size_t count_fields(const char *line, const char *end)
{
    size_t fields = 1;
    for (; line < end; line++)
        fields += *line == ',';
    return fields;
}

/* The field at *line, which moves on to the next one. */
static struct field cut_field(const char **line, const char *end)
{
    const char *text = *line;
    const char *comma = memchr(text, ',', (size_t)(end - text));
    *line = comma ? comma + 1 : end;
    return (struct field){text, (size_t)((comma ? comma : end) - text)};
}

int lobster_line(const uint8_t *bytes, size_t available, bool at_end, size_t *length)
{
    if (available == 0)
        return 0;
    size_t limit = available < BOOK_RAW_MAX ? available : BOOK_RAW_MAX;
    const uint8_t *newline = memchr(bytes, '\n', limit);
    size_t line = newline ? (size_t)(newline - bytes) + 1 : limit;
    if (memchr(bytes, 0, line))
        return BOOK_EFORMAT;
    if (!newline) {
        /* Only at the end of the file may a line fill all the room without its ending. */
        if (limit == BOOK_RAW_MAX && !(at_end && available == limit))
            return BOOK_ELENGTH;
        if (!at_end)
            return 0;
    }
    *length = line;
    return 1;
}

int lobster_decode(const uint8_t *line, size_t length, struct book_event *e)
{
    struct field fields[FIELDS];
    const char *text = (const char *)line;
    const char *end = text + without_ending(text, length);
    if (count_fields(text, end) != FIELDS)
        return BOOK_EFORMAT;
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = cut_field(&text, end);

    uint64_t time_ns, type, ref, shares, price;
    char side;
    if (!read_field(fields[TYPE], UINT64_MAX, &type))
        return BOOK_EFIELD;
    if (type < 1 || type > 7)
        return BOOK_ETYPE;
    if (!read_time(fields[TIME], &time_ns) || !read_order(fields[ORDER], type, &ref) ||
        !read_field(fields[SIZE], UINT32_MAX, &shares) ||
        !read_price(fields[PRICE], type, &price) || !read_direction(fields[DIRECTION], &side))
        return BOOK_EFIELD;

    e->time_ns = time_ns;
    e->ref = ref;
    e->ref2 = 0;
    e->shares = shares;
    e->price = (uint32_t)price;
    e->locate = LOBSTER_LOCATE;
    e->action = types[type].action;
    e->flags = types[type].flags;
    e->type = (char)('0' + type);
    e->side = side;
    e->kind = types[type].kind;
    memset(e->symbol, ' ', sizeof(e->symbol));
    return 0;
}

/* One level of one side; *empty when there is none at this depth. */
static bool read_level(struct field price_field, struct field shares_field,
                       struct lobster_level *level, bool *empty)
{
    const uint64_t nothing = 9999999999;
    uint64_t price, shares;
    bool negative;
    if (!read_signed(price_field, nothing, &price, &negative) ||
        !read_field(shares_field, UINT32_MAX, &shares))
        return false;
    *empty = shares == 0 || price == nothing;
    level->price = (uint32_t)price;
    level->shares = (uint32_t)shares;
    return *empty || (!negative && price > 0 && price <= INT32_MAX);
}

int lobster_levels(const char *line, size_t length, struct lobster_level *levels, size_t capacity,
                   size_t *count)
{
    const char *end = line + without_ending(line, length);
    size_t fields = count_fields(line, end);
    if (fields % 4 != 0)
        return BOOK_EFORMAT;

    size_t found = 0;
    for (size_t pairs = 0; pairs < fields / 2; pairs++) {
        struct field price = cut_field(&line, end);
        struct field shares = cut_field(&line, end);
        struct lobster_level level = {.side = pairs % 2 ? 'B' : 'S'};
        bool empty;
        if (!read_level(price, shares, &level, &empty))
            return BOOK_EFIELD;
        if (empty)
            continue;
        if (found == capacity)
            return BOOK_ELENGTH;
        levels[found++] = level;
    }
    *count = found;
    return 0;
}
