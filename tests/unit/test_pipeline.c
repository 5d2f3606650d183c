#include <inttypes.h>

#include "core/series.h"
#include "support/drive.h"
#include "support/random.h"

static struct build build;
static struct drive drive;

/* One stream "climate" with a field "t" over "s/{dev}". */
static struct weir_stream_config *build_climate(void)
{
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "climate", "s/{dev}");
    (void)build_field(stream, "t");
    return stream;
}

static void feed_value(int64_t arrived_ms, const char *topic, int64_t time_ms, double value)
{
    char payload[80];

    (void)snprintf(payload, sizeof(payload), "{\"ts\":%" PRId64 ",\"t\":%.17g}", time_ms, value);
    drive_feed(&drive, arrived_ms, topic, payload);
}

static void assert_counts(uint64_t samples, uint64_t invalid)
{
    assert_int_equal(drive_ledger(&drive).samples, samples);
    assert_int_equal(drive_ledger(&drive).invalid, invalid);
}

static void samples_become_one_row_a_window_and_series(void **state)
{
    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    feed_value(1000, "s/a", 1000, 1);
    feed_value(2000, "s/b", 2000, 10);
    feed_value(9999, "s/a", 9999, 2);
    drive_expect(&drive, "");
    feed_value(10000, "s/a", 10000, 3);
    drive_expect(&drive, "climate a t 0..10000 n2 sum 3\n");
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 10000..20000 n1 sum 3\n"
                         "climate b t 0..10000 n1 sum 10\n");
    assert_int_equal(weir_pipeline_series_count(&drive.pipeline, 0), 2);
    drive_finish(&drive);
}

static void quantiles_go_out_with_their_own_row(void **state)
{
    struct weir_stream_config *stream;

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "plain", "s/{dev}"), "t");
    stream = build_stream(&build, "quantiles", "s/{dev}");
    (void)build_field(stream, "t");
    stream->lateness_ms = 20000;
    stream->revise = true;
    stream->held_count = 1;
    build_quantiles(stream);
    drive_init(&drive, &build.config);
    for (int i = 1; i <= 5; i++)
        feed_value(3000, "s/a", 3000, i * i);
    feed_value(33000, "s/a", 33000, 100);
    feed_value(33000, "s/a", 5000, 7);
    drive_expect(&drive, "plain a t 0..10000 n5 sum 55\n"
                         "quantiles a t 0..10000 n5 sum 55 p9 p25\n"
                         "quantiles a t 0..10000 r1 n6 sum 62 p7 p25\n");
    drive_drain(&drive);
    drive_expect(&drive, "plain a t 30000..40000 n1 sum 100\n"
                         "quantiles a t 30000..40000 n1 sum 100 p100 p100\n");
    drive_finish(&drive);
}

/* Each output's sketch lies in a place that is used again and again. */
static void sketches_keep_to_their_rows_when_many_wait(void **state)
{
    char expected[128];

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "quantiles", "s/{dev}"), "t");
    build.streams[0].max_series = 1000;
    build_quantiles(&build.streams[0]);
    drive_init(&drive, &build.config);
    for (int i = 0; i < 1000; i++) {
        char topic[16];

        (void)snprintf(topic, sizeof(topic), "s/%d", i);
        feed_value(3000, topic, 3000, i);
    }
    drive_drain(&drive);
    (void)fflush(drive.out);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(expected, sizeof(expected), "quantiles %d t 0..10000 n1 sum %d p%d p%d\n", i,
                       i, i, i);
        assert_non_null(strstr(drive.text, expected));
    }
    drive_finish(&drive);
}

static void what_asks_for_no_quantiles_pays_nothing(void **state)
{
    struct weir_stream_plan plain[2];
    struct weir_stream_plan plans[2];
    uint64_t size;

    (void)state;
    build_init(&build);
    (void)build_field(build_stream(&build, "a", "s/{dev}"), "t");
    (void)build_field(build_stream(&build, "b", "s/{dev}"), "t");
    size = weir_pipeline_size(&build.config, plain);
    build_quantiles(&build.streams[1]);
    assert_true(weir_pipeline_size(&build.config, plans) > size);
    assert_memory_equal(&plans[0], &plain[0], sizeof(plain[0]));
    assert_int_equal(plans[0].sketch_bytes, 0);
    assert_int_equal(plans[1].sketch_bytes, sizeof(struct weir_sketch));
    /* Records are rounded up to 64 bytes, with sketches and without. */
    assert_true(plans[1].record_bytes + 64 > plain[1].record_bytes + plans[1].sketch_bytes);
}

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

static void a_late_sample_is_dropped_and_counted(void **state)
{
    (void)state;
    build_climate()->lateness_ms = 2000;
    drive_init(&drive, &build.config);
    feed_value(11999, "s/a", 11999, 1);
    feed_value(11999, "s/a", 9999, 2);
    assert_int_equal(drive_ledger(&drive).late, 0);
    feed_value(12000, "s/a", 12000, 4);
    drive_expect(&drive, "climate a t 0..10000 n1 sum 2\n");
    feed_value(12000, "s/a", 9999, 8);
    feed_value(12000, "s/a", 10000, 16);
    assert_int_equal(drive_ledger(&drive).late, 1);
    assert_int_equal(drive_ledger(&drive).late_dropped, 1);
    /* Another series has its own watermark. */
    feed_value(12000, "s/b", 9999, 32);
    assert_int_equal(drive_ledger(&drive).late, 1);
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 10000..20000 n3 sum 21\n"
                         "climate b t 0..10000 n1 sum 32\n");
    drive_finish(&drive);
}

static void a_late_sample_revises_a_window_still_held(void **state)
{
    struct weir_stream_config *stream = build_climate();

    (void)state;
    stream->revise = true;
    stream->held_count = 1;
    drive_init(&drive, &build.config);
    feed_value(1, "s/a", 1, 1);
    feed_value(10000, "s/a", 10000, 2);
    feed_value(10000, "s/a", 2, 4);
    feed_value(10000, "s/a", 3, 8);
    feed_value(20000, "s/a", 20000, 16);
    feed_value(20000, "s/a", 4, 32);
    feed_value(20000, "s/a", 10001, 64);
    drive_expect(&drive, "climate a t 0..10000 n1 sum 1\n"
                         "climate a t 0..10000 r1 n2 sum 5\n"
                         "climate a t 0..10000 r2 n3 sum 13\n"
                         "climate a t 10000..20000 n1 sum 2\n"
                         "climate a t 10000..20000 r1 n2 sum 66\n");
    assert_int_equal(drive_ledger(&drive).late, 4);
    assert_int_equal(drive_ledger(&drive).late_dropped, 1);
    assert_int_equal(drive_ledger(&drive).summarised, 5);
    drive_finish(&drive);
}

static void a_silent_series_is_closed_after_idle_of_the_clock(void **state)
{
    (void)state;
    build_climate()->lateness_ms = 50000;
    drive_init(&drive, &build.config);
    feed_value(100000, "s/a", 70001, 1);
    feed_value(100000, "s/a", 95000, 2);
    feed_value(110000, "s/b", 110000, 4);
    assert_true(weir_pipeline_deadline(&drive.pipeline) <= 130000);
    drive_advance(&drive, 129999);
    drive_expect(&drive, "");
    drive_advance(&drive, 130000);
    drive_expect(&drive, "climate a t 70000..80000 n1 sum 1\n"
                         "climate a t 90000..100000 n1 sum 2\n");
    assert_true(weir_pipeline_deadline(&drive.pipeline) <= 140000);
    /* Its watermark stands at the end of its newest window. */
    feed_value(130000, "s/a", 99999, 8);
    feed_value(130000, "s/a", 100000, 16);
    assert_int_equal(drive_ledger(&drive).late_dropped, 1);
    drive_advance(&drive, 139999);
    drive_expect(&drive, "");
    drive_advance(&drive, 140000);
    drive_expect(&drive, "climate b t 110000..120000 n1 sum 4\n");
    drive_advance(&drive, 160000);
    drive_expect(&drive, "climate a t 100000..110000 n1 sum 16\n");
    assert_int_equal(weir_pipeline_deadline(&drive.pipeline), INT64_MAX);
    drive_finish(&drive);
}

static void a_late_sample_is_a_sign_of_life(void **state)
{
    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    feed_value(100000, "s/a", 100000, 1);
    feed_value(120000, "s/a", 50000, 2);
    drive_advance(&drive, 149999);
    drive_expect(&drive, "");
    drive_advance(&drive, 150000);
    drive_expect(&drive, "climate a t 100000..110000 n1 sum 1\n");
    drive_finish(&drive);
}

static void on_arrival_time_a_window_closes_when_the_clock_reaches_its_end(void **state)
{
    (void)state;
    build_on_arrival_time(build_climate());
    drive_init(&drive, &build.config);
    for (int64_t start_ms = -20000; start_ms <= 20000; start_ms += 20000) {
        char expected[80];

        feed_value(start_ms, "s/a", 777, 1);
        feed_value(start_ms + 5000, "s/b", 777, 2);
        assert_int_equal(weir_pipeline_deadline(&drive.pipeline), start_ms + 10000);
        feed_value(start_ms + 9999, "s/a", 777, 4);
        drive_expect(&drive, "");
        drive_advance(&drive, start_ms + 10000);
        (void)snprintf(expected, sizeof(expected),
                       "climate a t %" PRId64 "..%" PRId64 " n2 sum 5\n"
                       "climate b t %" PRId64 "..%" PRId64 " n1 sum 2\n",
                       start_ms, start_ms + 10000, start_ms, start_ms + 10000);
        drive_expect(&drive, expected);
    }
    assert_int_equal(weir_pipeline_deadline(&drive.pipeline), INT64_MAX);
    drive_finish(&drive);
}

static void time_does_not_go_back(void **state)
{
    (void)state;
    build_on_arrival_time(build_climate());
    drive_init(&drive, &build.config);
    drive_advance(&drive, 50000);
    feed_value(45000, "s/a", 0, 1);
    feed_value(49999, "s/a", 0, 1);
    assert_int_equal(drive_ledger(&drive).late_dropped, 2);
    feed_value(50000, "s/a", 0, 1);
    drive_advance(&drive, 59999);
    drive_expect(&drive, "");
    drive_advance(&drive, 60000);
    drive_expect(&drive, "climate a t 50000..60000 n1 sum 1\n");
    drive_finish(&drive);
}

static void a_time_too_far_ahead_is_replaced_by_the_arrival_time(void **state)
{
    (void)state;
    build_climate()->max_future_ms = 20000;
    drive_init(&drive, &build.config);
    feed_value(1000, "s/a", 21001, 1);
    assert_int_equal(drive_ledger(&drive).clock_ahead, 1);
    feed_value(1000, "s/b", 21000, 2);
    assert_int_equal(drive_ledger(&drive).clock_ahead, 1);
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 0..10000 n1 sum 1\n"
                         "climate b t 20000..30000 n1 sum 2\n");
    drive_finish(&drive);
}

static void a_time_that_cannot_be_read_is_replaced_by_the_arrival_time(void **state)
{
    static const char *const payloads[] = {"{\"t\":1}", "{\"ts\":null,\"t\":1}",
                                           "{\"ts\":\"noon\",\"t\":1}", "{\"ts\":{},\"t\":1}"};

    (void)state;
    (void)build_climate();
    drive_init(&drive, &build.config);
    for (size_t i = 0; i < 4; i++)
        drive_feed(&drive, 15000, "s/a", payloads[i]);
    assert_int_equal(drive_ledger(&drive).time_unreadable, 4);
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 10000..20000 n4 sum 4\n");
    drive_finish(&drive);
}

static void times_are_read_in_the_stream_s_unit(void **state)
{
    static const struct {
        enum weir_time_unit unit;
        const char *text;
    } cases[] = {{WEIR_TIME_S, "12"},
                 {WEIR_TIME_MS, "12000"},
                 {WEIR_TIME_US, "12000000"},
                 {WEIR_TIME_NS, "12000000000"},
                 {WEIR_TIME_ISO8601, "\"1970-01-01T00:00:12Z\""}};
    char payload[80];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        build_climate()->time_unit = cases[i].unit;
        drive_init(&drive, &build.config);
        (void)snprintf(payload, sizeof(payload), "{\"ts\":%s,\"t\":1}", cases[i].text);
        drive_feed(&drive, 30000, "s/a", payload);
        drive_drain(&drive);
        drive_expect(&drive, "climate a t 10000..20000 n1 sum 1\n");
        drive_finish(&drive);
    }
}

static void a_retained_message_counts_in_windows_and_moves_no_alert(void **state)
{
    struct weir_message message = drive_message(1000, "s/a", "{\"ts\":1000,\"t\":90}");
    struct weir_alert alert;

    (void)state;
    (void)build_climate();
    (void)build_rule(&build, "hot", 0, 0, 85);
    drive_init(&drive, &build.config);
    message.retained = true;
    drive_accept(&drive, &message);
    assert_false(weir_pipeline_alert(&drive.pipeline, 0, 0, &alert));
    drive_drain(&drive);
    drive_expect(&drive, "climate a t 0..10000 n1 sum 90\n");
    drive_finish(&drive);
}

static void alerts_come_at_once_in_the_order_of_fields_and_rules(void **state)
{
    struct weir_stream_config *stream = build_climate();

    (void)state;
    (void)build_field(stream, "h");
    (void)build_rule(&build, "damp", 0, 1, 60);
    (void)build_rule(&build, "hot", 0, 0, 85);
    build_rule(&build, "warm", 0, 0, 60)->comparison =
        weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 60, 0, WEIR_LEVEL_INFO);
    drive_init(&drive, &build.config);
    drive_feed(&drive, 1000, "s/a", "{\"ts\":1000,\"t\":20,\"h\":70}");
    drive_expect(&drive, "hot a none ok ok #0 at 1000 since 1000 20\n"
                         "warm a none ok ok #0 at 1000 since 1000 20\n"
                         "damp a raised critical active #1 at 1000 since 1000 70\n");
    drive_feed(&drive, 12000, "s/a", "{\"ts\":12000,\"h\":10,\"t\":90}");
    drive_expect(&drive, "climate a t 0..10000 n1 sum 20\n"
                         "climate a h 0..10000 n1 sum 70\n"
                         "hot a raised critical active #1 at 12000 since 12000 90\n"
                         "warm a raised info active #1 at 12000 since 12000 90\n"
                         "damp a cleared ok ok #2 at 12000 since 12000 10\n");
    drive_feed(&drive, 12000, "s/a", "{\"ts\":12000,\"t\":91}");
    drive_expect(&drive, "");
    drive_finish(&drive);
}

static void an_alert_that_crosses_to_the_other_limit_tells_its_state_anew(void **state)
{
    (void)state;
    (void)build_climate();
    build_rule(&build, "range", 0, 0, 85)->comparison =
        weir_comparison_make(WEIR_OPERATOR_OUTSIDE, 10, 85, 0, WEIR_LEVEL_CRITICAL);
    drive_init(&drive, &build.config);
    drive_feed(&drive, 1000, "s/a", "{\"ts\":1000,\"t\":90}");
    drive_expect(&drive, "range a raised critical active #1 at 1000 since 1000 90\n");
    drive_feed(&drive, 2000, "s/a", "{\"ts\":2000,\"t\":5}");
    drive_expect(&drive, "range a none critical active #1 at 2000 since 1000 5\n");
    drive_feed(&drive, 3000, "s/a", "{\"ts\":3000,\"t\":4}");
    drive_expect(&drive, "");
    drive_finish(&drive);
}

static void a_late_sample_that_is_no_news_moves_no_alert(void **state)
{
    (void)state;
    build_climate()->revise = true;
    build.streams[0].held_count = 2;
    (void)build_rule(&build, "hot", 0, 0, 85);
    drive_init(&drive, &build.config);
    feed_value(5000, "s/a", 5000, 20);
    feed_value(15000, "s/a", 15000, 20);
    feed_value(15000, "s/a", 6000, 90);
    feed_value(15000, "s/a", 14999, 90);
    drive_expect(&drive, "hot a none ok ok #0 at 5000 since 5000 20\n"
                         "climate a t 0..10000 n1 sum 20\n"
                         "climate a t 0..10000 r1 n2 sum 110\n");
    feed_value(15000, "s/a", 15000, 90);
    drive_expect(&drive, "hot a raised critical active #1 at 15000 since 15000 90\n");
    drive_finish(&drive);
}

static uint64_t alert_id(uint32_t rule, uint32_t series)
{
    struct weir_alert alert;

    assert_true(weir_pipeline_alert(&drive.pipeline, rule, series, &alert));
    assert_int_equal(alert.rule, rule);
    assert_int_equal(alert.series, series);
    assert_int_equal(alert.event, WEIR_EVENT_NONE);
    return alert.id;
}

static void an_occurrence_has_an_id_of_its_own_until_it_is_cleared(void **state)
{
    uint64_t ids[4];

    (void)state;
    (void)build_climate();
    (void)build_rule(&build, "hot", 0, 0, 85);
    (void)build_rule(&build, "hotter", 0, 0, 85);
    drive_init(&drive, &build.config);
    feed_value(1000, "s/a", 1000, 90);
    feed_value(1000, "s/b", 1000, 90);
    ids[0] = alert_id(0, 0);
    ids[1] = alert_id(0, 1);
    ids[2] = alert_id(1, 0);
    feed_value(1000, "s/a", 1000, 20);
    assert_true(alert_id(0, 0) == ids[0]);
    feed_value(1000, "s/a", 1000, 90);
    ids[3] = alert_id(0, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(ids[i] != 0);
        for (unsigned j = 0; j < i; j++)
            assert_true(ids[i] != ids[j]);
    }
    drive_finish(&drive);
}

/* Leaves so many series of "climate" with one open window each, [0, 10000). */
static void open_many(unsigned count)
{
    char topic[16];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(topic, sizeof(topic), "s/%u", i);
        feed_value(5000, topic, 5000, 1);
    }
}

static uint64_t pending_count(void)
{
    return drive_ledger(&drive).summaries - drive.row_count;
}

static void advancing_stops_where_there_is_no_room_and_goes_on_from_there(void **state)
{
    (void)state;
    build_climate()->max_series = 1000;
    drive_init(&drive, &build.config);
    open_many(1000);
    assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35000), WEIR_FULL);
    assert_int_equal(pending_count(), 256);
    assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35000), WEIR_FULL);
    assert_int_equal(pending_count(), 256);
    for (unsigned i = 0; i < 744; i++) {
        assert_true(weir_pipeline_pending(&drive.pipeline));
        drive_take_some(&drive, 1);
        assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35000),
                         i < 743 ? WEIR_FULL : WEIR_OK);
        drive_check(&drive);
    }
    drive_take(&drive);
    assert_int_equal(drive.row_count, 1000);
    assert_int_equal(drive_ledger(&drive).open, 0);
    drive_finish(&drive);
}

static void draining_stops_where_there_is_no_room_and_goes_on_from_there(void **state)
{
    (void)state;
    build_climate()->max_series = 1000;
    drive_init(&drive, &build.config);
    open_many(600);
    assert_int_equal(weir_pipeline_drain(&drive.pipeline), WEIR_FULL);
    assert_int_equal(pending_count(), 256);
    drive_take_some(&drive, 100);
    assert_int_equal(weir_pipeline_drain(&drive.pipeline), WEIR_FULL);
    assert_int_equal(drive_ledger(&drive).summaries, 356);
    drive_drain(&drive);
    assert_int_equal(drive.row_count, 600);
    drive_finish(&drive);
}

static void a_drain_after_an_advance_cut_short_leaves_nothing_open(void **state)
{
    struct weir_stream_config *stream;

    (void)state;
    build_climate()->max_series = 1000;
    stream = build_stream(&build, "slow", "s/{dev}");
    (void)build_field(stream, "t");
    stream->max_series = 1000;
    stream->idle_ms = 90000;
    drive_init(&drive, &build.config);
    open_many(600);
    assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35000), WEIR_FULL);
    drive_drain(&drive);
    assert_int_equal(drive.row_count, 1200);
    drive_finish(&drive);
}

static void a_later_time_after_an_advance_cut_short_closes_all_that_is_due_then(void **state)
{
    char topic[16];

    (void)state;
    build_climate()->max_series = 1000;
    drive_init(&drive, &build.config);
    feed_value(5001, "s/first", 5001, 1);
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(topic, sizeof(topic), "s/%u", i);
        drive_feed(&drive, 5001, topic, "{\"ts\":5000,\"t\":1}");
    }
    feed_value(5002, "s/first", 5001, 1);
    assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35001), WEIR_FULL);
    drive_take(&drive);
    drive_advance(&drive, 35002);
    assert_int_equal(drive.row_count, 601);
    assert_int_equal(drive_ledger(&drive).open, 0);
    drive_finish(&drive);
}

static void a_message_that_finds_no_room_changes_nothing_and_is_taken_later(void **state)
{
    struct weir_message message = drive_message(35000, "s/0", "{\"ts\":35000,\"t\":1}");
    struct weir_ledger before;

    (void)state;
    build_climate()->max_series = 1000;
    drive_init(&drive, &build.config);
    open_many(256);
    assert_int_equal(weir_pipeline_advance(&drive.pipeline, 35000), WEIR_OK);
    assert_int_equal(pending_count(), 256);
    before = drive_ledger(&drive);
    /* One message can close two windows of one field, or give a revised row in place of one. */
    for (unsigned i = 0; i < 2; i++) {
        struct weir_ledger after;

        assert_int_equal(weir_pipeline_accept(&drive.pipeline, &message), WEIR_FULL);
        after = drive_ledger(&drive);
        assert_memory_equal(&after, &before, sizeof(after));
        drive_take_some(&drive, 1);
    }
    assert_int_equal(weir_pipeline_accept(&drive.pipeline, &message), WEIR_OK);
    assert_int_equal(drive_ledger(&drive).received, before.received + 1);
    drive_finish(&drive);
}

static void the_plan_adds_up(void **state)
{
    struct weir_stream_plan plans[2];
    uint64_t size;

    (void)state;
    build_climate()->max_series = 1000;
    (void)build_field(build_stream(&build, "other", "o/{dev}"), "t");
    size = weir_pipeline_size(&build.config, plans);
    assert_int_equal(size % 64, 0);
    assert_int_equal(size, weir_pipeline_size(&build.config, NULL));
    assert_true(plans[0].total_bytes + plans[1].total_bytes < size);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(plans[i].record_bytes % 64, 0);
        assert_int_equal(plans[i].total_bytes, plans[i].record_bytes * build.streams[i].max_series +
                                                   plans[i].index_bytes + plans[i].decoder_bytes);
    }
    /* Each further series costs its record and its share of the index. */
    build.streams[1].max_series++;
    assert_true(weir_pipeline_size(&build.config, NULL) >= size + plans[1].record_bytes);
}

/* Rules of every form, with all that the clock does. */
static void build_random_rules(void)
{
    static struct weir_expected expected = {.series = "never/heard"};
    struct weir_rule_config *rule = build_rule(&build, "window", 0, 0, 30);

    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MAX;
    rule->silent_ms = 20000;
    rule = build_rule(&build, "apart", 1, 0, 5);
    rule->on_window = true;
    rule->of = WEIR_AGGREGATE_MEAN;
    rule->has_minus = true;
    (void)snprintf(rule->minus_series, sizeof(rule->minus_series), "a");
    rule = build_rule(&build, "both", 0, 0, 20);
    rule->has_and = true;
    rule->and_field = 1;
    rule->and_comparison = weir_comparison_make(WEIR_OPERATOR_BELOW, 15, 0, 1, WEIR_LEVEL_INFO);
    rule->flap_count = 3;
    rule->flap_ms = 30000;
    rule = build_rule(&build, "less", 0, 0, 20);
    rule->has_minus = true;
    rule->minus_field = 1;
    rule->storm_count = 5;
    rule->storm_ms = 5000;
    rule = build_rule(&build, "steep", 2, 0, 100);
    rule->form = WEIR_RULE_RATE;
    rule->slope_window_ms = 4000;
    rule->slope_unit_ms = 60000;
    rule->counter = true;
    rule = build_rule(&build, "other", 3, 0, 0);
    rule->form = WEIR_RULE_CHANGE;
    rule->on_change = true;
    rule->remind_ms[WEIR_LEVEL_CRITICAL] = 7000;
    rule = build_rule(&build, "gone", 0, 0, 3);
    rule->form = WEIR_RULE_SILENCE;
    rule->silent_ms = 3000;
    rule->grace_ms = 10000;
    rule->clear_delay_ms = 500;
    expected.rule = build.config.rule_count - 1;
    build.config.expected = &expected;
    build.config.expected_count = 1;
    build.config.shelve_max_ms = 100000;
    build.streams[0].max_past_ms = 30000;
}

/* An operator, the link, another process. */
static void random_outside(struct test_random *random, int64_t *now_ms)
{
    struct weir_command command = {
        .kind = (enum weir_command_kind)random_below(random, 3),
        .rule = build.rules[random_below(random, build.config.rule_count)].name,
        .series = random_once_in(random, 2) ? "a/1" : "x",
        .duration_ms = random_between(random, 0, 20000),
    };
    int64_t pause_ms = random_between(random, 1, 100000);

    if (random_once_in(random, 30)) {
        weir_pipeline_step_clock(&drive.pipeline, pause_ms, random_once_in(random, 2));
        weir_pipeline_resume(&drive.pipeline, pause_ms);
        *now_ms += pause_ms;
    }
    if (random_once_in(random, 30))
        weir_pipeline_set_link(&drive.pipeline, random_once_in(random, 2));
    (void)weir_pipeline_command(&drive.pipeline, &command);
    drive_take(&drive);
}

/* A configuration with something of everything. */
static void build_random(struct test_random *random)
{
    static const int64_t latenesses[] = {0, 2000, 10000, 25000};
    struct weir_stream_config *stream;

    build_init(&build);
    stream = build_stream(&build, "event", "s/{site}/{dev}");
    stream->lateness_ms = latenesses[random_below(random, 4)];
    (void)build_field(stream, "t");
    (void)build_field(stream, "h");
    stream->fields[0].max = 50;
    stream->fields[1].invalid[stream->fields[1].invalid_count++] = 7;
    build_quantiles(stream);
    stream = build_stream(&build, "revised", "s/{site}/+");
    stream->lateness_ms = latenesses[random_below(random, 4)];
    stream->revise = true;
    stream->held_count = 1 + random_below(random, 3);
    stream->window_ms = 5000;
    stream->idle_ms = 1000;
    stream->max_series = 3;
    (void)build_field(stream, "t");
    build_quantiles(stream);
    stream = build_stream(&build, "arrival", "s/{site}/#");
    build_on_arrival_time(stream);
    stream->window_ms = 1000;
    stream->max_series = 4;
    (void)build_field(stream, "h");
    stream = build_stream(&build, "number", "n/{dev}");
    build_on_arrival_time(stream);
    stream->format = WEIR_PAYLOAD_NUMBER;
    (void)build_field(stream, "v");
    build_rule(&build, "hot", 0, 0, 20)->comparison.deadband = 5;
    build_rule(&build, "held", 1, 0, 10)->hold_ms = 3000;
    build_rule(&build, "slow", 2, 0, 10)->clear_delay_ms = 2000;
    (void)build_rule(&build, "plain", 3, 0, 10);
    build_random_rules();
}

static void draw_payload(struct test_random *random, int64_t now_ms, char *payload, size_t size)
{
    static const char *const odd[] = {"",     "null",  "{",           "[1,2]",
                                      "\x80", "{}",    "{\"t\":nan}", "{\"ts\":\"x\",\"t\":1}",
                                      "12 ",  "\"x\"", "true",        "{\"h\":7,\"t\":51}"};
    int64_t time_ms = now_ms - random_between(random, -1000, 40000);

    if (random_once_in(random, 8)) {
        (void)snprintf(payload, size, "%s", odd[random_below(random, 12)]);
        return;
    }
    if (random_once_in(random, 50))
        time_ms = now_ms + random_between(random, 290000, 310000);
    (void)snprintf(payload, size, "{\"ts\":%" PRId64 ",\"t\":%d,\"h\":\"%d\"}", time_ms,
                   (int)random_below(random, 60), (int)random_below(random, 30));
}

/* One message or one tick. The input depends on random and now alone. */
static void random_step(struct test_random *random, int64_t *now_ms)
{
    static const char *const topics[] = {"s/a/1", "s/a/2", "s/b/1", "s/c/9", "s/d/1",
                                         "s/e",   "s",     "n/x",   "n/y",   "z"};
    char payload[128];
    struct weir_message message;
    int64_t before_ms = weir_pipeline_deadline(&drive.pipeline);
    uint64_t row_count = drive.row_count;

    *now_ms += random_once_in(random, 40) ? random_between(random, 0, 60000)
                                          : random_between(random, 0, 500);
    drive_advance(&drive, *now_ms);
    /* Before the deadline there is nothing to do, and after an advance nothing is left to do. */
    if (*now_ms < before_ms)
        assert_int_equal(drive.row_count, row_count);
    assert_true(weir_pipeline_deadline(&drive.pipeline) > *now_ms);
    draw_payload(random, *now_ms, payload, sizeof(payload));
    message = drive_message(*now_ms, topics[random_below(random, 10)], payload);
    message.retained = random_once_in(random, 20);
    drive_accept(&drive, &message);
    if (random_once_in(random, 500))
        drive_drain(&drive);
    if (random_once_in(random, 10))
        random_outside(random, now_ms);
}

/* Moves the state to another address and goes on with a handle made anew for it. */
static void relocate(void)
{
    uint64_t size = drive.arena_size;
    void *copy = drive_arena(size);
    void *arena = drive_arena(size);
    struct weir_pipeline pipeline;

    memcpy(copy, drive.arena, size);
    memset(drive.arena, 0xee, size);
    weir_pipeline_init(&pipeline, drive.config, arena, size);
    memcpy(arena, copy, size);
    free(copy);
    free(drive.arena);
    drive.arena = arena;
    drive.pipeline = pipeline;
}

/* All outputs of a random run, to be freed. */
static char *run_random(uint64_t test, bool relocating, struct weir_ledger *ledger)
{
    struct test_random random = random_make(test);
    int64_t now_ms = 1000000;
    char *text;

    build_random(&random);
    drive_init(&drive, &build.config);
    for (unsigned i = 0; i < 2000; i++) {
        random_step(&random, &now_ms);
        if (relocating && i % 97 == 0)
            relocate();
    }
    drive_drain(&drive);
    *ledger = drive_ledger(&drive);
    (void)fflush(drive.out);
    text = strdup(drive.text);
    assert_non_null(text);
    drive_finish(&drive);
    return text;
}

/* Notes which events the text tells of; true: all have been seen. */
static bool note_events(const char *text, bool *seen)
{
    bool all = true;
    char word[16];

    for (int event = 0; event <= WEIR_EVENT_STORM_END; event++) {
        (void)snprintf(word, sizeof(word), " %s ", weir_event_name((enum weir_event)event));
        seen[event] |= strstr(text, word) != NULL;
        all &= seen[event];
    }
    return all;
}

static void two_runs_over_the_same_input_give_the_same_wherever_the_state_lies(void **state)
{
    bool seen[WEIR_EVENT_STORM_END + 1] = {[WEIR_EVENT_ESCALATED] = true,
                                           [WEIR_EVENT_DEESCALATED] = true,
                                           [WEIR_EVENT_REMOVED] = true};
    bool all = false;

    (void)state;
    /* Some events are rare. */
    for (uint64_t test = 1; test <= 12 || (!all && test <= 200); test++) {
        struct weir_ledger ledgers[2];
        char *texts[2];

        for (unsigned i = 0; i < 2; i++)
            texts[i] = run_random(test, i == 1, &ledgers[i]);
        assert_string_equal(texts[0], texts[1]);
        assert_memory_equal(&ledgers[0], &ledgers[1], sizeof(ledgers[0]));
        /* A run that left a count at zero has not tested it. */
        assert_true(ledgers[0].late_dropped > 0 && ledgers[0].over_budget > 0);
        assert_true(ledgers[0].invalid > 0 && ledgers[0].clock_ahead > 0);
        assert_true(ledgers[0].malformed > 0 && ledgers[0].unmatched > 0);
        assert_true(ledgers[0].late > ledgers[0].late_dropped);
        assert_true(strstr(texts[0], "raised") && strstr(texts[0], "cleared"));
        assert_true(strstr(texts[0], " r1 n") && strstr(texts[0], "pending"));
        all = note_events(texts[0], seen);
        free(texts[0]);
        free(texts[1]);
    }
    assert_true(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_become_one_row_a_window_and_series),
        cmocka_unit_test(quantiles_go_out_with_their_own_row),
        cmocka_unit_test(sketches_keep_to_their_rows_when_many_wait),
        cmocka_unit_test(what_asks_for_no_quantiles_pays_nothing),
        cmocka_unit_test(every_stream_whose_topics_match_takes_the_message),
        cmocka_unit_test(a_message_is_malformed_when_no_stream_can_read_it),
        cmocka_unit_test(a_message_on_a_strange_topic_is_unmatched),
        cmocka_unit_test(topics_and_payloads_up_to_the_limit_are_taken_and_no_longer),
        cmocka_unit_test(bounds_are_inclusive_and_sentinels_are_invalid),
        cmocka_unit_test(what_is_no_number_is_invalid_and_what_is_missing_is_nothing),
        cmocka_unit_test(an_invalid_value_neither_moves_the_watermark_nor_counts_as_a_sign_of_life),
        cmocka_unit_test(series_beyond_the_maximum_are_over_budget),
        cmocka_unit_test(a_late_sample_is_dropped_and_counted),
        cmocka_unit_test(a_late_sample_revises_a_window_still_held),
        cmocka_unit_test(a_silent_series_is_closed_after_idle_of_the_clock),
        cmocka_unit_test(a_late_sample_is_a_sign_of_life),
        cmocka_unit_test(on_arrival_time_a_window_closes_when_the_clock_reaches_its_end),
        cmocka_unit_test(time_does_not_go_back),
        cmocka_unit_test(a_time_too_far_ahead_is_replaced_by_the_arrival_time),
        cmocka_unit_test(a_time_that_cannot_be_read_is_replaced_by_the_arrival_time),
        cmocka_unit_test(times_are_read_in_the_stream_s_unit),
        cmocka_unit_test(a_retained_message_counts_in_windows_and_moves_no_alert),
        cmocka_unit_test(alerts_come_at_once_in_the_order_of_fields_and_rules),
        cmocka_unit_test(an_alert_that_crosses_to_the_other_limit_tells_its_state_anew),
        cmocka_unit_test(a_late_sample_that_is_no_news_moves_no_alert),
        cmocka_unit_test(an_occurrence_has_an_id_of_its_own_until_it_is_cleared),
        cmocka_unit_test(advancing_stops_where_there_is_no_room_and_goes_on_from_there),
        cmocka_unit_test(draining_stops_where_there_is_no_room_and_goes_on_from_there),
        cmocka_unit_test(a_drain_after_an_advance_cut_short_leaves_nothing_open),
        cmocka_unit_test(a_later_time_after_an_advance_cut_short_closes_all_that_is_due_then),
        cmocka_unit_test(a_message_that_finds_no_room_changes_nothing_and_is_taken_later),
        cmocka_unit_test(the_plan_adds_up),
        cmocka_unit_test(two_runs_over_the_same_input_give_the_same_wherever_the_state_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
