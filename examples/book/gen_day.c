/* SPDX-License-Identifier: MIT */
/*
 * The timetable of a day.
 *
 * A day has its fixed messages (the six system events, and for every stock its directory entry and
 * its trading action), extras for which a long day has room (positions, restrictions, the two
 * auctions), and the flow, which takes all the rest. All of these are counted before the first
 * message is written, so that the day ends with exactly the number of messages asked for.
 *
 * The flow is spread over 32 half hours by a table of weights: little before the opening and after
 * the close, most of it at both ends of the trading hours. Within a half hour the gaps are drawn
 * anew each time around the mean that the time left allows, so that the half hour ends on time and
 * no list of times has to be kept or sorted.
 */
#include "gen_day.h"

#include <errno.h>

#include "gen_market.h"

#define SECOND     1000000000u
#define HALF_HOUR  (1800ull * SECOND)
#define FIRST_HALF 8  /* 04:00, counted in half hours from midnight */
#define OPEN_HALF  19 /* 09:30 */
#define CLOSE_HALF 32 /* 16:00 */
#define LAST_HALF  40 /* 20:00 */
#define HALF_HOURS (LAST_HALF - FIRST_HALF)

/* The orders that rest at the plateau: one for so many messages of the day, up to a limit. */
#define MESSAGES_PER_RESTING 64
#define RESTING_MAX          30000

static const uint32_t weights[HALF_HOURS] = {
    1,   1,   1,  1,  2,  2,  3,  4,  6,  8,  12,           /* 04:00 to 09:30 */
    160, 110, 90, 76, 66, 60, 54, 54, 58, 64, 76, 100, 140, /* to 16:00 */
    8,   3,   2,  1,  1,  1,  1,  1,                        /* to 20:00 */
};

/* How many of each message a day has beside the system events. */
struct timetable {
    uint32_t stocks;       /* directory entries, and trading actions */
    uint32_t positions;    /* of market makers */
    uint32_t restrictions; /* of short sales */
    uint32_t auctions;     /* at the opening, and again at the close; each with its outlook */
    uint64_t flow;
};

static uint32_t at_most(uint64_t wanted, uint64_t limit)
{
    return (uint32_t)(wanted < limit ? wanted : limit);
}

static struct timetable plan(const struct gen_day *day)
{
    uint64_t spare = day->messages - gen_day_least(day->symbols);
    uint64_t quota = spare / 20; /* for each of the extras */
    struct timetable t = {
        .stocks = day->symbols,
        .positions = at_most(2ull * day->symbols, quota),
        .restrictions = at_most(day->symbols / 8 + 1, quota),
        .auctions = at_most(day->symbols, quota),
    };
    t.flow = spare - t.positions - t.restrictions - 4ull * t.auctions;
    return t;
}

/* Messages that come in one go are some microseconds apart. */
static void soon(struct gen_market *market)
{
    market->feed->now += 500 + gen_below(&market->random, 10000);
}

static void system_event(struct gen_market *market, char event)
{
    soon(market);
    gen_system_event(market->feed, event);
}

static void start(struct gen_market *market, const struct timetable *t)
{
    struct gen_feed *feed = market->feed;
    feed->now = FIRST_HALF * HALF_HOUR;
    system_event(market, 'O');
    for (uint32_t i = 0; i < t->stocks; i++) {
        soon(market);
        gen_directory(feed, &market->stocks[i].name);
    }
    for (uint32_t i = 0; i < t->stocks; i++) {
        soon(market);
        gen_trading_action(feed, &market->stocks[i].name, 'T', "    ");
    }
    for (uint32_t i = 0; i < t->restrictions; i++) {
        soon(market);
        gen_short_sale(feed, &market->stocks[i].name, '0');
    }
    for (uint32_t i = 0; i < t->positions; i++) {
        soon(market);
        gen_position(feed, &market->stocks[i % t->stocks].name, gen_maker(market));
    }
    system_event(market, 'S');
}

/* The busiest stocks' auctions, after what is told about them. */
static void auctions(struct gen_market *market, const struct timetable *t, char cross)
{
    for (uint32_t i = 0; i < t->auctions; i++) {
        soon(market);
        gen_auction_outlook(market, &market->stocks[market->ranks[i]], cross);
    }
    for (uint32_t i = 0; i < t->auctions; i++) {
        soon(market);
        gen_auction(market, &market->stocks[market->ranks[i]], cross);
    }
}

/* `count` messages of flow from now to `end`. */
static int flow(struct gen_market *market, const struct gen_day *day, uint64_t count, uint64_t end)
{
    struct gen_feed *feed = market->feed;
    for (uint64_t left = count; left > 0; left--) {
        uint64_t time_left = feed->now < end ? end - feed->now : 0;
        uint64_t gap = gen_exponential(&market->random, time_left / (left + 1));
        feed->now += gap < time_left ? gap : time_left;
        if (!gen_flow(market))
            return ENOMEM;
        if (feed->error)
            return feed->error;
        if (day->progress && feed->written % 65536 == 0)
            day->progress(feed->written, day->messages);
    }
    return 0;
}

static int run(struct gen_market *market, const struct gen_day *day, const struct timetable *t)
{
    uint64_t all = 0, passed = 0, done = 0;
    for (int i = 0; i < HALF_HOURS; i++)
        all += weights[i];

    start(market, t);
    for (int half = FIRST_HALF; half < LAST_HALF; half++) {
        if (half == OPEN_HALF) {
            system_event(market, 'Q');
            auctions(market, t, 'O');
        }
        if (half == CLOSE_HALF) {
            auctions(market, t, 'C');
            system_event(market, 'M');
        }
        passed += weights[half - FIRST_HALF];
        /* Divided before it is multiplied, so that no length of day overflows. */
        uint64_t due = t->flow / all * passed + t->flow % all * passed / all;
        uint64_t end = ((uint64_t)half + 1) * HALF_HOUR;
        int error = flow(market, day, due - done, end);
        if (error)
            return error;
        done = due;
        if (market->feed->now < end)
            market->feed->now = end;
    }
    system_event(market, 'E');
    system_event(market, 'C');
    return gen_feed_flush(market->feed) ? 0 : market->feed->error;
}

uint64_t gen_day_least(uint32_t symbols)
{
    return 6 + 2ull * symbols;
}

int gen_day_write(struct gen_day *day, struct gen_feed *feed)
{
    if (day->symbols == 0 || day->messages < gen_day_least(day->symbols))
        return EINVAL;

    struct timetable t = plan(day);
    struct gen_market market;
    uint64_t resting = at_most(day->messages / MESSAGES_PER_RESTING, RESTING_MAX);
    int error = ENOMEM;
    if (gen_market_open(&market, feed, day->seed, day->symbols, resting))
        error = run(&market, day, &t);
    day->orders = gen_market_orders(&market);
    gen_market_close(&market);
    return error;
}
