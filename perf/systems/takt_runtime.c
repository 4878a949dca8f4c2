/* SPDX-License-Identifier: MIT */
/*
 * takt's runtime: the shapes as the stages of a pipeline, run by a few workers.
 *
 * That is what we would have a program do that has more consumers than cores: nothing in it waits
 * for a thread that is not running. The producer is a stage too, its source, so that a worker that
 * finds the ring full becomes a consumer and the other way round.
 *
 * Beside the events the row has scheduler_core: the part of a core that the scheduler thread used.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "takt_job.h"

struct line {
    struct job job;
    uint32_t workers;
    takt_runtime *runtime;
    takt_pipeline *pipeline;
};

static int add_stages(struct line *line)
{
    struct job *job = &line->job;
    const struct plan *plan = job->plan;
    takt_stage *stages[PARTS_MAX], *source;
    int error = 0;
    if (plan->source)
        error = takt_pipeline_add_source(
            line->pipeline, &source,
            TAKT_STAGE(.name = "source", .handler = plan->source, .context = &job->parts[0]));
    for (int i = 0; error == 0 && i < plan->parts; i++) {
        const struct plan_part *part = &plan->part[i];
        takt_stage *after[PARTS_MAX] = {source};
        size_t count = plan->source && !part->after;
        for (int k = 0; k < i; k++)
            if (part->after >> k & 1)
                after[count++] = stages[k];
        error = takt_pipeline_add_stage(
            line->pipeline, &stages[i],
            TAKT_STAGE(.name = part->name, .handler = part->handler, .context = &job->parts[i],
                       .after = after, .after_count = count, .shards_max = part->serial ? 1 : 0));
    }
    return error;
}

/* Workers are pinned to the cores of the mask that they inherit, each to one. */
static void keep_to_cores(const struct perf_case *what)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < what->cpu_count; i++)
        CPU_SET((size_t)what->cpus[i], &set);
    if (what->cpu_count > 0)
        sched_setaffinity(0, sizeof set, &set);
}

static int build(struct line *line)
{
    const struct perf_case *what = line->job.what;
    keep_to_cores(what);
    int error = takt_runtime_create(
        &line->runtime, TAKT_RUNTIME(.workers = line->workers, .pin = what->cpu_count > 0));
    if (error == 0)
        error = takt_pipeline_create(&line->pipeline, line->runtime,
                                     TAKT_PIPELINE(.name = what->scenario,
                                                   .event_size = what->event_size,
                                                   .capacity = what->capacity));
    if (error == 0)
        job_touch(takt_pipeline_ring(line->pipeline));
    return error == 0 ? add_stages(line) : error;
}

/* What a thread of this process has used of a core, in nanoseconds, if it has this name; or 0. */
static int64_t used_by(const char *thread, const char *name)
{
    char path[300], found[32] = "";
    long long ns = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", thread);
    FILE *f = fopen(path, "r");
    if (f) {
        if (!fgets(found, sizeof found, f))
            found[0] = '\0';
        fclose(f);
    }
    found[strcspn(found, "\n")] = '\0';
    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", thread);
    f = strcmp(found, name) == 0 ? fopen(path, "r") : NULL;
    if (f) {
        if (fscanf(f, "%lld", &ns) != 1)
            ns = 0;
        fclose(f);
    }
    return ns;
}

/* The part of a core that the scheduler thread has taken so far. */
static void note_scheduler(struct perf_run *run)
{
    int64_t ns = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *task; tasks && (task = readdir(tasks)) != NULL;)
        ns += used_by(task->d_name, "takt-scheduler");
    if (tasks)
        closedir(tasks);
    if (ns > 0 && run->ns > 0)
        perf_note_figure(run, "scheduler_core", (double)ns / (double)run->ns);
}

/* Lets the events flow. A producer outside is the calling thread, on the core after the workers'.
 */
static int work(struct line *line)
{
    struct job *job = &line->job;
    bool outside = job->plan->source == NULL;
    int produced = 0;
    if (outside)
        perf_thread_begin(job->what, (int)line->workers);
    perf_begin(job->run);
    int error = takt_pipeline_start(line->pipeline);
    if (error < 0)
        return error;
    if (outside) {
        takt_ring *ring = takt_pipeline_ring(line->pipeline);
        produced = job->what->shape == PERF_CHAIN ? job_send(job, ring)
                                                  : job_produce(job, ring, 0, job->what->events);
        takt_pipeline_close(line->pipeline);
    }
    error = takt_pipeline_wait(line->pipeline, TAKT_FOREVER);
    perf_end(job->run);
    note_scheduler(job->run);
    if (outside)
        perf_thread_end();
    return produced < 0 ? produced : error;
}

int runtime_run_watched(const struct perf_case *what, struct perf_run *run, uint32_t workers,
                        enum job_watch watch)
{
    struct line line = {.workers = workers};
    job_init(&line.job, what, run, true);
    int error = build(&line);
    if (error == 0)
        error = watch_begin(what, line.runtime, watch);
    if (error == 0)
        error = work(&line);
    if (error == 0)
        error = watch_end(what, line.runtime, watch);
    run->checksum = job_checksum(&line.job);
    takt_pipeline_destroy(line.pipeline);
    takt_runtime_destroy(line.runtime);
    return job_error(error);
}

int runtime_run(const struct perf_case *what, struct perf_run *run, uint32_t workers)
{
    return runtime_run_watched(what, run, workers, WATCH_NEVER);
}
