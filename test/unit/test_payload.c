/* SPDX-License-Identifier: MIT */
/* Messages of any length: the bytes beside the slots, claimed and given back in one thread. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include <takt/takt.h>

TestSuite(payload, .timeout = 20);

#define SLOTS 8
#define BYTES 64

struct fixture {
    takt_ring *ring;
    takt_payload *payload;
    takt_sequence consumer; /* moved by the test */
};

static struct fixture f;

static void set_up_with(takt_ring_options ring, takt_payload_options payload)
{
    ring.size = sizeof ring;
    ring.event_size = sizeof(int64_t);
    payload.size = sizeof payload;
    cr_assert_eq(takt_ring_create(&f.ring, &ring), 0);
    takt_sequence_init(&f.consumer, ring.first - 1);
    cr_assert_eq(takt_ring_add_gating(f.ring, &f.consumer), 0);
    cr_assert_eq(takt_payload_create(&f.payload, f.ring, &payload), 0);
}

static void set_up(bool multi)
{
    set_up_with((takt_ring_options){.capacity = SLOTS, .multi = multi},
                (takt_payload_options){.capacity = BYTES});
}

static void tear_down(void)
{
    takt_payload_destroy(f.payload);
    takt_ring_destroy(f.ring);
}

/* Claims and publishes a message, all bytes of which are `fill`; its sequence, or the error. */
static int64_t put(size_t bytes, int fill, void **at)
{
    void *memory;
    int64_t s = takt_payload_try_next(f.payload, bytes, &memory);
    if (s < 0)
        return s;
    memset(memory, fill, bytes);
    takt_ring_publish(f.ring, s);
    if (at)
        *at = memory;
    return s;
}

static size_t offset_of(const void *memory)
{
    return (size_t)((const unsigned char *)memory - f.payload->memory);
}

static int create(takt_payload_options options)
{
    takt_payload *p = (takt_payload *)&f;
    int error = takt_payload_create(&p, f.ring, &options);
    cr_assert_null(p);
    return error;
}

Test(payload, mistakes_are_refused)
{
    const size_t size = sizeof(takt_payload_options);
    set_up(false);
    takt_payload *p;
    cr_assert_eq(takt_payload_create(NULL, f.ring, TAKT_PAYLOAD(.capacity = 64)), TAKT_EINVAL);
    cr_assert_eq(takt_payload_create(&p, NULL, TAKT_PAYLOAD(.capacity = 64)), TAKT_EINVAL);
    cr_assert_eq(takt_payload_create(&p, f.ring, NULL), TAKT_EINVAL);
    cr_assert_eq(create((takt_payload_options){.size = 1, .capacity = 64}), TAKT_EINVAL);
    static const int64_t capacities[] = {0, -1, -64, 3, 65, TAKT_PAYLOAD_MAX * 2, INT64_MIN};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++)
        cr_assert_eq(create((takt_payload_options){size, .capacity = capacities[i]}),
                     TAKT_ECAPACITY);
    static const size_t alignments[] = {3, 24, 128, 8192};
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++)
        cr_assert_eq(create((takt_payload_options){size, 64, alignments[i]}), TAKT_EALIGN);
    cr_assert_eq(create((takt_payload_options){size, 4, 0}), TAKT_EALIGN, "8 bytes do not fit 4");
    takt_payload_destroy(NULL);
    tear_down();
}

/* Gives `left` blocks and no more; `out` counts those that were not given back. */
struct stingy {
    int left, out;
    size_t strictest; /* the largest alignment that was asked for */
};

static void *stingy_allocate(void *context, size_t size, size_t alignment)
{
    struct stingy *s = context;
    if (s->left == 0)
        return NULL;
    s->left--;
    s->out++;
    if (s->strictest < alignment)
        s->strictest = alignment;
    const takt_allocator *a = takt_allocator_default();
    return a->allocate(a->context, size, alignment);
}

static void stingy_release(void *context, void *memory, size_t size)
{
    struct stingy *s = context;
    s->out--;
    const takt_allocator *a = takt_allocator_default();
    a->release(a->context, memory, size);
}

Test(payload, memory_comes_from_the_rings_allocator_or_not_at_all)
{
    struct stingy stingy = {.left = 100};
    takt_allocator allocator = {stingy_allocate, stingy_release, &stingy};
    set_up_with((takt_ring_options){.capacity = SLOTS, .allocator = &allocator},
                (takt_payload_options){.capacity = BYTES});
    takt_payload_destroy(f.payload);
    int of_ring = stingy.out;
    int error = TAKT_ENOMEM;
    for (int blocks = 0; error == TAKT_ENOMEM; blocks++) {
        stingy.left = blocks;
        error = takt_payload_create(&f.payload, f.ring, TAKT_PAYLOAD(.capacity = BYTES));
        cr_assert(error == 0 || stingy.out == of_ring, "with %d blocks", blocks);
        cr_assert_eq(error == 0, blocks == 3);
    }
    takt_payload_destroy(f.payload);
    cr_assert_eq(stingy.out, of_ring);
    cr_assert_eq(
        takt_payload_create(&f.payload, f.ring, TAKT_PAYLOAD(.capacity = 4096, .alignment = 4096)),
        TAKT_ENOMEM);
    cr_assert_eq(stingy.strictest, TAKT_LINE_PAIR, "no block was given");
    stingy.left = 3;
    cr_assert_eq(
        takt_payload_create(&f.payload, f.ring, TAKT_PAYLOAD(.capacity = 4096, .alignment = 4096)),
        0);
    cr_assert_eq(stingy.strictest, 4096);
    takt_payload_destroy(f.payload);
    takt_ring_destroy(f.ring);
    cr_assert_eq(stingy.out, 0);
}

Test(payload, is_found_by_its_sequence)
{
    set_up(false);
    cr_assert_eq(takt_payload_capacity(f.payload), BYTES);
    static const size_t lengths[] = {1, 8, 0, 7, 9, 0};
    void *at[6];
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(takt_payload_next(f.payload, lengths[i], &at[i]), i);
        cr_assert_not_null(at[i]);
        cr_assert_eq((uintptr_t)at[i] % 8, 0);
        memset(at[i], 'a' + i, lengths[i]);
        takt_ring_publish(f.ring, i);
    }
    for (int i = 0; i < 6; i++) {
        size_t length = 99;
        const char *bytes = takt_payload_at(f.payload, i, &length);
        cr_assert_eq(bytes, at[i]);
        cr_assert_eq(length, lengths[i]);
        for (size_t k = 0; k < length; k++)
            cr_assert_eq(bytes[k], 'a' + i);
        cr_assert_eq(takt_payload_at(f.payload, i, NULL), at[i]);
    }
    cr_assert_eq(takt_payload_next(f.payload, 3, NULL), 6, "who does not ask need not be told");
    tear_down();
}

Test(payload, lies_in_one_piece_at_the_wrap)
{
    set_up(false);
    void *at;
    cr_assert_eq(put(40, 1, &at), 0);
    takt_sequence_set(&f.consumer, 0);
    cr_assert_eq(put(16, 2, &at), 1);
    cr_assert_eq(offset_of(at), 40);
    cr_assert_eq(put(16, 3, &at), 2, "8 are left before the wrap, 40 after it");
    cr_assert_eq(offset_of(at), 0);
    cr_assert_eq(put(24, 4, &at), 3, "up to the oldest that lives, and no byte more");
    cr_assert_eq(offset_of(at), 16);
    cr_assert_eq(put(1, 5, &at), TAKT_EFULL);
    takt_sequence_set(&f.consumer, 1);
    cr_assert_eq(put(24, 5, &at), 4, "the skipped bytes came back as well");
    cr_assert_eq(offset_of(at), 40);
    cr_assert_eq(put(1, 6, &at), TAKT_EFULL);
    tear_down();
}

Test(payload, may_take_all_there_is_wherever_the_head_is)
{
    for (size_t before = 8; before <= BYTES; before += 8) {
        set_up(before % 16 == 0);
        void *at;
        cr_assert_eq(put(before, 1, NULL), 0);
        cr_assert_eq(put(BYTES, 2, NULL), TAKT_EFULL);
        takt_sequence_set(&f.consumer, 0);
        cr_assert_eq(put(BYTES, 2, &at), 1, "after %zu", before);
        cr_assert_eq(offset_of(at), 0);
        cr_assert_eq(put(1, 3, NULL), TAKT_EFULL);
        cr_assert_eq(put(0, 3, NULL), 2);
        takt_sequence_set(&f.consumer, 1);
        cr_assert_eq(put(BYTES, 4, NULL), 3, "what is empty holds no bytes");
        tear_down();
    }
}

Test(payload, is_claimed_with_its_slot_or_not_at_all)
{
    for (int multi = 0; multi < 2; multi++) {
        set_up(multi);
        void *at, *again;
        for (int i = 0; i < SLOTS; i++)
            cr_assert_eq(put(1, i, NULL), i);
        cr_assert_eq(takt_payload_try_next(f.payload, 0, &at), TAKT_EFULL, "no slot");
        cr_assert_eq(f.ring->claimed, SLOTS - 1);
        takt_sequence_set(&f.consumer, 0);
        cr_assert_eq(takt_payload_try_next(f.payload, 9, &at), TAKT_EFULL, "no bytes");
        cr_assert_eq(f.ring->claimed, SLOTS - 1);
        cr_assert_eq(takt_ring_remaining_capacity(f.ring), 1);
        cr_assert_eq(takt_payload_try_next(f.payload, 8, &at), SLOTS, "both");
        cr_assert_eq(offset_of(at), 0);
        takt_ring_publish(f.ring, SLOTS);
        takt_sequence_set(&f.consumer, 2);
        cr_assert_eq(takt_payload_try_next(f.payload, 17, &again), TAKT_EFULL);
        cr_assert_eq(takt_payload_try_next(f.payload, 16, &again), SLOTS + 1);
        cr_assert_eq(offset_of(again), 8, "the claim that failed moved nothing");
        tear_down();
    }
}

Test(payload, reasons_not_to_claim)
{
    set_up(false);
    cr_assert_eq(put(BYTES + 1, 0, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_payload_next(f.payload, SIZE_MAX, NULL), TAKT_EINVAL);
    takt_ring_halt(f.ring);
    cr_assert_eq(put(1, 0, NULL), TAKT_EHALTED);
    tear_down();

    cr_assert_eq(takt_ring_create(&f.ring, TAKT_RING(.event_size = 8, .capacity = SLOTS)), 0);
    cr_assert_eq(takt_payload_create(&f.payload, f.ring, TAKT_PAYLOAD(.capacity = BYTES)), 0);
    cr_assert_eq(put(1, 0, NULL), TAKT_ENOCONSUMER);
    tear_down();
}

Test(payload, waits_no_longer_than_it_may)
{
    for (int multi = 0; multi < 2; multi++)
        for (size_t bytes = 0; bytes <= 8; bytes += 8) { /* slots run out, or bytes do */
            set_up(multi);
            while (put(bytes, 1, NULL) >= 0)
                ;
            int64_t claimed = f.ring->claimed;
            int64_t deadline = takt_after(3000000);
            cr_assert_eq(takt_payload_next_until(f.payload, 8, deadline, NULL), TAKT_ETIMEDOUT);
            cr_assert_leq(deadline, takt_now());
            cr_assert_lt(takt_now(), deadline + 2000000000);
            cr_assert_eq(takt_payload_next_until(f.payload, 8, 1, NULL), TAKT_ETIMEDOUT);
            cr_assert_eq(f.ring->claimed, claimed, "nothing was claimed");
            takt_sequence_set(&f.consumer, claimed);
            cr_assert_eq(takt_payload_next_until(f.payload, 8, 1, NULL), claimed + 1,
                         "what is there needs no waiting");
            tear_down();
        }
}

/* A claim in a thread of its own, which begins to wait. */
struct waiter {
    size_t bytes;
    int64_t result;
};

static void *claim_in_thread(void *context)
{
    struct waiter *w = context;
    w->result = takt_payload_next(f.payload, w->bytes, NULL);
    return NULL;
}

static bool still_waits(pthread_t thread)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &until) != 0;
}

Test(payload, waits_for_the_release_that_makes_room)
{
    for (int multi = 0; multi < 2; multi++) {
        set_up(multi);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(put(16, i, NULL), i);
        struct waiter w = {.bytes = 40};
        pthread_t thread;
        pthread_create(&thread, NULL, claim_in_thread, &w);
        cr_assert(still_waits(thread));
        takt_sequence_set(&f.consumer, 0);
        cr_assert(still_waits(thread), "16 bytes are not 40");
        takt_sequence_set(&f.consumer, 1);
        cr_assert(still_waits(thread), "32 bytes are not 40");
        takt_sequence_set(&f.consumer, 2);
        pthread_join(thread, NULL);
        cr_assert_eq(w.result, 4);
        takt_ring_publish(f.ring, 4);

        w.bytes = 32;
        pthread_create(&thread, NULL, claim_in_thread, &w);
        cr_assert(still_waits(thread));
        takt_ring_halt(f.ring);
        pthread_join(thread, NULL);
        cr_assert_eq(w.result, TAKT_EHALTED);
        tear_down();
    }
}
