/* SPDX-License-Identifier: MIT */
/* Calls through an allocator's table. */
#ifndef TAKT_DISRUPTOR_ALLOC_H
#define TAKT_DISRUPTOR_ALLOC_H

#include <takt/alloc.h>

/* Zeroed memory, or NULL. */
void *takt__allocate(const takt_allocator *allocator, size_t size, size_t alignment);

/* Gives it back; `memory` may be NULL. */
void takt__release(const takt_allocator *allocator, void *memory, size_t size);

#endif
