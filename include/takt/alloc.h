/* SPDX-License-Identifier: MIT */
/*
 * Where memory comes from: a table of two functions that a program may replace. Only creating and
 * adding allocates; nothing does while events flow.
 */
#ifndef TAKT_ALLOC_H
#define TAKT_ALLOC_H

#include <takt/base.h>

typedef struct takt_allocator {
    /*
     * `size` bytes of zeroed memory whose address is a multiple of `alignment` (a power of two),
     * or NULL. Called by whichever thread creates the object.
     */
    void *(*allocate)(void *context, size_t size, size_t alignment);
    /* Takes back what allocate gave, with the same size. */
    void (*release)(void *context, void *memory, size_t size);
    void *context;
} takt_allocator;

TAKT__DECLS_BEGIN

/*
 * The default allocator: anonymous mmap; from 2 MiB on aligned so that the kernel may use huge
 * pages, which it is asked for (madvise). Falls back to ordinary pages without a word.
 */
const takt_allocator *takt_allocator_default(void);

TAKT__DECLS_END

#endif
