/* SPDX-License-Identifier: MIT */
/*
 * A histogram of nanoseconds, log-linear: every value below 2,048 has a bucket of its own, and
 * every power of two above is divided into 1,024 buckets, so that a value is known to three digits
 * wherever it lies. That is how HdrHistogram divides at three digits, so its tools agree with ours.
 */
#ifndef TAKT_PERF_HISTOGRAM_H
#define TAKT_PERF_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define PERF_HISTOGRAM_HALF_BITS 10
#define PERF_HISTOGRAM_HALF      (1u << PERF_HISTOGRAM_HALF_BITS)
#define PERF_HISTOGRAM_MOST      ((INT64_C(1) << 42) - 1) /* 73 minutes; more counts as this */
#define PERF_HISTOGRAM_BUCKETS   (33 * PERF_HISTOGRAM_HALF)

/* All zero is an empty histogram. */
struct perf_histogram {
    uint64_t count;
    int64_t most; /* the greatest value itself, not its bucket */
    double sum, squares;
    uint64_t bucket[PERF_HISTOGRAM_BUCKETS];
};

/* A value below 0 counts as 0: two clocks read on two cores. */
void perf_histogram_note(struct perf_histogram *histogram, int64_t value, uint64_t count);

/* Adds what `from` holds. */
void perf_histogram_add(struct perf_histogram *histogram, const struct perf_histogram *from);

/*
 * The least value that at least `percent` of all values do not exceed, as the upper end of its
 * bucket, but never more than the greatest value; 0 if there is none. percent is 0 to 100.
 */
int64_t perf_histogram_at(const struct perf_histogram *histogram, double percent);

/* In HdrHistogram's text format of percentiles, values in microseconds. False if writing failed. */
int perf_histogram_write(const struct perf_histogram *histogram, FILE *file);

#endif
