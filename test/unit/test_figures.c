/* SPDX-License-Identifier: MIT */
/* What a stage keeps about its changes: the least and the most shards, and whose times they are. */
#include <criterion/criterion.h>
#include <string.h>

#include <takt/clock.h>
#include <takt/takt.h>

#include "shard/cut.h"

TestSuite(figures, .timeout = 20);

#define MAX 4

static struct takt__stage stage;
static struct takt__shard shards[2 * MAX];
static const takt_sequence *members[2 * MAX];
static takt_sequence upstream;
static const takt_sequence *upstream_member[] = {&upstream};
static struct takt__gate upstream_gate = {.members = upstream_member};

static int nothing(void *context, takt_batch *b)
{
    (void)context, (void)b;
    return 0;
}

static int something(void *context, takt_batch *b)
{
    return nothing(context, b);
}

/* A stage without events. */
static void set_up(uint32_t width)
{
    takt_sequence_init(&upstream, -1);
    takt__gate_cover(&upstream_gate, 1);
    stage.shards_min = 1;
    stage.shards_max = MAX;
    stage.upstream.gate[stage.upstream.count++] = &upstream_gate;
    takt__stage_init(&stage, TAKT_STAGE(.handler = nothing), 0, width, shards, members);
}

static void settle(void)
{
    for (int i = 0; i < 100 && !takt__cut_settled(&stage); i++)
        takt__cut_step(&stage);
    cr_assert(takt__cut_settled(&stage));
}

static void change_to(uint32_t width)
{
    takt__cut_request(&stage, width);
    settle();
}

Test(figures, the_least_and_the_most_shards)
{
    set_up(2);
    change_to(3);
    cr_assert_eq(stage.change.least, 2);
    cr_assert_eq(stage.change.most, 3);
    change_to(1);
    cr_assert_eq(stage.change.least, 1);
    cr_assert_eq(stage.change.most, 3);
    change_to(4);
    cr_assert_eq(stage.change.least, 1);
    cr_assert_eq(stage.change.most, 4);
    cr_assert_eq(stage.change.redivisions, 3);
}

Test(figures, a_new_handler_begins_with_no_times_of_the_one_before)
{
    set_up(1);
    for (int i = 0; i < 2 * MAX; i++)
        shards[i].recent_events = shards[i].recent_ns = 5;
    stage.service_ps = 1000;
    change_to(2);
    cr_assert_eq(stage.division[stage.current].shards[1].recent_events, 5);
    cr_assert_eq(stage.service_ps, 1000);
    struct takt__code code = {.handler = nothing};
    takt__cut_replace(&stage, &code);
    settle();
    cr_assert_eq(stage.division[stage.current].shards[1].recent_events, 0);
    cr_assert_eq(stage.division[stage.current].shards[1].recent_ns, 0);
    cr_assert_eq(stage.service_ps, 0);
}

/* Somebody is storing other code that is wanted: it must not be read meanwhile. */
Test(figures, a_change_waits_until_the_code_that_is_wanted_is_stored)
{
    for (int source = 0; source < 2; source++) {
        memset(&stage, 0, sizeof stage);
        set_up(1);
        stage.source = source;
        struct takt__code code = {.handler = something};
        takt__cut_replace(&stage, &code);
        stage.change.asking = 1;
        for (int i = 0; i < 3; i++)
            cr_assert(takt__cut_step(&stage));
        cr_assert(takt__cut_pending(&stage));
        cr_assert(stage.change.redivisions == 0 && stage.cuts_noted == 0);
        cr_assert_eq(stage.division[stage.current].code.handler, nothing);
        cr_assert_eq(stage.change.asking, 1);
        stage.change.asking = 0;
        settle();
        cr_assert_eq(stage.division[stage.current].code.handler, something);
    }
}

Test(figures, a_source_keeps_its_code_while_somebody_runs_it)
{
    set_up(1);
    stage.source = true;
    struct takt__code code = {.handler = something};
    cr_assert(takt__shard_take(&shards[0], 1));
    takt__cut_replace(&stage, &code);
    for (int i = 0; i < 3; i++)
        takt__cut_step(&stage);
    cr_assert_eq(shards[0].owner, 1);
    cr_assert_eq(stage.division[stage.current].code.handler, nothing);
    takt__shard_leave(&shards[0]);
    settle();
    cr_assert_eq(stage.division[stage.current].code.handler, something);
}

/* It need not wait for somebody to step the change. */
Test(figures, an_old_shard_leaves_with_its_last_event)
{
    struct takt__run run;
    set_up(2);
    takt_sequence_set(&upstream, 9999);
    takt__shard_run(&stage, &shards[0], 1000, NULL, &run);
    takt__cut_request(&stage, 3);
    for (int i = 0; i < 10; i++)
        takt__cut_step(&stage);
    cr_assert(shards[1].division->final && !takt__cut_settled(&stage));
    cr_assert(shards[1].division->cut > 0);
    int64_t value = TAKT_SEQUENCE_INITIAL;
    for (int i = 0; i < 1000 && value != TAKT_SEQUENCE_GONE; i++) {
        cr_assert(value < shards[1].division->cut);
        takt__shard_run(&stage, &shards[1], 10, NULL, &run);
        value = takt_sequence_get(&shards[1].sequence);
    }
    cr_assert_eq(value, TAKT_SEQUENCE_GONE);
    settle();
}

static int64_t spin_ns;

static int spin(void *context, takt_batch *b)
{
    int64_t end = takt_now() + spin_ns;
    while (takt_now() < end)
        ;
    return nothing(context, b);
}

/* Runs the only shard on ten events that take so long together. */
static void run_ten(int64_t ns)
{
    struct takt__run run;
    spin_ns = ns;
    stage.division[stage.current].code.handler = spin;
    takt__shard_run(&stage, &shards[0], 10, NULL, &run);
    cr_assert_eq(run.events, 10);
}

Test(figures, the_time_of_an_event_is_that_of_the_last_millisecond_or_two)
{
    set_up(1);
    struct takt__shard *shard = &stage.division[stage.current].shards[0];
    cr_assert_eq(shard, &shards[0]);
    takt_sequence_set(&upstream, 99);
    run_ten(10000);
    int64_t ns = shard->recent_ns;
    cr_assert_geq(ns, 10000);
    cr_assert_eq(stage.service_ps, ns * 1000 / shard->recent_events + 1);
    if (ns < 1000000) /* it was not interrupted */
        cr_assert_eq(shard->recent_events, 10);
    int64_t before = shard->recent_events;
    run_ten(1200000);
    cr_assert_eq(shard->recent_events, (before + 10) / 2);
    cr_assert_geq(stage.service_ps, 60000000);
    cr_assert_eq(shard->events, 20);
}
