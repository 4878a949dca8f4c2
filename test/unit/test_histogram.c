/* SPDX-License-Identifier: MIT */
/* takt-perf's histogram, against sorted values; and the text that HdrHistogram's plotters read. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/histogram.h"
#include "random.h"

TestSuite(histogram, .timeout = 20);

static struct perf_histogram histogram;

Test(histogram, an_empty_one_says_nothing)
{
    cr_assert_eq(perf_histogram_at(&histogram, 0), 0);
    cr_assert_eq(perf_histogram_at(&histogram, 50), 0);
    cr_assert_eq(perf_histogram_at(&histogram, 100), 0);
    perf_histogram_note(&histogram, 5, 0);
    cr_assert_eq(histogram.count, 0);
    cr_assert_eq(histogram.most, 0);
}

Test(histogram, small_values_are_exact)
{
    for (int64_t v = 0; v < 2048; v++)
        perf_histogram_note(&histogram, v, 1);
    cr_assert_eq(histogram.count, 2048);
    for (int64_t v = 0; v < 2048; v++)
        cr_assert_eq(perf_histogram_at(&histogram, 100.0 * (double)(v + 1) / 2048), v);
    cr_assert_eq(perf_histogram_at(&histogram, 0), 0);
}

/* Alone and below a greater value, so that its bucket's end shows and not the greatest value. */
static void check_digits(int64_t value)
{
    memset(&histogram, 0, sizeof histogram);
    perf_histogram_note(&histogram, value, 1);
    cr_assert_eq(perf_histogram_at(&histogram, 100), value);
    perf_histogram_note(&histogram, PERF_HISTOGRAM_MOST, 1);
    int64_t said = perf_histogram_at(&histogram, 50);
    cr_assert(said >= value && said - value <= value / 1000, "%lld for %lld", (long long)said,
              (long long)value);
}

Test(histogram, every_value_keeps_three_digits)
{
    struct rng rng = {1};
    for (int bit = 0; bit < 42; bit++) {
        int64_t power = INT64_C(1) << bit;
        check_digits(power - 1);
        check_digits(power);
        check_digits(power + 1 < PERF_HISTOGRAM_MOST ? power + 1 : power);
        for (int i = 0; i < 20; i++)
            check_digits(power + (int64_t)(rng_next(&rng) % (uint64_t)power));
    }
}

Test(histogram, what_is_out_of_range_counts_at_its_end)
{
    perf_histogram_note(&histogram, -7, 2);
    cr_assert_eq(perf_histogram_at(&histogram, 100), 0);
    perf_histogram_note(&histogram, INT64_MAX, 1);
    cr_assert_eq(perf_histogram_at(&histogram, 100), PERF_HISTOGRAM_MOST);
    cr_assert_eq(histogram.count, 3);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The percentile by its definition: the least value that so many of all do not exceed. */
static int64_t exact(const int64_t *sorted, size_t count, double percent)
{
    size_t rank = (size_t)ceil(percent / 100 * (double)count);
    return sorted[rank ? rank - 1 : 0];
}

Test(histogram, percentiles_are_those_of_the_sorted_values)
{
    static const double percents[] = {0, 1, 25, 50, 90, 99, 99.9, 99.99, 100};
    static int64_t values[5000];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rng rng = {seed};
        size_t count = 1 + rng_below(&rng, 5000);
        memset(&histogram, 0, sizeof histogram);
        for (size_t i = 0; i < count; i++) {
            values[i] = (int64_t)(rng_next(&rng) >> (22 + rng_below(&rng, 40)));
            perf_histogram_note(&histogram, values[i], 1);
        }
        qsort(values, count, sizeof values[0], by_value);
        for (size_t p = 0; p < sizeof percents / sizeof percents[0]; p++) {
            int64_t right = exact(values, count, percents[p]);
            int64_t said = perf_histogram_at(&histogram, percents[p]);
            cr_assert(said >= right && said - right <= right / 1000,
                      "seed %llu, %g %%: %lld, not %lld", (unsigned long long)seed, percents[p],
                      (long long)said, (long long)right);
        }
        cr_assert_eq(perf_histogram_at(&histogram, 100), values[count - 1]);
    }
}

Test(histogram, adding_one_to_another_is_noting_all)
{
    static struct perf_histogram parts[2];
    struct rng rng = {7};
    for (int i = 0; i < 10000; i++) {
        int64_t value = (int64_t)(rng_next(&rng) >> 40);
        uint64_t times = rng_below(&rng, 3);
        perf_histogram_note(&histogram, value, times);
        perf_histogram_note(&parts[i % 2], value, times);
    }
    perf_histogram_note(&histogram, 1 << 25, 1); /* the greatest is in the one that is added */
    perf_histogram_note(&parts[1], 1 << 25, 1);
    perf_histogram_add(&parts[0], &parts[1]);
    cr_assert_eq(parts[0].count, histogram.count);
    cr_assert_eq(parts[0].most, histogram.most);
    cr_assert(memcmp(parts[0].bucket, histogram.bucket, sizeof histogram.bucket) == 0);
    cr_assert_float_eq(parts[0].sum, histogram.sum, histogram.sum * 1e-12);
}

/* What the histogram writes as text. To be freed. */
static char *written(void)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    cr_assert(perf_histogram_write(&histogram, file));
    fclose(file);
    return text;
}

/* Reads the percentile lines as a plotter does: they rise to 1, and the counts to all. */
static int check_lines(const char *text, uint64_t count)
{
    double value, part, inverse, last_value = 0, last_part = -1;
    unsigned long long total, last_total = 0;
    int lines = 0, read;

    text = strchr(text, '\n') + 2; /* the header and an empty line */
    for (; *text != '#'; text = strchr(text, '\n') + 1, lines++) {
        read = sscanf(text, "%lf %lf %llu %lf", &value, &part, &total, &inverse);
        cr_assert(read == 3 || read == 4);
        cr_assert(value >= last_value && part > last_part && total >= last_total);
        cr_assert((double)total / (double)count >= part - 1e-9);
        if (read == 4) /* part has twelve digits in the text */
            cr_assert_float_eq(inverse * (1 - part), 1, 0.01 + inverse * 1e-11);
        last_value = value;
        last_part = part;
        last_total = total;
    }
    cr_assert_eq(last_total, count);
    cr_assert_float_eq(last_part, 1, 1e-12);
    cr_assert_float_eq(last_value * 1e3, (double)histogram.most, 1);
    return lines;
}

Test(histogram, the_text_is_what_plotters_read)
{
    struct rng rng = {3};
    for (int i = 0; i < 100000; i++)
        perf_histogram_note(&histogram, (int64_t)(1000 + (rng_next(&rng) >> 44)), 1);
    char *text = written();
    static const char head[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    cr_assert(strncmp(text, head, strlen(head)) == 0, "%.60s", text);
    cr_assert(20 < check_lines(text, 100000));
    cr_assert_not_null(strstr(text, "\n#[Mean    ="));
    cr_assert_not_null(strstr(text, "\n#[Max     ="));
    cr_assert_not_null(strstr(text, "SubBuckets     =         2048]\n"));
    free(text);
}

Test(histogram, the_text_of_one_value_and_of_none)
{
    char *text = written();
    cr_assert_not_null(strstr(text, "Total count    =            0]"));
    free(text);
    perf_histogram_note(&histogram, 1234, 10);
    text = written();
    cr_assert_eq(check_lines(text, 10), 1);
    cr_assert_not_null(strstr(text, "Mean    =        1.234, StdDeviation   =        0.000]"));
    free(text);
}
