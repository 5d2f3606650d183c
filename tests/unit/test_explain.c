/* Why an alert is as it is, and what comes next. */
#include "support/rules_rig.h"

static void explain_tells_what_comes_next(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    struct weir_explanation why;

    (void)state;
    rule->hold_ms = 5000;
    rule->silent_ms = 30000;
    begin();
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 0);
    feed_t(1000, 60);
    drive_advance(&drive, 3000);
    assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
    assert_int_equal(why.alert.condition, WEIR_CONDITION_PENDING);
    assert_true(why.value == 60 && why.and_beyond && why.link_up);
    assert_int_equal(why.silence_ms, 2000);
    assert_int_equal(why.silent_at_ms, 31000);
    assert_true(why.levels[WEIR_LEVEL_CRITICAL].beyond && !why.levels[WEIR_LEVEL_INFO].set);
    assert_int_equal(why.levels[WEIR_LEVEL_CRITICAL].since_ms, 1000);
    assert_int_equal(why.next, WEIR_EVENT_RAISED);
    assert_int_equal(why.next_level, WEIR_LEVEL_CRITICAL);
    assert_int_equal(why.next_ms, 6000);
    assert_false(why.next_by_clock);
    feed_t(4000, 40);
    assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
    assert_int_equal(why.next, WEIR_EVENT_STALE);
    assert_int_equal(why.next_ms, 34000);
    assert_true(why.next_by_clock);
    drive_finish(&drive);
}

static void explain_knows_levels_that_are_kept_and_latches(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    struct weir_explanation why;

    (void)state;
    set_levels(&rule->comparison, 50, 60, 70);
    rule->clear_delay_ms = 5000;
    begin();
    feed_t(1000, 75);
    feed_t(2000, 65);
    feed_t(4000, 40);
    assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
    assert_int_equal(why.next, WEIR_EVENT_DEESCALATED);
    assert_int_equal(why.next_level, WEIR_LEVEL_WARNING);
    assert_int_equal(why.next_ms, 7000);
    drive_finish(&drive);
    rule->latch = true;
    begin();
    feed_t(1000, 75);
    feed_t(2000, 40);
    assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
    assert_int_equal(why.next, WEIR_EVENT_NONE);
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    assert_true(weir_pipeline_explain(&drive.pipeline, 0, 0, &why));
    assert_int_equal(why.next, WEIR_EVENT_CLEARED);
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_tells_what_comes_next),
        cmocka_unit_test(explain_knows_levels_that_are_kept_and_latches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
