/* SPDX-License-Identifier: MIT */
/* The smallest pipeline: a source and one stage that sees every event in order. As in README.md. */
#include <stdio.h>

#include <takt/takt.h>

static int source(void *context, takt_batch *b) /* fill free slots */
{
    long *left = context;
    for (uint32_t i = 0; i < b->count; i++, --*left) {
        if (*left == 0)
            return b->count = i, TAKT_END;
        *(double *)takt_batch_at(b, i) = (double)(*left % 100);
    }
    return 0;
}

static int smooth(void *context, takt_batch *b) /* one shard: every event, in order */
{
    double *mean = context;
    for (uint32_t i = 0; i < b->count; i++)
        *mean += (*(double *)takt_batch_at(b, i) - *mean) / 16;
    return 0;
}

int main(void)
{
    long left = 10000000;
    double mean = 0;
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *first;
    takt_runtime_create(&runtime, TAKT_RUNTIME());
    takt_pipeline_create(&pipeline, runtime, TAKT_PIPELINE(.event_size = 8, .capacity = 4096));
    takt_pipeline_add_source(pipeline, &first, TAKT_STAGE(.handler = source, .context = &left));
    takt_pipeline_add_stage(pipeline, NULL,
                            TAKT_STAGE(.handler = smooth, .context = &mean, .after = &first,
                                       .after_count = 1, .shards_max = 1));
    takt_pipeline_start(pipeline);
    int error = takt_pipeline_wait(pipeline, TAKT_FOREVER);
    printf("%s, mean %f\n", takt_strerror(error), mean);
    takt_pipeline_destroy(pipeline);
    takt_runtime_destroy(runtime);
    return error != 0;
}
