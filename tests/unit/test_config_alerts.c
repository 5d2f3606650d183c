/* Alerts in the configuration: every form and setting, what follows from them, and the hash. */
#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/check_alerts.h"
#include "port/config.h"
#include "port/config_value.h"

#define STREAM                                                                                     \
    "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{b}\" ]; max_series = 1000000; "  \
    "fields = ( { name = \"t\"; path = \"t\"; }, { name = \"u\"; path = \"u\"; } ); "              \
    "window = { size = \"1s\"; }; } );"
#define RULE(settings) STREAM "alerts = ( { name = \"r\"; stream = \"s\"; " settings " } );"
#define LIMIT(settings) RULE("field = \"t\"; above = 1.0; " settings)
#define SLOPE(settings) RULE("field = \"t\"; window = \"10m\"; " settings)

static struct weir_config *config;

/* Parses a text; what it is told of is as expected, a part of the report or none. */
static void parse(const char *text, const char *expected)
{
    char *report = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&report, &length);

    weir_config_destroy(config);
    config = weir_config_parse("test.conf", text, stream);
    assert_int_equal(fclose(stream), 0);
    if (expected)
        assert_non_null(strstr(report, expected));
    else
        assert_string_equal(report, "");
    free(report);
}

static uint64_t hash_of(const char *text)
{
    parse(text, NULL);
    assert_non_null(config);
    return config->hash;
}

static const struct weir_rule_config *rule_of(const char *name)
{
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (strcmp(config->rules[i].name, name) == 0)
            return &config->rules[i];
    }
    fail_msg("there is no alert \"%s\"", name);
    return NULL;
}

static void assert_limit(const struct weir_comparison *comparison, enum weir_level level,
                         double low, double high)
{
    assert_true(comparison->limits[level].set);
    assert_true(comparison->limits[level].low == low);
    assert_true(comparison->limits[level].high == high);
}

static void assert_levels(const struct weir_comparison *comparison, unsigned levels)
{
    for (uint32_t i = 0; i < WEIR_LEVEL_COUNT; i++)
        assert_int_equal(comparison->limits[i].set, levels >> i & 1);
}

static void load(void)
{
    const char *data = getenv("WEIR_TEST_DATA");
    char path[4096];

    if (!data) {
        print_message("WEIR_TEST_DATA is not set\n");
        skip();
    }
    (void)snprintf(path, sizeof(path), "%s/config/alerts.conf", data);
    weir_config_destroy(config);
    config = weir_config_load(path, stderr);
    assert_non_null(config);
}

#define INFO (1u << WEIR_LEVEL_INFO)
#define WARNING (1u << WEIR_LEVEL_WARNING)
#define CRITICAL (1u << WEIR_LEVEL_CRITICAL)

static void a_limit_goes_to_its_level(void **state)
{
    const struct weir_rule_config *rule;

    (void)state;
    load();
    rule = rule_of("overheat");
    assert_int_equal(rule->form, WEIR_RULE_LIMIT);
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_ABOVE);
    assert_levels(&rule->comparison, CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -INFINITY, 85);
    assert_true(rule->comparison.deadband == 3);
    assert_int_equal(rule->hold_ms, 5000);
    assert_int_equal(rule->clear_delay_ms, 10000);
    rule = rule_of("heat");
    assert_levels(&rule->comparison, INFO | WARNING | CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_INFO, -INFINITY, 60);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -INFINITY, 85);
    rule = rule_of("cold");
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_BELOW);
    assert_levels(&rule->comparison, WARNING | CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -5, INFINITY);
    rule = rule_of("range");
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_OUTSIDE);
    assert_limit(&rule->comparison, WEIR_LEVEL_WARNING, 10, 30);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, 5, 30);
    rule = rule_of("both");
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_OUTSIDE);
    assert_levels(&rule->comparison, WARNING | CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, 5, 35);
    rule = rule_of("within");
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_INSIDE);
    assert_limit(&rule->comparison, WEIR_LEVEL_WARNING, 40, 40);
}

static void what_is_judged_is_read(void **state)
{
    const struct weir_rule_config *rule;

    (void)state;
    load();
    assert_true(rule_of("mean")->on_window);
    assert_int_equal(rule_of("mean")->of, WEIR_AGGREGATE_MEAN);
    assert_int_equal(rule_of("mean")->of_quantile, 0);
    assert_true(rule_of("most")->on_window);
    assert_int_equal(rule_of("most")->of_quantile, 999);
    assert_int_equal(rule_of("most")->of, WEIR_AGGREGATE_MEAN);
    assert_true(rule_of("few")->on_window);
    assert_int_equal(rule_of("few")->of, WEIR_AGGREGATE_COUNT);
    assert_false(rule_of("heat")->on_window);
    rule = rule_of("damp");
    assert_true(rule->has_and);
    assert_int_equal(rule->and_field, 1);
    assert_int_equal(rule->and_comparison.op, WEIR_OPERATOR_ABOVE);
    assert_levels(&rule->and_comparison, INFO);
    assert_limit(&rule->and_comparison, WEIR_LEVEL_INFO, -INFINITY, 80);
    assert_true(rule->and_comparison.deadband == 2);
    assert_int_equal(rule_of("dry")->and_comparison.op, WEIR_OPERATOR_INSIDE);
    assert_false(rule_of("heat")->has_and);
    rule = rule_of("lift");
    assert_true(rule->has_minus && !rule->on_window);
    assert_int_equal(rule->minus_field, 1);
    assert_string_equal(rule->minus_series, "");
    rule = rule_of("short");
    assert_true(rule->has_minus && rule->on_window);
    assert_int_equal(rule->minus_field, 0);
    assert_string_equal(rule->minus_series, "plant/reference");
    rule = rule_of("cross");
    assert_int_equal(rule->minus_field, 1);
    assert_int_equal(rule->of, WEIR_AGGREGATE_MAX);
    assert_string_equal(rule->minus_series, "");
}

static void the_other_forms_are_read(void **state)
{
    const struct weir_rule_config *rule;

    (void)state;
    load();
    rule = rule_of("rise");
    assert_int_equal(rule->form, WEIR_RULE_RATE);
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_ABOVE);
    assert_limit(&rule->comparison, WEIR_LEVEL_WARNING, -INFINITY, 2);
    assert_int_equal(rule->slope_window_ms, 600000);
    assert_int_equal(rule->slope_unit_ms, 60000);
    assert_false(rule->counter);
    rule = rule_of("fall");
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_BELOW);
    assert_levels(&rule->comparison, WARNING | CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -2.5, INFINITY);
    assert_int_equal(rule->slope_unit_ms, 3600000);
    assert_true(rule_of("use")->counter);
    rule = rule_of("opened");
    assert_int_equal(rule->form, WEIR_RULE_CHANGE);
    assert_levels(&rule->comparison, INFO);
    assert_limit(&rule->comparison, WEIR_LEVEL_INFO, -INFINITY, 0);
    rule = rule_of("gone");
    assert_int_equal(rule->form, WEIR_RULE_SILENCE);
    assert_levels(&rule->comparison, CRITICAL);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -INFINITY, 300);
    assert_int_equal(rule->silent_ms, 300000);
    assert_int_equal(rule->grace_ms, 600000);
    assert_int_equal(rule->max_gap_ms, INT64_MAX);
    rule = rule_of("missed");
    assert_limit(&rule->comparison, WEIR_LEVEL_WARNING, -INFINITY, 300);
    assert_limit(&rule->comparison, WEIR_LEVEL_CRITICAL, -INFINITY, 3600);
    assert_int_equal(rule->silent_ms, 300000);
    assert_int_equal(rule->grace_ms, 300000);
}

static void the_behaviour_is_read(void **state)
{
    const struct weir_rule_config *rule;

    (void)state;
    load();
    rule = rule_of("cold");
    assert_int_equal(rule->max_gap_ms, 120000);
    assert_int_equal(rule->silent_ms, 300000);
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_OK], 0);
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_INFO], 0);
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_WARNING], 3600000);
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_CRITICAL], 3600000);
    rule = rule_of("heat");
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_WARNING], 0);
    assert_int_equal(rule->remind_ms[WEIR_LEVEL_CRITICAL], 600000);
    assert_int_equal(rule->max_gap_ms, INT64_MAX);
    assert_int_equal(rule->flap_count, 7);
    assert_int_equal(rule->flap_ms, 600000);
    assert_int_equal(rule->storm_count, 100);
    assert_int_equal(rule->storm_ms, 10000);
    assert_false(rule->latch || rule->on_change);
    assert_true(rule_of("within")->latch && rule_of("within")->on_change);
    assert_int_equal(rule_of("few")->max_gap_ms, 70000);
    rule = rule_of("range");
    assert_int_equal(rule->flap_count, 0);
    assert_int_equal(rule->storm_count, 0);
    rule = rule_of("both");
    assert_int_equal(rule->flap_count, 3);
    assert_int_equal(rule->flap_ms, 600000);
    assert_int_equal(rule->storm_count, 100);
    assert_int_equal(rule->storm_ms, 60000);
}

static void the_gateways_part_is_read(void **state)
{
    (void)state;
    load();
    assert_int_equal(config->outage_tolerance_ms, 7200000);
    assert_true(config->commands);
    assert_int_equal(config->shelve_max_ms, 43200000);
    assert_string_equal(config->discovery, "homeassistant");
    assert_int_equal(config->streams[0].max_past_ms, 3600000);
    assert_string_equal(config->streams[0].historical_path, "meta.old");
    assert_int_equal(config->streams[1].max_past_ms, INT64_MAX);
    assert_string_equal(config->streams[1].historical_path, "");
    parse(STREAM, NULL);
    assert_int_equal(config->outage_tolerance_ms, 3600000);
    assert_false(config->commands);
    assert_int_equal(config->shelve_max_ms, 86400000);
    assert_string_equal(config->discovery, "");
}

static void expected_series_stand_in_the_order_of_the_rules(void **state)
{
    (void)state;
    load();
    assert_int_equal(config->expected_count, 3);
    assert_string_equal(config->rules[config->expected[0].rule].name, "gone");
    assert_string_equal(config->expected[0].series, "plant/dev42");
    assert_string_equal(config->expected[1].series, "a/plant/dev42");
    assert_string_equal(config->rules[config->expected[2].rule].name, "missed");
    assert_string_equal(config->expected[2].series, "");
}

static void each_alert_is_told_in_words(void **state)
{
    static const char *const words[][2] = {
        {"overheat", "temperature above 85 Cel critical, deadband 3; hold 5s; clear_delay 10s"},
        {"heat", "temperature above 60 Cel info, 75 Cel warning, 85 Cel critical, deadband 2; "
                 "reminder every 10m while critical"},
        {"cold", "temperature below 5 Cel warning, -5 Cel critical; max_gap 2m; stale after 5m; "
                 "reminder every 1h while warning; reminder every 1h while critical"},
        {"range", "temperature outside 10 to 30 Cel warning, 5 to 30 Cel critical, deadband 1"},
        {"within", "humidity inside 40 to 40 warning; devices report changes only; latched"},
        {"few", "count of each window of temperature below 5 warning; max_gap 70s; stale after 1m"},
        {"rise", "slope of temperature over 10m above 2 Cel/min warning, deadband 0.5; hold 1m"},
        {"fall", "slope of temperature over 6h below -1 Cel/h warning, -2.5 Cel/h critical"},
        {"use", "slope of the counter energy over 1d above 100 kWh/d warning"},
        {"gone", "silence above 300 s critical; 2 series expected, the first time within 10m"},
        {"opened", "any change of open, info"},
        {"damp", "temperature above 30 Cel warning, while humidity above 80, deadband 2"},
        {"cross", "max of each window of temperature minus humidity outside -2 to 2 Cel warning"},
        {"drift", "mean of each window of temperature minus temperature of plant/reference outside "
                  "-2 to 2 Cel warning"},
    };
    char bytes[WEIR_CHECK_ALERT_SIZE];

    (void)state;
    load();
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct weir_text text;

        weir_text_init(&text, bytes, sizeof(bytes) - 1);
        weir_check_describe_alert(&text, config, (uint32_t)(rule_of(words[i][0]) - config->rules));
        assert_false(text.overflow);
        bytes[text.length] = '\0';
        assert_string_equal(bytes, words[i][1]);
    }
}

/* A configuration of that many rules which expect 1,024 series each. */
static char *write_expecting(unsigned rules)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);

    fputs(STREAM "alerts = (", stream);
    for (unsigned i = 0; i < rules; i++) {
        fprintf(stream, "%s{ name = \"r%u\"; stream = \"s\"; silent = \"1m\"; expect = [",
                i > 0 ? ", " : "", i);
        for (unsigned j = 0; j < 1024; j++)
            fprintf(stream, "%s\"%u\"", j > 0 ? ", " : " ", j);
        fputs(" ]; }", stream);
    }
    fputs(" );", stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void no_more_series_are_expected_than_may_be(void **state)
{
    char *text = write_expecting(4);

    (void)state;
    parse(text, NULL);
    assert_int_equal(config->expected_count, WEIR_EXPECTED_COUNT_MAX);
    free(text);
    text = write_expecting(5);
    parse(text, "the series that all alerts expect are too many; expected at most 4096");
    assert_null(config);
    free(text);
}

static void slopes_have_a_number_and_a_unit_of_time(void **state)
{
    static const char *const refused[] = {"",    "2",    "/min",    "2/m",  "2/ min", "on/s",
                                          "0/s", "-0/s", "1e999/s", "2//s", "2/s "};
    struct weir_slope_limit slope;

    (void)state;
    assert_null(weir_value_read_slope("-1.5e1/d", &slope));
    assert_true(slope.number == -15 && slope.unit_ms == 86400000);
    assert_null(weir_value_read_slope(".5/s", &slope));
    assert_true(slope.number == 0.5 && slope.unit_ms == 1000);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_non_null(weir_value_read_slope(refused[i], &slope));
}

static void the_hash_changes_with_every_value_of_an_alert(void **state)
{
    static const char *const texts[] = {
        STREAM,
        LIMIT(""),
        RULE("field = \"u\"; above = 1.0;"),
        RULE("field = \"t\"; above = 2.0;"),
        RULE("field = \"t\"; below = 1.0;"),
        RULE("field = \"t\"; inside = [ 1.0, 2.0 ];"),
        RULE("field = \"t\"; outside = [ 1.0, 2.0 ];"),
        RULE("field = \"t\"; above = { info = 0.5; warning = 1.0; };"),
        RULE("field = \"t\"; change = true;"),
        RULE("silent = \"1m\";"),
        RULE("silent = \"2m\";"),
        RULE("silent = { warning = \"1m\"; critical = \"2m\"; };"),
        RULE("silent = \"1m\"; expect = [ \"x\" ];"),
        RULE("silent = \"1m\"; expect = [ \"y\" ];"),
        RULE("silent = \"1m\"; expect = [ \"x\", \"y\" ];"),
        RULE("silent = \"1m\"; expect = [ \"x\" ]; grace = \"2m\";"),
        LIMIT("deadband = 0.5;"),
        LIMIT("hold = \"1s\";"),
        LIMIT("clear_delay = \"1s\";"),
        LIMIT("level = \"info\";"),
        LIMIT("on = \"window\";"),
        LIMIT("of = \"max\";"),
        LIMIT("minus = { field = \"u\"; };"),
        LIMIT("minus = \"x\";"),
        LIMIT("minus = \"y\";"),
        LIMIT("and = { field = \"u\"; above = 1.0; };"),
        LIMIT("and = { field = \"t\"; above = 1.0; };"),
        LIMIT("and = { field = \"u\"; above = 2.0; };"),
        LIMIT("and = { field = \"u\"; below = 1.0; };"),
        LIMIT("and = { field = \"u\"; above = 1.0; deadband = 1.0; };"),
        LIMIT("max_gap = \"1m\";"),
        LIMIT("silent = \"1m\";"),
        LIMIT("silent = \"1m\"; max_gap = \"2m\";"),
        LIMIT("reporting = \"on_change\";"),
        LIMIT("latch = true;"),
        LIMIT("remind = \"1h\";"),
        LIMIT("remind = \"2h\";"),
        LIMIT("flap = { };"),
        LIMIT("flap = { count = 4; };"),
        LIMIT("flap = { within = \"1m\"; };"),
        LIMIT("storm = { };"),
        LIMIT("storm = { count = 4; };"),
        LIMIT("storm = { within = \"1m\"; };"),
        LIMIT("message = \"m\";"),
        SLOPE("rate = \"1/min\";"),
        SLOPE("rate = \"-1/min\";"),
        SLOPE("rate = \"1/h\";"),
        SLOPE("rate = \"1/min\"; counter = true;"),
        RULE("field = \"t\"; rate = \"1/min\"; window = \"11m\";"),
        LIMIT("") "alerting = { commands = true; };",
        LIMIT("") "alerting = { outage_tolerance = \"2h\"; };",
        LIMIT("") "alerting = { shelve_max = \"2h\"; };",
        LIMIT("") "homeassistant = { };",
        LIMIT("") "homeassistant = { prefix = \"ha\"; };",
    };
    uint64_t hashes[sizeof(texts) / sizeof(texts[0])];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        hashes[i] = hash_of(texts[i]);
        for (size_t j = 0; j < i; j++) {
            if (hashes[i] == hashes[j])
                fail_msg("%s\nhas the hash of\n%s", texts[i], texts[j]);
        }
    }
}

static void the_hash_knows_no_order_and_no_way_of_writing(void **state)
{
    static const char *const pairs[][2] = {
        {LIMIT("on = \"window\";"), LIMIT("of = \"mean\";")},
        {LIMIT("level = \"info\";"), RULE("field = \"t\"; above = { info = 1.0; };")},
        {RULE("field = \"t\"; above = 2.0; below = 1.0;"),
         RULE("field = \"t\"; outside = [ 1.0, 2.0 ];")},
        {LIMIT("minus = \"x\";"), LIMIT("on = \"window\"; minus = { series = \"x\"; };")},
        {LIMIT("remind = \"60m\";"), LIMIT("remind = { warning = \"1h\"; };")},
        {LIMIT("silent = \"1m\";"), LIMIT("max_gap = \"60s\"; silent = \"60s\";")},
        {LIMIT(""), LIMIT("latch = false; flap = \"off\";")},
        {LIMIT("flap = { count = 5; within = \"10m\"; };"),
         LIMIT("") "alerting = { flap = { }; };"},
        {LIMIT("storm = \"off\"; "), LIMIT("storm = \"off\";") "alerting = { storm = { }; };"},
        {RULE("silent = \"1m\"; expect = [ \"x\", \"y\" ];"),
         RULE("silent = \"1m\"; expect = ( \"y\", \"x\" ); grace = \"60s\";")},
        {LIMIT(""), LIMIT("") "alerting = { outage_tolerance = \"60m\"; shelve_max = \"1d\"; };"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (hash_of(pairs[i][0]) != hash_of(pairs[i][1]))
            fail_msg("%s\nhas not the hash of\n%s", pairs[i][0], pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_goes_to_its_level),
        cmocka_unit_test(what_is_judged_is_read),
        cmocka_unit_test(the_other_forms_are_read),
        cmocka_unit_test(the_behaviour_is_read),
        cmocka_unit_test(the_gateways_part_is_read),
        cmocka_unit_test(expected_series_stand_in_the_order_of_the_rules),
        cmocka_unit_test(each_alert_is_told_in_words),
        cmocka_unit_test(no_more_series_are_expected_than_may_be),
        cmocka_unit_test(slopes_have_a_number_and_a_unit_of_time),
        cmocka_unit_test(the_hash_changes_with_every_value_of_an_alert),
        cmocka_unit_test(the_hash_knows_no_order_and_no_way_of_writing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    weir_config_destroy(config);
    return failed;
}
