#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/encode.h"
#include "support/build.h"

struct fixture {
    struct build build;
    struct weir_summary summary;
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
    (void)build_field(stream, "humidity");
    (void)build_rule(&fixture->build, "overheat", 0, 0, 85);
    fixture->summary = (struct weir_summary){
        .revision = 2,
        .start_ms = 1700000000000,
        .end_ms = 1700000010000,
        .first_ms = 1700000001000,
        .last_ms = 1700000005000,
        .count = 3,
        .sum = 63.25,
        .min = 20,
        .max = 22.75,
        .mean = 21.083333333333332,
        .stddev = 1.25,
        .first = 20,
        .last = 22.75,
    };
    fixture->alert = (struct weir_alert){
        .event = WEIR_EVENT_RAISED,
        .level = WEIR_LEVEL_CRITICAL,
        .condition = WEIR_CONDITION_ACTIVE,
        .quality = WEIR_QUALITY_GOOD,
        .time_ms = 1700000004000,
        .since_ms = 1700000000000,
        .value = 88.4,
        .limit = 85,
        .id = 0x0123456789abcdef,
        .sequence = 7,
    };
    weir_text_init(&fixture->text, fixture->bytes, sizeof(fixture->bytes));
}

static void assert_text(struct fixture *fixture, const char *expected)
{
    assert_false(fixture->text.overflow);
    fixture->bytes[fixture->text.length] = '\0';
    assert_string_equal(fixture->bytes, expected);
    fixture->text.length = 0;
}

static void encode(struct fixture *fixture)
{
    weir_encode_summary(&fixture->text, &fixture->build.streams[0], "plant/dev42",
                        &fixture->summary, NULL);
}

#define HEAD                                                                                       \
    "\"stream\":\"climate\",\"series\":\"plant/dev42\",\"field\":\"temperature\","                 \
    "\"unit\":\"Cel\",\"start\":1700000000000,\"end\":1700000010000,\"revision\":2"

static void a_summary_has_its_members_in_the_contracts_order(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    encode(&fixture);
    assert_text(&fixture, HEAD ",\"count\":3,\"sum\":63.25,\"min\":20,\"max\":22.75,"
                               "\"mean\":21.083333333333332,\"stddev\":1.25,\"first\":20,"
                               "\"last\":22.75,\"delta\":2.75,\"rate\":0.6875");
}

static void each_aggregate_appears_only_when_asked_for(void **state)
{
    static const char *const members[WEIR_AGGREGATE_KIND_COUNT] = {
        ",\"count\":3",
        ",\"sum\":63.25",
        ",\"min\":20",
        ",\"max\":22.75",
        ",\"mean\":21.083333333333332",
        ",\"stddev\":1.25",
        ",\"first\":20",
        ",\"last\":22.75",
        ",\"delta\":2.75",
        ",\"rate\":0.6875",
    };
    struct fixture fixture;
    char expected[1024];
    struct weir_text text;

    (void)state;
    set_up(&fixture);
    for (uint32_t set = 0; set < 1u << WEIR_AGGREGATE_KIND_COUNT; set++) {
        weir_text_init(&text, expected, sizeof(expected));
        weir_text_add(&text, HEAD);
        for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
            if (set & 1u << i)
                weir_text_add(&text, members[i]);
        }
        weir_text_add_bytes(&text, "", 1);
        fixture.build.streams[0].aggregates = set;
        encode(&fixture);
        assert_text(&fixture, expected);
    }
}

static void quantiles_come_last_and_only_with_a_sketch(void **state)
{
    struct fixture fixture;
    struct weir_stream_config *stream = &fixture.build.streams[0];
    struct weir_sketch sketch = {0};

    (void)state;
    set_up(&fixture);
    stream->aggregates = 1u << WEIR_AGGREGATE_RATE;
    build_quantiles(stream);
    encode(&fixture);
    assert_text(&fixture, HEAD ",\"rate\":0.6875");
    weir_sketch_accept(&sketch, 20);
    weir_sketch_accept(&sketch, 20.5);
    weir_sketch_accept(&sketch, 22.75);
    weir_encode_summary(&fixture.text, stream, "plant/dev42", &fixture.summary, &sketch);
    assert_text(&fixture, HEAD ",\"rate\":0.6875,\"p50\":20.5,\"p99.9\":22.75");
}

static void what_can_be_shown_is_what_is_not_left_out(void **state)
{
    const uint32_t all = (1u << WEIR_AGGREGATE_KIND_COUNT) - 1;
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_int_equal(weir_encode_aggregates(&fixture.summary), all);
    fixture.summary.last_ms = fixture.summary.first_ms;
    assert_int_equal(weir_encode_aggregates(&fixture.summary), all & ~(1u << WEIR_AGGREGATE_RATE));
    fixture.summary.sum = INFINITY;
    assert_int_equal(weir_encode_aggregates(&fixture.summary),
                     all & ~(1u << WEIR_AGGREGATE_RATE) & ~(1u << WEIR_AGGREGATE_SUM));
}

static void a_field_without_unit_has_no_unit(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.build.streams[0].aggregates = 1u << WEIR_AGGREGATE_COUNT;
    fixture.summary.field = 1;
    encode(&fixture);
    assert_text(&fixture, "\"stream\":\"climate\",\"series\":\"plant/dev42\","
                          "\"field\":\"humidity\",\"start\":1700000000000,"
                          "\"end\":1700000010000,\"revision\":2,\"count\":3");
}

static void what_is_not_finite_and_a_rate_over_no_time_are_left_out(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.build.streams[0].aggregates = 1u << WEIR_AGGREGATE_DELTA | 1u << WEIR_AGGREGATE_RATE |
                                          1u << WEIR_AGGREGATE_SUM | 1u << WEIR_AGGREGATE_STDDEV;
    fixture.summary.last_ms = fixture.summary.first_ms;
    fixture.summary.sum = INFINITY;
    fixture.summary.stddev = NAN;
    encode(&fixture);
    assert_text(&fixture, HEAD ",\"delta\":2.75");
    fixture.summary.last_ms++;
    fixture.summary.first = -1.7e308;
    fixture.summary.last = 1.7e308;
    encode(&fixture);
    assert_text(&fixture, HEAD);
}

static void names_are_escaped(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.build.streams[0].aggregates = 0;
    weir_encode_summary(&fixture.text, &fixture.build.streams[0], "a\"b\\c\n\x7f\xc3\xa9",
                        &fixture.summary, NULL);
    assert_text(&fixture, "\"stream\":\"climate\",\"series\":\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa9\","
                          "\"field\":\"temperature\",\"unit\":\"Cel\",\"start\":1700000000000,"
                          "\"end\":1700000010000,\"revision\":2");
}

static void a_summary_that_does_not_fit_is_told(void **state)
{
    struct fixture fixture;
    size_t length;

    (void)state;
    set_up(&fixture);
    encode(&fixture);
    length = fixture.text.length;
    for (size_t size = 0; size <= length; size++) {
        weir_text_init(&fixture.text, fixture.bytes, size);
        encode(&fixture);
        assert_int_equal(fixture.text.overflow, size < length);
        assert_true(fixture.text.length <= size);
    }
}

static void an_alert_line_has_the_contracts_members(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    weir_encode_alert(&fixture.text, &fixture.build.config, "plant/dev42", &fixture.alert);
    assert_text(&fixture, "\"rule\":\"overheat\",\"stream\":\"climate\",\"series\":\"plant/dev42\","
                          "\"event\":\"raised\",\"level\":\"critical\",\"ts\":1700000004000,"
                          "\"value\":88.4,\"limit\":85");
}

static void an_alert_payload_stands_by_itself(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    weir_encode_alert_payload(&fixture.text, &fixture.build.config, "plant/dev42", &fixture.alert);
    assert_text(
        &fixture,
        "{\"schema\":\"weir.alert/1\",\"gateway\":\"gate\",\"rule\":\"overheat\","
        "\"stream\":\"climate\",\"series\":\"plant/dev42\",\"field\":\"temperature\","
        "\"id\":\"0123456789abcdef\",\"seq\":7,\"event\":\"raised\",\"level\":\"critical\","
        "\"state\":\"active\",\"quality\":\"good\",\"since\":1700000000000,"
        "\"ts\":1700000004000,\"value\":88.4,\"unit\":\"Cel\",\"limit\":85,\"op\":\"above\","
        "\"acked\":false,\"latched\":false,\"flapping\":false,\"restored\":false,"
        "\"shelved_until\":null,\"late\":0}");
}

/* What stands behind "ts" in a payload. */
static const char *encode_rest(struct fixture *fixture)
{
    const char *rest;

    weir_text_init(&fixture->text, fixture->bytes, sizeof(fixture->bytes) - 1);
    weir_encode_alert_payload(&fixture->text, &fixture->build.config, "plant/dev42",
                              &fixture->alert);
    fixture->bytes[fixture->text.length] = '\0';
    rest = strstr(fixture->bytes, "\"value\"");
    assert_non_null(rest);
    return rest;
}

static void an_alert_payload_says_what_became_of_it(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.alert.acknowledged = fixture.alert.latched = true;
    fixture.alert.flapping = fixture.alert.restored = true;
    fixture.alert.shelved_until_ms = 1700000009000;
    fixture.alert.ignored = 3;
    fixture.alert.reminders = 2;
    fixture.alert.held_back = 41;
    fixture.alert.event = WEIR_EVENT_REMINDER;
    assert_string_equal(encode_rest(&fixture),
                        "\"value\":88.4,\"unit\":\"Cel\",\"limit\":85,\"op\":\"above\","
                        "\"acked\":true,\"latched\":true,\"flapping\":true,\"restored\":true,"
                        "\"shelved_until\":1700000009000,\"late\":3,\"n\":2}");
    fixture.alert.event = WEIR_EVENT_STORM_END;
    assert_non_null(strstr(encode_rest(&fixture), "\"late\":3,\"held_back\":41}"));
    fixture.alert.value = fixture.alert.limit = NAN;
    assert_non_null(
        strstr(encode_rest(&fixture), "\"value\":null,\"unit\":\"Cel\",\"limit\":null"));
}

static void the_unit_is_that_of_what_is_judged(void **state)
{
    struct weir_rule_config *rule;
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    rule = &fixture.build.rules[0];
    rule->form = WEIR_RULE_RATE;
    rule->slope_unit_ms = 60000;
    assert_non_null(
        strstr(encode_rest(&fixture), "\"unit\":\"Cel/min\",\"limit\":85,\"op\":\"rate\""));
    rule->field = 1;
    rule->slope_unit_ms = 86400000;
    assert_non_null(strstr(encode_rest(&fixture), "\"unit\":\"/d\""));
    rule->form = WEIR_RULE_SILENCE;
    assert_non_null(strstr(encode_rest(&fixture), "\"unit\":\"s\",\"limit\":85,\"op\":\"silent\""));
    assert_non_null(strstr(fixture.bytes, "\"field\":null"));
    rule->form = WEIR_RULE_CHANGE;
    rule->field = 0;
    assert_non_null(strstr(encode_rest(&fixture), "\"value\":88.4,\"limit\":85,\"op\":\"change\""));
    rule->form = WEIR_RULE_LIMIT;
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_COUNT;
    rule->comparison.op = WEIR_OPERATOR_INSIDE;
    assert_non_null(strstr(encode_rest(&fixture), "\"value\":88.4,\"limit\":85,\"op\":\"inside\""));
}

static void an_alert_state_has_no_event_and_may_have_a_message(void **state)
{
    struct fixture fixture;
    const char *found;

    (void)state;
    set_up(&fixture);
    fixture.alert.event = WEIR_EVENT_NONE;
    (void)snprintf(fixture.build.rules[0].message, sizeof(fixture.build.rules[0].message),
                   "call \"me\"");
    weir_encode_alert_payload(&fixture.text, &fixture.build.config, "plant/dev42", &fixture.alert);
    fixture.bytes[fixture.text.length] = '\0';
    assert_null(strstr(fixture.bytes, "\"event\""));
    found = strstr(fixture.bytes, ",\"message\":\"call \\\"me\\\"\"}");
    assert_non_null(found);
    assert_int_equal(found - fixture.bytes + (ptrdiff_t)strlen(found), fixture.text.length);
}

static void the_ledger_has_every_count_in_the_contracts_words(void **state)
{
    struct fixture fixture;
    const struct weir_ledger ledger = {
        .received = 1,
        .accepted = 2,
        .unmatched = 3,
        .oversize = 4,
        .malformed = 5,
        .samples = 6,
        .summarised = 7,
        .open = 8,
        .late_dropped = 9,
        .invalid = 10,
        .over_budget = 11,
        .late = 12,
        .clock_ahead = 13,
        .time_unreadable = 14,
        .summaries = 15,
        .historical = 22,
        .events_held_back = 23,
        .queue_dropped = 16,
        .outbox_dropped = 17,
        .batches_dropped = 18,
        .events_dropped = UINT64_MAX,
        .coarsened = 19,
        .journal_lost = 20,
        .duplicates = 21,
    };

    (void)state;
    set_up(&fixture);
    weir_encode_ledger(&fixture.text, &ledger);
    assert_text(&fixture, "\"received\":1,\"accepted\":2,\"unmatched\":3,\"oversize\":4,"
                          "\"malformed\":5,\"samples\":6,\"summarised\":7,\"open\":8,"
                          "\"late_dropped\":9,\"invalid\":10,\"over_budget\":11,\"late\":12,"
                          "\"clock_ahead\":13,\"time_unreadable\":14,\"summaries\":15,"
                          "\"historical\":22,\"events_held_back\":23,"
                          "\"queue_dropped\":16,\"outbox_dropped\":17,\"batches_dropped\":18,"
                          "\"events_dropped\":18446744073709551615,\"coarsened\":19,"
                          "\"journal_lost\":20,\"duplicates\":21");
}

static void a_series_is_one_level_of_a_topic(void **state)
{
    static const char *const levels[][2] = {
        {"plant/dev42", "plant.dev42"},    {"a.b/c", "a%2Eb.c"},         {"+/#/%", "%2B.%23.%25"},
        {"x\x01y\x1f\x7f", "x%01y%1F%7F"}, {"\xc3\xa9 z", "\xc3\xa9 z"}, {"", ""},
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        weir_encode_topic_level(&fixture.text, levels[i][0]);
        assert_text(&fixture, levels[i][1]);
    }
    weir_encode_alert_topic(&fixture.text, &fixture.build.config, "plant/dev.1", 0);
    assert_text(&fixture, "weir/v1/gate/alert/overheat/plant.dev%2E1/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_has_its_members_in_the_contracts_order),
        cmocka_unit_test(each_aggregate_appears_only_when_asked_for),
        cmocka_unit_test(a_field_without_unit_has_no_unit),
        cmocka_unit_test(quantiles_come_last_and_only_with_a_sketch),
        cmocka_unit_test(what_can_be_shown_is_what_is_not_left_out),
        cmocka_unit_test(what_is_not_finite_and_a_rate_over_no_time_are_left_out),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(a_summary_that_does_not_fit_is_told),
        cmocka_unit_test(an_alert_line_has_the_contracts_members),
        cmocka_unit_test(an_alert_payload_stands_by_itself),
        cmocka_unit_test(an_alert_payload_says_what_became_of_it),
        cmocka_unit_test(the_unit_is_that_of_what_is_judged),
        cmocka_unit_test(an_alert_state_has_no_event_and_may_have_a_message),
        cmocka_unit_test(the_ledger_has_every_count_in_the_contracts_words),
        cmocka_unit_test(a_series_is_one_level_of_a_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
