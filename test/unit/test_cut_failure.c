/* SPDX-License-Identifier: MIT */
/*
 * A change of division under way while a handler fails, or while a shard has just run beyond the
 * tentative cut: what lies before the failed event must still be handled, or the pipeline would
 * wait for it for ever; and without a failure every event, once.
 */
#include <criterion/criterion.h>

#include "shard/cut.h"

TestSuite(cut_failure, .timeout = 20);

#define SLOTS  64
#define SHARDS 4

static unsigned char slots[SLOTS];
static takt_sequence upstream;
static const takt_sequence *upstream_members[] = {&upstream};
static struct takt__gate upstream_gate = {.members = upstream_members, .used = 1};
static struct takt__shard shards[2 * SHARDS];
static const takt_sequence *members[2 * SHARDS];
static struct takt__stage stage;
static int64_t fails_at;
static uint32_t handled[SLOTS]; /* how often; the failed event counts as well */

static int fail_there(void *context, takt_batch *b)
{
    (void)context;
    for (uint32_t i = 0; i < b->count; i++) {
        handled[takt_batch_sequence(b, i)]++;
        if (takt_batch_sequence(b, i) == fails_at)
            return takt_batch_fail(b, i, TAKT_EUSER);
    }
    return 0;
}

/* A stage of two shards, block 1, to which sequences 0 to 9 are available. */
static void set_up(void)
{
    stage.slots = slots;
    stage.mask = SLOTS - 1;
    stage.event_size = 1;
    stage.shards_min = 1;
    stage.shards_max = SHARDS;
    stage.upstream.gate[stage.upstream.count++] = &upstream_gate;
    takt_sequence_init(&upstream, 9);
    takt__stage_init(&stage, TAKT_STAGE(.handler = fail_there), 0, 2, shards, members);
}

/* Runs a shard as a worker does, and gives it up unless it fails. */
static void run(struct takt__shard *shard)
{
    uint32_t picks[SLOTS];
    struct takt__run result;
    if (!takt__shard_take(shard, 1))
        return;
    takt__shard_run(&stage, shard, SLOTS, picks, &result);
    if (result.code < 0)
        takt__st32_rel(&shard->owner, TAKT__FAILED);
    else
        takt__shard_leave(shard);
}

/* Does everything that can still be done. */
static void run_all(void)
{
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 2 * SHARDS; i++)
            run(&shards[i]);
        takt__cut_step(&stage);
    }
}

/* Everything before the failed event has been handled, once, and nobody was given it again. */
static void has_come_to_the_failure(void)
{
    cr_assert_eq(takt__stage_done(&stage), fails_at - 1, "stands still at %ld, before %ld failed",
                 takt__stage_done(&stage), fails_at);
    for (int64_t s = 0; s <= fails_at; s++)
        cr_assert_eq(handled[s], 1, "event %ld: %u times", s, handled[s]);
}

Test(cut_failure, before_the_change_leaves_the_rest_to_be_done, .init = set_up)
{
    fails_at = 5;
    run_all();
    takt__cut_request(&stage, 3);
    takt_sequence_set(&upstream, 30);
    run_all();
    has_come_to_the_failure();
}

Test(cut_failure, in_the_new_division_leaves_the_rest_to_be_done, .init = set_up)
{
    fails_at = 13;
    takt__cut_request(&stage, 3);
    takt__cut_step(&stage);
    takt_sequence_set(&upstream, 30);
    run_all();
    has_come_to_the_failure();
}

/*
 * A worker looks at the cut, then at what is available. Between the two the changer may store a
 * tentative cut, and upstream may publish more: the shard then runs beyond that cut. Here shard 1
 * does so, while shard 0 has been visited.
 */
static void run_beyond_a_tentative_cut(void)
{
    struct takt__division *old = &stage.division[0];

    cr_assert(takt__shard_take(&old->shards[1], 1)); /* a worker has it */
    takt__cut_request(&stage, 3);
    takt__cut_step(&stage);
    int64_t tentative = old->cut;
    cr_assert(tentative <= 10); /* nothing that is not available */
    cr_assert_eq(old->shards[1].wanted, 1);
    takt_sequence_set(&upstream, 30);
    takt__shard_leave(&old->shards[1]);
    old->cut = TAKT__NO_CUT; /* what the worker read before the changer stored the cut */
    run(&old->shards[1]);
    old->cut = tentative;
}

Test(cut_failure, beyond_a_tentative_cut_leaves_the_rest_to_be_done, .init = set_up)
{
    fails_at = 15;
    run_beyond_a_tentative_cut();
    cr_assert_eq(stage.division[0].shards[1].owner, TAKT__FAILED);
    run_all();
    has_come_to_the_failure();
}

Test(cut_failure, without_one_the_cut_is_raised_to_what_was_done, .init = set_up)
{
    fails_at = -1;
    run_beyond_a_tentative_cut();
    cr_assert_eq(stage.division[0].shards[1].next, 31);
    run_all();
    cr_assert_eq(takt__stage_done(&stage), 30);
    cr_assert_eq(takt__division_shards(&stage.division[stage.current]), 3);
    cr_assert_eq(stage.gate.version, 1, "readers were told of the new shards once");
    for (int s = 0; s < SLOTS; s++)
        cr_assert_eq(handled[s], s <= 30, "event %d: %u times", s, handled[s]);
}
