/* SPDX-License-Identifier: MIT */
/*
 * Recording what every worker does and what the scheduler decides: off until it is asked for, then
 * kept in a ring for each worker, which holds the last records and needs no lock. From a recording
 * come a Chrome trace (chrome://tracing, Perfetto) or a page of HTML that needs nothing else.
 *
 * As a flight recorder: start with `flight` set and leave it on. When a handler fails, or a worker
 * hangs in one, what the rings hold is written there.
 */
#ifndef TAKT_TRACE_H
#define TAKT_TRACE_H

#include <takt/pipeline.h>

typedef struct takt_trace_options {
    size_t size;      /* sizeof(takt_trace_options) */
    uint32_t records; /* that each worker keeps, rounded up to a power of two; 0: 65,536 (2 MiB) */
    int64_t stall_ns; /* a handler that takes longer than this is a stall; 0: a second */
    const char *flight; /* written when a handler fails or stalls: a file, as for takt_trace_dump */
} takt_trace_options;

#ifndef __cplusplus
#define TAKT_TRACE(...) (&(takt_trace_options){.size = sizeof(takt_trace_options), __VA_ARGS__})
#endif

TAKT__DECLS_BEGIN

/*
 * Begins a recording; what an earlier one has left is gone. `options` may be NULL. The memory of
 * the first call is kept until the runtime ends, so later ones cannot have more `records`:
 * TAKT_ELIMIT. TAKT_EINVAL, TAKT_ENOMEM; TAKT_ESTATE while one is on. Any thread.
 */
int takt_trace_start(takt_runtime *runtime, const takt_trace_options *options);

/* Ends it; what was recorded stays to be written. Any thread. */
void takt_trace_stop(takt_runtime *runtime);

/*
 * Writes what has been recorded, while it goes on or afterwards: as a page if `path` ends in
 * ".html", as a Chrome trace otherwise. Records that are overwritten meanwhile are left out.
 * TAKT_ESTATE if nothing has ever been recorded, TAKT_ENOMEM, TAKT_EFILE if the file cannot be
 * written (errno says why). Any thread, but no signal handler: have the handler wake a thread.
 */
int takt_trace_dump(takt_runtime *runtime, const char *path);

TAKT__DECLS_END

#endif
