/* SPDX-License-Identifier: MIT */
/*
 * Litmus tests of the atomics door: what two threads may see of each other's accesses.
 *
 * Here are the tests in rounds. In round m both threads meet, wait for a short random time, and
 * make their two accesses; what was 0 before the round and 1 after it in the books is m - 1 and m,
 * so nothing need be reset. Results go to buffers of the thread's own and are compared a block of
 * rounds later, so that looking at them moves no cache line between the accesses.
 *
 * A forbidden outcome must never be seen. The one that x86 (and all others) allow, two loads that
 * overtake the stores before them, must be seen where no fence forbids it: else the rounds do not
 * overlap, and not having seen the others means nothing.
 *
 * TAKT_LITMUS_MS: how long all of it takes, about.
 */
#include "litmus.h"
#include "disruptor/futex.h"
#include "random.h"
#include "sequencer.h"
#include "streams.h"

/* Rounds that are compared at once, and rounds between two looks at the clock. */
#define BLOCK 256
#define LOOK  16

/* Stores that one side has to get rid of first, to lines that the other side has written last: so
 * its store stays behind in the core for longer, and even one fence does not hide that. */
#define BALLAST 4

/*
 * The longest wait before the accesses, in turns of an empty loop: as long as a cache line may take
 * from core to core, and, in some rounds of a test that asks for it, as membarrier(2) takes.
 */
#define SHORT_WAIT 400
#define LONG_WAIT  100000

struct rounds;

struct shape {
    const char *name;
    int64_t (*act[2])(struct rounds *, int64_t round);
    /* Whether this is the outcome that the test is about. */
    bool (*outcome)(int64_t first, int64_t second, int64_t round);
    bool must_be_seen; /* otherwise it is forbidden */
    bool long_wait;
};

struct side {
    TAKT_ALIGNED struct rounds *of;
    int index;
    struct rng rng;
    pthread_t thread;
    int64_t observed[2 * BLOCK];
};

struct rounds {
    struct place x, y;
    struct place ballast[BALLAST];
    struct place arrived;
    struct place last; /* the meeting after which both leave */
    const struct shape *shape;
    int64_t until, begun;
    int64_t tallied, seen; /* rounds compared, and those with the outcome */
    struct side side[2];
};

static void meet(struct rounds *r, int64_t meeting)
{
    takt__add64(&r->arrived.value, 1);
    for (int turns = 0; takt__ld64_acq(&r->arrived.value) < 2 * meeting; turns++)
        if (turns > 20000)
            sched_yield();
}

static void tally(struct rounds *r, int64_t up_to)
{
    for (; r->tallied < up_to; r->tallied++) {
        int64_t i = (r->tallied + 1) % (2 * BLOCK);
        r->seen +=
            r->shape->outcome(r->side[0].observed[i], r->side[1].observed[i], r->tallied + 1);
    }
}

static bool is_over(const struct rounds *r)
{
    int64_t now = takt_now();
    if (r->shape->must_be_seen && r->seen == 0 && overlaps)
        return now >= r->begun + (r->until - r->begun) * PATIENCE;
    return now >= r->until;
}

static void *run_side(void *context)
{
    struct side *me = context;
    struct rounds *r = me->of;
    stay_on_core(me->index);
    for (int64_t m = 1;; m++) {
        uint32_t wait =
            rng_below(&me->rng, r->shape->long_wait && m % 8 == 0 ? LONG_WAIT : SHORT_WAIT);
        if (me->index == 0 && m % BLOCK == 0)
            tally(r, m - BLOCK);
        if (me->index == 0 && m % LOOK == 0 && is_over(r))
            takt__st64_rel(&r->last.value, m);
        meet(r, m);
        if (m >= takt__ld64_acq(&r->last.value))
            return NULL;
        for (uint32_t i = 0; i < wait; i++)
            takt__compiler_fence();
        me->observed[m % (2 * BLOCK)] = r->shape->act[me->index](r, m);
    }
}

static void run_shape(const struct shape *shape, int64_t ns)
{
    static struct rounds r;
    memset(&r, 0, sizeof r);
    r.shape = shape;
    r.last.value = INT64_MAX;
    r.begun = takt_now();
    r.until = r.begun + ns;
    for (int i = 0; i < 2; i++) {
        r.side[i].of = &r;
        r.side[i].index = i;
        r.side[i].rng.state = (uint64_t)i + 1;
        pthread_create(&r.side[i].thread, NULL, run_side, &r.side[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(r.side[i].thread, NULL);
    tally(&r, r.last.value - 1);
    bool passed = shape->must_be_seen ? r.seen > 0 || !overlaps : r.seen == 0;
    ok(passed, BACKEND ": %s: %ld of %ld rounds (%s)", shape->name, (long)r.seen, (long)r.tallied,
       shape->must_be_seen ? "must be seen" : "forbidden");
}

/* Store buffering: each stores to one place and loads the other. */

static void burden(struct rounds *r, int64_t m)
{
    for (int i = 0; i < BALLAST; i++)
        takt__st64_rlx(&r->ballast[i].value, m);
}

static int64_t x_then_y(struct rounds *r, int64_t m)
{
    burden(r, m);
    takt__st64_rlx(&r->x.value, m);
    takt__compiler_fence();
    return takt__ld64_rlx(&r->y.value);
}

static int64_t y_then_x(struct rounds *r, int64_t m)
{
    takt__st64_rlx(&r->y.value, m);
    takt__compiler_fence();
    int64_t seen = takt__ld64_rlx(&r->x.value);
    burden(r, m);
    return seen;
}

static int64_t x_fence_y(struct rounds *r, int64_t m)
{
    burden(r, m);
    takt__st64_rlx(&r->x.value, m);
    takt__fence();
    return takt__ld64_rlx(&r->y.value);
}

static int64_t y_fence_x(struct rounds *r, int64_t m)
{
    takt__st64_rlx(&r->y.value, m);
    takt__fence();
    int64_t seen = takt__ld64_rlx(&r->x.value);
    burden(r, m);
    return seen;
}

static int64_t y_everywhere_x(struct rounds *r, int64_t m)
{
    takt__st64_rlx(&r->y.value, m);
    takt__barrier_everywhere();
    int64_t seen = takt__ld64_rlx(&r->x.value);
    burden(r, m);
    return seen;
}

static bool both_old(int64_t first, int64_t second, int64_t m)
{
    return first == m - 1 && second == m - 1;
}

/* Load buffering: each loads one place and stores to the other. */

static int64_t load_x_store_y(struct rounds *r, int64_t m)
{
    int64_t seen = takt__ld64_acq(&r->x.value);
    takt__st64_rel(&r->y.value, m);
    return seen;
}

static int64_t load_y_store_x(struct rounds *r, int64_t m)
{
    int64_t seen = takt__ld64_acq(&r->y.value);
    takt__st64_rel(&r->x.value, m);
    return seen;
}

static bool both_new(int64_t first, int64_t second, int64_t m)
{
    return first == m && second == m;
}

/* Compare-and-swap from the same value: exactly one succeeds. */

static int64_t swap32(struct rounds *r, int64_t m)
{
    return takt__cas32((uint32_t *)&r->x.value, (uint32_t)(m - 1), (uint32_t)m);
}

static int64_t swap64(struct rounds *r, int64_t m)
{
    return takt__cas64(&r->x.value, m - 1, m);
}

static int64_t swap_pointer(struct rounds *r, int64_t m)
{
    char **place = (char **)(void *)&r->x.value;
    return takt__casp(place, (char *)(uintptr_t)(m - 1), (char *)(uintptr_t)m);
}

static bool not_one(int64_t first, int64_t second, int64_t m)
{
    (void)m;
    return first + second != 1;
}

/* Adding one: no addition is lost, and no two get the same value. */

static int64_t add32(struct rounds *r, int64_t m)
{
    (void)m;
    return takt__add32((uint32_t *)&r->x.value, 1);
}

static int64_t add64(struct rounds *r, int64_t m)
{
    (void)m;
    return takt__add64(&r->x.value, 1);
}

static bool lost(int64_t first, int64_t second, int64_t m)
{
    int64_t low = first < second ? first : second;
    int64_t high = first < second ? second : first;
    return low != 2 * m - 2 || high != 2 * m - 1;
}

static const struct shape shapes[] = {
    {"store buffering", {x_then_y, y_then_x}, both_old, true, false},
    {"store buffering, two fences", {x_fence_y, y_fence_x}, both_old, false, false},
    {"store buffering, one fence", {x_then_y, y_fence_x}, both_old, true, false},
    {"load buffering", {load_x_store_y, load_y_store_x}, both_new, false, false},
    {"compare-and-swap 32", {swap32, swap32}, not_one, false, false},
    {"compare-and-swap 64", {swap64, swap64}, not_one, false, false},
    {"compare-and-swap of a pointer", {swap_pointer, swap_pointer}, not_one, false, false},
    {"add 32", {add32, add32}, lost, false, false},
    {"add 64", {add64, add64}, lost, false, false},
};

/* The fence of the sleeping side, which stands for both: nothing on the other but the compiler's.
 */
static const struct shape asymmetric = {
    "store buffering, barrier everywhere", {x_then_y, y_everywhere_x}, both_old, false, true};

#define SHAPES  ((int64_t)(sizeof shapes / sizeof shapes[0]))
#define STREAMS 5
#define RINGS   2

int main(void)
{
    overlaps = find_overlaps();
    int64_t all = tap_setting("TAKT_LITMUS_MS", 2000) * INT64_C(1000000);
    int64_t ns = all / (SHAPES + 1 + STREAMS + RINGS);
    for (int64_t i = 0; i < SHAPES; i++)
        run_shape(&shapes[i], ns);
    if (takt__barrier_everywhere())
        run_shape(&asymmetric, ns);
    else
        ok(true, BACKEND ": %s # SKIP the kernel has no membarrier", asymmetric.name);
    test_streams(ns);
    test_sequencer(ns);
    return done();
}
