/*
 * The aggregates of a window, recomputed from every sample of it in long double.
 */
#ifndef TESTS_SUPPORT_MOMENTS_REFERENCE_H
#define TESTS_SUPPORT_MOMENTS_REFERENCE_H

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "unit.h"
#include "weir/flow.h"

struct reference_moments {
    long double sum;
    long double mean;
    long double stddev;
    long double magnitude; /* sum of the absolute values: the scale of rounding */
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
    long double squares = 0;

    for (size_t i = 0; i < count; i++) {
        result.sum += samples[i].value;
        result.magnitude += fabsl((long double)samples[i].value);
        result.min = fmin(result.min, samples[i].value);
        result.max = fmax(result.max, samples[i].value);
        if (samples[i].time_ms < result.first.time_ms)
            result.first = samples[i];
        if (samples[i].time_ms >= result.last.time_ms)
            result.last = samples[i];
    }
    result.mean = result.sum / (long double)count;
    for (size_t i = 0; i < count; i++)
        squares += (samples[i].value - result.mean) * (samples[i].value - result.mean);
    result.stddev = sqrtl(squares / (long double)count);
    return result;
}

static inline void assert_near(double found, long double expected, long double tolerance)
{
    if (!(fabsl((long double)found - expected) <= tolerance))
        fail_msg("%.17g is not within %.3Lg of %.20Lg", found, tolerance, expected);
}

/* The promise of the contract, with what the reference itself can be wrong by. */
static inline void assert_moments(const struct weir_summary *summary,
                                  const struct weir_sample *samples, size_t count)
{
    struct reference_moments expected = reference_moments(samples, count);
    long double slack = expected.magnitude * LDBL_EPSILON * (long double)count;
    long double widest = fmaxl(fabsl((long double)expected.min), fabsl((long double)expected.max));

    assert_int_equal(summary->count, count);
    assert_true(summary->min == expected.min && summary->max == expected.max);
    assert_true(summary->first == expected.first.value && summary->last == expected.last.value);
    assert_int_equal(summary->first_ms, expected.first.time_ms);
    assert_int_equal(summary->last_ms, expected.last.time_ms);
    assert_near(summary->sum, expected.sum, 1e-12L * fabsl(expected.sum) + slack);
    assert_near(summary->mean, expected.mean, 1e-12L * fabsl(expected.mean) + slack);
    assert_near(summary->stddev, expected.stddev,
                1e-12L * expected.stddev + widest * DBL_EPSILON * (long double)count);
}

#endif
