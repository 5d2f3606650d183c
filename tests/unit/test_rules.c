/* Rules in the pipeline: each transition of their alerts, by samples, windows, the clock, and
 * operators. */
#include <inttypes.h>
#include <math.h>

#include "support/drive.h"

static struct build build;
static struct drive drive;

/* One stream "s" with fields "t" and "h" over "s/{dev}", and a rule "r" on t above 50. */
static struct weir_rule_config *build_rule_on_t(void)
{
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "s", "s/{dev}");
    (void)build_field(stream, "t");
    (void)build_field(stream, "h");
    build.config.shelve_max_ms = 1000000;
    build.config.outage_tolerance_ms = 3600000;
    return build_rule(&build, "r", 0, 0, 50);
}

static void begin(void)
{
    drive_init(&drive, &build.config);
}

static void feed(const char *series, int64_t time_ms, const char *fields)
{
    char topic[40];
    char payload[200];

    (void)snprintf(topic, sizeof(topic), "s/%s", series);
    (void)snprintf(payload, sizeof(payload), "{\"ts\":%" PRId64 ",%s}", time_ms, fields);
    drive_feed(&drive, time_ms, topic, payload);
}

static void feed_t(int64_t time_ms, double value)
{
    char fields[64];

    (void)snprintf(fields, sizeof(fields), "\"t\":%.17g", value);
    feed("a", time_ms, fields);
}

/* Of rule 0 on the first series. */
static struct weir_alert alert_now(void)
{
    struct weir_alert alert;

    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    return alert;
}

static enum weir_status command(enum weir_command_kind kind, int64_t duration_ms)
{
    struct weir_command command = {
        .kind = kind,
        .rule = "r",
        .series = "a",
        .duration_ms = duration_ms,
    };
    struct weir_alert alert;
    enum weir_status status;

    if (weir_pipeline_alert(&drive.pipeline, 0, 0, &alert))
        command.id = alert.id;
    status = weir_pipeline_check_command(&drive.pipeline, &command);
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &command), status);
    drive_take(&drive);
    return status;
}

/* What came out since, leaving out rows of windows. */
static void expect(const char *expected)
{
    char *kept;
    size_t length = 0;

    (void)fflush(drive.out);
    kept = malloc(drive.text_length + 1);
    assert_non_null(kept);
    for (char *line = drive.text; *line != '\0';) {
        size_t bytes = strcspn(line, "\n") + 1;

        if (!strstr(line, "..") || strstr(line, "..") > line + bytes) {
            memcpy(kept + length, line, bytes);
            length += bytes;
        }
        line += bytes;
    }
    kept[length] = '\0';
    assert_string_equal(kept, expected);
    free(kept);
    (void)fclose(drive.out);
    free(drive.text);
    drive.out = open_memstream(&drive.text, &drive.text_length);
    assert_non_null(drive.out);
}

static void set_levels(struct weir_comparison *comparison, double info, double warning,
                       double critical)
{
    const double highs[] = {0, info, warning, critical};

    for (int i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++)
        comparison->limits[i] = (struct weir_limit){true, -INFINITY, highs[i]};
}

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
        cmocka_unit_test(levels_escalate_and_deescalate_under_one_id),
        cmocka_unit_test(each_level_has_a_hold_of_its_own),
        cmocka_unit_test(each_level_is_left_after_the_delay),
        cmocka_unit_test(inside_is_raised_within_and_back_outside_by_the_deadband),
        cmocka_unit_test(a_gap_begins_hold_and_delay_anew),
        cmocka_unit_test(a_latch_holds_until_it_is_acknowledged),
        cmocka_unit_test(an_acknowledgement_is_of_one_occurrence_and_level),
        cmocka_unit_test(an_invalid_value_makes_quality_bad_and_moves_nothing),
        cmocka_unit_test(silence_makes_quality_stale_and_freezes_the_condition),
        cmocka_unit_test(a_repeated_late_or_retained_sample_is_no_sign_of_life),
        cmocka_unit_test(a_historical_sample_moves_no_alert_and_is_counted),
        cmocka_unit_test(on_change_the_clock_completes_hold_and_delay),
        cmocka_unit_test(on_change_nothing_is_completed_while_quality_is_not_good),
        cmocka_unit_test(silence_is_raised_at_its_limits_and_cleared_by_any_field),
        cmocka_unit_test(an_expected_series_is_missed_though_it_was_never_heard),
        cmocka_unit_test(while_the_link_is_down_no_silence_counts),
        cmocka_unit_test(a_clock_that_is_set_ahead_brings_no_silence_and_completes_nothing),
        cmocka_unit_test(reminders_go_on_until_somebody_has_seen_it),
        cmocka_unit_test(shelved_events_are_held_back_and_caught_up_with),
        cmocka_unit_test(quality_that_changed_on_the_shelf_is_told_of_too),
        cmocka_unit_test(flapping_is_told_once_and_its_end_with_the_final_level),
        cmocka_unit_test(a_storm_is_told_once_and_its_end_with_what_it_held_back),
        cmocka_unit_test(after_a_restart_a_state_waits_for_a_sample_to_confirm_it),
        cmocka_unit_test(a_state_told_of_by_another_process_goes_on),
        cmocka_unit_test(a_rule_on_windows_judges_their_aggregate_as_they_close),
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
        cmocka_unit_test(devices_of_the_right_time_are_heard_after_the_clock_was_set),
        cmocka_unit_test(explain_tells_what_comes_next),
        cmocka_unit_test(explain_knows_levels_that_are_kept_and_latches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
