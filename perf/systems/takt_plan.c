/* SPDX-License-Identifier: MIT */
/*
 * The handlers of every shape, and who comes after whom.
 *
 * They are written as a program's would be: the batch is copied to a local, so that nothing that
 * the loop stores can change it and it stays in registers; the loop runs over stretches of events
 * that lie one after the other in memory, typed; what is kept from event to event is kept in a
 * local until the end of the batch.
 */
#include "takt_job.h"

/*
 * A consumer that comes back to the cursor at once takes its line away from the producer, who then
 * waits for it in the middle of an event. One that has had less than this many events leaves the
 * cursor alone for a moment (struct part, linger_ns) and finds more of them next time.
 */
#define SMALL_BATCH 512

/*
 * How far ahead a handler reads, in bytes: events of whole lines come over from the producer's
 * cache one line at a time, and the CPU does not ask for them early enough by itself. For small
 * events it does. What is not published yet must be left alone: who reads ahead there takes from
 * the producer the very lines that it is about to write, and both then wait for every line.
 */
#define READ_AHEAD 512
#define LINE       64

/* How far ahead the lines of an event that a handler writes are fetched, in events. */
#define FETCH 8

static void linger(const struct part *part, uint32_t count)
{
    if (part->linger_ns == 0 || count >= SMALL_BATCH)
        return;
    int64_t until = takt_now() + part->linger_ns;
    while (takt_now() < until)
        ;
}

static inline __attribute__((always_inline)) uint64_t sum_up(const takt_batch *b, uint64_t sum,
                                                             uint32_t words)
{
    uint32_t run;
    for (uint32_t i = 0; i < b->count; i += run) {
        const uint64_t *event = takt_batch_run(b, i, &run);
        const uint64_t *end = event + (size_t)run * words;
        for (uint32_t k = 0; k < run; k++, event += words) {
            const uint64_t *ahead = event + READ_AHEAD / 8;
            for (uint32_t at = 0; words * 8 >= LINE && at < words && ahead + at < end;
                 at += LINE / 8)
                __builtin_prefetch(ahead + at);
            sum = perf_sum(sum, event, words);
        }
    }
    return sum;
}

/* The sizes of the scenarios are spelled out, as the type of an event would in a program. */
static int on_sum(void *context, takt_batch *b)
{
    struct part *part = context;
    const takt_batch events = *b;
    uint32_t words = part->job->words;
    switch (words) {
    case 1: part->result = sum_up(&events, part->result, 1); break;
    case 8: part->result = sum_up(&events, part->result, 8); break;
    case 128: part->result = sum_up(&events, part->result, 128); break;
    default: part->result = sum_up(&events, part->result, words); break;
    }
    linger(part, events.count);
    return 0;
}

static inline __attribute__((always_inline)) uint64_t combine(const takt_batch *b, uint64_t result,
                                                              int consumer)
{
    uint32_t run;
    for (uint32_t i = 0; i < b->count; i += run) {
        const uint64_t *value = takt_batch_run(b, i, &run);
        for (uint32_t k = 0; k < run; k++)
            result = perf_multicast(consumer, result, value[k]);
    }
    return result;
}

static int on_multicast(void *context, takt_batch *b)
{
    struct part *part = context;
    const takt_batch events = *b;
    switch (part->index) {
    case 0: part->result = combine(&events, part->result, 0); break;
    case 1: part->result = combine(&events, part->result, 1); break;
    default: part->result = combine(&events, part->result, 2); break;
    }
    return 0;
}

/* Handlers of one statement for each event, `e`, of the type. */
#define EACH(name, type, statement)                                                                \
    static int name(void *context, takt_batch *b)                                                  \
    {                                                                                              \
        struct part *part = context;                                                               \
        const takt_batch events = *b;                                                              \
        uint64_t result = part->result;                                                            \
        uint32_t run;                                                                              \
        for (uint32_t i = 0; i < events.count; i += run) {                                         \
            type *first = takt_batch_run(&events, i, &run);                                        \
            for (type *e = first; e < first + run; e++)                                            \
                statement;                                                                         \
        }                                                                                          \
        if (result != part->result)                                                                \
            part->result = result;                                                                 \
        return 0;                                                                                  \
    }

EACH(on_first, struct perf_steps, perf_steps_first(e))
EACH(on_second, struct perf_steps, perf_steps_second(e))
EACH(on_third, struct perf_steps, result = perf_steps_third(result, e))
EACH(on_fizz, struct perf_fizzbuzz, perf_fizz(e))
EACH(on_buzz, struct perf_fizzbuzz, perf_buzz(e))
EACH(on_fizzbuzz, struct perf_fizzbuzz, result = perf_fizzbuzz(result, e))
EACH(on_order, struct perf_stages, result = perf_order(result, e->word[3]))

/* Stage number k on a batch. */
static inline __attribute__((always_inline)) void stage(const struct perf_case *what,
                                                        const takt_batch *b, int k)
{
    uint32_t run;
    for (uint32_t i = 0; i < b->count; i += run) {
        struct perf_stages *event = takt_batch_run(b, i, &run);
        for (uint32_t n = 0; n < run; n++) {
            if (n + FETCH < run)
                takt_prefetch_write(&event[n + FETCH]);
            perf_stage(&event[n], k, perf_cost(what, k, event[n].input));
        }
    }
}

/* One of the four stages of given cost; the cost may change in the course of the run. */
static int on_stage(void *context, takt_batch *b)
{
    const struct part *part = context;
    const struct perf_case *what = part->job->what;
    const takt_batch events = *b;
    switch (part->index) {
    case 0: stage(what, &events, 0); break;
    case 1: stage(what, &events, 1); break;
    case 2: stage(what, &events, 2); break;
    default: stage(what, &events, 3); break;
    }
    return 0;
}

/* The last of the four where it is a thread of its own: it sees all events in order. */
static int on_last_stage(void *context, takt_batch *b)
{
    on_stage(context, b);
    return on_order(context, b);
}

static int on_chain(void *context, takt_batch *b)
{
    struct part *part = context;
    struct job *job = part->job;
    for (uint32_t i = 0; i < b->count; i++) {
        struct perf_chain *e = takt_batch_at(b, i);
        perf_stage(&e->stages, part->index, perf_cost(job->what, part->index, e->stages.input));
        if (part->index == 3) {
            perf_latency(job->run, perf_now() - e->due);
            part->result = perf_order(part->result, e->stages.word[3]);
        }
    }
    return 0;
}

/*
 * Sources: a worker fills the free slots that it is given. The event's number is its sequence.
 */
#define SOURCE(name, type, statement)                                                              \
    static int name(void *context, takt_batch *b)                                                  \
    {                                                                                              \
        const struct job *job = ((const struct part *)context)->job;                               \
        const takt_batch slots = *b;                                                               \
        uint64_t number = (uint64_t)slots.first;                                                   \
        uint64_t left = job->what->events - number;                                                \
        uint32_t count = slots.count < left ? slots.count : (uint32_t)left, run;                   \
        for (uint32_t i = 0; i < count; i += run) {                                                \
            type *first = takt_batch_run(&slots, i, &run);                                         \
            run = run < count - i ? run : count - i;                                               \
            for (type *e = first; e < first + run; e++, number++)                                  \
                statement;                                                                         \
        }                                                                                          \
        b->count = count;                                                                          \
        return number == job->what->events ? TAKT_END : 0;                                         \
    }

SOURCE(fill_value, uint64_t, *e = number)
SOURCE(fill_steps, struct perf_steps, perf_steps_fill(e, number))
SOURCE(fill_fizzbuzz, struct perf_fizzbuzz, e->value = number)
SOURCE(fill_stages, struct perf_stages, e->input = number)

#define AFTER(i) (UINT32_C(1) << (i))

static const struct plan sum_plan = {1, {{"sum", on_sum, 0, true}}, NULL};
static const struct plan multicast_plan = {
    3,
    {{"add", on_multicast, 0, true},
     {"subtract", on_multicast, 0, true},
     {"combine", on_multicast, 0, true}},
    fill_value,
};
static const struct plan pipeline_plan = {
    3,
    {{"first", on_first, 0, false},
     {"second", on_second, AFTER(0), false},
     {"third", on_third, AFTER(1), true}},
    fill_steps,
};
static const struct plan diamond_plan = {
    3,
    {{"fizz", on_fizz, 0, false},
     {"buzz", on_buzz, 0, false},
     {"fizzbuzz", on_fizzbuzz, AFTER(0) | AFTER(1), true}},
    fill_fizzbuzz,
};
static const struct plan stages_plan = {
    4,
    {{"one", on_stage, 0, false},
     {"two", on_stage, AFTER(0), false},
     {"three", on_stage, AFTER(1), false},
     {"four", on_last_stage, AFTER(2), true}},
    fill_stages,
};
static const struct plan wide_stages_plan = {
    5,
    {{"one", on_stage, 0, false},
     {"two", on_stage, AFTER(0), false},
     {"three", on_stage, AFTER(1), false},
     {"four", on_stage, AFTER(2), false},
     {"order", on_order, AFTER(3), true}},
    fill_stages,
};
static const struct plan chain_plan = {
    4,
    {{"one", on_chain, 0, true},
     {"two", on_chain, AFTER(0), true},
     {"three", on_chain, AFTER(1), true},
     {"four", on_chain, AFTER(2), true}},
    NULL,
};

const struct plan *plan_of(enum perf_shape shape, bool wide)
{
    switch (shape) {
    case PERF_UNICAST:
    case PERF_POLLER:
    case PERF_SEQUENCER: return &sum_plan;
    case PERF_MULTICAST: return &multicast_plan;
    case PERF_PIPELINE: return &pipeline_plan;
    case PERF_DIAMOND: return &diamond_plan;
    case PERF_STAGES: return wide ? &wide_stages_plan : &stages_plan;
    case PERF_CHAIN: return &chain_plan;
    default: return NULL;
    }
}
