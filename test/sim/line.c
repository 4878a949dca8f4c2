/* SPDX-License-Identifier: MIT */
/* What cases of whole pipelines share. */
#include "line.h"

takt_runtime *line_runtime(const takt_runtime_options *options)
{
    takt_runtime *runtime;
    int error = takt_runtime_create(&runtime, options);
    sim_check(error == 0, "no runtime: %s", takt_strerror(error));
    return runtime;
}

takt_pipeline *line_pipeline(takt_runtime *runtime, const takt_pipeline_options *options)
{
    takt_pipeline *pipeline;
    int error = takt_pipeline_create(&pipeline, runtime, options);
    sim_check(error == 0, "no pipeline: %s", takt_strerror(error));
    return pipeline;
}

takt_stage *line_stage(takt_pipeline *pipeline, const takt_stage_options *options)
{
    takt_stage *stage;
    int error = takt_pipeline_add_stage(pipeline, &stage, options);
    sim_check(error == 0, "no stage: %s", takt_strerror(error));
    return stage;
}

void line_start(takt_pipeline *pipeline)
{
    int error = takt_pipeline_start(pipeline);
    sim_check(error == 0, "it does not start: %s", takt_strerror(error));
}

void line_ends_with(takt_pipeline *pipeline, int code)
{
    int result = takt_pipeline_wait(pipeline, TAKT_FOREVER);
    sim_check(result == code, "the pipeline ended with %d, not %d", result, code);
}
