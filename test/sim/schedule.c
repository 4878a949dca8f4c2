/* SPDX-License-Identifier: MIT */
/*
 * Fibres, and which of them runs.
 *
 * Every thread is a fibre, and one runs at a time. Before each access to an atomic variable that
 * others use too, and at each call into the kernel, any other one may go on instead: the search
 * says which. A fibre that blocks leaves the choice to the search; one that pauses or yields gives
 * way to the next one, or a loop that waits would go on for ever. A fibre that is preempted may
 * also be stalled: it does not go on until the others are all blocked, or have made many steps,
 * however often they yield. So a thread loses its core in the worst place for as long as it takes
 * the others to fall asleep.
 *
 * The clock stands still but for small steps where somebody looks at it, and larger ones where
 * somebody pauses or yields. When all fibres are blocked it moves to the first time-out. A time-out
 * may also fire while others could still run: they were slow. When all are blocked and no time-out
 * is pending, the schedule has failed: deadlock, or a wake-up that was lost. A schedule that takes
 * more than STEPS_MOST accesses has failed as well.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "fibre.h"

#define STACK      ((size_t)256 << 10)
#define STEPS_MOST 30000
#define READS_MOST 400  /* in a row, without a store: it is waiting */
#define SLICE_MOST 2000 /* steps of one fibre in a row: no kernel lets it run for ever */
#define STALL_MOST 1000 /* steps of others for which a fibre is held back */
#define STALLS     3    /* of one schedule: more would only come near the most steps */

/* Where more could go on after a block, all but the next count as deviations: they are too many. */
#define FREE_MOST 2

#define CLOCK_START 1000000000
#define PAUSE_NS    3000
#define YIELD_NS    10000

struct fibre {
    char name[20];
    enum sim_state state;
    void *stack;
    void *context;
    struct sim_body body;
    const void *waits_for;
    int64_t deadline;
    uint64_t since; /* when it began to wait */
    bool timed_out;
    bool gives_way;
    bool stalled; /* held back while others can run */
    uint32_t stalled_at;
    uint32_t reads;
    uint32_t began; /* the step at which it was last given the core */
};

int sim_current, sim_alive, sim_begun;
uint32_t sim_steps;

static struct fibre fibres[SIM_FIBRES];
static uint32_t stalls;
static int64_t clock_ns, first_deadline;
static bool clock_wakes; /* when nobody else can go on */
static uint64_t waits;
static void *outside; /* where sim_run goes on */
static char failure[600];
static bool failed;

const char *sim_fibre_name(int fibre)
{
    return fibres[fibre].name;
}

void sim_fibre_rename(int fibre, const char *name)
{
    snprintf(fibres[fibre].name, sizeof fibres[fibre].name, "%s", name);
}

const void *sim_fibre_end(int fibre)
{
    return &fibres[fibre];
}

bool sim_fibre_ended(int fibre)
{
    return fibres[fibre].state == SIM_ENDED;
}

void sim_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    failed = true;
    void *abandoned;
    sim_switch(&abandoned, outside);
    abort();
}

static void run_fibre(int fibre)
{
    if (fibre == sim_current)
        return;
    void **from = &fibres[sim_current].context;
    sim_current = fibre;
    fibres[fibre].began = sim_steps;
    sim_switch(from, fibres[fibre].context);
}

static bool is_timed(const struct fibre *f)
{
    return f->state == SIM_BLOCKED && f->deadline != TAKT_FOREVER;
}

static void find_first_deadline(void)
{
    first_deadline = TAKT_FOREVER;
    for (int i = 0; i < sim_begun; i++)
        if (is_timed(&fibres[i]) && fibres[i].deadline < first_deadline)
            first_deadline = fibres[i].deadline;
}

static void wake(struct fibre *f, bool by_clock)
{
    f->state = SIM_READY;
    f->timed_out = by_clock;
    if (f->deadline != TAKT_FOREVER)
        find_first_deadline();
}

int sim_wake(const void *waits_for, int most)
{
    int woken = 0;
    for (; woken < most; woken++) {
        struct fibre *first = NULL;
        for (struct fibre *f = fibres; f < fibres + sim_begun; f++)
            if (f->state == SIM_BLOCKED && f->waits_for == waits_for &&
                (!first || f->since < first->since))
                first = f;
        if (!first)
            break;
        wake(first, false);
    }
    return woken;
}

/* Moves the clock, and wakes whose time has come. */
static void move_clock(int64_t to)
{
    if (to > clock_ns)
        clock_ns = to;
    while (first_deadline <= clock_ns)
        for (int i = 0; i < sim_begun; i++)
            if (is_timed(&fibres[i]) && fibres[i].deadline <= clock_ns)
                wake(&fibres[i], true);
}

int64_t sim_now(void)
{
    return clock_ns;
}

void sim_clock_wakes(bool yes)
{
    clock_wakes = yes;
}

void sim_pass_time(int64_t ns)
{
    move_clock(clock_ns + ns);
}

static bool is_stalled(struct fibre *f)
{
    if (f->stalled && sim_steps - f->stalled_at > STALL_MOST)
        f->stalled = false;
    return f->stalled;
}

/* The other fibres that can run, beginning with the one after the current. */
static uint32_t list_others(int *options, uint32_t n)
{
    for (int k = 1; k < sim_begun; k++) {
        int i = (sim_current + k) % sim_begun;
        if (fibres[i].state == SIM_READY && !is_stalled(&fibres[i]))
            options[n++] = i;
    }
    return n;
}

static void end_stalls(void)
{
    for (int i = 0; i < sim_begun; i++)
        fibres[i].stalled = false;
}

/* Those whose time-out may fire. */
static uint32_t list_timed(int *options, uint32_t n)
{
    for (int i = 0; first_deadline != TAKT_FOREVER && i < sim_begun; i++)
        if (is_timed(&fibres[i]))
            options[n++] = i;
    return n;
}

static void report_deadlock(void)
{
    char text[300];
    int n = 0;
    for (int i = 0; i < sim_begun && n < (int)sizeof text; i++)
        if (fibres[i].state == SIM_BLOCKED)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%s", n ? ", " : "", fibres[i].name);
    sim_fail("all are blocked, and nothing will wake them: %s", text);
}

/* The current fibre cannot go on, or does not want to: another one is to. */
static void leave_to_others(void)
{
    int options[SIM_FIBRES];
    bool can_go_on = fibres[sim_current].state == SIM_READY;
    uint32_t n = list_others(options, 0);
    if (n == 0 && can_go_on)
        return;
    if (n == 0) {
        end_stalls();
        n = list_others(options, 0);
    }
    if (n == 0) {
        if (first_deadline == TAKT_FOREVER || !clock_wakes)
            report_deadlock();
        move_clock(first_deadline);
        n = list_others(options, 0);
        if (n == 0)
            return; /* its own deadline */
    }
    bool is_free = !can_go_on && n <= FREE_MOST;
    run_fibre(options[sim_choose_fibre(options, n, n, n, is_free)]);
}

static void stall(struct fibre *f)
{
    f->stalled = true;
    f->stalled_at = sim_steps;
    stalls++;
}

static void fire_time_out(const struct fibre *f)
{
    if (sim_tracing)
        sim_trace("time-out", NULL, NULL, "of %s, early", f->name);
    move_clock(f->deadline);
}

void sim_point(bool shared)
{
    struct fibre *f = &fibres[sim_current];
    if (++sim_steps > STEPS_MOST)
        sim_fail("no end after %d steps", STEPS_MOST);
    if (f->gives_way || sim_steps - f->began > SLICE_MOST) {
        f->gives_way = false;
        f->began = sim_steps;
        f->reads = 0;
        sim_search_gives_way(sim_current);
        leave_to_others();
        return;
    }
    /* Itself; another; another, and it is stalled; one whose time-out fires. */
    int options[3 * SIM_FIBRES];
    options[0] = sim_current;
    uint32_t stalling = 1, timed = 1, n = 1;
    if (shared) {
        stalling = list_others(options, 1);
        timed = stalls < STALLS ? list_others(options, stalling) : stalling;
        n = list_timed(options, timed);
    }
    uint32_t pick = sim_choose_fibre(options, n, stalling, timed, false);
    if (pick >= timed)
        fire_time_out(&fibres[options[pick]]);
    else if (pick >= stalling)
        stall(f);
    run_fibre(options[pick]);
}

void sim_note_read(void)
{
    struct fibre *f = &fibres[sim_current];
    if (++f->reads >= READS_MOST) {
        f->reads = 0;
        sim_give_way();
    }
}

void sim_note_write(void)
{
    fibres[sim_current].reads = 0;
}

void sim_give_way(void)
{
    fibres[sim_current].gives_way = true;
    sim_pass_time(YIELD_NS);
}

void takt__sim_pause(void)
{
    fibres[sim_current].gives_way = true;
    sim_pass_time(PAUSE_NS);
}

bool sim_block(const void *waits_for, int64_t deadline)
{
    struct fibre *f = &fibres[sim_current];
    f->state = SIM_BLOCKED;
    f->waits_for = waits_for;
    f->deadline = deadline;
    f->since = ++waits;
    f->timed_out = false;
    f->gives_way = false;
    f->reads = 0;
    if (deadline < first_deadline)
        first_deadline = deadline;
    if (deadline <= clock_ns)
        wake(f, true);
    leave_to_others();
    return f->timed_out;
}

static void end_fibre(void)
{
    fibres[sim_current].state = SIM_ENDED;
    sim_alive--;
    sim_wake(sim_fibre_end(sim_current), SIM_FIBRES);
    if (sim_tracing)
        sim_trace("end", NULL, NULL, "of %s", fibres[sim_current].name);
    leave_to_others();
    abort();
}

static void enter(void)
{
    const struct sim_body *body = &fibres[sim_current].body;
    if (body->plain)
        body->plain(body->argument);
    else
        body->thread(body->argument);
    if (sim_current == 0) {
        if (sim_alive > 1)
            sim_fail("the case has ended before its fibres");
        void *over;
        sim_switch(&over, outside);
    }
    end_fibre();
}

int sim_fibre_begin(const char *name, struct sim_body body)
{
    if (sim_begun == SIM_FIBRES)
        sim_fail("the case starts more than %d fibres", SIM_FIBRES);
    struct fibre *f = &fibres[sim_begun];
    void *stack = f->stack ? f->stack : sim_stack(STACK);
    if (!stack)
        sim_fail("no memory for a stack");
    *f = (struct fibre){.stack = stack, .body = body, .deadline = TAKT_FOREVER};
    f->context = sim_context(stack, STACK, enter);
    f->began = sim_steps;
    sim_fibre_rename(sim_begun, name);
    sim_alive++;
    sim_search_fibre(sim_begun);
    return sim_begun++;
}

const char *sim_run(const struct sim_case *c)
{
    sim_arena_reset();
    sim_places_reset(c->strong);
    sim_trace_reset();
    sim_search_begin();
    sim_kernel_reset();
    sim_current = sim_alive = sim_begun = 0;
    sim_steps = stalls = 0;
    clock_ns = CLOCK_START;
    first_deadline = TAKT_FOREVER;
    clock_wakes = true;
    failed = false;
    sim_fibre_begin("main", (struct sim_body){.plain = c->main});
    sim_switch(&outside, fibres[0].context);
    return failed ? failure : NULL;
}
