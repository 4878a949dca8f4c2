/* SPDX-License-Identifier: MIT */
/*
 * itch-gen: writes a day of a market that never was, as a NASDAQ TotalView-ITCH 5.0 daily file.
 *
 * This file is the program: its options, its messages, its progress bar. The day is made by
 * gen_day.c (the timetable), gen_flow.c (the orders, which rest in gen_side.c), gen_market.c (the
 * stocks) and gen_feed.c (the bytes).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen_day.h"

#define SYMBOLS_DEFAULT     200
#define MESSAGES_PER_SYMBOL 100 /* unless --symbols says otherwise */

enum {
    GO_ON = -1,
    EXIT_USAGE = 2,
};

static const char help[] =
    "Usage: itch-gen --messages N --seed S [--symbols K] --output FILE\n"
    "\n"
    "Writes a made-up trading day of exactly N messages, from 04:00 to 20:00, in the format of\n"
    "NASDAQ TotalView-ITCH 5.0 daily files. The same N, S and K give the same bytes on any\n"
    "machine.\n"
    "\n"
    "  -n, --messages N   messages in all; at least 6 and 2 more for each symbol\n"
    "  -s, --seed S       of the random numbers, 0 to 2^64 - 1\n"
    "  -k, --symbols K    stocks, 1 to 65535 (default: 200, or one for every 100 messages\n"
    "                     of a shorter day)\n"
    "  -o, --output FILE  where to write; - is the standard output\n"
    "  -h, --help         print this and exit\n";

struct options {
    uint64_t messages, seed, symbols;
    bool has_messages, has_seed, has_symbols;
    const char *output;
};

static int usage_error(const char *message, const char *detail)
{
    fprintf(stderr, "itch-gen: %s%s\nTry 'itch-gen --help'.\n", message, detail);
    return EXIT_USAGE;
}

/* Digits only, up to `max`: no sign, no spaces. */
static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > max)
        return false;
    *value = number;
    return true;
}

static int print_help(void)
{
    return fputs(help, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* GO_ON when the options are complete and sound, otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"messages", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"symbols", required_argument, NULL, 'k'},  {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "n:s:k:o:h", names, NULL)) != -1) {
        switch (c) {
        case 'n':
            if (!parse_number(optarg, INT64_MAX, &o->messages))
                return usage_error("--messages takes a number, not ", optarg);
            o->has_messages = true;
            break;
        case 's':
            if (!parse_number(optarg, UINT64_MAX, &o->seed))
                return usage_error("--seed takes a number, not ", optarg);
            o->has_seed = true;
            break;
        case 'k':
            if (!parse_number(optarg, GEN_SYMBOLS_MAX, &o->symbols) || o->symbols == 0)
                return usage_error("--symbols takes a number from 1 to 65535, not ", optarg);
            o->has_symbols = true;
            break;
        case 'o': o->output = optarg; break;
        case 'h': return print_help();
        default: fputs("Try 'itch-gen --help'.\n", stderr); return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return usage_error("what is this argument for: ", argv[optind]);
    if (!o->has_messages || !o->has_seed || !o->output)
        return usage_error(!o->has_messages ? "--messages is missing"
                           : !o->has_seed   ? "--seed is missing"
                                            : "--output is missing",
                           "");
    return GO_ON;
}

static void show_progress(uint64_t written, uint64_t messages)
{
    enum { WIDTH = 40 };
    char bar[WIDTH + 1];
    int full = (int)((double)written / (double)messages * WIDTH);
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %.1f of %.1f M messages", bar, (double)written / 1e6,
            (double)messages / 1e6);
}

/* As many as asked for; otherwise so many that a short day still has something to tell of each. */
static uint32_t choose_symbols(const struct options *o)
{
    if (o->has_symbols)
        return (uint32_t)o->symbols;
    uint64_t room = o->messages / MESSAGES_PER_SYMBOL;
    if (room < 1)
        return 1;
    return room < SYMBOLS_DEFAULT ? (uint32_t)room : SYMBOLS_DEFAULT;
}

static int run(const struct options *o)
{
    static struct gen_feed feed;
    struct gen_day day = {.messages = o->messages, .seed = o->seed};
    day.symbols = choose_symbols(o);
    if (o->messages < gen_day_least(day.symbols)) {
        fprintf(stderr,
                "itch-gen: a day with %" PRIu32 " symbol%s needs --messages %" PRIu64 " at least\n",
                day.symbols, day.symbols == 1 ? "" : "s", gen_day_least(day.symbols));
        return EXIT_USAGE;
    }

    bool standard = strcmp(o->output, "-") == 0;
    const char *name = standard ? "standard output" : o->output;
    if (standard && isatty(STDOUT_FILENO)) {
        fputs("itch-gen: the feed is binary: not written to a terminal\n", stderr);
        return EXIT_USAGE;
    }
    int fd = standard ? STDOUT_FILENO : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        fprintf(stderr, "itch-gen: cannot open %s: %s\n", name, strerror(errno));
        return EXIT_FAILURE;
    }
    bool terminal = isatty(STDERR_FILENO);
    day.progress = terminal ? show_progress : NULL;
    gen_feed_open(&feed, fd);
    int error = gen_day_write(&day, &feed);
    /* A full disk may be noticed as late as here. */
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (terminal)
        fputs("\r\033[K", stderr);
    if (error) {
        fprintf(stderr, "itch-gen: cannot write %s: %s\n", name, strerror(error));
        return EXIT_FAILURE;
    }
    if (terminal)
        fprintf(
            stderr,
            "%s: %.1f M messages, %" PRIu32 " symbols, %.1f MB, %" PRIu64 " orders at the end\n",
            name, (double)feed.written / 1e6, day.symbols, (double)feed.bytes / 1e6, day.orders);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int done = parse_options(argc, argv, &options);
    if (done != GO_ON)
        return done;
    /* A reader that goes away is an output that cannot be written, not a reason to die mute. */
    signal(SIGPIPE, SIG_IGN);
    return run(&options);
}
