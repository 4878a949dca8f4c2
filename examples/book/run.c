/* SPDX-License-Identifier: MIT */
/* Setting up and taking down a run, and the plain loop. */
#include "run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "itch.h"
#include "lobster.h"

int run_fail(struct book_run *run, int error, uint64_t offset)
{
    struct book_fault *fault = &run->fault;
    const struct output *output = tape_failed(&run->tape);

    if (fault->error != 0)
        return error;
    *fault = (struct book_fault){.error = error, .path = run->options->feed, .offset = offset};
    if (error == BOOK_EREAD)
        fault->os_error = run->source.feed.os_error;
    if (error == BOOK_EWRITE && output) {
        fault->path = output->path;
        fault->offset = output->written;
        fault->os_error = output->os_error;
        fault->reason = output->reason;
    }
    return error;
}

/* Gets the first line of a file into the window. 0, or an error of feed_more. */
static int first_line(struct feed *feed, const uint8_t **line, size_t *length)
{
    for (;;) {
        const uint8_t *bytes = feed_bytes(feed, length), *newline = NULL;
        int result;

        *line = bytes;
        if (*length > 0)
            newline = memchr(bytes, '\n', *length);
        if (newline) {
            *length = (size_t)(newline - bytes);
            return 0;
        }
        if (*length == FEED_WINDOW)
            return BOOK_EFORMAT;
        result = feed_more(feed, true);
        if (result < 0)
            return result;
        if (result == FEED_END)
            return *length > 0 ? 0 : BOOK_EEMPTY;
    }
}

static int seed_from(struct book_run *run, const uint8_t *line, size_t length)
{
    size_t capacity = length / 4 + 1, count;
    struct lobster_level *levels = malloc(capacity * sizeof(*levels));
    int error;

    if (!levels)
        return BOOK_ENOMEM;
    error = lobster_levels((const char *)line, length, levels, capacity, &count);
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = books_seed(&run->books, LOBSTER_LOCATE, levels[i].side, levels[i].price,
                           levels[i].shares);
    }
    free(levels);
    return error;
}

/* Starts the book from the first row of --init. */
static int seed(struct book_run *run, const char *path)
{
    const uint8_t *line;
    struct feed feed;
    size_t length;
    int error = feed_open(&feed, path);

    if (error == 0)
        error = first_line(&feed, &line, &length);
    if (error == 0)
        error = seed_from(run, line, length);
    if (error != 0) {
        bool stopped = error == BOOK_EREAD || error == BOOK_EGZIP;

        run->fault = (struct book_fault){.error = error,
                                         .os_error = feed.os_error,
                                         .path = path,
                                         .offset = stopped ? feed_stopped(&feed) : 0};
    }
    feed_close(&feed);
    run->seeded = true;
    return error;
}

/* A LOBSTER file is about one symbol, which only its name tells: MSFT_2012-06-21_message_5.csv. */
static void name_symbol(struct book_run *run)
{
    const char *slash = strrchr(run->options->feed, '/');
    const char *name = slash ? slash + 1 : run->options->feed;
    size_t length = strcspn(name, "_");
    char symbol[9] = "-";
    bool good = name[length] == '_' && length < sizeof(symbol) && isalpha((unsigned char)name[0]);

    for (size_t i = 0; good && i < length; i++)
        good = isalnum((unsigned char)name[i]) || name[i] == '.' || name[i] == '-';
    if (good)
        memcpy(symbol, name, length);
    books_name(&run->books, LOBSTER_LOCATE, symbol);
}

int run_open(struct book_run *run, const struct book_options *options)
{
    struct source *source = &run->source;
    int error;

    *run = (struct book_run){.options = options};
    progress_begin(&run->progress);
    error = source_open(source, options->feed, options->format);
    if (error == 0)
        error = books_open(&run->books);
    if (error == 0 && options->init && seed(run, options->init) != 0)
        return run->fault.error;
    if (error == 0)
        error = tape_open(&run->tape, options->tape, options->trades, source->feed.fd);
    /* The outputs come first: whatever is wrong with the feed's bytes, they have their headers. */
    if (error == 0)
        error = source_begin(source);
    if (error == BOOK_EREAD || error == BOOK_EGZIP)
        return run_fail(run, error, feed_stopped(&source->feed));
    if (error != 0)
        return run_fail(run, error, 0);
    if (source->format == FEED_LOBSTER)
        name_symbol(run);
    return 0;
}

void run_close(struct book_run *run)
{
    (void)tape_close(&run->tape);
    books_close(&run->books);
    source_close(&run->source);
}

int run_decode(const struct book_run *run, struct book_event *e)
{
    size_t length = e->length;
    bool whole;
    int error;

    if (run->source.format == FEED_ITCH50)
        return itch_decode(e->raw, length, e);
    whole = e->raw[length - 1] == '\n';
    error = lobster_decode(e->raw, length, e);
    if (error == 0 && e->time_ns > BOOK_TIME_MAX)
        error = BOOK_EFIELD;
    /* What is wrong with a last line without its end is that the rest of it is missing. */
    if (error != 0 && !whole)
        error = BOOK_ETRUNCATED;
    if (run->seeded && e->offset == 0)
        e->action = BOOK_SEED;
    return error;
}

int run_baseline(struct book_run *run)
{
    struct book_event event = {0}, *e = &event;
    const struct feed *feed = &run->source.feed;
    bool trades = run->options->trades != NULL;

    for (int64_t number = 1;; number++) {
        int result = source_fill(&run->source, e, true);

        if (result == SOURCE_END)
            return 0;
        if (result == SOURCE_FILLED)
            result = run_decode(run, e);
        if (result == 0)
            result = book_apply(&run->books, e);
        if (result == 0) {
            book_format(e, number, trades);
            result = tape_put(&run->tape, e);
        }
        if (result != 0)
            return run_fail(run, result, e->offset);
        if (number % 65536 == 0)
            progress_show(&run->progress, feed_done(feed), feed->total, (uint64_t)number);
    }
}
