/* SPDX-License-Identifier: MIT */
/*
 * The schedule explorer's front: runs each case under many schedules and prints TAP, a point for
 * each case. Three quarters of a case's schedules may go into the exhaustive search; what that
 * leaves is random. A schedule that failed at random is made smaller first: its deviations are left
 * out one by one as long as what is left fails too. Then it is run again with its steps written
 * down.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases.h"
#include "engine.h"
#include "frames.h"
#include "tap.h"

#define SCHEDULES   1000000
#define SHRINK_MOST 20000

static const struct sim_case *const groups[] = {
    sim_model_cases,   sim_ring_cases,     sim_wait_cases,  sim_edge_cases, sim_graph_cases,
    sim_cut_cases,     sim_change_cases,   sim_round_cases, sim_park_cases, sim_waiting_cases,
    sim_payload_cases, sim_pipeline_cases, sim_duty_cases,  sim_tap_cases,  sim_life_cases,
};

struct settings {
    const char *only;
    const char *replay;
    const char *frames;
    uint64_t schedules;
    uint64_t seed;
    uint32_t steps;
    int depth; /* -1: the case's own */
    bool exhaustive;
    bool strong;
};

struct outcome {
    const char *why; /* NULL: no failure */
    uint64_t run;
    uint64_t exhaustive; /* of those, in the exhaustive search */
    uint64_t seed;       /* of the random schedule that failed */
    int depth;           /* the exhaustive search was complete up to here; -1: not even 0 */
    bool random;
};

static char why_text[600];
static struct sim_deviation found[SIM_DEVIATIONS];
static uint32_t found_count;

static const char *const help =
    "usage: sim_explorer [--case NAME] [--schedules N] [--seed S] [--depth D] [--steps N]\n"
    "                    [--exhaustive] [--strong] [--list]\n"
    "                    [--replay LIST --case NAME [--frames FILE]]\n"
    "\n"
    "Runs takt's own code on simulated threads under many schedules, and prints TAP.\n"
    "\n"
    "  --case NAME      only the case of that name, or those whose names begin with NAME*\n"
    "  --schedules N    how many in all (default 1000000, or TAKT_SCHEDULES)\n"
    "  --seed S         of the random schedules (default 1)\n"
    "  --depth D        exhaustive up to D deviations (default: as each case says)\n"
    "  --exhaustive     no random schedules\n"
    "  --strong         loads find the latest store: would it fail without weak memory?\n"
    "  --replay LIST    one schedule, as a failure printed it (\"-\": the straight one)\n"
    "  --frames FILE    of that schedule (without a list, of the straight one) as JSON, for\n"
    "                   tools/frames.py, which draws them; of cases that show themselves\n"
    "  --steps N        steps shown of a failure or a replay (default 60)\n"
    "  --list           the cases\n";

static bool selected(const struct settings *s, const struct sim_case *c)
{
    if (!s->only)
        return true;
    size_t n = strlen(s->only);
    if (n > 0 && s->only[n - 1] == '*')
        return strncmp(s->only, c->name, n - 1) == 0;
    return strcmp(s->only, c->name) == 0;
}

static void keep_failure(const char *why)
{
    snprintf(why_text, sizeof why_text, "%s", why);
    memcpy(found, sim_deviations, sim_deviation_count * sizeof found[0]);
    found_count = sim_deviation_count;
}

/* One schedule; true if it failed. */
static bool run_one(const struct sim_case *c, struct outcome *o)
{
    o->run++;
    const char *why = sim_run(c);
    if (!why)
        return false;
    keep_failure(why);
    o->why = why_text;
    return true;
}

/* All schedules with at most `bound` deviations; false if a failure or the limit ended it. */
static bool search_bound(const struct sim_case *c, uint32_t bound, uint64_t limit,
                         struct outcome *o)
{
    sim_search_exhaustive(bound);
    do {
        if (o->run >= limit || run_one(c, o))
            return false;
        /* Another variable is shared: there are more places to switch at than was thought. */
        if (sim_places_grown()) {
            sim_search_again();
            sim_search_exhaustive(bound);
        } else if (!sim_search_next()) {
            return true;
        }
    } while (true);
}

static struct outcome search(const struct sim_case *c, const struct settings *s, uint64_t quota)
{
    struct outcome o = {.depth = -1};
    int depth = s->depth >= 0 ? s->depth : (int)c->depth;
    sim_places_forget();
    for (int bound = 0; bound <= depth; bound++) {
        if (!search_bound(c, (uint32_t)bound, s->exhaustive ? quota : quota - quota / 4, &o))
            break;
        o.depth = bound;
    }
    o.exhaustive = o.run;
    while (!o.why && o.run < quota && !s->exhaustive) {
        o.seed = s->seed * 0x9e3779b97f4a7c15u + o.run;
        sim_search_random(o.seed);
        o.random = run_one(c, &o);
    }
    return o;
}

/* Whether the schedule without one of its deviations still fails; it is kept then. */
static bool shrink_at(const struct sim_case *c, uint32_t leave_out)
{
    static struct sim_deviation less[SIM_DEVIATIONS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < found_count; i++)
        if (i != leave_out)
            less[n++] = found[i];
    sim_search_replay(less, n);
    const char *why = sim_run(c);
    if (!why || sim_deviation_count >= found_count)
        return false;
    keep_failure(why);
    return true;
}

static void shrink(const struct sim_case *c)
{
    uint32_t tries = 0;
    bool smaller = true;
    while (smaller) {
        smaller = false;
        for (uint32_t i = found_count; i-- > 0 && tries < SHRINK_MOST; tries++)
            if (i < found_count)
                smaller |= shrink_at(c, i);
    }
}

static void print_failure(const struct sim_case *c, const struct settings *s,
                          const struct outcome *o)
{
    shrink(c);
    sim_search_replay(found, found_count);
    sim_tracing = true;
    const char *why = sim_run(c);
    sim_tracing = false;
    printf("# %s\n", why ? why : why_text);
    if (!why)
        printf("# (it did not fail again when replayed: the case depends on more than choices)\n");
    printf("# in schedule %llu of the case", (unsigned long long)o->run);
    if (o->random)
        printf(", at random from --seed %llu", (unsigned long long)s->seed);
    printf("; the last steps:\n");
    sim_trace_print(s->steps);
    printf("# to replay it: sim_explorer --case %s --replay ", c->name);
    for (uint32_t i = 0; i < found_count; i++)
        printf("%s%u=%u", i ? "," : "", found[i].index, found[i].value);
    printf("%s\n", found_count ? "" : "-");
}

/* The case as the options have it. */
static struct sim_case as_set(const struct sim_case *c, const struct settings *s)
{
    struct sim_case copy = *c;
    copy.strong |= s->strong;
    return copy;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void explore_case(const struct sim_case *given, const struct settings *s, uint64_t quota)
{
    const struct sim_case copy = as_set(given, s), *c = &copy;
    double began = seconds();
    struct outcome o = search(c, s, quota);
    double took = seconds() - began;
    if (c->must_fail) {
        if (!ok(o.why != NULL, "%s: %s: refuted by schedule %llu", c->name, c->about,
                (unsigned long long)o.run))
            printf("# no schedule of %llu failed\n", (unsigned long long)o.run);
        if (o.why && s->only && strcmp(s->only, c->name) == 0)
            print_failure(c, s, &o);
        return;
    }
    ok(!o.why, "%s: %s", c->name, c->about);
    printf("# %llu schedules in %.1f s: %llu exhaustive", (unsigned long long)o.run, took,
           (unsigned long long)o.exhaustive);
    printf(" (complete up to %d deviations), the others random\n", o.depth);
    if (o.why)
        print_failure(c, s, &o);
}

static bool parse_replay(const char *text, struct sim_deviation *list, uint32_t *count)
{
    *count = 0;
    if (strcmp(text, "-") == 0)
        return true;
    while (*text) {
        char *end;
        unsigned long index = strtoul(text, &end, 10);
        if (end == text || *end != '=' || *count == SIM_DEVIATIONS)
            return false;
        const char *value = end + 1;
        list[(*count)++] =
            (struct sim_deviation){(uint32_t)index, (uint32_t)strtoul(value, &end, 10)};
        if (end == value || (*end && *end != ','))
            return false;
        text = *end ? end + 1 : end;
    }
    return true;
}

/* Runs the schedule that is to be replayed and writes its frames, or ends the program. */
static const char *run_with_frames(const struct sim_case *c, const struct settings *s)
{
    int frames = -1;
    const char *why = NULL;
    if (sim_frames_begin(s->frames, c->name, s->replay)) {
        why = sim_run(c);
        frames = sim_frames_end(why);
    }
    if (frames > 0)
        return why;
    fprintf(stderr, "sim_explorer: %s: %s\n", s->frames,
            frames < 0 ? strerror(errno) : "no frames, for the case does not show itself");
    exit(2);
}

static int replay(const struct settings *s)
{
    uint32_t count;
    static struct sim_deviation list[SIM_DEVIATIONS];
    const struct sim_case *c = NULL;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct sim_case *each = groups[g]; each->name; each++)
            if (s->only && strcmp(s->only, each->name) == 0)
                c = each;
    if (!c || !parse_replay(s->replay, list, &count)) {
        fprintf(stderr, "sim_explorer: --replay takes a list \"12=1,40=2\" and --case a name\n");
        return 2;
    }
    sim_places_forget();
    sim_search_replay(list, count);
    sim_tracing = true;
    const struct sim_case copy = as_set(c, s);
    const char *why = s->frames ? run_with_frames(&copy, s) : sim_run(&copy);
    sim_trace_print(s->steps);
    ok(!why, "%s: %s", c->name, why ? why : "this schedule");
    return done();
}

static int list_cases(void)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct sim_case *c = groups[g]; c->name; c++)
            printf("%-24s %s%s\n", c->name, c->about, c->must_fail ? " (to be refuted)" : "");
    return 0;
}

/* A positive number, or an end to the program. */
static uint64_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end) {
        fprintf(stderr, "sim_explorer: \"%s\" is no number\n", text);
        exit(2);
    }
    return value;
}

static int parse(int argc, char **argv, struct settings *s)
{
    static const struct option options[] = {
        {"case", required_argument, NULL, 'c'},
        {"schedules", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"depth", required_argument, NULL, 'd'},
        {"steps", required_argument, NULL, 't'},
        {"replay", required_argument, NULL, 'r'},
        {"frames", required_argument, NULL, 'f'}, /* of a replay */
        {"exhaustive", no_argument, NULL, 'e'},
        {"strong", no_argument, NULL, 'w'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c': s->only = optarg; break;
        case 'n': s->schedules = number(optarg); break;
        case 's': s->seed = number(optarg); break;
        case 'd': s->depth = (int)number(optarg); break;
        case 't': s->steps = (uint32_t)number(optarg); break;
        case 'w': s->strong = true; break;
        case 'e': s->exhaustive = true; break;
        case 'r': s->replay = optarg; break;
        case 'f': s->frames = optarg; break;
        case 'l': exit(list_cases());
        case 'h': fputs(help, stdout); exit(0);
        default: fputs(help, stderr); return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sim_explorer: \"%s\" is no option\n", argv[optind]);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct settings s = {.seed = 1, .steps = 60, .depth = -1};
    s.schedules = (uint64_t)tap_setting("TAKT_SCHEDULES", SCHEDULES);
    if (parse(argc, argv, &s))
        return 2;
    if (s.frames && !s.replay)
        s.replay = "-";
    if (s.replay)
        return replay(&s);
    uint64_t shares = 0;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct sim_case *c = groups[g]; c->name; c++)
            shares += selected(&s, c) ? c->share : 0;
    if (shares == 0) {
        fprintf(stderr, "sim_explorer: no case \"%s\" (see --list)\n", s.only);
        return 2;
    }
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct sim_case *c = groups[g]; c->name; c++)
            if (selected(&s, c))
                explore_case(c, &s, s.schedules * c->share / shares + 1);
    return done();
}
