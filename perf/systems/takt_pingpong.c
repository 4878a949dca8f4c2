/* SPDX-License-Identifier: MIT */
/*
 * Ping-pong on takt: one event at a time, there on one ring and back on another.
 *
 * What counts is how soon the other side sees the event, so both sides look at the cursor without a
 * pause, and look at the slot that comes next together with it: the two lines then come over from
 * the other core at the same time instead of one after the other.
 */
#include <sched.h>

#include "takt_job.h"

/* So many looks take several microseconds: the other side must have lost its core. */
#define LOOKS 1024

/* One side: its own ring, on which it publishes, and the other's, on which it waits. */
struct side {
    struct job *job;
    takt_ring *mine, *theirs;
    takt_sequence done; /* how far it has come on the other's ring */
    uint64_t sum;
};

/* Waits for the event, and returns it. */
static inline const uint64_t *await(const struct side *side, int64_t s)
{
    const uint64_t *event = takt_ring_at(side->theirs, s);
    for (uint32_t looks = 1; takt_ring_cursor(side->theirs) < s; looks++) {
        __builtin_prefetch(event);
        if (looks % LOOKS == 0)
            sched_yield();
    }
    return event;
}

static inline int send(const struct side *side, uint64_t value)
{
    int64_t s = takt_ring_next(side->mine, 1);
    if (s < 0)
        return (int)s;
    perf_fill(takt_ring_at(side->mine, s), side->job->words, value);
    takt_ring_publish(side->mine, s);
    return 0;
}

static void *answer(void *argument)
{
    struct side *side = argument;
    int64_t end = (int64_t)side->job->what->events;
    for (int64_t s = 0; s < end; s++) {
        uint64_t pong = perf_pong(await(side, s)[0]);
        takt_sequence_set(&side->done, s);
        if (send(side, pong) < 0)
            break;
    }
    return NULL;
}

static int ask(struct side *side)
{
    uint64_t events = side->job->what->events;
    for (uint64_t i = 0; i < events; i++) {
        int error = send(side, i);
        if (error < 0)
            return error;
        side->sum = perf_sum(side->sum, await(side, (int64_t)i), side->job->words);
        takt_sequence_set(&side->done, (int64_t)i);
    }
    return 0;
}

static int play(struct job *job, struct side *here, struct side *there)
{
    struct crew crew;
    void *arguments[] = {there};
    crew_start(&crew, job->what, 1, answer, arguments);
    perf_thread_begin(job->what, 0);
    perf_begin(job->run);
    crew_go(&crew);
    int error = ask(here);
    perf_end(job->run);
    perf_thread_end();
    takt_ring_halt(here->mine);
    crew_join(&crew, 0, 1);
    job->run->checksum = here->sum;
    return error;
}

int pingpong_run(const struct perf_case *what, struct perf_run *run)
{
    struct job job;
    job_init(&job, what, run, false);
    struct side here = {.job = &job}, there = {.job = &job};
    takt_sequence_init(&here.done, TAKT_SEQUENCE_INITIAL);
    takt_sequence_init(&there.done, TAKT_SEQUENCE_INITIAL);
    const takt_ring_options options = {.size = sizeof options,
                                       .event_size = what->event_size,
                                       .capacity = what->capacity,
                                       .wait = {.kind = TAKT_WAIT_BUSY}};
    int error = takt_ring_create(&here.mine, &options);
    if (error == 0)
        error = takt_ring_create(&there.mine, &options);
    if (error == 0)
        error = takt_ring_add_gating(here.mine, &there.done);
    if (error == 0)
        error = takt_ring_add_gating(there.mine, &here.done);
    here.theirs = there.mine;
    there.theirs = here.mine;
    if (error == 0) {
        job_touch(here.mine);
        job_touch(there.mine);
        error = play(&job, &here, &there);
    }
    takt_ring_destroy(here.mine);
    takt_ring_destroy(there.mine);
    return job_error(error);
}
