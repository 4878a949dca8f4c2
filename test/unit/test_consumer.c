/* SPDX-License-Identifier: MIT */
/* Consumers that run: their callbacks, batches, early release, time-outs, names, starts and ends.
 */
#include <sched.h>
#include <string.h>

#include "rig.h"

TestSuite(consumer, .timeout = 40);

/* Writes down which callback came when, and halts the consumer when it has seen enough. */
struct diary {
    struct rig_log log;
    takt_consumer *self;
    uint32_t enough; /* events or time-outs after which it halts itself; 0: never */
    char calls[256]; /* S start, B on_batch, H handler, T time-out, X stop */
    uint32_t count;
    uint32_t sizes[64];
    int64_t depths[64];
    uint32_t announced;
    int64_t timed_out_at[64];
    uint32_t timeouts;
    uint32_t strangers; /* calls from another thread than that of the start */
    pthread_t thread;
};

static void note(struct diary *d, char call)
{
    if (call == 'S')
        d->thread = pthread_self();
    d->strangers += !pthread_equal(d->thread, pthread_self());
    if (d->count + 1 < sizeof d->calls)
        d->calls[d->count++] = call;
}

static void on_start(void *context)
{
    note(context, 'S');
}

static void on_stop(void *context)
{
    note(context, 'X');
}

static void on_batch(void *context, uint32_t events, int64_t depth)
{
    struct diary *d = context;
    note(d, 'B');
    d->sizes[d->announced % 64] = events;
    d->depths[d->announced++ % 64] = depth;
}

static void on_timeout(void *context, int64_t sequence)
{
    struct diary *d = context;
    note(d, 'T');
    d->timed_out_at[d->timeouts++ % 64] = sequence;
    if (d->enough && d->timeouts >= d->enough)
        takt_consumer_halt(d->self);
}

static int on_events(void *context, takt_batch *b)
{
    struct diary *d = context;
    note(d, 'H');
    rig_record(&d->log, b);
    if (d->enough && d->log.count >= d->enough)
        takt_consumer_halt(d->self);
    return 0;
}

#define DIARY(d, ...)                                                                              \
    TAKT_CONSUMER(.handler = on_events, .context = (d), .on_start = on_start, .on_stop = on_stop,  \
                  .on_batch = on_batch, .on_timeout = on_timeout, __VA_ARGS__)

Test(consumer, calls_back_in_order_and_on_its_thread)
{
    static struct diary d;
    takt_ring *ring = RIG_RING(.capacity = 16);
    takt_consumer *c = rig_add(ring, DIARY(&d, .name = "diary"));
    rig_start(c);
    for (int64_t i = 1; i <= 20; i++) {
        rig_publish(ring, 3);
        rig_comes_to(c, 3 * i - 1);
    }
    takt_consumer_halt(c);
    takt_consumer_join(c);
    cr_assert_eq(d.calls[0], 'S');
    for (uint32_t i = 1; i + 1 < d.count; i++)
        cr_assert_eq(d.calls[i], i % 2 ? 'B' : 'H', "%s", d.calls);
    cr_assert_eq(d.calls[d.count - 1], 'X');
    cr_assert_eq(d.count, 2 * d.log.batches + 2);
    cr_assert_eq(d.strangers, 0);
    cr_assert(!pthread_equal(d.thread, pthread_self()));
    for (uint32_t i = 0; i < d.announced; i++)
        cr_assert(d.sizes[i] == d.log.sizes[i] && d.depths[i] >= d.sizes[i]);
    rig_has(&d.log, 0, 60);
    takt_ring_destroy(ring);
}

Test(consumer, starts_and_stops_without_an_event)
{
    static struct diary d;
    takt_ring *ring = RIG_RING(.capacity = 16);
    takt_consumer *c = rig_add(ring, DIARY(&d, .batch_most = 4));
    rig_start(c);
    takt_consumer_halt(c);
    takt_consumer_join(c);
    cr_assert_eq(strcmp(d.calls, "SX"), 0, "%s", d.calls);
    cr_assert_eq(rig_done(c), -1);
    takt_ring_destroy(ring);
}

/* Runs on this thread over 20 events that are there already, in batches of at most `most`. */
static void check_batches(uint32_t most, uint32_t expected)
{
    struct diary d = {.enough = 20};
    takt_ring *ring = RIG_RING(.capacity = 32);
    takt_consumer *c = d.self = rig_add(ring, DIARY(&d, .batch_most = most));
    rig_publish(ring, 20);
    cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
    cr_assert_eq(d.log.batches, (20 + expected - 1) / expected, "at most %u", most);
    for (uint32_t i = 0; i < d.announced; i++) {
        uint32_t left = 20 - i * expected;
        cr_assert_eq(d.log.sizes[i], left < expected ? left : expected);
        cr_assert_eq(d.sizes[i], d.log.sizes[i]);
        cr_assert_eq(d.depths[i], left);
    }
    cr_assert(d.calls[0] == 'S' && d.calls[d.count - 1] == 'X' && d.strangers == 0);
    rig_has(&d.log, 0, 20);
    takt_ring_destroy(ring);
}

/* Where the options set no greatest batch, it is a sixteenth of the ring, and at least 256. */
static void check_usual_batch(int64_t capacity, uint32_t expected)
{
    static struct diary d;
    d = (struct diary){.enough = (uint32_t)capacity};
    takt_ring *ring = RIG_RING(.capacity = capacity);
    takt_consumer *c = d.self = rig_add(ring, DIARY(&d, .batch_most = 0));
    rig_publish(ring, capacity);
    cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
    cr_assert_eq(d.log.count, capacity);
    cr_assert_eq(d.log.wrong, 0);
    cr_assert_eq(d.log.batches, capacity / expected);
    for (uint32_t i = 0; i < d.log.batches; i++)
        cr_assert_eq(d.log.sizes[i], expected);
    takt_ring_destroy(ring);
}

Test(consumer, takes_no_batch_that_holds_the_ring_for_itself)
{
    check_usual_batch(64, 64);
    check_usual_batch(256, 256);
    check_usual_batch(1024, 256);
    check_usual_batch(4096, 256);
    check_usual_batch(16384, 1024);
}

Test(consumer, takes_what_was_published_before_its_start_in_batches)
{
    check_batches(0, 20);
    check_batches(1, 1);
    check_batches(6, 6);
    check_batches(19, 19);
    check_batches(20, 20);
    check_batches(UINT32_MAX, 20);
}

Test(consumer, stops_after_the_batch_in_which_it_is_halted)
{
    struct diary d = {.enough = 5};
    takt_ring *ring = RIG_RING(.capacity = 32);
    takt_consumer *c = d.self = rig_add(ring, DIARY(&d, .batch_most = 4));
    rig_publish(ring, 20);
    cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
    rig_has(&d.log, 0, 8);
    cr_assert_eq(rig_done(c), 7, "the batch counts");
    cr_assert_eq(strcmp(d.calls, "SBHBHX"), 0, "%s", d.calls);
    takt_ring_destroy(ring);
}

/* Lets go of its events one by one, and looks each time who can have them. */
struct releaser {
    takt_ring *ring;
    takt_consumer *self, *next;
    struct rig_log next_log;
    bool releases;
    uint32_t wrong, handled;
};

static int release_early(void *context, takt_batch *b)
{
    struct releaser *r = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        r->wrong += takt_consumer_poll(r->next, rig_record, &r->next_log, 8) != 0;
        if (r->releases) {
            takt_batch_release(b, i);
            r->wrong += rig_done(r->self) != s;
            r->wrong += takt_consumer_poll(r->next, rig_record, &r->next_log, 8) != 1;
            r->wrong += takt_ring_try_next(r->ring, 1) != 8 + s;
        } else {
            r->wrong += takt_ring_try_next(r->ring, 1) != TAKT_EFULL;
        }
        r->handled++;
    }
    return 0;
}

Test(consumer, may_release_events_inside_a_batch)
{
    for (int releases = 0; releases < 2; releases++) {
        struct releaser r = {.releases = releases};
        r.ring = RIG_RING(.capacity = 8);
        r.self = rig_poller(r.ring);
        r.next = rig_add(r.ring, TAKT_CONSUMER(RIG_AFTER(r.self)));
        rig_publish(r.ring, 8);
        cr_assert_eq(takt_consumer_poll(r.self, release_early, &r, 8), 8);
        cr_assert_eq(r.handled, 8);
        cr_assert_eq(r.wrong, 0, "releases %d: %u looks were wrong", releases, r.wrong);
        cr_assert_eq(rig_done(r.self), 7);
        rig_poll(r.next, &r.next_log, 8, releases ? 0 : 8);
        rig_has(&r.next_log, 0, 8);
        takt_ring_destroy(r.ring);
    }
}

Test(consumer, is_told_when_nothing_comes_in_every_strategy)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        struct diary d = {.enough = 3};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *c = d.self = rig_add(
            ring, DIARY(&d, .timeout_ns = 1000000, .wait = {.kind = rig_kinds[k], .spins = 5}));
        int64_t began = takt_now();
        cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
        cr_assert(takt_now() >= began + 3 * 1000000);
        cr_assert_eq(strcmp(d.calls, "STTTX"), 0, "kind %zu: %s", k, d.calls);
        for (int i = 0; i < 3; i++)
            cr_assert_eq(d.timed_out_at[i], -1);
        takt_ring_destroy(ring);
    }
}

Test(consumer, is_told_how_far_it_has_come_when_nothing_comes)
{
    struct diary d = {.enough = 8}; /* the 5 events are not enough, the time-outs will be */
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *c = d.self = rig_add(ring, DIARY(&d, .timeout_ns = 200000));
    rig_publish(ring, 5);
    cr_assert_eq(takt_consumer_run(c), TAKT_EHALTED);
    cr_assert_eq(strcmp(d.calls, "SBHTTTTTTTTX"), 0, "%s", d.calls);
    for (uint32_t i = 0; i < d.timeouts; i++)
        cr_assert_eq(d.timed_out_at[i], 4);
    takt_ring_destroy(ring);
}

/* Looks at the thread that it runs on. */
struct place {
    char name[16];
    int cores;
    bool on_core;
    int core;
};

static int look_around(void *context, takt_batch *b)
{
    struct place *place = context;
    cpu_set_t set;
    pthread_getname_np(pthread_self(), place->name, sizeof place->name);
    sched_getaffinity(0, sizeof set, &set);
    place->cores = CPU_COUNT(&set);
    place->on_core = CPU_ISSET(place->core, &set);
    return b->count ? 0 : TAKT_EINVAL;
}

static void check_place(struct place *place, takt_consumer_options options)
{
    takt_ring *ring = RIG_RING(.capacity = 8);
    options.size = sizeof options;
    options.handler = look_around;
    options.context = place;
    takt_consumer *c = rig_add(ring, &options);
    rig_start(c);
    rig_publish(ring, 1);
    rig_comes_to(c, 0);
    takt_ring_destroy(ring);
}

Test(consumer, has_a_name_and_a_core)
{
    struct place place = {0};
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    while (!CPU_ISSET(place.core, &set))
        place.core++;
    check_place(&place, (takt_consumer_options){.name = "book"});
    cr_assert_eq(strcmp(place.name, "book"), 0, "%s", place.name);
    cr_assert_eq(place.cores, CPU_COUNT(&set));
    check_place(&place, (takt_consumer_options){.name = "a name that is too long",
                                                .pin = true,
                                                .core = (uint32_t)place.core});
    cr_assert_eq(strcmp(place.name, "a name that is "), 0, "%s", place.name);
    cr_assert(place.on_core);
    cr_assert_eq(place.cores, 1);
    check_place(&place, (takt_consumer_options){.name = NULL});
    cr_assert(place.name[0] != '\0');
}

Test(consumer, starts_once)
{
    static struct diary d;
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *c = rig_add(ring, DIARY(&d, .batch_most = 0));
    cr_assert_eq(takt_consumer_start(NULL), TAKT_EINVAL);
    cr_assert_eq(takt_consumer_run(NULL), TAKT_EINVAL);
    takt_consumer_join(c); /* it does not run: nothing to wait for */
    rig_start(c);
    cr_assert_eq(takt_consumer_start(c), TAKT_ESTATE);
    rig_publish(ring, 1);
    rig_comes_to(c, 0);
    cr_assert_eq(takt_consumer_run(c), TAKT_ESTATE);
    takt_consumer_halt(c);
    takt_consumer_join(c);
    takt_consumer_join(c);
    cr_assert_eq(takt_consumer_start(c), TAKT_ESTATE);
    cr_assert_eq(takt_consumer_run(c), TAKT_ESTATE);
    cr_assert_eq(d.log.batches, 1);
    takt_ring_destroy(ring);
}

/* A start by one of two threads that begin at once. */
struct starter {
    takt_consumer *consumer;
    pthread_barrier_t *both;
    int result;
};

static void *start_there(void *argument)
{
    struct starter *s = argument;
    pthread_barrier_wait(s->both);
    s->result = takt_consumer_start(s->consumer);
    return NULL;
}

Test(consumer, starts_once_by_two_threads)
{
    pthread_barrier_t both;
    pthread_barrier_init(&both, NULL, 2);
    for (int round = 0; round < 200; round++) {
        struct diary d = {.enough = 0};
        pthread_t other;
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *c = rig_add(ring, DIARY(&d, .batch_most = 0));
        struct starter here = {.consumer = c, .both = &both}, there = here;
        cr_assert_eq(pthread_create(&other, NULL, start_there, &there), 0);
        start_there(&here);
        pthread_join(other, NULL);
        cr_assert_eq(here.result + there.result, TAKT_ESTATE, "round %d: %d and %d", round,
                     here.result, there.result);
        takt_ring_destroy(ring);
        cr_assert_eq(strcmp(d.calls, "SX"), 0, "%s", d.calls);
    }
    pthread_barrier_destroy(&both);
}

/* Runs a consumer on a thread of the test's own. */
static void *run_there(void *consumer)
{
    takt_consumer_run(consumer);
    return NULL;
}

Test(consumer, on_a_thread_of_the_callers_is_waited_for)
{
    static struct diary d;
    pthread_t thread;
    takt_ring *ring = RIG_RING(.capacity = 8);
    takt_consumer *c = rig_add(ring, DIARY(&d, .batch_most = 0));
    cr_assert_eq(pthread_create(&thread, NULL, run_there, c), 0);
    rig_publish(ring, 2);
    rig_comes_to(c, 1);
    takt_consumer_halt(c);
    takt_consumer_join(c);
    cr_assert_eq(d.calls[d.count - 1], 'X', "%s", d.calls);
    pthread_join(thread, NULL);
    takt_ring_destroy(ring);
}

Test(consumer, is_joined_when_its_ring_is_destroyed)
{
    for (size_t k = 0; k < RIG_KINDS; k++) {
        static struct diary d[3];
        memset(d, 0, sizeof d);
        takt_wait wait = {.kind = rig_kinds[k]};
        takt_ring *ring = RIG_RING(.capacity = 8);
        takt_consumer *a = rig_add(ring, DIARY(&d[0], .wait = wait));
        takt_consumer *b = rig_add(ring, DIARY(&d[1], .wait = wait, RIG_AFTER(a)));
        rig_add(ring, DIARY(&d[2], .wait = wait, RIG_AFTER(a, b))); /* it never runs */
        rig_start(b);
        rig_start(a);
        rig_publish(ring, 4);
        takt_ring_destroy(ring);
        cr_assert(d[0].count == 0 || d[0].calls[d[0].count - 1] == 'X', "%s", d[0].calls);
        cr_assert(d[1].count == 0 || d[1].calls[d[1].count - 1] == 'X', "%s", d[1].calls);
        cr_assert_eq(d[2].count, 0);
        cr_assert(d[0].count >= 2 && d[1].count >= 2);
    }
}
