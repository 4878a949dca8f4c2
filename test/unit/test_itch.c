/* SPDX-License-Identifier: MIT */
/*
 * The ITCH 5.0 decoder: each message type, from bytes put together by hand to the fields of the
 * event, and the frames of a daily file.
 */
#include "itch_message.h"

/* What a message must become; what is not named is 0, and the symbol spaces. */
struct expected {
    uint64_t ref, ref2, shares;
    uint32_t price;
    uint8_t action, flags;
    char side, kind;
    const char *symbol;
};

static void decoded(const struct message *m, struct expected x)
{
    struct book_event e = untouched(), before = untouched();
    int result = decode(m, &e);
    cr_assert_eq(result, 0, "type %c: %d", m->bytes[0], result);
    cr_assert_eq(e.time_ns, TIME);
    cr_assert_eq(e.locate, LOCATE);
    cr_assert_eq(e.type, (char)m->bytes[0]);
    cr_assert_eq(e.ref, x.ref);
    cr_assert_eq(e.ref2, x.ref2);
    cr_assert_eq(e.shares, x.shares);
    cr_assert_eq(e.price, x.price);
    cr_assert_eq(e.action, x.action);
    cr_assert_eq(e.flags, x.flags);
    cr_assert_eq(e.side, x.side);
    cr_assert_eq(e.kind, x.kind);
    cr_assert_eq(memcmp(e.symbol, x.symbol ? x.symbol : "        ", 8), 0);
    cr_assert_eq(e.offset, before.offset);
    cr_assert_eq(e.trade_length, before.trade_length);
    cr_assert_eq(memcmp(e.text, before.text, sizeof(e.text)), 0, "the second line was written");

    /* And once more where the bytes lie in the event itself. */
    struct book_event same = untouched();
    memcpy(same.raw, m->bytes, m->length);
    cr_assert_eq(itch_decode(same.raw, m->length, &same), 0);
    same.offset = e.offset;
    cr_assert_eq(memcmp(&same, &e, offsetof(struct book_event, unused)), 0);
}

Test(itch, system_event)
{
    struct message m = header('S');
    text(&m, "O");
    decoded(&m, (struct expected){.action = BOOK_NONE});
}

Test(itch, stock_directory)
{
    struct message m = header('R');
    text(&m, "AAPL    QN");
    number(&m, 100, 4);
    text(&m, "NCZ PNN1N");
    number(&m, 0, 4);
    text(&m, "N");
    decoded(&m, (struct expected){.action = BOOK_SYMBOL, .symbol = "AAPL    "});
}

Test(itch, stock_trading_action)
{
    struct message m = header('H');
    text(&m, "BRK.A   T     ");
    decoded(&m, (struct expected){.symbol = "BRK.A   "});
}

Test(itch, short_sale_restriction)
{
    struct message m = header('Y');
    text(&m, "MSFT    1");
    decoded(&m, (struct expected){.symbol = "MSFT    "});
}

Test(itch, market_participant_position)
{
    struct message m = header('L');
    text(&m, "MAKRINTC    YNA");
    decoded(&m, (struct expected){.symbol = "INTC    "});
}

Test(itch, circuit_breaker_levels)
{
    struct message m = header('V');
    for (int i = 0; i < 3; i++)
        number(&m, UINT64_MAX, 8);
    decoded(&m, (struct expected){0});
}

Test(itch, circuit_breaker_status)
{
    struct message m = header('W');
    text(&m, "1");
    decoded(&m, (struct expected){0});
}

Test(itch, ipo_quoting_period)
{
    struct message m = header('K');
    text(&m, "NEWCO   ");
    number(&m, 37800, 4);
    text(&m, "A");
    number(&m, 250000, 4);
    decoded(&m, (struct expected){.symbol = "NEWCO   "});
}

Test(itch, auction_collar)
{
    struct message m = header('J');
    text(&m, "TSLA    ");
    for (uint32_t i = 0; i < 4; i++)
        number(&m, UINT32_MAX - i, 4);
    decoded(&m, (struct expected){.symbol = "TSLA    "});
}

Test(itch, operational_halt)
{
    struct message m = header('h');
    text(&m, "GOOG    QH");
    decoded(&m, (struct expected){.symbol = "GOOG    "});
}

static void add_order(struct message *m, char side)
{
    number(m, 0x1122334455667788, 8);
    number(m, (uint8_t)side, 1);
    number(m, 4000000000, 4);
    text(m, "ABCDEFGH");
    number(m, 1999999900, 4);
}

static struct expected added(char side)
{
    return (struct expected){.ref = 0x1122334455667788,
                             .shares = 4000000000,
                             .price = 1999999900,
                             .action = BOOK_ADD,
                             .flags = BOOK_ROW,
                             .side = side,
                             .symbol = "ABCDEFGH"};
}

Test(itch, add_order)
{
    struct message m = header('A');
    add_order(&m, 'B');
    decoded(&m, added('B'));
    m = header('A');
    add_order(&m, 'S');
    decoded(&m, added('S'));
}

Test(itch, add_order_with_attribution)
{
    struct message m = header('F');
    add_order(&m, 'S');
    text(&m, "NSDQ");
    decoded(&m, added('S'));
    m.bytes[19] = 'B';
    decoded(&m, added('B'));
}

Test(itch, order_executed)
{
    struct message m = header('E');
    number(&m, 77, 8);
    number(&m, 300, 4);
    number(&m, UINT64_MAX, 8);
    decoded(&m, (struct expected){.ref = 77,
                                  .shares = 300,
                                  .action = BOOK_EXECUTE,
                                  .flags = BOOK_ROW | BOOK_TRADE,
                                  .kind = 'E'});
}

Test(itch, order_executed_at_a_price)
{
    struct message m = header('C');
    number(&m, UINT64_MAX, 8);
    number(&m, 1, 4);
    number(&m, UINT64_MAX, 8);
    text(&m, "Y");
    number(&m, 1234500, 4);
    struct expected x = {.ref = UINT64_MAX,
                         .shares = 1,
                         .price = 1234500,
                         .action = BOOK_EXECUTE_AT,
                         .flags = BOOK_ROW | BOOK_TRADE,
                         .kind = 'C'};
    decoded(&m, x);
    m.bytes[31] = 'N';
    x.kind = 'c';
    decoded(&m, x);
}

Test(itch, order_cancel)
{
    struct message m = header('X');
    number(&m, 5, 8);
    number(&m, UINT32_MAX, 4);
    decoded(&m, (struct expected){
                    .ref = 5, .shares = UINT32_MAX, .action = BOOK_CANCEL, .flags = BOOK_ROW});
}

Test(itch, order_delete)
{
    struct message m = header('D');
    number(&m, 0x8000000000000001, 8);
    decoded(&m,
            (struct expected){.ref = 0x8000000000000001, .action = BOOK_DELETE, .flags = BOOK_ROW});
}

Test(itch, order_replace)
{
    struct message m = header('U');
    number(&m, 10, 8);
    number(&m, 0x0102030405060708, 8);
    number(&m, 200, 4);
    number(&m, INT32_MAX, 4);
    decoded(&m, (struct expected){.ref = 10,
                                  .ref2 = 0x0102030405060708,
                                  .shares = 200,
                                  .price = INT32_MAX,
                                  .action = BOOK_REPLACE,
                                  .flags = BOOK_ROW});
}

Test(itch, trade)
{
    struct message m = header('P');
    number(&m, 0, 8);
    text(&m, "B");
    number(&m, 55, 4);
    text(&m, "QQQ     ");
    number(&m, 3500000, 4);
    number(&m, UINT64_MAX, 8);
    struct expected x = {.shares = 55,
                         .price = 3500000,
                         .action = BOOK_PRINT,
                         .flags = BOOK_TRADE,
                         .side = 'B',
                         .kind = 'P',
                         .symbol = "QQQ     "};
    decoded(&m, x);
    m.bytes[11] = 1;
    m.bytes[19] = 'S';
    x.ref = 1ull << 56;
    x.side = 'S';
    decoded(&m, x);
}

Test(itch, cross_trade)
{
    struct message m = header('Q');
    number(&m, 0x0000000200000003, 8); /* more shares than 32 bits can say */
    text(&m, "SPY     ");
    number(&m, 4000000, 4);
    number(&m, UINT64_MAX, 8);
    text(&m, "O");
    decoded(&m, (struct expected){.shares = 0x0000000200000003,
                                  .price = 4000000,
                                  .action = BOOK_PRINT,
                                  .flags = BOOK_TRADE,
                                  .kind = 'Q',
                                  .symbol = "SPY     "});
}

Test(itch, broken_trade)
{
    struct message m = header('B');
    number(&m, UINT64_MAX, 8);
    decoded(&m, (struct expected){0});
}

Test(itch, order_imbalance)
{
    struct message m = header('I');
    number(&m, UINT64_MAX, 8);
    number(&m, UINT64_MAX, 8);
    text(&m, "OIWM     ");
    for (int i = 0; i < 3; i++)
        number(&m, UINT32_MAX, 4);
    text(&m, "OL");
    decoded(&m, (struct expected){.symbol = "IWM     "});
}

Test(itch, retail_interest)
{
    struct message m = header('N');
    text(&m, "T       N");
    decoded(&m, (struct expected){.symbol = "T       "});
}

Test(itch, direct_listing)
{
    struct message m = header('O');
    text(&m, "DLCR    Y");
    for (int i = 0; i < 3; i++)
        number(&m, UINT32_MAX, 4);
    number(&m, UINT64_MAX, 8);
    number(&m, 1, 4);
    number(&m, 2, 4);
    decoded(&m, (struct expected){.symbol = "DLCR    "});
}

Test(itch, greatest_header)
{
    struct message m = header('D');
    number(&m, 0, 8);
    memset(m.bytes + 1, 0xff, 10);
    struct book_event e = untouched();
    cr_assert_eq(decode(&m, &e), 0);
    cr_assert_eq(e.locate, 65535);
    cr_assert_eq(e.time_ns, (1ull << 48) - 1);
    cr_assert_eq(e.ref, 0);
}

Test(itch, frame_grows_until_whole)
{
    uint8_t bytes[ITCH_PREFIX + 12] = {0, 12, 'S'};
    size_t length = 99;
    for (size_t available = 0; available < sizeof(bytes); available++) {
        cr_assert_eq(itch_frame(bytes, available, &length), ITCH_MORE);
        cr_assert_eq(length, 99);
    }
    cr_assert_eq(itch_frame(bytes, sizeof(bytes), &length), ITCH_FRAME);
    cr_assert_eq(length, 12);
}

Test(itch, frame_ends_before_what_follows)
{
    const uint8_t bytes[] = {0, 1, 'x', 0, 9, 'y'};
    size_t length = 0;
    cr_assert_eq(itch_frame(bytes, sizeof(bytes), &length), ITCH_FRAME);
    cr_assert_eq(length, 1);
    cr_assert_eq(itch_frame(bytes + 3, 3, &length), ITCH_MORE);
}

Test(itch, frame_of_length_0_ends_the_session)
{
    const uint8_t bytes[] = {0, 0};
    size_t length = 99;
    cr_assert_eq(itch_frame(bytes, 1, &length), ITCH_MORE);
    cr_assert_eq(itch_frame(bytes, 2, &length), ITCH_END);
    cr_assert_eq(length, 0);
}

Test(itch, frame_longer_than_a_slot)
{
    static uint8_t bytes[ITCH_PREFIX + 65536];
    for (unsigned claimed = 0; claimed <= UINT16_MAX; claimed++) {
        size_t length = 99999;
        bytes[0] = (uint8_t)(claimed >> 8);
        bytes[1] = (uint8_t)claimed;
        int result = itch_frame(bytes, sizeof(bytes), &length);
        if (claimed > BOOK_RAW_MAX) {
            cr_assert_eq(result, BOOK_ELENGTH);
            cr_assert_eq(itch_frame(bytes, 2, &length), BOOK_ELENGTH);
            cr_assert_eq(length, 99999);
        } else {
            cr_assert_eq(result, claimed ? ITCH_FRAME : ITCH_END);
            cr_assert_eq(length, claimed);
        }
    }
}

Test(itch, other_formats_are_refused_at_their_first_byte)
{
    size_t length;
    cr_assert_eq(itch_frame((const uint8_t *)"34200.5,1,2", 1, &length), BOOK_ELENGTH);
    cr_assert_eq(itch_frame((const uint8_t *)"\x1f\x8b", 1, &length), BOOK_ELENGTH);
    cr_assert_eq(itch_frame((const uint8_t *)"\x7f"
                                             "ELF",
                            1, &length),
                 BOOK_ELENGTH);
}
