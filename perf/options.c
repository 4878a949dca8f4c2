/* SPDX-License-Identifier: MIT */
/* The command line of takt-perf. */
#include "options.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

#define ROUNDS_MOST 999
#define CPUS_MOST   ((int)(sizeof((struct perf_options *)0)->cpus / sizeof(int)))

static const char help[] =
    "Usage: takt-perf list\n"
    "       takt-perf run [OPTION]... [SCENARIO]...\n"
    "\n"
    "Microbenchmarks of takt beside its peers and the bare machine. list names the scenarios and\n"
    "the systems; run runs the scenarios (all without a name; a name may have *, ? and [...] in\n"
    "it) on every system that can. The systems take turns within each round, every run is a\n"
    "process of its own, and the medians of the rounds are shown with the least and the most.\n"
    "\n"
    "  --peers all|none|NAME,...  whom to compare with; all that are built by default. takt and\n"
    "                             the bare machine run always\n"
    "  --rounds N                 rounds, after one that warms up and is not counted; 9 by "
    "default\n"
    "  --time MS                  about how long one run is to take, in milliseconds; 200 by\n"
    "                             default. The warm-up finds the number of events for it\n"
    "  --json                     one JSON object per line on standard output, no table\n"
    "  --pin auto|CPU,...         pin the threads to these cores in turn; auto takes those that\n"
    "                             this process may use. Without it threads are not pinned\n"
    "  --events NAME,...          what to count with the CPU's counters, by libpfm4's names; none\n"
    "                             counts nothing. By default\n"
    "                             cycles,instructions,cache-misses,branch-misses\n"
    "  --hgrm FOLDER              write latencies as FOLDER/SCENARIO-SYSTEM.hgrm, in\n"
    "                             HdrHistogram's text format\n"
    "  --report FILE.html         record a run of the only SCENARIO on takt's pipeline and write "
    "a\n"
    "                             page about it: an extra run after the rounds, not counted\n"
    "  --trace FILE.json          the same as a Chrome trace, which Perfetto reads as well\n"
    "  --limit S                  a run that takes longer than this many seconds is killed and\n"
    "                             has failed; 60 by default\n"
    "  --help                     print this and leave\n"
    "\n"
    "The exit status is 0 when all went well, 1 when a run failed (it crashed, hung, or its "
    "result\n"
    "was wrong; its row says which) and 2 when the command line was at fault.\n";

enum { PEERS = 256, ROUNDS, TIME, JSON, PIN, EVENTS, HGRM, REPORT, TRACE, LIMIT, HELP };

static const struct option table[] = {
    {"peers", required_argument, NULL, PEERS}, {"rounds", required_argument, NULL, ROUNDS},
    {"time", required_argument, NULL, TIME},   {"json", no_argument, NULL, JSON},
    {"pin", required_argument, NULL, PIN},     {"events", required_argument, NULL, EVENTS},
    {"hgrm", required_argument, NULL, HGRM},   {"limit", required_argument, NULL, LIMIT},
    {"help", no_argument, NULL, HELP},         {"report", required_argument, NULL, REPORT},
    {"trace", required_argument, NULL, TRACE}, {NULL, 0, NULL, 0},
};

__attribute__((format(printf, 1, 2))) static enum options_result usage(const char *message, ...)
{
    va_list arguments;

    va_start(arguments, message);
    fputs("takt-perf: ", stderr);
    vfprintf(stderr, message, arguments);
    fputs("\nTry 'takt-perf --help'.\n", stderr);
    va_end(arguments);
    return OPTIONS_USAGE;
}

/* A whole number from 1 to `most`, and nothing else. */
static bool parse_number(const char *text, long most, long *value)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && !*end && *value >= 1 && *value <= most;
}

/* Cores that this process may use, in order, each first hardware thread before the second ones. */
static void pin_auto(struct perf_options *options, const cpu_set_t *allowed)
{
    for (int second = 0; second < 2; second++) {
        for (int cpu = 0; cpu < CPU_SETSIZE && options->cpu_count < CPUS_MOST; cpu++) {
            char path[96];
            int first = cpu;
            snprintf(path, sizeof path,
                     "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
            FILE *file = CPU_ISSET(cpu, allowed) ? fopen(path, "re") : NULL;
            if (file && fscanf(file, "%d", &first) != 1)
                first = cpu;
            if (file)
                fclose(file);
            if (CPU_ISSET(cpu, allowed) && (first != cpu) == second)
                options->cpus[options->cpu_count++] = cpu;
        }
    }
}

static enum options_result pin(struct perf_options *options, const char *text)
{
    cpu_set_t allowed;

    options->cpu_count = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return usage("--pin: cannot tell the cores: %s", strerror(errno));
    if (strcmp(text, "auto") == 0) {
        pin_auto(options, &allowed);
        return OPTIONS_RUN;
    }
    while (*text) {
        char *end;
        long cpu = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
        if (cpu < 0 || (*end && *end != ',') || (*end && !end[1]))
            return usage("--pin takes auto or numbers with commas between them, not '%s'", optarg);
        if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
            return usage("--pin: this process may not use a core %ld", cpu);
        if (options->cpu_count == CPUS_MOST)
            return usage("--pin takes at most %d cores", CPUS_MOST);
        options->cpus[options->cpu_count++] = (int)cpu;
        text = *end ? end + 1 : end;
    }
    return options->cpu_count ? OPTIONS_RUN : usage("--pin names no core");
}

/* Calls `known` for each name in the list; the first that it does not know, or NULL. */
static const char *unknown_in(const char *list, bool (*known)(const char *))
{
    static char names[4096];
    char *rest = names, *name;

    snprintf(names, sizeof names, "%s", list);
    while ((name = strsep(&rest, ",")) != NULL) {
        if (!known(name))
            return name;
    }
    return NULL;
}

static bool is_peer(const char *pattern)
{
    const struct perf_system *system;
    for (size_t i = 0; (system = perf_system_at(i)) != NULL; i++) {
        if (system->peer && fnmatch(pattern, system->name, 0) == 0)
            return true;
    }
    return false;
}

static bool is_page(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".html") == 0;
}

/* A recording is of one scenario, and that has a pipeline. */
static enum options_result check_recording(const struct perf_options *options)
{
    const struct perf_scenario *scenario, *chosen = NULL;
    static char known[2048];
    int count = 0;

    if (options->report && !is_page(options->report))
        return usage("--report makes a page: its name ends in .html, not '%s'", options->report);
    if (options->trace && is_page(options->trace))
        return usage("--trace makes a Chrome trace: its name does not end in .html");
    for (size_t i = 0; (scenario = perf_scenario_at(i)) != NULL; i++) {
        if (options_choose_scenario(options, scenario)) {
            chosen = scenario;
            count++;
        }
        if (perf_recorder(scenario)) {
            size_t used = strlen(known);
            snprintf(known + used, sizeof known - used, " %s", scenario->name);
        }
    }
    if (count != 1)
        return usage("--report and --trace are of one scenario, not of %d", count);
    if (!perf_recorder(chosen))
        return usage("%s has no pipeline of takt's to record; these have:%s", chosen->name, known);
    return OPTIONS_RUN;
}

static enum options_result check(struct perf_options *options)
{
    const char *peers = options->peers;

    for (int i = 0; i < options->scenario_count; i++) {
        if (!perf_scenario_named(options->scenarios[i]))
            return usage("there is no scenario '%s'; takt-perf list names them",
                         options->scenarios[i]);
    }
    if (strcmp(peers, "all") != 0 && strcmp(peers, "none") != 0) {
        const char *unknown = unknown_in(peers, is_peer);
        if (unknown)
            return usage("there is no peer '%s'; takt-perf list names those that are built",
                         unknown);
    }
    return options->report || options->trace ? check_recording(options) : OPTIONS_RUN;
}

static enum options_result number_option(int option, struct perf_options *options)
{
    long number;

    if (option == ROUNDS) {
        if (!parse_number(optarg, ROUNDS_MOST, &number))
            return usage("--rounds takes 1 to %d, not '%s'", ROUNDS_MOST, optarg);
        options->rounds = (int)number;
    } else if (option == TIME) {
        if (!parse_number(optarg, 600000, &number))
            return usage("--time takes 1 to 600000 milliseconds, not '%s'", optarg);
        options->time_ns = number * INT64_C(1000000);
    } else {
        if (!parse_number(optarg, 86400, &number))
            return usage("--limit takes 1 to 86400 seconds, not '%s'", optarg);
        options->limit = (int)number;
    }
    return OPTIONS_RUN;
}

static enum options_result parse_run(struct perf_options *options, int argc, char **argv)
{
    enum options_result result = OPTIONS_RUN;
    int option;

    opterr = 0;
    while (result == OPTIONS_RUN && (option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        switch (option) {
        case PEERS: options->peers = optarg; break;
        case JSON: options->json = true; break;
        case EVENTS: options->events = optarg; break;
        case HGRM: options->hgrm = optarg; break;
        case REPORT: options->report = optarg; break;
        case TRACE: options->trace = optarg; break;
        case PIN: result = pin(options, optarg); break;
        case ROUNDS:
        case TIME:
        case LIMIT: result = number_option(option, options); break;
        case HELP: fputs(help, stdout); return OPTIONS_DONE;
        case ':': return usage("%s needs an argument", argv[optind - 1]);
        default:
            if (optopt > 0 && optopt < PEERS)
                return usage("there is no option -%c", optopt);
            return usage("there is no option %s", argv[optind - 1]);
        }
    }
    options->scenarios = argv + optind;
    options->scenario_count = argc - optind;
    return result == OPTIONS_RUN ? check(options) : result;
}

enum options_result options_parse(struct perf_options *options, int argc, char **argv)
{
    *options = (struct perf_options){
        .peers = "all",
        .events = "cycles,instructions,cache-misses,branch-misses",
        .rounds = 9,
        .limit = 60,
        .time_ns = 200000000,
    };
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "--help") == 0 || strcmp(command, "help") == 0) {
        fputs(help, stdout);
        return OPTIONS_DONE;
    }
    if (strcmp(command, "list") == 0 && argc == 3 && strcmp(argv[2], "--help") == 0) {
        fputs(help, stdout);
        return OPTIONS_DONE;
    }
    if (strcmp(command, "list") == 0)
        return argc == 2 ? OPTIONS_LIST : usage("list takes no more words");
    if (strcmp(command, "run") == 0)
        return parse_run(options, argc - 1, argv + 1);
    return *command ? usage("there is no command '%s'", command) : usage("list or run?");
}

bool options_choose_system(const struct perf_options *options, const struct perf_system *system)
{
    char names[4096], *rest = names, *name;

    if (!system->peer || strcmp(options->peers, "all") == 0)
        return true;
    if (strcmp(options->peers, "none") == 0)
        return false;
    snprintf(names, sizeof names, "%s", options->peers);
    while ((name = strsep(&rest, ",")) != NULL) {
        if (fnmatch(name, system->name, 0) == 0)
            return true;
    }
    return false;
}

bool options_choose_scenario(const struct perf_options *options,
                             const struct perf_scenario *scenario)
{
    for (int i = 0; i < options->scenario_count; i++) {
        if (fnmatch(options->scenarios[i], scenario->name, 0) == 0)
            return true;
    }
    return options->scenario_count == 0;
}
