/* SPDX-License-Identifier: MIT */
/*
 * The live orders of one book: a hash table with open addressing and linear probing.
 *
 * An order lies at the first free place at or after its home, the place that its reference hashes
 * to. So between an order's home and the order itself there is never a free place, and a search
 * may stop at the first one. Removing an order would tear such a run apart. Instead of leaving a
 * tombstone, which would make a day of adds and deletes fill the table with dead places, the
 * orders behind the gap are looked at one by one: an order whose home does not lie between the gap
 * and itself would no longer be found, so it moves into the gap, and its own place is the new gap.
 * The run ends at a free place, where nothing depends on the gap any more.
 *
 * The table doubles when it is three quarters full and halves below one quarter. After either it
 * is between three eighths and one half full, so it takes many changes to get to the other limit:
 * resizing costs each add and remove a constant on average, and a table has at most four places,
 * 64 bytes, for an order. While it is copied into half its size that is 96.
 *
 * Large tables come from mmap and go back to the system at once, whatever the heap would keep for
 * later; tables of megabytes are searched at random places, so huge pages are asked for.
 */
#include "orders.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "event.h"

#define PLACES_LEAST 8
#define PLACES_MOST  (UINT32_C(1) << 31)
#define MMAP_FROM    (UINT64_C(64) << 10)
#define HUGE_FROM    (UINT64_C(4) << 20)

static struct order *table_new(uint32_t places)
{
    size_t size = places * sizeof(struct order);
    void *memory;

    if (size < MMAP_FROM)
        return calloc(places, sizeof(struct order));
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (size >= HUGE_FROM)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static void table_free(struct order *table, uint32_t places)
{
    size_t size = places * sizeof(struct order);

    if (size < MMAP_FROM)
        free(table);
    else
        munmap(table, size);
}

static void place(struct orders *orders, const struct order *order)
{
    uint64_t at = orders_hash(order->ref);

    while (orders->table[at & orders->mask].shares != 0)
        at++;
    orders->table[at & orders->mask] = *order;
}

static int resize(struct orders *orders, uint32_t places)
{
    struct orders next = {table_new(places), places - 1, orders->count};

    if (!next.table)
        return BOOK_ENOMEM;
    if (orders->table) {
        for (uint32_t i = 0; i <= orders->mask; i++) {
            if (orders->table[i].shares != 0)
                place(&next, &orders->table[i]);
        }
        table_free(orders->table, orders->mask + 1);
    }
    *orders = next;
    return 0;
}

int orders_add(struct orders *orders, const struct order *order)
{
    if (!orders->table) {
        if (resize(orders, PLACES_LEAST) != 0)
            return BOOK_ENOMEM;
    } else if (orders->count >= (orders->mask + 1) / 4 * 3) {
        if (orders->mask + 1 == PLACES_MOST || resize(orders, (orders->mask + 1) * 2) != 0)
            return BOOK_ENOMEM;
    }
    place(orders, order);
    orders->count++;
    return 0;
}

void orders_remove(struct orders *orders, struct order *order)
{
    uint32_t mask = orders->mask;
    uint32_t gap = (uint32_t)(order - orders->table);

    for (uint32_t at = (gap + 1) & mask; orders->table[at].shares != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)orders_hash(orders->table[at].ref) & mask;

        /* How far the order has strayed from home, and how far the gap lies before it. */
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            orders->table[gap] = orders->table[at];
            gap = at;
        }
    }
    orders->table[gap] = (struct order){0};
    orders->count--;
    /* Where there is no memory for a smaller table, the larger one goes on serving. */
    if (orders->count < (mask + 1) / 4 && mask + 1 > PLACES_LEAST)
        (void)resize(orders, (mask + 1) / 2);
}

void orders_free(struct orders *orders)
{
    if (orders->table)
        table_free(orders->table, orders->mask + 1);
    *orders = (struct orders){0};
}
