/* SPDX-License-Identifier: MIT */
/*
 * The bytes of each ITCH 5.0 message, field after field as the specification lists them.
 *
 * This is written out without the decoder's table on purpose: only the lengths come from there, and
 * every message is checked against its length as it ends, so that the two descriptions of the
 * format watch each other.
 */
#include "gen_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "itch.h"

void gen_feed_open(struct gen_feed *feed, int fd)
{
    feed->fd = fd;
    feed->error = 0;
    feed->now = 0;
    feed->written = 0;
    feed->bytes = 0;
    feed->used = 0;
}

bool gen_feed_flush(struct gen_feed *feed)
{
    size_t done = 0;
    while (feed->error == 0 && done < feed->used) {
        ssize_t n = write(feed->fd, feed->buffer + done, feed->used - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            feed->error = errno;
    }
    feed->used = 0;
    return feed->error == 0;
}

static uint8_t *put(uint8_t *at, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        at[i] = (uint8_t)value;
        value >>= 8;
    }
    return at + width;
}

static uint8_t *put_text(uint8_t *at, const char *text, size_t width)
{
    memcpy(at, text, width);
    return at + width;
}

/* The length in front and the header that all types share. */
static uint8_t *begin(struct gen_feed *feed, char type, uint16_t locate)
{
    if (sizeof(feed->buffer) - feed->used < ITCH_PREFIX + BOOK_RAW_MAX)
        gen_feed_flush(feed);
    uint8_t *at = feed->buffer + feed->used;
    at = put(at, itch_layout(type)->length, ITCH_PREFIX);
    at = put(at, (uint8_t)type, 1);
    at = put(at, locate, 2);
    at = put(at, feed->written & 0xffff, 2);
    return put(at, feed->now, 6);
}

static void end(struct gen_feed *feed, const uint8_t *at)
{
    const uint8_t *start = feed->buffer + feed->used;
    size_t size = (size_t)(at - start);
    if (size != ITCH_PREFIX + (size_t)itch_layout((char)start[ITCH_PREFIX])->length)
        abort(); /* the encoder and the decoder's table disagree on this type */
    feed->used += size;
    feed->bytes += size;
    feed->written++;
}

static uint8_t *begin_stock(struct gen_feed *feed, char type, const struct gen_name *stock)
{
    return put_text(begin(feed, type, stock->locate), stock->text, 8);
}

void gen_system_event(struct gen_feed *feed, char event)
{
    end(feed, put(begin(feed, 'S', 0), (uint8_t)event, 1));
}

void gen_directory(struct gen_feed *feed, const struct gen_name *stock)
{
    uint8_t *at = begin_stock(feed, 'R', stock);
    at = put_text(at, "QN", 2);      /* market category, financial status */
    at = put(at, 100, 4);            /* round lot */
    at = put_text(at, "NCZ PN", 6);  /* round lots only, class, sub-type, production, threshold */
    at = put_text(at, "N1N", 3);     /* IPO, price tier, exchange-traded product */
    at = put(at, 0, 4);              /* leverage */
    end(feed, put_text(at, "N", 1)); /* inverse */
}

void gen_trading_action(struct gen_feed *feed, const struct gen_name *stock, char state,
                        const char reason[4])
{
    uint8_t *at = begin_stock(feed, 'H', stock);
    at = put(at, (uint8_t)state, 1);
    at = put(at, ' ', 1);
    end(feed, put_text(at, reason, 4));
}

void gen_short_sale(struct gen_feed *feed, const struct gen_name *stock, char action)
{
    end(feed, put(begin_stock(feed, 'Y', stock), (uint8_t)action, 1));
}

void gen_position(struct gen_feed *feed, const struct gen_name *stock, const char maker[4])
{
    uint8_t *at = begin(feed, 'L', stock->locate);
    at = put_text(at, maker, 4);
    at = put_text(at, stock->text, 8);
    end(feed, put_text(at, "YNA", 3)); /* primary, normal mode, active */
}

void gen_breaker_levels(struct gen_feed *feed, const uint64_t levels[3])
{
    uint8_t *at = begin(feed, 'V', 0);
    for (int i = 0; i < 3; i++)
        at = put(at, levels[i], 8);
    end(feed, at);
}

void gen_breaker_status(struct gen_feed *feed, char level)
{
    end(feed, put(begin(feed, 'W', 0), (uint8_t)level, 1));
}

void gen_ipo_quoting(struct gen_feed *feed, const struct gen_name *stock, uint32_t second,
                     uint32_t price)
{
    uint8_t *at = begin_stock(feed, 'K', stock);
    at = put(at, second, 4);
    at = put(at, 'A', 1); /* anticipated release */
    end(feed, put(at, price, 4));
}

void gen_auction_collar(struct gen_feed *feed, const struct gen_name *stock, uint32_t reference,
                        uint32_t upper, uint32_t lower)
{
    uint8_t *at = begin_stock(feed, 'J', stock);
    at = put(at, reference, 4);
    at = put(at, upper, 4);
    at = put(at, lower, 4);
    end(feed, put(at, 0, 4)); /* extensions so far */
}

void gen_operational_halt(struct gen_feed *feed, const struct gen_name *stock, char market,
                          char action)
{
    uint8_t *at = begin_stock(feed, 'h', stock);
    at = put(at, (uint8_t)market, 1);
    end(feed, put(at, (uint8_t)action, 1));
}

void gen_add(struct gen_feed *feed, const struct gen_name *stock, uint64_t ref, char side,
             uint32_t shares, uint32_t price, const char *maker)
{
    uint8_t *at = begin(feed, maker ? 'F' : 'A', stock->locate);
    at = put(at, ref, 8);
    at = put(at, (uint8_t)side, 1);
    at = put(at, shares, 4);
    at = put_text(at, stock->text, 8);
    at = put(at, price, 4);
    end(feed, maker ? put_text(at, maker, 4) : at);
}

static uint8_t *begin_order(struct gen_feed *feed, char type, uint16_t locate, uint64_t ref)
{
    return put(begin(feed, type, locate), ref, 8);
}

void gen_executed(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares,
                  uint64_t match)
{
    uint8_t *at = begin_order(feed, 'E', locate, ref);
    at = put(at, shares, 4);
    end(feed, put(at, match, 8));
}

void gen_executed_at(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares,
                     uint64_t match, char printable, uint32_t price)
{
    uint8_t *at = begin_order(feed, 'C', locate, ref);
    at = put(at, shares, 4);
    at = put(at, match, 8);
    at = put(at, (uint8_t)printable, 1);
    end(feed, put(at, price, 4));
}

void gen_cancel(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares)
{
    end(feed, put(begin_order(feed, 'X', locate, ref), shares, 4));
}

void gen_delete(struct gen_feed *feed, uint16_t locate, uint64_t ref)
{
    end(feed, begin_order(feed, 'D', locate, ref));
}

void gen_replace(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint64_t new_ref,
                 uint32_t shares, uint32_t price)
{
    uint8_t *at = begin_order(feed, 'U', locate, ref);
    at = put(at, new_ref, 8);
    at = put(at, shares, 4);
    end(feed, put(at, price, 4));
}

void gen_trade(struct gen_feed *feed, const struct gen_name *stock, uint32_t shares, uint32_t price,
               uint64_t match)
{
    uint8_t *at = begin_order(feed, 'P', stock->locate, 0); /* hidden orders have no number */
    at = put(at, 'B', 1);                                   /* and no side that is told */
    at = put(at, shares, 4);
    at = put_text(at, stock->text, 8);
    at = put(at, price, 4);
    end(feed, put(at, match, 8));
}

void gen_cross(struct gen_feed *feed, const struct gen_name *stock, uint64_t shares, uint32_t price,
               uint64_t match, char cross)
{
    uint8_t *at = put(begin(feed, 'Q', stock->locate), shares, 8);
    at = put_text(at, stock->text, 8);
    at = put(at, price, 4);
    at = put(at, match, 8);
    end(feed, put(at, (uint8_t)cross, 1));
}

void gen_broken_trade(struct gen_feed *feed, uint16_t locate, uint64_t match)
{
    end(feed, put(begin(feed, 'B', locate), match, 8));
}

void gen_imbalance(struct gen_feed *feed, const struct gen_name *stock, uint64_t paired,
                   uint64_t imbalance, char direction, uint32_t price, char cross)
{
    uint8_t *at = put(begin(feed, 'I', stock->locate), paired, 8);
    at = put(at, imbalance, 8);
    at = put(at, (uint8_t)direction, 1);
    at = put_text(at, stock->text, 8);
    for (int i = 0; i < 3; i++) /* far, near and current reference price */
        at = put(at, price, 4);
    at = put(at, (uint8_t)cross, 1);
    end(feed, put(at, 'L', 1)); /* near is less than 1 % away from current */
}

void gen_retail_interest(struct gen_feed *feed, const struct gen_name *stock, char interest)
{
    end(feed, put(begin_stock(feed, 'N', stock), (uint8_t)interest, 1));
}

void gen_direct_listing(struct gen_feed *feed, const struct gen_name *stock, uint32_t price)
{
    uint8_t *at = begin_stock(feed, 'O', stock);
    at = put(at, 'N', 1);            /* not yet eligible to open */
    at = put(at, price / 5 * 4, 4);  /* least and */
    at = put(at, price / 5 * 9, 4);  /* greatest price allowed */
    at = put(at, price, 4);          /* near execution price */
    at = put(at, feed->now, 8);      /* and its time */
    at = put(at, price / 10 * 9, 4); /* collar */
    end(feed, put(at, price / 10 * 11, 4));
}
