/* SPDX-License-Identifier: MIT */
/*
 * perf_event_open through libpfm4. The events of one thread are opened in groups of four: the
 * kernel puts a group on the CPU whole or not at all, so that the ratios of its events mean
 * something, and four fit on every CPU. With more than one group the kernel takes turns, and says
 * for how long each was on; the count is scaled up by that and marked.
 *
 * The events are inherited, so that a thread that a library starts in the middle of the run is
 * counted with the one that started it. A group that is inherited cannot be read in one go
 * (PERF_FORMAT_GROUP), so each event is read by itself.
 */
#include "counters.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUP    4
#define SOFTWARE "task-clock,context-switches,page-faults,cpu-migrations"

/* One event: how to open it, and what libpfm4 calls it. */
static struct perf_event_attr attributes[PERF_EVENTS_MAX];
static int event_count;

/* The threads that are counted; one file for each event, -1 where it could not be opened. */
static struct counted {
    pid_t thread;
    int file[PERF_EVENTS_MAX];
} counted[PERF_THREADS_MAX];
static int counted_count, uncounted;

static int open_event(const struct perf_event_attr *attribute, pid_t thread, int leader)
{
    struct perf_event_attr asked = *attribute;
    asked.disabled = leader < 0; /* the others run when their leader does */
    int file = (int)syscall(SYS_perf_event_open, &asked, thread, -1, leader, PERF_FLAG_FD_CLOEXEC);
    if (file < 0 && (errno == EACCES || errno == EPERM)) {
        /* Without privileges one may count user code only. */
        asked.exclude_kernel = asked.exclude_hv = 1;
        file = (int)syscall(SYS_perf_event_open, &asked, thread, -1, leader, PERF_FLAG_FD_CLOEXEC);
    }
    return file;
}

/* The event's encoding by its name: 0, or libpfm4's error. */
static int encode(const char *name, struct perf_event_attr *attribute)
{
    *attribute = (struct perf_event_attr){.size = sizeof *attribute};
    pfm_perf_encode_arg_t asked = {.attr = attribute, .size = sizeof asked};
    int error = pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &asked);
    attribute->inherit = 1;
    attribute->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    return error == PFM_SUCCESS ? 0 : error;
}

/* Takes up the event if it can be opened here: 0, or a negative errno. */
static int try_event(const char *name, const struct perf_event_attr *attribute,
                     struct perf_events *events)
{
    for (int i = 0; i < events->count; i++) {
        if (strcasecmp(events->name[i], name) == 0)
            return 0;
    }
    if (events->count == PERF_EVENTS_MAX)
        return -E2BIG;
    int file = open_event(attribute, 0, -1);
    if (file < 0)
        return -errno;
    close(file);
    attributes[events->count] = *attribute;
    snprintf(events->name[events->count++], PERF_EVENT_NAME, "%s", name);
    event_count = events->count;
    return 0;
}

/* Adds the name to "a, b (reason), c (another)"; names with the same reason in a row share it. */
static void note_missing(char *missing, unsigned size, const char *name, int error)
{
    char reason[128];
    snprintf(reason, sizeof reason, " (%s)",
             error == ENOENT || error == EOPNOTSUPP || error == ENODEV
                 ? "this machine does not have it"
                 : strerror(error));
    size_t length = strlen(missing), tail = strlen(reason);
    if (length >= tail && strcmp(missing + length - tail, reason) == 0)
        length -= tail;
    snprintf(missing + length, size - length, "%s%s%s", length ? ", " : "", name, reason);
}

/* Names with commas between them; a comma inside of an event's name is not known to libpfm4. */
static int try_list(const char *list, struct perf_events *events, char *missing, unsigned size)
{
    char names[1024], *rest = names, *name;

    if (snprintf(names, sizeof names, "%s", list) >= (int)sizeof names) {
        fprintf(stderr, "takt-perf: --events: the list is too long\n");
        return -1;
    }
    while ((name = strsep(&rest, ",")) != NULL) {
        struct perf_event_attr attribute;
        int error =
            *name && strlen(name) < PERF_EVENT_NAME ? encode(name, &attribute) : PFM_ERR_NOTFOUND;
        if (error) {
            fprintf(stderr, "takt-perf: --events: libpfm4 does not know '%s' on this CPU (%s)\n",
                    name, pfm_strerror(error));
            return -1;
        }
        error = try_event(name, &attribute, events);
        if (error)
            note_missing(missing, size, name, -error);
    }
    return 0;
}

int perf_counters_setup(const char *list, struct perf_events *events, char *missing,
                        unsigned missing_size)
{
    char ignored[512] = "";

    *events = (struct perf_events){.count = 0};
    *missing = '\0';
    int error = pfm_initialize();
    if (error != PFM_SUCCESS) {
        snprintf(missing, missing_size, "all (libpfm4: %s)", pfm_strerror(error));
        return 0;
    }
    if (strcmp(list, "none") == 0)
        return 0;
    if (try_list(list, events, missing, missing_size) != 0)
        return -1;
    events->hardware = !*missing;
    if (!events->hardware)
        try_list(SOFTWARE, events, ignored, sizeof ignored);
    return 0;
}

static void open_thread(pid_t thread)
{
    if (counted_count == PERF_THREADS_MAX) {
        uncounted++;
        return;
    }
    struct counted *one = &counted[counted_count];
    bool any = false;
    one->thread = thread;
    for (int i = 0; i < event_count; i++) {
        int leader = i % GROUP ? one->file[i - i % GROUP] : -1;
        one->file[i] = i % GROUP && leader < 0 ? -1 : open_event(&attributes[i], thread, leader);
        any |= one->file[i] >= 0;
    }
    if (any)
        counted_count++;
    else
        uncounted++;
}

static void tell(const struct counted *one, unsigned long request)
{
    for (int i = 0; i < event_count; i += GROUP) {
        if (one->file[i] >= 0)
            ioctl(one->file[i], request, 0);
    }
}

void perf_counters_begin(void)
{
    DIR *tasks = event_count ? opendir("/proc/self/task") : NULL;
    struct dirent *entry;

    if (!tasks)
        return;
    while ((entry = readdir(tasks)) != NULL) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread > 0)
            open_thread(thread);
    }
    closedir(tasks);
    for (int i = 0; i < counted_count; i++)
        tell(&counted[i], PERF_EVENT_IOC_ENABLE);
}

void perf_counters_stop_thread(pid_t thread)
{
    for (int i = 0; i < counted_count; i++) {
        if (counted[i].thread == thread)
            tell(&counted[i], PERF_EVENT_IOC_DISABLE);
    }
}

void perf_counters_end(void)
{
    for (int i = 0; i < counted_count; i++)
        tell(&counted[i], PERF_EVENT_IOC_DISABLE);
}

static struct perf_count read_count(int file)
{
    struct {
        uint64_t value, enabled, running;
    } said;

    if (file < 0 || read(file, &said, sizeof said) != sizeof said)
        return (struct perf_count){NAN, false};
    if (said.running >= said.enabled - said.enabled / 100) /* the rest is switching on and off */
        return (struct perf_count){(double)said.value, false};
    /* It had no turn at all: nothing is known, which is not 0. */
    double scale = said.running ? (double)said.enabled / (double)said.running : NAN;
    return (struct perf_count){(double)said.value * scale, true};
}

void perf_counters_read(struct perf_counts *counts, int (*number_of)(pid_t thread))
{
    counts->threads = counted_count;
    counts->uncounted = uncounted;
    for (int i = 0; i < counted_count; i++) {
        counts->thread[i].thread = number_of(counted[i].thread);
        for (int k = 0; k < event_count; k++)
            counts->thread[i].count[k] = read_count(counted[i].file[k]);
    }
}
