/* SPDX-License-Identifier: MIT */
/* futex(2) and membarrier(2). */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <takt/clock.h>

#include "disruptor/atomic.h"
#include "disruptor/futex.h"

void takt__futex_wait(const uint32_t *word, uint32_t seen, int64_t deadline)
{
    struct timespec t = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
    const struct timespec *until = deadline == TAKT_FOREVER ? NULL : &t;
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

void takt__futex_wake(const uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

void takt__barrier_prepare(void)
{
    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool takt__barrier_everywhere(void)
{
    takt__fence();
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0)
        return true;
    /* Not registered yet (EPERM), or not to be had. */
    return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}
