/* SPDX-License-Identifier: MIT */
/*
 * Plain accesses, checked for races.
 *
 * The library and the cases are compiled with -fsanitize=thread, but not linked with the thread
 * sanitizer: the calls that the compiler puts before each plain load and store come here. For each
 * four bytes of the schedule's memory the last write and every fibre's last read are remembered
 * with the fibre's time, and which of the bytes they were. Two accesses, one of them a write, race
 * if the later one's fibre did not know of the earlier one: no chain of releases and acquires
 * (memory.c) leads from one to the other. That does not depend on which of them came first in this
 * schedule, so slots, batches and all fields that the library orders by its atomic variables are
 * covered, in every case, without a word in the case. Stacks and static variables are not looked
 * at.
 *
 * Memory that was given back stays unused for the rest of the schedule, and who touches it fails.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

#define ARENA   ((size_t)1 << 21)
#define GRANULE 4
#define RANGES  64

struct cell {
    uint32_t run;
    int16_t write_clock;
    int8_t writer;
    uint8_t written; /* which bytes, a bit each */
    uint8_t read[SIM_FIBRES];
    int16_t read_clock[SIM_FIBRES];
    void *write_at;
    void *read_at[SIM_FIBRES];
};

static _Alignas(4096) unsigned char arena[ARENA];
static struct cell cells[ARENA / GRANULE];
static size_t used;
static uint32_t run;
static struct range {
    size_t from, to;
} freed[RANGES];
static uint32_t freed_count;

void sim_arena_reset(void)
{
    memset(arena, 0, used);
    used = 0;
    freed_count = 0;
    run++;
}

static void *take(size_t size, size_t alignment)
{
    if (alignment < 16)
        alignment = 16;
    size_t at = (used + alignment - 1) / alignment * alignment;
    if (size > ARENA - at)
        sim_fail("the case needs more than %zu bytes", ARENA);
    used = at + size;
    return arena + at;
}

void *sim_memory(size_t size)
{
    return take(size, TAKT_LINE_PAIR);
}

static void *allocate(void *context, size_t size, size_t alignment)
{
    (void)context;
    return take(size, alignment);
}

static void release(void *context, void *memory, size_t size)
{
    (void)context;
    size_t from = (size_t)((unsigned char *)memory - arena);
    if (freed_count == RANGES)
        sim_fail("more than %d pieces of memory are given back", RANGES);
    freed[freed_count++] = (struct range){from, from + size};
}

const takt_allocator sim_allocator = {allocate, release, NULL};

void sim_check_freed(const void *p)
{
    size_t at = (size_t)((const unsigned char *)p - arena);
    for (uint32_t i = 0; i < freed_count; i++)
        if (at >= freed[i].from && at < freed[i].to)
            sim_fail("memory at %s is used after it was given back", sim_address(p));
}

const char *sim_address(const void *p)
{
    static char text[32];
    size_t at = (size_t)((const unsigned char *)p - arena);
    if (at < ARENA)
        snprintf(text, sizeof text, "heap+%zu", at);
    else
        snprintf(text, sizeof text, "%p", p);
    return text;
}

/*
 * Where in the program an access stands. The line is asked for only when a schedule is replayed to
 * be shown: addr2line(1) takes its time.
 */
static const char *code_name(const void *code, char *text, size_t size)
{
    extern const char __executable_start[];
    unsigned long offset = (unsigned long)((const char *)code - __executable_start) - 1;
    snprintf(text, size, "code 0x%lx", offset);
    char path[200], command[300];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (!sim_tracing || n <= 0)
        return text;
    path[n] = 0;
    snprintf(command, sizeof command, "addr2line -s -e '%s' 0x%lx 2>&1", path, offset);
    FILE *tool = popen(command, "r");
    if (tool && fgets(path, sizeof path, tool))
        snprintf(text, size, "%.*s", (int)strcspn(path, " \n"), path);
    if (tool)
        pclose(tool);
    return text;
}

__attribute__((noreturn)) static void report(const void *address, const char *kind, const void *at,
                                             const char *other_kind, int other,
                                             const void *other_at)
{
    char here[100], there[100];
    sim_fail("race at %s: %s by %s (%s), and before it %s by %s (%s)", sim_address(address), kind,
             sim_fibre_name(sim_current), code_name(at, here, sizeof here), other_kind,
             sim_fibre_name(other), code_name(other_at, there, sizeof there));
}

static void check_write(const struct cell *c, const void *address, uint8_t bytes, const char *kind,
                        const void *at)
{
    if ((c->written & bytes) && !sim_knows(c->writer, c->write_clock))
        report(address, kind, at, "a write", c->writer, c->write_at);
}

static void check_reads(const struct cell *c, const void *address, uint8_t bytes, const void *at)
{
    for (int i = 0; i < SIM_FIBRES; i++)
        if ((c->read[i] & bytes) && i != sim_current && !sim_knows(i, c->read_clock[i]))
            report(address, "a write", at, "a read", i, c->read_at[i]);
}

static void access_cell(size_t index, uint8_t bytes, bool write, void *at)
{
    struct cell *c = &cells[index];
    const void *address = arena + index * GRANULE;
    if (c->run != run) {
        memset(c, 0, sizeof *c);
        c->run = run;
    }
    check_write(c, address, bytes, write ? "a write" : "a read", at);
    if (write) {
        check_reads(c, address, bytes, at);
        memset(c->read, 0, sizeof c->read);
        c->writer = (int8_t)sim_current;
        c->written = bytes;
        c->write_clock = sim_clock_of_current();
        c->write_at = at;
    } else {
        c->read[sim_current] |= bytes;
        c->read_clock[sim_current] = sim_clock_of_current();
        c->read_at[sim_current] = at;
    }
}

/* Until a second fibre begins, all that the first does comes before what the others will do. */
static inline void access_plain(const void *p, size_t size, bool write, void *at)
{
    size_t from = (size_t)((const unsigned char *)p - arena);
    if (from >= ARENA || sim_begun < 2)
        return;
    if (freed_count)
        sim_check_freed(p);
    size_t to = from + size;
    for (size_t i = from / GRANULE; i * GRANULE < to; i++) {
        uint32_t bytes = 15;
        if (i * GRANULE < from)
            bytes &= 15u << (from - i * GRANULE);
        if (to < (i + 1) * GRANULE)
            bytes &= 15u >> ((i + 1) * GRANULE - to);
        access_cell(i, (uint8_t)bytes, write, at);
    }
}

/* An atomic access must know of a plain write before it, such as a field's first value is. */
void sim_check_made(const void *p, const void *at)
{
    size_t from = (size_t)((const unsigned char *)p - arena);
    if (from >= ARENA || sim_begun < 2)
        return;
    const struct cell *c = &cells[from / GRANULE];
    if (c->run == run)
        check_write(c, p, 15, "an atomic access", at);
}

#define HOOK(name, size, write)                                                                    \
    void __tsan_##name(void *p);                                                                   \
    void __tsan_##name(void *p)                                                                    \
    {                                                                                              \
        access_plain(p, size, write, __builtin_return_address(0));                                 \
    }

HOOK(read1, 1, false)
HOOK(read2, 2, false)
HOOK(read4, 4, false)
HOOK(read8, 8, false)
HOOK(read16, 16, false)
HOOK(write1, 1, true)
HOOK(write2, 2, true)
HOOK(write4, 4, true)
HOOK(write8, 8, true)
HOOK(write16, 16, true)
HOOK(unaligned_read2, 2, false)
HOOK(unaligned_read4, 4, false)
HOOK(unaligned_read8, 8, false)
HOOK(unaligned_read16, 16, false)
HOOK(unaligned_write2, 2, true)
HOOK(unaligned_write4, 4, true)
HOOK(unaligned_write8, 8, true)
HOOK(unaligned_write16, 16, true)

void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *p, size_t size)
{
    access_plain(p, size, false, __builtin_return_address(0));
}

void __tsan_write_range(void *p, size_t size)
{
    access_plain(p, size, true, __builtin_return_address(0));
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    access_plain(from, size, false, __builtin_return_address(0));
    access_plain(to, size, true, __builtin_return_address(0));
    return memcpy(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
    access_plain(to, size, true, __builtin_return_address(0));
    return memset(to, byte, size);
}
