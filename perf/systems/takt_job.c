/* SPDX-License-Identifier: MIT */
/*
 * A run on takt: its parts, its threads, its producers.
 *
 * A producer claims, fills and publishes through the inline functions of takt/ring.h, in a loop
 * that is made for one kind of event, as a program's would be. It fetches the slots that it will
 * come to soon for writing: their lines are in the consumer's cache since the last lap, and without
 * that every line is waited for. Batches of small events run over their slots like over an array,
 * which the CPU fetches well enough by itself.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "takt_job.h"

/*
 * How many bytes ahead of itself a producer fetches, by the size of the event; of those that are
 * larger than half of that, the one after the next.
 */
#define AHEAD_SMALL 256
#define AHEAD_LINES 1024

#define LINE 64

#define ALWAYS_INLINE inline __attribute__((always_inline))

uint32_t usable_cores(const struct perf_case *what)
{
    cpu_set_t set;
    if (what->cpu_count > 0)
        return (uint32_t)what->cpu_count;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return (uint32_t)CPU_COUNT(&set);
}

void job_init(struct job *job, const struct perf_case *what, struct perf_run *run, bool wide)
{
    *job = (struct job){
        .what = what,
        .run = run,
        .words = what->event_size / sizeof(uint64_t),
        .cores = usable_cores(what),
        .plan = plan_of(what->shape, wide),
    };
    for (int i = 0; i < PARTS_MAX; i++) {
        job->parts[i].job = job;
        job->parts[i].index = i;
    }
}

void job_touch(takt_ring *ring)
{
    memset(takt_ring_at(ring, 0), 0, (size_t)takt_ring_capacity(ring) * ring->event_size);
}

uint64_t job_checksum(const struct job *job)
{
    uint64_t sum = 0;
    for (int i = 0; i < job->plan->parts; i++)
        sum += job->parts[i].result;
    return sum;
}

int job_error(int code)
{
    switch (code) {
    case TAKT_ENOMEM: return -ENOMEM;
    case TAKT_ETHREAD: return -EAGAIN;
    case TAKT_EHALTED: return -ECANCELED;
    case TAKT_EFILE: return -EIO;
    default: return code < 0 ? -EINVAL : 0;
    }
}

static void *member_main(void *argument)
{
    struct crew_member *m = argument;
    perf_thread_begin(m->crew->what, m->number);
    pthread_barrier_wait(&m->crew->start);
    m->work(m->argument);
    perf_thread_end();
    return NULL;
}

void crew_start(struct crew *crew, const struct perf_case *what, uint32_t members,
                void *(*work)(void *), void *const *arguments)
{
    crew->what = what;
    crew->members = members;
    pthread_barrier_init(&crew->start, NULL, members + 1);
    for (uint32_t i = 0; i < members; i++) {
        struct crew_member *m = &crew->member[i];
        *m = (struct crew_member){.crew = crew, .number = (int)i + 1, .work = work};
        m->argument = arguments[i];
        int error = pthread_create(&m->thread, NULL, member_main, m);
        if (error) {
            errno = error;
            perror("takt-perf: pthread_create");
            exit(EXIT_FAILURE);
        }
    }
}

void crew_go(struct crew *crew)
{
    pthread_barrier_wait(&crew->start);
}

void crew_join(struct crew *crew, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (!crew->member[i].joined)
            pthread_join(crew->member[i].thread, NULL);
        crew->member[i].joined = true;
    }
}

typedef void (*fill_event)(void *event, uint32_t words, uint64_t i);

/* Every how many events to fetch, so that no line is left out. */
static ALWAYS_INLINE uint32_t per_line(uint32_t words)
{
    return words * 8 < LINE ? LINE / (words * 8) : 1;
}

/* Fetches the lines of `count` slots, which come after slot s at the distance of above. */
static ALWAYS_INLINE void fetch(const takt_ring *ring, int64_t s, uint32_t words, uint32_t count)
{
    uint32_t size = words * 8, ahead = size < LINE ? AHEAD_SMALL : AHEAD_LINES;
    uint32_t distance = 2 * size < ahead ? ahead / size : 2;
    for (uint32_t i = 0; i < count; i += per_line(words)) {
        const char *slot = takt_ring_at(ring, s + distance + i);
        for (uint32_t at = 0; at < size; at += LINE)
            takt_prefetch_write(slot + at);
    }
}

static ALWAYS_INLINE int one_by_one(takt_ring *ring, uint64_t from, uint64_t to, fill_event fill,
                                    uint32_t words)
{
    for (uint64_t i = from; i < to; i++) {
        int64_t s = takt_ring_next(ring, 1);
        if (s < 0)
            return (int)s;
        if (s % per_line(words) == 0)
            fetch(ring, s, words, 1);
        fill(takt_ring_at(ring, s), words, i);
        takt_ring_publish(ring, s);
    }
    return 0;
}

/* The slots of a claim lie one after the other but for the end of the ring. */
static ALWAYS_INLINE int in_batches(takt_ring *ring, uint64_t from, uint64_t to, fill_event fill,
                                    uint32_t words, uint32_t batch)
{
    int64_t capacity = takt_ring_capacity(ring);
    for (uint64_t i = from; i < to;) {
        uint32_t n = batch < to - i ? batch : (uint32_t)(to - i);
        int64_t high = takt_ring_next(ring, n);
        if (high < 0)
            return (int)high;
        int64_t s = high - n + 1;
        if (words * 8 >= LINE)
            fetch(ring, s, words, n);
        while (s <= high) {
            int64_t to_end = capacity - (s & (capacity - 1));
            int64_t run = to_end < high - s + 1 ? to_end : high - s + 1;
            uint64_t *slot = takt_ring_at(ring, s);
            for (int64_t k = 0; k < run; k++)
                fill(slot + k * words, words, i++);
            s += run;
        }
        takt_ring_publish_range(ring, high - n + 1, high);
    }
    return 0;
}

/* The loop for one kind of event: `fill` and `words` are constants of it. */
static ALWAYS_INLINE int produce(const struct job *job, takt_ring *ring, uint64_t from, uint64_t to,
                                 fill_event fill, uint32_t words)
{
    if (job->what->batch <= 1)
        return one_by_one(ring, from, to, fill, words);
    return in_batches(ring, from, to, fill, words, job->what->batch);
}

static inline void fill_words(void *event, uint32_t words, uint64_t i)
{
    perf_fill(event, words, i);
}

static inline void fill_steps(void *event, uint32_t words, uint64_t i)
{
    (void)words;
    perf_steps_fill(event, i);
}

/* The first word is the event's number: multicast's value, diamond's, and the stages' input. */
static inline void fill_first(void *event, uint32_t words, uint64_t i)
{
    (void)words;
    *(uint64_t *)event = i;
}

int job_produce(const struct job *job, takt_ring *ring, uint64_t from, uint64_t to)
{
    uint32_t words = job->words;
    switch (job->what->shape) {
    case PERF_PIPELINE: return produce(job, ring, from, to, fill_steps, 4);
    case PERF_DIAMOND: return produce(job, ring, from, to, fill_first, 3);
    case PERF_MULTICAST: return produce(job, ring, from, to, fill_first, 1);
    case PERF_STAGES: return produce(job, ring, from, to, fill_first, 5);
    default: break;
    }
    switch (words) {
    case 1: return produce(job, ring, from, to, fill_words, 1);
    case 8: return produce(job, ring, from, to, fill_words, 8);
    case 128: return produce(job, ring, from, to, fill_words, 128);
    default: return produce(job, ring, from, to, fill_words, words);
    }
}

int job_send(const struct job *job, takt_ring *ring)
{
    const struct perf_case *what = job->what;
    int64_t start = perf_now();
    for (uint64_t i = 0; i < what->events; i++) {
        int64_t due = perf_due(what, start, i);
        int64_t s = takt_ring_next(ring, 1);
        if (s < 0)
            return (int)s;
        struct perf_chain *e = takt_ring_at(ring, s);
        e->due = due;
        e->stages.input = i;
        takt_ring_publish(ring, s);
    }
    return 0;
}
