/* SPDX-License-Identifier: MIT */
/* The runtime: its threads, and the places in which pipelines run (told in runtime.h). */
#include "scheduler/runtime.h"
#include "disruptor/alloc.h"
#include "disruptor/backoff.h"
#include "disruptor/futex.h"
#include "scheduler/duty.h"
#include "scheduler/topo.h"
#include "shard/cut.h"

static size_t workers_size(uint32_t n)
{
    return n * sizeof(struct takt__worker);
}

static size_t picks_size(uint32_t n)
{
    return n * TAKT__BATCH_MAX * sizeof(uint32_t);
}

static int check(const takt_runtime_options *options)
{
    if (!options || options->size != sizeof *options || options->tick_ns < 0)
        return TAKT_EINVAL;
    if (options->helpers > TAKT_WORKERS_MAX)
        return TAKT_EINVAL;
    if (options->workers == TAKT_NO_WORKERS)
        return options->helpers == 0 || options->pin ? TAKT_EINVAL : 0;
    uint32_t least = options->workers ? options->workers : 1;
    return least > TAKT_WORKERS_MAX - options->helpers ? TAKT_EINVAL : 0;
}

static uint32_t count_workers(const takt_runtime_options *options)
{
    if (options->workers)
        return options->workers == TAKT_NO_WORKERS ? 0 : options->workers;
    uint32_t cores = takt__topo_cores(), most = TAKT_WORKERS_MAX - options->helpers;
    return cores < most ? cores : most;
}

static takt_runtime *make(const takt_runtime_options *options)
{
    const takt_allocator *allocator =
        options->allocator ? options->allocator : takt_allocator_default();
    takt_runtime *runtime = takt__allocate(allocator, sizeof *runtime, TAKT_LINE_PAIR);
    if (!runtime)
        return NULL;
    runtime->allocator = allocator;
    takt__watch_init(runtime);
    runtime->worker_count = count_workers(options);
    runtime->crew = runtime->worker_count + options->helpers;
    runtime->pin = options->pin;
    takt__duty_init(runtime, options->cores);
    runtime->tick_ns = takt__duration(options->tick_ns, TAKT_TICK_NS);
    uint32_t n = runtime->crew;
    runtime->workers = takt__allocate(allocator, workers_size(n), TAKT_LINE_PAIR);
    runtime->picks = takt__allocate(allocator, picks_size(n), TAKT_LINE_PAIR);
    if (!runtime->workers || !runtime->picks) {
        takt_runtime_destroy(runtime);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct takt__worker *w = &runtime->workers[i];
        w->runtime = runtime;
        w->helps = i >= runtime->worker_count;
        w->trail.worker = i + 1;
        w->picks = runtime->picks + (size_t)i * TAKT__BATCH_MAX;
    }
    return runtime;
}

static bool start_threads(takt_runtime *runtime)
{
    for (uint32_t i = 0; i < runtime->worker_count; i++) {
        struct takt__worker *w = &runtime->workers[i];
        takt__probe_arrive(&w->probe);
        if (pthread_create(&w->thread, NULL, takt__worker_main, w) != 0)
            return false;
        pthread_setname_np(w->thread, "takt-worker");
        runtime->started++;
    }
    if (pthread_create(&runtime->scheduler, NULL, takt__scheduler_main, runtime) != 0)
        return false;
    pthread_setname_np(runtime->scheduler, "takt-scheduler");
    runtime->scheduler_started = true;
    return true;
}

int takt_runtime_create(takt_runtime **out, const takt_runtime_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(options);
    if (error < 0)
        return error;
    takt_runtime *runtime = make(options);
    if (!runtime)
        return TAKT_ENOMEM;
    takt__barrier_prepare();
    if (!start_threads(runtime)) {
        takt_runtime_destroy(runtime);
        return TAKT_ETHREAD;
    }
    *out = runtime;
    return 0;
}

void takt_runtime_destroy(takt_runtime *runtime)
{
    if (!runtime)
        return;
    takt__st32_rlx(&runtime->stopping, 1);
    takt__fence(); /* before looking for sleepers: a sleeper looks at `stopping` once more */
    takt__park_wake_all(&runtime->park);
    takt__park_wake_all(&runtime->duty.lot);
    takt__park_wake_all(&runtime->scheduler_lot);
    for (uint32_t i = 0; i < runtime->started; i++)
        pthread_join(runtime->workers[i].thread, NULL);
    takt__helpers_leave(runtime);
    if (runtime->scheduler_started)
        pthread_join(runtime->scheduler, NULL);
    takt__watch_end(runtime);
    const takt_allocator *allocator = runtime->allocator;
    takt__release(allocator, runtime->workers, workers_size(runtime->crew));
    takt__release(allocator, runtime->picks, picks_size(runtime->crew));
    takt__release(allocator, runtime, sizeof *runtime);
}

uint32_t takt_runtime_workers(const takt_runtime *runtime)
{
    return runtime->worker_count;
}

void takt__runtime_enter(int64_t *epoch)
{
    int64_t now = takt__ld64_rlx(epoch);
    takt__st64_rel(epoch, now + 1 + (now & 1)); /* release [pairs: epoch] */
    takt__fence(); /* before reading the places; detach has its own between place and epoch */
}

void takt__runtime_rest(int64_t *epoch)
{
    int64_t now = takt__ld64_rlx(epoch);
    takt__st64_rel(epoch, now + (now & 1)); /* release [pairs: epoch] */
}

takt_pipeline *takt__runtime_place(takt_runtime *runtime, uint32_t place)
{
    takt_pipeline *p = takt__ldp_acq(&runtime->places[place]); /* acquire [pairs: place] */
    if (p && takt__ld32_acq(&p->state) != TAKT__STATE_RUNNING) /* acquire [pairs: state] */
        return NULL;
    return p;
}

int takt__runtime_attach(takt_runtime *runtime, takt_pipeline *pipeline)
{
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++)
        if (takt__casp(&runtime->places[i], NULL, pipeline)) { /* release [pairs: place] */
            takt__park_wake_all(&runtime->park);
            takt__park_wake_all(&runtime->scheduler_lot);
            return 0;
        }
    return TAKT_ELIMIT;
}

void takt__runtime_wake_another(takt_runtime *runtime)
{
    takt__fence(); /* before looking for sleepers: a sleeper looks at the shards once more */
    if (takt__park_occupied(&runtime->park))
        takt__park_wake_one(&runtime->park);
}

void takt__runtime_step_cut(takt_runtime *runtime, struct takt__stage *stage)
{
    takt__cut_step(stage);
    takt__runtime_wake_another(runtime);
}

/* Waits until a thread that is in a pass has begun another, or rests. */
static void wait_for_pass(const int64_t *epoch)
{
    int64_t seen = takt__ld64_acq(epoch); /* acquire [pairs: epoch] */
    struct takt__backoff backoff = {0};
    while ((seen & 1) && takt__ld64_acq(epoch) == seen) /* acquire [pairs: epoch] */
        takt__backoff_wait(&backoff, TAKT_FOREVER);
}

void takt__runtime_vacate(takt_runtime *runtime, takt_pipeline *pipeline)
{
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++)
        takt__casp(&runtime->places[i], pipeline, NULL);
}

void takt__runtime_detach(takt_runtime *runtime, takt_pipeline *pipeline)
{
    takt__runtime_vacate(runtime, pipeline);
    takt__fence(); /* between clearing the place and reading the epochs */
    for (uint32_t i = 0; i < runtime->crew; i++)
        wait_for_pass(&runtime->workers[i].epoch);
    wait_for_pass(&runtime->scheduler_epoch);
}
