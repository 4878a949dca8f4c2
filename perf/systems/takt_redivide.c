/* SPDX-License-Identifier: MIT */
/*
 * A pipeline whose middle stage is divided anew while events flow: source, wide stage, serial sink,
 * all run by as many workers as there are cores.
 *
 * Every millisecond the thread that waits for the end wakes up and asks for the next width of a
 * cycle, if the change before is over. The cut of a change is read at the next millisecond, when it
 * is over, and its pause is the longest in the sink's progress from the request until the cut comes
 * out (pauses.h). The work of a change is done by the workers, between two batches.
 *
 * Where the division is left alone the thread wakes up all the same and notes the moment and the
 * sequence at which a change would have cut, so that both know the same kind of pause. And since
 * some widths are faster than others, it has each width of the cycle for as many events as the
 * others: two changes in the whole run.
 *
 * The figures (perf_note_figure):
 *
 *   changes_per_s   changes that were completed
 *   batch_ns, batch_p99_ns
 *                   how long a batch of the wide stage takes: the median and the 99th percentile
 *   settle_ns, settle_p99_ns
 *                   REDIVIDE_SETTLED: from the request until no change is under way, under load:
 *                   most of it is what the old shards had before them (takt_stage_settle, which
 *                   looks every 100 microseconds at least)
 *   change_cpu_ns   REDIVIDE_SETTLED: processor time of one whole change, all steps and the waking
 *                   of a worker, by one thread on a stage that has no events; the mean of many
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "pauses.h"
#include "redivide.h"
#include "takt_job.h"

#define EVERY_NS    INT64_C(1000000)
#define QUIET_TIMES 1000
#define WIDTHS      3

/*
 * The sink costs a fiftieth of the stage before it: by cost alone it would be run once in a lap of
 * the ring, and a pause of the stage would not show behind that. With this weight a worker goes to
 * it whenever there is something for it.
 */
#define SINK_WEIGHT 1000

/* Entries that come at most, in memory that is taken when it is written to. */
struct log {
    size_t room, count;
    void *entry;
};

struct redivide {
    const struct perf_case *what;
    struct perf_run *run;
    bool keyed;
    enum redivide_kind kind;
    uint32_t workers;
    takt_runtime *runtime;
    takt_pipeline *pipeline;
    takt_stage *wide;
    struct redivide_keys keys;
    uint32_t turn;     /* in the cycle of widths */
    int64_t completed; /* changes */
    struct perf_change pending;
    bool is_pending;
    struct log changes, settles;
    TAKT_ALIGNED uint64_t made;   /* the source's */
    TAKT_ALIGNED uint64_t result; /* the sink's, */
    struct log arrivals;
    TAKT_ALIGNED struct log batches; /* by all workers: their number is counted up atomically */
    struct {
        TAKT_ALIGNED uint64_t sum;
    } of_key[REDIVIDE_KEYS];
};

static bool log_open(struct log *log, size_t room, size_t size)
{
    void *memory = mmap(NULL, room * size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *log = (struct log){.room = room, .entry = memory == MAP_FAILED ? NULL : memory};
    return log->entry != NULL;
}

static void log_close(struct log *log, size_t size)
{
    if (log->entry)
        munmap(log->entry, log->room * size);
}

void redivide_keys_init(struct redivide_keys *keys)
{
    double all = 0, sum = 0;
    for (int k = 0; k < REDIVIDE_KEYS; k++)
        all += 1.0 / (k + 1);
    for (int k = 0, place = 0; k < REDIVIDE_KEYS; k++) {
        sum += 1.0 / (k + 1);
        int end = k == REDIVIDE_KEYS - 1 ? REDIVIDE_PLACES : (int)(sum / all * REDIVIDE_PLACES);
        while (place < end)
            keys->of_place[place++] = (uint8_t)k;
    }
}

static int on_source(void *context, takt_batch *b)
{
    struct redivide *r = context;
    uint64_t left = r->what->events - r->made;
    if (b->count > left)
        b->count = (uint32_t)left;
    for (uint32_t i = 0; i < b->count; i++) {
        struct redivide_event *e = takt_batch_at(b, i);
        e->number = r->made + i;
        e->key = redivide_key(&r->keys, e->number);
    }
    r->made += b->count;
    return r->made == r->what->events ? TAKT_END : 0;
}

/* Of a batch that began at `began`. */
static void note_batch(struct redivide *r, int64_t began)
{
    size_t at = __atomic_fetch_add(&r->batches.count, 1, __ATOMIC_RELAXED);
    if (at < r->batches.room)
        ((int64_t *)r->batches.entry)[at] = takt_now() - began;
}

static int on_wide(void *context, takt_batch *b)
{
    struct redivide *r = context;
    const takt_batch events = *b;
    int64_t began = takt_now();
    for (uint32_t i = 0; i < events.count; i++) {
        struct redivide_event *e = takt_batch_at(&events, i);
        e->word = redivide_word(r->what, e->number);
    }
    note_batch(r, began);
    return 0;
}

static int on_keyed(void *context, takt_batch *b)
{
    struct redivide *r = context;
    const takt_batch events = *b;
    int64_t began = takt_now();
    for (uint32_t i = 0; i < events.count; i++) {
        struct redivide_event *e = takt_batch_at(&events, i);
        uint64_t *sum = &r->of_key[e->key].sum;
        e->word = *sum = perf_order(*sum, redivide_word(r->what, e->number));
    }
    note_batch(r, began);
    return 0;
}

static uint64_t key_of(const void *event)
{
    return ((const struct redivide_event *)event)->key;
}

static int on_sink(void *context, takt_batch *b)
{
    struct redivide *r = context;
    struct log *log = &r->arrivals;
    const takt_batch events = *b;
    uint64_t result = r->result;
    if (log->count == log->room)
        return TAKT_EUSER; /* a list of pauses that is cut short says nothing */
    ((struct perf_arrival *)log->entry)[log->count++] =
        (struct perf_arrival){takt_now(), takt_batch_sequence(&events, events.count - 1) + 1};
    for (uint32_t i = 0; i < events.count; i++)
        result = perf_order(result, ((struct redivide_event *)takt_batch_at(&events, i))->word);
    r->result = result;
    return 0;
}

/* Grows and shrinks, by one and by more; with each of the widths every worker has a shard. */
static uint32_t width(const struct redivide *r, uint32_t turn)
{
    const uint32_t widths[WIDTHS] = {r->workers, 2 * r->workers, r->workers + 1};
    return widths[turn % WIDTHS];
}

static int add_stages(struct redivide *r, takt_pipeline *p, bool with_source, takt_stage **wide)
{
    takt_stage *source = NULL;
    int error = 0;
    if (with_source)
        error = takt_pipeline_add_source(
            p, &source, TAKT_STAGE(.name = "source", .handler = on_source, .context = r));
    if (error == 0)
        error = takt_pipeline_add_stage(
            p, wide,
            TAKT_STAGE(.name = "wide", .handler = r->keyed ? on_keyed : on_wide, .context = r,
                       .after = &source, .after_count = with_source, .shards = width(r, 0),
                       .shards_max = 2 * r->workers, .key = r->keyed ? key_of : NULL));
    if (error == 0)
        error = takt_pipeline_add_stage(p, NULL,
                                        TAKT_STAGE(.name = "sink", .handler = on_sink, .context = r,
                                                   .after = wide, .after_count = 1, .shards_max = 1,
                                                   .weight = SINK_WEIGHT));
    return error;
}

static int create(const struct redivide *r, takt_pipeline **pipeline)
{
    return takt_pipeline_create(pipeline, r->runtime,
                                TAKT_PIPELINE(.name = r->what->scenario,
                                              .event_size = r->what->event_size,
                                              .capacity = r->what->capacity, .fixed_widths = true));
}

static int64_t own_cpu_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What a change costs whoever makes it, on a pipeline without events. */
static int measure_quiet(struct redivide *r)
{
    takt_pipeline *p = NULL;
    takt_stage *wide = NULL;
    int error = create(r, &p);
    if (error == 0)
        error = add_stages(r, p, false, &wide);
    if (error == 0)
        error = takt_pipeline_start(p);
    int64_t began = own_cpu_time();
    for (uint32_t i = 1; error == 0 && i <= QUIET_TIMES; i++) {
        error = takt_stage_set_shards(wide, width(r, i));
        if (error == 0)
            error = takt_stage_settle(wide, TAKT_FOREVER);
    }
    perf_note_figure(r->run, "change_cpu_ns", (double)(own_cpu_time() - began) / QUIET_TIMES);
    takt_stage_stats stats = {0};
    if (error == 0)
        takt_stage_get_stats(wide, &stats);
    if (error == 0 && stats.redivisions != QUIET_TIMES)
        error = TAKT_ESTATE; /* something else was measured */
    takt_pipeline_destroy(p);
    return error;
}

/* Notes the change before, if it is over; true if another may be asked for. */
static bool conclude(struct redivide *r)
{
    takt_stage_stats stats;
    takt_stage_get_stats(r->wide, &stats);
    bool over = stats.redivisions > r->completed;
    r->completed = stats.redivisions;
    if (r->kind != REDIVIDE_NONE && r->is_pending) {
        if (!over)
            return false;
        r->pending.cut = stats.cut;
    }
    if (r->is_pending && r->changes.count < r->changes.room)
        ((struct perf_change *)r->changes.entry)[r->changes.count++] = r->pending;
    r->is_pending = false;
    return true;
}

/* Every width has its part of the events. */
static int hold_width(struct redivide *r, uint64_t made)
{
    uint32_t turn = (uint32_t)(made * WIDTHS / (r->what->events + 1));
    if (turn == r->turn)
        return 0;
    r->turn = turn;
    return takt_stage_set_shards(r->wide, width(r, turn));
}

static int ask(struct redivide *r)
{
    r->pending = (struct perf_change){
        .asked = takt_now(),
        .cut = takt_ring_cursor(takt_pipeline_ring(r->pipeline)) + 1,
    };
    r->is_pending = true;
    if (r->kind == REDIVIDE_NONE)
        return hold_width(r, (uint64_t)r->pending.cut);
    int error = takt_stage_set_shards(r->wide, width(r, ++r->turn));
    if (error == 0 && r->kind == REDIVIDE_SETTLED) {
        error = takt_stage_settle(r->wide, TAKT_FOREVER);
        if (error == TAKT_ESTATE)
            return 0; /* the pipeline has come to its end meanwhile */
        struct log *log = &r->settles;
        if (log->count < log->room)
            ((int64_t *)log->entry)[log->count++] = takt_now() - r->pending.asked;
    }
    return error;
}

/* Lets the events flow, and wakes up every millisecond. */
static int work(struct redivide *r)
{
    perf_begin(r->run);
    int error = takt_pipeline_start(r->pipeline);
    int64_t next = takt_now();
    while (error == 0) {
        error = conclude(r) ? ask(r) : 0;
        if (error < 0)
            break;
        next += EVERY_NS;
        if (next < takt_now()) /* the machine was busy: do not make up for it */
            next = takt_now() + EVERY_NS;
        int ended = takt_pipeline_wait(r->pipeline, next);
        if (ended != TAKT_ETIMEDOUT) {
            error = ended;
            break;
        }
    }
    perf_end(r->run);
    conclude(r);
    return error;
}

/* The median and the 99th percentile of what a log of nanoseconds holds. */
static void note_spread(struct redivide *r, const struct log *log, const char *median,
                        const char *high)
{
    struct perf_histogram *all = calloc(1, sizeof *all);
    size_t count = log->count < log->room ? log->count : log->room;
    for (size_t i = 0; all && i < count; i++)
        perf_histogram_note(all, ((const int64_t *)log->entry)[i], 1);
    if (all && count > 0) {
        perf_note_figure(r->run, median, (double)perf_histogram_at(all, 50));
        perf_note_figure(r->run, high, (double)perf_histogram_at(all, 99));
    }
    free(all);
}

static void note_figures(struct redivide *r)
{
    perf_pauses_note(r->run->latency, r->arrivals.entry, r->arrivals.count, r->changes.entry,
                     r->changes.count);
    perf_note_figure(r->run, "changes_per_s", (double)r->completed * 1e9 / (double)r->run->ns);
    note_spread(r, &r->batches, "batch_ns", "batch_p99_ns");
    if (r->kind == REDIVIDE_SETTLED)
        note_spread(r, &r->settles, "settle_ns", "settle_p99_ns");
    r->run->checksum = r->result;
}

/* A batch has some events at least while the stage is loaded; a moment of small ones is allowed. */
static int open_logs(struct redivide *r)
{
    size_t batches = r->what->events / 4 + 65536;
    size_t changes = r->what->events / 1000 + 65536; /* one event is 10 ns at the very least */
    bool good = log_open(&r->arrivals, batches, sizeof(struct perf_arrival)) &&
                log_open(&r->batches, batches, sizeof(int64_t)) &&
                log_open(&r->changes, changes, sizeof(struct perf_change)) &&
                log_open(&r->settles, changes, sizeof(int64_t));
    return good ? 0 : TAKT_ENOMEM;
}

static void close_logs(struct redivide *r)
{
    log_close(&r->arrivals, sizeof(struct perf_arrival));
    log_close(&r->batches, sizeof(int64_t));
    log_close(&r->changes, sizeof(struct perf_change));
    log_close(&r->settles, sizeof(int64_t));
}

int redivide_run(const struct perf_case *what, struct perf_run *run, bool keyed,
                 enum redivide_kind kind)
{
    static struct redivide redivide; /* a run has a process of its own */
    struct redivide *r = &redivide;
    *r = (struct redivide){.what = what, .run = run, .keyed = keyed, .kind = kind};
    redivide_keys_init(&r->keys);
    int error = open_logs(r);
    if (error == 0)
        error = takt_runtime_create(
            &r->runtime, TAKT_RUNTIME(.workers = usable_cores(what), .pin = what->cpu_count > 0));
    if (error == 0) {
        r->workers = takt_runtime_workers(r->runtime);
        if (2 * r->workers > TAKT_SHARDS_MAX)
            r->workers = TAKT_SHARDS_MAX / 2;
        error = create(r, &r->pipeline);
    }
    if (error == 0)
        error = add_stages(r, r->pipeline, true, &r->wide);
    if (error == 0 && kind == REDIVIDE_SETTLED)
        error = measure_quiet(r);
    if (error == 0)
        error = watch_begin(what, r->runtime, WATCH_NEVER);
    if (error == 0)
        error = work(r);
    if (error == 0)
        note_figures(r);
    if (error == 0)
        error = watch_end(what, r->runtime, WATCH_NEVER);
    takt_pipeline_destroy(r->pipeline);
    takt_runtime_destroy(r->runtime);
    close_logs(r);
    return error == TAKT_EUSER ? -ENOBUFS : job_error(error);
}
