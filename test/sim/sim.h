/* SPDX-License-Identifier: MIT */
/*
 * What a case of the schedule explorer is written against.
 *
 * A case is a function that runs from the beginning for every schedule, on the fibre "main". It
 * takes all its memory from sim_memory (zeroed, the same addresses each time), starts fibres of its
 * own or has the library start threads, and looks at what came of it. It must do the same thing
 * each time but for what the schedule decides: no clock, no random number, no variable that lives
 * on from schedule to schedule. Before it returns, every fibre must have ended.
 */
#ifndef TAKT_TEST_SIM_SIM_H
#define TAKT_TEST_SIM_SIM_H

#include <takt/takt.h>

struct sim_case {
    const char *name;
    const char *about;
    void (*main)(void *unused);
    uint32_t depth; /* exhaustive up to so many deviations from the straight run, if they fit */
    uint32_t share; /* of the schedules, compared with other cases' */
    bool must_fail; /* it is wrong, and shows that the explorer notices */
    bool strong;    /* loads find the latest store: memory as if there were no buffers */
};

/* Zeroed memory that ends with the schedule. */
void *sim_memory(size_t size);

/* The same as an allocator, for the library. */
extern const takt_allocator sim_allocator;

/* Starts a fibre; waits until it has ended, and knows then all that it did. */
int sim_start(const char *name, void (*function)(void *), void *argument);
void sim_join(int fibre);

/* For the rest of the schedule the system has no membarrier(2). */
void sim_without_membarrier(void);

/* The clock of the schedule. */
int64_t sim_now(void);

/* Whether it is well that all sleep until somebody's deadline; if not, that is a failure. At first
 * it is. */
void sim_clock_wakes(bool yes);

/* Gives the others a chance: in a loop that waits for one of them. */
void sim_give_way(void);

/* Ends the schedule as a failure. */
__attribute__((format(printf, 1, 2), noreturn)) void sim_fail(const char *format, ...);

#define sim_check(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            sim_fail(__VA_ARGS__);                                                                 \
    } while (0)

#endif
