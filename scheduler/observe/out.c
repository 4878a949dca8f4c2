/* SPDX-License-Identifier: MIT */
/* Writing a file from front to back: told in out.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <takt/error.h>

#include "scheduler/observe/out.h"

int takt__out_open(struct takt__out *out, const char *path)
{
    *out = (struct takt__out){.fd = -1};
    int n = snprintf(out->path, sizeof out->path, "%s", path);
    if (n < 0 || n >= (int)sizeof out->path) {
        errno = ENAMETOOLONG;
        return TAKT_EFILE;
    }
    struct stat status;
    /* What is no file, such as a pipe, is not to be replaced by one. */
    out->in_place = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    snprintf(out->part, sizeof out->part, "%s.%ld.part", path, (long)getpid());
    out->fd =
        open(out->in_place ? path : out->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return out->fd < 0 ? TAKT_EFILE : 0;
}

static void flush(struct takt__out *out)
{
    size_t done = 0;
    while (done < out->used && !out->os_error) {
        ssize_t n = write(out->fd, out->buffer + done, out->used - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            out->os_error = errno;
    }
    out->used = 0;
}

int takt__out_close(struct takt__out *out)
{
    flush(out);
    if (close(out->fd) != 0 && !out->os_error)
        out->os_error = errno;
    if (!out->os_error && !out->in_place && rename(out->part, out->path) != 0)
        out->os_error = errno;
    if (!out->os_error)
        return 0;
    if (!out->in_place)
        unlink(out->part);
    errno = out->os_error;
    return TAKT_EFILE;
}

void takt__out_bytes(struct takt__out *out, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        size_t room = sizeof out->buffer - out->used;
        size_t n = size < room ? size : room;
        memcpy(out->buffer + out->used, from, n);
        out->used += n;
        from += n;
        size -= n;
        if (out->used == sizeof out->buffer)
            flush(out);
    }
}

void takt__out_text(struct takt__out *out, const char *text)
{
    takt__out_bytes(out, text, strlen(text));
}

void takt__out_format(struct takt__out *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0)
        takt__out_bytes(out, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

void takt__out_string(struct takt__out *out, const char *text)
{
    takt__out_text(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == '"' || c == '\\' || c == '<' || c >= 0x7f)
            takt__out_format(out, "\\u%04x", c);
        else
            takt__out_bytes(out, text, 1);
    }
    takt__out_text(out, "\"");
}

static void put_four(struct takt__out *out, uint32_t letters)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char four[4] = {'=', '=', '=', '='};
    for (uint32_t i = 0; i < letters; i++)
        four[i] = alphabet[out->bits >> (18 - 6 * i) & 63];
    takt__out_bytes(out, four, sizeof four);
    out->bits = out->bytes = 0;
}

void takt__out_base64(struct takt__out *out, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < size; i++) {
        out->bits |= (uint32_t)from[i] << (16 - 8 * out->bytes);
        if (++out->bytes == 3)
            put_four(out, 4);
    }
}

void takt__out_base64_end(struct takt__out *out)
{
    if (out->bytes)
        put_four(out, out->bytes + 1);
}
