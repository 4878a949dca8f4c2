/* SPDX-License-Identifier: MIT */
/* The ring: creating one, claiming and publishing, room, deadlines, halting. */
#include <criterion/criterion.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <takt/barrier.h>
#include <takt/ring.h>

#include "probe.h"
#include "random.h"

TestSuite(ring, .timeout = 20);

static takt_ring_options options_of(size_t event_size, int64_t capacity, size_t alignment)
{
    return (takt_ring_options){.size = sizeof(takt_ring_options),
                               .event_size = event_size,
                               .capacity = capacity,
                               .alignment = alignment};
}

static takt_ring *make_ring(size_t event_size, int64_t capacity)
{
    takt_ring_options options = options_of(event_size, capacity, 0);
    takt_ring *ring;
    cr_assert_eq(takt_ring_create(&ring, &options), 0);
    return ring;
}

/* A ring of eight-byte events with one consumer. */
static takt_ring *make_ring_for(takt_sequence *consumer, int64_t capacity)
{
    takt_ring *ring = make_ring(8, capacity);
    takt_sequence_init(consumer, TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_add_gating(ring, consumer), 0);
    return ring;
}

/* Creates a ring from options that are no good, and sees that none comes of it. */
static void check_refused(takt_ring_options options, int code)
{
    takt_ring *ring = (takt_ring *)&ring;
    int result = takt_ring_create(&ring, &options);
    cr_assert_eq(result, code, "%s, not %s: event %zu, capacity %ld, alignment %zu",
                 takt_error_name(result), takt_error_name(code), options.event_size,
                 options.capacity, options.alignment);
    cr_assert(ring == NULL);
}

/* Registering takes a process with threads ten milliseconds: no thread shall do it among events. */
Test(ring, registers_for_membarrier_when_it_is_made)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) <= 0)
        cr_skip("the kernel has no membarrier");
    cr_assert_neq(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), 0);
    takt_ring_options options = options_of(8, 4, 0);
    takt_ring *ring;
    cr_assert_eq(takt_ring_create(&ring, &options), 0);
    cr_assert_eq(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), 0);
    takt_ring_destroy(ring);
}

Test(ring, refuses_options_that_make_no_sense)
{
    takt_ring_options options = options_of(8, 8, 0);
    takt_ring *ring = (takt_ring *)&ring;

    cr_assert_eq(takt_ring_create(NULL, &options), TAKT_EINVAL);
    cr_assert_eq(takt_ring_create(&ring, NULL), TAKT_EINVAL);
    cr_assert(ring == NULL);
    const size_t sizes[] = {0, sizeof options - 1, sizeof options + 1};
    for (size_t i = 0; i < 3; i++) {
        options.size = sizes[i];
        check_refused(options, TAKT_EINVAL);
    }
}

Test(ring, refuses_capacities_and_event_sizes)
{
    const int64_t capacities[] = {0,
                                  -1,
                                  INT64_MIN,
                                  3,
                                  6,
                                  12,
                                  100,
                                  INT64_MAX,
                                  (1 << 20) - 1,
                                  TAKT_CAPACITY_MAX + 1,
                                  2 * TAKT_CAPACITY_MAX};
    const size_t event_sizes[] = {0, (size_t)UINT32_MAX + 1, (size_t)1 << 40, SIZE_MAX};

    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++)
        check_refused(options_of(8, capacities[i], 0), TAKT_ECAPACITY);
    /* Each is allowed, but not the two together: the product does not fit. */
    check_refused(options_of(UINT32_MAX, TAKT_CAPACITY_MAX, 0), TAKT_ECAPACITY);
    for (size_t i = 0; i < sizeof event_sizes / sizeof *event_sizes; i++)
        check_refused(options_of(event_sizes[i], 8, 0), TAKT_EEVENTSIZE);
}

Test(ring, refuses_alignments)
{
    const size_t odd[] = {3, 5, 6, 12, 24, 127};

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        check_refused(options_of(odd[i] * 16, 8, odd[i]), TAKT_EALIGN);
    check_refused(options_of(24, 8, 16), TAKT_EALIGN);
    check_refused(options_of(24, 8, SIZE_MAX), TAKT_EALIGN);
    check_refused(options_of(32, 8, 64), TAKT_EALIGN);
    check_refused(options_of(64, 8, 4096), TAKT_EALIGN);
    check_refused(options_of(8, 8, (size_t)1 << 63), TAKT_EALIGN);
}

/* A ring whose slots are where they should be, zeroed and apart from each other. */
static void check_slots(size_t event_size, size_t alignment, int64_t capacity)
{
    takt_ring_options options = options_of(event_size, capacity, alignment);
    takt_ring *ring;

    cr_assert_eq(takt_ring_create(&ring, &options), 0, "event %zu at %zu", event_size, alignment);
    cr_assert_eq(takt_ring_capacity(ring), capacity);
    unsigned char *first = takt_ring_at(ring, 0);
    cr_assert_eq((uintptr_t)first % (alignment ? alignment : TAKT_LINE_PAIR), 0);
    for (int64_t s = 0; s < capacity; s++) {
        unsigned char *slot = takt_ring_at(ring, s);
        cr_assert(slot == first + (size_t)s * event_size);
        cr_assert(slot == takt_ring_at(ring, s + 5 * capacity));
        if (alignment > 8)
            cr_assert_eq((uintptr_t)slot % alignment, 0);
        for (size_t i = 0; i < event_size; i++)
            cr_assert_eq(slot[i], 0);
    }
    takt_ring_destroy(ring);
}

Test(ring, slots_are_aligned_zeroed_and_apart)
{
    const size_t event_sizes[] = {1, 3, 8, 24, 128, 256, 4096};
    const size_t alignments[] = {0, 1, 2, 4, 8};

    for (size_t i = 0; i < sizeof event_sizes / sizeof *event_sizes; i++)
        for (size_t k = 0; k < sizeof alignments / sizeof *alignments; k++)
            check_slots(event_sizes[i], alignments[k], (int64_t)1 << i);
    for (size_t alignment = 16; alignment <= 16384; alignment *= 2)
        check_slots(3 * alignment, alignment, 4);
}

Test(ring, producer_and_consumers_do_not_share_lines)
{
    takt_ring *ring = make_ring(8, 8);
    cr_assert_eq((uintptr_t)ring % TAKT_LINE_PAIR, 0);
    cr_assert_eq(offsetof(takt_ring, claimed) % TAKT_LINE_PAIR, 0);
    cr_assert_eq(offsetof(takt_ring, cursor) % TAKT_LINE_PAIR, 0);
    cr_assert(offsetof(takt_ring, cursor) >= offsetof(takt_ring, claimed) + TAKT_LINE_PAIR);
    cr_assert(offsetof(takt_ring, halted) >= offsetof(takt_ring, cursor) + TAKT_LINE_PAIR);
    cr_assert_eq(sizeof(takt_sequence) % TAKT_LINE_PAIR, 0);
    takt_ring_destroy(ring);
    takt_ring_destroy(NULL);
}

Test(ring, gives_back_what_it_took_whichever_allocation_fails)
{
    struct probe probe;
    takt_ring_options options = options_of(24, 16, 0);
    options.allocator = &probe.table;

    for (int for_good = 0; for_good < 2; for_good++) {
        int result = TAKT_ENOMEM;
        for (uint32_t n = 1; result != 0; n++) {
            takt_ring *ring = (takt_ring *)&ring;
            probe_start(&probe, n, for_good);
            result = takt_ring_create(&ring, &options);
            if (result != 0) {
                cr_assert_eq(result, TAKT_ENOMEM);
                cr_assert(ring == NULL);
            } else {
                cr_assert(probe.live > 0 && probe.calls == n - 1, "failed and nobody noticed");
                takt_ring_destroy(ring);
            }
            cr_assert(probe_is_clean(&probe), "allocation %u: %u left", n, probe.live);
        }
    }
}

Test(ring, asks_for_no_more_than_its_slots)
{
    struct probe probe;
    takt_ring_options options = options_of(16, TAKT_CAPACITY_MAX, 0);
    takt_ring *ring;

    probe_start(&probe, 0, false);
    probe.most = 1 << 20;
    options.allocator = &probe.table;
    cr_assert_eq(takt_ring_create(&ring, &options), TAKT_ENOMEM);
    cr_assert_eq(probe.largest, 16 * (size_t)TAKT_CAPACITY_MAX);
    cr_assert(probe_is_clean(&probe));
}

Test(ring, starts_before_the_first_sequence)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 4);
    cr_assert_eq(takt_ring_cursor(ring), TAKT_SEQUENCE_INITIAL);
    cr_assert_eq(takt_ring_next(ring, 1), 0);
    cr_assert_eq(takt_ring_cursor(ring), TAKT_SEQUENCE_INITIAL, "claimed is not published");
    takt_ring_publish(ring, 0);
    cr_assert_eq(takt_ring_cursor(ring), 0);
    takt_ring_destroy(ring);
}

/* Claims and consumes at random beside a model that knows the claims and what they wrote. */
static void run_against_model(int64_t capacity, uint64_t seed)
{
    struct rng rng = {seed};
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, capacity);
    int64_t claimed = -1, done = -1;

    for (int step = 0; step < 20000; step++) {
        if (rng_below(&rng, 2)) {
            int64_t n = 1 + rng_below(&rng, (uint32_t)capacity);
            int64_t high = takt_ring_try_next(ring, n);
            bool fits = claimed + n - done <= capacity;
            cr_assert_eq(high, fits ? claimed + n : TAKT_EFULL, "step %d of seed %lu", step, seed);
            for (int64_t s = claimed + 1; fits && s <= high; s++)
                *(int64_t *)takt_ring_at(ring, s) = s;
            claimed = fits ? high : claimed;
            takt_ring_publish(ring, claimed);
            cr_assert_eq(takt_ring_cursor(ring), claimed);
        } else {
            int64_t n = rng_below(&rng, (uint32_t)capacity + 1);
            for (; n > 0 && done < claimed; n--, done++)
                cr_assert_eq(*(int64_t *)takt_ring_at(ring, done + 1), done + 1);
            takt_sequence_set(&consumer, done);
        }
    }
    cr_assert(claimed > 4 * capacity, "hardly anything was claimed");
    takt_ring_destroy(ring);
}

Test(ring, claims_publishes_and_wraps_like_the_model)
{
    for (int64_t capacity = 1; capacity <= 64; capacity *= 2)
        run_against_model(capacity, 100 + (uint64_t)capacity);
}

Test(ring, full_until_a_consumer_is_done)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 4);

    for (int64_t s = 0; s < 4; s++)
        cr_assert_eq(takt_ring_try_next(ring, 1), s);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    takt_ring_publish(ring, 3);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL, "publishing makes no room");
    takt_sequence_set(&consumer, 1);
    cr_assert_eq(takt_ring_try_next(ring, 3), TAKT_EFULL);
    cr_assert_eq(takt_ring_try_next(ring, 1), 4);
    cr_assert_eq(takt_ring_next(ring, 1), 5);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    takt_ring_destroy(ring);
}

Test(ring, claims_of_several_slots)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 8);

    cr_assert_eq(takt_ring_next(ring, 8), 7);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    takt_sequence_set(&consumer, 4);
    cr_assert_eq(takt_ring_try_next(ring, 6), TAKT_EFULL);
    cr_assert_eq(takt_ring_try_next(ring, 5), 12, "a claim in vain leaves no hole");
    takt_sequence_set(&consumer, 12);
    cr_assert_eq(takt_ring_next(ring, 8), 20);
    takt_ring_publish(ring, 20);
    cr_assert_eq(takt_ring_cursor(ring), 20);
    takt_ring_destroy(ring);
}

/* Numbers of slots that no claim can have, with every kind of deadline. */
static void check_out_of_range(takt_ring *ring)
{
    const int64_t numbers[] = {0, -1, -8, takt_ring_capacity(ring) + 1, INT64_MIN, INT64_MAX};
    const int64_t deadlines[] = {TAKT_NOW, 1, TAKT_FOREVER};
    int64_t claimed = ring->claimed;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t k = 0; k < 3; k++)
            cr_assert_eq(takt_ring_next_until(ring, numbers[i], deadlines[k]), TAKT_EINVAL,
                         "%ld slots after %ld", numbers[i], claimed);
    cr_assert_eq(ring->claimed, claimed);
}

Test(ring, refuses_claims_out_of_range)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 8);

    check_out_of_range(ring);
    cr_assert_eq(takt_ring_next(ring, 3), 2);
    check_out_of_range(ring); /* with room for some */
    cr_assert_eq(takt_ring_next(ring, 5), 7);
    check_out_of_range(ring); /* with room for none */
    takt_sequence_set(&consumer, 7);
    cr_assert_eq(takt_ring_next(ring, 1), 8);
    check_out_of_range(ring);
    takt_ring_destroy(ring);
}

Test(ring, gives_up_at_the_deadline_without_a_hole)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 2);
    const int64_t past[] = {1, -1, INT64_MIN, takt_now() - 1};

    cr_assert_eq(takt_ring_next(ring, 2), 1);
    cr_assert_eq(takt_ring_next_until(ring, 1, TAKT_NOW), TAKT_EFULL);
    for (size_t i = 0; i < sizeof past / sizeof *past; i++)
        cr_assert_eq(takt_ring_next_until(ring, 1, past[i]), TAKT_ETIMEDOUT);
    for (int64_t ns = 1000; ns <= 16000000; ns *= 16) {
        int64_t deadline = takt_after(ns);
        cr_assert_eq(takt_ring_next_until(ring, 2, deadline), TAKT_ETIMEDOUT);
        cr_assert(takt_now() >= deadline);
    }
    cr_assert_eq(ring->claimed, 1);
    takt_sequence_set(&consumer, 0);
    cr_assert_eq(takt_ring_next_until(ring, 1, 1), 2, "there is room: no need to wait");
    takt_ring_destroy(ring);
}

/* A claim made by another thread, which will have to wait. */
struct claim {
    takt_ring *ring;
    int64_t n;
    int64_t result;
    int64_t waiting; /* set just before the claim */
};

static void *claim_slots(void *argument)
{
    struct claim *claim = argument;
    takt__store_release(&claim->waiting, 1);
    claim->result = takt_ring_next(claim->ring, claim->n);
    return NULL;
}

/* Starts the claim and leaves it time to begin to wait, which no result depends on. */
static pthread_t start_claim(struct claim *claim)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, claim_slots, claim), 0);
    while (!takt__load_acquire(&claim->waiting))
        usleep(100);
    usleep(3000);
    return thread;
}

Test(ring, a_waiting_claim_goes_on_when_there_is_room)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 4);
    struct claim claim = {.ring = ring, .n = 3};

    cr_assert_eq(takt_ring_next(ring, 4), 3);
    pthread_t thread = start_claim(&claim);
    takt_sequence_set(&consumer, 0);
    takt_sequence_set(&consumer, 2);
    pthread_join(thread, NULL);
    cr_assert_eq(claim.result, 6);
    takt_ring_destroy(ring);
}

Test(ring, halting_ends_a_waiting_claim_and_those_that_follow)
{
    takt_sequence consumer;
    takt_ring *ring = make_ring_for(&consumer, 4);
    struct claim claim = {.ring = ring, .n = 1};

    cr_assert_eq(takt_ring_next(ring, 4), 3);
    takt_ring_publish(ring, 2);
    pthread_t thread = start_claim(&claim);
    takt_ring_halt(ring);
    pthread_join(thread, NULL);
    cr_assert_eq(claim.result, TAKT_EHALTED);
    cr_assert_eq(takt_ring_next(ring, 1), TAKT_EHALTED);
    cr_assert_eq(takt_ring_next_until(ring, 1, takt_after(1000000000)), TAKT_EHALTED);
    cr_assert_eq(takt_ring_cursor(ring), 2, "what is published stays");
    cr_assert_eq(ring->claimed, 3);
    takt_ring_destroy(ring);
}
