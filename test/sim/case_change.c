/* SPDX-License-Identifier: MIT */
/* What changes of a stage's division show to those who look on: a stage without events. */
#include "cases.h"
#include "shard/cut.h"

#define SHARDS 2

struct looks {
    struct takt__stage stage;
    struct takt__shard shards[2 * SHARDS];
    const takt_sequence *members[2 * SHARDS];
    takt_sequence upstream;
    const takt_sequence *upstream_member[1];
    struct takt__gate upstream_gate;
    int64_t handed_over; /* plain */
};

static int nothing(void *context, takt_batch *b)
{
    (void)context, (void)b;
    return 0;
}

static void count(void *context, const takt_handover *handover)
{
    struct looks *l = context;
    (void)handover;
    l->handed_over++;
}

static struct looks *begin(void)
{
    struct looks *l = sim_memory(sizeof *l);
    takt_sequence_init(&l->upstream, -1);
    l->upstream_member[0] = &l->upstream;
    l->upstream_gate.members = l->upstream_member;
    takt__gate_cover(&l->upstream_gate, 1);
    l->stage.shards_min = 1;
    l->stage.shards_max = SHARDS;
    l->stage.upstream.gate[l->stage.upstream.count++] = &l->upstream_gate;
    takt__stage_init(&l->stage, TAKT_STAGE(.handler = nothing, .context = l, .on_handover = count),
                     0, 1, l->shards, l->members);
    return l;
}

static void change_to(struct looks *l, uint32_t shards)
{
    takt__cut_request(&l->stage, shards);
    while (takt__cut_pending(&l->stage))
        takt__cut_step(&l->stage);
}

static void widen(void *context)
{
    change_to(context, 2);
}

/* Who sees a change settled sees what it did. */
static void change_settled(void *unused)
{
    (void)unused;
    struct looks *l = begin();
    takt__cut_request(&l->stage, 2);
    int changer = sim_start("changer", widen, l);
    while (!takt__cut_settled(&l->stage))
        sim_give_way();
    sim_check(l->handed_over == 1, "%lld hand-overs", (long long)l->handed_over);
    sim_join(changer);
}

/* The present number of shards, as the figures show it. */
static void change_width(void *unused)
{
    (void)unused;
    struct looks *l = begin();
    int changer = sim_start("changer", widen, l);
    uint32_t current = takt__ld32_acq(&l->stage.current);
    uint32_t shards = takt__division_shards(&l->stage.division[current]);
    sim_check(shards == current + 1, "division %u has %u shards", current, shards);
    sim_join(changer);
}

static void note_anew(void *context)
{
    change_to(context, 2);
    change_to(context, 1);
}

/* A note that is read while a later one takes its place is told from it. */
static void change_note(void *unused)
{
    (void)unused;
    struct looks *l = begin();
    struct takt__stage *stage = &l->stage;
    struct takt__cut_note *note = &stage->cuts[0];
    note->began_ns = note->ended_ns = note->widths = -7;
    stage->cuts_noted = TAKT__CUTS_KEPT - 1;
    int changer = sim_start("changer", note_anew, l);
    int64_t began = takt__ld64_acq(&note->began_ns), ended = takt__ld64_acq(&note->ended_ns);
    int64_t widths = takt__ld64_acq(&note->widths);
    if (takt__ld64_rlx(&stage->cuts_noted) < TAKT__CUTS_KEPT)
        sim_check(began == -7 && ended == -7 && widths == -7, "half of a note: %lld %lld %lld",
                  (long long)began, (long long)ended, (long long)widths);
    sim_join(changer);
}

const struct sim_case sim_change_cases[] = {
    {"change_settled", "who waits for a change", change_settled, 3, 5, false, false},
    {"change_width", "who reads the number of shards", change_width, 3, 5, false, false},
    {"change_note", "who reads a note of it", change_note, 3, 5, false, false},
    {0},
};
