/* SPDX-License-Identifier: MIT */
/* What every public header needs: integer types, C++ linkage, alignment, branch hints. */
#ifndef TAKT_BASE_H
#define TAKT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TAKT__DECLS_BEGIN extern "C" {
#define TAKT__DECLS_END   }
#else
#define TAKT__DECLS_BEGIN
#define TAKT__DECLS_END
#endif

/*
 * The distance at which two threads do not disturb each other: two cache lines of 64 bytes,
 * because the adjacent-line prefetcher of x86 fetches lines in aligned pairs.
 */
#define TAKT_LINE_PAIR 128
#define TAKT_ALIGNED   __attribute__((aligned(TAKT_LINE_PAIR)))

#define TAKT_LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define TAKT_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
