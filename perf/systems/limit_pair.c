/* SPDX-License-Identifier: MIT */
/*
 * What stands between limit-line and a ping-pong on two rings. There one line goes there and back,
 * and who has just read it finds it at hand for his answer. Two rings are two lines at least, one
 * for each way: whoever writes must first take his line back from the other, who has a copy since
 * he read it last. Here are bare loops over
 *
 *   limit-pair    a line each way, in which the event lies beside its number: what no pair of rings
 *                 can exceed
 *   limit-slots   a counter each way and the events in slots, as a ring with a cursor has it: two
 *                 lines each way. Who waits fetches the slot while he looks at the counter, so that
 *                 both lines come over at the same time.
 *
 * As in limit-line nobody pauses.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench.h"
#include "limits.h"
#include "work.h"

#define SLOTS 1024

/* One way. The value of limit-pair lies beside the number, that of limit-slots in its slot. */
struct way {
    _Alignas(128) uint64_t number; /* i + 1: event i is there */
    uint64_t value;
    _Alignas(128) uint64_t slot[SLOTS];
};

struct game {
    struct way there, back;
    const struct perf_case *what;
    bool slots;
    pthread_barrier_t ready;
};

static inline uint64_t *place(struct way *way, bool slots, uint64_t i)
{
    return slots ? &way->slot[i % SLOTS] : &way->value;
}

static inline void send(struct way *way, bool slots, uint64_t i, uint64_t value)
{
    perf_fill(place(way, slots, i), 1, value);
    __atomic_store_n(&way->number, i + 1, __ATOMIC_RELEASE);
}

static inline uint64_t receive(struct way *way, bool slots, uint64_t i)
{
    const uint64_t *event = place(way, slots, i);
    while (__atomic_load_n(&way->number, __ATOMIC_ACQUIRE) != i + 1) {
        if (slots)
            __builtin_prefetch(event);
    }
    return *event;
}

static void *answer(void *argument)
{
    struct game *game = argument;
    const bool slots = game->slots;
    perf_thread_begin(game->what, 1);
    pthread_barrier_wait(&game->ready);
    for (uint64_t i = 0; i < game->what->events; i++)
        send(&game->back, slots, i, perf_pong(receive(&game->there, slots, i)));
    perf_thread_end();
    return NULL;
}

static int play(struct game *game, struct perf_run *run)
{
    const bool slots = game->slots;
    uint64_t sum = 0;
    pthread_t other;

    pthread_barrier_init(&game->ready, NULL, 2);
    int error = pthread_create(&other, NULL, answer, game);
    if (error)
        return -error;
    perf_thread_begin(game->what, 0);
    pthread_barrier_wait(&game->ready);
    perf_begin(run);
    for (uint64_t i = 0; i < game->what->events; i++) {
        send(&game->there, slots, i, i);
        sum += receive(&game->back, slots, i);
    }
    perf_end(run);
    perf_thread_end();
    pthread_join(other, NULL);
    run->checksum = sum;
    return 0;
}

static int run(const struct perf_case *what, struct perf_run *run, bool slots)
{
    struct game *game = aligned_alloc(128, sizeof *game);
    if (!game)
        return -ENOMEM;
    *game = (struct game){.what = what, .slots = slots};
    int error = play(game, run);
    free(game);
    return error;
}

static int run_pair(const struct perf_case *what, struct perf_run *result)
{
    return run(what, result, false);
}

static int run_slots(const struct perf_case *what, struct perf_run *result)
{
    return run(what, result, true);
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_PINGPONG && what->event_size == sizeof(uint64_t);
}

static const struct perf_system pair = {
    .name = "limit-pair",
    .about = "the bare machine: a line each way that carries the event and its number",
    .limit = true,
    .can = can,
    .run = run_pair,
};
PERF_SYSTEM(pair)

static const struct perf_system slots = {
    .name = "limit-slots",
    .about = "the bare machine: a counter and a slot each way, as in a ring",
    .limit = true,
    .can = can,
    .run = run_slots,
};
PERF_SYSTEM(slots)
