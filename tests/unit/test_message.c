/* Messages for people: which are refused, and what comes of those that are not. */
#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/message.h"
#include "support/build.h"

struct fixture {
    struct build build;
    struct weir_alert alert;
    char bytes[4096];
    struct weir_text text;
};

static void set_up(struct fixture *fixture)
{
    struct weir_stream_config *stream;
    struct weir_field_config *field;

    build_init(&fixture->build);
    stream = build_stream(&fixture->build, "climate", "sensors/{site}/{device}");
    field = build_field(stream, "temperature");
    (void)snprintf(field->unit, sizeof(field->unit), "Cel");
    (void)build_rule(&fixture->build, "overheat", 0, 0, 85);
    fixture->alert = (struct weir_alert){.level = WEIR_LEVEL_CRITICAL, .value = 88.4, .limit = 85};
}

static void assert_message(struct fixture *fixture, const char *message, const char *series,
                           const char *expected)
{
    struct weir_message_fault fault;

    (void)snprintf(fixture->build.rules[0].message, sizeof(fixture->build.rules[0].message), "%s",
                   message);
    assert_true(weir_message_check(message, 2, &fault));
    weir_text_init(&fixture->text, fixture->bytes, sizeof(fixture->bytes) - 1);
    weir_message_add(&fixture->text, &fixture->build.config, series, &fixture->alert);
    assert_false(fixture->text.overflow);
    fixture->bytes[fixture->text.length] = '\0';
    assert_string_equal(fixture->bytes, expected);
}

static void each_placeholder_stands_for_its_part_of_the_alert(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_message(&fixture, "{series} at {value} {unit}, limit {limit} ({level})", "plant/dev42",
                   "plant/dev42 at 88.4 Cel, limit 85 (critical)");
    assert_message(&fixture, "{rule}{stream}{field}", "plant/dev42", "overheatclimatetemperature");
    assert_message(&fixture, "{2} in {1}", "plant/dev42", "dev42 in plant");
    assert_message(&fixture, "{2} in {1}", "plant", " in plant");
    assert_message(&fixture, "{1}", "", "");
    assert_message(&fixture, "", "plant/dev42", "");
}

static void braces_that_are_none_of_a_placeholder_stay(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_message(&fixture, "{{", "a/b", "{");
    assert_message(&fixture, "}", "a/b", "}");
    assert_message(&fixture, "{{series}", "a/b", "{series}");
    assert_message(&fixture, "{{{series}}", "a/b", "{a/b}");
}

static void what_goes_into_a_payload_is_escaped(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_message(&fixture, "\"{series}\" \\ {2}", "a\"/b\n",
                   "\\\"a\\\"/b\\u000a\\\" \\\\ b\\u000a");
    (void)snprintf(fixture.build.streams[0].fields[0].unit, WEIR_UNIT_LENGTH_MAX, "\"");
    assert_message(&fixture, "{unit}", "a/b", "\\\"");
}

static void a_number_that_is_not_finite_is_a_dash(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.alert.value = NAN;
    fixture.alert.limit = -INFINITY;
    assert_message(&fixture, "{value} {limit}", "a/b", "- -");
}

static void assert_unit(struct fixture *fixture, const char *expected)
{
    char unit[WEIR_MESSAGE_UNIT_SIZE];

    weir_message_unit(unit, &fixture->build.config, 0);
    assert_string_equal(unit, expected);
}

static void the_unit_is_that_of_what_is_judged(void **state)
{
    struct fixture fixture;
    struct weir_rule_config *rule = &fixture.build.rules[0];

    (void)state;
    set_up(&fixture);
    assert_unit(&fixture, "Cel");
    rule->of = WEIR_AGGREGATE_COUNT;
    assert_unit(&fixture, "Cel");
    rule->on_window = true;
    assert_unit(&fixture, "");
    rule->of = WEIR_AGGREGATE_RATE;
    assert_unit(&fixture, "Cel/s");
    rule->on_window = false;
    rule->form = WEIR_RULE_RATE;
    rule->slope_unit_ms = 60000;
    assert_unit(&fixture, "Cel/min");
    rule->slope_unit_ms = 86400000;
    assert_unit(&fixture, "Cel/d");
    rule->form = WEIR_RULE_CHANGE;
    assert_unit(&fixture, "");
    rule->form = WEIR_RULE_SILENCE;
    assert_unit(&fixture, "s");
    assert_message(&fixture, "{field}{value} {unit}", "a/b", "88.4 s");
}

static void a_message_is_refused_with_the_place_and_the_reason(void **state)
{
    static const struct {
        const char *message;
        size_t offset;
        const char *text;
        bool unknown; /* by its name alone */
    } faults[] = {
        {"a {serie}", 2, "{serie}", true},
        {"{series", 0, "{series", false},
        {"{", 0, "{", false},
        {"{}", 0, "{}", true},
        {"{0}", 0, "{0}", true},
        {"{-1}", 0, "{-1}", true},
        {"{1x}", 0, "{1x}", true},
        {"{4294967297}", 0, "{4294967297}", true},
        {"{2}{3}", 3, "{3}", false},
        {"{Value}", 0, "{Value}", true},
        {"{value }", 0, "{value }", true},
        {"{1}{1}{1}{1}{1}{1}{1}{1}{2}", 24, "{2}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct weir_message_fault fault;

        assert_false(weir_message_check(faults[i].message, 2, &fault));
        assert_ptr_equal(fault.text, faults[i].message + faults[i].offset);
        assert_int_equal(fault.length, strlen(faults[i].text));
        assert_memory_equal(fault.text, faults[i].text, fault.length);
        assert_int_equal(fault.expected == NULL, faults[i].unknown);
    }
}

static void the_longest_message_leaves_half_a_payload(void **state)
{
    static struct fixture fixture;
    static char payload[32768];
    char series[WEIR_TOPIC_LENGTH_MAX + 1];
    char *message = fixture.build.rules[0].message;
    size_t size = sizeof(fixture.build.rules[0].message);

    (void)state;
    set_up(&fixture);
    memset(series, '\x01', sizeof(series) - 1);
    series[sizeof(series) - 1] = '\0';
    memset(message, '"', size - 1);
    message[size - 1] = '\0';
    for (size_t i = 0; i < WEIR_MESSAGE_PLACEHOLDER_COUNT_MAX; i++)
        memcpy(message + 8 * i, "{series}", 8);
    weir_text_init(&fixture.text, payload, sizeof(payload));
    weir_message_add(&fixture.text, &fixture.build.config, series, &fixture.alert);
    assert_false(fixture.text.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_placeholder_stands_for_its_part_of_the_alert),
        cmocka_unit_test(braces_that_are_none_of_a_placeholder_stay),
        cmocka_unit_test(what_goes_into_a_payload_is_escaped),
        cmocka_unit_test(a_number_that_is_not_finite_is_a_dash),
        cmocka_unit_test(the_unit_is_that_of_what_is_judged),
        cmocka_unit_test(a_message_is_refused_with_the_place_and_the_reason),
        cmocka_unit_test(the_longest_message_leaves_half_a_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
