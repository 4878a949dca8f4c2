/* SPDX-License-Identifier: MIT */
/*
 * Consumers: handlers on threads of their own (event processors), or polled by a thread of the
 * caller's (event pollers), after the producer or after other consumers.
 *
 *     takt_consumer *decode, *book;
 *     takt_consumer_add(ring, &decode, TAKT_CONSUMER(.handler = on_decode));
 *     takt_consumer_add(ring, &book, TAKT_CONSUMER(.handler = on_book, .after = &decode,
 *                                                  .after_count = 1));
 *     takt_consumer_start(decode);
 *     takt_consumer_start(book);
 *
 * A consumer may be added and removed while the ring runs. It comes after consumers that are there
 * already, so a graph has no cycle; any chain, fan-out, join or diamond can be written. Only the
 * last consumers of the graph hold the producers back, and each consumer those before it.
 *
 * Functions that add, remove and start are for any thread, and take a lock. A consumer's handler
 * and callbacks run on its thread only.
 */
#ifndef TAKT_CONSUMER_H
#define TAKT_CONSUMER_H

#include <takt/batch.h>
#include <takt/ring.h>

typedef struct takt_consumer takt_consumer;

/* The most consumers that one consumer comes after. */
#define TAKT_AFTER_MAX 16

/*
 * Handles a batch. Returns 0, or a negative code through takt_batch_fail: what happens then is the
 * consumer's policy.
 */
typedef int (*takt_handler)(void *context, takt_batch *batch);

/* What a consumer does when its handler has failed at an event. */
enum takt_failure_policy {
    TAKT_HALT = 0, /* it stops: takt_consumer_failure tells where and why */
    TAKT_SKIP,     /* it goes on with the next event */
};

/* Where a consumer begins that is added to a ring in use. */
enum takt_from {
    TAKT_FROM_CURSOR = 0, /* after what those that it comes after have done */
    TAKT_FROM_OLDEST,     /* with the oldest event that no producer may overwrite yet */
};

typedef struct takt_consumer_options {
    size_t size; /* sizeof(takt_consumer_options) */
    const char *name;
    takt_handler handler; /* NULL: to be polled only */
    void *context;
    takt_consumer *const *after; /* the consumers that this one follows; none: the producers */
    size_t after_count;
    enum takt_from from;
    takt_wait wait;      /* how it waits */
    uint32_t batch_most; /* events in one batch, up to 65,536; 0: 1/16 of the ring, or 256 */
    bool pin;            /* keep its thread on core `core` */
    uint32_t core;
    enum takt_failure_policy policy;
    uint32_t retries;   /* hand a failed event, and those after it, to the handler again so often */
    int64_t retry_ns;   /* and wait so long before each */
    int64_t timeout_ns; /* call on_timeout when nothing has come for so long; 0: never */
    void (*on_start)(void *context); /* on its thread, before the first batch */
    void (*on_stop)(void *context);  /* on its thread, after the last */
    void (*on_batch)(void *context, uint32_t events, int64_t queue_depth); /* before each batch */
    void (*on_timeout)(void *context, int64_t sequence); /* nothing beyond `sequence` has come */
} takt_consumer_options;

#ifndef __cplusplus
#define TAKT_CONSUMER(...)                                                                         \
    (&(takt_consumer_options){.size = sizeof(takt_consumer_options), __VA_ARGS__})
#endif

TAKT__DECLS_BEGIN

/*
 * Adds a consumer; it does not run yet, but the producers wait for it from now on. To a ring that
 * is halted, it is added halted. TAKT_EINVAL, TAKT_EGRAPH (after a consumer of another ring),
 * TAKT_ELIMIT, TAKT_ENOMEM. Takes the ring's lock.
 */
int takt_consumer_add(takt_ring *ring, takt_consumer **consumer,
                      const takt_consumer_options *options);

/*
 * Runs it on a thread of its own. TAKT_ETHREAD, TAKT_EINVAL without a handler, TAKT_ESTATE if it
 * was started before, be it by another thread at the same moment.
 */
int takt_consumer_start(takt_consumer *consumer);

/*
 * Runs it on the calling thread until it is halted, or fails: TAKT_EHALTED, or the handler's code.
 */
int takt_consumer_run(takt_consumer *consumer);

/*
 * Hands at most `most` of the events that are there now to `handler`, on the calling thread, and
 * returns how many were done; 0 if there are none. A failure is returned as it is, and the events
 * before it are done; polling again begins with the failed one. TAKT_ESTATE while it runs.
 */
int64_t takt_consumer_poll(takt_consumer *consumer, takt_handler handler, void *context,
                           uint32_t most);

/* Makes it stop after the batch that it is handling. Any thread, never blocks. */
void takt_consumer_halt(takt_consumer *consumer);

/* Waits until it has stopped, and joins its thread if it has one. Not from its own handler. */
void takt_consumer_join(takt_consumer *consumer);

/*
 * Halts it, joins it, takes it out of the graph and frees it: those that it held back go on
 * without it. TAKT_ESTATE while another consumer comes after it; TAKT_ELIMIT if those that it comes
 * after are more than the producers can wait for besides the others: it has stopped, but stays.
 */
int takt_consumer_remove(takt_consumer *consumer);

/* How far it has come: for reading only, as long as it lives. */
const takt_sequence *takt_consumer_sequence(const takt_consumer *consumer);

/* 1 if its handler has failed for good, with the event and the code; 0 otherwise. Any thread. */
int takt_consumer_failure(const takt_consumer *consumer, int64_t *sequence, int *code);

TAKT__DECLS_END

/*
 * Tells from inside a batch that everything up to event i is done, before the handler returns: the
 * consumers after this one, and the producers, may have it. Not to be called for a failed event.
 */
static inline void takt_batch_release(takt_batch *b, uint32_t i)
{
    if (b->own)
        takt_sequence_set(b->own, takt_batch_sequence(b, i));
}

#endif
