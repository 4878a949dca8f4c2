/* SPDX-License-Identifier: MIT */
/*
 * A simulated run as a recording of the library's own kind (scheduler/observe/dump.h), so that the
 * library's writers make the same page and the same Chrome trace of it as of a run on threads.
 *
 * A recording of 1,024 workers, or of a long run, holds millions of seats, which nobody can look at
 * one by one and no browser opens. So there is a limit: when it is reached, seats of one stage that
 * a worker took within a certain time are made one span, batches are left out, and that time is
 * doubled each time that the limit is reached again. How long each worker was in each stage stays
 * exact, to that time.
 */
#ifndef TAKT_SIM_RECORD_H
#define TAKT_SIM_RECORD_H

#include "perf/sim/workload.h"
#include "scheduler/decide.h"

struct sim_record;
struct sim_world;

/* How many spans of workers there are at most, if `workers` allow: 0 is the default. */
#define SIM_RECORD_SPANS ((size_t)1 << 19)

/* NULL: no memory. */
struct sim_record *sim_record_create(const struct sim_workload *workload, uint32_t workers,
                                     size_t spans);
void sim_record_free(struct sim_record *record);

/*
 * Writes the run, which is over: a page if `path` ends in ".html", otherwise a Chrome trace. 0 or
 * an error of takt's; of TAKT_EFILE, errno says why.
 */
int sim_record_write(const struct sim_record *record, const char *title, const char *path);

/*
 * What the simulation tells as it goes; nothing if its options have no record. A worker has done a
 * batch; gives its shard up; has risen from sleep; wakes another.
 */
void sim_record_batch(struct sim_world *world, uint32_t worker);
void sim_record_leave(struct sim_world *world, uint32_t worker);
void sim_record_rise(struct sim_world *world, uint32_t worker);
void sim_record_wake(struct sim_world *world);

/* Something has happened to a stage's shards: a change of division may have begun, or ended. */
void sim_record_division(struct sim_world *world, uint32_t stage);

/* The scheduler has decided, if `loads` is there; and where the stages stand. */
void sim_record_tick(struct sim_world *world, const struct takt__reading *readings,
                     const takt_load *loads);

/* The end of the run. */
void sim_record_end(struct sim_world *world);

#endif
