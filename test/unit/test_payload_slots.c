/* SPDX-License-Identifier: MIT */
/*
 * The bytes beside the slots, together with what else rings can do: void slots, claims without
 * bytes, consumers that leave, alignment, high sequences; and at random against a model.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <takt/takt.h>

#include "random.h"

TestSuite(payload_slots, .timeout = 60);

#define SLOTS 8
#define BYTES 64

static takt_ring *ring;
static takt_payload *payload;
static takt_sequence consumer;

static void set_up(takt_ring_options options, int64_t bytes, size_t alignment)
{
    options.size = sizeof options;
    options.event_size = sizeof(int64_t);
    cr_assert_eq(takt_ring_create(&ring, &options), 0);
    takt_sequence_init(&consumer, options.first - 1);
    cr_assert_eq(takt_ring_add_gating(ring, &consumer), 0);
    cr_assert_eq(takt_payload_create(&payload, ring,
                                     TAKT_PAYLOAD(.capacity = bytes, .alignment = alignment)),
                 0);
}

static void tear_down(void)
{
    takt_payload_destroy(payload);
    takt_ring_destroy(ring);
}

static int64_t put(size_t bytes)
{
    int64_t s = takt_payload_try_next(payload, bytes, NULL);
    if (s >= 0)
        takt_ring_publish(ring, s);
    return s;
}

Test(payload_slots, alignment_is_kept)
{
    for (size_t alignment = 1; alignment <= TAKT_PAYLOAD_ALIGNMENT_MAX; alignment *= 2) {
        set_up((takt_ring_options){.capacity = 2}, TAKT_PAYLOAD_ALIGNMENT_MAX, alignment);
        for (size_t i = 0; i < 100; i++) {
            void *at;
            size_t bytes = i * 37 % (TAKT_PAYLOAD_ALIGNMENT_MAX + 1);
            int64_t s = takt_payload_next(payload, bytes, &at);
            cr_assert_eq(s, (int64_t)i);
            cr_assert_eq((uintptr_t)at % alignment, 0);
            takt_ring_publish(ring, s);
            takt_sequence_set(&consumer, s);
        }
        tear_down();
    }
    set_up((takt_ring_options){.capacity = 64}, 64, 1);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(put(1), i, "single bytes, packed");
    tear_down();
}

Test(payload_slots, a_void_message_gives_its_bytes_back)
{
    set_up((takt_ring_options){.capacity = SLOTS}, BYTES, 0);
    cr_assert_eq(takt_payload_next(payload, BYTES, NULL), 0);
    takt_ring_publish_void(ring, 0, 0);
    cr_assert(takt_ring_is_void(ring, 0));
    cr_assert_eq(put(8), TAKT_EFULL);
    takt_sequence_set(&consumer, 0);
    cr_assert_eq(put(BYTES), 1);
    tear_down();
}

Test(payload_slots, some_slots_may_have_no_bytes)
{
    for (int multi = 0; multi < 2; multi++) {
        set_up((takt_ring_options){.capacity = SLOTS, .multi = multi}, BYTES, 0);
        void *at;
        size_t bytes = 1;
        cr_assert_eq(takt_ring_next(ring, 2), 1);
        cr_assert_eq(takt_payload_next(payload, 40, &at), 2);
        cr_assert_eq(takt_ring_next(ring, 1), 3);
        cr_assert_eq(takt_payload_next(payload, 24, NULL), 4);
        takt_ring_publish_range(ring, 0, 4);
        for (int64_t s = 0; s < 4; s += 1 + (s == 1)) {
            cr_assert_null(takt_payload_at(payload, s, &bytes), "sequence %d", (int)s);
            cr_assert_eq(bytes, 0);
        }
        cr_assert_eq(takt_payload_at(payload, 2, &bytes), at);
        cr_assert_eq(bytes, 40);
        takt_sequence_set(&consumer, 1);
        cr_assert_eq(put(8), TAKT_EFULL, "neither of the two had bytes");
        takt_sequence_set(&consumer, 2);
        cr_assert_eq(put(40), 5);
        takt_sequence_set(&consumer, 5);
        /* More than all slots, so that every extent is of a lap before. */
        for (int64_t s = 6; s < 6 + 3 * SLOTS; s++) {
            cr_assert_eq(takt_ring_next(ring, 1), s);
            takt_ring_publish(ring, s);
            cr_assert_null(takt_payload_at(payload, s, NULL));
            takt_sequence_set(&consumer, s);
        }
        cr_assert_eq(put(BYTES), 6 + 3 * SLOTS);
        tear_down();
    }
}

Test(payload_slots, a_claim_waits_for_all_that_it_needs)
{
    for (int multi = 0; multi < 2; multi++) {
        set_up((takt_ring_options){.capacity = SLOTS, .multi = multi}, BYTES, 0);
        cr_assert(put(BYTES / 2) == 0 && put(BYTES / 2) == 1);
        takt_sequence_set(&consumer, 0);
        cr_assert_eq(takt_payload_next_until(payload, BYTES, takt_after(2000000), NULL),
                     TAKT_ETIMEDOUT, "it needs the second one's bytes, too");
        tear_down();
    }
}

/* As many claims without bytes as would take hours. */
Test(payload_slots, slots_without_bytes_cost_no_more_than_a_ring_of_them)
{
    int64_t many = INT64_C(1) << 40;
    set_up((takt_ring_options){.capacity = SLOTS}, BYTES, 0);
    ring->claimed = ring->cursor.value = many;
    takt_sequence_set(&consumer, many);
    cr_assert_eq(put(BYTES), many + 1);
    tear_down();
}

/* Claims and releases until that fails; the last sequence that was claimed. */
static int64_t claim_to_the_end(bool with_bytes, bool multi)
{
    int64_t last = TAKT_SEQUENCE_GONE - 1 - 3 * SLOTS, s;
    set_up((takt_ring_options){.capacity = SLOTS, .multi = multi, .first = last}, BYTES, 0);
    while ((s = with_bytes ? takt_payload_try_next(payload, 8, NULL)
                           : takt_ring_try_next(ring, 1)) >= 0) {
        last = s;
        takt_ring_publish(ring, s);
        takt_sequence_set(&consumer, s);
    }
    cr_assert_eq(s, TAKT_ELIMIT);
    tear_down();
    return last;
}

Test(payload_slots, sequences_end_where_the_rings_do)
{
    for (int multi = 0; multi < 2; multi++)
        cr_assert_eq(claim_to_the_end(true, multi), claim_to_the_end(false, multi));
}

static int pass(void *context, takt_batch *b)
{
    *(int64_t *)context += b->count;
    return 0;
}

Test(payload_slots, nobody_waits_for_consumers_that_have_gone)
{
    for (int multi = 0; multi < 2; multi++) {
        takt_consumer *c;
        int64_t seen = 0;
        takt_ring_create(&ring, TAKT_RING(.event_size = 8, .capacity = SLOTS, .multi = multi));
        takt_payload_create(&payload, ring, TAKT_PAYLOAD(.capacity = BYTES));
        cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.handler = pass)), 0);
        cr_assert_eq(put(BYTES), 0);
        cr_assert_eq(put(8), TAKT_EFULL);
        cr_assert_eq(takt_consumer_remove(c), 0);
        for (int64_t s = 1; s < 20; s++)
            cr_assert_eq(put(BYTES), s, "nobody reads what is published");
        cr_assert_eq(takt_payload_next(payload, 8, NULL), 20);
        cr_assert_eq(takt_payload_next(payload, BYTES, NULL), TAKT_EFULL, "it would wait for ever");
        takt_ring_publish(ring, 20);
        cr_assert_eq(takt_consumer_add(ring, &c, TAKT_CONSUMER(.handler = pass)), 0);
        cr_assert_eq(put(BYTES), 21);
        cr_assert_eq(put(8), TAKT_EFULL);
        cr_assert_eq(takt_consumer_poll(c, pass, &seen, 10), 1, "it begins at the cursor");
        cr_assert_eq(put(8), 22);
        tear_down();
    }
}

/* A message as the model knows it, by its position from the creation on. */
struct message {
    int64_t sequence, start, length;
};

struct model {
    struct rng rng;
    int64_t slots, bytes, alignment;
    int64_t head;
    struct message live[64];
    int count;
};

static unsigned char mark(int64_t sequence, int64_t i)
{
    return (unsigned char)(sequence * 31 + i * 7);
}

static bool has_room(const struct model *m, int64_t start, int64_t length)
{
    if (m->count == m->slots)
        return false;
    for (int i = 0; i < m->count; i++)
        if (start + length > m->live[i].start + m->bytes)
            return false;
    return true;
}

static void check_contents(const struct model *m, uint64_t seed)
{
    for (int i = 0; i < m->count; i++) {
        const struct message *e = &m->live[i];
        size_t length;
        const unsigned char *at = takt_payload_at(payload, e->sequence, &length);
        if (e->length < 0) {
            cr_assert(!at && length == 0, "seed %lu", (unsigned long)seed);
            continue;
        }
        cr_assert_eq(at - payload->memory, e->start % m->bytes, "seed %lu", (unsigned long)seed);
        cr_assert_eq((int64_t)length, e->length);
        for (int64_t k = 0; k < e->length; k++)
            cr_assert_eq(at[k], mark(e->sequence, k), "seed %lu", (unsigned long)seed);
    }
}

/* A claim with bytes, which succeeds exactly if the model says so. */
static void claim(struct model *m, uint64_t seed)
{
    int64_t most = rng_below(&m->rng, 8) ? m->bytes / 4 : m->bytes;
    int64_t length = rng_below(&m->rng, (uint32_t)most + 1);
    int64_t start = m->head;
    if (start / m->bytes != (start + length - (length > 0)) / m->bytes)
        start = (start / m->bytes + 1) * m->bytes;
    int64_t next = ring->claimed + 1;
    unsigned char *at;
    int64_t s = takt_payload_try_next(payload, (size_t)length, (void **)&at);
    cr_assert_eq(s, has_room(m, start, length) ? next : TAKT_EFULL, "seed %lu",
                 (unsigned long)seed);
    if (s < 0)
        return;
    cr_assert_eq(at - payload->memory, start % m->bytes, "seed %lu", (unsigned long)seed);
    for (int64_t k = 0; k < length; k++)
        at[k] = mark(s, k);
    takt_ring_publish(ring, s);
    m->live[m->count++] = (struct message){s, start, length};
    m->head = (start + length + m->alignment - 1) / m->alignment * m->alignment;
}

/* A claim without bytes. */
static void claim_slots(struct model *m)
{
    int64_t n = rng_between(&m->rng, 1, (uint32_t)m->slots);
    int64_t high = takt_ring_try_next(ring, n);
    if (high < 0)
        return;
    takt_ring_publish_range(ring, high - n + 1, high);
    for (int64_t s = high - n + 1; s <= high; s++)
        m->live[m->count++] = (struct message){s, m->head, -1};
}

static void release_some(struct model *m)
{
    int n = (int)rng_below(&m->rng, (uint32_t)m->count + 1);
    if (n == 0)
        return;
    takt_sequence_set(&consumer, m->live[n - 1].sequence);
    memmove(m->live, m->live + n, (size_t)(m->count - n) * sizeof m->live[0]);
    m->count -= n;
}

static void run_model(uint64_t seed, uint32_t steps)
{
    struct model m = {.rng = {seed}};
    m.slots = 1 << rng_below(&m.rng, 6);
    m.alignment = 1 << rng_below(&m.rng, 5);
    m.bytes = 32 << rng_below(&m.rng, 5);
    bool mixed = rng_below(&m.rng, 2);
    int64_t first = rng_below(&m.rng, 2) ? 0 : INT64_MAX - 1000000 - rng_below(&m.rng, 1000);
    set_up((takt_ring_options){.capacity = m.slots, .multi = rng_below(&m.rng, 2), .first = first},
           m.bytes, (size_t)m.alignment);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t dice = rng_below(&m.rng, 16);
        if (dice < 9)
            claim(&m, seed);
        else if (dice < 10 && mixed)
            claim_slots(&m);
        else
            release_some(&m);
        check_contents(&m, seed);
    }
    tear_down();
}

Test(payload_slots, at_random_as_the_model)
{
    for (uint64_t seed = 1; seed <= 400; seed++)
        run_model(seed, 400);
}

Test(payload_slots, may_be_added_to_a_ring_in_use)
{
    set_up((takt_ring_options){.capacity = 4}, BYTES, 0);
    takt_payload_destroy(payload);
    cr_assert_eq(takt_ring_next(ring, 3), 2);
    cr_assert_eq(takt_payload_create(&payload, ring, TAKT_PAYLOAD(.capacity = BYTES)), 0);
    takt_ring_publish(ring, 2);
    cr_assert_null(takt_payload_at(payload, 1, NULL));
    cr_assert_eq(put(BYTES), 3);
    cr_assert_eq(put(0), TAKT_EFULL, "no slot");
    takt_sequence_set(&consumer, 2);
    cr_assert_eq(put(8), TAKT_EFULL, "no bytes");
    cr_assert_eq(put(0), 4);
    takt_sequence_set(&consumer, 3);
    cr_assert_eq(put(BYTES), 5);
    tear_down();
}
