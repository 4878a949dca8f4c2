/* SPDX-License-Identifier: MIT */
/* The command line of takt-book. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <takt/version.h>

#define WORKERS_MOST 1024

static const char help[] =
    "Usage: takt-book [OPTION]... FEED\n"
    "\n"
    "Builds the limit order books of an exchange feed and writes the best bid and offer after "
    "every\n"
    "order message, in feed order. FEED is a file, or - for standard input; it may be compressed\n"
    "with gzip.\n"
    "\n"
    "  --format itch50|lobster   the feed's format: NASDAQ TotalView-ITCH 5.0 with two bytes of\n"
    "                            length before each message, or LOBSTER message CSV; without it,\n"
    "                            the first byte of the feed tells\n"
    "  --init BOOK               start from the first row of this LOBSTER order-book CSV, which "
    "is\n"
    "                            the book after the first message; implies --format lobster\n"
    "  --tape FILE               write the best bid and offer after every order message as CSV:\n"
    "                            seq,time_ns,symbol,bid_px,bid_sz,ask_px,ask_sz\n"
    "  --trades FILE             write the trades as CSV: seq,time_ns,symbol,price,shares,kind\n"
    "                            (E executed, C executed at another price, c the same but not\n"
    "                            printable, P hidden order, Q cross)\n"
    "  --report FILE             record what the workers and the scheduler do, and write it as a\n"
    "                            page of HTML with pictures\n"
    "  --trace FILE              the same as a trace for chrome://tracing or Perfetto\n"
    "  --counters FILE           keep the pipeline's figures in this file while it runs, for\n"
    "                            takt-top\n"
    "  --json                    print the summary as one JSON object on standard output, too\n"
    "  --workers N               threads of the pipeline; without it, one for each core\n"
    "  --redivide-every EVENTS   re-divide a stage at random whenever so many events have passed,\n"
    "                            to show that the tape does not depend on it\n"
    "  --baseline                no pipeline: the same work in one plain loop on one thread, to\n"
    "                            compare with (--workers and --redivide-every mean nothing then)\n"
    "  --help                    print this and leave\n"
    "  --version                 print the version and leave\n"
    "\n"
    "FILE may be - for standard output. Without --tape and --trades the books are built all the\n"
    "same, and the summary on standard error is all that is written. seq is the message's number\n"
    "in the feed, from 1 on; prices are in 1/10,000 dollar; an empty side is 0,0; the symbol is\n"
    "the one that the feed gives, #N for locate code N before it has one, and for LOBSTER the "
    "file\n"
    "name up to the first _.\n"
    "\n"
    "The exit status is 0 when all went well, 1 when feed or output were at fault (everything\n"
    "before the fault is on the tape) and 2 when the command line was.\n";

enum {
    OPTION_FORMAT = 256,
    OPTION_INIT,
    OPTION_WORKERS,
    OPTION_TAPE,
    OPTION_TRADES,
    OPTION_REPORT,
    OPTION_TRACE,
    OPTION_COUNTERS,
    OPTION_JSON,
    OPTION_REDIVIDE,
    OPTION_BASELINE,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option table[] = {
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"init", required_argument, NULL, OPTION_INIT},
    {"workers", required_argument, NULL, OPTION_WORKERS},
    {"tape", required_argument, NULL, OPTION_TAPE},
    {"trades", required_argument, NULL, OPTION_TRADES},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"counters", required_argument, NULL, OPTION_COUNTERS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"redivide-every", required_argument, NULL, OPTION_REDIVIDE},
    {"baseline", no_argument, NULL, OPTION_BASELINE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

__attribute__((format(printf, 1, 2))) static enum options_result usage(const char *message, ...)
{
    va_list arguments;

    va_start(arguments, message);
    fputs("takt-book: ", stderr);
    vfprintf(stderr, message, arguments);
    fputs("\nTry 'takt-book --help'.\n", stderr);
    va_end(arguments);
    return OPTIONS_USAGE;
}

static bool parse_format(const char *text, enum feed_format *format)
{
    if (strcmp(text, "itch50") == 0)
        *format = FEED_ITCH50;
    else if (strcmp(text, "lobster") == 0)
        *format = FEED_LOBSTER;
    else
        return false;
    return true;
}

/* A whole number from 1 to `most`, and nothing else. */
static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value >= 1 && *value <= most;
}

/* What one option alone cannot tell. */
static enum options_result check(struct book_options *options, int argc, char **argv, int at)
{
    bool tape_out = options->tape && strcmp(options->tape, "-") == 0;
    bool trades_out = options->trades && strcmp(options->trades, "-") == 0;

    if (argc == at)
        return usage("no feed given");
    if (argc > at + 1)
        return usage("one feed at a time, and '%s' is the second", argv[at + 1]);
    if (tape_out + trades_out + options->json > 1)
        return usage("standard output takes one of --tape -, --trades - and --json");
    if (options->baseline && (options->report || options->trace || options->counters))
        return usage("--report, --trace and --counters need the pipeline, not --baseline");
    if (options->init && options->format == FEED_ITCH50)
        return usage("--init goes with --format lobster only");
    if (options->init)
        options->format = FEED_LOBSTER;
    options->feed = argv[at];
    return OPTIONS_RUN;
}

enum options_result options_parse(struct book_options *options, int argc, char **argv)
{
    uint64_t number;
    int option;

    *options = (struct book_options){0};
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        switch (option) {
        case OPTION_FORMAT:
            if (!parse_format(optarg, &options->format))
                return usage("--format is itch50 or lobster, not '%s'", optarg);
            break;
        case OPTION_WORKERS:
            if (!parse_number(optarg, WORKERS_MOST, &number))
                return usage("--workers takes 1 to %d, not '%s'", WORKERS_MOST, optarg);
            options->workers = (unsigned)number;
            break;
        case OPTION_REDIVIDE:
            if (!parse_number(optarg, INT64_MAX, &options->redivide_every))
                return usage("--redivide-every takes a number of events, not '%s'", optarg);
            break;
        case OPTION_INIT: options->init = optarg; break;
        case OPTION_TAPE: options->tape = optarg; break;
        case OPTION_TRADES: options->trades = optarg; break;
        case OPTION_REPORT: options->report = optarg; break;
        case OPTION_TRACE: options->trace = optarg; break;
        case OPTION_COUNTERS: options->counters = optarg; break;
        case OPTION_JSON: options->json = true; break;
        case OPTION_BASELINE: options->baseline = true; break;
        case OPTION_HELP: fputs(help, stdout); return OPTIONS_DONE;
        case OPTION_VERSION:
            printf("takt-book %d.%d.%d\n", TAKT_VERSION_MAJOR, TAKT_VERSION_MINOR,
                   TAKT_VERSION_PATCH);
            return OPTIONS_DONE;
        case ':': return usage("%s needs an argument", argv[optind - 1]);
        default:
            if (optopt > 0 && optopt < OPTION_FORMAT)
                return usage("there is no option -%c", optopt);
            return usage("there is no option %s", argv[optind - 1]);
        }
    }
    return check(options, argc, argv, optind);
}
