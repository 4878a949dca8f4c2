/* SPDX-License-Identifier: MIT */
/*
 * Litmus tests without rounds: one thread writes the numbers 1, 2, 3 ... in some way for as long as
 * the test lasts, the other reads all the while and counts what is forbidden. It must have seen
 * many different numbers, or the two did not run side by side.
 */
#ifndef TAKT_TEST_LITMUS_STREAMS_H
#define TAKT_TEST_LITMUS_STREAMS_H

#include "litmus.h"

struct stream {
    struct place data, flag, stop;
    TAKT_ALIGNED char *pointer;
    struct place different; /* changes of the number that was read: watched by the main thread */
    int64_t forbidden, read, latest;
};

struct kind {
    const char *name;
    void (*write)(struct stream *, int64_t n);
    /* A number of the writer's; counts what is forbidden. */
    int64_t (*read)(struct stream *);
};

/* Message passing: data, then a flag; who sees the flag sees the data. */

static void write_flag64(struct stream *s, int64_t n)
{
    takt__st64_rlx(&s->data.value, n);
    takt__st64_rel(&s->flag.value, n);
}

static int64_t read_flag64(struct stream *s)
{
    int64_t flag = takt__ld64_acq(&s->flag.value);
    s->forbidden += takt__ld64_rlx(&s->data.value) < flag;
    return flag;
}

static void write_flag32(struct stream *s, int64_t n)
{
    takt__st64_rlx(&s->data.value, n);
    takt__st32_rel((uint32_t *)&s->flag.value, (uint32_t)n);
}

static int64_t read_flag32(struct stream *s)
{
    uint32_t flag = takt__ld32_acq((uint32_t *)&s->flag.value);
    s->forbidden += (int32_t)((uint32_t)takt__ld64_rlx(&s->data.value) - flag) < 0;
    return flag;
}

/* The same by a pointer, which nobody follows: it is the number itself. */

static void write_pointer(struct stream *s, int64_t n)
{
    takt__st64_rlx(&s->data.value, n);
    takt__stp_rel(&s->pointer, (char *)(uintptr_t)n);
}

static int64_t read_pointer(struct stream *s)
{
    int64_t n = (int64_t)(uintptr_t)takt__ldp_acq(&s->pointer);
    s->forbidden += takt__ld64_rlx(&s->data.value) < n;
    return n;
}

/* Coherence: of two looks at one place, the later one sees nothing older. */

static void write_data(struct stream *s, int64_t n)
{
    takt__st64_rlx(&s->data.value, n);
}

static int64_t read_twice(struct stream *s)
{
    int64_t first = takt__ld64_rlx(&s->data.value);
    int64_t second = takt__ld64_rlx(&s->data.value);
    s->forbidden += second < first || first < s->latest;
    return second;
}

/* Tearing: both halves of a word are of one write. */

static void write_halves(struct stream *s, int64_t n)
{
    takt__st64_rlx(&s->data.value, (int64_t)((uint64_t)(uint32_t)n * 0x100000001u));
}

static int64_t read_halves(struct stream *s)
{
    uint64_t word = (uint64_t)takt__ld64_rlx(&s->data.value);
    s->forbidden += word >> 32 != (uint32_t)word;
    return (uint32_t)word;
}

static const struct kind *kind;

static void *write_all(void *context)
{
    struct stream *s = context;
    stay_on_core(0);
    for (int64_t n = 1; !takt__ld64_rlx(&s->stop.value); n++) {
        kind->write(s, n);
        if (n % 4096 == 0)
            sched_yield(); /* where both have one core */
    }
    return NULL;
}

static void *read_all(void *context)
{
    struct stream *s = context;
    stay_on_core(1);
    while (!takt__ld64_rlx(&s->stop.value)) {
        int64_t n = kind->read(s);
        if (n != s->latest)
            takt__st64_rlx(&s->different.value, s->different.value + 1);
        s->latest = n;
        if (++s->read % 4096 == 0)
            sched_yield();
    }
    return NULL;
}

static void run_stream(int64_t ns)
{
    static struct stream s;
    memset(&s, 0, sizeof s);
    pthread_t writer, reader;
    pthread_create(&writer, NULL, write_all, &s);
    pthread_create(&reader, NULL, read_all, &s);
    int64_t least = overlaps ? 100 : 1;
    for (int turns = 0; turns < PATIENCE && takt__ld64_rlx(&s.different.value) < least; turns++)
        nap(ns);
    takt__st64_rlx(&s.stop.value, 1);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    ok(s.forbidden == 0 && s.different.value >= least,
       BACKEND ": %s: %ld of %ld looks (forbidden), %ld numbers seen", kind->name,
       (long)s.forbidden, (long)s.read, (long)s.different.value);
}

static void test_streams(int64_t ns)
{
    static const struct kind kinds[] = {
        {"message passing by 64 bits", write_flag64, read_flag64},
        {"message passing by 32 bits", write_flag32, read_flag32},
        {"message passing by a pointer", write_pointer, read_pointer},
        {"coherence", write_data, read_twice},
        {"tearing", write_halves, read_halves},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = &kinds[i];
        run_stream(ns);
    }
}

#endif
