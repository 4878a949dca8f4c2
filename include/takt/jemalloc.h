/* SPDX-License-Identifier: MIT */
/*
 * An allocator over jemalloc, with an arena of its own: what takt allocates lies apart from the
 * program's other memory, and goes back to the system at once when it is released.
 *
 *     takt_allocator allocator;
 *     if (takt_allocator_jemalloc_create(&allocator) == 0)
 *         takt_runtime_create(&runtime, TAKT_RUNTIME(.allocator = &allocator));
 *     ...
 *     takt_runtime_destroy(runtime);
 *     takt_allocator_jemalloc_destroy(&allocator);
 *
 * For programs that use jemalloc anyway. These functions are in an archive of their own,
 * libtakt-jemalloc.a (pkg-config takt-jemalloc), which is there if takt was built where jemalloc
 * is; libtakt.a knows nothing of it, because linking jemalloc replaces the program's malloc.
 */
#ifndef TAKT_JEMALLOC_H
#define TAKT_JEMALLOC_H

#include <takt/alloc.h>
#include <takt/error.h>

TAKT__DECLS_BEGIN

/*
 * Makes an arena and fills in a table of functions for it, which any thread may use. The table must
 * live as long as what is made with it. TAKT_EINVAL; TAKT_ENOMEM if jemalloc has no arena left;
 * *allocator is zeroed then.
 */
int takt_allocator_jemalloc_create(takt_allocator *allocator);

/*
 * Takes the arena down, and whatever memory was not released with it, and zeroes the table. One
 * that is zeroed already is fine. TAKT_EINVAL; TAKT_ESTATE if jemalloc keeps the arena, because the
 * program has bound a thread to it.
 */
int takt_allocator_jemalloc_destroy(takt_allocator *allocator);

TAKT__DECLS_END

#endif
