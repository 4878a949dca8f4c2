/* SPDX-License-Identifier: MIT */
/*
 * Any bytes, read as an ITCH 5.0 daily file: frame after frame until one is refused.
 *
 * A frame is only ever looked at through a copy of exactly the bytes that are there, so that the
 * address sanitizer sees a read beyond them; and whatever comes out must keep the promises that
 * itch.h makes.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "itch.h"

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

static void check_symbol(const char symbol[8], bool wanted)
{
    bool padding = !wanted;
    for (int i = 0; i < 8; i++) {
        padding |= i > 0 && symbol[i] == ' ';
        if (padding)
            MUST(symbol[i] == ' ');
        else
            MUST(symbol[i] > ' ' && symbol[i] < 127 && !strchr(",\"'", symbol[i]));
    }
}

static void check_fields(const struct book_event *e, const uint8_t *message, size_t length)
{
    const struct itch_layout *layout = itch_layout((char)message[0]);
    MUST(layout && layout->length == length);
    MUST(e->type == (char)message[0]);
    MUST(e->locate == (message[1] << 8 | message[2]));
    MUST(e->time_ns >> 48 == 0);
    MUST(e->action <= BOOK_PRINT && e->action == layout->action);
    MUST(e->price >> 31 == 0);
    MUST(e->type == 'Q' || e->shares >> 32 == 0);
    MUST(e->side == 0 || e->side == 'B' || e->side == 'S');
    MUST((e->side != 0) == (strchr("AFP", e->type) != NULL));
    MUST(((e->flags & BOOK_ROW) != 0) == (strchr("AFECXDU", e->type) != NULL));
    MUST(((e->flags & BOOK_TRADE) != 0) == (strchr("ECPQ", e->type) != NULL));
    MUST((e->flags & ~(BOOK_ROW | BOOK_TRADE)) == 0);
    if (e->flags & BOOK_TRADE)
        MUST(e->kind == e->type || (e->type == 'C' && e->kind == 'c'));
    else
        MUST(e->kind == 0);
    check_symbol(e->symbol, strchr("RHYLKJhAFPQINO", e->type) != NULL);
}

static void decode(const uint8_t *message, size_t length)
{
    struct book_event e, before;
    memset(&before, 0xa5, sizeof(before));
    e = before;

    int result = itch_decode(message, length, &e);

    /* In place too, as takt-book does it: the fields lie where the bytes did. */
    struct book_event same = before;
    memcpy(same.raw, message, length);
    MUST(itch_decode(same.raw, length, &same) == result);
    MUST(result != 0 || memcmp(&same, &e, offsetof(struct book_event, unused)) == 0);

    if (result == 0) {
        check_fields(&e, message, length);
        clear_decoded(&e);
        clear_decoded(&before);
    } else {
        MUST(result == BOOK_ETYPE || result == BOOK_ELENGTH || result == BOOK_EFIELD);
        MUST((result == BOOK_ETYPE) == (length > 0 && !itch_layout((char)message[0])));
    }
    MUST(memcmp(&e, &before, sizeof(e)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t length = SIZE_MAX;
        int result = itch_frame(data, size, &length);
        if (result != ITCH_FRAME) {
            MUST(result == ITCH_MORE || result == ITCH_END || result == BOOK_ELENGTH);
            MUST(length == (result == ITCH_END ? 0 : SIZE_MAX));
            if (result != ITCH_END)
                break;
        }
        MUST(length <= BOOK_RAW_MAX && ITCH_PREFIX + length <= size);
        MUST((result == ITCH_END) == (length == 0));
        /* The same frame with its last byte still to come. */
        size_t unused;
        MUST(itch_frame(data, ITCH_PREFIX + length - 1, &unused) == ITCH_MORE);

        uint8_t *message = malloc(length ? length : 1);
        MUST(message);
        memcpy(message, data + ITCH_PREFIX, length);
        decode(message, length);
        free(message);
        data += ITCH_PREFIX + length;
        size -= ITCH_PREFIX + length;
    }
    return 0;
}
