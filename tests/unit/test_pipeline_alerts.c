/* When the pipeline gives alerts out, and under which id. */
#include "support/pipeline_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retained_message_counts_in_windows_and_moves_no_alert),
        cmocka_unit_test(alerts_come_at_once_in_the_order_of_fields_and_rules),
        cmocka_unit_test(an_alert_that_crosses_to_the_other_limit_tells_its_state_anew),
        cmocka_unit_test(a_late_sample_that_is_no_news_moves_no_alert),
        cmocka_unit_test(an_occurrence_has_an_id_of_its_own_until_it_is_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
