/* SPDX-License-Identifier: MIT */
/*
 * Random pipelines against the sequential model (world.h): random shapes, kinds of stages, widths,
 * blocks, keys, ring sizes, workers, handler errors and halts, a source or an outside producer with
 * void events; and while the events flow, from this thread and from handlers, re-divisions,
 * replacements of handlers, and taps that come and go. What every stage made of every event must
 * equal the model's, to the byte; each event is handled once; a failure is the first there is; each
 * handler is retired once, and where it was told that its events ended is where the next one's
 * began.
 *
 *     stress_random [--seed N] [--cases N]
 *
 * A case that fails prints its seed; --seed N --cases 1 runs it again (threads will not do the same
 * again, so it may take some repetitions).
 */
#include <unistd.h>

#include "tap.h"
#include "tapped.h"

#define PATIENCE_NS INT64_C(60000000000)
#define BLINK_NS    INT64_C(100000000) /* whoever stops the whole program does not use it up */
#define GROUPS      10

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CASES 1000
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CASES 1000
#endif
#endif
#ifndef CASES
#define CASES 10000
#endif

/* What has been done in all cases. */
static struct {
    int64_t redivisions, replacements, superseded, handovers, taps, failures, halts;
} figures;

static void give_next(struct place *at);

/* A change of the pipeline, by a number at random. */
static void change(struct world *w, uint64_t how)
{
    struct place *at = &w->place[how % w->place_count];
    how /= w->place_count;
    if (at->stage && how % 2)
        takt_stage_set_shards(at->stage, 1 + (uint32_t)(how / 2 % SHARDS));
    else if (at->stage)
        give_next(at);
}

static int on_stage(void *context, takt_batch *b)
{
    struct version *v = context;
    struct world *w = v->place->world;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t s = takt_batch_sequence(b, i);
        uint64_t chance = mix(w->seed ^ (uint64_t)s * PLACES ^ v->place->index);
        if (w->change_every && chance % w->change_every == 0)
            change(w, mix(chance));
        if (s == v->place->fails_at)
            return takt_batch_fail(b, i, FAILURE - (int)v->place->index);
        handle(v, takt_batch_at(b, i), s, b->shard);
    }
    return 0;
}

static int on_source(void *context, takt_batch *b)
{
    struct version *v = context;
    struct world *w = v->place->world;
    uint32_t most = (uint32_t)(mix(w->seed ^ ++w->calls) % 40); /* also nothing for once */
    uint32_t n = 0;
    for (; n < b->count && n < most && w->made < w->total; n++) {
        if (w->made == v->place->fails_at)
            break;
        struct event *e = takt_batch_at(b, n);
        *e = (struct event){.number = w->made, .key = key_of(w, w->made)};
        if (w->stored_keys)
            takt_batch_set_key(b, n, e->key);
        handle(v, e, w->made++, 0);
    }
    b->count = n;
    if (w->made == v->place->fails_at)
        return FAILURE;
    return w->made == w->total ? TAKT_END : 0;
}

static void on_retired(void *context, int64_t end)
{
    struct version *v = context;
    v->end = end;
    v->order = __atomic_add_fetch(&v->place->retired_count, 1, __ATOMIC_RELAXED);
    v->retired++;
}

/* The sums of all shards go to the first: nobody may be adding to them. */
static void on_handover(void *context, const takt_handover *h)
{
    const struct version *v = context;
    const struct version *before = h->context_before;
    struct place *at = v->place;
    uint64_t sum = 0;
    for (int i = 0; i < SHARDS; i++) {
        sum += at->sums[i];
        at->sums[i] = 0;
    }
    at->sums[0] = sum;
    if (before->place != at || before->end != NOT_ENDED || v->end != NOT_ENDED ||
        h->shards_before < 1 || h->shards_before > SHARDS || h->shards_now > SHARDS)
        FAULT(at->world);
    if (at->handover_count == HANDOVERS)
        return;
    at->handover[at->handover_count].cut = h->cut;
    at->handover[at->handover_count++].sum = sum;
}

static struct version *new_version(struct place *at)
{
    uint32_t id = __atomic_fetch_add(&at->version_count, 1, __ATOMIC_RELAXED);
    if (id >= VERSIONS) {
        __atomic_fetch_sub(&at->version_count, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    at->version[id] = (struct version){.place = at, .id = id, .end = NOT_ENDED};
    return &at->version[id];
}

static void give_next(struct place *at)
{
    struct version *v = new_version(at);
    if (!v)
        return;
    int error = takt_stage_replace(
        at->stage, TAKT_REPLACEMENT(.handler = at->index ? on_stage : on_source, .context = v,
                                    .on_handover = at->kind == SUMS ? on_handover : NULL,
                                    .on_retired = on_retired));
    if (error == TAKT_ESTATE)
        v->end = NOT_GIVEN;
    else if (error < 0)
        FAULT(at->world);
}

static void add_place(struct world *w, struct place *at)
{
    takt_stage *after[AFTER];
    for (uint32_t i = 0; i < at->after_count; i++)
        after[i] = w->place[at->after[i]].stage;
    takt_stage_options options = {
        .size = sizeof options,
        .handler = at->index ? on_stage : on_source,
        .context = new_version(at),
        .after = after,
        .after_count = at->after_count,
        .shards = at->shards,
        .shards_min = at->shards_min,
        .shards_max = at->shards_max,
        .block = at->block,
        .key = at->kind == COMPUTED ? event_key : NULL,
        .stored_key = at->kind == KEYED,
        .on_handover = at->kind == SUMS ? on_handover : NULL,
        .on_retired = on_retired,
    };
    int error = at->index ? takt_pipeline_add_stage(w->pipeline, &at->stage, &options)
                          : takt_pipeline_add_source(w->pipeline, &at->stage, &options);
    if (error < 0)
        FAULT(w);
}

/* Publishes some events as the producer; false when there are no more. */
static void produce(struct world *w)
{
    takt_ring *ring = takt_pipeline_ring(w->pipeline);
    struct place *at = &w->place[0];
    if (w->made == w->total)
        return;
    int64_t n = rng_between(&w->rng, 1, 8);
    n = n < w->capacity ? n : w->capacity;
    n = n < w->total - w->made ? n : w->total - w->made;
    int64_t high = takt_ring_try_next(ring, n);
    if (high < 0)
        return;
    for (int64_t s = high - n + 1; s <= high; s++) {
        if (w->is_void[s]) {
            takt_ring_publish_void(ring, s, s);
            continue;
        }
        struct event *e = takt_ring_at(ring, s);
        *e = (struct event){.number = s, .key = key_of(w, s)};
        OUT(e, at) = at->result[s] = make_of(at, e, 0, NULL);
        at->handled[s]++;
        takt_ring_publish(ring, s);
    }
    w->made = high + 1;
    if (w->made == w->total)
        takt_pipeline_close(w->pipeline);
}

/* What this thread does while the events flow. */
static void interfere(struct world *w, struct tapped *taps)
{
    struct tapped *t = &taps[rng_below(&w->rng, TAPS)];
    switch (rng_below(&w->rng, 8)) {
    case 0:
        if (!t->tap)
            figures.taps += tap_in(w, t);
        else if (rng_below(&w->rng, 2))
            tap_out(t, TAKT_ETIMEDOUT);
        break;
    case 1:
    case 2: change(w, rng_next(&w->rng) >> 8); break;
    case 3:
        if (w->halts && rng_below(&w->rng, 16) == 0)
            takt_pipeline_halt(w->pipeline);
        break;
    default: break;
    }
}

/* Lets the events flow to their end, and returns what takt_pipeline_wait says. */
static int flow(struct world *w, struct tapped *taps)
{
    int64_t patience = PATIENCE_NS, before = takt_now();
    for (uint32_t i = rng_below(&w->rng, 4); i > 0; i--)
        interfere(w, taps);
    if (takt_pipeline_start(w->pipeline) < 0)
        FAULT(w);
    int result;
    do {
        if (!w->has_source)
            produce(w);
        poll_taps(w, taps);
        interfere(w, taps);
        bool pause = w->has_source || w->made == w->total;
        result = takt_pipeline_wait(w->pipeline, pause ? takt_after(10000) : TAKT_NOW);
        int64_t now = takt_now();
        patience -= now - before < BLINK_NS ? now - before : BLINK_NS;
        before = now;
    } while (result == TAKT_ETIMEDOUT && patience > 0);
    if (result == TAKT_ETIMEDOUT)
        FAULT(w);
    for (struct tapped *t = taps; t < taps + TAPS; t++)
        if (t->tap)
            tap_out(t, result);
    return result;
}

/* The pipeline has ended as it had to; returns before which event all must be done. */
static int64_t check_end(struct world *w, int result)
{
    int64_t limit;
    takt_failure failure = {0};
    const struct place *failing = find_failure(w, &limit);
    bool failed = takt_pipeline_failure(w->pipeline, &failure);
    if (w->halts && result == TAKT_EHALTED) {
        figures.halts++;
        return 0;
    }
    int code = failing ? FAILURE - (int)failing->index : 0;
    if (result != code || failed != (failing != NULL) ||
        (failed && (failure.sequence != limit || failure.code != code))) {
        printf("# ended with %d, event %ld; to be %d, event %ld\n", result,
               failed ? (long)failure.sequence : -1, code, (long)limit);
        FAULT(w);
    }
    figures.failures += failed;
    return limit;
}

/* Every stage has made of every event what the model makes of it. */
static void check_results(struct world *w, int64_t limit, bool halted)
{
    static uint64_t out[PLACES][EVENTS];
    model(w, out);
    for (uint32_t i = 0; i < w->place_count; i++) {
        const struct place *at = &w->place[i];
        uint64_t sum = 0;
        for (int64_t s = 0, h = 0; s <= w->total; s++) {
            for (; h < at->handover_count && at->handover[h].cut == s; h++)
                if (at->handover[h].sum != sum)
                    FAULT(w);
            if (s == w->total)
                break;
            uint32_t handled = at->handled[s];
            bool due = s < limit && !w->is_void[s];
            bool may = !w->is_void[s] && (halted || s < limit || !at->below_failure);
            may |= s > limit && at->fails_at == limit && at->kind != SOURCE; /* beside the failed */
            bool right = !handled || at->result[s] == out[i][s];
            if (handled > may || handled < due || !right) {
                printf("# stage %u, event %ld of %ld: %s, handled %u times\n", i, (long)s,
                       (long)limit, right ? "right" : "wrong", handled);
                FAULT(w);
            }
            sum += out[i][s];
        }
    }
}

/* Each handler was retired once, in whatever state the pipeline was destroyed. */
static void check_versions(struct world *w)
{
    for (uint32_t i = 0; i < w->place_count; i++) {
        figures.handovers += w->place[i].handover_count;
        for (uint32_t k = 0; k < w->place[i].version_count; k++) {
            const struct version *v = &w->place[i].version[k];
            if (v->retired != (v->end != NOT_GIVEN) || v->end == NOT_ENDED)
                FAULT(w);
            figures.superseded += v->end == TAKT_SEQUENCE_INITIAL;
            figures.replacements += v->end >= 0 && v->end != TAKT_SEQUENCE_GONE;
        }
    }
}

/* One pipeline. 0, or the line that found a fault. */
static uint32_t run_case(struct world *w, takt_runtime *const *runtimes, uint64_t seed)
{
    struct tapped taps[TAPS] = {{0}};
    choose_world(w, seed);
    if (takt_pipeline_create(&w->pipeline, runtimes[w->workers - 1],
                             TAKT_PIPELINE(.event_size = sizeof(struct event),
                                           .capacity = w->capacity,
                                           .fixed_widths = w->fixed_widths)) < 0)
        return __LINE__;
    for (uint32_t i = !w->has_source; i < w->place_count; i++)
        add_place(w, &w->place[i]);
    int result = flow(w, taps);
    int64_t limit = check_end(w, result);
    for (uint32_t i = !w->has_source; i < w->place_count; i++) {
        takt_stage_stats stats;
        takt_stage_get_stats(w->place[i].stage, &stats);
        figures.redivisions += stats.redivisions;
    }
    takt_pipeline_destroy(w->pipeline);
    check_versions(w);
    check_results(w, limit, result == TAKT_EHALTED);
    return w->fault;
}

static long option(int argc, char **argv, const char *name, long otherwise)
{
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return strtol(argv[i + 1], NULL, 0);
    return otherwise;
}

int main(int argc, char **argv)
{
    static struct world world;
    uint64_t seed = (uint64_t)option(argc, argv, "--seed", 1);
    long cases = option(argc, argv, "--cases", tap_setting("TAKT_RANDOM_CASES", CASES));
    takt_runtime *runtimes[4];
    for (uint32_t i = 0; i < 4; i++)
        if (takt_runtime_create(&runtimes[i], TAKT_RUNTIME(.workers = i + 1, .cores = i + 1)) < 0)
            return EXIT_FAILURE;
    for (long i = 0, left = cases; i < GROUPS && left > 0; i++) {
        long group = left / (GROUPS - i);
        uint64_t first = seed;
        uint32_t fault = 0;
        for (long k = 0; k < group && !fault; k++)
            fault = run_case(&world, runtimes, seed++);
        left -= group;
        if (fault)
            ok(false, "line %u found a fault; again: --seed %lu --cases 1", fault,
               (unsigned long)seed - 1);
        else if (group)
            ok(true, "the output of %ld pipelines equals the model's, from seed %lu on", group,
               (unsigned long)first);
    }
    printf(
        "# %ld re-divisions, %ld of them of new handlers (%ld more superseded), %ld hand-overs\n",
        (long)figures.redivisions, (long)figures.replacements, (long)figures.superseded,
        (long)figures.handovers);
    printf("# %ld taps, %ld failures, %ld halts\n", (long)figures.taps, (long)figures.failures,
           (long)figures.halts);
    ok(cases < CASES || (figures.redivisions > cases && figures.replacements > cases / 4 &&
                         figures.handovers > cases / 10 && figures.taps > cases / 4 &&
                         figures.failures > cases / 20 && figures.halts > 0),
       "changes of every kind took place");
    for (uint32_t i = 0; i < 4; i++)
        takt_runtime_destroy(runtimes[i]);
    return done();
}
