/* What raises and clears an alert in the pipeline: levels, hold and delay, latches, gaps. */
#include "support/rules_rig.h"

static void levels_escalate_and_deescalate_under_one_id(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    uint64_t id;

    (void)state;
    set_levels(&rule->comparison, 50, 60, 70);
    rule->comparison.deadband = 2;
    begin();
    feed_t(1000, 55);
    id = alert_now().id;
    feed_t(2000, 75);
    assert_true(alert_now().limit == 70);
    feed_t(3000, 69);
    feed_t(4000, 65);
    assert_true(alert_now().limit == 60);
    feed_t(5000, 49);
    feed_t(6000, 48);
    assert_true(alert_now().id == id);
    expect("r a raised info active #1 at 1000 since 1000 55\n"
           "r a escalated critical active #2 at 2000 since 2000 75\n"
           "r a deescalated warning active #3 at 4000 since 2000 65\n"
           "r a deescalated info active #4 at 5000 since 1000 49\n"
           "r a cleared ok ok #5 at 6000 since 6000 48\n");
    feed_t(7000, 100);
    assert_true(alert_now().id != id && alert_now().level == WEIR_LEVEL_CRITICAL);
    expect("r a raised critical active #6 at 7000 since 7000 100\n");
    drive_finish(&drive);
}

static void each_level_has_a_hold_of_its_own(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    set_levels(&rule->comparison, 50, 60, 70);
    rule->hold_ms = 5000;
    begin();
    feed_t(1000, 55);
    feed_t(3000, 75);
    feed_t(6000, 75);
    feed_t(7999, 75);
    feed_t(8000, 75);
    expect("r a none ok pending #0 at 1000 since 1000 55\n"
           "r a none ok pending #0 at 3000 since 1000 75\n"
           "r a raised info pending #1 at 6000 since 1000 75\n"
           "r a escalated critical active #2 at 8000 since 3000 75\n");
    drive_finish(&drive);
}

static void each_level_is_left_after_the_delay(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    set_levels(&rule->comparison, 50, 60, 70);
    rule->clear_delay_ms = 5000;
    begin();
    feed_t(1000, 75);
    feed_t(2000, 65);
    feed_t(4000, 40);
    feed_t(6999, 40);
    feed_t(7000, 40);
    feed_t(9000, 40);
    expect("r a raised critical active #1 at 1000 since 1000 75\n"
           "r a none critical clearing #1 at 2000 since 1000 65\n"
           "r a deescalated warning clearing #2 at 7000 since 4000 40\n"
           "r a cleared ok ok #3 at 9000 since 4000 40\n");
    drive_finish(&drive);
}

static void inside_is_raised_within_and_back_outside_by_the_deadband(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_INSIDE, 40, 60, 5, WEIR_LEVEL_WARNING);
    begin();
    feed_t(1000, 39.9);
    feed_t(2000, 40);
    assert_true(alert_now().limit == 40);
    feed_t(3000, 65);
    feed_t(4000, 35);
    feed_t(5000, 34.9);
    feed_t(6000, 60);
    assert_true(alert_now().limit == 60);
    feed_t(7000, 65.1);
    expect("r a none ok ok #0 at 1000 since 1000 39.899999999999999\n"
           "r a raised warning active #1 at 2000 since 2000 40\n"
           "r a cleared ok ok #2 at 5000 since 5000 34.899999999999999\n"
           "r a raised warning active #3 at 6000 since 6000 60\n"
           "r a cleared ok ok #4 at 7000 since 7000 65.099999999999994\n");
    drive_finish(&drive);
}

static void a_gap_begins_hold_and_delay_anew(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->hold_ms = 5000;
    rule->clear_delay_ms = 5000;
    rule->max_gap_ms = 3000;
    begin();
    feed_t(1000, 60);
    feed_t(4001, 60);
    feed_t(7001, 60);
    feed_t(9001, 60);
    expect("r a none ok pending #0 at 1000 since 1000 60\n"
           "r a raised critical active #1 at 9001 since 4001 60\n");
    feed_t(10000, 40);
    feed_t(13001, 40);
    feed_t(16001, 40);
    feed_t(18000, 40);
    feed_t(18001, 40);
    expect("r a none critical clearing #1 at 10000 since 4001 40\n"
           "r a cleared ok ok #2 at 18001 since 13001 40\n");
    drive_finish(&drive);
}

static void a_latch_holds_until_it_is_acknowledged(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->latch = true;
    begin();
    feed_t(1000, 60);
    feed_t(2000, 40);
    assert_true(alert_now().latched);
    feed_t(3000, 60);
    assert_false(alert_now().latched);
    feed_t(4000, 40);
    expect("r a raised critical active #1 at 1000 since 1000 60\n"
           "r a none critical clearing #1 at 2000 since 1000 40\n"
           "r a none critical active #1 at 3000 since 1000 60\n"
           "r a none critical clearing #1 at 4000 since 1000 40\n");
    drive_advance(&drive, 5000);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    expect("r a cleared ok ok #2 at 5000 since 4000 40\n");
    /* Acknowledged while it lasts: it goes with the condition. */
    feed_t(6000, 60);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    assert_true(alert_now().acknowledged);
    feed_t(7000, 40);
    expect("r a raised critical active #3 at 6000 since 6000 60\n"
           "r a none critical active #3 at 6000 since 6000 60\n"
           "r a cleared ok ok #4 at 7000 since 7000 40\n");
    drive_finish(&drive);
}

static void an_acknowledgement_is_of_one_occurrence_and_level(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    struct weir_command wrong = {.kind = WEIR_COMMAND_ACKNOWLEDGE, .rule = "r", .series = "a"};

    (void)state;
    set_levels(&rule->comparison, 50, 60, 70);
    begin();
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_REFUSED);
    feed_t(1000, 40);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_REFUSED);
    feed_t(2000, 55);
    wrong.id = alert_now().id ^ 1;
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &wrong), WEIR_REFUSED);
    wrong.id ^= 1;
    wrong.series = "b";
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &wrong), WEIR_REFUSED);
    wrong.series = "a";
    wrong.rule = "q";
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &wrong), WEIR_REFUSED);
    assert_false(alert_now().acknowledged);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    assert_true(alert_now().acknowledged);
    feed_t(3000, 65);
    assert_false(alert_now().acknowledged);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    feed_t(4000, 55);
    assert_true(alert_now().acknowledged);
    feed_t(5000, 40);
    feed_t(6000, 55);
    assert_false(alert_now().acknowledged);
    drive_finish(&drive);
}

static void on_change_the_clock_completes_hold_and_delay(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_change = true;
    rule->hold_ms = 5000;
    rule->clear_delay_ms = 7000;
    set_levels(&rule->comparison, 50, 60, 70);
    begin();
    feed_t(1000, 55);
    drive_advance(&drive, 5999);
    expect("r a none ok pending #0 at 1000 since 1000 55\n");
    assert_true(weir_pipeline_deadline(&drive.pipeline) <= 6000);
    drive_advance(&drive, 6500);
    expect("r a raised info active #1 at 6000 since 1000 55\n");
    feed_t(7000, 75);
    feed_t(9000, 30);
    drive_advance(&drive, 30000);
    expect("r a none info pending #1 at 7000 since 1000 75\n"
           "r a none info clearing #1 at 9000 since 1000 30\n"
           "r a cleared ok ok #2 at 16000 since 9000 30\n");
    drive_finish(&drive);
}

static void on_change_nothing_is_completed_while_quality_is_not_good(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->on_change = true;
    rule->hold_ms = 5000;
    begin();
    feed_t(1000, 60);
    feed("a", 2000, "\"t\":null");
    drive_advance(&drive, 20000);
    expect("r a none ok pending #0 at 1000 since 1000 60\n"
           "r a none ok pending #0 at 2000 since 1000 60\n");
    feed_t(20000, 60);
    drive_advance(&drive, 24999);
    expect("r a none ok pending #0 at 20000 since 1000 60\n");
    drive_advance(&drive, 25000);
    expect("r a raised critical active #1 at 25000 since 20000 60\n");
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_escalate_and_deescalate_under_one_id),
        cmocka_unit_test(each_level_has_a_hold_of_its_own),
        cmocka_unit_test(each_level_is_left_after_the_delay),
        cmocka_unit_test(inside_is_raised_within_and_back_outside_by_the_deadband),
        cmocka_unit_test(a_gap_begins_hold_and_delay_anew),
        cmocka_unit_test(a_latch_holds_until_it_is_acknowledged),
        cmocka_unit_test(an_acknowledgement_is_of_one_occurrence_and_level),
        cmocka_unit_test(on_change_the_clock_completes_hold_and_delay),
        cmocka_unit_test(on_change_nothing_is_completed_while_quality_is_not_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
