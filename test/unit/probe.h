/* SPDX-License-Identifier: MIT */
/*
 * An allocator for tests: it counts, fails the allocations that it is told to fail, and sees that
 * memory comes back once and with the size that it was asked for. For one thread.
 */
#ifndef TAKT_TEST_PROBE_H
#define TAKT_TEST_PROBE_H

#include <stdlib.h>
#include <string.h>

#include <takt/alloc.h>

#define PROBE_MOST 1024

struct probe {
    takt_allocator table; /* what to hand to takt */
    uint32_t calls;       /* of allocate, those that failed included */
    uint32_t fail_at;     /* this call fails, counted from 1; 0: none does */
    bool fail_for_good;   /* and so do all that follow it */
    uint32_t live;        /* blocks that have not come back */
    uint32_t faults;      /* releases that do not fit */
    size_t largest;       /* the largest size asked for */
    size_t most;          /* a larger one is refused; 0: none is */
    struct {
        void *memory;
        size_t size;
    } blocks[PROBE_MOST];
};

static inline void *probe_allocate(void *context, size_t size, size_t alignment)
{
    struct probe *probe = context;
    uint32_t call = ++probe->calls;
    if (size > probe->largest)
        probe->largest = size;
    if (probe->fail_at &&
        (call == probe->fail_at || (probe->fail_for_good && call > probe->fail_at)))
        return NULL;
    if (probe->live == PROBE_MOST || (probe->most && size > probe->most))
        return NULL;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    memset(memory, 0, size);
    probe->blocks[probe->live].memory = memory;
    probe->blocks[probe->live++].size = size;
    return memory;
}

static inline void probe_release(void *context, void *memory, size_t size)
{
    struct probe *probe = context;
    for (uint32_t i = 0; i < probe->live; i++) {
        if (probe->blocks[i].memory != memory)
            continue;
        probe->faults += probe->blocks[i].size != size;
        probe->blocks[i] = probe->blocks[--probe->live];
        free(memory);
        return;
    }
    probe->faults++;
}

/* A probe that starts from nothing and will fail call `fail_at`, or that and all after it. */
static inline void probe_start(struct probe *probe, uint32_t fail_at, bool for_good)
{
    *probe = (struct probe){.fail_at = fail_at, .fail_for_good = for_good};
    probe->table = (takt_allocator){probe_allocate, probe_release, probe};
}

/* Whether everything has come back as it should. */
static inline bool probe_is_clean(const struct probe *probe)
{
    return probe->live == 0 && probe->faults == 0;
}

#endif
