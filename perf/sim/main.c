/* SPDX-License-Identifier: MIT */
/* takt-sim: what the scheduler would do on a machine that is not there. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <takt/error.h>

#include "perf/sim/engine.h"
#include "perf/sim/metrics.h"
#include "perf/sim/record.h"
#include "scheduler/policy.h"

static const char help[] =
    "takt-sim: the scheduler's decisions on virtual time\n"
    "\n"
    "    takt-sim --suite standard [--policy NAME] [--workers N] [--json]\n"
    "    takt-sim --workload NAME|FILE [--workers N] [--policy NAME] [--json]\n"
    "    takt-sim --workload NAME|FILE --workers N --policy NAME [--report FILE] [--trace FILE]\n"
    "    takt-sim --list\n"
    "\n"
    "The apportionment, the policies, the decision at a tick and the workers' choice are the\n"
    "library's; threads, time and events are simulated. The same seed gives the same figures.\n"
    "Without --workers: 1, 2, 4, 16, 64, 256 and 1,024; without --policy: every one.\n"
    "\n"
    "  --json              one object a line: workload, workers, policy, default, efficiency\n"
    "                      (work done over the most that the load, the workers and the stage that\n"
    "                      can be widened least allow), settle_ticks, overshoot,\n"
    "                      redivisions_per_s, p50_ns, p99_ns, events_per_s, bound_per_s, busy,\n"
    "                      reversals (turns of a width in ten ticks of constant load)\n"
    "  --report FILE.html  a page about the run: the pipeline, what each worker did when, the\n"
    "                      scheduler's decisions, the stages' backlogs and shards; of a run with\n"
    "                      half a million seats and more, seats are summed up\n"
    "  --trace FILE.json   the same as a Chrome trace (chrome://tracing, Perfetto)\n"
    "  --csv FILE          a line of CSV for each tick and stage\n"
    "  --ticks N           to run (24), the first 4 of which do not count\n"
    "  --seed N            (1)\n"
    "\n"
    "The machine:          --seat-ns 100  --slice-ns 20000  --wake-ns 5000  --tick-ns 1000000\n"
    "                      --redivide-ns 50 (a shard)  --look-ns 0.5 (at another shard's key)\n"
    "                      --state-ns 0 (to fetch a shard's state from another worker)\n"
    "                      --move-ns 0 (to fetch an event from another worker)  --block 64\n"
    "The decision:         --window, --enough, --rate-window, --grow, --shrink, --gain, --dwell,\n"
    "                      --shards-per-seat, --spread, --catch-up-ms, --stickiness, --leash,\n"
    "                      --far-cut 1 (a change takes effect at the end of the stage's input)\n"
    "\n"
    "A workload's file has lines like these (ring, most, skew, law and the like can be left out):\n"
    "    name mine\n"
    "    stage decode 60 law exponential\n"
    "    stage book 200 keys 1000 skew 0.6\n"
    "    stage tape 20 then 40 most 1 weight 1 after book\n"
    "    arrivals step 0.2 0.9\n"
    "    ring 65536\n"
    "Times are in ns (\"then\": from half-way on); laws: constant, exponential, bimodal,\n"
    "heavy-tail. Loads are parts of what can be done at most; arrivals: saturated; poisson LOAD;\n"
    "step LOAD LOAD; sine LOAD LOAD MS; on-off LOAD LOAD MS; burst LOAD PART-OF-RING MS. "
    "\"source\"\n"
    "makes the first stage fill the ring.\n";

enum {
    OPT_FIRST = 256,
    OPT_SUITE = OPT_FIRST,
    OPT_WORKLOAD,
    OPT_WORKERS,
    OPT_POLICY,
    OPT_JSON,
    OPT_REPORT,
    OPT_TRACE,
    OPT_CSV,
    OPT_LIST,
    OPT_HELP,
    OPT_NUMBER, /* and one for each entry of numbers[] */
};
#define NAMED (OPT_NUMBER - OPT_FIRST)

struct command {
    struct sim_options options;
    struct takt__scheme scheme; /* what of it is not 0 replaces the policy's */
    const char *suite, *workload, *policy;
    const char *report, *trace; /* files; NULL: none */
    uint32_t workers;           /* 0: all */
    bool json, list;
};

/* Options that are numbers: where they go, and their least and greatest values. */
enum kind { UINT32, INT64, REAL };
#define AT(kind, field) kind, offsetof(struct command, field)

static const struct {
    const char *name;
    double least, most;
    enum kind kind;
    size_t offset;
} numbers[] = {
    {"ticks", 12, SIM_TICKS_MAX, AT(UINT32, options.ticks)},
    {"seed", 0, 1e15, AT(INT64, options.seed)},
    {"seat-ns", 0, 1e6, AT(INT64, options.seat_ns)},
    {"slice-ns", 100, 1e9, AT(INT64, options.slice_ns)},
    {"wake-ns", 0, 1e9, AT(INT64, options.wake_ns)},
    {"tick-ns", 10000, 1e10, AT(INT64, options.tick_ns)},
    {"redivide-ns", 0, 1e6, AT(REAL, options.redivide_ns)},
    {"look-ns", 0, 1e6, AT(REAL, options.look_ns)},
    {"state-ns", 0, 1e6, AT(REAL, options.state_ns)},
    {"move-ns", 0, 1e6, AT(REAL, options.move_ns)},
    {"block", 1, 4096, AT(UINT32, options.block)},
    {"stickiness", 0.001, 1e9, AT(REAL, options.stickiness)},
    {"leash", 0.001, 1e12, AT(REAL, options.leash)},
    {"far-cut", 0, 1, AT(UINT32, options.far_cut)},
    {"window", 1, TAKT__WINDOW_MAX, AT(UINT32, options.tuning.window)},
    {"enough", 0, 1e9, AT(UINT32, options.tuning.enough)},
    {"rate-window", 1, TAKT__WINDOW_MAX, AT(UINT32, options.tuning.rate_window)},
    {"grow", 1, 1000, AT(UINT32, options.tuning.grow_ticks)},
    {"shrink", 1, 1000, AT(UINT32, options.tuning.shrink_ticks)},
    {"dwell", 0, 1000, AT(UINT32, options.tuning.dwell)},
    {"gain", 0, 100, AT(REAL, options.tuning.gain)},
    {"shards-per-seat", 0.1, 100, AT(REAL, scheme.shards_per_seat)},
    {"spread", 0.001, 100, AT(REAL, scheme.spread)},
    {"catch-up-ms", 0.001, 1e6, AT(REAL, scheme.catch_up_s)},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static bool set_number(struct command *command, size_t i, const char *text)
{
    char *end;
    void *to = (char *)command + numbers[i].offset;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= numbers[i].least && value <= numbers[i].most)) {
        fprintf(stderr, "takt-sim: --%s is a number from %g to %g, not '%s'\n", numbers[i].name,
                numbers[i].least, numbers[i].most, text);
        return false;
    }
    switch (numbers[i].kind) {
    case UINT32: *(uint32_t *)to = (uint32_t)value; break;
    case INT64: *(int64_t *)to = (int64_t)value; break;
    case REAL: *(double *)to = value; break;
    }
    return true;
}

static void list(void)
{
    printf("workloads:\n");
    for (uint32_t i = 0; sim_suite_at(i); i++)
        printf("  %-12s %s\n", sim_suite_at(i)->name, sim_suite_at(i)->what);
    printf("policies:\n");
    for (uint32_t i = 0; takt_policy_at(i); i++)
        printf("  %s%s\n", takt_policy_at(i)->name,
               takt_policy_at(i) == takt_policy_default() ? " (default)" : "");
}

static void print(const struct command *command, const char *workload, uint32_t workers,
                  const takt_policy *policy, const struct sim_result *r)
{
    if (command->json)
        printf("{\"workload\": \"%s\", \"workers\": %u, \"policy\": \"%s\", \"default\": %s, "
               "\"efficiency\": %.4f, \"settle_ticks\": %u, \"overshoot\": %.3f, "
               "\"redivisions_per_s\": %.1f, \"p50_ns\": %.0f, \"p99_ns\": %.0f, "
               "\"events_per_s\": %.0f, \"bound_per_s\": %.0f, \"busy\": %.4f, "
               "\"reversals\": %u}\n",
               workload, workers, policy->name, policy == takt_policy_default() ? "true" : "false",
               r->efficiency, r->settle_ticks, r->overshoot, r->redivisions_per_s, r->p50_ns,
               r->p99_ns, r->events_per_s, r->bound_per_s, r->busy, r->reversals);
    else
        printf("%-12s %7u %-12s %10.3f %6u %9.2f %8.0f %10.1f %10.1f %9.2f %5u\n", workload,
               workers, policy->name, r->efficiency, r->settle_ticks, r->overshoot,
               r->redivisions_per_s, r->p50_ns * 1e-3, r->p99_ns * 1e-3, r->events_per_s * 1e-6,
               r->reversals);
    fflush(stdout);
}

/* The policy, with the numbers of its scheme that the command line gives. */
static takt_policy altered(const struct command *command, const takt_policy *policy,
                           struct takt__scheme *scheme)
{
    takt_policy copy = *policy;
    if (!policy->context)
        return copy;
    *scheme = *(const struct takt__scheme *)policy->context;
    if (command->scheme.spread > 0)
        scheme->spread = command->scheme.spread;
    if (command->scheme.catch_up_s > 0 && scheme->catch_up_s > 0)
        scheme->catch_up_s = command->scheme.catch_up_s * 1e-3;
    if (command->scheme.shards_per_seat > 0)
        scheme->shards_per_seat = command->scheme.shards_per_seat;
    copy.context = scheme;
    return copy;
}

/* Writes what was recorded. */
static bool write_record(const struct command *command, const struct sim_record *record,
                         const struct sim_workload *workload)
{
    const char *const paths[] = {command->report, command->trace};
    char title[160];
    snprintf(title, sizeof title, "takt-sim: %s, %u worker%s, policy %s", workload->name,
             command->workers, command->workers == 1 ? "" : "s", command->policy);
    for (int i = 0; i < 2; i++) {
        int error = paths[i] ? sim_record_write(record, title, paths[i]) : 0;
        if (error == 0)
            continue;
        fprintf(stderr, "takt-sim: %s: %s\n", paths[i],
                error == TAKT_EFILE ? strerror(errno) : takt_strerror(error));
        return false;
    }
    return true;
}

/* A run that is recorded, if a file is asked for. */
static bool run_one(const struct command *command, const struct sim_workload *workload,
                    struct sim_options *options, struct sim_result *result)
{
    bool recorded = command->report || command->trace;
    if (recorded)
        options->record = sim_record_create(workload, options->workers, 0);
    bool fine = (!recorded || options->record) && sim_run(workload, options, result);
    if (!fine)
        fprintf(stderr, "takt-sim: out of memory\n");
    if (fine && recorded)
        fine = write_record(command, options->record, workload);
    sim_record_free(options->record);
    return fine;
}

static bool run(const struct command *command, const struct sim_workload *workload)
{
    static const uint32_t all[] = {1, 2, 4, 16, 64, 256, 1024};
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        uint32_t workers = command->workers ? command->workers : all[k];
        for (uint32_t p = 0; takt_policy_at(p); p++) {
            const takt_policy *policy = takt_policy_at(p);
            if (command->policy && strcmp(command->policy, policy->name) != 0)
                continue;
            struct takt__scheme scheme;
            takt_policy used = altered(command, policy, &scheme);
            struct sim_options options = command->options;
            struct sim_result result;
            options.workers = workers;
            options.policy = &used;
            if (!run_one(command, workload, &options, &result))
                return false;
            print(command, workload->name, workers, policy, &result);
        }
        if (command->workers)
            break;
    }
    return true;
}

/* A workload of the suite, or one from a file. */
static bool find(const char *name, struct sim_workload *workload)
{
    char error[200];
    const struct sim_workload *known = sim_suite_find(name);
    if (known) {
        *workload = *known;
        return true;
    }
    FILE *file = fopen(name, "r");
    if (!file) {
        fprintf(stderr, "takt-sim: '%s' is no workload of the suite (--list) and no file: %s\n",
                name, strerror(errno));
        return false;
    }
    bool fine = sim_workload_read(workload, file, error, sizeof error);
    if (!fine)
        fprintf(stderr, "takt-sim: %s: %s\n", name, error);
    fclose(file);
    return fine;
}

static bool set_workers(struct command *command, const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < 1 || n > 4096) {
        fprintf(stderr, "takt-sim: --workers is a number from 1 to 4096, not '%s'\n", text);
        return false;
    }
    command->workers = (uint32_t)n;
    return true;
}

static bool open_csv(struct command *command, const char *name)
{
    command->options.csv = fopen(name, "w");
    if (!command->options.csv) {
        fprintf(stderr, "takt-sim: %s: %s\n", name, strerror(errno));
        return false;
    }
    fprintf(command->options.csv,
            "tick,efficiency,idle,stage,width,held,backlog,service_ns,cost\n");
    return true;
}

/* 0: go on; otherwise one more than the status to exit with. */
static int parse(struct command *command, int argc, char **argv)
{
    struct option options[NAMED + NUMBERS + 1] = {
        {"suite", required_argument, NULL, OPT_SUITE},
        {"workload", required_argument, NULL, OPT_WORKLOAD},
        {"workers", required_argument, NULL, OPT_WORKERS},
        {"policy", required_argument, NULL, OPT_POLICY},
        {"json", no_argument, NULL, OPT_JSON},
        {"report", required_argument, NULL, OPT_REPORT},
        {"trace", required_argument, NULL, OPT_TRACE},
        {"csv", required_argument, NULL, OPT_CSV},
        {"list", no_argument, NULL, OPT_LIST},
        {"help", no_argument, NULL, OPT_HELP},
    };
    for (size_t i = 0; i < NUMBERS; i++)
        options[NAMED + i] =
            (struct option){numbers[i].name, required_argument, NULL, OPT_NUMBER + (int)i};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        bool fine = true;
        switch (option) {
        case OPT_SUITE: command->suite = optarg; break;
        case OPT_WORKLOAD: command->workload = optarg; break;
        case OPT_WORKERS: fine = set_workers(command, optarg); break;
        case OPT_POLICY: command->policy = optarg; break;
        case OPT_JSON: command->json = true; break;
        case OPT_REPORT: command->report = optarg; break;
        case OPT_TRACE: command->trace = optarg; break;
        case OPT_CSV: fine = open_csv(command, optarg); break;
        case OPT_LIST: command->list = true; break;
        case 'h':
        case OPT_HELP: fputs(help, stdout); return 1;
        case '?': fine = false; break;
        default: fine = set_number(command, (size_t)(option - OPT_NUMBER), optarg); break;
        }
        if (!fine)
            return 3;
    }
    return 0;
}

static bool is_page(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".html") == 0;
}

/* What does not go together, or does not exist. */
static const char *objection(const struct command *command, int left)
{
    if (left > 0)
        return "there are no arguments besides options";
    if (!command->suite == !command->workload)
        return "either --suite standard or --workload NAME is wanted";
    if (command->suite && strcmp(command->suite, "standard") != 0)
        return "the only suite is 'standard'";
    if (command->options.block & (command->options.block - 1))
        return "--block is a power of two";
    if (command->policy && !takt_policy_find(command->policy))
        return "no such policy (--list)";
    if ((command->report || command->trace) &&
        !(command->workload && command->workers && command->policy))
        return "--report and --trace are of one run: --workload, --workers and --policy say which";
    if (command->report && !is_page(command->report))
        return "--report makes a page: its name ends in .html";
    if (command->trace && is_page(command->trace))
        return "--trace makes a Chrome trace: its name does not end in .html";
    return NULL;
}

int main(int argc, char **argv)
{
    struct command command = {0};
    struct sim_workload workload;
    sim_options_init(&command.options);
    int stop = parse(&command, argc, argv);
    if (stop)
        return stop - 1;
    if (command.list) {
        list();
        return 0;
    }
    const char *why = objection(&command, argc - optind);
    if (why) {
        fprintf(stderr, "takt-sim: %s; see --help\n", why);
        return 2;
    }
    if (command.workload && !find(command.workload, &workload))
        return 2;
    if (!command.json)
        printf("workload     workers policy       efficiency settle overshoot redivide     p50 us"
               "     p99 us  M ev./s turns\n");
    bool fine = true;
    if (command.workload)
        fine = run(&command, &workload);
    for (uint32_t i = 0; fine && command.suite && sim_suite_at(i); i++)
        fine = run(&command, sim_suite_at(i));
    if (command.options.csv && fclose(command.options.csv) != 0)
        fine = false;
    return fine ? 0 : 1;
}
