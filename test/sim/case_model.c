/* SPDX-License-Identifier: MIT */
/*
 * The explorer itself: litmus tests of its memory model, which must find what C11 allows and not
 * what it forbids, and faults of every kind that it must notice.
 */
#include "cases.h"
#include "disruptor/atomic.h"
#include "disruptor/futex.h"

struct litmus {
    TAKT_ALIGNED int64_t x, y;
    TAKT_ALIGNED int64_t plain;
    int64_t seen[4];
    uint32_t word;
    int variant;
};

static struct litmus *new_litmus(int variant)
{
    struct litmus *l = sim_memory(sizeof *l);
    l->variant = variant;
    return l;
}

static void run_both(struct litmus *l, void (*first)(void *), void (*second)(void *))
{
    int a = sim_start("first", first, l);
    int b = sim_start("second", second, l);
    sim_join(a);
    sim_join(b);
}

enum { BARE, FENCED, ASYMMETRIC, HALF };

static void buffer_first(void *context)
{
    struct litmus *l = context;
    takt__st64_rel(&l->x, 1);
    if (l->variant == FENCED)
        takt__fence();
    l->seen[0] = takt__ld64_acq(&l->y);
}

static void buffer_second(void *context)
{
    struct litmus *l = context;
    takt__st64_rel(&l->y, 1);
    if (l->variant == ASYMMETRIC)
        takt__barrier_everywhere();
    else if (l->variant != BARE)
        takt__fence();
    l->seen[1] = takt__ld64_acq(&l->x);
}

static void store_buffering(int variant)
{
    struct litmus *l = new_litmus(variant);
    run_both(l, buffer_first, buffer_second);
    sim_check(l->seen[0] || l->seen[1], "neither has seen the other's store");
}

static void buffer_bare(void *unused)
{
    (void)unused;
    store_buffering(BARE);
}

static void buffer_half(void *unused)
{
    (void)unused;
    store_buffering(HALF);
}

static void buffer_fenced(void *unused)
{
    (void)unused;
    store_buffering(FENCED);
}

static void buffer_asymmetric(void *unused)
{
    (void)unused;
    store_buffering(ASYMMETRIC);
}

enum { RELEASED, RELAXED_STORE, RELAXED_LOAD, SWAP, RELAXED_SWAP, RELAXED_ADD };

static void message_send(void *context)
{
    struct litmus *l = context;
    l->plain = 7;
    if (l->variant == RELAXED_STORE)
        takt__st64_rlx(&l->x, 1);
    else if (l->variant == SWAP)
        takt__cas64(&l->x, 0, 1);
    else if (l->variant == RELAXED_SWAP)
        takt__cas64_rlx(&l->x, 0, 1);
    else if (l->variant == RELAXED_ADD)
        takt__add64_rlx(&l->x, 1);
    else
        takt__st64_rel(&l->x, 1);
}

static void message_receive(void *context)
{
    struct litmus *l = context;
    int64_t seen = l->variant == RELAXED_LOAD ? takt__ld64_rlx(&l->x) : takt__ld64_acq(&l->x);
    if (seen)
        sim_check(l->plain == 7, "the flag is there and the message is not");
}

static void message_passing(int variant)
{
    struct litmus *l = new_litmus(variant);
    run_both(l, message_send, message_receive);
}

static void message_released(void *unused)
{
    (void)unused;
    message_passing(RELEASED);
}

static void message_relaxed_store(void *unused)
{
    (void)unused;
    message_passing(RELAXED_STORE);
}

static void message_relaxed_load(void *unused)
{
    (void)unused;
    message_passing(RELAXED_LOAD);
}

static void message_swap(void *unused)
{
    (void)unused;
    message_passing(SWAP);
}

static void message_relaxed_swap(void *unused)
{
    (void)unused;
    message_passing(RELAXED_SWAP);
}

static void message_relaxed_add(void *unused)
{
    (void)unused;
    message_passing(RELAXED_ADD);
}

/* The add in the middle of the way is relaxed: the first store is learnt of all the same. */
static void sequence_add(void *context)
{
    struct litmus *l = context;
    takt__add64_rlx(&l->x, 1);
}

static void sequence_receive(void *context)
{
    struct litmus *l = context;
    if (takt__ld64_acq(&l->x) == 2)
        sim_check(l->plain == 7, "an addition breaks a release sequence");
}

static void release_sequence(void *unused)
{
    (void)unused;
    struct litmus *l = new_litmus(RELEASED);
    int adder = sim_start("adder", sequence_add, l);
    run_both(l, message_send, sequence_receive);
    sim_join(adder);
}

static void coherence_write(void *context)
{
    struct litmus *l = context;
    takt__st64_rlx(&l->x, 1);
    takt__st64_rlx(&l->x, 2);
}

static void coherence_read(void *context)
{
    struct litmus *l = context;
    int64_t before = takt__ld64_rlx(&l->x);
    sim_check(takt__ld64_rlx(&l->x) >= before, "two loads of one place went backwards");
}

static void coherence(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), coherence_write, coherence_read);
}

static void order_write(void *context)
{
    struct litmus *l = context;
    takt__st64_rlx(&l->x, 1);
    takt__st64_rlx(&l->y, 1);
}

static void order_read(void *context)
{
    struct litmus *l = context;
    int64_t y = takt__ld64_rlx(&l->y);
    int64_t x = takt__ld64_rlx(&l->x);
    sim_check(x >= y, "two relaxed stores were seen in the other order");
}

static void order_of_stores(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), order_write, order_read);
}

static void count_up(void *context)
{
    struct litmus *l = context;
    takt__add64(&l->x, 1);
    while (!takt__cas64(&l->y, takt__ld64_rlx(&l->y), takt__ld64_rlx(&l->y) + 1))
        takt__pause();
}

static void counting(void *unused)
{
    (void)unused;
    struct litmus *l = new_litmus(0);
    run_both(l, count_up, count_up);
    sim_check(takt__ld64_rlx(&l->x) == 2, "an addition was lost");
}

static void sleep_at_word(void *context)
{
    struct litmus *l = context;
    if (takt__ld32_acq(&l->word) == 0)
        takt__futex_wait(&l->word, 0, TAKT_FOREVER);
}

static void wake_no_word(void *context)
{
    struct litmus *l = context;
    takt__futex_wake(&l->word, 1); /* the word stays as it is, so whoever sleeps later stays too */
}

static void lost_wake_up(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), sleep_at_word, wake_no_word);
}

static void wake_word(void *context)
{
    struct litmus *l = context;
    takt__st32_rel(&l->word, 1);
    takt__futex_wake(&l->word, 1);
}

static void kept_wake_up(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), sleep_at_word, wake_word);
}

static void use_memory(void *context)
{
    struct litmus *l = context;
    l->plain = 1;
}

static void free_memory(void *context)
{
    sim_allocator.release(NULL, context, sizeof(struct litmus));
}

static void freed_memory(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), use_memory, free_memory);
}

static void spin(void *context)
{
    struct litmus *l = context;
    while (!takt__ld64_acq(&l->x))
        takt__pause();
}

static void sleep_long(void *context)
{
    (void)context;
}

static void livelock(void *unused)
{
    (void)unused;
    run_both(new_litmus(0), spin, sleep_long);
}

const struct sim_case sim_model_cases[] = {
    {"model_buffer_bare", "store buffering is seen without fences", buffer_bare, 4, 1, true, false},
    {"model_buffer_strong", "and is not, if memory is strong", buffer_bare, 8, 1, false, true},
    {"model_buffer_half", "it is seen with a fence on one side", buffer_half, 4, 1, true, false},
    {"model_buffer_fenced", "but not with two", buffer_fenced, 8, 1, false, false},
    {"model_buffer_barrier", "nor with membarrier", buffer_asymmetric, 8, 1, false, false},
    {"model_message", "a message arrives with its flag", message_released, 8, 1, false, false},
    {"model_message_store", "a race, if the store is relaxed", message_relaxed_store, 4, 1, true,
     false},
    {"model_message_load", "and if the load is", message_relaxed_load, 4, 1, true, false},
    {"model_message_swap", "a swap hands over as well", message_swap, 4, 1, false, false},
    {"model_message_weak_swap", "but not a relaxed one", message_relaxed_swap, 4, 1, true, false},
    {"model_message_weak_add", "nor a relaxed addition", message_relaxed_add, 4, 1, true, false},
    {"model_release_sequence", "which hands on what came before", release_sequence, 4, 1, false,
     false},
    {"model_coherence", "a place does not go backwards", coherence, 8, 1, false, false},
    {"model_order", "relaxed stores are seen out of order", order_of_stores, 4, 1, true, false},
    {"model_counting", "no addition is lost", counting, 4, 1, false, false},
    {"model_lost_wake_up", "a lost wake-up is noticed", lost_wake_up, 4, 1, true, false},
    {"model_kept_wake_up", "one that is not lost is not", kept_wake_up, 6, 1, false, false},
    {"model_freed", "memory used after it was given back", freed_memory, 4, 1, true, false},
    {"model_livelock", "a loop without an end", livelock, 2, 1, true, false},
    {0},
};
