/* SPDX-License-Identifier: MIT */
/* More workers than cores: who is on duty, and who comes when they are stuck. */
#include <pthread.h>

#include "flow.h"
#include "scheduler/duty.h"
#include "scheduler/topo.h"

TestSuite(duty, .timeout = 40);

#define NEVER_NS INT64_C(3600000000000) /* a tick that does not come */

static takt_runtime *with(uint32_t workers, uint32_t cores, int64_t tick_ns)
{
    takt_runtime *runtime;
    const takt_runtime_options *options =
        TAKT_RUNTIME(.workers = workers, .cores = cores, .tick_ns = tick_ns);
    cr_assert_eq(takt_runtime_create(&runtime, options), 0);
    return runtime;
}

static takt_counters_worker worker(const takt_runtime *runtime, uint32_t index)
{
    takt_counters_worker w[8];
    cr_assert(index < takt_runtime_snapshot(runtime, w, 8));
    return w[index];
}

/* A source, a stage of which so many shards may be in a handler at once, a last one. */
static void lay(struct flow_line *line, takt_runtime *runtime, int64_t total, uint32_t shards,
                takt_handler handler, void *context)
{
    *line = (struct flow_line){.runtime = runtime, .maker.total = total};
    line->checker.is_right = flow_has_left;
    line->p = flow_pipeline(runtime, 64);
    line->source = flow_source(line->p, &line->maker);
    line->left =
        flow_stage(line->p, TAKT_STAGE(.handler = handler, .context = context, .shards = shards,
                                       .block = 1, FLOW_AFTER(line->source)));
    line->last = flow_last(line->p, line->left, &line->checker);
    flow_start(line->p);
}

Test(duty, as_many_as_there_are_cores)
{
    const struct {
        uint32_t workers, cores, on_duty;
    } cases[] = {{4, 1, 1}, {4, 3, 3}, {4, 4, 4}, {2, 7, 2}, {1, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        takt_runtime *runtime = with(cases[i].workers, cases[i].cores, NEVER_NS);
        cr_assert_eq(runtime->on_duty, cases[i].on_duty, "number %zu", i);
        takt_runtime_destroy(runtime);
    }
    uint32_t cores = takt__topo_cores();
    takt_runtime *runtime = with(2 * cores, 0, NEVER_NS);
    cr_assert_eq(runtime->on_duty, cores);
    takt_runtime_destroy(runtime);
}

/* The reserve sleeps from the start on, and no publish wakes it. */
Test(duty, the_reserve_sleeps)
{
    takt_runtime *runtime = with(4, 2, NEVER_NS);
    struct flow_line line;
    flow_sleep(runtime, 2, 4);
    lay(&line, runtime, 20000, 4, flow_left, NULL);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 20000);
    for (uint32_t i = 2; i < 4; i++) {
        cr_assert_eq(worker(runtime, i).seats, 0, "worker %u was at work", i);
        cr_assert(worker(runtime, i).sleeping);
    }
    flow_take_up(&line);
}

/* Handlers that wait for each other: nothing goes on until so many are in one at once. */
struct meeting {
    int64_t in, met;
    int64_t wanted;
    int64_t spins; /* it spins while it waits; otherwise it sleeps */
};

static int meet(void *context, takt_batch *b)
{
    struct meeting *m = context;
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    if (__atomic_add_fetch(&m->in, 1, __ATOMIC_ACQ_REL) >= m->wanted)
        takt__store_release(&m->met, 1);
    while (!takt__load_acquire(&m->met) && takt_now() < deadline)
        if (!m->spins)
            usleep(100);
    __atomic_sub_fetch(&m->in, 1, __ATOMIC_ACQ_REL);
    return takt__load_acquire(&m->met) ? flow_left(NULL, b) : -1;
}

static void check_meeting(uint32_t workers, uint32_t cores, bool spins)
{
    takt_runtime *runtime = with(workers, cores, 1000000);
    struct flow_line line;
    struct meeting m = {.wanted = workers, .spins = spins};
    lay(&line, runtime, 1000, workers, meet, &m);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 1000);
    /* They are not needed any more. */
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    while (takt__ld32_rlx(&runtime->on_duty) != cores) {
        cr_assert(takt_now() < deadline);
        usleep(1000);
    }
    flow_take_up(&line);
}

Test(duty, the_reserve_comes_for_those_who_sleep_in_a_handler)
{
    check_meeting(2, 1, false);
    check_meeting(6, 2, false);
}

Test(duty, the_reserve_comes_for_those_who_spin_in_a_handler)
{
    check_meeting(2, 1, true);
    check_meeting(4, 2, true);
}

/* Without a reserve: of two events one is left beside who handles the other, not worth a wake-up.
 */
static void leave_one(takt_runtime *runtime)
{
    struct flow_line line = {.runtime = runtime};
    struct meeting m = {.wanted = 2};
    line.p = flow_pipeline(line.runtime, 64);
    flow_stage(line.p, TAKT_STAGE(.handler = meet, .context = &m, .shards = 2, .block = 1));
    flow_start(line.p);
    flow_sleep(line.runtime, 0, 2);
    takt_ring *ring = takt_pipeline_ring(line.p);
    takt_ring_publish_range(ring, 0, takt_ring_next(ring, 2));
    flow_reaches(&m.met, 1);
    takt_pipeline_close(line.p);
    flow_ends_with(line.p, 0);
    takt_pipeline_destroy(line.p);
}

Test(duty, somebody_comes_for_what_was_left)
{
    takt_runtime *runtime = with(2, 2, 1000000);
    leave_one(runtime);
    takt_runtime_destroy(runtime);
}

/* Also in a pipeline for whose figures there is no place. */
Test(duty, somebody_comes_for_what_was_left_in_the_seventeenth)
{
    takt_runtime *runtime = with(2, 2, 1000000);
    takt_pipeline *ended[TAKT_PIPELINES_MAX];
    struct flow_checker checker = {0};
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++) {
        ended[i] = flow_pipeline(runtime, 8);
        flow_last(ended[i], NULL, &checker);
        flow_start(ended[i]);
        takt_pipeline_close(ended[i]);
        flow_ends_with(ended[i], 0);
    }
    leave_one(runtime);
    for (int i = 0; i < TAKT_PIPELINES_MAX; i++)
        takt_pipeline_destroy(ended[i]);
    takt_runtime_destroy(runtime);
}

/* Waits a little for each event, and counts how many do at once. */
struct naps {
    int64_t in, most;
};

static int nap(void *context, takt_batch *b)
{
    struct naps *naps = context;
    for (uint32_t i = 0; i < b->count; i++) {
        int64_t in = __atomic_add_fetch(&naps->in, 1, __ATOMIC_ACQ_REL);
        if (in > takt__load_acquire(&naps->most))
            takt__store_release(&naps->most, in);
        usleep(500);
        __atomic_sub_fetch(&naps->in, 1, __ATOMIC_ACQ_REL);
    }
    return flow_left(NULL, b);
}

/* No worker stands still for a tick, but each sleeps for most of the time. */
Test(duty, the_reserve_comes_for_those_who_wait_often)
{
    takt_runtime *runtime = with(4, 1, 5000000);
    struct flow_line line;
    struct naps naps = {0};
    lay(&line, runtime, 4000, 8, nap, &naps);
    flow_ends_with(line.p, 0);
    flow_has_seen(&line.checker, 4000);
    cr_assert_eq(takt__load_acquire(&naps.most), 4, "at most %ld waited at once", naps.most);
    flow_take_up(&line);
}

struct sleeper {
    pthread_mutex_t lock;
    int64_t thread_id;
};

static void *sleep_at_lock(void *argument)
{
    struct sleeper *s = argument;
    takt__store_release(&s->thread_id, (int64_t)gettid());
    pthread_mutex_lock(&s->lock);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

Test(duty, a_thread_is_seen_to_sleep)
{
    struct sleeper s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    int64_t deadline = takt_after(FLOW_PATIENCE_NS);
    pthread_mutex_lock(&s.lock);
    cr_assert_eq(pthread_create(&thread, NULL, sleep_at_lock, &s), 0);
    while (!takt__load_acquire(&s.thread_id) || !takt__topo_blocked((uint32_t)s.thread_id)) {
        cr_assert(takt_now() < deadline);
        usleep(100);
    }
    cr_assert(!takt__topo_blocked((uint32_t)gettid()), "it is running");
    cr_assert(!takt__topo_blocked(0), "there is none");
    pthread_mutex_unlock(&s.lock);
    pthread_join(thread, NULL);
}
