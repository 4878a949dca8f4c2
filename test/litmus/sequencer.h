/* SPDX-License-Identifier: MIT */
/*
 * A ring's publishing, seen by a thread that only looks: of two sequences that one producer
 * publishes one after the other, the second is never there without the first; what is there, by
 * takt_ring_is_available or by the cursor, has its data; what was there stays; the cursor never
 * falls. On a small ring, so that the observer is often at the edge.
 */
#ifndef TAKT_TEST_LITMUS_SEQUENCER_H
#define TAKT_TEST_LITMUS_SEQUENCER_H

#include "litmus.h"

#define SLOTS     8
#define PRODUCERS 2

/* The data lie on two pairs of cache lines. */
struct event {
    struct place head, tail;
};

struct scene {
    takt_ring *ring;
    takt_sequence observed;
    struct place stop;
    /* What must not be: */
    int64_t reversed, without_data, taken_back, fallen;
    int64_t pairs;
    struct place in_between; /* how often the first of a pair was seen without the second */
};

struct player {
    struct scene *scene;
    int core;
    pthread_t thread;
};

static int64_t data_of(int64_t sequence)
{
    return sequence * 3 + 1;
}

static void put(takt_ring *ring, int64_t sequence)
{
    struct event *e = takt_ring_at(ring, sequence);
    e->head.value = data_of(sequence);
    e->tail.value = -data_of(sequence);
}

static bool has_data(const takt_ring *ring, int64_t sequence)
{
    const struct event *e = takt_ring_at(ring, sequence);
    return e->head.value == data_of(sequence) && e->tail.value == -data_of(sequence);
}

/* Claims pairs, and publishes the two of a pair one by one. */
static void *produce(void *context)
{
    struct player *me = context;
    struct scene *scene = me->scene;
    stay_on_core(me->core);
    while (!takt__ld64_rlx(&scene->stop.value)) {
        int64_t second = takt_ring_try_next(scene->ring, 2);
        if (second < 0) {
            sched_yield();
            continue;
        }
        put(scene->ring, second - 1);
        put(scene->ring, second);
        takt_ring_publish(scene->ring, second - 1);
        takt_ring_publish(scene->ring, second);
    }
    return NULL;
}

/* One look at a pair, the second of it first; whether both are there. */
static bool look_at_pair(struct scene *scene, int64_t second)
{
    takt_ring *ring = scene->ring;
    bool second_there = takt_ring_is_available(ring, second);
    bool first_there = takt_ring_is_available(ring, second - 1);
    scene->reversed += second_there && !first_there;
    if (first_there && !second_there)
        takt__st64_rlx(&scene->in_between.value, scene->in_between.value + 1);
    scene->without_data += first_there && !has_data(ring, second - 1);
    scene->without_data += second_there && !has_data(ring, second);
    scene->taken_back += second_there && !takt_ring_is_available(ring, second);
    return second_there && first_there;
}

/* The same by the cursor. */
static bool look_at_cursor(struct scene *scene, int64_t second, int64_t *cursor)
{
    int64_t now = takt_ring_cursor(scene->ring);
    scene->fallen += now < *cursor;
    *cursor = now;
    for (int64_t s = second - 1; s <= now && s <= second; s++)
        scene->without_data += !has_data(scene->ring, s);
    return now >= second;
}

static void *observe(void *context)
{
    struct player *me = context;
    struct scene *scene = me->scene;
    int64_t cursor = TAKT_SEQUENCE_INITIAL, second = 1, misses = 0;
    stay_on_core(me->core);
    while (!takt__ld64_rlx(&scene->stop.value)) {
        bool both =
            scene->pairs % 2 ? look_at_cursor(scene, second, &cursor) : look_at_pair(scene, second);
        if (!both) {
            if (++misses % 256 == 0)
                sched_yield(); /* to a producer on the same core */
            continue;
        }
        takt_sequence_set(&scene->observed, second);
        second += 2;
        scene->pairs++;
    }
    return NULL;
}

static void run_scene(int producers, int64_t ns)
{
    static struct scene scene;
    struct player player[PRODUCERS + 1];
    memset(&scene, 0, sizeof scene);
    takt_sequence_init(&scene.observed, TAKT_SEQUENCE_INITIAL);
    takt_ring_create(&scene.ring, TAKT_RING(.event_size = sizeof(struct event), .capacity = SLOTS,
                                            .multi = producers > 1));
    takt_ring_add_gating(scene.ring, &scene.observed);
    for (int i = 0; i <= producers; i++) {
        player[i].scene = &scene;
        player[i].core = i;
        pthread_create(&player[i].thread, NULL, i ? produce : observe, &player[i]);
    }
    /* With more threads than cores, who looks in between is left to chance. */
    int64_t least = overlaps && producers == 1 ? 1 : 0;
    nap(ns);
    for (int turns = 1; turns < PATIENCE && takt__ld64_rlx(&scene.in_between.value) < least;
         turns++)
        nap(ns);
    takt__st64_rlx(&scene.stop.value, 1);
    for (int i = 0; i <= producers; i++)
        pthread_join(player[i].thread, NULL);
    const char *who = producers > 1 ? "many producers" : "one producer";
    ok(scene.reversed == 0, BACKEND ": %s: the second of a pair before the first: %ld of %ld", who,
       (long)scene.reversed, (long)scene.pairs);
    ok(scene.without_data == 0, BACKEND ": %s: published without its data: %ld", who,
       (long)scene.without_data);
    ok(scene.taken_back == 0 && scene.fallen == 0, BACKEND ": %s: published and taken back: %ld",
       who, (long)(scene.taken_back + scene.fallen));
    ok(scene.in_between.value >= least && scene.pairs > 0,
       BACKEND ": %s: the observer has looked in between: %ld times", who,
       (long)scene.in_between.value);
    takt_ring_destroy(scene.ring);
}

static void test_sequencer(int64_t ns)
{
    run_scene(1, ns);
    run_scene(PRODUCERS, ns);
}

#endif
