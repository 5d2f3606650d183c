#include "core/slope.h"

#include <math.h>

#include "support/random.h"
#include "support/unit.h"

enum { SAMPLE_MAX = 400 };

struct sample {
    int64_t time_ms;
    double value;
};

/* Least squares over samples[first..count), in extended precision and two passes. */
static double fit(const struct sample *samples, size_t first, size_t count)
{
    long double mean_time = 0;
    long double mean = 0;
    long double square = 0;
    long double product = 0;

    for (size_t i = first; i < count; i++) {
        mean_time += (long double)samples[i].time_ms;
        mean += samples[i].value;
    }
    mean_time /= (long double)(count - first);
    mean /= (long double)(count - first);
    for (size_t i = first; i < count; i++) {
        long double time = (long double)samples[i].time_ms - mean_time;

        square += time * time;
        product += time * (samples[i].value - mean);
    }
    return (double)(product / square);
}

static int64_t floor_to(int64_t time_ms, int64_t length_ms)
{
    int64_t number = time_ms / length_ms;

    return (number * length_ms > time_ms ? number - 1 : number) * length_ms;
}

static void it_is_the_least_squares_of_the_newest_eighths(void **state)
{
    static struct sample samples[SAMPLE_MAX];
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned test = 0; test < 300; test++) {
        const struct weir_slope_shape shape = {.window_ms = random_between(&random, 1, 100) * 800,
                                               .max_gap_ms = INT64_MAX};
        struct weir_slope slope = {0};
        int64_t time_ms = random_between(&random, -1000000, 1700000000000);
        unsigned answers = 0;

        for (size_t i = 0; i < SAMPLE_MAX; i++) {
            int64_t begin_ms;
            size_t first = 0;
            double expected;
            double found;
            bool known;

            time_ms += random_between(&random, 0, shape.window_ms / 8);
            samples[i] = (struct sample){time_ms, (double)random_between(&random, -999, 999) + 1e6};
            known = weir_slope_accept(&slope, &shape, time_ms, samples[i].value, &found);
            begin_ms = floor_to(time_ms, shape.window_ms / 8) - shape.window_ms / 8 * 7;
            while (samples[first].time_ms < begin_ms)
                first++;
            assert_int_equal(known, i + 1 - first >= WEIR_SLOPE_SAMPLES_MIN &&
                                        time_ms - samples[first].time_ms >= shape.window_ms / 2);
            if (!known)
                continue;
            answers++;
            expected = fit(samples, first, i + 1);
            assert_true(fabs(found - expected) <= 1e-9 * (fabs(expected) + 1e-3));
        }
        assert_true(answers > 0);
    }
}

static void a_gap_begins_it_anew(void **state)
{
    const struct weir_slope_shape shape = {.window_ms = 8000, .max_gap_ms = 2000};
    struct weir_slope slope = {0};
    double found;

    (void)state;
    for (int64_t i = 0; i <= 4; i++)
        assert_int_equal(weir_slope_accept(&slope, &shape, i * 1000, (double)i, &found), i == 4);
    assert_true(fabs(found - 0.001) < 1e-12);
    assert_true(weir_slope_accept(&slope, &shape, 6000, 6, &found));
    for (int64_t i = 0; i < 4; i++)
        assert_false(weir_slope_accept(&slope, &shape, 8001 + i * 1000, 100, &found));
    assert_true(weir_slope_accept(&slope, &shape, 12001, 100, &found));
    assert_true(found == 0);
}

static void a_counter_that_falls_has_not_changed(void **state)
{
    const struct weir_slope_shape shape = {
        .window_ms = 8000, .max_gap_ms = INT64_MAX, .counter = true};
    struct weir_slope slope = {0};
    const double values[] = {100, 110, 120, 5, 15, 25, 35, 45};
    double found = 0;

    (void)state;
    for (int64_t i = 0; i < 8; i++)
        (void)weir_slope_accept(&slope, &shape, i * 1000, values[i], &found);
    /* 0 10 20 20 30 40 50 60 */
    assert_true(fabs(found * 1000 - 345.0 / 42) < 1e-9);
}

static void a_shift_of_time_changes_nothing_else(void **state)
{
    const struct weir_slope_shape shape = {.window_ms = 8000, .max_gap_ms = 100000};
    struct test_random random = random_make(2);

    (void)state;
    for (unsigned test = 0; test < 200; test++) {
        int64_t step_ms = random_between(&random, 1, 1000000) * 1000;
        struct weir_slope slope = {0};
        struct weir_slope moved;
        double expected;
        double found;

        for (int64_t i = 0; i < 20; i++)
            (void)weir_slope_accept(&slope, &shape, i * 700, (double)random_below(&random, 50),
                                    &expected);
        moved = slope;
        weir_slope_shift(&moved, &shape, step_ms);
        assert_true(weir_slope_accept(&slope, &shape, 14000, 7, &expected));
        assert_true(weir_slope_accept(&moved, &shape, 14000 + step_ms, 7, &found));
        assert_true(found == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_least_squares_of_the_newest_eighths),
        cmocka_unit_test(a_gap_begins_it_anew),
        cmocka_unit_test(a_counter_that_falls_has_not_changed),
        cmocka_unit_test(a_shift_of_time_changes_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
