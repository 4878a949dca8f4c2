/* SPDX-License-Identifier: MIT */
/*
 * The counters file (takt/counters.h has its layout): mapped and shared, filled under a sequence
 * lock by whoever holds the watch's lock, which is the scheduler thread at a tick.
 *
 * Every word is stored for itself with release. A reader that sees any word of a new round sees the
 * odd lock stored before it, when it reads the lock again after the words.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "disruptor/alloc.h"
#include "scheduler/runtime.h"

#define PATH_SIZE 4096

/* Field 22 of /proc/self/stat, counted behind the name, which may hold anything; 0: not known. */
static int64_t start_of_process(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *field = strrchr(text, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoll(field + 1, NULL, 10) : 0;
}

static int64_t utc_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static takt_counters_header make_header(const takt_runtime *runtime)
{
    takt_counters_header header = {
        .magic = TAKT_COUNTERS_MAGIC,
        .version = TAKT_COUNTERS_VERSION,
        .header_size = sizeof header,
        .worker_size = sizeof(takt_counters_worker),
        .pipeline_size = sizeof(takt_counters_pipeline),
        .stage_size = sizeof(takt_counters_stage),
        .workers = runtime->crew,
        .pipelines = TAKT_PIPELINES_MAX,
        .worker_offset = sizeof header,
        .pid = getpid(),
        .pid_start = start_of_process(),
        .opened_ns = takt_now(),
        .opened_utc = utc_now(),
        .tick_ns = runtime->tick_ns,
    };
    header.pipeline_offset = header.worker_offset + (uint64_t)header.workers * header.worker_size;
    header.file_size = header.pipeline_offset + (uint64_t)header.pipelines * header.pipeline_size;
    return header;
}

static takt_counters_header *header_of(const struct takt__counters_file *file)
{
    return (takt_counters_header *)file->map;
}

/* Copies whole words for readers that look on. */
static void publish(void *to, const void *from, size_t size)
{
    int64_t *words = to;
    const int64_t *source = from;
    for (size_t i = 0; i < size / sizeof *words; i++)
        if (words[i] != source[i])
            takt__st64_rel(&words[i], source[i]); /* release [pairs: counters] */
}

static void write_workers(takt_runtime *runtime)
{
    struct takt__watch *watch = &runtime->watch;
    takt_counters_header *header = header_of(&watch->file);
    takt_runtime_snapshot(runtime, watch->workers, runtime->crew);
    publish(watch->file.map + header->worker_offset, watch->workers, watch->workers_size);
}

static void write_pipelines(takt_runtime *runtime)
{
    struct takt__watch *watch = &runtime->watch;
    takt_counters_header *header = header_of(&watch->file);
    for (uint32_t i = 0; i < TAKT_PIPELINES_MAX; i++) {
        const struct takt__watched *watched = watch->places[i];
        if (!watched)
            continue;
        size_t stages = (size_t)watched->figures.stage_count * header->stage_size;
        publish(watch->file.map + header->pipeline_offset + (size_t)i * header->pipeline_size,
                &watched->figures, offsetof(takt_counters_pipeline, stages) + stages);
    }
}

void takt__counters_write(takt_runtime *runtime, int64_t now)
{
    const struct takt__counters_file *file = &runtime->watch.file;
    if (!file->map)
        return;
    takt_counters_header *header = header_of(file);
    takt__st64_rel(&header->lock, header->lock + 1); /* release [pairs: counters] */
    write_workers(runtime);
    write_pipelines(runtime);
    takt__st64_rel(&header->written_ns, now); /* release [pairs: counters] */
    takt__st64_rel(&header->writes, header->writes + 1);
    takt__st64_rel(&header->lock, header->lock + 1);
}

void takt__counters_close(takt_runtime *runtime)
{
    struct takt__watch *watch = &runtime->watch;
    if (!watch->file.map)
        return;
    takt__st32_rlx(&header_of(&watch->file)->closed, 1);
    takt__counters_write(runtime, takt_now());
    munmap(watch->file.map, watch->file.size);
    takt__release(runtime->allocator, watch->workers, watch->workers_size);
    watch->file = (struct takt__counters_file){0};
    watch->workers = NULL;
}

/* Makes the file under another name, so that nobody finds it half made. */
static unsigned char *make_file(const char *path, const takt_counters_header *header)
{
    char part[PATH_SIZE];
    int n = snprintf(part, sizeof part, "%s.%ld.part", path, (long)getpid());
    if (n < 0 || n >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        errno = ENODEV; /* a device or a pipe cannot be mapped, and is not to be replaced */
        return NULL;
    }
    int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return NULL;
    void *map = MAP_FAILED;
    int error = posix_fallocate(fd, 0, (off_t)header->file_size);
    if (error == 0)
        map = mmap(NULL, header->file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    else
        errno = error;
    if (map != MAP_FAILED)
        memcpy(map, header, sizeof *header);
    if (map == MAP_FAILED || rename(part, path) != 0) {
        error = errno;
        if (map != MAP_FAILED)
            munmap(map, header->file_size);
        unlink(part);
        map = NULL;
        errno = error;
    }
    close(fd);
    return map;
}

/* With the lock held. */
static int open_file(takt_runtime *runtime, const char *path)
{
    struct takt__watch *watch = &runtime->watch;
    if (watch->file.map)
        return TAKT_ESTATE;
    watch->workers_size = runtime->crew * sizeof *watch->workers;
    watch->workers = takt__allocate(runtime->allocator, watch->workers_size, TAKT_LINE_PAIR);
    if (!watch->workers)
        return TAKT_ENOMEM;
    takt_counters_header header = make_header(runtime);
    watch->file = (struct takt__counters_file){make_file(path, &header), header.file_size};
    if (watch->file.map)
        return 0;
    takt__release(runtime->allocator, watch->workers, watch->workers_size);
    watch->workers = NULL;
    return TAKT_EFILE;
}

int takt_observe_open(takt_runtime *runtime, const char *path)
{
    if (!runtime || !path)
        return TAKT_EINVAL;
    pthread_mutex_lock(&runtime->watch.lock);
    int error = open_file(runtime, path);
    if (error == 0) {
        takt__watch_refresh(runtime);
        takt__counters_write(runtime, takt_now());
    }
    pthread_mutex_unlock(&runtime->watch.lock);
    return error;
}

void takt_observe_close(takt_runtime *runtime)
{
    pthread_mutex_lock(&runtime->watch.lock);
    takt__watch_refresh(runtime);
    takt__counters_close(runtime);
    pthread_mutex_unlock(&runtime->watch.lock);
}
