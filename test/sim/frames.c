/* SPDX-License-Identifier: MIT */
/*
 * The frames of a schedule, for tools/frames.py, which draws them.
 *
 * After each access that is traced the scene is written down as one line of JSON. A line that
 * differs from the one before is a frame. What is read is the library's own memory as the simulated
 * threads have left it, and not through the door of its atomics: to look must not be a step of the
 * schedule, nor an access that could race. A case that writes to a slot calls sim_frame by itself,
 * so that the frame names the thread that did it.
 */
#include "frames.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define LINE 4096

static FILE *file;
static struct sim_scene scene;
static bool shown;
static int frames;
static char last[LINE];

/* A line that is being written. */
struct line {
    char text[LINE];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(l->text + l->size, LINE - l->size, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= LINE - l->size)
        sim_fail("a frame is longer than %d characters", LINE);
    l->size += (size_t)n;
}

/* A sequence; the ends of the range, which are no sequences, as null. */
static void add_sequence(struct line *l, const char *name, int64_t value)
{
    if (value == TAKT_SEQUENCE_GONE || value == TAKT__NO_CUT)
        add(l, "\"%s\":null,", name);
    else
        add(l, "\"%s\":%lld,", name, (long long)value);
}

static void add_slots(struct line *l)
{
    const takt_ring *ring = scene.ring;
    add(l, "\"slots\":[");
    for (int64_t i = 0; i <= ring->mask; i++) {
        const struct sim_slot *slot =
            (const void *)(ring->slots + (uint64_t)i * scene.stage->event_size);
        add(l, "%s{\"sequence\":%lld,\"handled\":%u,\"shard\":%u,\"shards\":%u}", i ? "," : "",
            (long long)slot->sequence, slot->handled, slot->shard, slot->shards);
    }
    add(l, "],");
}

static void add_owner(struct line *l, uint32_t owner)
{
    if (owner == TAKT__CHANGER)
        add(l, "\"owner\":\"changer\",");
    else if (owner == TAKT__FAILED)
        add(l, "\"owner\":\"failed\",");
    else
        add(l, "\"owner\":%u,", owner); /* 0: vacant */
}

static void add_division(struct line *l, const struct takt__division *division)
{
    add(l, "{\"width\":%u,\"final\":%u,\"open\":%u,", division->blocks.shards, division->final,
        division->open);
    add_sequence(l, "cut", division->cut);
    add(l, "\"shards\":[");
    for (uint32_t i = 0; i < scene.stage->shards_max; i++) {
        const struct takt__shard *shard = &division->shards[i];
        add(l, "%s{", i ? "," : "");
        add_sequence(l, "sequence", shard->sequence.value);
        add_owner(l, shard->owner);
        add(l, "\"wanted\":%u,\"next\":%lld,\"processed\":%lld}", shard->wanted,
            (long long)shard->next, (long long)shard->processed);
    }
    add(l, "]}");
}

static void describe(struct line *l)
{
    const struct takt__stage *stage = scene.stage;
    const struct takt__change *change = &stage->change;
    add(l, "\"cursor\":%lld,\"output\":%lld,", (long long)scene.ring->cursor.value,
        (long long)scene.output->value);
    add_slots(l);
    add(l, "\"current\":%u,\"divisions\":[", stage->current);
    add_division(l, &stage->division[0]);
    add(l, ",");
    add_division(l, &stage->division[1]);
    add(l, "],\"change\":{\"target\":%u,\"settled\":%u,\"visited\":%u,\"cut\":%lld}",
        change->target, change->settled, change->visited, (long long)change->cut);
}

void sim_scene(const struct sim_scene *given)
{
    scene = *given;
    shown = file != NULL;
    if (!shown)
        return;
    fprintf(file, "\"ring\":%lld,\"block\":%lld,\"events\":%lld,\n\"frames\":[",
            (long long)scene.ring->mask + 1, 1LL << scene.stage->division[0].blocks.shift,
            (long long)scene.events);
    sim_frame();
}

void sim_frame(void)
{
    if (!shown)
        return;
    struct line l = {.size = 0};
    describe(&l);
    if (strcmp(l.text, last) == 0)
        return;
    memcpy(last, l.text, l.size + 1);
    fprintf(file, "%s\n{\"step\":%u,\"thread\":\"%s\",%s}", frames ? "," : "", sim_steps,
            sim_fibre_name(sim_current), l.text);
    frames++;
}

bool sim_frames_begin(const char *path, const char *name, const char *schedule)
{
    file = fopen(path, "w");
    if (!file)
        return false;
    frames = 0;
    last[0] = '\0';
    fprintf(file, "{\"case\":\"%s\",\"schedule\":\"%s\",\n", name, schedule);
    return true;
}

int sim_frames_end(const char *failure)
{
    if (shown)
        fprintf(file, "\n],\n");
    shown = false;
    /* A failure's text has neither quotes nor backslashes but those of names. */
    fprintf(file, "\"failed\":%s}\n", failure ? "true" : "false");
    bool bad = ferror(file);
    bad |= fclose(file) != 0;
    file = NULL;
    return bad ? -1 : frames;
}
