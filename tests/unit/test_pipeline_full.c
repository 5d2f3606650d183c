/* What happens when outputs have no room: nothing is lost. */
#include "support/pipeline_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advancing_stops_where_there_is_no_room_and_goes_on_from_there),
        cmocka_unit_test(draining_stops_where_there_is_no_room_and_goes_on_from_there),
        cmocka_unit_test(a_drain_after_an_advance_cut_short_leaves_nothing_open),
        cmocka_unit_test(a_later_time_after_an_advance_cut_short_closes_all_that_is_due_then),
        cmocka_unit_test(a_message_that_finds_no_room_changes_nothing_and_is_taken_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
