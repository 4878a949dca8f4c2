/* SPDX-License-Identifier: MIT */
/* One picture of a runtime, as lines of text with styles: for a terminal, or for a pipe. */
#ifndef TAKT_TOP_FRAME_H
#define TAKT_TOP_FRAME_H

#include "rates.h"

enum style { PLAIN, TITLE, DIM, GOOD, WARNING };

/* Where a picture goes. */
struct canvas {
    void (*text)(void *context, enum style style, const char *text);
    void (*line)(void *context); /* ends a line */
    void *context;
    int columns;
    bool unicode; /* it can show block elements */
};

void frame_draw(const struct canvas *canvas, const struct source *source,
                const struct reading *reading, const struct rates *rates);

#endif
