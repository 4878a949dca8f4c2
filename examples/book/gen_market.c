/* SPDX-License-Identifier: MIT */
/*
 * Setting up the market, and the messages that are about no order.
 *
 * Activity follows Zipf's law: the stock of rank i has a weight of 1 / (i + 1). Which stock has
 * which rank is shuffled, so that busy stocks are spread over the locate codes as in a real feed.
 */
#include "gen_market.h"

#include <stdlib.h>
#include <string.h>

/* Four letters that look drawn at random: the factor has no divisor in common with 26^4. */
static void name_stock(struct gen_name *name, uint32_t index)
{
    uint32_t letters = (uint32_t)(((uint64_t)index * 174763 + 271828) % (26 * 26 * 26 * 26));
    memset(name->text, ' ', sizeof(name->text));
    for (int i = 3; i >= 0; i--) {
        name->text[i] = (char)('A' + letters % 26);
        letters /= 26;
    }
    name->locate = (uint16_t)(index + 1);
}

static void shuffle(struct gen_random *random, uint32_t *ranks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = gen_below(random, i + 1);
        ranks[i] = ranks[other];
        ranks[other] = i;
    }
}

bool gen_market_open(struct gen_market *market, struct gen_feed *feed, uint64_t seed,
                     uint32_t count, uint64_t resting)
{
    memset(market, 0, sizeof(*market));
    gen_random_seed(&market->random, seed);
    market->feed = feed;
    market->paused = GEN_NONE;
    market->stocks = calloc(count, sizeof(*market->stocks));
    market->ranks = calloc(count, sizeof(*market->ranks));
    market->weights = calloc(count, sizeof(*market->weights));
    if (!market->stocks || !market->ranks || !market->weights)
        return false;

    market->count = count;
    shuffle(&market->random, market->ranks, count);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        market->weights[i] = sum += (1u << 24) / (i + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct gen_stock *stock = &market->stocks[market->ranks[i]];
        uint64_t weight = (1u << 24) / (i + 1);
        name_stock(&stock->name, market->ranks[i]);
        /* 5 to 640 dollars, as many between 5 and 10 as between 320 and 640. */
        stock->middle = 500u << gen_below(&market->random, 7);
        stock->middle += gen_below(&market->random, stock->middle);
        stock->target = (uint32_t)(8 + resting * weight / sum);
        stock->bids.side = 'B';
        stock->asks.side = 'S';
    }
    return true;
}

void gen_market_close(struct gen_market *market)
{
    for (uint32_t i = 0; i < market->count; i++) {
        gen_side_free(&market->stocks[i].bids);
        gen_side_free(&market->stocks[i].asks);
    }
    free(market->stocks);
    free(market->ranks);
    free(market->weights);
}

uint64_t gen_market_orders(const struct gen_market *market)
{
    uint64_t orders = 0;
    for (uint32_t i = 0; i < market->count; i++)
        orders += (uint64_t)market->stocks[i].bids.count + market->stocks[i].asks.count;
    return orders;
}

const char *gen_maker(struct gen_market *market)
{
    static const char makers[][5] = {"ALDR", "BRCH", "CEDR", "FIRS",
                                     "MAPL", "OAKS", "PINE", "WLLW"};
    return makers[gen_below(&market->random, sizeof(makers) / sizeof(makers[0]))];
}

/* Starts a pause, or ends the one that there is: at most one stock is paused. */
static void trading_action(struct gen_market *market, uint32_t index)
{
    const struct gen_name *name = &market->stocks[index].name;
    if (market->paused == GEN_NONE) {
        gen_trading_action(market->feed, name, 'P', "LUDP");
        market->paused = index;
    } else {
        gen_trading_action(market->feed, name, 'T', "    ");
        market->paused = GEN_NONE;
    }
}

static void notice_of(struct gen_market *market, char type)
{
    struct gen_feed *feed = market->feed;
    struct gen_random *random = &market->random;
    uint32_t index = market->paused == GEN_NONE ? gen_below(random, market->count) : market->paused;
    struct gen_stock *stock = &market->stocks[index];
    uint32_t price = stock->middle * GEN_CENT;

    switch (type) {
    case 'H': trading_action(market, index); break;
    case 'Y': gen_short_sale(feed, &stock->name, gen_one_in(random, 2) ? '1' : '0'); break;
    case 'L': gen_position(feed, &stock->name, gen_maker(market)); break;
    case 'V':
        gen_breaker_levels(feed, (const uint64_t[3]){395000000000, 369000000000, 339000000000});
        break;
    case 'W': gen_breaker_status(feed, '1'); break;
    case 'K': gen_ipo_quoting(feed, &stock->name, 37800, price); break;
    case 'J':
        gen_auction_collar(feed, &stock->name, price, price / 20 * 21, price / 20 * 19);
        break;
    case 'h':
        gen_operational_halt(feed, &stock->name, 'B', gen_one_in(random, 2) ? 'H' : 'T');
        break;
    case 'B':
        gen_broken_trade(feed, stock->name.locate, 1 + gen_next(random) % market->match);
        break;
    case 'N': gen_retail_interest(feed, &stock->name, "BSAN"[gen_below(random, 4)]); break;
    case 'O': gen_direct_listing(feed, &stock->name, price); break;
    default: gen_auction_outlook(market, stock, 'O'); break;
    }
}

void gen_notice(struct gen_market *market)
{
    /* Every type once, so that no long day lacks one; then what a common day repeats. */
    static const char once[] = "LYVWKhNIOBH", common[] = "IIIIIINNNNNNNNLLLHhYB";
    if (market->paused != GEN_NONE) {
        /* A pause is not for long, and the price that may end it is told before. */
        notice_of(market, gen_one_in(&market->random, 3) ? 'H' : 'J');
        return;
    }
    char type = market->notices < sizeof(once) - 1
                    ? once[market->notices]
                    : common[gen_below(&market->random, sizeof(common) - 1)];
    if (type == 'B' && market->match == 0)
        type = 'I'; /* there is no trade to break yet */
    else
        market->notices++;
    notice_of(market, type);
}

void gen_auction_outlook(struct gen_market *market, struct gen_stock *stock, char cross)
{
    uint32_t paired = 100 * gen_below(&market->random, 5000);
    uint32_t imbalance = 100 * gen_below(&market->random, 500);
    char direction = imbalance == 0 ? 'N' : gen_one_in(&market->random, 2) ? 'B' : 'S';
    gen_imbalance(market->feed, &stock->name, paired, imbalance, direction,
                  stock->middle * GEN_CENT, cross);
}

void gen_auction(struct gen_market *market, struct gen_stock *stock, char cross)
{
    /* One auction in eight finds nobody; its price is then told as 0. */
    uint64_t shares = gen_one_in(&market->random, 8) ? 0 : 100 + gen_below(&market->random, 400000);
    gen_cross(market->feed, &stock->name, shares, shares ? stock->middle * GEN_CENT : 0,
              ++market->match, cross);
}
