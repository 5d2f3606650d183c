/* When batches leave the engine, and with what. */
#include "support/engine_rig.h"

static void a_batch_is_sent_at_the_multiples_of_the_schedule(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 1, 0);
    advance(&rig, T0 + 59999);
    assert_int_equal(rig.summary_count, 1);
    assert_int_equal(rig.batch_count, 0);
    assert_int_equal(weir_engine_deadline(&rig.engine), T0 + 60000);
    advance(&rig, T0 + 60000);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.created_ms, T0 + 60000);
    finish_rig(&rig);
}

static void what_closes_at_the_schedule_is_in_its_batch_even_after_a_jump(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 50000, 0);
    feed(&rig, T0 + 59999, 1);
    advance(&rig, T0 + 10 * 60000 + 5);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.batched_count, 2);
    assert_int_equal(rig.created_ms, T0 + 60000);
    feed(&rig, T0 + 10 * 60000 + 6, 0);
    advance(&rig, T0 + 30 * 60000);
    assert_int_equal(rig.batch_count, 2);
    assert_int_equal(rig.created_ms, T0 + 11 * 60000);
    finish_rig(&rig);
}

/* Begins anew under what was changed in the configuration. */
static void begin_anew(struct rig *rig)
{
    size_t size = weir_engine_size(&rig->build.config, NULL);

    memset(rig->arena, 0, size);
    weir_engine_init(&rig->engine, &rig->build.config, rig->arena, size, EPOCH, true);
}

static void gateways_with_jitter_send_at_times_of_their_own(void **state)
{
    int64_t first_ms = 0;
    bool differ = false;

    (void)state;
    for (int i = 0; i < 8; i++) {
        struct rig rig;
        int64_t offset_ms;

        init_rig(&rig, 60000, 1 << 20, true);
        rig.build.config.uplink_jitter_ms = 30000;
        (void)snprintf(rig.build.config.gateway, sizeof(rig.build.config.gateway), "gate-%d", i);
        begin_anew(&rig);
        offset_ms = weir_config_offset_ms(&rig.build.config);
        assert_in_range(offset_ms, 0, 29999);
        first_ms = i == 0 ? offset_ms : first_ms;
        differ |= offset_ms != first_ms;
        feed(&rig, T0 + 40000, 0);
        advance(&rig, T0 + 60000 + offset_ms - 1);
        assert_int_equal(rig.batch_count, 0);
        advance(&rig, T0 + 5 * 60000);
        assert_int_equal(rig.created_ms, T0 + 60000 + offset_ms);
        feed(&rig, T0 + 5 * 60000, 0);
        advance(&rig, T0 + 10 * 60000);
        assert_int_equal(rig.created_ms,
                         T0 + 5 * 60000 + offset_ms + (offset_ms < 10000 ? 60000 : 0));
        finish_rig(&rig);
    }
    assert_true(differ);
}

static void a_batch_that_has_come_to_enough_goes_early(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    rig.build.config.uplink_max_bytes = 4096;
    begin_anew(&rig);
    for (unsigned i = 0; i < 1000; i++)
        feed(&rig, T0 + 1, i);
    advance(&rig, T0 + 10000);
    assert_int_equal(rig.summary_count, 1000);
    assert_in_range(rig.batched_count, 1000 - 40, 999);
    assert_in_range(rig.batched_count / rig.batch_count, 20, 40);
    advance(&rig, T0 + 60000);
    assert_int_equal(rig.batched_count, 1000);
    finish_rig(&rig);
}

static void without_rows_there_is_no_batch(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 1000, 1 << 20, true);
    for (int64_t now_ms = T0; now_ms < T0 + 100000; now_ms += 700)
        advance(&rig, now_ms);
    drain(&rig);
    assert_int_equal(rig.batch_count, 0);
    feed(&rig, T0 + 100001, 0);
    drain(&rig);
    assert_int_equal(rig.batch_count, 1);
    drain(&rig);
    assert_int_equal(rig.batch_count, 1);
    finish_rig(&rig);
}

static void a_full_batch_goes_early_and_loses_no_row(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 64 * 1024, true);
    for (unsigned i = 0; i < 1000; i++)
        feed(&rig, T0 + 1, i);
    advance(&rig, T0 + 10000);
    assert_int_equal(rig.summary_count, 1000);
    assert_true(rig.batch_count > 5);
    assert_int_equal(rig.created_ms, T0 + 10000);
    assert_true(rig.batched_count < 1000);
    advance(&rig, T0 + 60000);
    assert_int_equal(rig.batched_count, 1000);
    finish_rig(&rig);
}

/* Samples that are all different make the largest sketches of their number. */
static void a_batch_full_of_sketches_goes_early_and_loses_no_row(void **state)
{
    char payload[32];
    struct rig rig;

    (void)state;
    init_quantile_rig(&rig, 60000, 64 * 1024, true, true);
    for (unsigned i = 0; i < 300 * 60; i++) {
        struct weir_message message = {.arrived_ms = T0 + 1};
        char topic[16];

        message.topic = topic;
        message.topic_length = (size_t)snprintf(topic, sizeof(topic), "a/%u", i % 300);
        message.payload = payload;
        message.payload_length =
            (size_t)snprintf(payload, sizeof(payload), "{\"v\":%u.%u}", i / 300, i);
        advance(&rig, T0 + 1);
        assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    }
    drain(&rig);
    assert_int_equal(rig.batched_count, 300);
    assert_true(rig.batch_count >= 300 * 60 * 9 / (16 * 1024));
    finish_rig(&rig);
}

static void a_summary_that_waits_for_the_next_batch_is_given_out_after_it(void **state)
{
    struct rig rig;
    struct weir_engine_output output;
    uint64_t before = 0;

    (void)state;
    init_rig(&rig, 60000, 64 * 1024, true);
    for (unsigned i = 0; i < 200; i++)
        feed(&rig, T0 + 1, i);
    assert_int_equal(weir_engine_advance(&rig.engine, T0 + 10000), WEIR_OK);
    while (weir_engine_take(&rig.engine, &output) && output.kind == WEIR_ENGINE_SUMMARY)
        before++;
    assert_int_equal(output.kind, WEIR_ENGINE_BATCH);
    assert_int_equal(output.batch.row_count, before);
    assert_true(weir_engine_pending(&rig.engine));
    assert_true(weir_engine_take(&rig.engine, &output));
    assert_int_equal(output.kind, WEIR_ENGINE_SUMMARY);
    assert_int_equal(output.summary.series, before);
    finish_rig(&rig);
}

static void a_drain_closes_the_windows_and_then_the_batch(void **state)
{
    struct rig rig;
    struct weir_ledger ledger;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 1, 0);
    feed(&rig, T0 + 10001, 1);
    drain(&rig);
    weir_engine_ledger(&rig.engine, &ledger);
    assert_int_equal(ledger.open, 0);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.batched_count, 2);
    assert_int_equal(rig.created_ms, T0 + 10001);
    finish_rig(&rig);
}

static void without_batching_there_are_summaries_only(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 1000, 64 * 1024, false);
    for (unsigned i = 0; i < 2000; i++)
        feed(&rig, T0 + i * 100, i % 50);
    drain(&rig);
    assert_int_equal(rig.summary_count, 1000);
    assert_int_equal(rig.batch_count, 0);
    finish_rig(&rig);
}

static void batching_does_not_change_the_order_of_summaries(void **state)
{
    struct rig rigs[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        init_rig(&rigs[i], 7000, 1 << 20, i == 1);
        rigs[i].summaries_only = true;
        for (unsigned n = 0; n < 500; n++)
            feed(&rigs[i], T0 + n * 1700LL + n / 10 * 9000LL, n * 7919 % 5);
        drain(&rigs[i]);
        (void)fflush(rigs[i].log);
    }
    assert_int_equal(rigs[0].batch_count, 0);
    assert_true(rigs[1].batch_count > 10);
    assert_true(rigs[0].summary_count > 100);
    assert_string_equal(rigs[0].text, rigs[1].text);
    finish_rig(&rigs[0]);
    finish_rig(&rigs[1]);
}

static void numbers_given_away_are_not_used_again(void **state)
{
    struct weir_engine_numbers numbers;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    weir_engine_reserve(&rig.engine, 3);
    weir_engine_reserved(&rig.engine, &numbers);
    assert_int_equal(numbers.epoch, EPOCH);
    assert_int_equal(numbers.first, 1);
    assert_int_equal(numbers.count, 3);
    weir_engine_settle(&rig.engine, true);
    weir_engine_reserved(&rig.engine, &numbers);
    assert_int_equal(numbers.count, 0);
    assert_false(weir_engine_pending(&rig.engine));
    rig.next_sequence = 4;
    feed(&rig, T0 + 1, 0);
    advance(&rig, T0 + 60000);
    assert_int_equal(rig.batch_count, 1);
    weir_engine_set_epoch(&rig.engine, EPOCH + 1);
    assert_int_equal(weir_engine_next_sequence(&rig.engine), 1);
    assert_int_equal(weir_engine_epoch(&rig.engine), EPOCH + 1);
    finish_rig(&rig);
}

static void numbers_that_are_not_used_leave_no_gap(void **state)
{
    struct weir_engine_output output;
    struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
    struct weir_batch_view view;
    uint32_t range_count;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 1, 0);
    weir_engine_reserve(&rig.engine, 3);
    weir_engine_set_epoch(&rig.engine, EPOCH + 1);
    weir_engine_settle(&rig.engine, false);
    assert_true(weir_engine_pending(&rig.engine));
    assert_true(weir_engine_take(&rig.engine, &output));
    assert_int_equal(output.kind, WEIR_ENGINE_BATCH);
    assert_int_equal(output.batch.epoch, EPOCH);
    assert_int_equal(output.batch.sequence, 1);
    assert_int_equal(output.batch.row_count, 0);
    assert_null(
        weir_batch_reader_open(&rig.reader, output.batch.bytes, output.batch.length, &view));
    assert_true(weir_batch_view_ranges(&view, ranges, &range_count));
    assert_int_equal(range_count, 1);
    assert_int_equal(ranges[0].first, 2);
    assert_int_equal(ranges[0].last, 3);
    assert_false(weir_engine_pending(&rig.engine));
    weir_engine_settle(&rig.engine, false);
    assert_false(weir_engine_pending(&rig.engine));
    advance(&rig, T0 + 60000);
    assert_int_equal(rig.batched_count, 1);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_sent_at_the_multiples_of_the_schedule),
        cmocka_unit_test(what_closes_at_the_schedule_is_in_its_batch_even_after_a_jump),
        cmocka_unit_test(gateways_with_jitter_send_at_times_of_their_own),
        cmocka_unit_test(a_batch_that_has_come_to_enough_goes_early),
        cmocka_unit_test(without_rows_there_is_no_batch),
        cmocka_unit_test(a_full_batch_goes_early_and_loses_no_row),
        cmocka_unit_test(a_batch_full_of_sketches_goes_early_and_loses_no_row),
        cmocka_unit_test(a_summary_that_waits_for_the_next_batch_is_given_out_after_it),
        cmocka_unit_test(a_drain_closes_the_windows_and_then_the_batch),
        cmocka_unit_test(without_batching_there_are_summaries_only),
        cmocka_unit_test(batching_does_not_change_the_order_of_summaries),
        cmocka_unit_test(numbers_given_away_are_not_used_again),
        cmocka_unit_test(numbers_that_are_not_used_leave_no_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
