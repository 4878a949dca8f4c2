/* SPDX-License-Identifier: MIT */
/*
 * Looking at pipelines from several threads while they work, come and go: snapshots, the counters
 * file, recordings that are switched on and off and written out. What is read must fit together,
 * and no event may be lost for it. Under the thread sanitizer this is the test of the trace rings.
 *
 *     observed serve COUNTERS     keeps a pipeline running until standard input ends, for others'
 *                                 tests; then prints its snapshot
 *     observed stall TRACE        a handler hangs: the flight recorder writes TRACE
 *
 * TAKT_STRESS_ROUNDS: pipelines for each kind of looking on.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <takt/takt.h>

#include "tap.h"

#define STAGES 3

struct flow {
    int64_t total, made, seen, wrong; /* total -1: no end */
    int64_t hang_ns;                  /* in the first batch */
    takt_runtime *runtime;
    takt_pipeline *p;
    takt_stage *stages[STAGES];
    int64_t stop;
    enum takt_overload overload;
};

static int on_source(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++) {
        if (f->made == f->total) {
            b->count = i;
            return TAKT_END;
        }
        *(int64_t *)takt_batch_at(b, i) = f->made++;
    }
    return takt__load_acquire(&f->stop) ? TAKT_END : 0;
}

static int on_middle(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++)
        *(int64_t *)takt_batch_at(b, i) *= 3;
    if (f->hang_ns && b->first == 0)
        usleep((useconds_t)(f->hang_ns / 1000));
    return 0;
}

static int on_last(void *context, takt_batch *b)
{
    struct flow *f = context;
    for (uint32_t i = 0; i < b->count; i++)
        f->wrong += *(int64_t *)takt_batch_at(b, i) != 3 * f->seen++;
    return 0;
}

static void begin(struct flow *f, takt_runtime *runtime, const char *name)
{
    static const takt_handler handlers[STAGES] = {on_source, on_middle, on_last};
    static const char *const names[STAGES] = {"source", "middle", "last"};
    f->runtime = runtime;
    takt_pipeline_create(
        &f->p, runtime,
        TAKT_PIPELINE(.name = name, .event_size = 8, .capacity = 1024, .overload = f->overload));
    for (int i = 0; i < STAGES; i++) {
        takt_stage_options options = {
            .size = sizeof options,
            .name = names[i],
            .handler = handlers[i],
            .context = f,
            .after = i ? &f->stages[i - 1] : NULL,
            .after_count = i ? 1 : 0,
            .shards_max = i == 1 ? 4 : 1,
        };
        if (i)
            takt_pipeline_add_stage(f->p, &f->stages[i], &options);
        else
            takt_pipeline_add_source(f->p, &f->stages[i], &options);
    }
    takt_pipeline_start(f->p);
}

struct onlooker {
    takt_runtime *runtime;
    struct flow *flow;
    int64_t stop, looks, unfit;
    int error; /* the first of a recording's */
    char path[64];
};

static void *look_on(void *argument)
{
    struct onlooker *o = argument;
    static __thread takt_counters_pipeline f;
    takt_counters_worker w[4];
    while (!takt__load_acquire(&o->stop)) {
        takt_pipeline_snapshot(o->flow->p, &f);
        o->unfit += f.stages[2].done > f.stages[1].done || f.stages[1].done > f.cursor;
        o->unfit += f.stages[1].backlog + f.stages[2].backlog != f.cursor - f.stages[2].done;
        o->unfit += takt_runtime_snapshot(o->runtime, w, 4) != 4;
        o->looks++;
    }
    return NULL;
}

static void note(struct onlooker *o, int error)
{
    if (o->error == 0)
        o->error = error;
}

/* Switches everything on and off, and writes it out. */
static void *fiddle(void *argument)
{
    struct onlooker *o = argument;
    while (!takt__load_acquire(&o->stop)) {
        note(o, takt_trace_start(o->runtime, TAKT_TRACE(.records = 256)));
        note(o, takt_observe_open(o->runtime, o->path));
        takt_stage_set_shards(o->flow->stages[1], (uint32_t)(1 + o->looks % 4));
        note(o, takt_trace_dump(o->runtime, o->path));
        takt_observe_close(o->runtime);
        takt_trace_stop(o->runtime);
        note(o, takt_trace_dump(o->runtime, o->path));
        o->looks++;
    }
    unlink(o->path);
    return NULL;
}

static void look_at_everything(int rounds)
{
    takt_runtime *runtime;
    int error = 0;
    int64_t looks[2] = {0, 0}, unfit = 0, wrong = 0, events = 0;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 4, .tick_ns = 500000));
    for (int i = 0; i < rounds; i++) {
        struct flow flow = {.total = 200000};
        begin(&flow, runtime, "looked at");
        struct onlooker o[2] = {{.runtime = runtime, .flow = &flow},
                                {.runtime = runtime, .flow = &flow}};
        snprintf(o[1].path, sizeof o[1].path, "observed-%ld", (long)getpid());
        pthread_t threads[2];
        pthread_create(&threads[0], NULL, look_on, &o[0]);
        pthread_create(&threads[1], NULL, fiddle, &o[1]);
        takt_pipeline_wait(flow.p, TAKT_FOREVER);
        for (int k = 0; k < 2; k++) {
            takt__store_release(&o[k].stop, 1);
            pthread_join(threads[k], NULL);
            looks[k] += o[k].looks;
            unfit += o[k].unfit;
            error = o[k].error ? o[k].error : error;
        }
        events += flow.seen;
        wrong += flow.wrong;
        takt_pipeline_destroy(flow.p);
    }
    takt_runtime_destroy(runtime);
    ok(events == 200000 * (int64_t)rounds && wrong == 0, "all events pass, in order");
    ok(looks[0] > 0 && looks[1] > 0, "with %ld snapshots and %ld recordings on the way",
       (long)looks[0], (long)looks[1]);
    ok(error == 0, "each of which succeeds: %s", takt_strerror(error));
    ok(unfit == 0, "whose figures fit together (%ld do not)", (long)unfit);
}

static int serve(const char *path)
{
    struct flow flow = {.total = -1, .overload = TAKT_OVERLOAD_DROP_NEWEST};
    static takt_counters_pipeline f;
    takt_runtime *runtime;
    char byte;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2));
    int error = takt_observe_open(runtime, path);
    begin(&flow, runtime, "served");
    printf("open %d\n", error);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
        /* A line: drain, so that the figures stand still, and tell them. */
        takt_pipeline_drain(flow.p, TAKT_FOREVER);
        usleep(300000); /* some ticks, also spaced-out ones */
        takt_pipeline_snapshot(flow.p, &f);
        for (uint32_t i = 0; i < f.stage_count; i++)
            printf("%s %ld %ld %ld ", f.stages[i].name, (long)f.stages[i].events,
                   (long)f.stages[i].busy_ns, (long)f.stages[i].backlog);
        printf("%ld\n", (long)f.cursor);
        fflush(stdout);
    }
    takt_pipeline_destroy(flow.p);
    takt_runtime_destroy(runtime);
    return error != 0;
}

static int stall(const char *path)
{
    struct flow flow = {.total = 1000, .hang_ns = 600000000};
    takt_runtime *runtime;
    takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 2));
    int error = takt_trace_start(runtime, TAKT_TRACE(.flight = path, .stall_ns = 100000000));
    begin(&flow, runtime, "stalls");
    takt_pipeline_wait(flow.p, TAKT_FOREVER);
    takt_pipeline_destroy(flow.p);
    takt_runtime_destroy(runtime);
    return error != 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 3 && strcmp(argv[1], "stall") == 0)
        return stall(argv[2]);
    look_at_everything((int)tap_setting("TAKT_STRESS_ROUNDS", 20));
    return done();
}
