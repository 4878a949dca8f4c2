/* SPDX-License-Identifier: MIT */
/* The table of errors, the version, the default allocator, the clock, and counting the cores. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <takt/takt.h>

#include "scheduler/topo.h"

TestSuite(base, .timeout = 20);

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

struct row {
    int code;
    const char *name;
    const char *text;
};

#define ROW(name, value, text) {name, #name, text},
static const struct row rows[] = {TAKT_ERRORS(ROW)};
#define ROWS (sizeof rows / sizeof *rows)

Test(base, error_codes_are_negative_and_distinct)
{
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert(rows[i].code < 0 && rows[i].code > TAKT_EUSER, "%s", rows[i].name);
        for (size_t k = 0; k < i; k++) {
            cr_assert(rows[i].code != rows[k].code, "%s and %s", rows[i].name, rows[k].name);
            cr_assert(strcmp(rows[i].text, rows[k].text) != 0, "%s", rows[i].name);
        }
    }
}

Test(base, every_error_code_has_its_name_and_text)
{
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert(strlen(rows[i].text) > 0);
        cr_assert_eq(strcmp(takt_strerror(rows[i].code), rows[i].text), 0, "%s", rows[i].name);
        cr_assert_eq(strcmp(takt_error_name(rows[i].code), rows[i].name), 0, "%s", rows[i].name);
    }
    cr_assert_eq(strcmp(takt_strerror(0), "no error"), 0);
    cr_assert_eq(strcmp(takt_error_name(0), "TAKT_OK"), 0);
}

Test(base, codes_of_handlers_and_codes_that_do_not_exist)
{
    const int user[] = {TAKT_EUSER, TAKT_EUSER - 1, TAKT_EUSER - 5000, INT_MIN};
    const int none[] = {1, 17, INT_MAX, TAKT_EUSER + 1, -99, -500};

    for (size_t i = 0; i < sizeof user / sizeof *user; i++) {
        cr_assert_eq(strcmp(takt_strerror(user[i]), "error of a handler"), 0, "%d", user[i]);
        cr_assert_eq(strcmp(takt_error_name(user[i]), "TAKT_EUSER"), 0, "%d", user[i]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cr_assert(strlen(takt_strerror(none[i])) > 0);
        for (size_t k = 0; k < ROWS; k++)
            cr_assert(strcmp(takt_strerror(none[i]), rows[k].text) != 0, "%d", none[i]);
    }
}

Test(base, library_and_headers_have_one_version)
{
    cr_assert_eq(takt_version(), TAKT_VERSION);
    cr_assert_eq(TAKT_VERSION >> 16, TAKT_VERSION_MAJOR);
    cr_assert_eq((TAKT_VERSION >> 8) & 0xff, TAKT_VERSION_MINOR);
    cr_assert_eq(TAKT_VERSION & 0xff, TAKT_VERSION_PATCH);
}

/* Pages of address space that the process has. */
static long address_space(void)
{
    char text[128] = {0};
    int fd = open("/proc/self/statm", O_RDONLY);
    cr_assert(fd >= 0);
    cr_assert(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strtol(text, NULL, 10);
}

static bool is_mapped(const unsigned char *page)
{
    unsigned char resident;
    return mincore((void *)(uintptr_t)page, 1, &resident) == 0 || errno != ENOMEM;
}

/* Allocates, looks at the memory, and gives it back. */
static void check_allocation(size_t size, size_t alignment)
{
    const takt_allocator *a = takt_allocator_default();
    unsigned char *p = a->allocate(a->context, size, alignment);
    size_t step = size < 64 * KIB ? 1 : 509;

    cr_assert(p != NULL, "%zu bytes at %zu", size, alignment);
    if (alignment)
        cr_assert_eq((uintptr_t)p % alignment, 0, "%zu bytes at %zu", size, alignment);
    for (size_t i = 0; i < size; i += step)
        cr_assert_eq(p[i], 0, "byte %zu of %zu", i, size);
    memset(p, 0xa5, size);
    a->release(a->context, p, size);
    cr_assert(!is_mapped((unsigned char *)((uintptr_t)p & ~(4 * KIB - 1))));
    cr_assert(!is_mapped((unsigned char *)((uintptr_t)(p + size - 1) & ~(4 * KIB - 1))));
}

Test(base, default_allocator_gives_zeroed_aligned_memory_and_takes_it_back)
{
    const size_t sizes[] = {1,           8,       127,         128,     4 * KIB - 1,
                            4 * KIB,     5000,    64 * KIB,    1 * MIB, 2 * MIB - 1,
                            2 * MIB + 0, 3 * MIB, 5 * MIB + 1, 8 * MIB};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t alignment = 1; alignment <= 4 * MIB; alignment *= 4)
            check_allocation(sizes[i], alignment);
        check_allocation(sizes[i], 0);
    }
}

/* An event must not wait for its page to be zeroed. Without MADV_POPULATE_WRITE it does. */
Test(base, default_allocator_touches_the_pages)
{
    const takt_allocator *a = takt_allocator_default();
    unsigned char resident[256] = {0};
    unsigned char *p = a->allocate(a->context, MIB, 0);
    if (madvise(p, 4 * KIB, MADV_POPULATE_WRITE) < 0)
        cr_skip("the kernel cannot");
    cr_assert_eq(mincore(p, MIB, resident), 0);
    for (int i = 0; i < 256; i++)
        cr_assert(resident[i] & 1, "page %d", i);
    a->release(a->context, p, MIB);
}

Test(base, default_allocator_keeps_no_address_space)
{
    long before = address_space();
    for (int i = 0; i < 50; i++) {
        check_allocation(3 * MIB, 128);
        check_allocation(9000, 64 * KIB);
    }
    cr_assert_eq(address_space(), before);
}

Test(base, default_allocator_aligns_big_blocks_for_huge_pages)
{
    const takt_allocator *a = takt_allocator_default();
    void *blocks[8];
    for (size_t i = 0; i < 8; i++) { /* of 2, 3, 4 and 5 MiB, each twice */
        blocks[i] = a->allocate(a->context, (2 + i % 4) * MIB, 8);
        cr_assert(blocks[i] != NULL);
        cr_assert_eq((uintptr_t)blocks[i] % (2 * MIB), 0);
    }
    for (size_t i = 0; i < 8; i++)
        a->release(a->context, blocks[i], (2 + i % 4) * MIB);
}

Test(base, default_allocator_refuses_what_cannot_be)
{
    const takt_allocator *a = takt_allocator_default();
    cr_assert(a->allocate(a->context, 0, 8) == NULL);
    cr_assert(a->allocate(a->context, SIZE_MAX, 8) == NULL);
    cr_assert(a->allocate(a->context, SIZE_MAX / 2, 4096) == NULL);
    cr_assert(a->allocate(a->context, (size_t)1 << 60, 8) == NULL);
    cr_assert(a->allocate(a->context, 64, 3) == NULL);
    cr_assert(a->allocate(a->context, 64, 24) == NULL);
}

Test(base, blocks_of_the_default_allocator_do_not_overlap)
{
    const takt_allocator *a = takt_allocator_default();
    unsigned char *blocks[16];

    for (unsigned i = 0; i < 16; i++) {
        blocks[i] = a->allocate(a->context, (i % 3) * MIB + 100, 128);
        cr_assert(blocks[i] != NULL);
        memset(blocks[i], (int)i + 1, (i % 3) * MIB + 100);
    }
    for (unsigned i = 0; i < 16; i++) {
        for (size_t k = 0; k < (i % 3) * MIB + 100; k += 31)
            cr_assert_eq(blocks[i][k], i + 1);
        a->release(a->context, blocks[i], (i % 3) * MIB + 100);
    }
}

Test(base, clock_does_not_run_backwards)
{
    int64_t before = takt_now();
    cr_assert(before > 0);
    for (int i = 0; i < 10000; i++) {
        int64_t now = takt_now();
        cr_assert(now >= before);
        before = now;
    }
}

Test(base, deadlines_ahead_and_at_the_end_of_time)
{
    int64_t now = takt_now();
    int64_t ahead = takt_after(1000000000);
    int64_t behind = takt_after(-5000);
    cr_assert(ahead >= now + 1000000000);
    cr_assert(ahead <= takt_now() + 1000000000);
    cr_assert(takt_after(0) >= now);
    cr_assert(behind >= now - 5000 && behind <= takt_now() - 5000);
    cr_assert_eq(takt_after(TAKT_FOREVER), TAKT_FOREVER);
    cr_assert_eq(takt_after(TAKT_FOREVER - now), TAKT_FOREVER);
    cr_assert(takt_after(TAKT_FOREVER / 2) < TAKT_FOREVER);
    cr_assert(takt_after(INT64_MIN) < 0);
}

Test(base, there_is_a_core_to_run_on)
{
    uint32_t cores = takt__topo_cores();
    cr_assert(cores >= 1);
    cr_assert(cores <= (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
    cr_assert(takt__topo_pin(0));
    cr_assert_eq(takt__topo_cores(), 1); /* the mask of this thread has one core now */
    cr_assert(takt__topo_pin(7));
}
