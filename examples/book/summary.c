/* SPDX-License-Identifier: MIT */
/* What a run has done. */
#include "summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "itch.h"

#define MEMORY_BASE      (UINT64_C(64) << 20)
#define MEMORY_PER_ORDER 96

/* RssAnon of /proc/self/status, in bytes; 0 where there is none. */
static uint64_t anonymous_bytes(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    uint64_t kib = 0;
    char line[128];

    if (!status)
        return 0;
    while (fgets(line, sizeof(line), status)) {
        if (sscanf(line, "RssAnon: %" SCNu64 " kB", &kib) == 1)
            break;
    }
    fclose(status);
    return kib << 10;
}

struct summary summary_take(const struct book_run *run)
{
    struct summary summary = {
        .counts = books_count(&run->books),
        .anonymous_bytes = anonymous_bytes(),
        .elapsed_s = (double)run->elapsed_ns / 1e9,
    };

    summary.memory_bound = MEMORY_BASE + summary.counts.live_orders * MEMORY_PER_ORDER;
    if (run->elapsed_ns > 0)
        summary.messages_per_s = (double)run->tape.messages / summary.elapsed_s;
    return summary;
}

static const char *type_name(enum feed_format format, unsigned type)
{
    static const char *const lobster[] = {
        ['1'] = "new order",        ['2'] = "partial cancel", ['3'] = "delete", ['4'] = "execution",
        ['5'] = "hidden execution", ['6'] = "cross",          ['7'] = "halt",
    };
    const struct itch_layout *layout = itch_layout((char)type);

    if (format == FEED_LOBSTER)
        return type < sizeof(lobster) / sizeof(*lobster) ? lobster[type] : NULL;
    return layout ? layout->name : NULL;
}

static void print_types(const struct book_run *run)
{
    for (unsigned type = 0; type < 256; type++) {
        const char *name = type_name(run->source.format, type);

        if (run->tape.by_type[type] > 0 && name)
            fprintf(stderr, "  %c %-30s %14" PRIu64 "\n", (char)type, name,
                    run->tape.by_type[type]);
    }
}

static void print_stages(const struct book_run *run)
{
    if (run->stage_count == 0)
        return;
    fprintf(stderr, "\nstage        events   ns/event   shards least/mean/most  re-divisions\n");
    for (unsigned i = 0; i < run->stage_count; i++) {
        const struct book_stage *stage = &run->stages[i];
        double each = stage->events > 0 ? (double)stage->service_ns / (double)stage->events : 0;

        fprintf(stderr, "%-8s %10" PRIu64 " %10.1f %12u / %.2f / %-6u %8" PRIu64 "\n", stage->name,
                stage->events, each, stage->shards_min, stage->shards_mean, stage->shards_max,
                stage->redivisions);
    }
}

static void print_count(const char *what, uint64_t count)
{
    if (count > 0)
        fprintf(stderr, "%-34s %14" PRIu64 "\n", what, count);
}

void summary_print(const struct summary *summary, const struct book_run *run)
{
    const struct book_counts *counts = &summary->counts;

    fprintf(stderr, "%-34s %14" PRIu64 "\n", "messages", run->tape.messages);
    print_types(run);
    fprintf(stderr, "%-34s %14" PRIu64 "\n", "symbols", counts->symbols);
    fprintf(stderr, "%-34s %14" PRIu64 "\n", "live orders", counts->live_orders);
    print_count("orphans", counts->orphans);
    print_count("clamped", counts->clamped);
    print_count("duplicates", counts->duplicates);
    fprintf(stderr, "%-34s %14.3f s\n", "elapsed", summary->elapsed_s);
    fprintf(stderr, "%-34s %14.0f\n", "messages/s", summary->messages_per_s);
    if (run->workers > 0)
        fprintf(stderr, "%-34s %14u\n", "workers", run->workers);
    if (summary->anonymous_bytes > 0)
        fprintf(stderr, "%-34s %14.1f MiB of at most %.1f MiB\n", "anonymous memory",
                (double)summary->anonymous_bytes / (1 << 20),
                (double)summary->memory_bound / (1 << 20));
    print_stages(run);
}

/* "-" says little in a message. */
static const char *path_name(const struct book_run *run, const char *path)
{
    if (strcmp(path, "-") != 0)
        return path;
    return path == run->options->feed || path == run->options->init ? "standard input"
                                                                    : "standard output";
}

/* Everything behind the offset. */
static void fault_text(const struct book_run *run, char *text, size_t size)
{
    const struct book_fault *fault = &run->fault;
    const char *reason = fault->reason ? fault->reason : book_strerror(fault->error);
    /* In a compressed feed only damage to the compression has a place in the file itself. */
    bool unpacked = run->source.feed.gunzip && fault->path == run->options->feed &&
                    fault->error != BOOK_EGZIP && fault->error != BOOK_EREAD && fault->offset > 0 &&
                    fault->offset != RUN_NO_OFFSET;

    snprintf(text, size, "%s%s%s%s", reason, fault->os_error && !fault->reason ? ": " : "",
             fault->os_error && !fault->reason ? strerror(fault->os_error) : "",
             unpacked ? " (byte of the unpacked feed)" : "");
}

void summary_print_fault(const struct book_run *run)
{
    const struct book_fault *fault = &run->fault;
    char text[256];

    if (fault->error == 0)
        return;
    fault_text(run, text, sizeof(text));
    fprintf(stderr, "takt-book: %s: ", path_name(run, fault->path));
    if (fault->offset != RUN_NO_OFFSET)
        fprintf(stderr, "byte %" PRIu64 ": ", fault->offset);
    fprintf(stderr, "%s\n", text);
}

/* A JSON string; bytes that may be no UTF-8 are taken for Latin-1. */
static void json_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void json_error(const struct book_run *run)
{
    const struct book_fault *fault = &run->fault;
    char text[256];

    fault_text(run, text, sizeof(text));
    printf(", \"error\": {\"file\": ");
    json_string(path_name(run, fault->path));
    if (fault->offset != RUN_NO_OFFSET)
        printf(", \"byte\": %" PRIu64, fault->offset);
    printf(", \"code\": %d, \"reason\": ", fault->error);
    json_string(text);
    putchar('}');
}

static void json_stages(const struct book_run *run)
{
    printf(", \"stages\": [");
    for (unsigned i = 0; i < run->stage_count; i++) {
        const struct book_stage *stage = &run->stages[i];

        printf("%s{\"name\": ", i > 0 ? ", " : "");
        json_string(stage->name);
        printf(", \"events\": %" PRIu64 ", \"service_ns\": %" PRIu64, stage->events,
               stage->service_ns);
        printf(", \"shards_now\": %u, \"shards_min\": %u", stage->shards_now, stage->shards_min);
        printf(", \"shards_mean\": %.3f, \"shards_max\": %u", stage->shards_mean,
               stage->shards_max);
        printf(", \"redivisions\": %" PRIu64 "}", stage->redivisions);
    }
    putchar(']');
}

int summary_print_json(const struct summary *summary, const struct book_run *run)
{
    const struct book_counts *counts = &summary->counts;
    const char *separator = "";

    printf("{\"messages\": %" PRIu64 ", \"by_type\": {", run->tape.messages);
    for (unsigned type = 0; type < 256; type++) {
        if (run->tape.by_type[type] > 0) {
            printf("%s\"%c\": %" PRIu64, separator, (char)type, run->tape.by_type[type]);
            separator = ", ";
        }
    }
    printf("}, \"tape_rows\": %" PRIu64 ", \"trades_rows\": %" PRIu64, run->tape.tape.rows,
           run->tape.trades.rows);
    printf(", \"symbols\": %" PRIu64 ", \"live_orders\": %" PRIu64, counts->symbols,
           counts->live_orders);
    printf(", \"orphans\": %" PRIu64 ", \"clamped\": %" PRIu64 ", \"duplicates\": %" PRIu64,
           counts->orphans, counts->clamped, counts->duplicates);
    printf(", \"elapsed_s\": %.6f, \"messages_per_s\": %.1f", summary->elapsed_s,
           summary->messages_per_s);
    printf(", \"anonymous_bytes\": %" PRIu64 ", \"memory_bound\": %" PRIu64,
           summary->anonymous_bytes, summary->memory_bound);
    printf(", \"baseline\": %s, \"workers\": %u", run->options->baseline ? "true" : "false",
           run->workers);
    json_stages(run);
    if (run->fault.error != 0)
        json_error(run);
    puts("}");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : BOOK_EWRITE;
}
