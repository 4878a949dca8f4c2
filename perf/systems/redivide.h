/* SPDX-License-Identifier: MIT */
/*
 * What the scenarios `redivide` and `keyed` do: the events, the work on them, and the runs with
 * and without changes of the stage's division (takt_redivide.c).
 */
#ifndef TAKT_PERF_SYSTEMS_REDIVIDE_H
#define TAKT_PERF_SYSTEMS_REDIVIDE_H

#include "bench.h"
#include "work.h"

#define REDIVIDE_KEYS 64

/* The wide stage makes `word`; the sink puts the words together in the order in which they come. */
struct redivide_event {
    uint64_t number, key, word;
};

/* What happens to the wide stage's division while events flow. */
enum redivide_kind {
    REDIVIDE_NONE,    /* nothing */
    REDIVIDE_ASK,     /* 1,000 times a second another width is asked for */
    REDIVIDE_SETTLED, /* the same, and whoever asks waits until the change is over */
};

/*
 * The key of an event by its number: key k is about 1 / (k + 1) as frequent as key 0, which has a
 * fifth of all events. The table gives each of its places to one key.
 */
#define REDIVIDE_PLACES 4096

struct redivide_keys {
    uint8_t of_place[REDIVIDE_PLACES];
};

void redivide_keys_init(struct redivide_keys *keys);

static inline uint64_t redivide_key(const struct redivide_keys *keys, uint64_t number)
{
    uint64_t mixed = number * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 32)) * 0xd6e8feb86659fd93u;
    return keys->of_place[mixed >> 32 & (REDIVIDE_PLACES - 1)];
}

/* What the wide stage makes of an event; keyed, the key's events so far are in it as well. */
static inline uint64_t redivide_word(const struct perf_case *what, uint64_t number)
{
    return perf_step(number, what->cost[0]);
}

int redivide_run(const struct perf_case *what, struct perf_run *run, bool keyed,
                 enum redivide_kind kind);

#endif
