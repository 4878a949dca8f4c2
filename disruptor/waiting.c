/* SPDX-License-Identifier: MIT */
/* The waiting room: told in waiting.h. */
#include "disruptor/waiting.h"

#include <takt/error.h>

#include "disruptor/alloc.h"

static int64_t power_of_two(int64_t least)
{
    int64_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

static size_t numbers_size(int64_t n)
{
    return (size_t)n * sizeof(uint32_t);
}

static uint32_t *numbers(const takt_allocator *allocator, int64_t n)
{
    return takt__allocate(allocator, numbers_size(n), TAKT_LINE_PAIR);
}

int takt__waiting_create(struct takt__waiting **out, const struct takt__waiting_options *options)
{
    const takt_allocator *allocator = options->allocator;
    struct takt__waiting *w = takt__allocate(allocator, sizeof *w, TAKT_LINE_PAIR);
    *out = NULL;
    if (!w)
        return TAKT_ENOMEM;
    w->allocator = allocator;
    w->event_size = options->event_size;
    w->room = options->room;
    w->claim_most = options->claim_most;
    w->take_most = options->take_most;
    w->slot_count = (uint32_t)(w->room + w->claim_most + w->take_most);
    w->slot_mask = power_of_two(w->slot_count) - 1;
    w->back_mask = w->slot_mask;
    w->line_mask = power_of_two(w->room + 1) - 1; /* one more for a moment, when one is dropped */
    w->slots = takt__allocate(allocator, w->slot_count * w->event_size,
                              options->alignment ? options->alignment : TAKT_LINE_PAIR);
    w->line = numbers(allocator, w->line_mask + 1);
    w->back = numbers(allocator, w->back_mask + 1);
    w->spare = numbers(allocator, w->slot_count);
    w->held = numbers(allocator, w->take_most);
    if (options->keys)
        w->keys = numbers(allocator, w->slot_count);
    if (!w->slots || !w->line || !w->back || !w->spare || !w->held || (options->keys && !w->keys)) {
        takt__waiting_destroy(w);
        return TAKT_ENOMEM;
    }
    w->spare_count = w->slot_count;
    for (uint32_t i = 0; i < w->slot_count; i++)
        w->spare[i] = w->slot_count - 1 - i;
    *out = w;
    return 0;
}

void takt__waiting_destroy(struct takt__waiting *w)
{
    if (!w)
        return;
    const takt_allocator *allocator = w->allocator;
    takt__release(allocator, w->slots, w->slot_count * w->event_size);
    takt__release(allocator, w->line, numbers_size(w->line_mask + 1));
    takt__release(allocator, w->back, numbers_size(w->back_mask + 1));
    takt__release(allocator, w->spare, numbers_size(w->slot_count));
    takt__release(allocator, w->held, numbers_size(w->take_most));
    takt__release(allocator, w->keys, numbers_size(w->slot_count));
    takt__release(allocator, w, sizeof *w);
}

/* Fetches the slots that the taker has given back. */
static void fetch(struct takt__waiting *w)
{
    int64_t end = takt__ld64_acq(&w->back_tail); /* acquire [pairs: waiting-back] */
    for (; w->back_head < end; w->back_head++)
        w->spare[w->spare_count++] = takt__ld32_rlx(&w->back[w->back_head & w->back_mask]);
}

void takt__waiting_claim(struct takt__waiting *w, takt_batch *b, uint32_t n)
{
    if (n > w->claim_most)
        n = w->claim_most;
    if (w->spare_count < n)
        fetch(w);
    w->claimed = n;
    *b = (takt_batch){
        .slots = w->slots,
        .mask = w->slot_mask,
        .event_size = w->event_size,
        .picks = w->spare + w->spare_count - n,
        .count = n,
        .shards = 1,
        .keys = w->keys,
    };
}

/* Drops the oldest that waits if there are too many; its slot is the producer's then. */
static bool drop_oldest(struct takt__waiting *w, int64_t tail, uint32_t *slot)
{
    for (;;) {
        int64_t head = takt__ld64_acq(&w->head); /* acquire [pairs: waiting-head] */
        if (tail - head <= w->room)
            return false;
        *slot = takt__ld32_rlx(&w->line[head & w->line_mask]);
        if (takt__cas64(&w->head, head, head + 1)) /* both [pairs: waiting-head] */
            return true;
        /* The taker was faster: there is one less, or more, so this ends. */
    }
}

/*
 * The slots put in leave `spare` from where they lie, and those that are dropped take their places:
 * a place is written only after it was read.
 */
void takt__waiting_put(struct takt__waiting *w, uint32_t n)
{
    if (n > w->claimed)
        n = w->claimed;
    uint32_t *claimed = w->spare + w->spare_count - w->claimed;
    uint32_t kept = 0;
    int64_t tail = w->tail;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot;
        takt__st32_rlx(&w->line[tail & w->line_mask], claimed[i]);
        takt__st64_rel(&w->tail, ++tail); /* release [pairs: waiting-tail] */
        if (drop_oldest(w, tail, &slot)) {
            takt__st64_rlx(&w->dropped, w->dropped + 1);
            claimed[kept++] = slot;
        }
    }
    for (uint32_t i = n; i < w->claimed; i++)
        claimed[kept++] = claimed[i];
    w->spare_count -= w->claimed - kept;
    w->claimed = 0;
}

uint32_t takt__waiting_take(struct takt__waiting *w, uint32_t n)
{
    if (n > w->take_most)
        n = w->take_most;
    for (;;) {
        int64_t head = takt__ld64_acq(&w->head);         /* acquire [pairs: waiting-head] */
        int64_t there = takt__ld64_acq(&w->tail) - head; /* acquire [pairs: waiting-tail] */
        uint32_t count = there < n ? (uint32_t)there : n;
        if (count == 0)
            return 0;
        for (uint32_t i = 0; i < count; i++)
            w->held[i] = takt__ld32_rlx(&w->line[(head + i) & w->line_mask]);
        if (takt__cas64(&w->head, head, head + count)) /* both [pairs: waiting-head] */
            return count;
        /* The producer has dropped the oldest of these. */
    }
}

void takt__waiting_give_back(struct takt__waiting *w, uint32_t n)
{
    int64_t tail = w->back_tail;
    for (uint32_t i = 0; i < n; i++)
        takt__st32_rlx(&w->back[(tail + i) & w->back_mask], w->held[i]);
    takt__st64_rel(&w->back_tail, tail + n); /* release [pairs: waiting-back] */
}
