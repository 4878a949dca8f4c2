/* SPDX-License-Identifier: MIT */
/*
 * More threads than cores: P producers and C consumers in a chain on one ring, against one producer
 * and one consumer that does the work of the whole chain. For each wait strategy that gives the
 * core away. The two take turns; medians are compared. Then what a chain that blocks costs while
 * nothing happens.
 *
 *     crowd [ROUNDS [MILLISECONDS [THREADS [WORK]]]]
 *
 * WORK is how much a step of the work is: as many dependent multiplications. With next to none,
 * what is compared is the overhead of the threads alone.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <takt/takt.h>

#define CAPACITY    65536
#define THREADS_MAX 64
#define STEPS       8 /* of work on each event, shared out among the consumers */

struct event {
    uint64_t value[STEPS];
};

struct crowd {
    takt_ring *ring;
    uint32_t producers, consumers;
};

struct part {
    uint32_t first, end; /* the steps that a consumer does */
};

static int step_length = 16;

static uint64_t step(uint64_t x)
{
    for (int i = 0; i < step_length; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

static int work(void *context, takt_batch *b)
{
    const struct part *part = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        for (uint32_t k = part->first; k < part->end; k++)
            e->value[k] = step(e->value[0] + k);
    }
    return 0;
}

static void *produce(void *argument)
{
    struct crowd *crowd = argument;
    takt_ring *ring = crowd->ring;
    for (;;) {
        int64_t s = takt_ring_next(ring, 1);
        if (s < 0)
            break; /* halted */
        ((struct event *)takt_ring_at(ring, s))->value[0] = (uint64_t)s;
        takt_ring_publish(ring, s);
    }
    return NULL;
}

/* Events per second that pass the last consumer. */
static double run(uint32_t producers, uint32_t consumers, takt_wait wait, int64_t ns)
{
    struct crowd crowd = {.producers = producers, .consumers = consumers};
    struct part parts[THREADS_MAX];
    takt_consumer *chain[THREADS_MAX] = {NULL};
    pthread_t threads[THREADS_MAX];
    takt_ring_create(&crowd.ring,
                     TAKT_RING(.event_size = sizeof(struct event), .capacity = CAPACITY,
                               .multi = producers > 1, .wait = wait));
    for (uint32_t i = 0; i < consumers; i++) {
        parts[i] = (struct part){i * STEPS / consumers, (i + 1) * STEPS / consumers};
        takt_consumer_add(crowd.ring, &chain[i],
                          TAKT_CONSUMER(.handler = work, .context = &parts[i], .wait = wait,
                                        .after = i ? &chain[i - 1] : NULL,
                                        .after_count = i ? 1 : 0));
        takt_consumer_start(chain[i]);
    }
    int64_t begun = takt_now();
    for (uint32_t i = 0; i < producers; i++)
        pthread_create(&threads[i], NULL, produce, &crowd);
    nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, NULL);
    int64_t done = takt_sequence_get(takt_consumer_sequence(chain[consumers - 1])) + 1;
    int64_t took = takt_now() - begun;
    takt_ring_halt(crowd.ring);
    for (uint32_t i = 0; i < producers; i++)
        pthread_join(threads[i], NULL);
    takt_ring_destroy(crowd.ring);
    return (double)done * 1e9 / (double)took;
}

/* Which part of a core a chain of blocking consumers uses while nothing happens. */
static double idle(uint32_t consumers, int64_t ns)
{
    takt_ring *ring;
    takt_consumer *chain[THREADS_MAX] = {NULL};
    struct part part = {0, STEPS};
    takt_ring_create(&ring, TAKT_RING(.event_size = sizeof(struct event), .capacity = CAPACITY));
    for (uint32_t i = 0; i < consumers; i++) {
        takt_consumer_add(ring, &chain[i],
                          TAKT_CONSUMER(.handler = work, .context = &part,
                                        .after = i ? &chain[i - 1] : NULL,
                                        .after_count = i ? 1 : 0));
        takt_consumer_start(chain[i]);
    }
    nanosleep(&(struct timespec){0, 100000000}, NULL); /* until they have fallen asleep */
    clock_t before = clock();
    int64_t begun = takt_now();
    nanosleep(&(struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)}, NULL);
    double used = (double)(clock() - before) / CLOCKS_PER_SEC;
    double took = (double)(takt_now() - begun) / 1e9;
    takt_ring_destroy(ring);
    return used / took;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        takt_wait wait;
    } ways[] = {
        {"yielding", {.kind = TAKT_WAIT_YIELD}},
        {"phased", {.kind = TAKT_WAIT_PHASED}},
        {"sleeping", {.kind = TAKT_WAIT_SLEEP}},
        {"blocking", {.kind = TAKT_WAIT_BLOCK}},
    };
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    int64_t ns = (argc > 2 ? atol(argv[2]) : 300) * 1000000;
    uint32_t threads = argc > 3 ? (uint32_t)atoi(argv[3]) : 8;
    step_length = argc > 4 ? atoi(argv[4]) : step_length;
    double one[64], many[64];
    if (rounds < 1 || rounds > 64 || ns <= 0 || threads < 1 || threads > STEPS || step_length < 0) {
        fprintf(stderr, "usage: crowd [ROUNDS (1..64) [MILLISECONDS [THREADS (1..%d) [WORK]]]]\n",
                STEPS);
        return 2;
    }
    printf("%-9s %14s %14s   ratio\n", "waiting", "1+1 events/s", "many events/s");
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        run(1, 1, ways[w].wait, ns / 3); /* warm-up */
        for (int r = 0; r < rounds; r++) {
            one[r] = run(1, 1, ways[w].wait, ns);
            many[r] = run(threads, threads, ways[w].wait, ns);
        }
        qsort(one, (size_t)rounds, sizeof one[0], by_value);
        qsort(many, (size_t)rounds, sizeof many[0], by_value);
        double a = one[rounds / 2], b = many[rounds / 2];
        printf("%-9s %14.0f %14.0f   %.2f  (many: %.0f to %.0f)\n", ways[w].name, a, b, b / a,
               many[0], many[rounds - 1]);
    }
    printf("idle: %u blocking consumers use %.3f %% of a core\n", threads,
           100 * idle(threads, 2000000000));
    return 0;
}
