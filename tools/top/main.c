/* SPDX-License-Identifier: MIT */
/* takt-top: shows what a process that uses takt is doing, by its counters file. */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "frame.h"
#ifdef TAKT_TOP_CURSES
#include "screen.h"
#endif

/* Between the two readings that a rate needs. */
#define BETWEEN_US 250000

enum { EXIT_FAULT = 1, EXIT_USAGE = 2 };
enum mode { SCREEN, ONCE, JSON, OPENMETRICS, LEAVE, WRONG };

static const char help[] =
    "Usage: takt-top [--once|--json|--openmetrics] COUNTERS\n"
    "\n"
    "Shows what the pipelines and workers of a running process do, by the counters file that it\n"
    "keeps (takt_observe_open, or takt-book --counters FILE). The process is not disturbed.\n"
    "\n"
    "  --once         print one picture as text and leave\n"
    "  --json         print the figures as one JSON object\n"
    "  --openmetrics  print them in the OpenMetrics text format\n"
    "  --help         print this and leave\n"
    "\n"
    "Without an option the picture is renewed four times a second: q leaves, arrows scroll. A\n"
    "process that has ended, died or been stopped is said to have, and its last figures are "
    "shown.\n"
    "\n"
    "The exit status is 0, 1 if the file could not be read, and 2 if the command line was wrong.\n";

static const struct option table[] = {
    {"once", no_argument, NULL, ONCE},
    {"json", no_argument, NULL, JSON},
    {"openmetrics", no_argument, NULL, OPENMETRICS},
    {"help", no_argument, NULL, LEAVE},
    {NULL, 0, NULL, 0},
};

static enum mode usage(const char *message)
{
    fprintf(stderr, "takt-top: %s\nTry 'takt-top --help'.\n", message);
    return WRONG;
}

static enum mode parse(int argc, char **argv, const char **path)
{
    enum mode mode = SCREEN;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == '?')
            return usage("there is no such option");
        if (option == LEAVE) {
            fputs(help, stdout);
            return LEAVE;
        }
        if (mode != SCREEN)
            return usage("one of --once, --json and --openmetrics at a time");
        mode = (enum mode)option;
    }
    if (optind + 1 != argc)
        return usage(optind == argc ? "no counters file given" : "one counters file at a time");
    *path = argv[optind];
    return mode;
}

static void print_text(void *context, enum style style, const char *text)
{
    (void)style;
    fputs(text, context);
}

static void print_line(void *context)
{
    putc('\n', context);
}

static void print_frame(const struct source *source, const struct reading *reading,
                        const struct rates *rates, bool unicode)
{
    const char *columns = getenv("COLUMNS");
    int wide = columns ? atoi(columns) : 0;
    struct canvas canvas = {print_text, print_line, stdout, wide > 0 ? wide : 120, unicode};
    frame_draw(&canvas, source, reading, rates);
}

/* Reads twice, if the writer lives, for there are no rates without that. */
static bool read_twice(const struct source *source, struct reading *reading, struct rates *rates)
{
    if (!source_read(source, reading))
        return false;
    rates_add(rates, reading);
    if (reading->writer != WRITER_LIVES)
        return true;
    usleep(BETWEEN_US);
    if (!source_read(source, reading))
        return false;
    rates_add(rates, reading);
    return true;
}

static int run(enum mode mode, const struct source *source, bool unicode)
{
    static struct rates rates;
    static struct reading reading;
#ifdef TAKT_TOP_CURSES
    if (mode == SCREEN && isatty(STDOUT_FILENO))
        return screen_run(source, &reading, &rates, unicode);
#endif
    if (!read_twice(source, &reading, &rates)) {
        fprintf(stderr, "takt-top: %s: damaged while it was read, or no memory\n", source->path);
        return EXIT_FAULT;
    }
    if (mode == JSON)
        export_json(stdout, &reading, &rates);
    else if (mode == OPENMETRICS)
        export_openmetrics(stdout, &reading);
    else
        print_frame(source, &reading, &rates, unicode);
    free(reading.bytes);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("takt-top: standard output");
        return EXIT_FAULT;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct source source;
    char why[4200];
    const char *path = NULL;
    enum mode mode = parse(argc, argv, &path);
    if (mode == LEAVE || mode == WRONG)
        return mode == LEAVE ? EXIT_SUCCESS : EXIT_USAGE;
    /* Numbers stay as in C: the exports are for programs. */
    setlocale(LC_CTYPE, "");
    bool unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!source_open(&source, path, why, sizeof why)) {
        fprintf(stderr, "takt-top: %s\n", why);
        return EXIT_FAULT;
    }
    return run(mode, &source, unicode);
}
