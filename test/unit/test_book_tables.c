/* SPDX-License-Identifier: MIT */
/* takt-book's order table and price levels, each against a simple model of itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "levels.h"
#include "orders.h"

/* splitmix64: every run takes the same course, so a failure comes again. */
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % limit;
}

/* Every reference from 0 to `refs` - 1 is looked up: it is there exactly when the model says so. */
static void check_orders(const struct orders *orders, const uint32_t *shares, uint64_t stride,
                         uint32_t refs)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < refs; i++) {
        const struct order *order = orders_find(orders, i * stride);

        live += shares[i] != 0;
        cr_assert_eq(order != NULL, shares[i] != 0, "order %u of stride %lu", i, stride);
        if (order)
            cr_assert_eq(order->shares, shares[i], "shares of order %u", i);
    }
    cr_assert_eq(orders->count, live);
}

static void play_orders(uint64_t stride)
{
    enum { REFS = 1500, STEPS = 60000 };
    uint32_t *shares = calloc(REFS, sizeof(*shares));
    struct orders orders = {0};

    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)random_below(REFS);
        /* Phases of growth and of decline, down to very few orders. */
        bool growing = step / 6000 % 2 == 0;
        struct order *order = orders_find(&orders, i * stride);

        cr_assert_eq(order != NULL, shares[i] != 0);
        if (order && (!growing || random_below(4) == 0)) {
            orders_remove(&orders, order);
            shares[i] = 0;
        } else if (!order && (growing || random_below(8) == 0)) {
            struct order more = {i * stride, (uint32_t)random_below(1000) + 1, i, i & 1};

            cr_assert_eq(orders_add(&orders, &more), 0);
            shares[i] = more.shares;
        }
        if (step % 1000 == 0)
            check_orders(&orders, shares, stride, REFS);
        if (orders.count >= 8)
            cr_assert_leq((uint64_t)orders.mask + 1, 4 * (uint64_t)orders.count);
    }
    check_orders(&orders, shares, stride, REFS);
    orders_free(&orders);
    cr_assert_null(orders_find(&orders, 0));
    free(shares);
}

Test(orders, keeps_what_a_map_keeps)
{
    /* Consecutive numbers, and numbers that agree in their low or in their high halves. */
    const uint64_t strides[] = {1, 64, 0x100000000, 0x10000000001, 0xffffffffffffffff};

    for (size_t i = 0; i < sizeof(strides) / sizeof(*strides); i++)
        play_orders(strides[i]);
}

Test(orders, spreads_regular_references)
{
    for (unsigned shift = 0; shift <= 48; shift += 4) {
        struct orders orders = {0};
        uint64_t steps = 0;

        for (uint64_t i = 0; i < 6000; i++)
            cr_assert_eq(orders_add(&orders, &(struct order){i << shift, 1, 1, 0}), 0);
        for (uint64_t i = 0; i < 6000; i++) {
            uint64_t place = (uint64_t)(orders_find(&orders, i << shift) - orders.table);

            steps += (place - orders_hash(i << shift)) & orders.mask;
        }
        cr_assert_lt(steps, 6000 * 4, "shift %u: %lu steps for 6000 orders", shift, steps);
        orders_free(&orders);
    }
}

Test(orders, every_reference_and_the_largest_numbers)
{
    struct orders orders = {0};
    struct order largest = {UINT64_MAX, UINT32_MAX, ORDER_PRICE_MAX, 1}, zero = {0, 1, 0, 0};

    cr_assert_null(orders_find(&orders, 0));
    cr_assert_eq(orders_add(&orders, &largest), 0);
    cr_assert_null(orders_find(&orders, 0));
    cr_assert_eq(orders_add(&orders, &zero), 0);
    cr_assert_eq(orders_find(&orders, 0)->shares, 1);
    cr_assert_eq(orders_find(&orders, UINT64_MAX)->shares, UINT32_MAX);
    cr_assert_eq(orders_find(&orders, UINT64_MAX)->price, ORDER_PRICE_MAX);
    cr_assert_eq(orders_find(&orders, UINT64_MAX)->sell, 1);
    orders_remove(&orders, orders_find(&orders, 0));
    cr_assert_null(orders_find(&orders, 0));
    cr_assert_eq(orders.count, 1);
    orders_free(&orders);
}

/* Memory of the process that no file stands behind, in KiB. */
static unsigned long anonymous_kib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    unsigned long kib = 0;
    char line[128];

    while (fgets(line, sizeof(line), status)) {
        if (sscanf(line, "RssAnon: %lu", &kib) == 1)
            break;
    }
    fclose(status);
    return kib;
}

Test(orders, memory_goes_back_to_the_system)
{
    struct orders orders = {0};
    unsigned long before = anonymous_kib(), full, after;
    const uint64_t count = 1000000;

    for (uint64_t i = 0; i < count; i++)
        cr_assert_eq(orders_add(&orders, &(struct order){i, 1, 1, 0}), 0);
    full = anonymous_kib();
    for (uint64_t i = 0; i + 10 < count; i++)
        orders_remove(&orders, orders_find(&orders, i));
    after = anonymous_kib();
    cr_assert_lt(full - before, count * 96 / 1024, "%lu KiB for %lu orders", full - before, count);
    cr_assert_gt(full - before, count * 16 / 1024 - 1);
    cr_assert_lt(after, before + 1024 + (full - before) / 8, "%lu KiB more than at first",
                 after - before);
    orders_free(&orders);
}

static void check_levels(const struct levels *levels, const uint64_t *shares, uint32_t keys)
{
    uint32_t at = 0;

    for (uint32_t key = 0; key < keys; key++) {
        if (shares[key] == 0)
            continue;
        cr_assert_lt(at, levels->count);
        cr_assert_eq(levels_keys(levels)[at], key);
        cr_assert_eq(levels->shares[at], shares[key]);
        at++;
    }
    cr_assert_eq(levels->count, at);
}

Test(levels, keep_what_a_sorted_list_keeps)
{
    enum { KEYS = 300, STEPS = 40000 };
    uint64_t shares[KEYS] = {0};
    struct levels levels = {0};

    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t key = (uint32_t)random_below(KEYS);
        uint64_t amount = random_below(50) + 1;
        bool growing = step / 4000 % 2 == 0;

        if (random_below(4) < (growing ? 3u : 1u)) {
            cr_assert_eq(levels_add(&levels, key, amount), 0);
            shares[key] += amount;
        } else {
            uint64_t there = shares[key] < amount * 2 ? shares[key] : amount * 2;

            cr_assert_eq(levels_take(&levels, key, amount * 2), there);
            shares[key] -= there;
        }
        if (levels.count > 8)
            cr_assert_leq(levels.capacity, 2 * levels.count + 1);
        if (step % 100 == 0)
            check_levels(&levels, shares, KEYS);
    }
    check_levels(&levels, shares, KEYS);
    levels_free(&levels);
    cr_assert_eq(levels_take(&levels, 1, 1), 0);
}
