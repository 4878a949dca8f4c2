/* SPDX-License-Identifier: MIT */
/*
 * From what the stages have done to how wide they shall be: the scheduler's decision at one tick,
 * without a clock, a thread or an atomic in it. The scheduler thread and takt-sim call it.
 */
#ifndef TAKT_SCHEDULER_DECIDE_H
#define TAKT_SCHEDULER_DECIDE_H

#include <takt/policy.h>

/* The most ticks that are summed up. */
#define TAKT__WINDOW_MAX 8

/* What one stage shows at a tick. */
struct takt__reading {
    int64_t events;    /* handled so far, */
    int64_t busy_ns;   /* and in what time: sums since the start */
    double service_ns; /* of one event, by who runs it; counts until the sums say it. 0: unknown */
    double backlog;
    double capacity;
    double weight;
    uint32_t least, most;
    uint32_t depth;
    uint32_t width; /* that it has, or has been asked to have */
    bool source;
    bool keyed;
    bool done;
};

/* What is remembered of one stage between ticks. Zeroed at the start. */
struct takt__decision {
    int64_t seen_events, seen_busy_ns;
    int64_t events[TAKT__WINDOW_MAX]; /* in each of the last ticks */
    int64_t busy_ns[TAKT__WINDOW_MAX];
    uint32_t grow_ticks, shrink_ticks; /* for how many ticks in a row the policy wanted it */
    uint32_t shrink_to;                /* the widest it wanted to shrink to meanwhile */
    uint32_t since_change;             /* ticks */
    /* The result. */
    double cost;
    double preference;
    uint32_t width;
};

/* What is remembered of all stages of a pipeline. Zeroed at the start. */
struct takt__decisions {
    int64_t elapsed_ns[TAKT__WINDOW_MAX];
    uint32_t at;    /* the slot of the last tick */
    uint32_t ticks; /* in which events have flowed, up to the window */
};

/* Numbers that the decision goes by: docs/scheduling.md says why these. */
struct takt__tuning {
    uint32_t window;       /* ticks over which service times are summed at most, */
    uint32_t enough;       /* unless so many events have been seen in fewer */
    uint32_t rate_window;  /* ticks over which rates are summed */
    uint32_t grow_ticks;   /* ticks that must agree on more shards, */
    uint32_t shrink_ticks; /* and on fewer */
    double gain;           /* a width changes by more than this part of it */
    uint32_t dwell;        /* ticks that a stage rests after a change */
};

extern const struct takt__tuning takt__tuning_default;

/*
 * The first half of a tick, `elapsed_ns` after the one before: what has come of the stages since,
 * smoothed, as loads for a policy. True if events have flowed; if not, no load is filled, and each
 * stage's width is the one that it has. At most TAKT_STAGES_MAX stages.
 */
bool takt__decide_observe(const struct takt__tuning *tuning, struct takt__decisions *all,
                          struct takt__decision **stages, takt_load *loads,
                          const struct takt__reading *readings, uint32_t count, int64_t elapsed_ns);

/*
 * The second: fills each stage's width, preference and cost as the policy will have it with so
 * many workers; the width is the reading's where nothing is to be changed.
 */
void takt__decide_widths(const takt_policy *policy, const struct takt__tuning *tuning,
                         struct takt__decision **stages, takt_load *loads,
                         const struct takt__reading *readings, uint32_t count, uint32_t workers);

/* Both, for a pipeline that has all workers to itself. True if events have flowed. */
bool takt__decide(const takt_policy *policy, const struct takt__tuning *tuning,
                  struct takt__decisions *all, struct takt__decision **stages, takt_load *loads,
                  const struct takt__reading *readings, uint32_t count, uint32_t workers,
                  int64_t elapsed_ns);

#endif
