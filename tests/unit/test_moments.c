#include "core/moments.h"
#include "support/moments_reference.h"
#include "support/random.h"
#include "support/unit.h"

enum { SAMPLE_MAX = 2000 };

static struct weir_sample samples[SAMPLE_MAX];

static struct weir_summary summarise(size_t count)
{
    struct weir_moments moments = {0};
    struct weir_summary summary = {0};

    for (size_t i = 0; i < count; i++)
        weir_moments_accept(&moments, samples[i].time_ms, samples[i].value);
    weir_moments_summarise(&moments, &summary);
    return summary;
}

static struct weir_summary summarise_values(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = (struct weir_sample){(int64_t)i, values[i]};
    return summarise(count);
}

static void one_sample_is_all_of_its_aggregates(void **state)
{
    struct weir_summary summary;

    (void)state;
    samples[0] = (struct weir_sample){-7, -2.5};
    summary = summarise(1);
    assert_int_equal(summary.count, 1);
    assert_true(summary.sum == -2.5 && summary.mean == -2.5 && summary.stddev == 0.0);
    assert_true(summary.min == -2.5 && summary.max == -2.5);
    assert_true(summary.first == -2.5 && summary.last == -2.5);
    assert_int_equal(summary.first_ms, -7);
    assert_int_equal(summary.last_ms, -7);
}

static void small_whole_numbers_come_out_exactly(void **state)
{
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct weir_summary summary = summarise_values(values, 8);

    (void)state;
    assert_int_equal(summary.count, 8);
    assert_true(summary.sum == 40 && summary.mean == 5 && summary.stddev == 2);
    assert_true(summary.min == 2 && summary.max == 9);
    assert_true(summary.first == 2 && summary.last == 9);
}

static void equal_samples_have_no_deviation(void **state)
{
    struct weir_summary summary;

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        samples[i] = (struct weir_sample){(int64_t)i, 0.1};
    summary = summarise(1000);
    assert_true(summary.stddev == 0.0);
    assert_true(summary.mean == 0.1);
}

static void of_samples_at_one_time_the_first_and_the_last_arrived_count(void **state)
{
    struct weir_summary summary;

    (void)state;
    samples[0] = (struct weir_sample){5, 1};
    samples[1] = (struct weir_sample){5, 2};
    samples[2] = (struct weir_sample){5, 3};
    summary = summarise(3);
    assert_true(summary.first == 1 && summary.last == 3);
}

static void first_and_last_go_by_event_time(void **state)
{
    struct weir_summary summary;

    (void)state;
    samples[0] = (struct weir_sample){5, 1};
    samples[1] = (struct weir_sample){4, 2};
    samples[2] = (struct weir_sample){6, 3};
    samples[3] = (struct weir_sample){4, 4};
    samples[4] = (struct weir_sample){5, 5};
    summary = summarise(5);
    assert_true(summary.first == 2 && summary.last == 3);
    assert_int_equal(summary.first_ms, 4);
    assert_int_equal(summary.last_ms, 6);
}

static void what_cancels_does_not_take_the_rest_with_it(void **state)
{
    const double values[] = {1e17, 1, -1e17, 1};
    const double tenths[] = {1e16, 0.1, -1e16};

    (void)state;
    assert_true(summarise_values(values, 4).sum == 2);
    assert_true(summarise_values(values, 4).mean == 0.5);
    assert_true(summarise_values(tenths, 3).sum == 0.1);
}

static void the_sum_of_many_samples_does_not_drift(void **state)
{
    struct weir_moments moments = {0};
    struct weir_summary summary = {0};

    (void)state;
    for (int i = 0; i < 1000000; i++)
        weir_moments_accept(&moments, i, 0.1);
    weir_moments_summarise(&moments, &summary);
    assert_near(summary.mean, dd_of(0.1), 1e-17);
    assert_near(summary.sum, dd_of(100000), 1e-10);
}

static void a_sum_beyond_a_double_leaves_a_mean(void **state)
{
    const double values[] = {1.5e308, 1.5e308, 1.5e308};
    struct weir_summary summary = summarise_values(values, 3);

    (void)state;
    assert_true(isinf(summary.sum) || isnan(summary.sum));
    assert_near(summary.mean, dd_of(1.5e308), 1e296);
}

static void the_place_of_a_summary_is_left_alone(void **state)
{
    struct weir_summary summary = {
        .stream = 1, .series = 2, .field = 3, .revision = 4, .start_ms = 5, .end_ms = 6};
    struct weir_moments moments = {0};

    (void)state;
    weir_moments_accept(&moments, 0, 1);
    weir_moments_summarise(&moments, &summary);
    assert_int_equal(summary.stream, 1);
    assert_int_equal(summary.series, 2);
    assert_int_equal(summary.field, 3);
    assert_int_equal(summary.revision, 4);
    assert_int_equal(summary.start_ms, 5);
    assert_int_equal(summary.end_ms, 6);
}

static void random_samples_agree_with_long_double(void **state)
{
    static const double offsets[] = {0, 1, -20, 1e6, -1e12};
    struct test_random random = random_make(1);

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        size_t count = 1 + random_below(&random, round % 10 == 0 ? SAMPLE_MAX : 100);
        double offset = offsets[random_below(&random, 5)];
        int exponent = (int)random_below(&random, 40) - 20;

        for (size_t i = 0; i < count; i++) {
            double unit = (double)random_between(&random, -1000000, 1000000) / 1e6;

            samples[i].value = offset + ldexp(unit, exponent);
            samples[i].time_ms = random_between(&random, -50, 50);
        }
        struct weir_summary summary = summarise(count);
        assert_moments(&summary, samples, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_is_all_of_its_aggregates),
        cmocka_unit_test(small_whole_numbers_come_out_exactly),
        cmocka_unit_test(equal_samples_have_no_deviation),
        cmocka_unit_test(of_samples_at_one_time_the_first_and_the_last_arrived_count),
        cmocka_unit_test(first_and_last_go_by_event_time),
        cmocka_unit_test(what_cancels_does_not_take_the_rest_with_it),
        cmocka_unit_test(the_sum_of_many_samples_does_not_drift),
        cmocka_unit_test(a_sum_beyond_a_double_leaves_a_mean),
        cmocka_unit_test(the_place_of_a_summary_is_left_alone),
        cmocka_unit_test(random_samples_agree_with_long_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
