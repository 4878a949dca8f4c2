/* SPDX-License-Identifier: MIT */
/*
 * Reads a workload from lines of words:
 *
 *     name mine
 *     stage decode 60
 *     stage book 200 law exponential keys 1000 skew 0.6
 *     stage tape 20 most 1 after book
 *     arrivals step 0.2 0.9
 *     ring 65536
 *
 * A stage comes after the one before it unless it names others. What else a line may say stands in
 * the functions below, each word with its field.
 */
#include "perf/sim/workload.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

struct reader {
    struct sim_workload *workload;
    char *rest; /* of the line: strtok's */
    char *error;
    size_t size;
    unsigned line;
};

static bool fail(struct reader *reader, const char *format, ...)
{
    va_list arguments;
    int n = snprintf(reader->error, reader->size, "line %u: ", reader->line);
    va_start(arguments, format);
    if (n > 0 && (size_t)n < reader->size)
        vsnprintf(reader->error + n, reader->size - (size_t)n, format, arguments);
    va_end(arguments);
    return false;
}

static char *word(struct reader *reader)
{
    return strtok_r(NULL, BLANKS, &reader->rest);
}

static bool number(struct reader *reader, const char *what, double least, double most,
                   double *value)
{
    char *text = word(reader), *end;
    if (!text)
        return fail(reader, "%s needs a number", what);
    *value = strtod(text, &end);
    if (*end || !(*value >= least && *value <= most))
        return fail(reader, "%s must be a number from %g to %g, not '%s'", what, least, most, text);
    return true;
}

static bool copy_name(struct reader *reader, char *name)
{
    const char *text = word(reader);
    if (!text || strlen(text) >= SIM_NAME_MAX)
        return fail(reader, "a name of up to %d characters is wanted", SIM_NAME_MAX - 1);
    strcpy(name, text);
    return true;
}

static bool read_law(struct reader *reader, enum sim_law *law)
{
    static const char *const names[] = {"constant", "exponential", "bimodal", "heavy-tail"};
    const char *text = word(reader);
    for (int i = 0; text && i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *law = (enum sim_law)i;
            return true;
        }
    return fail(reader, "law: constant, exponential, bimodal or heavy-tail");
}

static bool read_after(struct reader *reader, struct sim_stage_spec *stage, bool *named)
{
    const char *text = word(reader);
    if (!*named)
        stage->upstream_count = 0;
    *named = true;
    if (stage->upstream_count == SIM_UPSTREAM_MAX)
        return fail(reader, "more than %d stages before one", SIM_UPSTREAM_MAX);
    for (uint32_t i = 0; text && i < reader->workload->count; i++)
        if (strcmp(reader->workload->stages[i].name, text) == 0) {
            stage->upstream[stage->upstream_count++] = i;
            return true;
        }
    return fail(reader, "after: no stage '%s' so far", text ? text : "");
}

/* One word of a stage and what belongs to it. */
static bool read_stage_word(struct reader *reader, const char *key, struct sim_stage_spec *stage,
                            bool *named)
{
    double value = 0;
    if (strcmp(key, "law") == 0)
        return read_law(reader, &stage->law);
    if (strcmp(key, "after") == 0)
        return read_after(reader, stage, named);
    if (strcmp(key, "then") == 0)
        return number(reader, key, 0.1, 1e9, &stage->mean_after_ns);
    if (strcmp(key, "weight") == 0)
        return number(reader, key, 1e-6, 1e6, &stage->weight);
    if (strcmp(key, "skew") == 0)
        return number(reader, key, 0, 10, &stage->skew);
    if (strcmp(key, "keys") == 0 || strcmp(key, "most") == 0) {
        if (!number(reader, key, 1, *key == 'k' ? 1e6 : 256, &value))
            return false;
        *(*key == 'k' ? &stage->keys : &stage->most) = (uint32_t)value;
        return true;
    }
    if (strcmp(key, "source") == 0) {
        stage->source = true;
        return reader->workload->count == 0 || fail(reader, "only the first stage can be a source");
    }
    return fail(reader, "unknown word '%s' for a stage", key);
}

static bool read_stage(struct reader *reader)
{
    struct sim_workload *workload = reader->workload;
    if (workload->count == SIM_STAGES_MAX)
        return fail(reader, "more than %d stages", SIM_STAGES_MAX);
    struct sim_stage_spec *stage = &workload->stages[workload->count];
    *stage = (struct sim_stage_spec){.weight = 1};
    if (workload->count > 0) {
        stage->upstream[0] = workload->count - 1;
        stage->upstream_count = 1;
    }
    if (!copy_name(reader, stage->name) ||
        !number(reader, "the time of an event", 0.1, 1e9, &stage->mean_ns))
        return false;
    bool named = false;
    for (const char *key; (key = word(reader));)
        if (!read_stage_word(reader, key, stage, &named))
            return false;
    if (stage->source && stage->keys)
        return fail(reader, "a source has no keys");
    workload->count++;
    return true;
}

static bool read_arrivals(struct reader *reader)
{
    struct sim_workload *w = reader->workload;
    const char *shape = word(reader);
    if (!shape)
        return fail(reader, "arrivals need a shape");
    if (strcmp(shape, "saturated") == 0) {
        w->shape = SIM_SATURATED;
        return true;
    }
    if (!number(reader, "load", 0, 10, &w->load))
        return false;
    if (strcmp(shape, "poisson") == 0) {
        w->shape = SIM_POISSON;
        return true;
    }
    if (strcmp(shape, "burst") == 0) {
        w->shape = SIM_BURST;
        return number(reader, "burst", 0, 100, &w->burst) &&
               number(reader, "period", 0.01, 1e6, &w->period_ms);
    }
    if (!number(reader, "the other load", 0, 10, &w->other_load))
        return false;
    w->shape = SIM_STEP;
    if (strcmp(shape, "step") == 0)
        return true;
    if (strcmp(shape, "sine") != 0 && strcmp(shape, "on-off") != 0)
        return fail(reader, "arrivals: saturated, poisson, step, sine, burst or on-off");
    w->shape = *shape == 's' ? SIM_SINE : SIM_ON_OFF;
    return number(reader, "period", 0.01, 1e6, &w->period_ms);
}

static bool read_line(struct reader *reader, char *line)
{
    struct sim_workload *w = reader->workload;
    char *key = strtok_r(line, BLANKS, &reader->rest);
    double slots = 0;
    bool fine = true;
    if (!key || *key == '#')
        return true;
    if (strcmp(key, "stage") == 0)
        return read_stage(reader);
    if (strcmp(key, "name") == 0)
        fine = copy_name(reader, w->name);
    else if (strcmp(key, "arrivals") == 0)
        fine = read_arrivals(reader);
    else if (strcmp(key, "ring") == 0) {
        fine = number(reader, key, 1024, 1 << 28, &slots);
        if (fine)
            w->capacity = (int64_t)slots;
    } else
        return fail(reader, "name, stage, arrivals or ring is wanted, not '%s'", key);
    char *more = fine ? word(reader) : NULL;
    return more ? fail(reader, "'%s' is too much", more) : fine;
}

bool sim_workload_read(struct sim_workload *workload, FILE *file, char *error, size_t size)
{
    struct reader reader = {.workload = workload, .error = error, .size = size};
    char line[512];
    *workload = (struct sim_workload){.name = "file", .capacity = 65536};
    while (fgets(line, sizeof line, file)) {
        reader.line++;
        if (!strchr(line, '\n') && !feof(file))
            return fail(&reader, "the line is too long");
        if (!read_line(&reader, line))
            return false;
    }
    if (workload->count == (workload->count && workload->stages[0].source ? 1u : 0u))
        return fail(&reader, "there is no stage%s", workload->count ? " after the source" : "");
    if (workload->stages[0].source && workload->shape != SIM_SATURATED)
        return fail(&reader, "what a source fills has no arrivals");
    return true;
}
