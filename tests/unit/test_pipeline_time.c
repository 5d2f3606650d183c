/* Event time, the clock, and when windows close by them. */
#include "support/pipeline_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_sample_is_dropped_and_counted),
        cmocka_unit_test(a_late_sample_revises_a_window_still_held),
        cmocka_unit_test(a_silent_series_is_closed_after_idle_of_the_clock),
        cmocka_unit_test(a_late_sample_is_a_sign_of_life),
        cmocka_unit_test(on_arrival_time_a_window_closes_when_the_clock_reaches_its_end),
        cmocka_unit_test(time_does_not_go_back),
        cmocka_unit_test(a_time_too_far_ahead_is_replaced_by_the_arrival_time),
        cmocka_unit_test(a_time_that_cannot_be_read_is_replaced_by_the_arrival_time),
        cmocka_unit_test(times_are_read_in_the_stream_s_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
