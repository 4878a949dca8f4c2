/* SPDX-License-Identifier: MIT */
/* What cases of whole pipelines share: what they need of one, and whether it does what is asked. */
#ifndef TAKT_TEST_SIM_LINE_H
#define TAKT_TEST_SIM_LINE_H

#include <takt/takt.h>

#include "sim.h"

/* A runtime by these options, in the simulation's memory. */
#define LINE_RUNTIME(...) line_runtime(TAKT_RUNTIME(.allocator = &sim_allocator, __VA_ARGS__))
takt_runtime *line_runtime(const takt_runtime_options *options);

/* A pipeline by these options, whose numbers of shards nobody changes but the case. */
#define LINE_PIPELINE(runtime, ...)                                                                \
    line_pipeline((runtime), TAKT_PIPELINE(.alignment = 8, .fixed_widths = true, __VA_ARGS__))
takt_pipeline *line_pipeline(takt_runtime *runtime, const takt_pipeline_options *options);

takt_stage *line_stage(takt_pipeline *pipeline, const takt_stage_options *options);

void line_start(takt_pipeline *pipeline);

/* Waits for the pipeline's end, which is to be `code`. */
void line_ends_with(takt_pipeline *pipeline, int code);

#endif
