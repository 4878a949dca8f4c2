/* SPDX-License-Identifier: MIT */
/*
 * Helpers: outside threads that lend themselves to the runtime for a while.
 *
 * A helper is a worker that comes and goes. There are places for so many, each with what a worker
 * has (a name as an owner of shards, memory, an epoch, figures), and whoever claims one works there
 * by the workers' own loop. Nothing else in the runtime tells them apart: detaching a pipeline
 * waits for the epochs of all places, and an empty one rests.
 *
 * What a worker need not care for is leaving. A worker that others rely on to look around once more
 * does so, sooner or later; a helper whose time is up may not. If it was woken because of something
 * to do, that wake-up was the only one there is; if it was in a shard, others may have found that
 * shard owned and gone to sleep. So a helper that leaves without a last look that found nothing
 * wakes one of those who sleep, who then looks in its place. The fence lies between what it did and
 * its look at sleepers; theirs, between saying that they sleep and their last look at the shards,
 * is the barrier in sleep_on_it (worker.c). If somebody else is being woken at that moment, that
 * one has not looked yet, and is enough (park.h). If nobody sleeps, whoever is awake looks before
 * it does; and if there is nobody else, the next helper looks when it comes.
 */
#include "disruptor/backoff.h"
#include "scheduler/runtime.h"

static int64_t number_of(pthread_t thread)
{
    return (int64_t)(uintptr_t)thread;
}

/*
 * Whether the calling thread is one of the runtime's, at work in a handler. Only the thread itself
 * writes its number into a place, and clears it when it leaves, so that it finds its own or none.
 */
static bool works_here(const takt_runtime *runtime)
{
    pthread_t self = pthread_self();
    for (uint32_t i = 0; i < runtime->worker_count; i++)
        if (pthread_equal(runtime->workers[i].thread, self))
            return true;
    for (uint32_t i = runtime->worker_count; i < runtime->crew; i++)
        if (takt__ld64_rlx(&runtime->workers[i].helper) == number_of(self))
            return true;
    return pthread_equal(runtime->scheduler, self);
}

/* Claims a place; NULL if all are taken. */
static struct takt__worker *find_place(takt_runtime *runtime)
{
    for (uint32_t i = runtime->worker_count; i < runtime->crew; i++) {
        struct takt__worker *w = &runtime->workers[i];
        if (takt__ld32_rlx(&w->taken) == 0 &&
            takt__cas32(&w->taken, 0, 1)) /* acquire [pairs: helper-place] */
            return w;
    }
    return NULL;
}

static void come(takt_runtime *runtime, struct takt__worker *w)
{
    takt__st64_rlx(&w->helper, number_of(pthread_self()));
    w->recalls = takt__ld32_rlx(&runtime->recalls);
    takt__add32(&runtime->helping, 1);
    takt__fence(); /* who sees the helper in the figures, and then ends the runtime, waits for it */
    takt__probe_arrive(&w->probe);
}

/* The runtime may be gone when `taken` is cleared. */
static void leave(takt_runtime *runtime, struct takt__worker *w)
{
    takt__probe_depart(&w->probe);
    takt__add32(&runtime->helping, (uint32_t)-1);
    takt__st64_rlx(&w->helper, 0);
    takt__st32_rel(&w->taken, 0); /* release [pairs: helper-place] */
}

int64_t takt_runtime_help(takt_runtime *runtime, int64_t deadline)
{
    if (!runtime)
        return TAKT_EINVAL;
    if (works_here(runtime))
        return TAKT_ESTATE;
    struct takt__worker *w = find_place(runtime);
    if (!w)
        return TAKT_ELIMIT;
    come(runtime, w);
    int64_t before = w->probe.events;
    if (!takt__worker_stay(w, deadline)) {
        takt__fence(); /* before looking for sleepers */
        if (takt__park_occupied(&runtime->park))
            takt__park_wake_one(&runtime->park);
    }
    int64_t events = w->probe.events - before;
    bool halted = takt__ld32_rlx(&runtime->stopping);
    leave(runtime, w);
    return halted ? TAKT_EHALTED : events;
}

void takt_runtime_recall(takt_runtime *runtime)
{
    takt__add32(&runtime->recalls, 1);
    takt__fence(); /* before looking for sleepers: a sleeper looks at `recalls` once more */
    takt__park_wake_all(&runtime->park);
}

void takt__helpers_leave(takt_runtime *runtime)
{
    for (uint32_t i = runtime->worker_count; i < runtime->crew && runtime->workers; i++) {
        struct takt__backoff backoff = {0};
        while (takt__ld32_acq(&runtime->workers[i].taken)) /* acquire [pairs: helper-place] */
            takt__backoff_wait(&backoff, TAKT_FOREVER);
    }
}
