/* SPDX-License-Identifier: MIT */
/*
 * The default allocator. Every allocation is a mapping of its own: objects are few, large and long
 * lived, and a mapping is zeroed, aligned to a page, and returns to the system when released.
 *
 * From the size of a huge page on, the mapping is aligned to one (by mapping more and giving back
 * both ends) and the kernel is asked to use huge pages; where it does not, nothing is lost. All
 * pages of a ring are touched in turn and for ever, so a huge page saves page faults at the start
 * and TLB misses later, and wastes at most its own size.
 *
 * Pages are touched here and not by the first events, each of which would wait for its page to be
 * zeroed (a huge one: a quarter of a millisecond). Beyond POPULATE_MAX the mapping grows with the
 * first lap: who asks for so much may never fill it.
 */
#include <sys/mman.h>

#include "disruptor/alloc.h"

#define PAGE      ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)

#define POPULATE_MAX ((size_t)64 << 20)

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* The granularity at which `size` is mapped: what release must repeat. */
static size_t unit_of(size_t size)
{
    return size >= HUGE_PAGE ? HUGE_PAGE : PAGE;
}

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Maps `size` bytes at a multiple of `alignment`, both multiples of a page. */
static void *map_aligned(size_t size, size_t alignment)
{
    if (alignment <= PAGE)
        return map(size);
    unsigned char *p = map(size + alignment);
    if (!p)
        return NULL;
    size_t head = (alignment - (uintptr_t)p % alignment) % alignment;
    if (head)
        munmap(p, head);
    munmap(p + head + size, alignment - head); /* which is never nothing */
    return p + head;
}

static void *default_allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    if (size == 0 || size > SIZE_MAX / 4 || (alignment & (alignment - 1)) != 0)
        return NULL;
    size_t unit = unit_of(size);
    size_t mapped = round_up(size, unit);
    void *p = map_aligned(mapped, alignment > unit ? alignment : unit);
    if (p && unit == HUGE_PAGE)
        madvise(p, mapped, MADV_HUGEPAGE);
    if (p && mapped <= POPULATE_MAX)
        madvise(p, mapped, MADV_POPULATE_WRITE); /* before Linux 5.14: EINVAL, and nothing lost */
    return p;
}

static void default_release(void *context, void *memory, size_t size)
{
    (void)context;
    munmap(memory, round_up(size, unit_of(size)));
}

static const takt_allocator default_allocator = {default_allocate, default_release, NULL};

const takt_allocator *takt_allocator_default(void)
{
    return &default_allocator;
}

void *takt__allocate(const takt_allocator *allocator, size_t size, size_t alignment)
{
    return allocator->allocate(allocator->context, size, alignment);
}

void takt__release(const takt_allocator *allocator, void *memory, size_t size)
{
    if (memory)
        allocator->release(allocator->context, memory, size);
}
