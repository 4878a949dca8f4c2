/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the schedule explorer know of each other:
 *
 *   schedule.c  fibres, which of them runs, the clock
 *   kernel.c    what the library asks of the system: futex, membarrier, threads, mutexes
 *   memory.c    what a load may find: the memory model
 *   race.c      plain accesses, checked for races; the schedule's memory
 *   search.c    the choices: exhaustively, at random, or as they were in another schedule
 *   trace.c     the last steps of a schedule, for people
 *   frames.c    the frames of a schedule, for a picture
 *   main.c      options, cases, the report
 */
#ifndef TAKT_TEST_SIM_ENGINE_H
#define TAKT_TEST_SIM_ENGINE_H

#include "disruptor/atomic_sim.h"
#include "sim.h"

#define SIM_FIBRES  8    /* of one schedule, ended ones included */
#define SIM_PLACES  1016 /* atomic variables of one case */
#define SIM_MUTEXES 8

/* --- schedule.c --- */

extern int sim_current;    /* the fibre that runs */
extern int sim_alive;      /* fibres that have not ended */
extern int sim_begun;      /* and all that have begun in this schedule */
extern uint32_t sim_steps; /* accesses so far */

/* Runs a case once. Returns NULL, or what went wrong, valid until the next run. */
const char *sim_run(const struct sim_case *c);

/* Before an access: another fibre may run first. Not `shared`: nobody could tell the difference. */
void sim_point(bool shared);

/* The running fibre has read, or has changed something: who only reads is made to give way. */
void sim_note_read(void);
void sim_note_write(void);

enum sim_state { SIM_READY, SIM_BLOCKED, SIM_ENDED };

/* What a fibre does: as the library writes it for threads, or as a case does. */
struct sim_body {
    void *(*thread)(void *);
    void (*plain)(void *);
    void *argument;
};

int sim_fibre_begin(const char *name, struct sim_body body);
const char *sim_fibre_name(int fibre);
void sim_fibre_rename(int fibre, const char *name);
bool sim_fibre_ended(int fibre);
const void *sim_fibre_end(int fibre); /* what to wait for until it has */

/* Blocks the running fibre at an address; true if it was woken by the clock. */
bool sim_block(const void *waits_for, int64_t deadline);

/* Wakes at most so many who wait there, in the order of their arrival; how many it was. */
int sim_wake(const void *waits_for, int most);

void sim_pass_time(int64_t ns);

/* --- kernel.c --- */

void sim_kernel_reset(void);

/* --- memory.c --- */

/* Forgets all places: another case begins. Forgets all values: another schedule does. */
void sim_places_forget(void);
void sim_places_reset(bool strong);

/* Whether a place has turned out to be shared since this was last asked. */
bool sim_places_grown(void);

/* What one fibre knows goes to another (or to a mutex, which is a number of its own). */
void sim_view_begin(int child, int parent);
void sim_view_join(int fibre, int ended);
void sim_view_lock(uint32_t mutex);
void sim_view_unlock(uint32_t mutex);

/* membarrier(2). */
void sim_fence_everywhere(void);

/* Whether the running fibre knows what `fibre` did at its time `clock`; the running one's time. */
bool sim_knows(int fibre, int16_t clock);
int16_t sim_clock_of_current(void);

/* --- race.c --- */

void sim_arena_reset(void);

/* A name for an address, in a static buffer. */
const char *sim_address(const void *p);

/* Fails if the address lies in memory that was given back. */
void sim_check_freed(const void *p);
void sim_check_made(const void *p, const void *at);

/* --- search.c --- */

enum sim_mode { SIM_EXHAUSTIVE, SIM_RANDOM, SIM_REPLAY };

/* A choice other than the first, the straight one. */
struct sim_deviation {
    uint32_t index; /* of the choice, counted from the schedule's start */
    uint32_t value;
};

#define SIM_DEVIATIONS 8192

extern struct sim_deviation sim_deviations[SIM_DEVIATIONS]; /* of the schedule that ran */
extern uint32_t sim_deviation_count;

void sim_search_exhaustive(uint32_t bound);
bool sim_search_next(void); /* false: all schedules within the bound have been run */
void sim_search_again(void);
void sim_search_random(uint64_t seed);
void sim_search_replay(const struct sim_deviation *deviations, uint32_t count);
bool sim_search_replays(void);
void sim_search_begin(void);

/*
 * Which of `count` fibres runs, from option 0, which goes without saying. Those from `stalling` on
 * are the ones from 1 on again, with the current one stalled; those from `timed` on are woken by
 * the clock ahead of its time. `is_free`: none is straighter than another.
 */
uint32_t sim_choose_fibre(const int *options, uint32_t count, uint32_t stalling, uint32_t timed,
                          bool is_free);

/* Which of `count` stores a load finds, counted from the latest. */
uint32_t sim_choose_store(uint32_t count);

/* Whether something rare happens. */
bool sim_choose_rare(void);

/* A fibre has begun, or has nothing to do but wait. */
void sim_search_fibre(int fibre);
void sim_search_gives_way(int fibre);

/* --- trace.c --- */

extern bool sim_tracing;

void sim_trace_reset(void);
void sim_trace(const char *operation, const struct takt__site *site, const void *place,
               const char *format, ...) __attribute__((format(printf, 4, 5)));
void sim_trace_print(uint32_t most);

#endif
