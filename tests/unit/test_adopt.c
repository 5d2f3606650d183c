#include <inttypes.h>

#include "support/drive.h"
#include "support/random.h"

static struct build builds[2];
static struct drive drive;

/* Two streams, each of a field "t", and a rule on each. */
static void build_both(void)
{
    for (unsigned i = 0; i < 2; i++) {
        build_init(&builds[i]);
        (void)build_field(build_stream(&builds[i], "left", "l/{dev}"), "t");
        (void)build_field(build_stream(&builds[i], "right", "r/{dev}"), "t");
        build_rule(&builds[i], "hot", 0, 0, 50)->comparison.deadband = 10;
        (void)build_rule(&builds[i], "warm", 1, 0, 50);
    }
}

static void feed_value(int64_t arrived_ms, const char *topic, int64_t time_ms, double value)
{
    char payload[80];

    (void)snprintf(payload, sizeof(payload), "{\"ts\":%" PRId64 ",\"t\":%.17g}", time_ms, value);
    drive_feed(&drive, arrived_ms, topic, payload);
}

/* Goes on with another configuration, as a reload does. */
static void adopt(const struct weir_config *next)
{
    uint64_t size = weir_pipeline_size(next, NULL);
    void *arena = drive_arena(size);
    struct weir_pipeline pipeline;
    struct weir_ledger before;
    struct weir_ledger after;

    while (weir_pipeline_drain_changed(&drive.pipeline, next) == WEIR_FULL) {
        drive_check(&drive);
        drive_take(&drive);
    }
    drive_take(&drive);
    before = drive_ledger(&drive);
    weir_pipeline_init(&pipeline, next, arena, size);
    weir_pipeline_adopt(&pipeline, &drive.pipeline);
    memset(drive.arena, 0xee, drive.arena_size);
    free(drive.arena);
    drive.pipeline = pipeline;
    drive.config = next;
    drive.arena = arena;
    drive.arena_size = size;
    drive_check(&drive);
    after = drive_ledger(&drive);
    assert_memory_equal(&before, &after, sizeof(before));
}

static void an_unchanged_configuration_goes_on_as_if_nothing_had_been(void **state)
{
    (void)state;
    build_both();
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 1);
    feed_value(2000, "r/b", 2000, 2);
    drive_expect(&drive, "hot a none ok ok #0 at 1000 since 1000 1\n"
                         "warm b none ok ok #0 at 2000 since 2000 2\n");
    adopt(&builds[1].config);
    drive_expect(&drive, "");
    feed_value(3000, "l/a", 3000, 4);
    feed_value(10000, "l/a", 10000, 8);
    feed_value(10000, "l/a", 9999, 16);
    drive_expect(&drive, "left a t 0..10000 n2 sum 5\n");
    assert_int_equal(drive_ledger(&drive).late_dropped, 1);
    assert_true(weir_pipeline_deadline(&drive.pipeline) <= 32000);
    drive_advance(&drive, 32000);
    drive_expect(&drive, "right b t 0..10000 n1 sum 2\n");
    drive_drain(&drive);
    drive_finish(&drive);
}

static void a_changed_stream_is_closed_first_and_starts_anew(void **state)
{
    (void)state;
    build_both();
    builds[1].streams[0].window_ms = 4000;
    drive_init(&drive, &builds[0].config);
    feed_value(5000, "l/a", 5000, 1);
    feed_value(5000, "r/b", 5000, 2);
    feed_value(5000, "l/c", 5000, 4);
    drive_expect(&drive, "hot a none ok ok #0 at 5000 since 5000 1\n"
                         "warm b none ok ok #0 at 5000 since 5000 2\n"
                         "hot c none ok ok #0 at 5000 since 5000 4\n");
    adopt(&builds[1].config);
    drive_expect(&drive, "left a t 0..10000 n1 sum 1\n"
                         "left c t 0..10000 n1 sum 4\n");
    assert_int_equal(drive_ledger(&drive).open, 1);
    feed_value(6000, "l/a", 6000, 8);
    drive_drain(&drive);
    drive_expect(&drive, "left a t 4000..8000 n1 sum 8\n"
                         "right b t 0..10000 n1 sum 2\n");
    drive_finish(&drive);
}

static void each_setting_that_windows_depend_on_makes_a_stream_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        struct weir_stream_config *stream;

        build_both();
        stream = &builds[1].streams[0];
        if (i == 0)
            stream->window_ms = 5000;
        else if (i == 1)
            stream->lateness_ms = 1;
        else if (i == 2)
            stream->idle_ms++;
        else if (i == 3)
            stream->fields[0].max = 100;
        else if (i == 4)
            (void)build_field(stream, "h");
        else if (i == 5)
            build_filter(stream, "more/{dev}");
        else if (i == 6)
            stream->max_series++;
        else if (i == 7)
            stream->held_count = stream->revise = true;
        else if (i == 8)
            build_quantiles(stream);
        else
            stream->time_unit = WEIR_TIME_US;
        drive_init(&drive, &builds[0].config);
        feed_value(5000, "r/b", 5000, 2);
        feed_value(5000, "l/a", 5000, 1);
        adopt(&builds[1].config);
        assert_int_equal(drive_ledger(&drive).summarised, 1);
        assert_int_equal(drive_ledger(&drive).open, 1);
        drive_finish(&drive);
    }
}

static void windows_follow_their_stream_s_name_to_another_place(void **state)
{
    struct weir_stream_config stream;

    (void)state;
    build_both();
    stream = builds[1].streams[0];
    builds[1].streams[0] = builds[1].streams[1];
    builds[1].streams[1] = stream;
    builds[1].rules[0].stream = 1;
    builds[1].rules[1].stream = 0;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(2000, "r/b", 2000, 2);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "warm b none ok ok #0 at 2000 since 2000 2\n");
    adopt(&builds[1].config);
    feed_value(3000, "l/a", 3000, 4);
    drive_drain(&drive);
    drive_expect(&drive, "hot a cleared ok ok #2 at 3000 since 3000 4\n"
                         "right b t 0..10000 n1 sum 2\n"
                         "left a t 0..10000 n2 sum 64\n");
    drive_finish(&drive);
}

static void a_stream_that_is_gone_is_closed_and_a_new_one_begins(void **state)
{
    (void)state;
    build_both();
    (void)snprintf(builds[1].streams[0].name, sizeof(builds[1].streams[0].name), "fresh");
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n");
    adopt(&builds[1].config);
    drive_expect(&drive, "left a t 0..10000 n1 sum 60\n");
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 0);
    feed_value(2000, "l/a", 2000, 60);
    drive_drain(&drive);
    drive_expect(&drive, "hot a raised critical active #1 at 2000 since 2000 60\n"
                         "fresh a t 0..10000 n1 sum 60\n");
    drive_finish(&drive);
}

static void series_keep_their_numbers_when_the_maximum_changes(void **state)
{
    struct weir_alert alert;

    (void)state;
    for (uint32_t max = 2; max <= 20; max += 9) {
        build_both();
        builds[1].streams[0].max_series = max;
        drive_init(&drive, &builds[0].config);
        feed_value(1000, "l/a", 1000, 60);
        feed_value(1000, "l/b", 1000, 70);
        feed_value(1000, "l/c", 1000, 80);
        adopt(&builds[1].config);
        assert_int_equal(drive_ledger(&drive).open, 0);
        assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), max < 3 ? max : 3);
        assert_string_equal(weir_pipeline_series_name(&drive.pipeline, 0, 1), "b");
        assert_true(weir_pipeline_alert(&drive.pipeline, 0, 1, &alert));
        assert_int_equal(alert.condition, WEIR_CONDITION_ACTIVE);
        feed_value(2000, "l/c", 2000, 1);
        assert_int_equal(drive_ledger(&drive).over_budget, max < 3);
        drive_finish(&drive);
    }
}

static void the_state_of_a_rule_goes_on_while_others_come_and_go(void **state)
{
    struct weir_alert alert;
    uint64_t id;

    (void)state;
    build_both();
    builds[1].config.rule_count = 0;
    (void)build_rule(&builds[1], "new", 0, 0, 55);
    build_rule(&builds[1], "hot", 0, 0, 50)->comparison.deadband = 10;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(1000, "r/a", 1000, 60);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    id = alert.id;
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "warm a raised critical active #1 at 1000 since 1000 60\n");
    adopt(&builds[1].config);
    assert_false(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_true(weir_pipeline_alert(&drive.pipeline, 1, 0, &alert));
    assert_true(alert.id == id);
    feed_value(2000, "l/a", 2000, 41);
    drive_expect(&drive, "new a none ok ok #0 at 2000 since 2000 41\n");
    feed_value(2000, "l/a", 2000, 40);
    drive_expect(&drive, "hot a cleared ok ok #2 at 2000 since 2000 40\n");
    assert_int_equal(drive_ledger(&drive).open, 4);
    drive_finish(&drive);
}

static void a_rule_with_new_limits_goes_on_from_its_state_and_sequence(void **state)
{
    struct weir_alert alert;

    (void)state;
    build_both();
    builds[1].rules[0].comparison =
        weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 65, 0, WEIR_LEVEL_INFO);
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    adopt(&builds[1].config);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.condition, WEIR_CONDITION_ACTIVE);
    assert_int_equal(alert.level, WEIR_LEVEL_INFO);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n");
    /* What it was last is held against them at once. */
    drive_advance(&drive, 1500);
    feed_value(2000, "l/a", 2000, 60);
    feed_value(3000, "l/a", 3000, 66);
    drive_expect(&drive, "hot a cleared ok ok #2 at 1500 since 1000 60\n"
                         "hot a raised info active #3 at 3000 since 3000 66\n");
    drive_finish(&drive);
}

static void a_longer_hold_does_not_demote_and_a_lost_level_becomes_the_nearest(void **state)
{
    struct weir_comparison *comparison;
    struct weir_alert alert;

    (void)state;
    build_both();
    builds[1].rules[0].hold_ms = 60000;
    builds[1].rules[0].comparison =
        weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 40, 0, WEIR_LEVEL_INFO);
    comparison = &builds[1].rules[0].comparison;
    comparison->limits[WEIR_LEVEL_WARNING] = (struct weir_limit){true, -INFINITY, 50};
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    adopt(&builds[1].config);
    drive_advance(&drive, 2000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.level, WEIR_LEVEL_WARNING);
    assert_int_equal(alert.condition, WEIR_CONDITION_ACTIVE);
    assert_int_equal(alert.sequence, 1);
    feed_value(3000, "l/a", 3000, 45);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "hot a deescalated info active #2 at 3000 since 1000 45\n");
    drive_finish(&drive);
}

static void what_is_shelved_latched_or_flapping_stays_so(void **state)
{
    struct weir_command shelve = {
        .kind = WEIR_COMMAND_SHELVE, .rule = "hot", .series = "a", .duration_ms = 50000};
    struct weir_alert alert;

    (void)state;
    build_both();
    for (unsigned i = 0; i < 2; i++) {
        builds[i].rules[0].flap_count = 1;
        builds[i].rules[0].flap_ms = 100000;
        builds[i].rules[0].latch = true;
        builds[i].config.shelve_max_ms = 100000;
    }
    builds[1].rules[0].remind_ms[WEIR_LEVEL_CRITICAL] = 1000;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(2000, "l/a", 2000, 30);
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &shelve), WEIR_OK);
    drive_take(&drive);
    adopt(&builds[1].config);
    drive_advance(&drive, 30000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_true(alert.latched && !alert.flapping);
    assert_int_equal(alert.shelved_until_ms, 52000);
    drive_advance(&drive, 60000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.shelved_until_ms, 0);
    drive_finish(&drive);
}

static void flapping_without_a_rule_for_it_is_over(void **state)
{
    struct weir_alert alert;

    (void)state;
    build_both();
    builds[0].rules[0].flap_count = 1;
    builds[0].rules[0].flap_ms = 100000;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(2000, "l/a", 2000, 30);
    feed_value(3000, "l/a", 3000, 70);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_true(alert.flapping);
    adopt(&builds[1].config);
    drive_advance(&drive, 4000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_false(alert.flapping);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "hot a flapping ok ok #2 at 2000 since 2000 30\n"
                         "hot a flap_end critical active #3 at 4000 since 3000 70\n");
    drive_finish(&drive);
}

static void a_storm_goes_on_and_ends(void **state)
{
    (void)state;
    build_both();
    for (unsigned i = 0; i < 2; i++) {
        builds[i].rules[0].storm_count = 1 + i;
        builds[i].rules[0].storm_ms = 10000;
    }
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(1000, "l/b", 1000, 60);
    adopt(&builds[1].config);
    feed_value(2000, "l/c", 2000, 60);
    drive_advance(&drive, 30999);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "hot * storm ok unknown #1 at 1000 since 1000 nan\n"
                         "hot b none critical active #0 at 1000 since 1000 60\n"
                         "hot c none critical active #0 at 2000 since 2000 60\n"
                         "hot * storm_end ok unknown #2 at 21000 since 1000 nan\n");
    drive_finish(&drive);
}

static void a_storm_without_a_rule_for_it_is_over(void **state)
{
    (void)state;
    build_both();
    builds[0].rules[0].storm_count = 1;
    builds[0].rules[0].storm_ms = 10000;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    feed_value(1000, "l/b", 1000, 60);
    adopt(&builds[1].config);
    feed_value(2000, "l/c", 2000, 60);
    drive_expect(&drive, "hot a raised critical active #1 at 1000 since 1000 60\n"
                         "hot * storm ok unknown #1 at 1000 since 1000 nan\n"
                         "hot b none critical active #0 at 1000 since 1000 60\n"
                         "hot * storm_end ok unknown #2 at 1000 since 1000 nan\n"
                         "hot c raised critical active #1 at 2000 since 2000 60\n");
    drive_finish(&drive);
}

static void an_expected_series_is_watched_from_the_change_on(void **state)
{
    static struct weir_expected expected = {.rule = 0, .series = "gone"};

    (void)state;
    build_both();
    builds[1].rules[0].silent_ms = 5000;
    builds[1].rules[0].grace_ms = 5000;
    builds[1].config.expected = &expected;
    builds[1].config.expected_count = 1;
    drive_init(&drive, &builds[0].config);
    drive_advance(&drive, 1000);
    adopt(&builds[1].config);
    drive_advance(&drive, 5999);
    drive_expect(&drive, "");
    drive_advance(&drive, 6000);
    drive_expect(&drive, "hot gone stale ok unknown #1 at 6000 since 1000 nan\n");
    drive_finish(&drive);
}

static void the_rest_of_a_window_that_a_change_cut_short_is_judged(void **state)
{
    (void)state;
    build_both();
    for (unsigned i = 0; i < 2; i++) {
        builds[i].rules[0].on_window = true;
        builds[i].rules[0].of = WEIR_AGGREGATE_MEAN;
        builds[i].rules[0].silent_ms = 3000;
        builds[i].streams[0].window_ms = i == 0 ? 100000 : 10000;
    }
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 40);
    adopt(&builds[1].config);
    for (int64_t now_ms = 3000; now_ms <= 11000; now_ms += 2000)
        feed_value(now_ms, "l/a", now_ms, 60);
    drive_expect(&drive, "left a t 0..100000 n1 sum 40\n"
                         "hot a none ok ok #0 at 100000 since 100000 40\n"
                         "left a t 0..10000 n4 sum 240\n"
                         "hot a raised critical active #1 at 10000 since 10000 60\n");
    drive_finish(&drive);
}

static void a_rule_that_turns_from_windows_to_samples_judges_the_next(void **state)
{
    (void)state;
    build_both();
    builds[0].rules[0].on_window = true;
    builds[0].rules[0].of = WEIR_AGGREGATE_MEAN;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 40);
    drive_advance(&drive, 31000);
    adopt(&builds[1].config);
    feed_value(32000, "l/a", 9000, 60);
    drive_expect(&drive, "left a t 0..10000 n1 sum 40\n"
                         "hot a none ok ok #0 at 10000 since 10000 40\n"
                         "hot a raised critical active #1 at 9000 since 9000 60\n");
    drive_finish(&drive);
}

/* What was found of one quantile is not held against the limits of another. */
static void a_rule_that_turns_to_another_quantile_judges_the_next_window(void **state)
{
    static const char *const expected[] = {
        "left a t 0..10000 n1 sum 60 p60 p60\n"
        "hot a raised critical active #1 at 10000 since 10000 60\n"
        "hot a cleared ok ok #2 at 32000 since 10000 60\n",
        "left a t 0..10000 n1 sum 60 p60 p60\n"
        "hot a raised critical active #1 at 10000 since 10000 60\n",
    };

    (void)state;
    for (int turns = 0; turns < 2; turns++) {
        build_both();
        for (int i = 0; i < 2; i++) {
            build_quantiles(&builds[i].streams[0]);
            builds[i].rules[0].on_window = true;
            builds[i].rules[0].of = WEIR_AGGREGATE_MEAN;
            builds[i].rules[0].of_quantile = turns && i == 1 ? 100 : 900;
            builds[i].rules[0].comparison = weir_comparison_make(
                WEIR_OPERATOR_ABOVE, 0, i == 0 ? 50 : 80, 0, WEIR_LEVEL_CRITICAL);
        }
        drive_init(&drive, &builds[0].config);
        feed_value(1000, "l/a", 1000, 60);
        drive_advance(&drive, 31000);
        adopt(&builds[1].config);
        drive_advance(&drive, 32000);
        drive_expect(&drive, expected[turns]);
        drive_finish(&drive);
    }
}

static void a_rule_on_silence_is_of_no_field(void **state)
{
    struct weir_alert alert;

    (void)state;
    build_both();
    for (unsigned i = 0; i < 2; i++) {
        builds[i].rules[0].form = WEIR_RULE_SILENCE;
        builds[i].rules[0].silent_ms = 5000;
        builds[i].rules[0].comparison =
            weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 5, 0, WEIR_LEVEL_WARNING);
    }
    (void)build_field(&builds[1].streams[0], "t");
    (void)snprintf(builds[1].streams[0].fields[0].name, 2, "h");
    (void)snprintf(builds[1].streams[0].fields[0].path, 2, "h");
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 40);
    drive_advance(&drive, 6000);
    adopt(&builds[1].config);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.level, WEIR_LEVEL_WARNING);
    drive_finish(&drive);
}

static void other_limits_are_not_held_against_a_value_that_is_not_known(void **state)
{
    struct weir_command restore = {
        .kind = WEIR_COMMAND_RESTORE,
        .rule = "hot",
        .series = "a",
        .restore = {.time_ms = 900, .since_ms = 800, .value = NAN},
    };
    struct weir_alert alert;

    (void)state;
    build_both();
    builds[1].rules[0].comparison =
        weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 65, 0, WEIR_LEVEL_INFO);
    drive_init(&drive, &builds[0].config);
    drive_advance(&drive, 1000);
    assert_int_equal(weir_pipeline_command(&drive.pipeline, &restore), WEIR_OK);
    drive_take(&drive);
    adopt(&builds[1].config);
    drive_advance(&drive, 2000);
    assert_true(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    assert_int_equal(alert.level, WEIR_LEVEL_OK);
    drive_finish(&drive);
}

static void another_second_field_begins_anew_what_is_not_complete(void **state)
{
    (void)state;
    build_both();
    for (unsigned i = 0; i < 2; i++) {
        (void)build_field(&builds[i].streams[0], "x");
        (void)build_field(&builds[i].streams[0], "y");
        builds[i].rules[0].hold_ms = 3000;
        builds[i].rules[0].has_minus = true;
        builds[i].rules[0].minus_field = 1 + i;
    }
    drive_init(&drive, &builds[0].config);
    drive_feed(&drive, 1000, "l/a", "{\"ts\":1000,\"t\":60,\"x\":1,\"y\":0}");
    adopt(&builds[1].config);
    drive_feed(&drive, 4000, "l/a", "{\"ts\":4000,\"t\":60,\"x\":1,\"y\":0}");
    drive_feed(&drive, 7000, "l/a", "{\"ts\":7000,\"t\":60,\"x\":1,\"y\":0}");
    drive_expect(&drive, "hot a none ok pending #0 at 1000 since 1000 59\n"
                         "hot a raised critical active #1 at 7000 since 4000 60\n");
    drive_finish(&drive);
}

static void a_rule_on_another_field_or_stream_starts_anew(void **state)
{
    struct weir_alert alert;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        build_both();
        (void)build_field(&builds[1].streams[0], "h");
        if (i == 0)
            builds[1].rules[0].field = 1;
        else
            builds[1].rules[0].stream = 1;
        drive_init(&drive, &builds[0].config);
        feed_value(1000, "l/a", 1000, 60);
        feed_value(1000, "r/a", 1000, 60);
        adopt(&builds[1].config);
        assert_false(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
        assert_true(weir_pipeline_alert(&drive.pipeline, 1, 0, &alert));
        drive_finish(&drive);
    }
}

static void a_timer_of_the_rule_runs_on(void **state)
{
    (void)state;
    build_both();
    builds[0].rules[0].hold_ms = builds[1].rules[0].hold_ms = 5000;
    drive_init(&drive, &builds[0].config);
    feed_value(1000, "l/a", 1000, 60);
    adopt(&builds[1].config);
    feed_value(5999, "l/a", 5999, 60);
    drive_expect(&drive, "hot a none ok pending #0 at 1000 since 1000 60\n");
    feed_value(6000, "l/a", 6000, 60);
    drive_expect(&drive, "hot a raised critical active #1 at 6000 since 1000 60\n");
    drive_finish(&drive);
}

static void many_open_windows_of_a_changed_stream_are_closed_in_parts(void **state)
{
    char topic[16];

    (void)state;
    build_both();
    builds[0].config.rule_count = 0;
    builds[1].config.rule_count = 0;
    builds[0].streams[0].max_series = 1000;
    drive_init(&drive, &builds[0].config);
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(topic, sizeof(topic), "l/%u", i);
        feed_value(1000, topic, 1000, 1);
    }
    feed_value(1000, "r/a", 1000, 1);
    assert_int_equal(weir_pipeline_drain_changed(&drive.pipeline, &builds[1].config), WEIR_FULL);
    adopt(&builds[1].config);
    assert_int_equal(drive.row_count, 600);
    assert_int_equal(drive_ledger(&drive).open, 1);
    drive_finish(&drive);
}

/* All outputs of a random run, to be freed. */
static char *run_random(uint64_t test, bool adopting)
{
    static const char *const topics[] = {"l/a", "l/b", "l/c", "r/a", "r/b"};
    struct test_random random = random_make(test);
    int64_t now_ms = 100000;
    char *text;

    build_both();
    for (unsigned i = 0; i < 2; i++) {
        builds[i].streams[0].lateness_ms = 15000;
        builds[i].streams[1].revise = true;
        builds[i].streams[1].held_count = 2;
        builds[i].rules[1].hold_ms = 2000;
    }
    drive_init(&drive, &builds[0].config);
    for (unsigned i = 1; i < 1000; i++) {
        now_ms += random_between(&random, 0, random_once_in(&random, 30) ? 50000 : 1000);
        feed_value(now_ms, topics[random_below(&random, 5)],
                   now_ms - random_between(&random, 0, 20000),
                   (double)random_between(&random, 0, 100));
        if (adopting && i % 50 == 0)
            adopt(&builds[i / 50 % 2].config);
    }
    drive_drain(&drive);
    (void)fflush(drive.out);
    text = strdup(drive.text);
    assert_non_null(text);
    drive_finish(&drive);
    return text;
}

static void a_random_run_does_not_notice_reloads_that_change_nothing(void **state)
{
    (void)state;
    for (uint64_t test = 1; test <= 5; test++) {
        char *plain = run_random(test, false);
        char *reloaded = run_random(test, true);

        assert_string_equal(plain, reloaded);
        free(plain);
        free(reloaded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unchanged_configuration_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(a_changed_stream_is_closed_first_and_starts_anew),
        cmocka_unit_test(each_setting_that_windows_depend_on_makes_a_stream_another),
        cmocka_unit_test(windows_follow_their_stream_s_name_to_another_place),
        cmocka_unit_test(a_stream_that_is_gone_is_closed_and_a_new_one_begins),
        cmocka_unit_test(series_keep_their_numbers_when_the_maximum_changes),
        cmocka_unit_test(the_state_of_a_rule_goes_on_while_others_come_and_go),
        cmocka_unit_test(a_rule_with_new_limits_goes_on_from_its_state_and_sequence),
        cmocka_unit_test(a_longer_hold_does_not_demote_and_a_lost_level_becomes_the_nearest),
        cmocka_unit_test(what_is_shelved_latched_or_flapping_stays_so),
        cmocka_unit_test(flapping_without_a_rule_for_it_is_over),
        cmocka_unit_test(a_storm_goes_on_and_ends),
        cmocka_unit_test(a_storm_without_a_rule_for_it_is_over),
        cmocka_unit_test(an_expected_series_is_watched_from_the_change_on),
        cmocka_unit_test(the_rest_of_a_window_that_a_change_cut_short_is_judged),
        cmocka_unit_test(a_rule_that_turns_from_windows_to_samples_judges_the_next),
        cmocka_unit_test(a_rule_that_turns_to_another_quantile_judges_the_next_window),
        cmocka_unit_test(a_rule_on_silence_is_of_no_field),
        cmocka_unit_test(other_limits_are_not_held_against_a_value_that_is_not_known),
        cmocka_unit_test(another_second_field_begins_anew_what_is_not_complete),
        cmocka_unit_test(a_rule_on_another_field_or_stream_starts_anew),
        cmocka_unit_test(a_timer_of_the_rule_runs_on),
        cmocka_unit_test(many_open_windows_of_a_changed_stream_are_closed_in_parts),
        cmocka_unit_test(a_random_run_does_not_notice_reloads_that_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
