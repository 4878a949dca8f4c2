/* SPDX-License-Identifier: MIT */
/*
 * The allocator over jemalloc: an archive of its own, libtakt-jemalloc.a.
 *
 * No thread is bound to the arena and no thread cache is used, so what is in the arena is what takt
 * has asked for, the arena can be taken down at any time, and a thread that ends leaves nothing of
 * it behind. Taking and giving back are rare, and so the cache would not have helped.
 *
 * Memory is given back by dallocx rather than sdallocx: a table of functions is told the size at
 * that point but not the alignment, which belongs to jemalloc's size classes as well.
 *
 * As in the default allocator, from the size of a huge page on memory is aligned to one and the
 * kernel is asked for huge pages. What has been released goes to the system at once (no decay): a
 * ring is made once, not over and over.
 */
#include <jemalloc/jemalloc.h>
#include <string.h>
#include <sys/mman.h>

#include <takt/jemalloc.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* The arena's number is the context. */
static unsigned arena_of(const void *context)
{
    return (unsigned)(uintptr_t)context;
}

static int flags_of(const void *context)
{
    return (int)MALLOCX_ARENA(arena_of(context)) | MALLOCX_TCACHE_NONE;
}

/* Calls "arena.N.NAME" for an arena; `pattern` names it with N = 0. */
static int control(unsigned arena, const char *pattern, void *value, size_t size)
{
    size_t path[3];
    size_t length = 3;
    int error = mallctlnametomib(pattern, path, &length);
    if (error)
        return error;
    path[1] = arena;
    return mallctlbymib(path, length, NULL, NULL, value, size);
}

static void *arena_allocate(void *context, size_t size, size_t alignment)
{
    if (size == 0 || size > SIZE_MAX / 4 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return NULL;
    bool huge = size >= HUGE_PAGE;
    if (huge && alignment < HUGE_PAGE)
        alignment = HUGE_PAGE;
    int flags = flags_of(context) | MALLOCX_ZERO | (int)MALLOCX_ALIGN(alignment);
    void *memory = mallocx(size, flags);
    if (memory && huge)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static void arena_release(void *context, void *memory, size_t size)
{
    (void)size;
    dallocx(memory, flags_of(context));
}

int takt_allocator_jemalloc_create(takt_allocator *allocator)
{
    if (!allocator)
        return TAKT_EINVAL;
    memset(allocator, 0, sizeof *allocator);
    unsigned arena;
    size_t size = sizeof arena;
    if (mallctl("arenas.create", &arena, &size, NULL, 0) != 0)
        return TAKT_ENOMEM;
    /* Where this is refused, memory goes back later. */
    ssize_t decay_ms = 0;
    control(arena, "arena.0.dirty_decay_ms", &decay_ms, sizeof decay_ms);
    control(arena, "arena.0.muzzy_decay_ms", &decay_ms, sizeof decay_ms);
    allocator->allocate = arena_allocate;
    allocator->release = arena_release;
    allocator->context = (void *)(uintptr_t)arena;
    return 0;
}

int takt_allocator_jemalloc_destroy(takt_allocator *allocator)
{
    if (!allocator)
        return TAKT_EINVAL;
    if (!allocator->allocate)
        return 0;
    if (allocator->allocate != arena_allocate)
        return TAKT_EINVAL;
    if (control(arena_of(allocator->context), "arena.0.destroy", NULL, 0) != 0)
        return TAKT_ESTATE;
    memset(allocator, 0, sizeof *allocator);
    return 0;
}
