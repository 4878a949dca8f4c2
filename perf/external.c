/* SPDX-License-Identifier: MIT */
/*
 * Processes in another language, started when their first run is due and asked one run at a time by
 * the protocol of external.h. A process that breaks it is killed, and the next run starts another.
 */
#include "external.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "external_process.h"
#include "shape.h"

#define PROCESSES_MAX 16
#define WORDS         (sizeof((struct perf_external *)0)->command / sizeof(char *))

static struct process {
    const struct perf_external *external;
    pid_t id; /* 0: not running */
    int to, from;
    char *line; /* read so far, without a newline in it */
    size_t length, room;
} processes[PROCESSES_MAX];

const char *perf_folder(void)
{
    static char folder[4096];
    if (!*folder) {
        ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
        folder[length > 0 ? length : 0] = '\0';
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = '\0';
    }
    return *folder ? folder : ".";
}

/* The word with every "@/" made the folder that takt-perf lies in. To be freed. */
static char *expand(const char *word)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    while (stream && *word) {
        if (word[0] == '@' && word[1] == '/')
            fputs(perf_folder(), stream);
        else
            fputc(*word, stream);
        word++;
    }
    if (stream)
        fclose(stream);
    return text;
}

static bool on_path(const char *program)
{
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"), *rest = path, *folder;
    bool found = false;
    while (path && !found && (folder = strsep(&rest, ":")) != NULL) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", *folder ? folder : ".", program);
        found = access(file, X_OK) == 0;
    }
    free(path);
    return found;
}

const char *perf_external_missing(const struct perf_external *external)
{
    static char why[4200];
    char *built = external->built ? expand(external->built) : NULL;
    *why = '\0';
    if (built && access(built, R_OK) != 0)
        snprintf(why, sizeof why, "not built (make bench-deps): there is no %s", built);
    else if (!strchr(external->command[0], '/') && !strchr(external->command[0], '@') &&
             !on_path(external->command[0]))
        snprintf(why, sizeof why, "there is no program %s", external->command[0]);
    free(built);
    return *why ? why : NULL;
}

__attribute__((format(printf, 2, 3))) static void fail(struct perf_outcome *outcome,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    outcome->failed = true;
    vsnprintf(outcome->why, sizeof outcome->why, format, arguments);
    va_end(arguments);
}

static _Noreturn void in_child(char **words, const struct perf_case *what, const int in[2],
                               const int out[2])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_DFL);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (what->cpu_count > 0) {
        cpu_set_t all;
        CPU_ZERO(&all);
        for (int i = 0; i < what->cpu_count; i++)
            CPU_SET(what->cpus[i], &all);
        sched_setaffinity(0, sizeof all, &all);
    }
    execvp(words[0], words);
    fprintf(stderr, "takt-perf: %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

static bool start(struct process *process, const struct perf_case *what)
{
    char *words[WORDS + 1] = {NULL};
    int in[2] = {-1, -1}, out[2] = {-1, -1};

    for (size_t i = 0; i < WORDS && process->external->command[i]; i++)
        words[i] = expand(process->external->command[i]);
    fflush(NULL);
    bool piped = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0;
    pid_t child = piped ? fork() : -1;
    if (child == 0)
        in_child(words, what, in, out);
    for (size_t i = 0; i < WORDS; i++)
        free(words[i]);
    if (piped) {
        close(in[0]);
        close(out[1]);
    }
    process->to = in[1];
    process->from = out[0];
    process->id = child > 0 ? child : 0;
    process->length = 0;
    return process->id != 0;
}

/* How it ended, in words: valid until the next call. */
static const char *stop(struct process *process, bool kill_it)
{
    static char how[64];
    int status = 0;
    close(process->to);
    close(process->from);
    if (kill_it)
        kill(process->id, SIGKILL);
    while (waitpid(process->id, &status, 0) < 0 && errno == EINTR)
        ;
    process->id = 0;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "%s", strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
    return how;
}

static struct process *process_of(const struct perf_external *external)
{
    for (int i = 0; i < PROCESSES_MAX; i++) {
        if (!processes[i].external)
            processes[i].external = external;
        if (processes[i].external == external)
            return &processes[i];
    }
    return NULL;
}

static void add_costs(cJSON *request, const char *name, const uint32_t *cost)
{
    cJSON *array = cJSON_AddArrayToObject(request, name);
    for (int i = 0; i < 4; i++)
        cJSON_AddItemToArray(array, cJSON_CreateNumber(cost[i]));
}

/* The request as one line, newline and all. To be freed. */
static char *request_of(const struct perf_system *system, const struct perf_case *what)
{
    cJSON *request = cJSON_CreateObject();
    cJSON_AddStringToObject(request, "system", system->name);
    cJSON_AddStringToObject(request, "scenario", what->scenario);
    cJSON_AddStringToObject(request, "shape", perf_shape_name(what->shape));
    cJSON_AddNumberToObject(request, "events", (double)what->events);
    cJSON_AddNumberToObject(request, "event_size", what->event_size);
    cJSON_AddNumberToObject(request, "batch", what->batch);
    cJSON_AddNumberToObject(request, "capacity", what->capacity);
    add_costs(request, "cost", what->cost);
    add_costs(request, "cost_then", what->cost_then);
    cJSON_AddNumberToObject(request, "turn", (double)what->turn);
    cJSON_AddNumberToObject(request, "rate", (double)what->rate);
    cJSON_AddNumberToObject(request, "time_ns", (double)what->time_ns);
    cJSON_AddItemToObject(request, "cpus", cJSON_CreateIntArray(what->cpus, what->cpu_count));
    char *text = cJSON_PrintUnformatted(request), *line = NULL;
    if (asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    cJSON_free(text);
    cJSON_Delete(request);
    return line;
}

static bool send_line(int file, const char *line)
{
    size_t length = strlen(line);
    while (length) {
        ssize_t sent = write(file, line, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        line += sent;
        length -= (size_t)sent;
    }
    return true;
}

/*
 * One line, without its newline; NULL at the end of the file, or after `limit` seconds in which
 * this process waited (*late is set then).
 */
static char *receive_line(struct process *process, int limit, bool *late)
{
    *late = false;
    for (int waited = 0;;) {
        if (process->room - process->length < 4096) {
            char *more = realloc(process->line, process->room + 65536);
            if (!more)
                return NULL;
            process->line = more;
            process->room += 65536;
        }
        struct pollfd ready = {.fd = process->from, .events = POLLIN};
        int found = poll(&ready, 1, 1000);
        if (found == 0 && ++waited >= limit) {
            *late = true;
            return NULL;
        }
        if (found <= 0)
            continue;
        char *end = process->line + process->length;
        ssize_t got = read(process->from, end, process->room - process->length - 1);
        if (got <= 0)
            return NULL;
        process->length += (size_t)got;
        char *newline = memchr(end, '\n', (size_t)got);
        if (newline) {
            /* With more behind it, the whole is no answer, and take_answer says so. */
            bool alone = newline + 1 == end + got;
            process->line[process->length - alone] = '\0';
            process->length = 0;
            return process->line;
        }
    }
}

/* Is there something to read before anything was asked? It would be taken for the next answer. */
static bool spoke_unasked(const struct process *process)
{
    struct pollfd ready = {.fd = process->from, .events = POLLIN};
    return poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN);
}

static bool take_latency(const cJSON *pairs, struct perf_histogram *histogram)
{
    const cJSON *pair;
    if (pairs && !cJSON_IsArray(pairs))
        return false;
    cJSON_ArrayForEach(pair, pairs)
    {
        const cJSON *ns = cJSON_GetArrayItem(pair, 0), *count = cJSON_GetArrayItem(pair, 1);
        if (!cJSON_IsNumber(ns) || !cJSON_IsNumber(count) || count->valuedouble < 0)
            return false;
        perf_histogram_note(histogram, (int64_t)ns->valuedouble, (uint64_t)count->valuedouble);
    }
    return true;
}

/* False if the line is no answer by the protocol. */
static bool take_answer(const char *line, struct perf_outcome *outcome)
{
    cJSON *answer = cJSON_ParseWithOpts(line, NULL, true);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    const cJSON *ns = cJSON_GetObjectItemCaseSensitive(answer, "ns");
    const char *sum = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "checksum"));
    bool good = true;
    if (cJSON_IsString(error)) {
        fail(outcome, "%s", error->valuestring);
    } else if (!cJSON_IsNumber(ns) || ns->valuedouble < 1 || !sum) {
        good = false;
    } else {
        char *end;
        errno = 0;
        outcome->run.ns = (int64_t)ns->valuedouble;
        outcome->run.checksum = strtoull(sum, &end, 10);
        good = errno == 0 && *sum >= '0' && *sum <= '9' && !*end &&
               take_latency(cJSON_GetObjectItemCaseSensitive(answer, "latency"), &outcome->latency);
    }
    cJSON_Delete(answer);
    return good;
}

static int64_t cpu_time(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

void perf_external_run(const struct perf_system *system, const struct perf_case *what, int limit,
                       struct perf_outcome *outcome)
{
    struct process *process = process_of(system->external);
    bool late = false;

    if (!process || (!process->id && !start(process, what))) {
        fail(outcome, "cannot be started: %s", process ? strerror(errno) : "too many of them");
        return;
    }
    if (spoke_unasked(process)) {
        fail(outcome, "it spoke without being asked (%s)", stop(process, true));
        return;
    }
    char *request = request_of(system, what), *answer = NULL;
    int64_t cpu_begun = cpu_time(process->id), begun = perf_now();
    if (request && send_line(process->to, request))
        answer = receive_line(process, limit, &late);
    /* Of the whole request: what of it lies in the measured part, only the process knows. */
    int64_t took = perf_now() - begun, cpu = cpu_time(process->id) - cpu_begun;
    free(request);
    if (late)
        fail(outcome, "no answer within %d s, killed (%s)", limit, stop(process, true));
    else if (!answer)
        fail(outcome, "its process ended: %s", stop(process, false));
    else if (!take_answer(answer, outcome))
        fail(outcome, "an answer that is none: %.100s (%s)", answer, stop(process, true));
    outcome->counts.cpu_ns = cpu;
    outcome->counts.of_ns = took;
}

void perf_external_stop(void)
{
    for (int i = 0; i < PROCESSES_MAX; i++) {
        if (processes[i].id)
            stop(&processes[i], true);
        free(processes[i].line);
        processes[i] = (struct process){0};
    }
}
