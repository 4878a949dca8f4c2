/* SPDX-License-Identifier: MIT */
/* One pass over both lists: the ticks after a move are looked up in the order of their ends. */
#include "settle.h"

#include "statistics.h"

#define GOOD       0.95
#define UNSETTLED  8   /* ticks after a move that say nothing of the steady rate, */
#define STEADY     8   /* and how many must follow them at least; */
#define TICKS_MOST 512 /* no more than these are looked at, */
#define MOVES_MOST 256 /* of no more moves */

struct stream {
    const struct perf_arrival *arrival;
    size_t arrivals;
    size_t at; /* the first arrival that is not before the last time asked for */
};

/* How far the output was at a time, which lies within the list and not before the last one. */
static double progress(struct stream *s, int64_t time)
{
    while (s->arrival[s->at].at < time)
        s->at++;
    const struct perf_arrival *next = &s->arrival[s->at];
    if (next->at == time || s->at == 0)
        return (double)next->past;
    double part = (double)(time - next[-1].at) / (double)(next->at - next[-1].at);
    return (double)next[-1].past + part * (double)(next->past - next[-1].past);
}

/* Fills the output of each whole tick from `begin` up to `end`. How many there are. */
static size_t cut_up(struct stream *s, int64_t begin, int64_t end, int64_t tick_ns, double *output)
{
    size_t n = 0;
    double before = progress(s, begin);
    for (int64_t t = begin + tick_ns; t <= end && n < TICKS_MOST; t += tick_ns) {
        double now = progress(s, t);
        output[n++] = now - before;
        before = now;
    }
    return n;
}

/* What is remembered of each move, until the medians are taken. */
struct moves {
    double ticks[MOVES_MOST], lost[MOVES_MOST], share[PERF_SETTLE_FIRST][MOVES_MOST];
    size_t count;
};

static void judge(struct moves *moves, const double *output, size_t n)
{
    double rest[TICKS_MOST], lost = 0;
    size_t settled = 0;
    for (size_t i = UNSETTLED; i < n; i++)
        rest[i - UNSETTLED] = output[i];
    double steady = perf_spread_of(rest, n - UNSETTLED).median;
    if (!(steady > 0))
        return;
    while (settled < n && output[settled] < GOOD * steady)
        settled++;
    for (size_t i = 0; i < UNSETTLED; i++)
        lost += 1 - output[i] / steady;
    for (size_t i = 0; i < PERF_SETTLE_FIRST; i++)
        moves->share[i][moves->count] = output[i] / steady;
    moves->ticks[moves->count] = (double)settled;
    moves->lost[moves->count++] = lost;
}

void perf_settle_of(struct perf_settle *settle, const struct perf_arrival *arrival, size_t arrivals,
                    const int64_t *moved, size_t moves, int64_t tick_ns)
{
    struct stream stream = {arrival, arrivals, 0};
    struct moves judged = {.count = 0};
    *settle = (struct perf_settle){0};
    for (size_t i = 0; i < moves && arrivals > 0 && judged.count < MOVES_MOST; i++) {
        double output[TICKS_MOST];
        int64_t last = arrival[arrivals - 1].at;
        int64_t end = i + 1 < moves && moved[i + 1] < last ? moved[i + 1] : last;
        if (moved[i] < arrival[0].at || end - moved[i] < (UNSETTLED + STEADY) * tick_ns)
            continue;
        judge(&judged, output, cut_up(&stream, moved[i], end, tick_ns, output));
    }
    if (judged.count == 0)
        return;
    struct perf_spread ticks = perf_spread_of(judged.ticks, judged.count);
    settle->moves = judged.count;
    settle->ticks = ticks.median;
    settle->most = ticks.most;
    settle->lost = perf_spread_of(judged.lost, judged.count).median;
    for (size_t i = 0; i < PERF_SETTLE_FIRST; i++)
        settle->share[i] = perf_spread_of(judged.share[i], judged.count).median;
}
