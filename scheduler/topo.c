/* SPDX-License-Identifier: MIT */
/*
 * Affinity mask and cgroup quota, and the state of a thread.
 *
 * The quota is looked for where a process sees its own cgroup: /proc/self/cgroup names it, and each
 * of its ancestors may set a limit of its own, the smallest of which holds. Version 2 writes quota
 * and period into cpu.max ("max 100000" for none), version 1 into two files of the cpu controller
 * (a quota of -1 for none).
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/topo.h"

#define PATH_SIZE 4096

static uint32_t affinity_count(cpu_set_t *set)
{
    CPU_ZERO(set);
    if (sched_getaffinity(0, sizeof *set, set) == 0)
        return (uint32_t)CPU_COUNT(set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

/* Reads a small file as text; false if it is not there. */
static bool read_text(const char *directory, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t n = fread(text, 1, size - 1, file);
    text[n] = 0;
    fclose(file);
    return n > 0;
}

/* The quota of one cgroup directory in cores, rounded up; 0 for none. */
static uint32_t quota_of(const char *directory)
{
    char text[128];
    long quota = -1, period = 0;
    if (read_text(directory, "cpu.max", text, sizeof text)) {
        if (sscanf(text, "%ld %ld", &quota, &period) != 2)
            return 0;
    } else if (read_text(directory, "cpu.cfs_quota_us", text, sizeof text)) {
        quota = strtol(text, NULL, 10);
        if (read_text(directory, "cpu.cfs_period_us", text, sizeof text))
            period = strtol(text, NULL, 10);
    }
    if (quota <= 0 || period <= 0)
        return 0;
    return (uint32_t)((quota + period - 1) / period);
}

/* The smallest quota on the way from a cgroup up to its root; 0 for none. */
static uint32_t smallest_quota(const char *root, const char *cgroup)
{
    char path[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%s%s", root, cgroup);
    if (n < 0 || n >= (int)sizeof path)
        return 0;
    uint32_t least = 0;
    size_t stop = strlen(root);
    for (;;) {
        uint32_t quota = quota_of(path);
        if (quota && (!least || quota < least))
            least = quota;
        char *slash = strrchr(path, '/');
        if (!slash || (size_t)(slash - path) < stop)
            return least;
        *slash = 0;
    }
}

/* Whether a line of /proc/self/cgroup is about CPU time; *cgroup is where the path begins. */
static const char *root_of(char *line, char **cgroup)
{
    char *controllers = strchr(line, ':');
    *cgroup = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!*cgroup)
        return NULL;
    *(*cgroup)++ = 0;
    (*cgroup)[strcspn(*cgroup, "\n")] = 0;
    controllers++;
    if (*controllers == 0)
        return "/sys/fs/cgroup";
    if (strstr(controllers, "cpu,") || !strcmp(controllers, "cpu"))
        return "/sys/fs/cgroup/cpu";
    return NULL;
}

static uint32_t cgroup_quota(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return 0;
    char line[PATH_SIZE];
    uint32_t least = 0;
    while (fgets(line, sizeof line, file)) {
        char *cgroup;
        const char *root = root_of(line, &cgroup);
        uint32_t quota = root ? smallest_quota(root, cgroup) : 0;
        if (quota && (!least || quota < least))
            least = quota;
    }
    fclose(file);
    return least;
}

uint32_t takt__topo_cores(void)
{
    cpu_set_t set;
    uint32_t cores = affinity_count(&set);
    uint32_t quota = cgroup_quota();
    if (quota && quota < cores)
        cores = quota;
    return cores ? cores : 1;
}

bool takt__topo_blocked(uint32_t thread_id)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%u/stat", thread_id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t n = read(file, text, sizeof text - 1);
    close(file);
    text[n > 0 ? n : 0] = 0;
    /* The number, the name between parentheses, which may hold any character, and the state. */
    const char *state = strrchr(text, ')');
    return state && (state[1] == ' ') && (state[2] == 'S' || state[2] == 'D');
}

bool takt__topo_pin(uint32_t index)
{
    cpu_set_t all, one;
    uint32_t cores = affinity_count(&all);
    uint32_t left = cores ? index % cores : 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all) || left--)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
    }
    return false;
}
