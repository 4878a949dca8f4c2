/* SPDX-License-Identifier: MIT */
/*
 * The generator's market: stocks whose prices walk at random, the orders that rest in their books,
 * and the next thing that happens to one of them.
 */
#ifndef TAKT_BOOK_GEN_MARKET_H
#define TAKT_BOOK_GEN_MARKET_H

#include <stdbool.h>
#include <stdint.h>

#include "gen_feed.h"
#include "gen_random.h"
#include "gen_side.h"

struct gen_stock {
    struct gen_name name;
    uint32_t middle; /* the price that orders gather around, in cents */
    uint32_t target; /* the number of resting orders that the stock tends to */
    struct gen_side bids, asks;
};

struct gen_market {
    struct gen_feed *feed;
    struct gen_random random;
    struct gen_stock *stocks;
    uint32_t *ranks;   /* the stocks in order of activity, the busiest first */
    uint32_t *weights; /* weights[i]: the activity of ranks 0 to i, summed up */
    uint32_t count;    /* of stocks */
    uint32_t current;  /* the stock of the last order message */
    uint32_t paused;   /* the stock whose trading is paused, or GEN_NONE */
    uint32_t notices;  /* administrative messages of the flow so far */
    uint64_t ref;      /* the last order's reference */
    uint64_t match;    /* the last trade's number */
};

#define GEN_NONE UINT32_MAX

/* Prices of the feed are in 1/10,000 dollar, those of the market in cents. */
#define GEN_CENT 100

/*
 * Makes `count` stocks (1 to 65535), all without orders, which will tend to `resting` orders in
 * all. False when memory runs out; gen_market_close() is due in either case.
 */
bool gen_market_open(struct gen_market *market, struct gen_feed *feed, uint64_t seed,
                     uint32_t count, uint64_t resting);
void gen_market_close(struct gen_market *market);

/* Orders that rest now. */
uint64_t gen_market_orders(const struct gen_market *market);

/* Writes one message of order flow at the feed's time. False when memory runs out. */
bool gen_flow(struct gen_market *market);

/* Writes one message that is about no order. */
void gen_notice(struct gen_market *market);

/* The opening ('O') and closing ('C') auction of a stock, and the imbalance told before it. */
void gen_auction(struct gen_market *market, struct gen_stock *stock, char cross);
void gen_auction_outlook(struct gen_market *market, struct gen_stock *stock, char cross);

/* One of the market makers, 4 characters. */
const char *gen_maker(struct gen_market *market);

#endif
