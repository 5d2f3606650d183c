/* What holds events of alerts back, or repeats them. */
#include "support/rules_rig.h"

static void reminders_go_on_until_somebody_has_seen_it(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->remind_ms[WEIR_LEVEL_CRITICAL] = 10000;
    begin();
    feed_t(1000, 60);
    drive_advance(&drive, 25000);
    assert_int_equal(alert_now().reminders, 2);
    expect("r a raised critical active #1 at 1000 since 1000 60\n"
           "r a reminder critical active #2 at 11000 since 1000 60\n"
           "r a reminder critical active #3 at 21000 since 1000 60\n");
    assert_int_equal(command(WEIR_COMMAND_ACKNOWLEDGE, 0), WEIR_OK);
    drive_advance(&drive, 100000);
    feed_t(100000, 40);
    feed_t(101000, 60);
    assert_int_equal(alert_now().reminders, 0);
    drive_advance(&drive, 111000);
    expect("r a none critical active #3 at 25000 since 1000 60\n"
           "r a cleared ok ok #4 at 100000 since 100000 40\n"
           "r a raised critical active #5 at 101000 since 101000 60\n"
           "r a reminder critical active #6 at 111000 since 101000 60\n");
    drive_finish(&drive);
}

static void shelved_events_are_held_back_and_caught_up_with(void **state)
{
    (void)state;
    (void)build_rule_on_t();
    begin();
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 1000), WEIR_REFUSED);
    feed_t(1000, 40);
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 0), WEIR_REFUSED);
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 1000001), WEIR_REFUSED);
    assert_int_equal(command(WEIR_COMMAND_UNSHELVE, 0), WEIR_REFUSED);
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 10000), WEIR_OK);
    assert_int_equal(alert_now().shelved_until_ms, 11000);
    feed_t(2000, 60);
    expect("r a none ok ok #0 at 1000 since 1000 40\n"
           "r a none ok ok #0 at 1000 since 1000 40\n"
           "r a none critical active #0 at 2000 since 2000 60\n");
    assert_int_equal(drive_ledger(&drive).events_held_back, 1);
    drive_advance(&drive, 12000);
    assert_int_equal(alert_now().shelved_until_ms, 0);
    expect("r a raised critical active #1 at 11000 since 2000 60\n");
    /* What was told and still stands is told again, what has gone is cleared. */
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 10000), WEIR_OK);
    assert_int_equal(command(WEIR_COMMAND_UNSHELVE, 0), WEIR_OK);
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 10000), WEIR_OK);
    feed_t(13000, 40);
    assert_int_equal(command(WEIR_COMMAND_UNSHELVE, 0), WEIR_OK);
    expect("r a none critical active #1 at 12000 since 2000 60\n"
           "r a reminder critical active #2 at 12000 since 2000 60\n"
           "r a none critical active #2 at 12000 since 2000 60\n"
           "r a none ok ok #2 at 13000 since 13000 40\n"
           "r a cleared ok ok #3 at 13000 since 13000 40\n");
    drive_finish(&drive);
}

static void quality_that_changed_on_the_shelf_is_told_of_too(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->silent_ms = 5000;
    begin();
    feed_t(1000, 40);
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 10000), WEIR_OK);
    drive_advance(&drive, 20000);
    expect("r a none ok ok #0 at 1000 since 1000 40\n"
           "r a none ok ok #0 at 1000 since 1000 40\n"
           "r a none ok ok #0 at 6000 since 1000 40\n"
           "r a stale ok ok #1 at 11000 since 1000 40\n");
    assert_int_equal(command(WEIR_COMMAND_SHELVE, 10000), WEIR_OK);
    feed_t(21000, 40);
    assert_int_equal(command(WEIR_COMMAND_UNSHELVE, 0), WEIR_OK);
    expect("r a none ok ok #1 at 20000 since 1000 40\n"
           "r a none ok ok #1 at 21000 since 1000 40\n"
           "r a fresh ok ok #2 at 21000 since 1000 40\n");
    drive_finish(&drive);
}

static void flapping_is_told_once_and_its_end_with_the_final_level(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();

    (void)state;
    rule->flap_count = 3;
    rule->flap_ms = 100000;
    begin();
    for (int64_t i = 1; i <= 7; i++)
        feed_t(i * 1000, i % 2 == 1 ? 60 : 40);
    assert_true(alert_now().flapping);
    assert_int_equal(drive_ledger(&drive).events_held_back, 3);
    expect("r a raised critical active #1 at 1000 since 1000 60\n"
           "r a cleared ok ok #2 at 2000 since 2000 40\n"
           "r a raised critical active #3 at 3000 since 3000 60\n"
           "r a flapping ok ok #4 at 4000 since 4000 40\n");
    /* The newest state, a minute after the last that was told. */
    drive_advance(&drive, 64000);
    expect("r a none critical active #4 at 7000 since 7000 60\n");
    drive_advance(&drive, 105999);
    expect("");
    drive_advance(&drive, 106000);
    assert_false(alert_now().flapping);
    expect("r a flap_end critical active #5 at 106000 since 7000 60\n");
    feed_t(107000, 40);
    expect("r a cleared ok ok #6 at 107000 since 107000 40\n");
    drive_finish(&drive);
}

static void a_storm_is_told_once_and_its_end_with_what_it_held_back(void **state)
{
    struct weir_rule_config *rule = build_rule_on_t();
    char series[8];

    (void)state;
    rule->storm_count = 3;
    rule->storm_ms = 10000;
    begin();
    for (int64_t i = 0; i < 5; i++) {
        (void)snprintf(series, sizeof(series), "d%" PRId64, i);
        feed(series, 1000 + i, "\"t\":60");
    }
    assert_int_equal(drive_ledger(&drive).events_held_back, 2);
    expect("r d0 raised critical active #1 at 1000 since 1000 60\n"
           "r d1 raised critical active #1 at 1001 since 1001 60\n"
           "r d2 raised critical active #1 at 1002 since 1002 60\n"
           "r * storm ok unknown #1 at 1003 since 1003 nan\n"
           "r d3 none critical active #0 at 1003 since 1003 60\n"
           "r d4 none critical active #0 at 1004 since 1004 60\n");
    feed("d0", 12000, "\"t\":40");
    expect("r d0 none ok ok #1 at 12000 since 12000 40\n");
    drive_advance(&drive, 30000);
    expect("r * storm_end ok unknown #2 at 21003 since 1003 nan\n");
    feed("d1", 31000, "\"t\":40");
    expect("r d1 cleared ok ok #2 at 31000 since 31000 40\n");
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reminders_go_on_until_somebody_has_seen_it),
        cmocka_unit_test(shelved_events_are_held_back_and_caught_up_with),
        cmocka_unit_test(quality_that_changed_on_the_shelf_is_told_of_too),
        cmocka_unit_test(flapping_is_told_once_and_its_end_with_the_final_level),
        cmocka_unit_test(a_storm_is_told_once_and_its_end_with_what_it_held_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
