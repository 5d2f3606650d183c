/*
 * The aggregates of a window, recomputed from every sample of it in twice the precision.
 */
#ifndef TESTS_SUPPORT_MOMENTS_REFERENCE_H
#define TESTS_SUPPORT_MOMENTS_REFERENCE_H

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "double_double.h"
#include "unit.h"
#include "weir/flow.h"

struct reference_moments {
    struct double_double sum;
    struct double_double mean;
    struct double_double stddev;
    double magnitude; /* sum of the absolute values: the scale of rounding */
    size_t count;
    struct weir_sample first;
    struct weir_sample last;
    double min;
    double max;
};

/* samples in the order of arrival; count > 0. */
static inline struct reference_moments reference_moments(const struct weir_sample *samples,
                                                         size_t count)
{
    struct reference_moments result = {
        .count = count,
        .first = samples[0],
        .last = samples[0],
        .min = samples[0].value,
        .max = samples[0].value,
    };
    struct double_double squares = {0};

    for (size_t i = 0; i < count; i++) {
        result.sum = dd_add(result.sum, dd_of(samples[i].value));
        result.magnitude += fabs(samples[i].value);
        result.min = fmin(result.min, samples[i].value);
        result.max = fmax(result.max, samples[i].value);
        if (samples[i].time_ms < result.first.time_ms)
            result.first = samples[i];
        if (samples[i].time_ms >= result.last.time_ms)
            result.last = samples[i];
    }
    result.mean = dd_divide(result.sum, dd_of((double)count));
    for (size_t i = 0; i < count; i++) {
        struct double_double away = dd_subtract(dd_of(samples[i].value), result.mean);

        squares = dd_add(squares, dd_multiply(away, away));
    }
    result.stddev = dd_root(dd_divide(squares, dd_of((double)count)));
    return result;
}

static inline void assert_near(double found, struct double_double expected, double tolerance)
{
    if (!(fabs(dd_subtract(dd_of(found), expected).high) <= tolerance))
        fail_msg("%.17g is not within %.3g of %.17g", found, tolerance, expected.high);
}

/* The promise: as good as a sum in extended precision, of 64 bits, and what that can be wrong by. */
static inline void assert_moments(const struct weir_summary *summary,
                                  const struct weir_sample *samples, size_t count)
{
    struct reference_moments expected = reference_moments(samples, count);
    double slack = expected.magnitude * 0x1p-63 * (double)count;
    double widest = fmax(fabs(expected.min), fabs(expected.max));

    assert_int_equal(summary->count, count);
    assert_true(summary->min == expected.min && summary->max == expected.max);
    assert_true(summary->first == expected.first.value && summary->last == expected.last.value);
    assert_int_equal(summary->first_ms, expected.first.time_ms);
    assert_int_equal(summary->last_ms, expected.last.time_ms);
    assert_near(summary->sum, expected.sum, 1e-12 * fabs(expected.sum.high) + slack);
    assert_near(summary->mean, expected.mean, 1e-12 * fabs(expected.mean.high) + slack);
    assert_near(summary->stddev, expected.stddev,
                1e-12 * expected.stddev.high + widest * DBL_EPSILON * (double)count);
}

#endif
