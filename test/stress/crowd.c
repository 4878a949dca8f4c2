/* SPDX-License-Identifier: MIT */
/*
 * Many more threads than cores: eight producers before a chain of eight consumers, in every
 * strategy that gives the core away while it waits. Where a strategy does not, such a crowd comes
 * to a crawl; here it has to come through, in order, within the time that the test has.
 *
 * TAKT_STRESS_EVENTS: events of each producer.
 */
#include <pthread.h>

#include <takt/takt.h>

#include "tap.h"

#define PRODUCERS   8
#define CONSUMERS   8
#define PATIENCE_NS INT64_C(25000000000)

struct event {
    int64_t producer, number;
    int64_t steps; /* consumers that have had it */
};

struct producer {
    takt_ring *ring;
    int64_t index, events;
    int64_t error;
    pthread_t thread;
};

struct consumer {
    int64_t depth;
    int64_t next[PRODUCERS];
    int64_t events, wrong;
};

static void *produce(void *argument)
{
    struct producer *p = argument;
    for (int64_t i = 0; i < p->events; i++) {
        int64_t s = takt_ring_next_until(p->ring, 1, takt_after(PATIENCE_NS));
        if (s < 0) {
            p->error = s;
            break;
        }
        *(struct event *)takt_ring_at(p->ring, s) = (struct event){p->index, i, 0};
        takt_ring_publish(p->ring, s);
    }
    return NULL;
}

static int consume(void *context, takt_batch *b)
{
    struct consumer *c = context;
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = takt_batch_at(b, i);
        c->wrong += e->number != c->next[e->producer]++ || e->steps++ != c->depth;
        c->events++;
    }
    return 0;
}

static void run(takt_wait wait, const char *name, int64_t capacity, int64_t events)
{
    takt_ring *ring;
    struct producer producers[PRODUCERS];
    struct consumer consumers[CONSUMERS];
    takt_consumer *handles[CONSUMERS];
    int64_t wrong = 0, errors = 0;
    takt_ring_create(&ring, TAKT_RING(.event_size = sizeof(struct event), .capacity = capacity,
                                      .multi = true, .wait = wait));
    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i] = (struct consumer){.depth = i};
        takt_consumer_add(ring, &handles[i],
                          TAKT_CONSUMER(.handler = consume, .context = &consumers[i], .wait = wait,
                                        .after = i ? &handles[i - 1] : NULL, .after_count = i > 0));
        takt_consumer_start(handles[i]);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.ring = ring, .index = i, .events = events};
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        errors += producers[i].error != 0;
    }
    int64_t left = takt_ring_drain(ring, takt_after(PATIENCE_NS));
    takt_ring_destroy(ring);
    for (int i = 0; i < CONSUMERS; i++)
        wrong += consumers[i].wrong + (consumers[i].events != PRODUCERS * events);
    ok(errors == 0 && left == 0, "%s, ring of %ld: %d producers and %d consumers come through",
       name, (long)capacity, PRODUCERS, CONSUMERS);
    ok(wrong == 0, "each consumer has had every event in order, after the one before");
}

int main(void)
{
    int64_t events = tap_setting("TAKT_STRESS_EVENTS", 3000);
    static const struct {
        enum takt_wait_kind kind;
        const char *name;
    } ways[] = {{TAKT_WAIT_BLOCK, "blocking"},
                {TAKT_WAIT_YIELD, "yielding"},
                {TAKT_WAIT_PHASED, "phased"},
                {TAKT_WAIT_SLEEP, "sleeping"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        takt_wait wait = {.kind = ways[i].kind};
        run(wait, ways[i].name, 1024, events);
        run(wait, ways[i].name, 4, events / 4);
    }
    return done();
}
