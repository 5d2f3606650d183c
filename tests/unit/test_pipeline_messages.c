/* Which messages and values are taken, and what becomes of the others. */
#include "support/pipeline_rig.h"

static void every_stream_whose_topics_match_takes_the_message(void **state)
{
    struct weir_stream_config *stream = build_climate();

    (void)state;
    stream = build_stream(&build, "power", "s/+");
    (void)build_field(stream, "t");
    (void)build_field(stream, "w");
    build_filter(stream, "s/{x}");
    drive_init(&drive, &build.config);
    drive_feed(&drive, 5, "s/a", "{\"ts\":5,\"t\":1,\"w\":2}");
    assert_int_equal(drive_ledger(&drive).accepted, 1);
    assert_int_equal(drive_ledger(&drive).samples, 3);
    drive_drain(&drive);
    /* The first filter that matches names the series. */
    drive_expect(&drive, "climate a t 0..10000 n1 sum 1\n"
                         "power  t 0..10000 n1 sum 1\n"
                         "power  w 0..10000 n1 sum 2\n");
    drive_finish(&drive);
}

static void a_message_is_malformed_when_no_stream_can_read_it(void **state)
{
    struct weir_stream_config *stream = build_climate();

    (void)state;
    stream = build_stream(&build, "plain", "s/{dev}");
    (void)build_field(stream, "v");
    stream->format = WEIR_PAYLOAD_NUMBER;
    build_on_arrival_time(stream);
    stream->window_ms = 10000;
    build_filter(&build.streams[0], "j/{dev}");
    drive_init(&drive, &build.config);
    drive_feed(&drive, 5, "s/a", "12.5");
    assert_int_equal(drive_ledger(&drive).accepted, 1);
    drive_feed(&drive, 5, "s/a", "{\"t\":");
    assert_int_equal(drive_ledger(&drive).accepted, 2);
    assert_counts(2, 1);
    drive_feed(&drive, 5, "s/a", " \t\r\n");
    drive_feed(&drive, 5, "s/a", "");
    drive_feed(&drive, 5, "j/a", "12.5 x");
    drive_feed(&drive, 5, "j/a", "{\"t\":1}}");
    assert_int_equal(drive_ledger(&drive).malformed, 4);
    assert_int_equal(drive_ledger(&drive).accepted, 2);
    assert_counts(2, 1);
    drive_finish(&drive);
}

static void a_message_on_a_strange_topic_is_unmatched(void **state)
{
    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    feed_value(1, "s", 1, 1);
    feed_value(1, "s/a/b", 1, 1);
    feed_value(1, "", 1, 1);
    assert_int_equal(drive_ledger(&drive).unmatched, 3);
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 0);
    drive_finish(&drive);
}

static void topics_and_payloads_up_to_the_limit_are_taken_and_no_longer(void **state)
{
    static char payload[WEIR_PAYLOAD_LENGTH_MAX + 2];
    char topic[WEIR_TOPIC_LENGTH_MAX + 2];
    struct weir_message message;

    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    memset(payload, ' ', sizeof(payload));
    memcpy(payload, "{\"t\":1}", 7);
    memset(topic, 'a', sizeof(topic));
    memcpy(topic, "s/", 2);
    message = (struct weir_message){.topic = topic, .payload = payload};
    for (unsigned i = 0; i < 4; i++) {
        message.topic_length = WEIR_TOPIC_LENGTH_MAX + i % 2;
        message.payload_length = WEIR_PAYLOAD_LENGTH_MAX + i / 2;
        drive_accept(&drive, &message);
    }
    assert_int_equal(drive_ledger(&drive).accepted, 1);
    assert_int_equal(drive_ledger(&drive).oversize, 3);
    message.topic_length = 1;
    drive_accept(&drive, &message);
    assert_int_equal(drive_ledger(&drive).unmatched, 1);
    assert_int_equal(drive_ledger(&drive).samples, 1);
    drive_finish(&drive);
}

static void bounds_are_inclusive_and_sentinels_are_invalid(void **state)
{
    struct weir_field_config *field = build_climate()->fields;
    const double good[] = {-40, 125, 0, 998};
    const double bad[] = {-40.000001, 999, -127, 1001};

    (void)state;
    field->min = -40;
    field->max = 1000;
    field->invalid[field->invalid_count++] = 999;
    field->invalid[field->invalid_count++] = -127;
    drive_init(&drive, &build.config);
    for (size_t i = 0; i < 4; i++)
        feed_value(1, "s/a", 1, good[i]);
    assert_counts(4, 0);
    feed_value(1, "s/a", 1, 1000);
    assert_counts(5, 0);
    for (size_t i = 0; i < 4; i++)
        feed_value(1, "s/a", 1, bad[i]);
    assert_counts(9, 4);
    assert_int_equal(drive_ledger(&drive).open, 5);
    drive_finish(&drive);
}

static void what_is_no_number_is_invalid_and_what_is_missing_is_nothing(void **state)
{
    static const char *const invalid[] = {"null", "\"warm\"", "{}", "[1]", "\"nan\"", "1e999"};
    static const char *const valid[] = {"1", "\"1\"", "true", "\"ON\"", "\" 1 \""};
    char payload[64];

    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    drive_feed(&drive, 1, "s/a", "{\"ts\":1}");
    drive_feed(&drive, 1, "s/a", "{\"ts\":1,\"T\":3}");
    drive_feed(&drive, 1, "s/a", "[]");
    assert_counts(0, 0);
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        (void)snprintf(payload, sizeof(payload), "{\"ts\":1,\"t\":%s}", invalid[i]);
        drive_feed(&drive, 1, "s/a", payload);
        assert_counts(i + 1, i + 1);
    }
    /* Nothing valid: not even the series is made. */
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 0);
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        (void)snprintf(payload, sizeof(payload), "{\"ts\":1,\"t\":%s}", valid[i]);
        drive_feed(&drive, 1, "s/a", payload);
    }
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 0..10000 n5 sum 5\n");
    assert_int_equal(drive_ledger(&drive).accepted, 14);
    drive_finish(&drive);
}

static void an_invalid_value_neither_moves_the_watermark_nor_counts_as_a_sign_of_life(void **state)
{
    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    feed_value(0, "s/a", 0, 1);
    drive_feed(&drive, 20000, "s/a", "{\"ts\":20000,\"t\":null}");
    drive_expect(&drive, "");
    drive_advance(&drive, 30000);
    drive_expect(&drive, "climate a t 0..10000 n1 sum 1\n");
    drive_finish(&drive);
}

static void series_beyond_the_maximum_are_over_budget(void **state)
{
    struct weir_stream_config *stream = build_climate();

    (void)state;
    (void)build_field(stream, "h");
    stream->max_series = 2;
    drive_init(&drive, &build.config);
    feed_value(1, "s/a", 1, 1);
    feed_value(1, "s/b", 1, 1);
    drive_feed(&drive, 1, "s/c", "{\"ts\":1,\"t\":1,\"h\":null}");
    drive_feed(&drive, 1, "s/d", "{\"ts\":1,\"t\":1,\"h\":2}");
    feed_value(1, "s/a", 1, 1);
    assert_int_equal(drive_ledger(&drive).over_budget, 3);
    assert_int_equal(drive_ledger(&drive).open, 3);
    assert_int_equal(drive_ledger(&drive).accepted, 5);
    assert_counts(7, 1);
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 2);
    drive_finish(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stream_whose_topics_match_takes_the_message),
        cmocka_unit_test(a_message_is_malformed_when_no_stream_can_read_it),
        cmocka_unit_test(a_message_on_a_strange_topic_is_unmatched),
        cmocka_unit_test(topics_and_payloads_up_to_the_limit_are_taken_and_no_longer),
        cmocka_unit_test(bounds_are_inclusive_and_sentinels_are_invalid),
        cmocka_unit_test(what_is_no_number_is_invalid_and_what_is_missing_is_nothing),
        cmocka_unit_test(an_invalid_value_neither_moves_the_watermark_nor_counts_as_a_sign_of_life),
        cmocka_unit_test(series_beyond_the_maximum_are_over_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
