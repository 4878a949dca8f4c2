/* SPDX-License-Identifier: MIT */
/*
 * The log-linear histogram. A value below 2,048 is its own bucket's number. Above, it is shifted to
 * the right until it is one of 1,024 to 2,047, and the buckets of shift s lie behind those of shift
 * s - 1: number = s * 1,024 + shifted value. At s = 0 this is the value again, so nothing is said
 * twice.
 */
#include "histogram.h"

#include <math.h>

/* Lines of the text format for every halving of what is left to 100 %; the format's own default. */
#define TICKS_PER_HALF 5

static unsigned shift_of(int64_t value)
{
    if (value < 2 * (int64_t)PERF_HISTOGRAM_HALF)
        return 0;
    return 63u - PERF_HISTOGRAM_HALF_BITS - (unsigned)__builtin_clzll((uint64_t)value);
}

static uint32_t bucket_of(int64_t value)
{
    unsigned shift = shift_of(value);
    return shift * PERF_HISTOGRAM_HALF + (uint32_t)(value >> shift);
}

/* The greatest value that falls into the bucket. */
static int64_t end_of(uint32_t bucket)
{
    if (bucket < 2 * PERF_HISTOGRAM_HALF)
        return bucket;
    unsigned shift = bucket / PERF_HISTOGRAM_HALF - 1;
    int64_t shifted = bucket % PERF_HISTOGRAM_HALF + PERF_HISTOGRAM_HALF;
    return ((shifted + 1) << shift) - 1;
}

void perf_histogram_note(struct perf_histogram *histogram, int64_t value, uint64_t count)
{
    if (!count)
        return;
    if (value < 0)
        value = 0;
    if (value > PERF_HISTOGRAM_MOST)
        value = PERF_HISTOGRAM_MOST;
    histogram->bucket[bucket_of(value)] += count;
    histogram->count += count;
    histogram->sum += (double)value * (double)count;
    histogram->squares += (double)value * (double)value * (double)count;
    if (value > histogram->most)
        histogram->most = value;
}

void perf_histogram_add(struct perf_histogram *histogram, const struct perf_histogram *from)
{
    for (uint32_t i = 0; i < PERF_HISTOGRAM_BUCKETS; i++)
        histogram->bucket[i] += from->bucket[i];
    histogram->count += from->count;
    histogram->sum += from->sum;
    histogram->squares += from->squares;
    if (from->most > histogram->most)
        histogram->most = from->most;
}

/* Goes on from *bucket, below which `seen` values lie, to the bucket of value number `rank`. */
static int64_t walk(const struct perf_histogram *histogram, uint64_t rank, uint32_t *bucket,
                    uint64_t *seen)
{
    while (*seen < rank)
        *seen += histogram->bucket[(*bucket)++];
    int64_t end = end_of(*bucket - 1);
    return end < histogram->most ? end : histogram->most;
}

/* The number, from 1 on, of the value at the percentile, when they stand in order. */
static uint64_t rank_of(const struct perf_histogram *histogram, double percent)
{
    uint64_t rank = (uint64_t)ceil(percent / 100 * (double)histogram->count);
    if (rank < 1)
        return 1;
    return rank < histogram->count ? rank : histogram->count;
}

int64_t perf_histogram_at(const struct perf_histogram *histogram, double percent)
{
    uint32_t bucket = 0;
    uint64_t seen = 0;
    return histogram->count ? walk(histogram, rank_of(histogram, percent), &bucket, &seen) : 0;
}

int perf_histogram_write(const struct perf_histogram *histogram, FILE *file)
{
    double count = (double)histogram->count;
    double mean = histogram->count ? histogram->sum / count : 0;
    double variance = histogram->count ? histogram->squares / count - mean * mean : 0;
    uint32_t bucket = 0;
    uint64_t seen = 0;

    fprintf(file, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    for (double percent = 0; histogram->count && seen < histogram->count;) {
        int64_t value = walk(histogram, rank_of(histogram, percent), &bucket, &seen);
        if (seen == histogram->count)
            break;
        fprintf(file, "%12.3f %14.12f %10llu %14.2f\n", (double)value / 1e3, percent / 100,
                (unsigned long long)seen, 100 / (100 - percent));
        double halvings = floor(log2(100 / (100 - percent))) + 1;
        percent += 100 / (TICKS_PER_HALF * pow(2, halvings));
    }
    if (histogram->count)
        fprintf(file, "%12.3f %14.12f %10llu\n", (double)histogram->most / 1e3, 1.0,
                (unsigned long long)histogram->count);
    fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / 1e3,
            sqrt(variance > 0 ? variance : 0) / 1e3);
    fprintf(file, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)histogram->most / 1e3,
            (unsigned long long)histogram->count);
    fprintf(file, "#[Buckets = %12u, SubBuckets     = %12u]\n",
            PERF_HISTOGRAM_BUCKETS / PERF_HISTOGRAM_HALF - 1, 2 * PERF_HISTOGRAM_HALF);
    return !ferror(file);
}
