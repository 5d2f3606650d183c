/*
 * What a sketch costs a sample, beside the moments that every sample goes into anyway, and how far
 * its quantiles are off.
 *
 *     bench_sketch [FILE]     FILE: a number a line; without one, a generated series
 *
 * The series goes in windows of WINDOW samples, over and over, first into the one and then into the
 * other. Prints sketch_ns, moments_ns and error, the largest over p1 to p99 and p99.9 of all windows
 * in percent of the window's span.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/moments.h"
#include "weir/sketch.h"

enum { WINDOW = 3600, VALUE_MAX = 1 << 20, ROUND_COUNT = 7, INSERT_COUNT = 4000000 };

static double values[VALUE_MAX];

static double nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* A temperature in tenths that wanders, with noise. */
static size_t generate(void)
{
    uint64_t seed = 1;
    double level = 200;

    for (size_t i = 0; i < VALUE_MAX; i++) {
        double noise;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        noise = (double)(seed >> 40) * 0x1p-24 - 0.5;
        level += noise;
        values[i] = round(level + 20 * noise * noise * noise) / 10;
    }
    return VALUE_MAX;
}

static size_t read_values(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t count = 0;

    if (!file)
        return 0;
    while (count < VALUE_MAX && fscanf(file, "%lf", &values[count]) == 1)
        count++;
    fclose(file);
    return count;
}

/* Nanoseconds a sample; *kept keeps the compiler from leaving the work out. */
static double time_sketch(size_t count, double *kept)
{
    double start = nanoseconds();
    size_t done = 0;

    while (done < INSERT_COUNT) {
        for (size_t first = 0; first < count; first += WINDOW) {
            struct weir_sketch sketch;
            size_t end = first + WINDOW < count ? first + WINDOW : count;

            sketch.count = 0;
            for (size_t i = first; i < end; i++)
                weir_sketch_accept(&sketch, values[i]);
            *kept += (double)sketch.count;
            done += end - first;
        }
    }
    return (nanoseconds() - start) / (double)done;
}

static double time_moments(size_t count, double *kept)
{
    double start = nanoseconds();
    size_t done = 0;

    while (done < INSERT_COUNT) {
        for (size_t first = 0; first < count; first += WINDOW) {
            struct weir_moments moments = {0};
            size_t end = first + WINDOW < count ? first + WINDOW : count;

            for (size_t i = first; i < end; i++)
                weir_moments_accept(&moments, (int64_t)i, values[i]);
            *kept += moments.m2;
            done += end - first;
        }
    }
    return (nanoseconds() - start) / (double)done;
}

/* The largest error of a window's quantiles, in percent of its span. */
static double window_error(size_t first, size_t count)
{
    static double sorted[WINDOW];
    struct weir_sketch sketch = {0};
    double worst = 0;

    for (size_t i = 0; i < count; i++)
        weir_sketch_accept(&sketch, values[first + i]);
    memcpy(sorted, values + first, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), compare);
    if (sorted[0] == sorted[count - 1])
        return 0;
    for (unsigned p = 1; p <= 100; p++) {
        uint16_t thousandths = (uint16_t)(p < 100 ? p * 10 : 999);
        double exact = sorted[(count * thousandths + 999) / 1000 - 1];
        double found;

        weir_sketch_quantiles(&sketch, &thousandths, 1, sorted[0], sorted[count - 1], &found);
        worst = fmax(worst, 100 * fabs(found - exact) / (sorted[count - 1] - sorted[0]));
    }
    return worst;
}

static double median(double *times)
{
    qsort(times, ROUND_COUNT, sizeof(times[0]), compare);
    return times[ROUND_COUNT / 2];
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? read_values(argv[1]) : generate();
    double sketch_ns[ROUND_COUNT];
    double moments_ns[ROUND_COUNT];
    double error = 0;
    double kept = 0;

    if (count == 0) {
        fprintf(stderr, "no numbers in %s\n", argv[1]);
        return 1;
    }
    for (int i = 0; i < ROUND_COUNT; i++) {
        moments_ns[i] = time_moments(count, &kept);
        sketch_ns[i] = time_sketch(count, &kept);
    }
    for (size_t first = 0; first < count; first += WINDOW)
        error = fmax(error, window_error(first, count - first < WINDOW ? count - first : WINDOW));
    printf("sketch_ns=%.2f moments_ns=%.2f error=%.3f values=%zu\n", median(sketch_ns),
           median(moments_ns), error, count);
    return isnan(kept);
}
