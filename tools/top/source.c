/* SPDX-License-Identifier: MIT */
/*
 * Reading a counters file. Nothing in it is believed before it was checked: sizes and offsets must
 * lie within the file, counts within the layout's limits.
 *
 * Whether the writer lives is seen by its process id and by when that process started, since a
 * process id is given to another one some day.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <takt/clock.h>

/* How often a moment is looked for in which nobody writes. */
#define ATTEMPTS 1000

/* Without a write for this long, and as many ticks, a writer that lives is called silent. */
#define SILENT_NS    2000000000
#define SILENT_TICKS 32

static bool refuse(char *why, size_t size, const char *path, const char *reason)
{
    snprintf(why, size, "%s: %s", path, reason);
    return false;
}

/* Why it is no counters file that this program can read; NULL if it is one. */
static const char *find_fault(const takt_counters_header *h, size_t size)
{
    if (size < sizeof *h || memcmp(h->magic, TAKT_COUNTERS_MAGIC, sizeof h->magic) != 0)
        return "not a counters file of takt";
    if (h->version != TAKT_COUNTERS_VERSION)
        return "of a version that this takt-top does not know";
    if (h->file_size != size)
        return "cut off, or grown: its size is not the one that it names";
    if (h->worker_size < sizeof(takt_counters_worker) ||
        h->stage_size != sizeof(takt_counters_stage) ||
        h->pipeline_size < sizeof(takt_counters_pipeline))
        return "damaged: its records are too small";
    if (h->workers > TAKT_WORKERS_MAX || h->pipelines > TAKT_PIPELINES_MAX ||
        h->worker_offset > size || h->pipeline_offset > size ||
        (uint64_t)h->workers * h->worker_size > size - h->worker_offset ||
        (uint64_t)h->pipelines * h->pipeline_size > size - h->pipeline_offset)
        return "damaged: its records lie outside of it";
    if (((h->worker_offset | h->worker_size | h->pipeline_offset | h->pipeline_size) & 7) != 0)
        return "damaged: its records are not aligned";
    return NULL;
}

bool source_open(struct source *source, const char *path, char *why, size_t size)
{
    struct stat status;
    *source = (struct source){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        refuse(why, size, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    void *map = MAP_FAILED;
    bool fits = S_ISREG(status.st_mode) && status.st_size >= (off_t)sizeof(takt_counters_header);
    if (fits)
        map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    int error = errno;
    close(fd);
    if (!fits)
        return refuse(why, size, path, "not a counters file of takt");
    if (map == MAP_FAILED)
        return refuse(why, size, path, strerror(error));
    source->map = map;
    source->size = (size_t)status.st_size;
    const char *fault = find_fault(map, source->size);
    if (!fault)
        return true;
    munmap(map, source->size);
    return refuse(why, size, path, fault);
}

/* When a process started, as its stat file says; 0: there is none, or it is only a corpse. */
static int64_t start_of(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *field = strrchr(text, ')');
    if (!field || strchr("ZX", field[2]))
        return 0;
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoll(field + 1, NULL, 10) : 0;
}

static enum writer look_for_writer(const struct reading *reading)
{
    const takt_counters_header *h = reading->header;
    if (h->closed)
        return WRITER_CLOSED;
    if (start_of(h->pid) != h->pid_start)
        return WRITER_DIED;
    int64_t patience = SILENT_TICKS * h->tick_ns;
    if (patience < SILENT_NS)
        patience = SILENT_NS;
    return reading->now - h->written_ns > patience ? WRITER_SILENT : WRITER_LIVES;
}

bool source_read(const struct source *source, struct reading *reading)
{
    if (!reading->bytes)
        reading->bytes = malloc(source->size);
    if (!reading->bytes)
        return false;
    reading->header = (const takt_counters_header *)reading->bytes;
    for (int i = 0; i < 3; i++) {
        reading->whole = takt_counters_copy(source->map, reading->bytes, source->size, ATTEMPTS);
        reading->now = takt_now();
        reading->writer = look_for_writer(reading);
        /* A writer that was stopped in the middle may go on; one that died will not. */
        if (reading->whole || reading->writer != WRITER_LIVES)
            break;
        usleep(20000);
    }
    reading->age = (double)(reading->now - reading->header->written_ns) * 1e-9;
    return find_fault(reading->header, source->size) == NULL;
}

const takt_counters_worker *reading_worker(const struct reading *reading, uint32_t number)
{
    const takt_counters_header *h = reading->header;
    return (const takt_counters_worker *)(reading->bytes + h->worker_offset +
                                          (size_t)number * h->worker_size);
}

const takt_counters_pipeline *reading_pipeline(const struct reading *reading, uint32_t number)
{
    const takt_counters_header *h = reading->header;
    return (const takt_counters_pipeline *)(reading->bytes + h->pipeline_offset +
                                            (size_t)number * h->pipeline_size);
}

bool pipeline_is_used(const takt_counters_pipeline *p)
{
    return p->state != TAKT_COUNTERS_NONE && p->stage_count <= TAKT_STAGES_MAX;
}

const char *state_name(const takt_counters_pipeline *p)
{
    switch (p->state) {
    case TAKT_COUNTERS_RUNNING: return "running";
    case TAKT_COUNTERS_ENDED: return "ended";
    case TAKT_COUNTERS_FAILED: return "failed";
    case TAKT_COUNTERS_HALTED: return "halted";
    case TAKT_COUNTERS_STOPPED: return "stopped";
    default: return "unknown";
    }
}

const char *writer_word(enum writer writer)
{
    switch (writer) {
    case WRITER_CLOSED: return "closed";
    case WRITER_DIED: return "died";
    case WRITER_SILENT: return "silent";
    case WRITER_LIVES: break;
    }
    return "alive";
}

void writer_sentence(const struct reading *reading, char *text, size_t size)
{
    long pid = (long)reading->header->pid;
    double age = reading->age;
    const char *torn = reading->whole ? "" : " It was in the middle of writing them.";
    switch (reading->writer) {
    case WRITER_CLOSED:
        snprintf(text, size, "process %ld closed the file %.1f s ago: its last figures", pid, age);
        break;
    case WRITER_DIED:
        snprintf(text, size,
                 "process %ld died without closing the file: its last figures, %.1f s old.%s", pid,
                 age, torn);
        break;
    case WRITER_SILENT:
        snprintf(text, size,
                 "process %ld has written nothing for %.1f s: it is stopped, or has no core.%s",
                 pid, age, torn);
        break;
    case WRITER_LIVES: snprintf(text, size, "process %ld, written %.0f ms ago", pid, age * 1e3);
    }
}
