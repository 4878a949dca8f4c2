/* SPDX-License-Identifier: MIT */
/*
 * takt in its classic mode: a ring, and a thread for each producer and each consumer.
 *
 * It is the whole of system `takt-threads`, and of system `takt` where there are no more threads
 * than cores or where there are several producers, which a pipeline's one source cannot be. There
 * who polls in a loop of his own lingers: he leaves the cursor alone for a moment after a small
 * batch (takt_plan.c), as the library's own consumers do.
 */
#include "takt_job.h"

/* How long a consumer leaves the cursor alone that has had few events. */
#define LINGER_NS 700

/* Looks before somebody blocks. */
#define SPINS 1000

struct team {
    struct job job;
    takt_ring *ring;
    takt_consumer *consumers[PARTS_MAX];
    struct crew crew;
    struct share {
        struct team *team;
        takt_consumer *consumer; /* what it runs, if it is not a producer's */
        struct part *part;
        int64_t last;      /* where a loop of the program's own ends */
        uint64_t from, to; /* the numbers that a producer publishes */
        int error;
    } share[PARTS_MAX + PRODUCERS];
};

/*
 * How producers and consumers wait. Several producers that claim one by one on fewer cores than
 * threads are best put to sleep while the ring is full: of those that yield more come back at once,
 * and compete for every slot. In batches they compete less often than they would be woken.
 */
static takt_wait way_of_waiting(const struct job *job, uint32_t threads, bool tuned)
{
    if (threads <= job->cores)
        return (takt_wait){.kind = TAKT_WAIT_PAUSE};
    if (tuned && job->what->shape == PERF_SEQUENCER && job->what->batch == 1)
        return (takt_wait){.kind = TAKT_WAIT_BLOCK, .spins = SPINS};
    return (takt_wait){.kind = TAKT_WAIT_YIELD};
}

static int build(struct team *team, bool tuned)
{
    struct job *job = &team->job;
    const struct perf_case *what = job->what;
    bool many = what->shape == PERF_SEQUENCER;
    uint32_t threads = (many ? PRODUCERS : 1u) + (uint32_t)job->plan->parts;
    takt_wait wait = way_of_waiting(job, threads, tuned);
    int error = takt_ring_create(&team->ring, TAKT_RING(.event_size = what->event_size,
                                                        .capacity = what->capacity, .multi = many,
                                                        .wait = wait));
    if (error == 0)
        job_touch(team->ring);
    for (int i = 0; error == 0 && i < job->plan->parts; i++) {
        const struct plan_part *part = &job->plan->part[i];
        takt_consumer *after[PARTS_MAX];
        size_t count = 0;
        for (int k = 0; k < i; k++)
            if (part->after >> k & 1)
                after[count++] = team->consumers[k];
        error = takt_consumer_add(team->ring, &team->consumers[i],
                                  TAKT_CONSUMER(.name = part->name, .handler = part->handler,
                                                .context = &job->parts[i], .after = after,
                                                .after_count = count, .wait = wait));
        if (tuned && what->shape == PERF_POLLER)
            job->parts[i].linger_ns = LINGER_NS;
    }
    return error;
}

static void *consume(void *argument)
{
    struct share *share = argument;
    takt_consumer_run(share->consumer);
    return NULL;
}

/* A loop of the program's own around the ring. */
static void *poll(void *argument)
{
    struct share *share = argument;
    const takt_sequence *done = takt_consumer_sequence(share->consumer);
    while (takt_sequence_get(done) < share->last && !share->error) {
        int64_t n = takt_consumer_poll(share->consumer, share->team->job.plan->part[0].handler,
                                       share->part, UINT32_MAX);
        if (n < 0)
            share->error = (int)n;
    }
    return NULL;
}

static void *play(void *argument)
{
    struct share *share = argument;
    if (share->consumer)
        return share->team->job.what->shape == PERF_POLLER ? poll(share) : consume(share);
    share->error = job_produce(&share->team->job, share->team->ring, share->from, share->to);
    return NULL;
}

/* Produces on the calling thread, or waits for those that produce. */
static int produce_all(struct team *team)
{
    const struct perf_case *what = team->job.what;
    int error = 0;
    if (what->shape == PERF_CHAIN)
        return job_send(&team->job, team->ring);
    if (what->shape != PERF_SEQUENCER)
        return job_produce(&team->job, team->ring, 0, what->events);
    crew_join(&team->crew, 0, PRODUCERS);
    for (int i = 0; i < PRODUCERS; i++)
        error = team->share[i].error ? team->share[i].error : error;
    return error;
}

/* Everybody's share: the producers that are threads first, then the consumers. */
static uint32_t divide(struct team *team, void **arguments)
{
    const struct perf_case *what = team->job.what;
    uint32_t n = 0;
    for (uint32_t p = 0; what->shape == PERF_SEQUENCER && p < PRODUCERS; p++)
        team->share[n++] = (struct share){
            .from = perf_first_of(what->events, p),
            .to = p + 1 < PRODUCERS ? perf_first_of(what->events, p + 1) : what->events,
        };
    for (int i = 0; i < team->job.plan->parts; i++)
        team->share[n++] = (struct share){.consumer = team->consumers[i],
                                          .part = &team->job.parts[i],
                                          .last = (int64_t)what->events - 1};
    for (uint32_t i = 0; i < n; i++) {
        team->share[i].team = team;
        arguments[i] = &team->share[i];
    }
    return n;
}

static int work(struct team *team)
{
    void *arguments[PARTS_MAX + PRODUCERS];
    uint32_t members = divide(team, arguments);
    bool producing = team->job.what->shape != PERF_SEQUENCER;
    crew_start(&team->crew, team->job.what, members, play, arguments);
    if (producing)
        perf_thread_begin(team->job.what, 0);
    perf_begin(team->job.run);
    crew_go(&team->crew);
    int error = produce_all(team);
    if (error == 0)
        takt_ring_drain(team->ring, TAKT_FOREVER);
    perf_end(team->job.run);
    if (producing)
        perf_thread_end();
    takt_ring_halt(team->ring);
    crew_join(&team->crew, 0, members);
    return error;
}

int threads_run(const struct perf_case *what, struct perf_run *run, bool tuned)
{
    struct team team = {0};
    job_init(&team.job, what, run, false);
    int error = build(&team, tuned);
    if (error == 0)
        error = work(&team);
    run->checksum = job_checksum(&team.job);
    takt_ring_destroy(team.ring);
    return job_error(error);
}
