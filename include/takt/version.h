/* SPDX-License-Identifier: MIT */
/* The version of the headers, and of the library that was linked. */
#ifndef TAKT_VERSION_H
#define TAKT_VERSION_H

#include <takt/base.h>

#define TAKT_VERSION_MAJOR 0
#define TAKT_VERSION_MINOR 1
#define TAKT_VERSION_PATCH 0

/* One number that orders versions: 0xMMmmpp. */
#define TAKT_VERSION ((TAKT_VERSION_MAJOR << 16) | (TAKT_VERSION_MINOR << 8) | TAKT_VERSION_PATCH)

TAKT__DECLS_BEGIN

/*
 * The TAKT_VERSION that the library was built with. While the major number is 0, a program should
 * refuse a library whose value differs from its own TAKT_VERSION: inline functions of the headers
 * know the layout of the ring. Any thread, never blocks, O(1).
 */
int takt_version(void);

TAKT__DECLS_END

#endif
