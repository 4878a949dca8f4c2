/* SPDX-License-Identifier: MIT */
/*
 * The order flow: what happens next, to which stock, and to which of its orders.
 *
 * The flow keeps its own books, so that everything it says is possible: no order is named that does
 * not rest, none trades or is cancelled for more than rests, executions take the best price's
 * earliest order, and no order is added at a price at which it would have traded.
 *
 * The mix of messages is about that of a real day (45 % adds, 40 % deletes, 5 % executions, 6 %
 * replaces). The number of resting orders regulates itself: the more of them a stock has beyond its
 * target, the more likely is a delete and the less an add, so that the number climbs to a plateau
 * near the target, whatever the length of the day.
 *
 * No expression here draws two random numbers in an order that the compiler may choose: the same
 * seed must give the same day everywhere.
 */
#include <assert.h>

#include "gen_market.h"

enum action { ADD, DELETE, EXECUTE, REPLACE, CANCEL, TRADE, NOTICE, ACTIONS };

/* Of a thousand messages, with the stock at its target. */
static const uint32_t mix[ACTIONS] = {
    [ADD] = 452,   [DELETE] = 400, [EXECUTE] = 50, [REPLACE] = 62,
    [CANCEL] = 25, [TRADE] = 7,    [NOTICE] = 4,
};

static uint32_t resting(const struct gen_stock *stock)
{
    return stock->bids.count + stock->asks.count;
}

/* The busier the stock, the more often; a quarter of the flow stays with the last one. */
static struct gen_stock *choose_stock(struct gen_market *market)
{
    if (!gen_one_in(&market->random, 4)) {
        uint32_t mark = gen_below(&market->random, market->weights[market->count - 1]);
        uint32_t low = 0, high = market->count - 1;
        while (low < high) {
            uint32_t rank = (low + high) / 2;
            if (market->weights[rank] > mark)
                high = rank;
            else
                low = rank + 1;
        }
        market->current = market->ranks[low];
    }
    return &market->stocks[market->current];
}

/* A price moves in steps that grow with it: one cent below 50 dollars. */
static uint32_t step_of(const struct gen_stock *stock)
{
    return 1 + stock->middle / 5000;
}

/* Bids must always find room below, hence the lower end. */
static void walk(struct gen_market *market, struct gen_stock *stock)
{
    const uint32_t lowest = 400, highest = 1000000;
    uint32_t by = 1 + gen_below(&market->random, step_of(stock));
    if (stock->middle < lowest || (stock->middle < highest && gen_one_in(&market->random, 2)))
        stock->middle += by;
    else
        stock->middle -= by;
}

static uint32_t some_shares(struct gen_market *market)
{
    switch (gen_below(&market->random, 8)) {
    case 0: return 1 + gen_below(&market->random, 99);
    case 1:
    case 2: return 100 * (2 + gen_below(&market->random, 9));
    case 3: return 100 * (1 + gen_below(&market->random, 3));
    case 4:
        return gen_one_in(&market->random, 16) ? 1000 * (1 + gen_below(&market->random, 20)) : 200;
    default: return 100;
    }
}

/* Less than all of `shares`, in round lots where that is possible; there must be two at least. */
static uint32_t part_of(struct gen_market *market, uint32_t shares)
{
    if (shares > 100)
        return 100 * (1 + gen_below(&market->random, (shares - 1) / 100));
    return 1 + gen_below(&market->random, shares - 1);
}

/*
 * Near the middle mostly, and never where the other side would trade at once. It is less than 141
 * steps away from the middle, which walk() keeps above 390: even the lowest bid is above zero.
 */
static uint32_t choose_price(struct gen_market *market, struct gen_stock *stock, char side)
{
    uint32_t step = step_of(stock);
    uint32_t steps = gen_geometric(&market->random);
    steps += gen_geometric(&market->random) / 2;
    if (steps > 40)
        steps = 40;
    if (gen_one_in(&market->random, 16))
        steps += gen_below(&market->random, 100);
    uint32_t distance = 1 + steps * step + gen_below(&market->random, step);

    uint32_t price = (side == 'B' ? stock->middle - distance : stock->middle + distance) * GEN_CENT;
    if (side == 'B' && stock->asks.count && price >= stock->asks.orders[0].price)
        price = stock->asks.orders[0].price - GEN_CENT;
    if (side == 'S' && stock->bids.count && price <= stock->bids.orders[0].price)
        price = stock->bids.orders[0].price + GEN_CENT;
    assert(price > 0 && price < 1u << 31);
    return price;
}

/* References rise, with gaps, as those of a matching engine that serves hidden orders as well. */
static uint64_t new_ref(struct gen_market *market)
{
    return market->ref += 1 + gen_below(&market->random, 4);
}

static bool add_order(struct gen_market *market, struct gen_stock *stock)
{
    /* The emptier side is filled rather than the fuller one. */
    uint32_t all = resting(stock) + 2;
    bool buy = gen_below(&market->random, all) <= stock->asks.count;
    struct gen_side *side = buy ? &stock->bids : &stock->asks;
    struct gen_order order = {.ref = new_ref(market)};
    order.price = choose_price(market, stock, side->side);
    order.shares = some_shares(market);
    const char *maker = gen_one_in(&market->random, 24) ? gen_maker(market) : NULL;
    gen_add(market->feed, &stock->name, order.ref, side->side, order.shares, order.price, maker);
    return gen_side_add(side, order);
}

/* Any order of the stock, those near the touch a little more often; needs one to rest. */
static struct gen_side *choose_order(struct gen_market *market, struct gen_stock *stock,
                                     uint32_t *place)
{
    uint32_t any = gen_below(&market->random, resting(stock));
    struct gen_side *side = any < stock->bids.count ? &stock->bids : &stock->asks;
    *place = any < stock->bids.count ? any : any - stock->bids.count;
    if (gen_one_in(&market->random, 4))
        *place = gen_below(&market->random, *place + 1);
    return side;
}

static void delete_order(struct gen_market *market, struct gen_stock *stock)
{
    uint32_t place;
    struct gen_side *side = choose_order(market, stock, &place);
    gen_delete(market->feed, stock->name.locate, side->orders[place].ref);
    gen_side_remove(side, place);
}

static void cancel_order(struct gen_market *market, struct gen_stock *stock)
{
    uint32_t place;
    struct gen_side *side = choose_order(market, stock, &place);
    struct gen_order *order = &side->orders[place];
    if (order->shares < 2) { /* no part of one share */
        gen_delete(market->feed, stock->name.locate, order->ref);
        gen_side_remove(side, place);
        return;
    }
    uint32_t part = part_of(market, order->shares);
    gen_cancel(market->feed, stock->name.locate, order->ref, part);
    order->shares -= part;
}

static bool replace_order(struct gen_market *market, struct gen_stock *stock)
{
    uint32_t place;
    struct gen_side *side = choose_order(market, stock, &place);
    struct gen_order old = side->orders[place];
    gen_side_remove(side, place);
    struct gen_order order = {.ref = new_ref(market)};
    order.price = choose_price(market, stock, side->side);
    order.shares = gen_one_in(&market->random, 2) ? old.shares : some_shares(market);
    gen_replace(market->feed, stock->name.locate, old.ref, order.ref, order.shares, order.price);
    return gen_side_add(side, order);
}

/* A side that the middle has moved past trades first: that is how the books follow their prices. */
static struct gen_side *side_to_trade(struct gen_market *market, struct gen_stock *stock)
{
    struct gen_side *bids = &stock->bids, *asks = &stock->asks;
    uint32_t middle = stock->middle * GEN_CENT;
    if (asks->count && asks->orders[0].price <= middle)
        return asks;
    if (bids->count && bids->orders[0].price >= middle)
        return bids;
    if (!bids->count || !asks->count)
        return bids->count ? bids : asks;
    return gen_one_in(&market->random, 2) ? bids : asks;
}

static void execute_order(struct gen_market *market, struct gen_stock *stock)
{
    struct gen_random *random = &market->random;
    struct gen_side *side = side_to_trade(market, stock);
    struct gen_order *order = &side->orders[0];
    bool whole = order->shares < 2 || !gen_one_in(random, 4);
    uint32_t shares = whole ? order->shares : part_of(market, order->shares);
    market->match++;
    if (gen_one_in(random, 12)) {
        /* Better for the order by up to two cents, as a rule not reported once more. */
        uint32_t by = gen_below(random, 3) * GEN_CENT;
        gen_executed_at(market->feed, stock->name.locate, order->ref, shares, market->match,
                        gen_one_in(random, 4) ? 'N' : 'Y',
                        side->side == 'S' ? order->price + by : order->price - by);
    } else {
        gen_executed(market->feed, stock->name.locate, order->ref, shares, market->match);
    }
    order->shares -= shares;
    if (whole)
        gen_side_remove(side, 0);
}

/* An order that nobody saw trades inside the spread. */
static void trade_hidden(struct gen_market *market, struct gen_stock *stock)
{
    uint32_t price = stock->middle * GEN_CENT;
    if (stock->asks.count && price > stock->asks.orders[0].price)
        price = stock->asks.orders[0].price;
    if (stock->bids.count && price < stock->bids.orders[0].price)
        price = stock->bids.orders[0].price;
    gen_trade(market->feed, &stock->name, some_shares(market), price, ++market->match);
}

static enum action choose_action(struct gen_market *market, struct gen_stock *stock)
{
    uint64_t there = resting(stock), both = there + stock->target;
    uint32_t shares[ACTIONS], all = 0;
    for (int action = 0; action < ACTIONS; action++) {
        shares[action] = mix[action];
        if (action == ADD)
            shares[action] = (uint32_t)(2 * mix[ADD] * stock->target / both);
        if (action == DELETE)
            shares[action] = (uint32_t)(2 * mix[DELETE] * there / both);
        all += shares[action];
    }

    uint32_t mark = gen_below(&market->random, all);
    int action = 0;
    while (mark >= shares[action])
        mark -= shares[action++];
    if (action == NOTICE)
        return NOTICE;
    if (there == 0)
        return ADD;
    /* While trading is paused, orders may only come and go. */
    bool paused = market->paused != GEN_NONE && stock == &market->stocks[market->paused];
    return paused && (action == EXECUTE || action == TRADE) ? DELETE : (enum action)action;
}

bool gen_flow(struct gen_market *market)
{
    struct gen_stock *stock = choose_stock(market);
    if (gen_one_in(&market->random, 24))
        walk(market, stock);

    switch (choose_action(market, stock)) {
    case ADD: return add_order(market, stock);
    case REPLACE: return replace_order(market, stock);
    case DELETE: delete_order(market, stock); break;
    case CANCEL: cancel_order(market, stock); break;
    case EXECUTE: execute_order(market, stock); break;
    case TRADE: trade_hidden(market, stock); break;
    default: gen_notice(market); break;
    }
    return true;
}
