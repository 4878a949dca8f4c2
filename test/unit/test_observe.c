/* SPDX-License-Identifier: MIT */
/* Snapshots of a pipeline and of its workers, and the counters file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <takt/observe.h>

#include "flow.h"

TestSuite(observe, .timeout = 40);

#define EVENTS 20000

struct line {
    takt_runtime *runtime;
    takt_pipeline *p;
    struct flow_maker maker;
    struct flow_checker checker;
    takt_counters_pipeline figures;
    char path[64];
};

/* source -> left -> last */
static void build(struct line *l, int64_t total)
{
    takt_stage *source, *left;
    *l = (struct line){.maker = {.total = total}, .checker = {.is_right = flow_has_left}};
    snprintf(l->path, sizeof l->path, "observe-%ld.counters", (long)getpid());
    cr_assert_eq(takt_runtime_create(&l->runtime, TAKT_RUNTIME(.workers = 2)), 0);
    cr_assert_eq(takt_pipeline_create(&l->p, l->runtime,
                                      TAKT_PIPELINE(.name = "line", .capacity = 256,
                                                    .event_size = sizeof(struct flow_event))),
                 0);
    takt_pipeline_add_source(
        l->p, &source, TAKT_STAGE(.name = "source", .handler = flow_make, .context = &l->maker));
    takt_pipeline_add_stage(l->p, &left,
                            TAKT_STAGE(.name = "a stage whose name is longer than it may be",
                                       .handler = flow_left, FLOW_AFTER(source), .shards = 3));
    takt_pipeline_add_stage(l->p, NULL,
                            TAKT_STAGE(.name = "last", .handler = flow_check,
                                       .context = &l->checker, FLOW_AFTER(left), .shards_max = 1));
}

static void take_down(struct line *l)
{
    takt_pipeline_destroy(l->p);
    takt_runtime_destroy(l->runtime);
    unlink(l->path);
}

Test(observe, figures_of_a_pipeline_at_rest_are_exact)
{
    struct line l;
    build(&l, EVENTS);
    takt_pipeline_snapshot(l.p, &l.figures);
    cr_assert_eq(l.figures.state, TAKT_COUNTERS_NONE);
    cr_assert_eq(l.figures.cursor, -1);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    flow_ends_with(l.p, 0);
    takt_pipeline_snapshot(l.p, &l.figures);
    const takt_counters_pipeline *f = &l.figures;
    cr_assert_str_eq(f->name, "line");
    cr_assert_eq(f->state, TAKT_COUNTERS_ENDED);
    cr_assert_eq(f->serial, 1);
    cr_assert_eq(f->stage_count, 3);
    cr_assert_eq(f->capacity, 256);
    cr_assert_eq(f->cursor, EVENTS - 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(f->stages[i].events, EVENTS, "stage %d", i);
        cr_assert_eq(f->stages[i].done, EVENTS - 1, "stage %d", i);
        cr_assert_eq(f->stages[i].owners, 0);
        cr_assert_eq(f->stages[i].errors, 0);
        cr_assert(f->stages[i].busy_ns > 0);
    }
    cr_assert_str_eq(f->stages[1].name, "a stage whose name is longer th");
    cr_assert_eq(f->stages[0].source, 1);
    cr_assert_eq(f->stages[0].backlog, 256); /* of a source, the free slots */
    cr_assert_eq(f->stages[1].backlog, 0);
    cr_assert_eq(f->stages[1].upstream_count, 1);
    cr_assert_eq(f->stages[1].upstream[0], 0);
    cr_assert(f->stages[0].claims > 0 && f->stages[0].waits <= f->stages[0].claims);
    take_down(&l);
}

/* Whatever the moment, a stage has done no more than the one before it. */
Test(observe, figures_of_a_running_pipeline_fit_together)
{
    struct line l;
    build(&l, -1);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    int64_t before = 0;
    for (int i = 0; i < 5000; i++) {
        takt_pipeline_snapshot(l.p, &l.figures);
        const takt_counters_stage *s = l.figures.stages;
        cr_assert(s[2].done <= s[1].done && s[1].done <= l.figures.cursor);
        cr_assert_eq(s[1].backlog + s[2].backlog, l.figures.cursor - s[2].done);
        cr_assert(s[1].backlog >= 0 && s[2].backlog >= 0);
        cr_assert(s[0].backlog >= 0 && s[0].backlog <= 256);
        cr_assert(s[2].events >= before && s[2].events >= s[2].done + 1);
        before = s[2].events;
    }
    take_down(&l);
}

Test(observe, what_workers_did_is_what_stages_had_done)
{
    struct line l;
    build(&l, EVENTS);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    flow_ends_with(l.p, 0);
    takt_counters_worker w[3];
    memset(w, 0xff, sizeof w);
    cr_assert_eq(takt_runtime_snapshot(l.runtime, w, 3), 2);
    cr_assert_eq(w[2].seats, -1, "a worker that there is not");
    takt_pipeline_snapshot(l.p, &l.figures);
    int64_t events = 0, busy = 0;
    for (int i = 0; i < 3; i++) {
        events += l.figures.stages[i].events;
        busy += l.figures.stages[i].busy_ns;
    }
    cr_assert_eq(w[0].events + w[1].events, events);
    cr_assert_eq(w[0].busy_ns + w[1].busy_ns, busy);
    cr_assert(w[0].batches + w[1].batches >= EVENTS * 3 / 256);
    cr_assert(w[0].seats + w[1].seats > 0);
    take_down(&l);
}

Test(observe, idle_workers_are_seen_asleep)
{
    struct line l;
    takt_counters_worker w[2];
    build(&l, EVENTS);
    for (int i = 0; i < 2000; i++) {
        takt_runtime_snapshot(l.runtime, w, 2);
        if (w[0].sleeping && w[1].sleeping)
            break;
        usleep(5000);
    }
    cr_assert(w[0].sleeping && w[1].sleeping);
    int64_t slept = w[0].sleeping_ns;
    usleep(20000);
    takt_runtime_snapshot(l.runtime, w, 2);
    cr_assert(w[0].sleeping_ns >= slept + 15000000 || !w[0].sleeping);
    cr_assert_eq(w[0].stage, TAKT_COUNTERS_NOWHERE);
    take_down(&l);
}

static int fail_at_100(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == 100)
            return takt_batch_fail(b, i, TAKT_EUSER - 7);
    return 0;
}

Test(observe, a_failure_shows)
{
    struct line l;
    build(&l, EVENTS);
    cr_assert_eq(takt_pipeline_add_stage(l.p, NULL, TAKT_STAGE(.handler = fail_at_100)), 0);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    flow_ends_with(l.p, TAKT_EUSER - 7);
    takt_pipeline_snapshot(l.p, &l.figures);
    cr_assert_eq(l.figures.state, TAKT_COUNTERS_FAILED);
    cr_assert_eq(l.figures.failed_stage, 3);
    cr_assert_eq(l.figures.failed_at, 100);
    cr_assert_eq(l.figures.failed_code, TAKT_EUSER - 7);
    cr_assert_eq(l.figures.stages[3].errors, 1);
    take_down(&l);
}

/* Holds its worker until it is let go. */
static int hold(void *context, takt_batch *b)
{
    (void)b;
    while (!takt__load_acquire(context))
        usleep(100);
    return 0;
}

/* A producer outside: void events are passed over, and waits for room are counted. */
Test(observe, voids_and_waits_show)
{
    takt_runtime *runtime;
    takt_pipeline *p;
    static takt_counters_pipeline f;
    int64_t let_go = 0;
    cr_assert_eq(takt_runtime_create(&runtime, TAKT_RUNTIME(.workers = 1)), 0);
    cr_assert_eq(
        takt_pipeline_create(&p, runtime,
                             TAKT_PIPELINE(.capacity = 8, .event_size = sizeof(struct flow_event))),
        0);
    takt_pipeline_add_stage(p, NULL, TAKT_STAGE(.handler = hold, .context = &let_go));
    cr_assert_eq(takt_pipeline_start(p), 0);
    takt_ring *ring = takt_pipeline_ring(p);
    int64_t high = takt_ring_next(ring, 8);
    cr_assert_eq(high, 7);
    takt_ring_publish_range(ring, 0, high - 3);
    takt_ring_publish_void(ring, high - 2, high);
    cr_assert_eq(takt_ring_try_next(ring, 1), TAKT_EFULL);
    takt_pipeline_snapshot(p, &f);
    cr_assert_eq(f.waits, 1);
    cr_assert_eq(f.cursor, 7);
    cr_assert_eq(f.stages[0].backlog, 8);
    takt__store_release(&let_go, 1);
    takt_pipeline_close(p);
    flow_ends_with(p, 0);
    takt_pipeline_snapshot(p, &f);
    cr_assert_eq(f.stages[0].voids, 3);
    cr_assert_eq(f.stages[0].events, 5);
    takt_pipeline_destroy(p);
    takt_runtime_destroy(runtime);
}

static unsigned char *map_file(const char *path, size_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    cr_assert(fd >= 0 && fstat(fd, &status) == 0);
    *size = (size_t)status.st_size;
    void *map = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(map, MAP_FAILED);
    close(fd);
    return map;
}

Test(observe, the_file_holds_what_the_snapshot_says)
{
    struct line l;
    size_t size;
    build(&l, EVENTS);
    cr_assert_eq(takt_observe_open(l.runtime, l.path), 0);
    cr_assert_eq(takt_observe_open(l.runtime, "another"), TAKT_ESTATE);
    unsigned char *map = map_file(l.path, &size), *copy = calloc(1, size);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    flow_ends_with(l.p, 0);
    takt_pipeline_snapshot(l.p, &l.figures);
    takt_observe_close(l.runtime);
    cr_assert(takt_counters_copy(map, copy, size, 10));
    const takt_counters_header *h = (const takt_counters_header *)copy;
    cr_assert_str_eq(h->magic, TAKT_COUNTERS_MAGIC);
    cr_assert_eq(h->version, TAKT_COUNTERS_VERSION);
    cr_assert_eq(h->file_size, size);
    cr_assert_eq(h->pid, getpid());
    cr_assert(h->pid_start > 0);
    cr_assert_eq(h->closed, 1);
    cr_assert_eq(h->workers, 2);
    const takt_counters_pipeline *f = (const takt_counters_pipeline *)(copy + h->pipeline_offset);
    cr_assert_str_eq(f->name, "line");
    cr_assert_eq(f->state, TAKT_COUNTERS_ENDED);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(f->stages[i].events, EVENTS);
        cr_assert_eq(f->stages[i].busy_ns, l.figures.stages[i].busy_ns);
        cr_assert_eq(f->stages[i].done, l.figures.stages[i].done);
    }
    free(copy);
    take_down(&l);
}

/* The file is read while it is written: what is read fits together, every time. */
Test(observe, the_file_is_never_read_half_written)
{
    struct line l;
    size_t size;
    build(&l, -1);
    cr_assert_eq(takt_observe_open(l.runtime, l.path), 0);
    unsigned char *map = map_file(l.path, &size), *copy = calloc(1, size);
    cr_assert_eq(takt_pipeline_start(l.p), 0);
    int64_t writes = 0;
    for (int i = 0; i < 3000; i++) {
        cr_assert(takt_counters_copy(map, copy, size, 1000));
        const takt_counters_header *h = (const takt_counters_header *)copy;
        const takt_counters_pipeline *f =
            (const takt_counters_pipeline *)(copy + h->pipeline_offset);
        cr_assert(h->writes >= writes);
        writes = h->writes;
        cr_assert_eq(f->stages[1].backlog + f->stages[2].backlog,
                     f->state ? f->cursor - f->stages[2].done : 0);
    }
    free(copy);
    take_down(&l);
}

Test(observe, a_place_that_cannot_be_written_is_an_error)
{
    struct line l;
    build(&l, 1);
    cr_assert_eq(takt_observe_open(l.runtime, "/nowhere/to/be/found"), TAKT_EFILE);
    cr_assert_eq(takt_observe_open(l.runtime, "/dev/null"), TAKT_EFILE);
    cr_assert_eq(takt_observe_open(NULL, "x"), TAKT_EINVAL);
    cr_assert_eq(takt_observe_open(l.runtime, NULL), TAKT_EINVAL);
    takt_observe_close(l.runtime);
    cr_assert_eq(takt_observe_open(l.runtime, l.path), 0, "after an attempt that failed");
    take_down(&l);
}

/* More pipelines than places: each has its own figures, and those that are gone make room. */
Test(observe, places_are_used_again)
{
    struct line l;
    for (int i = 0; i < 3; i++) {
        build(&l, 50);
        takt_runtime *runtime = l.runtime;
        cr_assert_eq(takt_observe_open(runtime, l.path), 0);
        for (int k = 1; k <= TAKT_PIPELINES_MAX + 3; k++) {
            takt_pipeline *p;
            struct flow_maker maker = {.total = k};
            takt_stage *source;
            takt_pipeline_create(
                &p, runtime,
                TAKT_PIPELINE(.event_size = sizeof(struct flow_event), .capacity = 16));
            takt_pipeline_add_source(p, &source,
                                     TAKT_STAGE(.handler = flow_make, .context = &maker));
            takt_pipeline_add_stage(p, NULL, TAKT_STAGE(.handler = flow_left, FLOW_AFTER(source)));
            cr_assert_eq(takt_pipeline_start(p), 0);
            flow_ends_with(p, 0);
            takt_pipeline_snapshot(p, &l.figures);
            cr_assert_eq(l.figures.serial, k);
            cr_assert_eq(l.figures.stages[1].events, k);
            takt_pipeline_destroy(p);
        }
        take_down(&l);
    }
}
