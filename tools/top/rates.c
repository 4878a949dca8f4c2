/* SPDX-License-Identifier: MIT */
/* Rates from sums. */
#include "rates.h"

#include <string.h>

static double per_event(int64_t busy, int64_t events)
{
    return events > 0 ? (double)busy / (double)events : 0;
}

static void add_pipeline(struct rates *r, uint32_t i, const takt_counters_pipeline *p, bool moved)
{
    if (p->serial != r->serial[i]) { /* another one in the same place */
        memset(r->history[i], 0, sizeof r->history[i]);
        memset(r->events[i], 0, sizeof r->events[i]);
        memset(r->busy[i], 0, sizeof r->busy[i]);
        r->serial[i] = p->serial;
    }
    for (uint32_t k = 0; k < p->stage_count; k++) {
        const takt_counters_stage *s = &p->stages[k];
        int64_t events = s->events - r->events[i][k];
        int64_t busy = s->busy_ns - r->busy[i][k];
        double rate = moved ? (double)events / r->seconds : 0;
        r->per_second[i][k] = rate;
        r->service_ns[i][k] =
            moved && events > 0 ? per_event(busy, events) : per_event(s->busy_ns, s->events);
        r->events[i][k] = s->events;
        r->busy[i][k] = s->busy_ns;
        memmove(r->history[i][k], r->history[i][k] + 1, (HISTORY - 1) * sizeof(double));
        r->history[i][k][HISTORY - 1] = rate;
    }
}

static double part(int64_t ns, double seconds)
{
    double share = seconds > 0 ? (double)ns * 1e-9 / seconds : 0;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

static void add_worker(struct rates *r, uint32_t i, const takt_counters_worker *w, bool moved)
{
    double life = (double)(w->busy_ns + w->sleeping_ns + w->idle_ns) * 1e-9;
    int64_t busy = moved ? w->busy_ns - r->worker_busy[i] : w->busy_ns;
    int64_t sleeping = moved ? w->sleeping_ns - r->worker_sleeping[i] : w->sleeping_ns;
    r->busy_part[i] = part(busy, moved ? r->seconds : life);
    r->sleeping_part[i] = part(sleeping, moved ? r->seconds : life);
    r->worker_busy[i] = w->busy_ns;
    r->worker_sleeping[i] = w->sleeping_ns;
}

void rates_add(struct rates *r, const struct reading *reading)
{
    const takt_counters_header *h = reading->header;
    bool moved = r->written && h->written_ns > r->written;
    r->seconds = moved ? (double)(h->written_ns - r->written) * 1e-9 : 0;
    r->known |= moved;
    for (uint32_t i = 0; i < h->pipelines; i++) {
        const takt_counters_pipeline *p = reading_pipeline(reading, i);
        if (pipeline_is_used(p))
            add_pipeline(r, i, p, moved && p->serial == r->serial[i]);
    }
    for (uint32_t i = 0; i < h->workers; i++)
        add_worker(r, i, reading_worker(reading, i), moved);
    r->written = h->written_ns;
    if (r->kept < HISTORY)
        r->kept++;
}
