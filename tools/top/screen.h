/* SPDX-License-Identifier: MIT */
/* takt-top on a terminal. */
#ifndef TAKT_TOP_SCREEN_H
#define TAKT_TOP_SCREEN_H

#include "rates.h"

/* Shows the file until q is pressed. 0, or the exit status. */
int screen_run(const struct source *source, struct reading *reading, struct rates *rates,
               bool unicode);

#endif
