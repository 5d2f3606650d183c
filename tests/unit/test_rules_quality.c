/* What alerts make of samples that are bad, old or absent, of silence, and of restarts. */
#include "support/rules_rig.h"

static void an_invalid_value_makes_quality_bad_and_moves_nothing(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->hold_ms = 5000;
    rule->silent_ms = 20000;
    begin();
    feed("b", 500, "\"t\":null");
    feed_t(1000, 60);
    feed("a", 2000, "\"t\":null");
    assert_int_equal(alert_now().quality, WEIR_QUALITY_BAD);
    feed("a", 7000, "\"t\":\"warm\"");
    feed_t(8000, 60);
    assert_int_equal(alert_now().quality, WEIR_QUALITY_GOOD);
    expect("r a none ok pending #0 at 1000 since 1000 60\n"
           "r a none ok pending #0 at 2000 since 1000 60\n"
           "r a raised critical active #1 at 8000 since 1000 60\n");
    /* It is no sign of life. */
    feed("a", 27000, "\"t\":null");
    drive_advance(&drive, 28000);
    expect("r a none critical active #1 at 27000 since 1000 60\n"
           "r a stale critical active #2 at 28000 since 1000 60\n");
    feed("a", 29000, "\"t\":null");
    assert_int_equal(alert_now().quality, WEIR_QUALITY_STALE);
    drive_finish(&drive);
}

static void silence_makes_quality_stale_and_freezes_the_condition(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->silent_ms = 10000;
    rule->max_gap_ms = 10000;
    rule->clear_delay_ms = 5000;
    begin();
    feed_t(1000, 60);
    feed_t(2000, 40);
    drive_advance(&drive, 11999);
    assert_int_equal(alert_now().quality, WEIR_QUALITY_GOOD);
    drive_advance(&drive, 100000);
    assert_int_equal(alert_now().quality, WEIR_QUALITY_STALE);
    expect("r a raised critical active #1 at 1000 since 1000 60\n"
           "r a none critical clearing #1 at 2000 since 1000 40\n"
           "r a stale critical clearing #2 at 12000 since 1000 40\n");
    feed_t(100000, 40);
    feed_t(105000, 40);
    expect("r a fresh critical clearing #3 at 100000 since 1000 40\n"
           "r a cleared ok ok #4 at 105000 since 100000 40\n");
    drive_finish(&drive);
}

static void a_repeated_late_or_retained_sample_is_no_sign_of_life(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    struct weir_message retained;

    (void)state;
    rule->silent_ms = 10000;
    begin();
    feed_t(1000, 40);
    drive_feed(&drive, 5000, "s/a", "{\"ts\":1000,\"t\":40}");
    drive_feed(&drive, 6000, "s/a", "{\"ts\":900,\"t\":80}");
    retained = drive_message(7000, "s/a", "{\"ts\":7000,\"t\":80}");
    retained.retained = true;
    drive_accept(&drive, &retained);
    assert_int_equal(alert_now().ignored, 3);
    drive_advance(&drive, 11000);
    expect("r a none ok ok #0 at 1000 since 1000 40\n"
           "r a stale ok ok #1 at 11000 since 1000 40\n");
    drive_finish(&drive);
}

static void a_historical_sample_moves_no_alert_and_is_counted(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    (void)rule;
    build.streams[0].max_past_ms = 60000;
    (void)snprintf(build.streams[0].historical_path, sizeof(build.streams[0].historical_path),
                   "old");
    begin();
    drive_feed(&drive, 100000, "s/a", "{\"ts\":39999,\"t\":80}");
    assert_int_equal(drive_ledger(&drive).historical, 1);
    drive_feed(&drive, 100000, "s/a", "{\"ts\":100000,\"t\":80,\"h\":1,\"old\":true}");
    assert_int_equal(drive_ledger(&drive).historical, 3);
    expect("");
    drive_feed(&drive, 100000, "s/a", "{\"ts\":40000,\"t\":80,\"old\":false}");
    assert_int_equal(drive_ledger(&drive).historical, 3);
    assert_int_equal(alert_now().ignored, 2);
    expect("r a raised critical active #1 at 40000 since 40000 80\n");
    drive_finish(&drive);
}

static void build_silence(void)
{
    struct weir_rule_config *rule = build_rule_on_t();

    rule->form = WEIR_RULE_SILENCE;
    rule->comparison = (struct weir_comparison){.op = WEIR_OPERATOR_ABOVE};
    rule->comparison.limits[WEIR_LEVEL_WARNING] = (struct weir_limit){true, -INFINITY, 10};
    rule->comparison.limits[WEIR_LEVEL_CRITICAL] = (struct weir_limit){true, -INFINITY, 60};
    rule->silent_ms = 10000;
    rule->grace_ms = 30000;
}

static void silence_is_raised_at_its_limits_and_cleared_by_any_field(void **state)
{
    (void)state;
    build_silence();
    begin();
    feed_t(1000, 1);
    drive_advance(&drive, 10999);
    expect("r a none ok ok #0 at 1000 since 1000 0\n");
    drive_advance(&drive, 60999);
    assert_int_equal(alert_now().quality, WEIR_QUALITY_STALE);
    expect("r a raised warning active #1 at 11000 since 11000 10\n");
    drive_advance(&drive, 90000);
    assert_true(alert_now().limit == 60);
    feed("a", 91000, "\"h\":5");
    assert_int_equal(alert_now().quality, WEIR_QUALITY_GOOD);
    expect("r a escalated critical active #2 at 61000 since 61000 60\n"
           "r a cleared ok ok #3 at 91000 since 91000 0\n");
    drive_finish(&drive);
}

static void an_expected_series_is_missed_though_it_was_never_heard(void **state)
{
    static struct weir_expected expected = {.rule = 0, .series = "gone"};
    struct weir_alert alert;

    (void)state;
    build_silence();
    build.config.expected = &expected;
    build.config.expected_count = 1;
    begin();
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 0);
    drive_advance(&drive, 1000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.condition, WEIR_CONDITION_UNKNOWN);
    feed("a", 25000, "\"t\":1");
    drive_advance(&drive, 30999);
    expect("r a none ok ok #0 at 25000 since 25000 0\n");
    drive_advance(&drive, 31000);
    expect("r gone raised warning active #1 at 31000 since 31000 10\n");
    feed("gone", 32000, "\"t\":1");
    expect("r gone cleared ok ok #2 at 32000 since 32000 0\n");
    drive_finish(&drive);
}

static void while_the_link_is_down_no_silence_counts(void **state)
{
    (void)state;
    build_silence();
    begin();
    feed_t(1000, 1);
    drive_advance(&drive, 5000);
    weir_pipeline_set_link(&drive.pipeline, false);
    drive_advance(&drive, 500000);
    weir_pipeline_set_link(&drive.pipeline, true);
    drive_advance(&drive, 505999);
    expect("r a none ok ok #0 at 1000 since 1000 0\n");
    drive_advance(&drive, 506000);
    expect("r a raised warning active #1 at 506000 since 506000 10\n");
    drive_finish(&drive);
}

static void a_clock_that_is_set_ahead_brings_no_silence_and_completes_nothing(void **state)
{
    struct weir_rule_config *rule;

    (void)state;
    build_silence();
    rule = build_rule(&build, "held", 0, 0, 50);
    rule->hold_ms = 5000;
    build_on_arrival_time(&build.streams[0]);
    begin();
    feed_t(1000, 60);
    expect("held a none ok pending #0 at 1000 since 1000 60\n"
           "r a none ok ok #0 at 1000 since 1000 0\n");
    weir_pipeline_step_clock(&drive.pipeline, 1000000, true);
    drive_feed(&drive, 1004000, "s/a", "{\"t\":60}");
    expect("");
    drive_feed(&drive, 1006000, "s/a", "{\"t\":60}");
    expect("held a raised critical active #1 at 1006000 since 1001000 60\n");
    drive_advance(&drive, 1015999);
    expect("");
    drive_advance(&drive, 1016000);
    expect("r a raised warning active #1 at 1016000 since 1016000 10\n");
    drive_finish(&drive);
}

static void after_a_restart_a_state_waits_for_a_sample_to_confirm_it(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->hold_ms = 5000;
    rule->silent_ms = 30000;
    begin();
    feed_t(1000, 60);
    feed_t(4000, 60);
    weir_pipeline_step_clock(&drive.pipeline, 600000, false);
    weir_pipeline_resume(&drive.pipeline, 600000);
    assert_true(alert_now().restored);
    assert_int_equal(alert_now().quality, WEIR_QUALITY_STALE);
    expect("r a none ok pending #0 at 1000 since 1000 60\n");
    /* The 3 s before it count, the time between does not. */
    feed_t(605000, 60);
    assert_false(alert_now().restored);
    feed_t(606999, 60);
    expect("r a none ok pending #0 at 605000 since 1000 60\n");
    feed_t(607000, 60);
    expect("r a raised critical active #1 at 607000 since 602000 60\n");
    /* After too long an outage what is not complete begins anew; what is raised stays. */
    weir_pipeline_step_clock(&drive.pipeline, 4000000, false);
    weir_pipeline_resume(&drive.pipeline, 4000000);
    feed_t(4700000, 40);
    expect("r a stale critical active #2 at 4637000 since 602000 60\n"
           "r a fresh critical active #3 at 4700000 since 602000 60\n"
           "r a cleared ok ok #4 at 4700000 since 4700000 40\n");
    drive_finish(&drive);
}

static void a_state_told_of_by_another_process_goes_on(void **state)
{
    struct weir_command restore = {
        .kind = WEIR_COMMAND_RESTORE,
        .rule = "r",
        .series = "a",
        .restore = {.level = WEIR_LEVEL_WARNING,
                    .time_ms = 900,
                    .since_ms = 800,
                    .value = 61,
                    .id = 77,
                    .sequence = 41,
                    .acknowledged = true},
    };
    struct weir_alert alert;

    (void)state;
    (void)build_rule_on_t();
    begin();
    drive_advance(&drive, 1000);
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &restore), WEIR_OK);
    drive_take(&drive);
    alert = alert_now();
    assert_true(alert.restored && alert.acknowledged && alert.id == 77);
    assert_int_equal(alert.quality, WEIR_QUALITY_STALE);
    /* The rule has but one level: it is that. */
    expect("r a none critical active #41 at 900 since 800 61\n");
    feed_t(2000, 40);
    expect("r a cleared ok ok #42 at 2000 since 2000 40\n");
    restore.restore.sequence = 50;
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &restore), WEIR_OK);
    drive_take(&drive);
    expect("");
    assert_int_equal(alert_now().level, WEIR_LEVEL_OK);
    assert_int_equal(alert_now().sequence, 50);
    drive_finish(&drive);
}

static void devices_of_the_right_time_are_heard_after_the_clock_was_set(void **state)
{
    (void)state;
    build_silence();
    begin();
    feed("a", 1000, "\"t\":1");
    drive_feed(&drive, 1000, "s/a", "{\"ts\":241000,\"t\":1}");
    weir_pipeline_step_clock(&drive.pipeline, 240000, true);
    for (int64_t now_ms = 246000; now_ms < 300000; now_ms += 5000)
        feed("a", now_ms, "\"t\":1");
    assert_int_equal(alert_now().level, WEIR_LEVEL_OK);
    assert_int_equal(alert_now().ignored, 0);
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invalid_value_makes_quality_bad_and_moves_nothing),
        cmocka_unit_test(silence_makes_quality_stale_and_freezes_the_condition),
        cmocka_unit_test(a_repeated_late_or_retained_sample_is_no_sign_of_life),
        cmocka_unit_test(a_historical_sample_moves_no_alert_and_is_counted),
        cmocka_unit_test(silence_is_raised_at_its_limits_and_cleared_by_any_field),
        cmocka_unit_test(an_expected_series_is_missed_though_it_was_never_heard),
        cmocka_unit_test(while_the_link_is_down_no_silence_counts),
        cmocka_unit_test(a_clock_that_is_set_ahead_brings_no_silence_and_completes_nothing),
        cmocka_unit_test(after_a_restart_a_state_waits_for_a_sample_to_confirm_it),
        cmocka_unit_test(a_state_told_of_by_another_process_goes_on),
        cmocka_unit_test(devices_of_the_right_time_are_heard_after_the_clock_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
