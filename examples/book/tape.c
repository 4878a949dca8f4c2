/* SPDX-License-Identifier: MIT */
/* The outputs: rows gather in a buffer until it is full, then go to the system in one write. */
#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"

/* Written out while it is still in the second-level cache, which it should not fill. */
#define BUFFER_SIZE ((size_t)64 << 10)

static int fail(struct output *out, int os_error)
{
    out->os_error = os_error;
    out->used = 0;
    if (out->fd > STDERR_FILENO)
        close(out->fd);
    out->fd = -1;
    return BOOK_EWRITE;
}

static int flush(struct output *out)
{
    size_t done = 0;

    while (done < out->used) {
        ssize_t n = write(out->fd, out->buffer + done, out->used - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(out, errno);
        done += (size_t)n;
        out->written += (uint64_t)n;
    }
    out->used = 0;
    return 0;
}

static int append(struct output *out, const char *text, size_t length)
{
    if (!out->path)
        return 0;
    if (out->fd < 0)
        return BOOK_EWRITE;
    if (length > BUFFER_SIZE - out->used) {
        int error = flush(out);

        if (error != 0)
            return error;
    }
    memcpy(out->buffer + out->used, text, length);
    out->used += length;
    return 0;
}

static bool same_file(int fd, int other)
{
    struct stat one, two;

    if (fstat(fd, &one) != 0 || fstat(other, &two) != 0 || !S_ISREG(one.st_mode))
        return false;
    return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/* A file is emptied only when it is known to be neither the feed nor the other output. */
static int open_output(struct output *out, const char *path, int feed_fd, int other_fd)
{
    if (!path)
        return 0;
    out->path = path;
    out->buffer = malloc(BUFFER_SIZE);
    if (!out->buffer)
        return BOOK_ENOMEM;
    if (strcmp(path, "-") == 0) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    out->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (out->fd < 0)
        return fail(out, errno);
    if (same_file(out->fd, feed_fd))
        out->reason = "it is the feed itself";
    else if (same_file(out->fd, other_fd))
        out->reason = "it is the other output as well";
    if (out->reason)
        return fail(out, EEXIST);
    /* What cannot be emptied, a pipe or a device, need not be. */
    if (ftruncate(out->fd, 0) != 0 && errno != EINVAL)
        return fail(out, errno);
    return 0;
}

int tape_open(struct tape *tape, const char *tape_path, const char *trades_path, int feed_fd)
{
    int error;

    *tape = (struct tape){.tape.fd = -1, .trades.fd = -1};
    error = open_output(&tape->tape, tape_path, feed_fd, -1);
    if (error == 0)
        error = open_output(&tape->trades, trades_path, feed_fd, tape->tape.fd);
    if (error == 0)
        error = append(&tape->tape, TAPE_HEADER, strlen(TAPE_HEADER));
    if (error == 0)
        error = append(&tape->trades, TRADES_HEADER, strlen(TRADES_HEADER));
    return error;
}

int tape_put(struct tape *tape, const struct book_event *e)
{
    int error = 0;

    if (e->row_length > 0) {
        error = append(&tape->tape, e->text, e->row_length);
        tape->tape.rows += error == 0;
    }
    if (e->trade_length > 0 && error == 0) {
        error = append(&tape->trades, e->text + e->row_length, e->trade_length);
        tape->trades.rows += error == 0;
    }
    if (error == 0) {
        tape->messages++;
        tape->by_type[(uint8_t)e->counted]++;
    }
    return error;
}

static int close_output(struct output *out)
{
    int error = out->os_error != 0 ? BOOK_EWRITE : 0;

    if (out->fd >= 0) {
        error = flush(out);
        if (error == 0 && out->fd > STDERR_FILENO) {
            int failed = close(out->fd);

            out->fd = -1;
            if (failed)
                error = fail(out, errno);
        }
        out->fd = -1;
    }
    free(out->buffer);
    out->buffer = NULL;
    return error;
}

int tape_close(struct tape *tape)
{
    int error = close_output(&tape->tape);
    int other = close_output(&tape->trades);

    return error != 0 ? error : other;
}

const struct output *tape_failed(const struct tape *tape)
{
    if (tape->tape.os_error != 0)
        return &tape->tape;
    return tape->trades.os_error != 0 ? &tape->trades : NULL;
}
