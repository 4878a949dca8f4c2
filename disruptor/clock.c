/* SPDX-License-Identifier: MIT */
/* The monotonic clock, in nanoseconds. */
#include <time.h>

#include <takt/clock.h>

int64_t takt_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t takt_after(int64_t ns)
{
    int64_t now = takt_now();
    return ns > TAKT_FOREVER - now ? TAKT_FOREVER : now + ns;
}
