/* SPDX-License-Identifier: MIT */
/* takt-book's feed, from files, pipes and gzip, and how it is cut into messages. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "source.h"

static char directory[64];

static void enter(void)
{
    strcpy(directory, "/tmp/takt-book-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

static void leave(void)
{
    const char *const names[] = {"feed", "pipe"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        (void)unlink(names[i]);
    cr_expect_eq(rmdir(directory), 0);
}

TestSuite(feed, .init = enter, .fini = leave);
TestSuite(source, .init = enter, .fini = leave);

static void write_file(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

/* Appends the bytes to a file as a gzip member. */
static void write_gzip(const char *path, const void *bytes, size_t length)
{
    gzFile file = gzopen(path, "ab1");

    cr_assert_eq(gzwrite(file, bytes, (unsigned)length), (int)length);
    cr_assert_eq(gzclose(file), Z_OK);
}

/* Bytes that a wrong order or a lost byte would show in. */
static uint8_t *pattern(size_t length)
{
    uint8_t *bytes = malloc(length);

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((i * 0x9e3779b1u) >> 13);
    bytes[0] = 0;
    return bytes;
}

/* Reads the feed in odd portions and compares; returns how feed_more ended. */
static int compare(struct feed *feed, const uint8_t *bytes, size_t length, size_t portion)
{
    size_t at = 0, available;

    for (;;) {
        const uint8_t *seen = feed_bytes(feed, &available);

        if (available < portion && !feed->at_end) {
            int result = feed_more(feed, true);

            if (result < 0)
                return result;
            continue;
        }
        if (available == 0)
            break;
        if (available > portion)
            available = portion;
        cr_assert_leq(at + available, length);
        cr_assert_eq(memcmp(seen, bytes + at, available), 0, "at %zu", at);
        cr_assert_eq(feed->offset, at);
        feed_consume(feed, available);
        at += available;
    }
    cr_assert_eq(at, length);
    return feed_more(feed, true);
}

Test(feed, a_file_longer_than_the_window)
{
    size_t length = 2 * FEED_WINDOW + 12345;
    uint8_t *bytes = pattern(length);
    struct feed feed;

    write_file("feed", bytes, length);
    cr_assert_eq(feed_open(&feed, "feed"), 0);
    cr_assert(feed_ready(&feed));
    cr_assert_eq(compare(&feed, bytes, length, 777), FEED_END);
    cr_assert_eq(feed_done(&feed), length);
    cr_assert_eq(feed.total, length);
    feed_close(&feed);
    free(bytes);
}

Test(feed, gzip_in_several_members)
{
    size_t length = 2 * FEED_WINDOW + 12345;
    uint8_t *bytes = pattern(length);
    struct feed feed;

    write_gzip("feed", bytes, 1);
    write_gzip("feed", bytes + 1, 0);
    write_gzip("feed", bytes + 1, length - 1);
    cr_assert_eq(feed_open(&feed, "feed"), 0);
    cr_assert_eq(compare(&feed, bytes, length, 999), FEED_END);
    cr_assert_eq(feed_done(&feed), feed.total);
    feed_close(&feed);
    free(bytes);
}

Test(feed, damaged_gzip)
{
    size_t length = 300000, whole;
    uint8_t *bytes = pattern(length);
    struct feed feed;
    struct stat status;

    write_gzip("feed", bytes, length);
    cr_assert_eq(stat("feed", &status), 0);
    whole = (size_t)status.st_size;
    for (size_t cut = 1; cut < whole; cut += cut < 20 ? 1 : whole / 7) {
        cr_assert_eq(truncate("feed", (off_t)(whole - cut)), 0);
        cr_assert_eq(feed_open(&feed, "feed"), 0);
        for (;;) {
            size_t available;
            const uint8_t *seen = feed_bytes(&feed, &available);
            int result;

            cr_assert_eq(memcmp(seen, bytes + feed.offset, available), 0);
            feed_consume(&feed, available);
            result = feed_more(&feed, true);
            if (result == FEED_MORE)
                continue;
            cr_assert_eq(result, BOOK_EGZIP, "%zu bytes short: %d", cut, result);
            cr_assert_eq(feed_more(&feed, true), BOOK_EGZIP, "and again when asked again");
            break;
        }
        cr_assert_eq(feed_stopped(&feed), whole - cut);
        feed_close(&feed);
        unlink("feed");
        write_gzip("feed", bytes, length);
    }
    write_file("feed", "garbage", 7);
    cr_assert_eq(feed_open(&feed, "feed"), 0);
    cr_assert_eq(compare(&feed, bytes, length, 5000), BOOK_EGZIP);
    feed_close(&feed);
    free(bytes);
}

Test(feed, empty_and_missing)
{
    struct feed feed;
    size_t available;

    cr_assert_eq(feed_open(&feed, "feed"), BOOK_EREAD);
    cr_assert_eq(feed.os_error, ENOENT);
    feed_close(&feed);
    write_file("feed", "", 0);
    cr_assert_eq(feed_open(&feed, "feed"), 0);
    cr_assert_eq(feed_more(&feed, true), FEED_END);
    (void)feed_bytes(&feed, &available);
    cr_assert_eq(available, 0);
    feed_close(&feed);
    cr_assert_eq(feed_open(&feed, "/"), 0);
    cr_assert_eq(feed_more(&feed, true), BOOK_EREAD);
    cr_assert_eq(feed.os_error, EISDIR);
    feed_close(&feed);
}

/* What has been written to a pipe is there at once; nothing waits for what has not. */
static void trickle(const uint8_t *packed, size_t length, const uint8_t *bytes, size_t unpacked)
{
    struct feed feed;
    size_t available, seen = 0;
    int writer;

    cr_assert_eq(mkfifo("pipe", 0600), 0);
    writer = open("pipe", O_RDWR); /* so that the reader's open does not wait for a writer */
    cr_assert_eq(feed_open(&feed, "pipe"), 0);
    cr_assert_not(feed_ready(&feed));
    cr_assert_eq(feed_more(&feed, false), FEED_LATER);
    for (size_t i = 0; i < length; i++) {
        int result;

        cr_assert_eq(write(writer, &packed[i], 1), 1);
        cr_assert(feed_ready(&feed));
        do {
            const uint8_t *window;

            result = feed_more(&feed, false);
            window = feed_bytes(&feed, &available);
            cr_assert_eq(memcmp(window, bytes + seen, available), 0);
            seen += available;
            feed_consume(&feed, available);
        } while (result == FEED_MORE);
        cr_assert_eq(result, FEED_LATER);
        cr_assert_not(feed_ready(&feed));
        if (packed == bytes && i > 0)
            cr_assert_eq(seen, i + 1);
    }
    cr_assert_eq(seen, unpacked);
    close(writer);
    cr_assert(feed_ready(&feed));
    cr_assert_eq(feed_more(&feed, false), FEED_END);
    feed_close(&feed);
}

Test(feed, from_a_pipe_byte_by_byte)
{
    const uint8_t bytes[] = "\x1f is how gzip begins, but not how it goes on";

    trickle(bytes, sizeof(bytes), bytes, sizeof(bytes));
}

Test(feed, gzip_from_a_pipe_byte_by_byte)
{
    const uint8_t bytes[] = "some text, some text, some text";
    uint8_t packed[200];
    ssize_t length;
    int fd;

    write_gzip("feed", bytes, 10);
    write_gzip("feed", bytes + 10, sizeof(bytes) - 10);
    fd = open("feed", O_RDONLY);
    length = read(fd, packed, sizeof(packed));
    close(fd);
    trickle(packed, (size_t)length, bytes, sizeof(bytes));
}

/* Two messages of 12 and 3 bytes; the second type does not exist, which is for decode to say. */
static const uint8_t frames[] = "\0\x0cSabcdefghijk\0\x03xyz\0\0";

static void expect_source(const char *path, enum feed_format format, size_t fill_lengths[], int end,
                          uint64_t offset)
{
    struct book_event e = {0};
    struct source source;

    cr_assert_eq(source_open(&source, path, format), 0);
    cr_assert_eq(source_begin(&source), 0);
    for (; *fill_lengths > 0; fill_lengths++) {
        cr_assert_eq(source_fill(&source, &e, true), SOURCE_FILLED);
        cr_assert_eq(e.length, *fill_lengths);
    }
    cr_assert_eq(source_fill(&source, &e, true), end);
    cr_assert_eq(e.offset, offset, "at %" PRIu64, e.offset);
    source_close(&source);
}

Test(source, cuts_frames_and_tells_where_they_are_cut_off)
{
    for (size_t length = 1; length <= 21; length++) {
        size_t both[] = {12, 3, 0}, one[] = {12, 0}, none[] = {0};

        write_file("feed", frames, length);
        if (length < 14)
            expect_source("feed", FEED_UNKNOWN, none, BOOK_ETRUNCATED, 0);
        else if (length == 14)
            expect_source("feed", FEED_ITCH50, one, SOURCE_END, 14);
        else if (length < 19)
            expect_source("feed", FEED_ITCH50, one, BOOK_ETRUNCATED, 14);
        else if (length == 19)
            expect_source("feed", FEED_UNKNOWN, both, SOURCE_END, 19);
        else if (length == 20)
            expect_source("feed", FEED_UNKNOWN, both, BOOK_ETRUNCATED, 19);
        else
            expect_source("feed", FEED_UNKNOWN, both, SOURCE_END, 21);
        unlink("feed");
    }
}

Test(source, nothing_follows_the_end_of_the_session)
{
    size_t both[] = {12, 3, 0}, none[] = {0};

    write_file("feed", frames, 21);
    write_file("feed", frames, 14);
    expect_source("feed", FEED_ITCH50, both, BOOK_ELENGTH, 19);
    unlink("feed");
    write_file("feed", frames + 19, 2);
    expect_source("feed", FEED_ITCH50, none, BOOK_EEMPTY, 2);
    unlink("feed");
    write_file("feed", frames, 0);
    expect_source("feed", FEED_LOBSTER, none, BOOK_EEMPTY, 0);
}

Test(source, cuts_lines_of_which_the_last_may_be_open)
{
    size_t lines[] = {4, 3, 2, 0};

    write_file("feed", "123\n45\n67", 9);
    expect_source("feed", FEED_UNKNOWN, lines, SOURCE_END, 9);
}

Test(source, knows_the_formats_apart)
{
    const struct {
        const char *bytes;
        enum feed_format given;
        int result;
    } cases[] = {
        {"\0", FEED_UNKNOWN, 0},
        {"\0", FEED_LOBSTER, BOOK_EFORMAT},
        {"3", FEED_UNKNOWN, 0},
        {"3", FEED_ITCH50, BOOK_EFORMAT},
        {"x", FEED_LOBSTER, BOOK_EFORMAT},
        {"\x89", FEED_UNKNOWN, BOOK_EFORMAT},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct source source;

        write_file("feed", cases[i].bytes, 1);
        cr_assert_eq(source_open(&source, "feed", cases[i].given), 0);
        cr_assert_eq(source_begin(&source), cases[i].result, "case %zu", i);
        source_close(&source);
        unlink("feed");
    }
}
