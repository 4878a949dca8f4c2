/* SPDX-License-Identifier: MIT */
/*
 * Looking at a runtime while it works: snapshots for the program itself, and a counters file for
 * others (`takt-top` shows one). Counting is always on; it is stores to memory of each worker's
 * own.
 */
#ifndef TAKT_OBSERVE_H
#define TAKT_OBSERVE_H

#include <takt/counters.h>

TAKT__DECLS_BEGIN

/*
 * Fills *snapshot with a pipeline's figures. They fit together: stages are read from the last to
 * the first, so no stage has done more than the stages before it, and along a chain the backlogs
 * add up to what is between cursor and last stage. Of a pipeline at rest they are exact. Any
 * thread, never blocks, O(shards), some microseconds.
 */
void takt_pipeline_snapshot(const takt_pipeline *pipeline, takt_counters_pipeline *snapshot);

/*
 * Fills workers[] with the first `count` workers' figures and returns how many there are: the
 * runtime's own workers, and after them the places for helpers. Each figure is one that the worker
 * had while this ran. Any thread, never blocks.
 */
uint32_t takt_runtime_snapshot(const takt_runtime *runtime, takt_counters_worker *workers,
                               uint32_t count);

/*
 * Begins to keep a counters file at `path`, replacing what is there: it appears complete, under
 * its name, and a reader of the one before keeps that. The scheduler thread writes it at every
 * tick. Of up to TAKT_PIPELINES_MAX pipelines; one that is destroyed leaves its last figures until
 * the place is needed. TAKT_EINVAL, TAKT_ENOMEM; TAKT_ESTATE if one is open; TAKT_EFILE where the
 * file cannot be made, errno says why. Any thread.
 */
int takt_observe_open(takt_runtime *runtime, const char *path);

/*
 * Writes the file once more, marks it as closed and leaves it. Without one nothing happens.
 * takt_runtime_destroy does it, too. Any thread.
 */
void takt_observe_close(takt_runtime *runtime);

TAKT__DECLS_END

#endif
