/* SPDX-License-Identifier: MIT */
/* Recording: on and off, what a dump holds, and the flight recorder. test/report_test.py looks at
 * the files' contents more closely. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <takt/observe.h>
#include <takt/trace.h>

#include "flow.h"
#include "scheduler/observe/ring.h"

TestSuite(trace, .timeout = 40);

struct line {
    takt_runtime *runtime;
    takt_pipeline *p;
    struct flow_maker maker;
    char path[64];
};

static int fail_at_100(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++)
        if (takt_batch_sequence(b, i) == 100)
            return takt_batch_fail(b, i, TAKT_EUSER);
    return 0;
}

static void make_runtime(struct line *l)
{
    *l = (struct line){0};
    snprintf(l->path, sizeof l->path, "trace-%ld.json", (long)getpid());
    cr_assert_eq(takt_runtime_create(&l->runtime, TAKT_RUNTIME(.workers = 2)), 0);
}

/* source -> a stage; run to its end, with this result, and taken down. */
static void flow(struct line *l, int64_t events, takt_handler handler, int result)
{
    takt_stage *source;
    l->maker = (struct flow_maker){.total = events};
    cr_assert_eq(takt_pipeline_create(&l->p, l->runtime,
                                      TAKT_PIPELINE(.name = "odd \"name\"\n<", .capacity = 256,
                                                    .event_size = sizeof(struct flow_event))),
                 0);
    takt_pipeline_add_source(
        l->p, &source, TAKT_STAGE(.name = "maker", .handler = flow_make, .context = &l->maker));
    takt_pipeline_add_stage(l->p, NULL,
                            TAKT_STAGE(.name = "taker", .handler = handler, FLOW_AFTER(source)));
    cr_assert_eq(takt_pipeline_start(l->p), 0);
    flow_ends_with(l->p, result);
    takt_pipeline_destroy(l->p);
}

static void take_down(struct line *l)
{
    takt_runtime_destroy(l->runtime);
    unlink(l->path);
}

static char *text_of(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_neq(file, NULL, "%s", path);
    char *text = calloc(1, 8 << 20);
    cr_assert(fread(text, 1, (8 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

Test(trace, a_dump_holds_what_was_recorded_and_no_more)
{
    struct line l;
    make_runtime(&l);
    cr_assert_eq(takt_trace_dump(l.runtime, l.path), TAKT_ESTATE, "nothing recorded yet");
    flow(&l, 1000, flow_left, 0);
    cr_assert_eq(takt_trace_start(l.runtime, NULL), 0);
    cr_assert_eq(takt_trace_start(l.runtime, NULL), TAKT_ESTATE);
    flow(&l, 10, flow_left, 0);
    takt_trace_stop(l.runtime);
    flow(&l, 1000, flow_left, 0);
    cr_assert_eq(takt_trace_dump(l.runtime, l.path), 0);
    char *text = text_of(l.path);
    size_t batches = count(text, "\"cat\":\"batch\"");
    cr_assert(batches >= 2 && batches <= 20, "%zu", batches);
    cr_assert(count(text, "\"cat\":\"seat\"") > 0);
    free(text);
    take_down(&l);
}

Test(trace, another_recording_replaces_the_first)
{
    struct line l;
    make_runtime(&l);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.records = 1000)), 0);
        flow(&l, 5, flow_left, 0);
        takt_trace_stop(l.runtime);
        cr_assert_eq(takt_trace_dump(l.runtime, l.path), 0);
        char *text = text_of(l.path);
        size_t batches = count(text, "\"cat\":\"batch\"");
        cr_assert(batches >= 2 && batches <= 10, "%zu", batches);
        free(text);
    }
    cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.records = 1025)), TAKT_ELIMIT);
    take_down(&l);
}

Test(trace, a_full_ring_keeps_the_last)
{
    struct line l;
    make_runtime(&l);
    cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.records = 16)), 0);
    flow(&l, 100000, flow_left, 0);
    cr_assert_eq(takt_trace_dump(l.runtime, l.path), 0, "while it goes on");
    takt_trace_stop(l.runtime);
    char *text = text_of(l.path);
    size_t records = count(text, "\"cat\":\"batch\"") + count(text, "\"cat\":\"seat\"");
    cr_assert(records > 0 && records <= 2 * 17, "%zu", records);
    free(text);
    take_down(&l);
}

Test(trace, a_failure_is_written_by_the_flight_recorder)
{
    struct line l;
    make_runtime(&l);
    cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.flight = l.path)), 0);
    flow(&l, 50, flow_left, 0);
    cr_assert_neq(access(l.path, F_OK), 0, "nothing has failed yet");
    flow(&l, 1000, fail_at_100, TAKT_EUSER);
    char *text = text_of(l.path);
    cr_assert(count(text, "\"taker\"") > 0);
    free(text);
    take_down(&l);
}

Test(trace, names_cannot_break_the_files)
{
    struct line l;
    char page[sizeof l.path + 8];
    make_runtime(&l);
    cr_assert_eq(takt_trace_start(l.runtime, NULL), 0);
    flow(&l, 50, flow_left, 0);
    snprintf(page, sizeof page, "%s.html", l.path);
    cr_assert_eq(takt_trace_dump(l.runtime, page), 0);
    char *text = text_of(page);
    cr_assert_eq(count(text, "odd \\u0022name\\u0022\\u000a\\u003c"), 2);
    cr_assert_eq(count(text, "@DATA@"), 0);
    free(text);
    unlink(page);
    take_down(&l);
}

Test(trace, wrong_arguments)
{
    struct line l;
    make_runtime(&l);
    takt_trace_options options = {.size = 1};
    cr_assert_eq(takt_trace_start(l.runtime, &options), TAKT_EINVAL);
    cr_assert_eq(takt_trace_start(NULL, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.records = UINT32_MAX)), TAKT_EINVAL);
    cr_assert_eq(takt_trace_start(l.runtime, TAKT_TRACE(.stall_ns = -1)), TAKT_EINVAL);
    takt_trace_stop(l.runtime);
    cr_assert_eq(takt_trace_start(l.runtime, NULL), 0);
    cr_assert_eq(takt_trace_dump(l.runtime, NULL), TAKT_EINVAL);
    cr_assert_eq(takt_trace_dump(l.runtime, "/nowhere/to/be/found"), TAKT_EFILE);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(takt_trace_dump(l.runtime, "/dev/null"), 0);
    struct stat status;
    cr_assert(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    take_down(&l);
}

/* A ring by itself: indices go on, places come again. */
Test(trace, records_lie_in_a_ring)
{
    struct takt__trace_record records[4];
    struct takt__trace_ring ring = {.records = records, .mask = 3};
    for (int64_t i = 0; i < 11; i++)
        takt__trace_put(&ring, TAKT__TRACE_SEAT, i, i + 1, 7 << 16, -i);
    cr_assert_eq(ring.head, 11);
    for (int64_t i = 7; i < 11; i++) {
        cr_assert_eq(records[i & 3].from, i);
        cr_assert_eq(records[i & 3].until, i + 1);
        cr_assert_eq(records[i & 3].what >> 48, TAKT__TRACE_SEAT);
        cr_assert_eq(records[i & 3].value, -i);
    }
}
