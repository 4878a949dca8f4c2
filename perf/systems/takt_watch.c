/* SPDX-License-Identifier: MIT */
/* Looking on at a run of takt's runtime: recordings that a case asks for, and what watching costs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <takt/error.h>
#include <takt/observe.h>
#include <takt/trace.h>

#include "takt_job.h"

/* That each worker keeps: 8 MiB, more than a run of a few seconds makes. */
#define RECORDS (1u << 18)

/* In memory, as it is meant to be, if there is such a place. */
static const char *counters_path(void)
{
    static char path[64];
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/takt-perf-%ld.counters", folder, (long)getpid());
    return path;
}

int watch_begin(const struct perf_case *what, takt_runtime *runtime, enum job_watch watch)
{
    if (what->report || what->trace)
        return takt_trace_start(runtime, TAKT_TRACE(.records = RECORDS));
    switch (watch) {
    case WATCH_COUNTERS: return takt_observe_open(runtime, counters_path());
    case WATCH_ON: return takt_trace_start(runtime, NULL);
    case WATCH_OFF: {
        int error = takt_trace_start(runtime, NULL);
        takt_trace_stop(runtime);
        return error;
    }
    case WATCH_NEVER: break;
    }
    return 0;
}

int watch_end(const struct perf_case *what, takt_runtime *runtime, enum job_watch watch)
{
    const char *const paths[] = {what->report, what->trace};
    takt_trace_stop(runtime);
    if (watch == WATCH_COUNTERS)
        unlink(counters_path());
    for (int i = 0; i < 2; i++) {
        int error = paths[i] ? takt_trace_dump(runtime, paths[i]) : 0;
        if (error == 0)
            continue;
        fprintf(stderr, "takt-perf: %s: %s\n", paths[i],
                error == TAKT_EFILE ? strerror(errno) : takt_strerror(error));
        return error;
    }
    return 0;
}
