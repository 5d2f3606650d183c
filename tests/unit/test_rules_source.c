/* What rules judge beside plain samples: windows, differences, slopes, changes, a second field. */
#include "support/rules_rig.h"

static void a_rule_on_windows_judges_their_aggregate_as_they_close(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    begin();
    feed_t(1000, 90);
    feed_t(2000, 20);
    feed_t(11000, 100);
    expect("r a raised critical active #1 at 10000 since 10000 55\n");
    feed_t(12000, 0);
    drive_advance(&drive, 60000);
    expect("r a cleared ok ok #2 at 20000 since 20000 50\n");
    drive_finish(&drive);
}

static void a_rule_judges_a_quantile_that_the_stream_does_not_show(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of_quantile = 900;
    build.streams[0].quantile_count = 1;
    build.streams[0].quantiles[0] = 500;
    begin();
    for (int i = 0; i < 10; i++)
        feed_t(1000 + 100 * i, i < 9 ? 20 : 90);
    for (int i = 0; i < 10; i++)
        feed_t(11000 + 100 * i, i < 8 ? 20 : 90 + i);
    feed_t(21000, 20);
    drive_advance(&drive, 60000);
    expect("r a none ok ok #0 at 10000 since 10000 20\n"
           "r a raised critical active #1 at 20000 since 20000 98\n"
           "r a cleared ok ok #2 at 30000 since 30000 20\n");
    drive_finish(&drive);
}

static void a_quantile_of_one_field_is_taken_from_that_of_another(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of_quantile = 500;
    rule->has_minus = true;
    rule->minus_field = 1;
    build.streams[0].quantile_count = 1;
    build.streams[0].quantiles[0] = 990;
    begin();
    feed("a", 1000, "\"t\":70,\"h\":5");
    feed("a", 2000, "\"t\":80,\"h\":10");
    feed("a", 3000, "\"t\":999,\"h\":20");
    drive_advance(&drive, 60000);
    expect("r a raised critical active #1 at 10000 since 10000 70\n");
    drive_finish(&drive);
}

static void windows_of_the_past_are_not_judged(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MAX;
    build.streams[0].max_past_ms = 30000;
    begin();
    drive_feed(&drive, 100000, "s/a", "{\"ts\":5000,\"t\":90}");
    drive_feed(&drive, 100000, "s/a", "{\"ts\":15000,\"t\":90}");
    drive_feed(&drive, 100000, "s/a", "{\"ts\":99000,\"t\":40}");
    expect("");
    drive_feed(&drive, 101000, "s/a", "{\"ts\":101000,\"t\":90}");
    expect("r a none ok ok #0 at 100000 since 100000 40\n");
    drive_feed(&drive, 111000, "s/a", "{\"ts\":111000,\"t\":40}");
    expect("r a raised critical active #1 at 110000 since 110000 90\n");
    drive_finish(&drive);
}

static void a_second_field_gates_the_first(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->has_and = true;
    rule->and_field = 1;
    rule->and_comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 80, 2, WEIR_LEVEL_INFO);
    begin();
    feed_t(1000, 60);
    feed("a", 2000, "\"h\":81");
    feed("a", 3000, "\"h\":79");
    feed("a", 4000, "\"h\":78");
    feed("a", 5000, "\"t\":60,\"h\":90");
    expect("r a none ok ok #0 at 1000 since 1000 60\n"
           "r a raised critical active #1 at 2000 since 2000 60\n"
           "r a cleared ok ok #2 at 4000 since 4000 60\n"
           "r a raised critical active #3 at 5000 since 5000 60\n");
    feed("a", 6000, "\"t\":40,\"h\":null");
    assert_int_equal(alert_now().quality, WEIR_QUALITY_BAD);
    expect("r a none critical active #3 at 6000 since 5000 60\n");
    feed("a", 7000, "\"t\":40");
    expect("r a cleared ok ok #4 at 7000 since 7000 40\n");
    drive_finish(&drive);
}

static void a_difference_is_of_two_fields_of_one_message(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->has_minus = true;
    rule->minus_field = 1;
    begin();
    feed("a", 1000, "\"t\":100");
    feed("a", 2000, "\"t\":100,\"h\":49");
    feed("a", 3000, "\"h\":99");
    feed("a", 4000, "\"t\":100,\"h\":50");
    expect("r a raised critical active #1 at 2000 since 2000 51\n"
           "r a cleared ok ok #2 at 4000 since 4000 50\n");
    drive_finish(&drive);
}

static void a_difference_to_another_series_waits_for_its_window(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    rule->has_minus = true;
    (void)snprintf(rule->minus_series, sizeof(rule->minus_series), "ref");
    begin();
    feed("a", 1000, "\"t\":100");
    feed("ref", 2000, "\"t\":10");
    feed("a", 11000, "\"t\":20");
    expect("");
    feed("ref", 12000, "\"t\":15");
    drive_advance(&drive, 12001);
    expect("r a raised critical active #1 at 10000 since 10000 90\n");
    /* The other way about: the reference is first. */
    feed("ref", 21000, "\"t\":15");
    feed("a", 22000, "\"t\":1");
    expect("r a cleared ok ok #2 at 20000 since 20000 5\n");
    /* A window that the reference does not have. */
    feed("a", 31000, "\"t\":1");
    feed("ref", 45000, "\"t\":1");
    drive_advance(&drive, 45000);
    feed("a", 52000, "\"t\":1");
    feed("ref", 53000, "\"t\":1");
    drive_advance(&drive, 53000);
    assert_int_equal(alert_now().ignored, 1);
    drive_finish(&drive);
}

static void a_rate_is_the_slope_in_its_unit(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->form = WEIR_RULE_RATE;
    rule->slope_window_ms = 60000;
    rule->slope_unit_ms = 60000;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 2, 0, WEIR_LEVEL_WARNING);
    begin();
    for (int64_t i = 0; i < 6; i++)
        feed_t(i * 10000, (double)i * 0.5);
    assert_true(fabs(alert_now().value - 3) < 1e-9);
    assert_int_equal(alert_now().time_ms, 30000);
    assert_int_equal(alert_now().level, WEIR_LEVEL_WARNING);
    for (int64_t i = 6; i < 15; i++)
        feed_t(i * 10000, 2.5);
    assert_int_equal(alert_now().level, WEIR_LEVEL_OK);
    drive_finish(&drive);
}

static void a_change_is_a_value_other_than_the_one_before(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->form = WEIR_RULE_CHANGE;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 0, 0, WEIR_LEVEL_INFO);
    begin();
    feed_t(1000, 7);
    feed_t(2000, 7);
    feed_t(3000, 8);
    feed_t(4000, 9);
    feed_t(5000, 9);
    expect("r a none ok ok #0 at 1000 since 1000 0\n"
           "r a raised info active #1 at 3000 since 3000 1\n"
           "r a cleared ok ok #2 at 5000 since 5000 0\n");
    drive_finish(&drive);
}

static void a_sample_of_the_past_leaves_the_windows_before_it_to_be_judged(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    build.streams[0].lateness_ms = 60000;
    build.streams[0].idle_ms = 600000;
    build.streams[0].max_past_ms = 50000;
    begin();
    feed_t(1000, 90);
    /* Kept by the device while it could not send, newer than all before. */
    drive_feed(&drive, 100000, "s/a", "{\"ts\":45000,\"t\":90}");
    drive_feed(&drive, 100000, "s/a", "{\"ts\":55000,\"t\":40}");
    drive_feed(&drive, 100000, "s/a", "{\"ts\":75000,\"t\":40}");
    expect("r a raised critical active #1 at 10000 since 10000 90\n");
    drive_drain(&drive);
    expect("r a cleared ok ok #2 at 60000 since 60000 40\n");
    drive_finish(&drive);
}

static void what_was_not_judged_yet_has_no_value(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct weir_rule_config *rule = build_rule_on_t();
        struct weir_explanation why;

        rule->on_window = i == 0;
        rule->form = i == 0 ? WEIR_RULE_LIMIT : WEIR_RULE_RATE;
        rule->slope_window_ms = rule->slope_unit_ms = 60000;
        begin();
        feed_t(1000, 90);
        assert_int_equal(alert_now().condition, WEIR_CONDITION_UNKNOWN);
        assert_true(isnan(alert_now().value));
        assert_int_equal(alert_now().since_ms, 1000);
        assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
        assert_true(isnan(why.value));
        drive_finish(&drive);
    }
}

static void a_window_that_was_closed_early_leaves_signs_of_life(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    rule->silent_ms = 100000;
    build.streams[0].window_ms = 3600000;
    begin();
    for (int64_t i = 1; i < 10; i++)
        feed_t(i * 60000, 40);
    drive_advance(&drive, 600000);
    expect("r a none ok ok #0 at 3600000 since 3600000 40\n");
    drive_finish(&drive);
}

static void after_a_clock_was_set_the_window_under_way_is_judged(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    build_on_arrival_time(&build.streams[0]);
    begin();
    drive_feed(&drive, 1000, "s/a", "{\"t\":40}");
    while (weir_pipeline_drain_arrival(&drive.pipeline) == WEIR_FULL)
        drive_take(&drive);
    drive_take(&drive);
    weir_pipeline_step_clock(&drive.pipeline, 1003000, true);
    drive_feed(&drive, 1005000, "s/a", "{\"t\":90}");
    drive_advance(&drive, 1010000);
    assert_int_equal(alert_now().level, WEIR_LEVEL_CRITICAL);
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_on_windows_judges_their_aggregate_as_they_close),
        cmocka_unit_test(a_rule_judges_a_quantile_that_the_stream_does_not_show),
        cmocka_unit_test(a_quantile_of_one_field_is_taken_from_that_of_another),
        cmocka_unit_test(windows_of_the_past_are_not_judged),
        cmocka_unit_test(a_second_field_gates_the_first),
        cmocka_unit_test(a_difference_is_of_two_fields_of_one_message),
        cmocka_unit_test(a_difference_to_another_series_waits_for_its_window),
        cmocka_unit_test(a_rate_is_the_slope_in_its_unit),
        cmocka_unit_test(a_change_is_a_value_other_than_the_one_before),
        cmocka_unit_test(a_sample_of_the_past_leaves_the_windows_before_it_to_be_judged),
        cmocka_unit_test(what_was_not_judged_yet_has_no_value),
        cmocka_unit_test(a_window_that_was_closed_early_leaves_signs_of_life),
        cmocka_unit_test(after_a_clock_was_set_the_window_under_way_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
