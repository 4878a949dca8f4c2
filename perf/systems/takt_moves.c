/* SPDX-License-Identifier: MIT */
/*
 * A hot stage that moves: when each move began, how the output went on meanwhile, and how soon it
 * was what it had been (settle.h).
 *
 * A move begins when the first event with the new costs comes to the first stage, which is the
 * earliest that anybody can know of it. The output is what the last stage has put in order. Both
 * are noted by the handlers, once for each batch at most: a thread that looked on would take a core
 * from a worker each time.
 *
 * The figures (perf_note_figure); a tick is the scheduler's, TAKT_TICK_NS:
 *
 *   settle_ticks     from a move until the first tick with 95 % of the steady output
 *   settle_most      the same for the slowest move of the run
 *   tick_1, tick_2, tick_3
 *                    the output of the first ticks after a move, as parts of the steady one
 *   lost_ticks       what a move costs in all: ticks of steady output
 *
 * Each but settle_most is the median of the run's moves. A run without a move, or with too little
 * after it, has none of them.
 */
#include <stdlib.h>

#include "settle.h"
#include "takt_job.h"

/* Arrivals that come sooner after another are left out; 2^17 of them last for 16 seconds. */
#define APART_NS      (TAKT_TICK_NS / 64)
#define ARRIVALS_MOST (1u << 17)
#define MOVES_MOST    64

struct moves {
    size_t arrivals;
    int64_t moved[MOVES_MOST]; /* 0: not yet */
    struct perf_arrival arrival[ARRIVALS_MOST];
};

struct moves *moves_open(const struct perf_case *what)
{
    return what->turn ? calloc(1, sizeof(struct moves)) : NULL;
}

/* One batch begins each phase, so no entry is written to by two workers. */
void moves_note_entry(struct moves *moves, const struct perf_case *what, const takt_batch *b)
{
    uint64_t last = (uint64_t)takt_batch_sequence(b, b->count - 1);
    uint64_t phase = last / what->turn;
    if ((uint64_t)b->first <= phase * what->turn && phase > 0 && phase <= MOVES_MOST)
        moves->moved[phase - 1] = takt_now();
}

/* The last stage has one shard, so one worker at a time is here. */
void moves_note_output(struct moves *moves, const takt_batch *b)
{
    int64_t now = takt_now(), past = takt_batch_sequence(b, b->count - 1) + 1;
    if (moves->arrivals == ARRIVALS_MOST)
        return;
    if (moves->arrivals > 0 && now - moves->arrival[moves->arrivals - 1].at < APART_NS)
        return;
    moves->arrival[moves->arrivals++] = (struct perf_arrival){now, past};
}

void moves_close(struct moves *moves, struct perf_run *run)
{
    static const char *const names[PERF_SETTLE_FIRST] = {"tick_1", "tick_2", "tick_3"};
    struct perf_settle settle = {0};
    size_t count = 0;
    while (moves && count < MOVES_MOST && moves->moved[count] > 0)
        count++;
    if (moves)
        perf_settle_of(&settle, moves->arrival, moves->arrivals, moves->moved, count, TAKT_TICK_NS);
    if (settle.moves > 0) {
        perf_note_figure(run, "settle_ticks", settle.ticks);
        perf_note_figure(run, "settle_most", settle.most);
        for (int i = 0; i < PERF_SETTLE_FIRST; i++)
            perf_note_figure(run, names[i], settle.share[i]);
        perf_note_figure(run, "lost_ticks", settle.lost);
    }
    free(moves);
}
