/* SPDX-License-Identifier: MIT */
/* What a stage keeps about its changes: the least and the most shards, and whose times they are. */
#include <criterion/criterion.h>
#include <string.h>

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
