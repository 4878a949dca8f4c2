/* SPDX-License-Identifier: MIT */
/*
 * The heap of gen_side.h. An order moves towards the root while it trades before its parent and
 * away from it while a child trades before it; whatever takes the place of a removed order may have
 * to go either way.
 */
#include "gen_side.h"

#include <stdlib.h>

static bool trades_before(const struct gen_side *side, const struct gen_order *a,
                          const struct gen_order *b)
{
    if (a->price != b->price)
        return (a->price > b->price) == (side->side == 'B');
    return a->ref < b->ref;
}

/* Puts `order` where it belongs on the way from `place` to the root. */
static void settle_up(struct gen_side *side, uint32_t place, struct gen_order order)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!trades_before(side, &order, &side->orders[parent]))
            break;
        side->orders[place] = side->orders[parent];
        place = parent;
    }
    side->orders[place] = order;
}

bool gen_side_add(struct gen_side *side, struct gen_order order)
{
    if (side->count == side->capacity) {
        uint32_t capacity = side->capacity ? side->capacity * 2 : 16;
        void *grown = realloc(side->orders, capacity * sizeof(*side->orders));
        if (!grown)
            return false;
        side->orders = grown;
        side->capacity = capacity;
    }
    settle_up(side, side->count++, order);
    return true;
}

void gen_side_remove(struct gen_side *side, uint32_t place)
{
    struct gen_order last = side->orders[--side->count];
    if (place == side->count)
        return;
    /* Let the children rise all the way, then let the last order rise from the gap at the end. */
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= side->count)
            break;
        if (child + 1 < side->count &&
            trades_before(side, &side->orders[child + 1], &side->orders[child]))
            child++;
        side->orders[place] = side->orders[child];
        place = child;
    }
    settle_up(side, place, last);
}

void gen_side_free(struct gen_side *side)
{
    free(side->orders);
    side->orders = NULL;
    side->count = side->capacity = 0;
}
