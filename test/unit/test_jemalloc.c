/* SPDX-License-Identifier: MIT */
/* The allocator over jemalloc: where its memory lies is asked of jemalloc itself. */
#include <criterion/criterion.h>
#include <jemalloc/jemalloc.h>
#include <string.h>

#include <takt/jemalloc.h>
#include <takt/takt.h>

#include "random.h"

TestSuite(jemalloc, .timeout = 20);

/* The number of the arena that a piece of memory lies in. */
static unsigned arena_of(void *memory)
{
    unsigned arena;
    size_t size = sizeof arena;
    cr_assert_eq(mallctl("arenas.lookup", &arena, &size, &memory, sizeof memory), 0);
    return arena;
}

static takt_allocator create(void)
{
    takt_allocator a;
    cr_assert_eq(takt_allocator_jemalloc_create(&a), 0);
    return a;
}

static bool is_zero(const unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i])
            return false;
    return true;
}

Test(jemalloc, memory_lies_in_an_arena_of_its_own)
{
    takt_allocator a = create(), b = create();
    void *in_a = a.allocate(a.context, 100, 8), *in_b = b.allocate(b.context, 100, 8);
    void *large = a.allocate(a.context, (size_t)16 << 20, 128);
    void *programs = mallocx(100, 0);
    cr_assert(in_a && in_b && large && programs);
    cr_assert_neq(arena_of(in_a), arena_of(in_b));
    cr_assert_eq(arena_of(large), arena_of(in_a), "not in the arena for large things");
    cr_assert_neq(arena_of(programs), arena_of(in_a));
    cr_assert_neq(arena_of(programs), arena_of(in_b));
    dallocx(programs, 0);
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
    memset(in_b, 1, 100); /* another arena's */
    cr_assert_eq(takt_allocator_jemalloc_destroy(&b), 0);
}

Test(jemalloc, memory_is_zeroed_and_aligned_also_when_used_again)
{
    takt_allocator a = create();
    struct rng rng = {7};
    for (int i = 0; i < 2000; i++) {
        size_t size = 1 + rng_below(&rng, 1u << rng_between(&rng, 1, 21));
        size_t alignment = (size_t)1 << rng_below(&rng, 14);
        unsigned char *memory = a.allocate(a.context, size, alignment);
        cr_assert_not_null(memory);
        cr_assert_eq((uintptr_t)memory % alignment, 0);
        cr_assert(is_zero(memory, size), "size %zu, alignment %zu", size, alignment);
        memset(memory, 0xff, size);
        a.release(a.context, memory, size);
    }
    unsigned char *huge = a.allocate(a.context, (size_t)3 << 20, 64);
    cr_assert_eq((uintptr_t)huge % (2 << 20), 0);
    cr_assert(is_zero(huge, (size_t)3 << 20));
    a.release(a.context, huge, (size_t)3 << 20);
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
}

Test(jemalloc, what_cannot_be_had_is_null)
{
    takt_allocator a = create();
    cr_assert_null(a.allocate(a.context, 0, 8));
    cr_assert_null(a.allocate(a.context, SIZE_MAX / 2, 8));
    cr_assert_null(a.allocate(a.context, SIZE_MAX / 8, 8));
    cr_assert_null(a.allocate(a.context, 64, 0));
    cr_assert_null(a.allocate(a.context, 64, 24));
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
}

Test(jemalloc, is_destroyed_once)
{
    cr_assert_eq(takt_allocator_jemalloc_create(NULL), TAKT_EINVAL);
    cr_assert_eq(takt_allocator_jemalloc_destroy(NULL), TAKT_EINVAL);
    takt_allocator a = create();
    cr_assert_not_null(a.allocate(a.context, 1 << 20, 8), "what is left goes with the arena");
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
    cr_assert(!a.allocate && !a.release && !a.context);
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
    takt_allocator other = *takt_allocator_default();
    cr_assert_eq(takt_allocator_jemalloc_destroy(&other), TAKT_EINVAL);
    cr_assert_eq(other.allocate, takt_allocator_default()->allocate);
}

static size_t allocated_in(unsigned arena)
{
    uint64_t epoch = 1;
    size_t path[8], length = 8, small, large, size = sizeof small;
    cr_assert_eq(mallctl("epoch", NULL, NULL, &epoch, sizeof epoch), 0);
    cr_assert_eq(mallctlnametomib("stats.arenas.0.small.allocated", path, &length), 0);
    path[2] = arena;
    cr_assert_eq(mallctlbymib(path, length, &small, &size, NULL, 0), 0);
    length = 8;
    cr_assert_eq(mallctlnametomib("stats.arenas.0.large.allocated", path, &length), 0);
    path[2] = arena;
    cr_assert_eq(mallctlbymib(path, length, &large, &size, NULL, 0), 0);
    return small + large;
}

static int add(void *context, takt_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        *(int64_t *)context += *(const int64_t *)takt_batch_at(b, i);
    return 0;
}

/* The sum of 0 .. events - 1, by way of a pipeline of one stage. */
static int64_t run_pipeline(const takt_allocator *allocator, int64_t events, void **slot)
{
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    int64_t sum = 0;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2, .allocator = allocator)),
                 0);
    cr_assert_eq(takt_pipeline_create(&pipeline, runtime,
                                      TAKT_PIPELINE(.event_size = 8, .capacity = 1 << 19)),
                 0);
    takt_pipeline_add_stage(pipeline, NULL,
                            TAKT_STAGE(.handler = add, .context = &sum, .shards_max = 1));
    cr_assert_eq(takt_pipeline_start(pipeline), 0);
    takt_ring *ring = takt_pipeline_ring(pipeline);
    *slot = takt_ring_at(ring, 0);
    cr_assert_eq(arena_of(*slot), arena_of(ring));
    for (int64_t i = 0; i < events; i++) {
        int64_t s = takt_ring_next(ring, 1);
        *(int64_t *)takt_ring_at(ring, s) = i;
        takt_ring_publish(ring, s);
    }
    takt_pipeline_close(pipeline);
    cr_assert_eq(takt_pipeline_wait(pipeline, takt_after(10000000000)), 0);
    cr_assert_leq((size_t)8 << 19, allocated_in(arena_of(ring)), "the slots are counted there");
    takt_pipeline_destroy(pipeline);
    takt_runtime_destroy(runtime);
    return sum;
}

Test(jemalloc, carries_a_pipeline_and_gets_everything_back)
{
    takt_allocator a = create();
    void *probe = a.allocate(a.context, 1, 1), *slot;
    unsigned arena = arena_of(probe);
    a.release(a.context, probe, 1);
    cr_assert_eq(allocated_in(arena), 0);
    cr_assert_eq(run_pipeline(&a, 100000, &slot), INT64_C(100000) * 99999 / 2);
    cr_assert_eq(allocated_in(arena), 0, "nothing is left in the arena");
    cr_assert_eq(takt_allocator_jemalloc_destroy(&a), 0);
}
