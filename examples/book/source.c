/* SPDX-License-Identifier: MIT */
/* Cutting the feed into messages. */
#include "source.h"

#include <string.h>

#include "itch.h"
#include "lobster.h"

int source_open(struct source *source, const char *path, enum feed_format format)
{
    *source = (struct source){.format = format};
    return feed_open(&source->feed, path);
}

void source_close(struct source *source)
{
    feed_close(&source->feed);
}

int source_begin(struct source *source)
{
    enum feed_format looks = FEED_UNKNOWN;
    const uint8_t *bytes;
    size_t available;
    int result = feed_more(&source->feed, true);

    if (result < 0)
        return result;
    bytes = feed_bytes(&source->feed, &available);
    if (available == 0) {
        if (source->format == FEED_UNKNOWN)
            source->format = FEED_ITCH50;
        return 0;
    }
    /* No ITCH message has 256 bytes or more, and a LOBSTER line starts with the time. */
    if (bytes[0] == 0)
        looks = FEED_ITCH50;
    else if (bytes[0] >= '0' && bytes[0] <= '9')
        looks = FEED_LOBSTER;
    if (looks == FEED_UNKNOWN || (source->format != FEED_UNKNOWN && source->format != looks))
        return BOOK_EFORMAT;
    source->format = looks;
    return 0;
}

/* What raw has in the slot's first cache line: every ITCH message but one fits. */
#define SHORT (64 - offsetof(struct book_event, raw))

_Static_assert(SHORT <= FEED_SLACK, "so many bytes can be read behind any byte of the window");

/*
 * Copies a message of the window; short ones with a copy of constant size, which is cheaper, and
 * which leaves the slot's other lines alone.
 */
static void copy(struct book_event *e, const uint8_t *message, size_t length)
{
    if (length <= SHORT)
        memcpy(e->raw, message, SHORT);
    else
        memcpy(e->raw, message, length);
    e->length = length;
}

int source_fill(struct source *source, struct book_event *e, bool wait)
{
    struct feed *feed = &source->feed;
    size_t prefix = source->format == FEED_ITCH50 ? ITCH_PREFIX : 0;

    for (;;) {
        size_t available, length = 0;
        const uint8_t *bytes = feed_bytes(feed, &available);
        int found = 0;

        e->offset = feed->offset;
        if (available > 0) {
            if (source->closed) {
                e->offset = source->closed_at;
                return BOOK_ELENGTH;
            }
            if (source->format == FEED_ITCH50)
                found = itch_frame(bytes, available, &length);
            else
                found = lobster_line(bytes, available, feed->at_end, &length);
            if (found < 0)
                return found;
        }
        if (found == ITCH_FRAME) {
            copy(e, bytes + prefix, length);
            feed_consume(feed, prefix + length);
            source->any = true;
            return SOURCE_FILLED;
        }
        if (found == ITCH_END) {
            source->closed = true;
            source->closed_at = feed->offset;
            feed_consume(feed, prefix);
        } else if (feed->at_end) {
            if (available > 0)
                return BOOK_ETRUNCATED;
            return source->any ? SOURCE_END : BOOK_EEMPTY;
        } else {
            int result = feed_more(feed, wait);

            if (result < 0)
                e->offset = feed_stopped(feed);
            if (result < 0 || result == FEED_LATER)
                return result;
        }
    }
}
