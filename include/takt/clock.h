/* SPDX-License-Identifier: MIT */
/* The clock of all deadlines: CLOCK_MONOTONIC in nanoseconds. */
#ifndef TAKT_CLOCK_H
#define TAKT_CLOCK_H

#include <takt/base.h>

/* A deadline that never passes, and one that has passed already ("try"). */
#define TAKT_FOREVER INT64_MAX
#define TAKT_NOW     INT64_C(0)

TAKT__DECLS_BEGIN

/* Nanoseconds of CLOCK_MONOTONIC. Any thread, never blocks, about 25 ns. */
int64_t takt_now(void);

/* The deadline that lies `ns` nanoseconds ahead, TAKT_FOREVER where the sum would overflow. */
int64_t takt_after(int64_t ns);

TAKT__DECLS_END

#endif
