/* SPDX-License-Identifier: MIT */
/* Running out of memory at every point of building a pipeline: an error, and nothing is kept. */
#include "flow.h"
#include "probe.h"

TestSuite(memory, .timeout = 40);

/* All kinds of objects: a runtime, and a pipeline with a source, a keyed stage and a last one. */
struct everything {
    takt_runtime *runtime;
    takt_pipeline *p;
    struct flow_maker maker;
    struct flow_checker checker;
};

/* Stores the key as a stage before a keyed one does. */
static int make_with_keys(void *context, takt_batch *b)
{
    int result = flow_make(context, b);
    for (uint32_t i = 0; i < b->count; i++)
        takt_batch_set_key(b, i, (uint64_t)takt_batch_sequence(b, i));
    return result;
}

static int add_stages(struct everything *e)
{
    takt_stage *source, *keyed;
    int error = takt_pipeline_add_source(
        e->p, &source, TAKT_STAGE(.handler = make_with_keys, .context = &e->maker));
    if (error == 0)
        error = takt_pipeline_add_stage(e->p, &keyed,
                                        TAKT_STAGE(.name = "keyed", .handler = flow_left,
                                                   FLOW_AFTER(source), .shards = 2,
                                                   .stored_key = true));
    if (error == 0)
        error = takt_pipeline_add_stage(e->p, NULL,
                                        TAKT_STAGE(.handler = flow_check, .context = &e->checker,
                                                   FLOW_AFTER(keyed), .shards_max = 1));
    return error;
}

static int build(struct everything *e, const takt_allocator *allocator)
{
    *e = (struct everything){.maker = {.total = 200}, .checker = {.is_right = flow_has_left}};
    int error =
        takt_runtime_create(&e->runtime, TAKT_RUNTIME(.workers = 2, .allocator = allocator));
    if (error == 0)
        error = takt_pipeline_create(&e->p, e->runtime,
                                     TAKT_PIPELINE(.name = "all of it", .capacity = 32,
                                                   .event_size = sizeof(struct flow_event)));
    return error == 0 ? add_stages(e) : error;
}

static void take_down(struct everything *e)
{
    takt_pipeline_destroy(e->p);
    takt_runtime_destroy(e->runtime);
}

/* Fails allocation n, or n and all that follow, for every n there is. Returns how many there are.
 */
static uint32_t fail_each(bool for_good)
{
    struct probe probe;
    struct everything e;

    for (uint32_t n = 1;; n++) {
        probe_start(&probe, n, for_good);
        int error = build(&e, &probe.table);
        if (error == 0)
            error = takt_pipeline_start(e.p);
        bool failed = probe.calls >= n;
        cr_assert_eq(error, failed ? TAKT_ENOMEM : 0, "allocation %u: %s", n,
                     takt_error_name(error));
        if (!failed) {
            flow_ends_with(e.p, 0);
            flow_has_seen(&e.checker, e.maker.total);
        }
        take_down(&e);
        cr_assert(probe_is_clean(&probe), "allocation %u: %u blocks left, %u faults", n, probe.live,
                  probe.faults);
        if (!failed)
            return n - 1;
    }
}

Test(memory, one_failed_allocation_is_an_error_and_leaks_nothing)
{
    cr_assert(fail_each(false) > 10);
}

Test(memory, no_memory_from_some_point_on_is_an_error_and_leaks_nothing)
{
    cr_assert(fail_each(true) > 10);
}

/* What failed for want of memory works when it is tried again. */
Test(memory, another_attempt_succeeds)
{
    struct probe probe;
    struct everything e;

    probe_start(&probe, 0, false);
    cr_assert_eq(build(&e, &probe.table), 0);
    probe.fail_at = probe.calls + 1; /* the key column */
    cr_assert_eq(takt_pipeline_start(e.p), TAKT_ENOMEM);
    cr_assert_eq(takt_pipeline_start(e.p), 0);
    flow_ends_with(e.p, 0);
    flow_has_seen(&e.checker, e.maker.total);
    take_down(&e);
    cr_assert(probe_is_clean(&probe));
}

Test(memory, nothing_is_allocated_while_events_flow)
{
    struct probe probe;
    struct everything e;

    probe_start(&probe, 0, false);
    cr_assert_eq(build(&e, &probe.table), 0);
    e.maker.total = 20000;
    cr_assert_eq(takt_pipeline_start(e.p), 0);
    uint32_t calls = probe.calls, live = probe.live;
    flow_ends_with(e.p, 0);
    flow_has_seen(&e.checker, e.maker.total);
    cr_assert_eq(probe.calls, calls);
    cr_assert_eq(probe.live, live);
    take_down(&e);
    cr_assert(probe_is_clean(&probe));
}
