/* SPDX-License-Identifier: MIT */
/*
 * The Test Anything Protocol for tests that are plain programs: those that run under the thread
 * sanitizer, where Criterion cannot. One test point per ok(); done() prints the plan and gives the
 * exit code. Main thread only.
 */
#ifndef TAKT_TEST_TAP_H
#define TAKT_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline bool ok(bool passed, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    va_end(arguments);
    tap_failed += !passed;
    return passed;
}

static inline int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A positive number from the environment, or the default: how long or how often to test. */
static inline long tap_setting(const char *name, long otherwise)
{
    const char *text = getenv(name);
    long value = text ? strtol(text, NULL, 10) : 0;
    return value > 0 ? value : otherwise;
}

#endif
