/* SPDX-License-Identifier: MIT */
/*
 * Decoding ITCH 5.0 by a table.
 *
 * Every integer of ITCH is big-endian and unsigned, no field that we keep is wider than eight
 * bytes, and the first of them starts at offset 11. So any field is the low `width` bytes of a
 * window of eight bytes that ends where the field ends, and such a window always lies inside the
 * message. A field that the type does not have is one of width 0, whose mask clears it all; its
 * window is the first eight bytes, which every message has. Reading a message is then the same
 * straight run of load, swap and mask for every type, with no branch on the type at all: whatever
 * the feed's mix of types, there is nothing to mispredict.
 *
 * The checks are gathered the same way, into one flag that is tested once; nothing is stored before
 * that test, so a refused message leaves the event as it was.
 */
#include "itch.h"

#include <string.h>

/* Every message starts with type (1), stock locate (2), tracking number (2) and time (6). */
#define LOCATE_AT   1
#define TIME_WINDOW 3

/* A field of `width` bytes at `offset`. Absent fields stay {0, 0}. */
/* clang-format off */
#define AT(offset, width) {(offset) + (width) - 8, (width)}
/* clang-format on */
#define STOCK(offset) [ITCH_STOCK] = AT(offset, 8)

static const struct itch_layout layouts[256] = {
    ['S'] = {.name = "system event", .length = 12},
    ['R'] = {.name = "stock directory", .length = 39, .action = BOOK_SYMBOL, .fields = {STOCK(11)}},
    ['H'] = {.name = "stock trading action", .length = 25, .fields = {STOCK(11)}},
    ['Y'] = {.name = "short sale restriction", .length = 20, .fields = {STOCK(11)}},
    ['L'] = {.name = "market participant position", .length = 26, .fields = {STOCK(15)}},
    ['V'] = {.name = "circuit breaker levels", .length = 35},
    ['W'] = {.name = "circuit breaker status", .length = 12},
    ['K'] = {.name = "IPO quoting period", .length = 28, .fields = {STOCK(11)}},
    ['J'] = {.name = "auction collar", .length = 35, .fields = {STOCK(11)}},
    ['h'] = {.name = "operational halt", .length = 21, .fields = {STOCK(11)}},
    ['A'] = {.name = "add order",
             .length = 36,
             .action = BOOK_ADD,
             .flags = BOOK_ROW,
             .fields = {[ITCH_REF] = AT(11, 8),
                        [ITCH_SIDE] = AT(19, 1),
                        [ITCH_SHARES] = AT(20, 4),
                        STOCK(24),
                        [ITCH_PRICE] = AT(32, 4)}},
    ['F'] = {.name = "add order with attribution",
             .length = 40,
             .action = BOOK_ADD,
             .flags = BOOK_ROW,
             .fields = {[ITCH_REF] = AT(11, 8),
                        [ITCH_SIDE] = AT(19, 1),
                        [ITCH_SHARES] = AT(20, 4),
                        STOCK(24),
                        [ITCH_PRICE] = AT(32, 4)}},
    ['E'] = {.name = "order executed",
             .length = 31,
             .action = BOOK_EXECUTE,
             .flags = BOOK_ROW | BOOK_TRADE,
             .kind = 'E',
             .fields = {[ITCH_REF] = AT(11, 8), [ITCH_SHARES] = AT(19, 4)}},
    ['C'] = {.name = "order executed at a price",
             .length = 36,
             .action = BOOK_EXECUTE_AT,
             .flags = BOOK_ROW | BOOK_TRADE,
             .kind = 'C',
             .fields = {[ITCH_REF] = AT(11, 8),
                        [ITCH_SHARES] = AT(19, 4),
                        [ITCH_PRINTABLE] = AT(31, 1),
                        [ITCH_PRICE] = AT(32, 4)}},
    ['X'] = {.name = "order cancel",
             .length = 23,
             .action = BOOK_CANCEL,
             .flags = BOOK_ROW,
             .fields = {[ITCH_REF] = AT(11, 8), [ITCH_SHARES] = AT(19, 4)}},
    ['D'] = {.name = "order delete",
             .length = 19,
             .action = BOOK_DELETE,
             .flags = BOOK_ROW,
             .fields = {[ITCH_REF] = AT(11, 8)}},
    ['U'] = {.name = "order replace",
             .length = 35,
             .action = BOOK_REPLACE,
             .flags = BOOK_ROW,
             .fields = {[ITCH_REF] = AT(11, 8),
                        [ITCH_REF2] = AT(19, 8),
                        [ITCH_SHARES] = AT(27, 4),
                        [ITCH_PRICE] = AT(31, 4)}},
    ['P'] = {.name = "trade",
             .length = 44,
             .action = BOOK_PRINT,
             .flags = BOOK_TRADE,
             .kind = 'P',
             .fields = {[ITCH_REF] = AT(11, 8),
                        [ITCH_SIDE] = AT(19, 1),
                        [ITCH_SHARES] = AT(20, 4),
                        STOCK(24),
                        [ITCH_PRICE] = AT(32, 4)}},
    ['Q'] = {.name = "cross trade",
             .length = 40,
             .action = BOOK_PRINT,
             .flags = BOOK_TRADE,
             .kind = 'Q',
             .fields = {[ITCH_SHARES] = AT(11, 8), STOCK(19), [ITCH_PRICE] = AT(27, 4)}},
    ['B'] = {.name = "broken trade", .length = 19},
    ['I'] = {.name = "order imbalance", .length = 50, .fields = {STOCK(28)}},
    ['N'] = {.name = "retail interest", .length = 20, .fields = {STOCK(11)}},
    ['O'] = {.name = "direct listing price discovery", .length = 48, .fields = {STOCK(11)}},
};

/* By width in bytes. */
static const uint64_t masks[9] = {
    0,
    0xff,
    0xffff,
    0xffffff,
    0xffffffff,
    0xffffffffff,
    0xffffffffffff,
    0xffffffffffffff,
    0xffffffffffffffff,
};

#define EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))
#define HIGH_BITS        EACH_BYTE(0x80)

static uint64_t big_endian64(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static uint64_t load64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return big_endian64(value);
}

static uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* The high bit of each byte of `text` that equals `c`; no byte of either may be above 127. */
static uint64_t equal_bytes(uint64_t text, char c)
{
    return ~((text ^ EACH_BYTE(c)) + EACH_BYTE(0x7f)) & HIGH_BITS;
}

/*
 * Non-zero if eight characters cannot be a stock's name. One word holds all eight, the first one on
 * top, and a sum never carries from one byte into the next while all are below 128; bytes that are
 * not are refused on their own account, whatever the sums make of them.
 */
static uint64_t bad_stock(uint64_t text)
{
    uint64_t spaces = equal_bytes(text, ' ');
    uint64_t control = ~(text + EACH_BYTE(0x80 - ' ')) & HIGH_BITS;
    uint64_t bad = (text & HIGH_BITS) | control | equal_bytes(text, 0x7f) | equal_bytes(text, ',') |
                   equal_bytes(text, '"') | equal_bytes(text, '\'');
    uint64_t first = spaces & HIGH_BITS << 56;           /* a name that is empty */
    uint64_t inner = spaces & ~(spaces << 8) & ~0xffull; /* a space with a character behind it */
    return bad | first | inner;
}

static uint64_t field(const uint8_t *message, const struct itch_layout *layout, enum itch_field f)
{
    return load64(message + layout->fields[f].window) & masks[layout->fields[f].width];
}

const struct itch_layout *itch_layout(char type)
{
    const struct itch_layout *layout = &layouts[(uint8_t)type];
    return layout->length ? layout : NULL;
}

int itch_frame(const uint8_t *bytes, size_t available, size_t *length)
{
    if (available == 0)
        return ITCH_MORE;
    if (bytes[0] > BOOK_RAW_MAX >> 8)
        return BOOK_ELENGTH;
    if (available < ITCH_PREFIX)
        return ITCH_MORE;

    size_t claimed = load16(bytes);
    if (claimed > BOOK_RAW_MAX)
        return BOOK_ELENGTH;
    if (available - ITCH_PREFIX < claimed)
        return ITCH_MORE;
    *length = claimed;
    return claimed ? ITCH_FRAME : ITCH_END;
}

int itch_decode(const uint8_t *message, size_t length, struct book_event *e)
{
    if (length == 0)
        return BOOK_ELENGTH;

    const struct itch_layout *layout = &layouts[message[0]];
    if (layout->length != length)
        return layout->length ? BOOK_ELENGTH : BOOK_ETYPE;

    uint64_t ref = field(message, layout, ITCH_REF);
    uint64_t ref2 = field(message, layout, ITCH_REF2);
    uint64_t shares = field(message, layout, ITCH_SHARES);
    uint64_t price = field(message, layout, ITCH_PRICE);
    uint64_t side = field(message, layout, ITCH_SIDE);
    uint64_t printable = field(message, layout, ITCH_PRINTABLE);
    uint64_t stock = field(message, layout, ITCH_STOCK);
    uint64_t stock_mask = masks[layout->fields[ITCH_STOCK].width];
    uint64_t time_ns = load64(message + TIME_WINDOW) & masks[6];
    uint16_t locate = load16(message + LOCATE_AT);
    char type = (char)message[0];

    uint64_t bad = (bad_stock(stock) & stock_mask) | price >> 31;
    bad |= layout->fields[ITCH_SIDE].width & (side != 'B') & (side != 'S');
    bad |= layout->fields[ITCH_PRINTABLE].width & (printable != 'Y') & (printable != 'N');
    if (bad)
        return BOOK_EFIELD;

    e->time_ns = time_ns;
    e->ref = ref;
    e->ref2 = ref2;
    e->shares = shares;
    e->price = (uint32_t)price;
    e->locate = locate;
    e->action = layout->action;
    e->flags = layout->flags;
    e->type = type;
    e->side = (char)side;
    /* An execution that is not to be printed is told from the others by its small letter. */
    e->kind = (char)(layout->kind | (printable == 'N' ? 'a' - 'A' : 0));
    stock = big_endian64(stock | (EACH_BYTE(' ') & ~stock_mask));
    memcpy(e->symbol, &stock, sizeof(stock));
    return 0;
}
