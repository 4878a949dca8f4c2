/* SPDX-License-Identifier: MIT */
/*
 * A program and not a ring: order books from a generated exchange feed (examples/book/), the same
 * work in one plain loop and over the pipeline with one worker and with two. takt-book is run as a
 * user would run it, its tape goes to a file in memory, and the tapes must be equal byte for byte.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "external_process.h"

#define MESSAGES 2000000 /* the feed of `make run` */
#define FEW      20000   /* for runs of a moment */

/* A path relative to the build folder; valid until the call after the next three. */
static const char *built(const char *name)
{
    static char path[4][4096];
    static unsigned turn;
    char *text = path[turn++ % 4];
    snprintf(text, sizeof path[0], "%s/../%s", perf_folder(), name);
    return text;
}

/* What a program that failed had to say. */
static void pass_on(int errors)
{
    char text[4096];
    ssize_t length = pread(errors, text, sizeof text, 0);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        return;
}

/*
 * Runs the program with what it prints in `said`; 0, or a negative errno. The summary on its
 * standard error is shown only if it fails.
 */
static int call(const char *const *words, char *said, size_t size)
{
    int out[2], status = 0, errors = memfd_create("errors", MFD_CLOEXEC);
    size_t length = 0;

    if (errors < 0 || pipe2(out, O_CLOEXEC) != 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        dup2(errors, STDERR_FILENO);
        execv(words[0], (char *const *)words);
        fprintf(stderr, "takt-perf: %s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    close(out[1]);
    while (child > 0 && length < size - 1) {
        ssize_t got = read(out[0], said + length, size - 1 - length);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    said[length] = '\0';
    close(out[0]);
    bool well = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                WEXITSTATUS(status) == 0;
    if (!well)
        pass_on(errors);
    close(errors);
    return well ? 0 : -ECHILD;
}

/* The feed, generated when it is not there. It lies where `make run` keeps its own. */
static int find_feed(uint64_t messages, char *path, size_t size)
{
    char part[4160], count[24], said[256];

    mkdir(built("feed"), 0777);
    snprintf(count, sizeof count, "%llu", (unsigned long long)messages);
    snprintf(path, size, "%s-%s.bin", built("feed/itch"), count);
    if (access(path, R_OK) == 0)
        return 0;
    snprintf(part, sizeof part, "%s.%d.part", path, (int)getpid());
    const char *words[] = {
        built("examples/itch-gen"), "--messages", count, "--seed", "1", "--output", part, NULL};
    int error = call(words, said, sizeof said);
    return error == 0 && rename(part, path) != 0 ? -errno : error;
}

/* FNV-1a over eight bytes at a time; the last ones are filled up with zeros. */
static int digest(const char *path, uint64_t *sum)
{
    FILE *file = fopen(path, "re");
    uint64_t hash = 14695981039346656037u, block[8192];
    size_t got;

    if (!file)
        return -errno;
    while ((memset(block, 0, sizeof block), got = fread(block, 1, sizeof block, file)) > 0) {
        for (size_t i = 0; i < (got + 7) / 8; i++)
            hash = (hash ^ block[i]) * 1099511628211u;
    }
    int error = ferror(file) ? -EIO : 0;
    fclose(file);
    *sum = hash;
    return error;
}

/* takt-book's own figures: messages and the time that they took. */
static int take_summary(const char *said, struct perf_run *run)
{
    cJSON *summary = cJSON_Parse(said);
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(summary, "elapsed_s");
    const cJSON *messages = cJSON_GetObjectItemCaseSensitive(summary, "messages");
    bool good = cJSON_IsNumber(seconds) && cJSON_IsNumber(messages);
    if (good) {
        run->ns = (int64_t)(seconds->valuedouble * 1e9);
        run->events = (uint64_t)messages->valuedouble;
    }
    cJSON_Delete(summary);
    return good ? 0 : -EPROTO;
}

static int book(const struct perf_case *what, struct perf_run *run, const char *option,
                const char *value)
{
    static char said[65536];
    char feed[4120], tape[] = "/dev/shm/takt-perf-XXXXXX";
    int error = find_feed(what->time_ns < 50000000 ? FEW : MESSAGES, feed, sizeof feed);

    int file = error == 0 ? mkstemp(tape) : -1;
    if (file < 0)
        return error ? error : -errno;
    close(file);
    const char *words[12] = {
        built("examples/takt-book"), "--json", "--tape", tape, feed, option, value};
    int count = value ? 7 : 6;
    if (what->report) {
        words[count++] = "--report";
        words[count++] = what->report;
    }
    if (what->trace) {
        words[count++] = "--trace";
        words[count++] = what->trace;
    }
    perf_begin(run);
    error = call(words, said, sizeof said);
    perf_end(run);
    if (error == 0)
        error = take_summary(said, run);
    if (error == 0)
        error = digest(tape, &run->checksum);
    unlink(tape);
    return error;
}

static int run_baseline(const struct perf_case *what, struct perf_run *run)
{
    return book(what, run, "--baseline", NULL);
}

static int run_one(const struct perf_case *what, struct perf_run *run)
{
    return book(what, run, "--workers", "1");
}

static int run_two(const struct perf_case *what, struct perf_run *run)
{
    return book(what, run, "--workers", "2");
}

static bool can(const struct perf_case *what)
{
    return what->shape == PERF_OTHER && strcmp(what->scenario, "book") == 0;
}

static const char *missing(void)
{
    bool there = access(built("examples/takt-book"), X_OK) == 0 &&
                 access(built("examples/itch-gen"), X_OK) == 0;
    return there ? NULL : "takt-book and itch-gen are not built beside takt-perf";
}

static const struct perf_system baseline = {
    .name = "book-baseline",
    .about = "takt-book --baseline: the same work in one plain loop",
    .single = true,
    .can = can,
    .run = run_baseline,
    .missing = missing,
};
PERF_SYSTEM(baseline)

static const struct perf_system one_worker = {
    .name = "book-1-worker",
    .about = "takt-book --workers 1",
    .can = can,
    .run = run_one,
    .missing = missing,
};
PERF_SYSTEM(one_worker)

static const struct perf_system two_workers = {
    .name = "book-2-workers",
    .about = "takt-book --workers 2",
    .can = can,
    .run = run_two,
    .missing = missing,
    .records = can,
};
PERF_SYSTEM(two_workers)

static const struct perf_scenario scenario = {
    .name = "book",
    .about = "messages of an exchange feed made into order books and a tape, by takt-book",
    .what = {.shape = PERF_OTHER, .events = MESSAGES, .batch = 1},
    .fixed = true,
};
PERF_SCENARIO(scenario)
