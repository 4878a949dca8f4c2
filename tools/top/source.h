/* SPDX-License-Identifier: MIT */
/* A counters file, as takt-top reads it, and what has become of its writer. */
#ifndef TAKT_TOP_SOURCE_H
#define TAKT_TOP_SOURCE_H

#include <takt/counters.h>

enum writer {
    WRITER_LIVES,
    WRITER_CLOSED, /* it said goodbye */
    WRITER_DIED,   /* the process is gone, and the file was not closed */
    WRITER_SILENT, /* the process is there, and has written nothing for a while */
};

struct source {
    const char *path;
    unsigned char *map;
    size_t size;
};

/* What the file held at one moment. */
struct reading {
    unsigned char *bytes; /* a copy of the file */
    const takt_counters_header *header;
    bool whole; /* all of one moment; if not, its figures may not fit together */
    enum writer writer;
    int64_t now; /* when it was read */
    double age;  /* seconds since it was written */
};

/* Maps the file. On failure false, with the reason in `why`. */
bool source_open(struct source *source, const char *path, char *why, size_t size);

/* Reads it. `reading` is zeroed before the first time; its memory is used again. */
bool source_read(const struct source *source, struct reading *reading);

/* Records by their number. */
const takt_counters_worker *reading_worker(const struct reading *reading, uint32_t number);
const takt_counters_pipeline *reading_pipeline(const struct reading *reading, uint32_t number);

/* Whether the record of a pipeline is in use. */
bool pipeline_is_used(const takt_counters_pipeline *pipeline);

const char *state_name(const takt_counters_pipeline *pipeline);

/* One word about the writer, and a sentence. */
const char *writer_word(enum writer writer);
void writer_sentence(const struct reading *reading, char *text, size_t size);

#endif
