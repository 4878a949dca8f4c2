/* SPDX-License-Identifier: MIT */
/*
 * Taps: consumers of a running pipeline.
 *
 * A tap waits at the gate of the stage that it follows, as a stage after it would, and moves a
 * sequence of its own. Those sequences are the members of one more gate, which belongs to a stage
 * without shards that stands last in the pipeline. So whoever asks how far the last stages have
 * come (the producer for room, the source for its input, the end of the pipeline, a drain) asks the
 * taps by the way, and nothing there knows of them. A gate without members holds nobody back.
 *
 * Why not a stage, added by the cut? Workers walk the pipeline's stages all the time and without a
 * lock; a stage that appears and disappears would make each of them look twice. A gate is made for
 * members that come and go while others read it. And a tap that logs to a disk should not have a
 * worker wait for it.
 *
 * Where a tap begins: as a consumer that joins a ring (disruptor/consumer.c). What its stage has
 * done is read, then the tap counts there, then it looks where the slowest of the others is, and
 * begins there if that is later. A producer that found its room before the tap counted saw no more
 * than that slowest one, for it looks at the taps after all others (start.c); one that finds its
 * room later waits for the tap. If it did so where the tap stood first, it is woken.
 *
 * A tap that moves wakes whoever sleeps at its sequence (a producer), but a source's workers sleep
 * in the runtime's park, so they are woken if there is a source. And the tap may be the last to
 * have passed the last event: it ends the pipeline itself then, as a worker would.
 */
#include "scheduler/tap.h"

#include <string.h>

#include <takt/clock.h>

#include "disruptor/alloc.h"
#include "disruptor/await.h"
#include "disruptor/backoff.h"
#include "disruptor/ring.h"
#include "disruptor/wait.h"

static size_t picks_size(const takt_tap *tap)
{
    return tap->options.batch_most * sizeof(uint32_t);
}

int takt__taps_create(takt_pipeline *p)
{
    struct takt__taps *taps = takt__allocate(p->runtime->allocator, sizeof *taps, TAKT_LINE_PAIR);
    if (!taps)
        return TAKT_ENOMEM;
    pthread_mutex_init(&taps->lock, NULL);
    for (int i = 0; i < TAKT_TAPS_MAX; i++) {
        takt_sequence_init(&taps->tap[i].sequence, TAKT_SEQUENCE_GONE);
        taps->members[i] = &taps->tap[i].sequence;
    }
    taps->stage.pipeline = p;
    taps->stage.name = (char *)"taps"; /* never written to, never freed */
    taps->stage.weight = 1;
    taps->stage.sink = true;
    taps->stage.core.gate.members = taps->members;
    p->taps = taps;
    return 0;
}

static bool has_any(takt_pipeline *p)
{
    bool any = false;
    pthread_mutex_lock(&p->taps->lock);
    for (int i = 0; i < TAKT_TAPS_MAX; i++)
        any |= p->taps->tap[i].taken;
    pthread_mutex_unlock(&p->taps->lock);
    return any;
}

int takt__taps_join(takt_pipeline *p)
{
    takt_stage *stage = &p->taps->stage;
    if (p->has_taps)
        return 0; /* since a start before */
    if (p->count == TAKT_STAGES_MAX)
        return has_any(p) ? TAKT_ELIMIT : 0; /* no room: there will be no taps */
    stage->index = p->count;
    p->stages[p->count++] = stage;
    p->has_taps = true;
    return 0;
}

/* The tap has moved or gone: see above. */
static void tell(takt_pipeline *p)
{
    takt__fence(); /* between the tap's sequence and the look at sleepers and at the end */
    if (p->source && takt__park_occupied(&p->runtime->park))
        takt__park_wake_one(&p->runtime->park);
    takt__pipeline_settle(p);
}

/* Hands over what is there, at most `most`; as takt_tap_poll. */
static int64_t take_batch(takt_tap *tap, takt_handler handler, void *context, uint32_t most)
{
    const takt_ring *ring = tap->pipeline->ring;
    int64_t before = takt__ld64_rlx(&tap->sequence.value);
    int64_t due = takt__gates_least(&tap->upstream) - before;
    if (due <= 0)
        return 0;
    takt_batch b = {
        .slots = ring->slots,
        .mask = ring->mask,
        .event_size = ring->event_size,
        .first = before + 1,
        .count = due < most ? (uint32_t)due : most,
        .shards = 1,
    };
    int64_t last = before + b.count;
    takt__ring_skip_voids(ring, &b, tap->picks);
    int code = b.count ? handler(context, &b) : 0;
    if (code < 0)
        last = takt_batch_sequence(&b, b.failed < b.count ? b.failed : 0) - 1;
    if (last > before) {
        takt_sequence_set(&tap->sequence, last);
        tell(tap->pipeline);
    }
    return code < 0 ? code : last - before;
}

/* Leaves the gate: nobody waits for it any more. */
static void leave(takt_tap *tap)
{
    tap->last = takt__ld64_rlx(&tap->sequence.value);
    takt_sequence_set(&tap->sequence, TAKT_SEQUENCE_GONE);
    tell(tap->pipeline);
}

static void *tap_main(void *argument)
{
    takt_tap *tap = argument;
    const takt_tap_options *o = &tap->options;
    for (;;) {
        struct takt__await what = {
            .gates = &tap->upstream,
            .wanted = takt__ld64_rlx(&tap->sequence.value) + 1,
            .alert = &tap->halted,
            .deadline = TAKT_FOREVER,
            .patience = &tap->patience,
        };
        if (takt__await(&what, &o->wait) < 0)
            break;
        int64_t code = take_batch(tap, o->handler, o->context, o->batch_most);
        if (code < 0) {
            tap->code = (int)code;
            takt__st32_rel(&tap->failed, 1); /* release [pairs: tap-failed] */
            break;
        }
    }
    leave(tap);
    return NULL;
}

/* The slowest of all that hold the producer back, but for the tap. */
static int64_t slowest_but(const takt_tap *tap)
{
    const takt_pipeline *p = tap->pipeline;
    int64_t least = takt_ring_cursor(p->ring);
    for (uint32_t i = 0; i < p->count; i++) {
        const takt_stage *stage = p->stages[i];
        int64_t done =
            stage->sink && stage != &p->taps->stage ? takt__stage_done(&stage->core) : least;
        if (done < least)
            least = done;
    }
    for (int i = 0; i < TAKT_TAPS_MAX; i++) {
        const takt_tap *other = &p->taps->tap[i];
        int64_t done = other == tap ? least : takt_sequence_get(&other->sequence);
        if (done < least)
            least = done;
    }
    return least;
}

/* Makes a tap that is set up count, and finds where it begins. */
static void join_pipeline(takt_tap *tap)
{
    struct takt__taps *taps = tap->pipeline->taps;
    struct takt__gate *gate = &taps->stage.core.gate;
    uint32_t place = (uint32_t)(tap - taps->tap);
    int64_t begin = takt__gates_least(&tap->upstream);
    takt_sequence_set(&tap->sequence, begin);
    if (gate->used <= place)
        takt__gate_cover(gate, place + 1);
    takt__gate_raise(gate);
    takt__barrier_everywhere(); /* as in disruptor/consumer.c */
    int64_t slowest = slowest_but(tap);
    if (slowest > begin) {
        begin = slowest;
        takt_sequence_set(&tap->sequence, begin);
        tell(tap->pipeline); /* the source may have waited for the tap where it stood first */
    }
    tap->first = begin + 1;
}

static int check(const takt_pipeline *p, const takt_tap_options *options)
{
    if (!p || !options || options->size != sizeof *options)
        return TAKT_EINVAL;
    if (options->after && options->after->pipeline != p)
        return TAKT_EGRAPH;
    enum takt__state state =
        (enum takt__state)takt__ld32_acq(&p->state); /* acquire [pairs: state] */
    if (state > TAKT__STATE_STOPPED)
        return TAKT_ESTATE;
    return 0;
}

static void set_up(takt_tap *tap, takt_pipeline *p, const takt_tap_options *options)
{
    tap->pipeline = p;
    tap->options = *options;
    memset(tap->name, 0, sizeof tap->name);
    strncpy(tap->name, options->name ? options->name : "takt-tap", sizeof tap->name - 1);
    if (options->batch_most == 0 || options->batch_most > TAKT__BATCH_MAX)
        tap->options.batch_most = TAKT__BATCH_MAX;
    if (tap->options.batch_most > takt_ring_capacity(p->ring))
        tap->options.batch_most = (uint32_t)takt_ring_capacity(p->ring);
    tap->upstream.count = 1;
    tap->upstream.gate[0] =
        options->after ? &options->after->core.gate : &p->ring->hidden->producer;
    tap->threaded = options->handler != NULL;
    tap->patience = 0;
    tap->code = 0;
    takt__st32_rlx(&tap->halted, 0);
    takt__st32_rlx(&tap->failed, 0);
}

/* Takes a free place for a tap; under the lock. */
static int add(takt_pipeline *p, takt_tap **out, const takt_tap_options *options)
{
    takt_tap *tap = p->taps->tap;
    while (tap < p->taps->tap + TAKT_TAPS_MAX && tap->taken)
        tap++;
    if (tap == p->taps->tap + TAKT_TAPS_MAX || (p->closed_ring && !p->has_taps))
        return TAKT_ELIMIT;
    set_up(tap, p, options);
    tap->picks = takt__allocate(p->runtime->allocator, picks_size(tap), TAKT_LINE_PAIR);
    if (!tap->picks)
        return TAKT_ENOMEM;
    join_pipeline(tap);
    if (tap->threaded && pthread_create(&tap->thread, NULL, tap_main, tap) != 0) {
        leave(tap);
        takt__release(p->runtime->allocator, tap->picks, picks_size(tap));
        return TAKT_ETHREAD;
    }
    if (tap->threaded)
        pthread_setname_np(tap->thread, tap->name);
    tap->taken = true;
    *out = tap;
    return 0;
}

int takt_tap_add(takt_pipeline *p, takt_tap **out, const takt_tap_options *options)
{
    if (!out)
        return TAKT_EINVAL;
    *out = NULL;
    int error = check(p, options);
    if (error < 0)
        return error;
    pthread_mutex_lock(&p->taps->lock);
    error = add(p, out, options);
    pthread_mutex_unlock(&p->taps->lock);
    return error;
}

int64_t takt_tap_first(const takt_tap *tap)
{
    return tap->first;
}

int64_t takt_tap_poll(takt_tap *tap, takt_handler handler, void *context, uint32_t most)
{
    if (!tap || !handler || most == 0)
        return TAKT_EINVAL;
    if (tap->threaded)
        return TAKT_ESTATE;
    if (most > tap->options.batch_most)
        most = tap->options.batch_most;
    return take_batch(tap, handler, context, most);
}

int takt_tap_drain(takt_tap *tap, int64_t deadline)
{
    if (!tap || !tap->threaded)
        return tap ? TAKT_ESTATE : TAKT_EINVAL;
    struct takt__backoff backoff = {0};
    int64_t wanted = takt__gates_least(&tap->upstream);
    for (;;) {
        if (takt__ld32_acq(&tap->failed)) /* acquire [pairs: tap-failed] */
            return tap->code;
        if (takt_sequence_get(&tap->sequence) >= wanted)
            return 0;
        if (takt_now() >= deadline)
            return TAKT_ETIMEDOUT;
        takt__backoff_wait(&backoff, deadline);
    }
}

int takt_tap_remove(takt_tap *tap, int64_t *last)
{
    if (!tap)
        return TAKT_EINVAL;
    takt_pipeline *p = tap->pipeline;
    if (tap->threaded) {
        takt__st32_rel(&tap->halted, 1); /* release [pairs: alert] */
        takt__gates_wake(&tap->upstream);
        pthread_join(tap->thread, NULL);
    } else {
        leave(tap);
    }
    int code = tap->code;
    if (last)
        *last = tap->last;
    pthread_mutex_lock(&p->taps->lock);
    takt__release(p->runtime->allocator, tap->picks, picks_size(tap));
    tap->taken = false;
    pthread_mutex_unlock(&p->taps->lock);
    return code;
}

void takt__taps_destroy(takt_pipeline *p)
{
    struct takt__taps *taps = p->taps;
    if (!taps)
        return;
    for (int i = 0; i < TAKT_TAPS_MAX; i++)
        if (taps->tap[i].taken)
            takt_tap_remove(&taps->tap[i], NULL);
    pthread_mutex_destroy(&taps->lock);
    takt__release(p->runtime->allocator, taps, sizeof *taps);
}
