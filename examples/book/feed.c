/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a feed, through a window. When the window is read to its end, what is left of a
 * message is moved to the front and the rest is filled behind it. Every fill is one read(2) or one
 * piece of unpacked data: what a pipe has is used at once.
 *
 * Whether a feed is compressed is told from its first bytes, the magic number of gzip. They can be
 * neither ITCH (a message of 8,075 bytes) nor text.
 */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"

static const uint8_t magic[2] = {0x1f, 0x8b};

int feed_open(struct feed *feed, const char *path)
{
    struct stat status;

    *feed = (struct feed){.path = path, .fd = -1};
    feed->window = calloc(1, FEED_WINDOW + FEED_SLACK);
    if (!feed->window)
        return BOOK_ENOMEM;
    if (strcmp(path, "-") == 0)
        feed->fd = STDIN_FILENO;
    else
        feed->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (feed->fd < 0 || fstat(feed->fd, &status) != 0) {
        feed->os_error = errno;
        return BOOK_EREAD;
    }
    feed->waits = !S_ISREG(status.st_mode);
    if (!feed->waits) {
        feed->total = (uint64_t)status.st_size;
        (void)posix_fadvise(feed->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return 0;
}

void feed_close(struct feed *feed)
{
    if (feed->gunzip) {
        gunzip_close(feed->gunzip);
        free(feed->gunzip);
    }
    if (feed->fd > STDERR_FILENO)
        close(feed->fd);
    free(feed->window);
    *feed = (struct feed){.fd = -1};
}

static bool readable(const struct feed *feed)
{
    struct pollfd question = {.fd = feed->fd, .events = POLLIN};

    return !feed->waits || feed->input_ended || poll(&question, 1, 0) > 0;
}

static void wait_readable(const struct feed *feed)
{
    struct pollfd question = {.fd = feed->fd, .events = POLLIN};

    (void)poll(&question, 1, -1);
}

/* One read of up to `room` bytes; *got is 0 at the end of the input. */
static int read_input(struct feed *feed, uint8_t *to, size_t room, bool wait, size_t *got)
{
    *got = 0;
    for (;;) {
        ssize_t n;

        if (!wait && !readable(feed))
            return FEED_LATER;
        n = read(feed->fd, to, room);
        if (n >= 0) {
            *got = (size_t)n;
            feed->input_ended = n == 0;
            __atomic_store_n(&feed->done, feed->done + (uint64_t)n, __ATOMIC_RELAXED);
            return FEED_MORE;
        }
        /* A descriptor that we inherited may have been set not to wait. */
        if (errno == EAGAIN && wait)
            wait_readable(feed);
        else if (errno == EAGAIN)
            return FEED_LATER;
        else if (errno != EINTR) {
            feed->os_error = errno;
            return BOOK_EREAD;
        }
    }
}

static int unpack_more(struct feed *feed, bool wait)
{
    struct gunzip *gunzip = feed->gunzip;

    for (;;) {
        size_t made, got;
        int result = gunzip_run(gunzip, feed->window + feed->tail, FEED_WINDOW - feed->tail, &made);

        feed->tail += made;
        if (made > 0)
            return FEED_MORE; /* an error will come again when the good bytes are used up */
        if (result != 0)
            return result;
        if (feed->input_ended && gunzip->inside)
            return BOOK_EGZIP;
        if (feed->input_ended) {
            feed->at_end = true;
            return FEED_END;
        }
        result = read_input(feed, gunzip->input, GUNZIP_INPUT, wait, &got);
        if (result != FEED_MORE)
            return result;
        gunzip->stream.next_in = gunzip->input;
        gunzip->stream.avail_in = (uInt)got;
    }
}

static int read_more(struct feed *feed, bool wait)
{
    size_t got;
    int result = read_input(feed, feed->window + feed->tail, FEED_WINDOW - feed->tail, wait, &got);

    if (result != FEED_MORE)
        return result;
    feed->tail += got;
    feed->at_end = got == 0;
    return feed->at_end ? FEED_END : FEED_MORE;
}

/* Reads until it is clear whether the feed is compressed; if it is, starts to unpack. */
static int sniff(struct feed *feed, bool wait)
{
    while (feed->tail < sizeof(magic) && memcmp(feed->window, magic, feed->tail) == 0) {
        size_t got;
        int result =
            read_input(feed, feed->window + feed->tail, GUNZIP_INPUT - feed->tail, wait, &got);

        if (result != FEED_MORE)
            return result;
        feed->tail += got;
        if (got == 0)
            break;
    }
    feed->sniffed = true;
    feed->at_end = feed->input_ended;
    if (feed->tail < sizeof(magic) || memcmp(feed->window, magic, sizeof(magic)) != 0)
        return feed->tail > 0 ? FEED_MORE : FEED_END;

    feed->at_end = false;
    feed->gunzip = malloc(sizeof(*feed->gunzip));
    if (!feed->gunzip)
        return BOOK_ENOMEM;
    if (gunzip_open(feed->gunzip) != 0) {
        free(feed->gunzip);
        feed->gunzip = NULL;
        return BOOK_ENOMEM;
    }
    memcpy(feed->gunzip->input, feed->window, feed->tail);
    feed->gunzip->stream.next_in = feed->gunzip->input;
    feed->gunzip->stream.avail_in = (uInt)feed->tail;
    feed->tail = 0;
    return unpack_more(feed, wait);
}

int feed_more(struct feed *feed, bool wait)
{
    if (feed->at_end)
        return FEED_END;
    if (!feed->sniffed)
        return sniff(feed, wait);
    if (feed->head > 0) {
        memmove(feed->window, feed->window + feed->head, feed->tail - feed->head);
        feed->tail -= feed->head;
        feed->head = 0;
    }
    return feed->gunzip ? unpack_more(feed, wait) : read_more(feed, wait);
}

bool feed_ready(const struct feed *feed)
{
    if (feed->at_end || (feed->gunzip && feed->gunzip->stream.avail_in > 0))
        return true;
    return readable(feed);
}

uint64_t feed_done(const struct feed *feed)
{
    return __atomic_load_n(&feed->done, __ATOMIC_RELAXED);
}

uint64_t feed_stopped(const struct feed *feed)
{
    return feed->done - (feed->gunzip ? feed->gunzip->stream.avail_in : 0);
}
