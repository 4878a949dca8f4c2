/* SPDX-License-Identifier: MIT */
/*
 * Any bytes, read as a LOBSTER message file, line after line until one is refused, and as a row of
 * a LOBSTER order book. Whatever comes out must keep the promises that lobster.h makes.
 */
#include <stdlib.h>
#include <string.h>

#include "lobster.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

/* The fields that decode may write; everything else of the event is to stay as it was. */
static void clear_decoded(struct book_event *e)
{
    e->time_ns = e->ref = e->ref2 = e->shares = 0;
    e->price = e->locate = e->action = e->flags = 0;
    e->type = e->side = e->kind = 0;
    memset(e->symbol, 0, sizeof(e->symbol));
}

static void check_fields(const struct book_event *e)
{
    MUST(e->type >= '1' && e->type <= '7');
    MUST(e->locate == LOBSTER_LOCATE && e->ref2 == 0);
    MUST(e->side == 'B' || e->side == 'S');
    MUST(e->shares >> 32 == 0 && e->price >> 31 == 0);
    MUST(((e->flags & BOOK_ROW) != 0) == (e->type <= '5'));
    MUST(((e->flags & BOOK_PRICED) != 0) == (e->type <= '4'));
    MUST(((e->flags & BOOK_TRADE) != 0) == (e->kind != 0));
    MUST(e->kind == (e->type == '4' ? 'E' : e->type == '5' ? 'P' : e->type == '6' ? 'Q' : 0));
    MUST((e->action == BOOK_NONE) == (e->type == '7'));
    MUST(memcmp(e->symbol, "        ", 8) == 0);
}

/* A line of six fields in which only such characters occur as a number may have. */
static bool looks_sound(const uint8_t *line, size_t length)
{
    size_t commas = 0;
    for (size_t i = 0; i < length; i++) {
        commas += line[i] == ',';
        if (!memchr("0123456789,.-\r\n", line[i], 15))
            return false;
    }
    return commas == 5;
}

static void decode(const uint8_t *line, size_t length)
{
    struct book_event e, before;
    memset(&before, 0xa5, sizeof(before));
    e = before;

    int result = lobster_decode(line, length, &e);

    /* In place too, as takt-book does it: the fields lie where the bytes did. */
    struct book_event same = before;
    memcpy(same.raw, line, length);
    MUST(lobster_decode(same.raw, length, &same) == result);
    MUST(result != 0 || memcmp(&same, &e, offsetof(struct book_event, unused)) == 0);

    if (result == 0) {
        MUST(looks_sound(line, length));
        check_fields(&e);
        clear_decoded(&e);
        clear_decoded(&before);
    } else {
        MUST(result == BOOK_EFORMAT || result == BOOK_ETYPE || result == BOOK_EFIELD);
    }
    MUST(memcmp(&e, &before, sizeof(e)) == 0);
}

/* The bytes up to a line's end, in memory of exactly their size. */
static void read_lines(const uint8_t *data, size_t size)
{
    size_t length = SIZE_MAX;
    int result;
    while ((result = lobster_line(data, size, true, &length)) == 1) {
        MUST(length > 0 && length <= BOOK_RAW_MAX && length <= size);
        MUST(length == size || data[length - 1] == '\n');
        MUST(!memchr(data, '\n', length - 1) && !memchr(data, 0, length));
        /* Cut short of its end, the line is not whole yet; with it, what follows is no matter. */
        size_t again = 0;
        MUST(lobster_line(data, length - 1, false, &again) == 0);
        if (data[length - 1] == '\n')
            MUST(lobster_line(data, length, false, &again) == 1 && again == length);

        uint8_t *line = malloc(length);
        MUST(line);
        memcpy(line, data, length);
        decode(line, length);
        free(line);
        data += length;
        size -= length;
        length = SIZE_MAX;
    }
    MUST(result == 0 ? size == 0 : result == BOOK_ELENGTH || result == BOOK_EFORMAT);
    MUST(length == SIZE_MAX);
}

static void read_levels(const uint8_t *data, size_t size)
{
    size_t capacity = size / 4 + 1, count = SIZE_MAX;
    struct lobster_level *levels = malloc(capacity * sizeof(*levels));
    MUST(levels);
    int result = lobster_levels((const char *)data, size, levels, capacity, &count);
    MUST(result == 0 || result == BOOK_EFORMAT || result == BOOK_EFIELD);
    MUST(result == 0 ? count <= capacity : count == SIZE_MAX);
    for (size_t i = 0; result == 0 && i < count; i++) {
        MUST(levels[i].side == 'B' || levels[i].side == 'S');
        MUST(levels[i].price > 0 && levels[i].price >> 31 == 0 && levels[i].shares > 0);
    }
    if (result == 0 && count > 0) {
        size_t fewer = SIZE_MAX;
        MUST(lobster_levels((const char *)data, size, levels, count - 1, &fewer) == BOOK_ELENGTH);
        MUST(fewer == SIZE_MAX);
    }
    free(levels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    read_lines(data, size);
    read_levels(data, size);
    return 0;
}
