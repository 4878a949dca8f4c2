/* SPDX-License-Identifier: MIT */
/*
 * Running a consumer: wait for what it depends on, hand over a batch, move its sequence.
 *
 * Polling and running share all but the waiting. The sequence itself is the consumer's memory of
 * how far it is: there is no second counter that could disagree with it.
 */
#include <sched.h>

#include "disruptor/backoff.h"
#include "disruptor/consumer.h"
#include "disruptor/futex.h"

/*
 * The next batch of a consumer: at most `most` of the events up to `available`, of which the last
 * is *last, without those that are void.
 */
static takt_batch make_batch(takt_consumer *c, int64_t next, int64_t available, uint32_t most,
                             int64_t *last)
{
    takt_ring *ring = c->ring;
    int64_t due = available - next + 1;
    takt_batch b = {
        .slots = ring->slots,
        .mask = ring->mask,
        .event_size = ring->event_size,
        .first = next,
        .count = due < most ? (uint32_t)due : most,
        .shards = 1,
        .own = &c->sequence,
    };
    *last = next + b.count - 1;
    takt__ring_skip_voids(ring, &b, c->picks);
    return b;
}

/* Waits before another try, or until the consumer is halted. */
static void pause_for(takt_consumer *c, int64_t ns)
{
    int64_t deadline = takt_after(ns);
    while (!takt__ld32_rlx(&c->halted) && takt_now() < deadline)
        takt__futex_wait(&c->halted, 0, deadline);
}

/*
 * Hands a batch over. Returns 0 if it is done, with the sequence moved to `last`, or the handler's
 * code, with the sequence moved up to just before the failed event, *failed.
 */
static int hand_over(takt_consumer *c, takt_handler handler, void *context, takt_batch *b,
                     int64_t last, int64_t *failed)
{
    int code = b->count ? handler(context, b) : 0;
    if (code < 0) {
        *failed = takt_batch_sequence(b, b->failed < b->count ? b->failed : 0);
        last = *failed - 1;
    }
    if (last > takt__ld64_rlx(&c->sequence.value))
        takt_sequence_set(&c->sequence, last);
    return code;
}

int64_t takt_consumer_poll(takt_consumer *c, takt_handler handler, void *context, uint32_t most)
{
    if (!c || !handler || most == 0)
        return TAKT_EINVAL;
    if (takt__ld32_rlx(&c->state) == TAKT__RUNNING)
        return TAKT_ESTATE;
    int64_t before = takt__ld64_rlx(&c->sequence.value);
    int64_t available = takt__gates_least(&c->upstream);
    if (available <= before)
        return 0;
    if (most > c->options.batch_most)
        most = c->options.batch_most;
    int64_t last, failed;
    takt_batch b = make_batch(c, before + 1, available, most, &last);
    int code = hand_over(c, handler, context, &b, last, &failed);
    return code < 0 ? code : takt__ld64_rlx(&c->sequence.value) - before;
}

/* Waits for the next event. The highest available, or TAKT_EALERTED when halted. */
static int64_t await_next(takt_consumer *c, int64_t next)
{
    const takt_consumer_options *o = &c->options;
    for (;;) {
        struct takt__await what = {
            .gates = &c->upstream,
            .wanted = next,
            .alert = &c->halted,
            .deadline = o->timeout_ns ? takt_after(o->timeout_ns) : TAKT_FOREVER,
            .patience = &c->patience,
        };
        int64_t found = takt__await(&what, &o->wait);
        if (found != TAKT_ETIMEDOUT)
            return found;
        if (o->on_timeout)
            o->on_timeout(o->context, next - 1);
    }
}

/* What the policy says of a failure: 0 to go on, or the code to stop with. */
static int treat_failure(takt_consumer *c, int code, int64_t failed, uint32_t *tries)
{
    const takt_consumer_options *o = &c->options;
    if (*tries < o->retries) {
        ++*tries;
        pause_for(c, o->retry_ns);
        return 0;
    }
    *tries = 0;
    if (o->policy == TAKT_SKIP) {
        takt_sequence_set(&c->sequence, failed);
        return 0;
    }
    c->failed_at = failed;
    c->failed_code = code;
    takt__st32_rel(&c->failed, 1);            /* release [pairs: consumer-failed] */
    takt__add32(&c->ring->hidden->failed, 1); /* release [pairs: alert] */
    takt__gates_wake(&c->ring->hidden->consumers);
    return code;
}

/*
 * The consumer's lag. After a batch of some events, but not many, it leaves the line of the
 * sequence that it waits for alone for a moment: its writer is busy on it, every look takes the
 * line away and makes the writer wait for it in the middle of an event, and whoever looks at once
 * finds a handful of events for a whole line's way there and back. A single event is no sign of a
 * dense stream, and many events are worth their look. Events of several lines pay for their own
 * lines: there the lag only lets them get cold. Whoever spins wants the least latency, and gets it.
 */
#define DENSE_LEAST 4
#define DENSE_MOST  2048
#define DENSE_SIZE  64 /* bytes: the largest event for which it lags */
#define LAG_NS      700

static void lag(const takt_consumer *c, uint32_t count)
{
    if (count < DENSE_LEAST || count >= DENSE_MOST || c->ring->event_size > DENSE_SIZE ||
        c->options.wait.kind == TAKT_WAIT_BUSY)
        return;
    int64_t until = takt_now() + LAG_NS;
    do
        takt__pause();
    while (takt_now() < until);
}

static int process(takt_consumer *c)
{
    const takt_consumer_options *o = &c->options;
    uint32_t tries = 0;
    int64_t tried = -1;
    for (;;) {
        int64_t next = takt__ld64_rlx(&c->sequence.value) + 1;
        int64_t available = await_next(c, next);
        if (available < 0)
            return TAKT_EHALTED;
        int64_t last, failed;
        takt_batch b = make_batch(c, next, available, o->batch_most, &last);
        if (o->on_batch && b.count)
            o->on_batch(o->context, b.count, available - next + 1);
        int code = hand_over(c, o->handler, o->context, &b, last, &failed);
        if (code >= 0) {
            lag(c, b.count);
            continue;
        }
        if (failed != tried)
            tries = 0;
        tried = failed;
        code = treat_failure(c, code, failed, &tries);
        if (code < 0)
            return code;
    }
}

/* Takes a consumer to run it: of all who want to, one gets it. */
static int take(takt_consumer *c)
{
    if (!c || !c->options.handler)
        return TAKT_EINVAL;
    return takt__cas32_rlx(&c->state, TAKT__IDLE, TAKT__RUNNING) ? 0 : TAKT_ESTATE;
}

/* Runs one that was taken. */
static int run(takt_consumer *c)
{
    const takt_consumer_options *o = &c->options;
    if (o->on_start)
        o->on_start(o->context);
    int code = process(c);
    if (o->on_stop)
        o->on_stop(o->context);
    takt__st32_rel(&c->state, TAKT__STOPPED); /* release [pairs: consumer-state] */
    return code;
}

int takt_consumer_run(takt_consumer *c)
{
    int error = take(c);
    return error < 0 ? error : run(c);
}

static void *thread_main(void *consumer)
{
    takt_consumer *c = consumer;
    if (c->options.pin) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(c->options.core, &set);
        pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    run(c);
    return NULL;
}

int takt_consumer_start(takt_consumer *c)
{
    int error = take(c);
    if (error < 0)
        return error;
    if (pthread_create(&c->thread, NULL, thread_main, c) != 0) {
        takt__st32_rlx(&c->state, TAKT__IDLE);
        return TAKT_ETHREAD;
    }
    pthread_setname_np(c->thread, c->name);
    c->threaded = true;
    return 0;
}

void takt_consumer_halt(takt_consumer *c)
{
    takt__st32_rel(&c->halted, 1); /* release [pairs: alert] */
    takt__futex_wake(&c->halted, 1);
    takt__gates_wake(&c->upstream);
}

void takt_consumer_join(takt_consumer *c)
{
    if (c->threaded) {
        pthread_join(c->thread, NULL);
        c->threaded = false;
        return;
    }
    /* Somebody else's thread: it is on its way out of takt_consumer_run. */
    struct takt__backoff backoff = {0};
    while (takt__ld32_acq(&c->state) == TAKT__RUNNING) /* acquire [pairs: consumer-state] */
        takt__backoff_wait(&backoff, TAKT_FOREVER);
}

int takt_consumer_failure(const takt_consumer *c, int64_t *sequence, int *code)
{
    if (!takt__ld32_acq(&c->failed)) /* acquire [pairs: consumer-failed] */
        return 0;
    *sequence = c->failed_at;
    *code = c->failed_code;
    return 1;
}
