/* SPDX-License-Identifier: MIT */
/* The steps of a schedule that is replayed for people to read; the last ones are kept. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "frames.h"

#define KEPT 32768

struct step {
    uint32_t number;
    char text[220];
};

bool sim_tracing;

static struct step steps[KEPT];
static uint32_t count;

void sim_trace_reset(void)
{
    count = 0;
}

/* The last part of a path. */
static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void sim_trace(const char *operation, const struct takt__site *site, const void *place,
               const char *format, ...)
{
    struct step *step = &steps[count++ % KEPT];
    step->number = sim_steps;
    size_t size = sizeof step->text;
    int n = snprintf(step->text, size, "%-16s %-13s ", sim_fibre_name(sim_current), operation);
    va_list arguments;
    va_start(arguments, format);
    n += vsnprintf(step->text + n, size - (size_t)n, format, arguments);
    va_end(arguments);
    if (place && n < (int)size)
        n += snprintf(step->text + n, size - (size_t)n, "  [%s]", sim_address(place));
    if (site && n < (int)size)
        snprintf(step->text + n, size - (size_t)n, "  %s  %s:%d %s", site->what, base(site->file),
                 site->line, site->function);
    sim_frame();
}

void sim_trace_print(uint32_t most)
{
    uint32_t n = count < KEPT ? count : KEPT;
    n = n < most ? n : most;
    for (uint32_t i = count - n; i < count; i++)
        printf("# %6u  %s\n", steps[i % KEPT].number, steps[i % KEPT].text);
}
