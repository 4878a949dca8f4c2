/* SPDX-License-Identifier: MIT */
/* A reading for programs: JSON, and the OpenMetrics text format. */
#ifndef TAKT_TOP_EXPORT_H
#define TAKT_TOP_EXPORT_H

#include <stdio.h>

#include "rates.h"

void export_json(FILE *file, const struct reading *reading, const struct rates *rates);
void export_openmetrics(FILE *file, const struct reading *reading);

#endif
