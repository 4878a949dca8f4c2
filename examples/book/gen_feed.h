/* SPDX-License-Identifier: MIT */
/*
 * Writing ITCH 5.0: one function for each message type, which puts the framed message into a
 * buffer that is written to a file descriptor as it fills.
 *
 * An output that fails stays failed: `error` keeps the errno, and what follows is dropped.
 */
#ifndef TAKT_BOOK_GEN_FEED_H
#define TAKT_BOOK_GEN_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gen_feed {
    int fd;
    int error;        /* errno of the write that failed; 0 while all is well */
    uint64_t now;     /* nanoseconds since midnight: the time of the next message */
    uint64_t written; /* messages so far */
    uint64_t bytes;   /* of them, frames included */
    size_t used;      /* of the buffer */
    uint8_t buffer[1 << 16];
};

/* What messages call a stock by. */
struct gen_name {
    uint16_t locate;
    char text[8]; /* padded with spaces */
};

void gen_feed_open(struct gen_feed *feed, int fd);
/* Writes out what is buffered; false when that or an earlier write failed. */
bool gen_feed_flush(struct gen_feed *feed);

/* Administrative messages. */
void gen_system_event(struct gen_feed *feed, char event);
void gen_directory(struct gen_feed *feed, const struct gen_name *stock);
void gen_trading_action(struct gen_feed *feed, const struct gen_name *stock, char state,
                        const char reason[4]);
void gen_short_sale(struct gen_feed *feed, const struct gen_name *stock, char action);
void gen_position(struct gen_feed *feed, const struct gen_name *stock, const char maker[4]);
void gen_breaker_levels(struct gen_feed *feed, const uint64_t levels[3]);
void gen_breaker_status(struct gen_feed *feed, char level);
void gen_ipo_quoting(struct gen_feed *feed, const struct gen_name *stock, uint32_t second,
                     uint32_t price);
void gen_auction_collar(struct gen_feed *feed, const struct gen_name *stock, uint32_t reference,
                        uint32_t upper, uint32_t lower);
void gen_operational_halt(struct gen_feed *feed, const struct gen_name *stock, char market,
                          char action);

/* Orders; `maker` is NULL for an add without attribution. */
void gen_add(struct gen_feed *feed, const struct gen_name *stock, uint64_t ref, char side,
             uint32_t shares, uint32_t price, const char *maker);
void gen_executed(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares,
                  uint64_t match);
void gen_executed_at(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares,
                     uint64_t match, char printable, uint32_t price);
void gen_cancel(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint32_t shares);
void gen_delete(struct gen_feed *feed, uint16_t locate, uint64_t ref);
void gen_replace(struct gen_feed *feed, uint16_t locate, uint64_t ref, uint64_t new_ref,
                 uint32_t shares, uint32_t price);

/* Trades that move no displayed order, and what is said about auctions. */
void gen_trade(struct gen_feed *feed, const struct gen_name *stock, uint32_t shares, uint32_t price,
               uint64_t match);
void gen_cross(struct gen_feed *feed, const struct gen_name *stock, uint64_t shares, uint32_t price,
               uint64_t match, char cross);
void gen_broken_trade(struct gen_feed *feed, uint16_t locate, uint64_t match);
void gen_imbalance(struct gen_feed *feed, const struct gen_name *stock, uint64_t paired,
                   uint64_t imbalance, char direction, uint32_t price, char cross);
void gen_retail_interest(struct gen_feed *feed, const struct gen_name *stock, char interest);
void gen_direct_listing(struct gen_feed *feed, const struct gen_name *stock, uint32_t price);

#endif
