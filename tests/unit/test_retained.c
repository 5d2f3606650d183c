#include "support/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/encode.h"
#include "format/retained.h"
#include "format/topic.h"
#include "support/build.h"

struct fixture {
    struct build build;
    struct weir_retained retained;
    struct weir_alert alert;
    char payload[4096];
    size_t length;
};

static void set_up(struct fixture *fixture)
{
    struct weir_stream_config *stream;

    build_init(&fixture->build);
    stream = build_stream(&fixture->build, "climate", "sensors/{site}/{device}");
    (void)build_field(stream, "temperature");
    (void)build_rule(&fixture->build, "overheat", 0, 0, 85);
    weir_retained_init(&fixture->retained);
    fixture->alert = (struct weir_alert){
        .level = WEIR_LEVEL_CRITICAL,
        .condition = WEIR_CONDITION_ACTIVE,
        .time_ms = 1700000004000,
        .since_ms = 1700000000001,
        .value = 88.4,
        .limit = 85,
        .id = 0xfedcba9876543210,
        .sequence = 7,
        .acknowledged = true,
    };
}

static void encode(struct fixture *fixture, const char *series)
{
    struct weir_text text;

    weir_text_init(&text, fixture->payload, sizeof(fixture->payload));
    weir_encode_alert_payload(&text, &fixture->build.config, series, &fixture->alert);
    assert_false(text.overflow);
    fixture->length = text.length;
}

static bool read(struct fixture *fixture, const char *series, struct weir_alert *alert)
{
    return weir_retained_read_state(&fixture->retained, fixture->payload, fixture->length,
                                    &fixture->build.config, &fixture->build.rules[0], series,
                                    alert);
}

static void a_state_is_read_back_as_it_was_told(void **state)
{
    struct weir_alert alert;
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    encode(&fixture, "a\"b/c");
    assert_true(read(&fixture, "a\"b/c", &alert));
    assert_int_equal(alert.level, WEIR_LEVEL_CRITICAL);
    assert_int_equal(alert.time_ms, fixture.alert.time_ms);
    assert_int_equal(alert.since_ms, fixture.alert.since_ms);
    assert_true(alert.value == 88.4 && alert.limit == 85);
    assert_true(alert.id == fixture.alert.id);
    assert_int_equal(alert.sequence, 7);
    assert_true(alert.acknowledged);
    fixture.alert.value = NAN;
    encode(&fixture, "a");
    assert_true(read(&fixture, "a", &alert));
    assert_true(isnan(alert.value));
}

/* The engine counts events in 32 bits: a number near their end would have the next ones go back. */
static void a_sequence_that_no_alert_has_got_to_is_refused(void **state)
{
    struct weir_alert alert;
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    fixture.alert.sequence = UINT32_MAX / 2;
    encode(&fixture, "a");
    assert_true(read(&fixture, "a", &alert));
    fixture.alert.sequence++;
    encode(&fixture, "a");
    assert_false(read(&fixture, "a", &alert));
}

static void the_state_of_another_rule_series_or_field_is_refused(void **state)
{
    struct weir_alert alert;
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    encode(&fixture, "a");
    assert_false(read(&fixture, "b", &alert));
    (void)snprintf(fixture.build.rules[0].name, 8, "other");
    assert_false(read(&fixture, "a", &alert));
    set_up(&fixture);
    encode(&fixture, "a");
    (void)snprintf(fixture.build.config.streams[0].fields[0].name, 8, "other");
    assert_false(read(&fixture, "a", &alert));
    set_up(&fixture);
    encode(&fixture, "a");
    (void)snprintf(fixture.build.config.gateway, 8, "other");
    assert_false(read(&fixture, "a", &alert));
}

/* Every byte of a state replaced: it is read as some state or refused, and never beyond its end. */
static void a_damaged_state_does_no_harm(void **state)
{
    struct weir_alert alert;
    struct fixture fixture;
    size_t refused = 0;

    (void)state;
    set_up(&fixture);
    encode(&fixture, "a");
    for (size_t i = 0; i < fixture.length; i++) {
        char kept = fixture.payload[i];

        fixture.payload[i] = '"';
        refused += !read(&fixture, "a", &alert);
        fixture.payload[i] = kept;
    }
    assert_true(refused > fixture.length / 2);
    for (fixture.length--; fixture.length > 0; fixture.length--)
        assert_false(read(&fixture, "a", &alert));
    assert_false(read(&fixture, "a", &alert));
}

static void a_series_is_read_back_from_its_level(void **state)
{
    static const char *const names[] = {"plant/dev42", "a.b/c", "+/#/%", "x\x01y\x1f\x7f",
                                        "\xc3\xa9 z",  "",      "%2E"};
    char level[64];
    char name[64];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct weir_text text;

        weir_text_init(&text, level, sizeof(level));
        weir_encode_topic_level(&text, names[i]);
        assert_true(weir_topic_read_series(level, text.length, name, sizeof(name)));
        assert_string_equal(name, names[i]);
    }
    assert_false(weir_topic_read_series("%2", 2, name, sizeof(name)));
    assert_false(weir_topic_read_series("%zz", 3, name, sizeof(name)));
    assert_false(weir_topic_read_series("%00", 3, name, sizeof(name)));
    assert_false(weir_topic_read_series("abcd", 4, name, 4));
    assert_true(weir_topic_read_series("abc", 3, name, 4));
}

static void a_topic_is_told_for_what_it_is(void **state)
{
    static const struct {
        const char *text;
        enum weir_topic_kind kind;
        const char *name;
        const char *series;
    } topics[] = {
        {"weir/v1/gate/info", WEIR_TOPIC_INFO, "", ""},
        {"weir/v1/gate/info/x", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/alert/hot/a.b/state", WEIR_TOPIC_STATE, "hot", "a/b"},
        {"weir/v1/gate/alert/hot/a%2Eb/cmd", WEIR_TOPIC_COMMAND, "hot", "a.b"},
        {"weir/v1/gate/alert/hot//state", WEIR_TOPIC_STATE, "hot", ""},
        {"weir/v1/gate/alert/hot/a/event", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/alert/hot/a/state/x", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/alert//a/state", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/alert/hot", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/live/climate/a.b", WEIR_TOPIC_LIVE, "climate", "a/b"},
        {"weir/v1/gate/live/climate/", WEIR_TOPIC_LIVE, "climate", ""},
        {"weir/v1/gate/live/climate", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gate/live/climate/a/b", WEIR_TOPIC_UNKNOWN, NULL, NULL},
        {"weir/v1/gateway/info", WEIR_TOPIC_OTHER, NULL, NULL},
        {"weir/v1/gat", WEIR_TOPIC_OTHER, NULL, NULL},
        {"", WEIR_TOPIC_OTHER, NULL, NULL},
    };
    struct fixture fixture;
    struct weir_topic topic;

    (void)state;
    set_up(&fixture);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        weir_topic_read(&topic, &fixture.build.config, topics[i].text, strlen(topics[i].text));
        assert_int_equal(topic.kind, topics[i].kind);
        if (!topics[i].name)
            continue;
        assert_string_equal(topic.name, topics[i].name);
        assert_string_equal(topic.series, topics[i].series);
    }
}

static void a_description_names_its_state_topic(void **state)
{
    static const char payload[] = "{\"name\":\"x\",\"state_topic\":\"a\\/b\"}";
    struct weir_retained retained;
    char topic[8];

    (void)state;
    weir_retained_init(&retained);
    assert_true(weir_retained_read_state_topic(&retained, payload, strlen(payload), topic, 8));
    assert_string_equal(topic, "a/b");
    assert_false(weir_retained_read_state_topic(&retained, payload, strlen(payload), topic, 3));
    assert_false(weir_retained_read_state_topic(&retained, "{}", 2, topic, 8));
    assert_false(weir_retained_read_state_topic(&retained, "", 0, topic, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_read_back_as_it_was_told),
        cmocka_unit_test(a_sequence_that_no_alert_has_got_to_is_refused),
        cmocka_unit_test(the_state_of_another_rule_series_or_field_is_refused),
        cmocka_unit_test(a_damaged_state_does_no_harm),
        cmocka_unit_test(a_series_is_read_back_from_its_level),
        cmocka_unit_test(a_topic_is_told_for_what_it_is),
        cmocka_unit_test(a_description_names_its_state_topic),
    };

    return cmocka_run_group_tests_name("retained", tests, NULL, NULL);
}
