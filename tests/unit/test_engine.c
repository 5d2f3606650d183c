/* The engine as a whole: its clock, repeated messages, its ledger, and other configurations. */
#include "support/engine_rig.h"

/* With a batch due every second: second by second it would take hours. */
static void a_jump_over_a_hundred_thousand_years_is_no_walk(void **state)
{
    const int64_t year_ms = 366 * 86400000LL;
    struct rig rig;

    (void)state;
    init_rig(&rig, 1000, 1 << 20, true);
    for (int64_t i = 0; i < 100; i++)
        feed(&rig, T0 + i * 1000 * year_ms, 0);
    drain(&rig);
    assert_int_equal(rig.batch_count, 100);
    finish_rig(&rig);
}

static void a_clock_that_goes_back_changes_nothing(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 60001, 0);
    advance(&rig, T0 - 100000);
    assert_int_equal(rig.summary_count, 0);
    advance(&rig, T0 + 120000);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.created_ms, T0 + 120000);
    finish_rig(&rig);
}

static void a_step_of_the_clock_is_no_silence(void **state)
{
    const int64_t hour_ms = 3600000;
    const int64_t idle_ms = 30000;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, false);
    rig.build.config.streams[0].time_unit = WEIR_TIME_MS;
    rig.build.config.streams[0].idle_ms = idle_ms;
    strcpy(rig.build.config.streams[0].time_path, "t");
    memset(rig.arena, 0, weir_engine_size(&rig.build.config, NULL));
    weir_engine_init(&rig.engine, &rig.build.config, rig.arena,
                     weir_engine_size(&rig.build.config, NULL), EPOCH, false);
    feed(&rig, T0, 0);
    while (weir_engine_step_clock(&rig.engine, T0 + 1000 + hour_ms, hour_ms, true) != WEIR_OK)
        take(&rig);
    advance(&rig, T0 + hour_ms + idle_ms - 1);
    assert_int_equal(rig.summary_count, 0);
    assert_int_equal(weir_engine_deadline(&rig.engine), T0 + hour_ms + idle_ms);
    advance(&rig, T0 + hour_ms + idle_ms);
    assert_int_equal(rig.summary_count, 1);
    finish_rig(&rig);
}

static void what_fell_silent_before_a_step_closes(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0 + 1, 0);
    while (weir_engine_step_clock(&rig.engine, T0 + 60000 + 3600000, 3600000, true) != WEIR_OK)
        take(&rig);
    assert_int_equal(rig.summary_count, 1);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.created_ms, T0 + 60000);
    assert_int_equal(weir_engine_deadline(&rig.engine), T0 + 3600000 + 120000);
    finish_rig(&rig);
}

static void a_message_delivered_twice_counts_once(void **state)
{
    struct weir_message message = {
        .topic = "a/x",
        .topic_length = 3,
        .payload = "{\"v\":1}",
        .payload_length = 7,
        .arrived_ms = T0,
        .packet_id = 7,
    };
    struct weir_ledger ledger;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, false);
    assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    message.duplicate = true;
    assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    message.packet_id = 8;
    assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    message.packet_id = 7;
    message.duplicate = false;
    assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    weir_engine_ledger(&rig.engine, &ledger);
    assert_int_equal(ledger.received, 3);
    assert_int_equal(ledger.duplicates, 1);
    finish_rig(&rig);
}

/* A broker that has worked off a long queue may have as many unanswered as it has ids. */
static void thousands_delivered_twice_count_once(void **state)
{
    struct weir_message message = {
        .topic = "a/x",
        .topic_length = 3,
        .payload = "{\"v\":1}",
        .payload_length = 7,
        .arrived_ms = T0,
    };
    const uint64_t count = 20000;
    struct weir_ledger ledger;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, false);
    for (uint64_t i = 0; i < 2 * count; i++) {
        message.packet_id = (uint16_t)(i % count + 1);
        message.duplicate = i >= count;
        assert_int_equal(weir_engine_accept(&rig.engine, &message), WEIR_OK);
    }
    weir_engine_ledger(&rig.engine, &ledger);
    assert_int_equal(ledger.received, count);
    assert_int_equal(ledger.duplicates, count);
    finish_rig(&rig);
}

static void losses_and_bad_messages_are_in_the_ledger(void **state)
{
    const struct weir_ledger losses = {.received = 99,
                                       .queue_dropped = 1,
                                       .outbox_dropped = 2,
                                       .batches_dropped = 3,
                                       .events_dropped = 4};
    struct weir_ledger ledger;
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed(&rig, T0, 0);
    weir_engine_note_malformed(&rig.engine);
    weir_engine_note_losses(&rig.engine, &losses);
    weir_engine_ledger(&rig.engine, &ledger);
    assert_true(weir_ledger_balanced(&ledger));
    assert_int_equal(ledger.received, 2);
    assert_int_equal(ledger.malformed, 1);
    assert_int_equal(ledger.queue_dropped, 1);
    assert_int_equal(ledger.outbox_dropped, 2);
    assert_int_equal(ledger.batches_dropped, 3);
    assert_int_equal(ledger.events_dropped, 4);
    drain(&rig);
    finish_rig(&rig);
}

static void an_engine_that_adopts_goes_on_with_rows_and_numbers(void **state)
{
    struct rig old;
    struct rig next;

    (void)state;
    init_rig(&old, 60000, 1 << 20, true);
    init_rig(&next, 5000, 1 << 20, true);
    feed(&old, T0 + 1, 0);
    advance(&old, T0 + 60000);
    assert_int_equal(old.batch_count, 1);
    feed(&old, T0 + 60001, 0);
    feed(&old, T0 + 70001, 1);
    assert_int_equal(old.summary_count, 2);
    assert_int_equal(old.batched_count, 1);
    while (weir_engine_drain_changed(&old.engine, &next.build.config) != WEIR_OK)
        take(&old);
    assert_int_equal(old.summary_count, 2);
    weir_engine_adopt(&next.engine, &old.engine);
    next.next_sequence = old.next_sequence;
    advance(&next, T0 + 75000);
    assert_int_equal(next.batch_count, 1);
    assert_int_equal(next.batched_count, 1);
    assert_int_equal(next.created_ms, T0 + 75000);
    drain(&next);
    assert_int_equal(next.batch_count, 2);
    assert_int_equal(next.batched_count, 2);
    finish_rig(&old);
    finish_rig(&next);
}

static void windows_of_a_stream_that_changed_are_closed_before(void **state)
{
    struct rig old;
    struct rig next;

    (void)state;
    init_rig(&old, 60000, 1 << 20, true);
    init_rig(&next, 60000, 1 << 20, true);
    next.build.streams[0].window_ms = 20000;
    feed(&old, T0 + 1, 0);
    while (weir_engine_drain_changed(&old.engine, &next.build.config) != WEIR_OK)
        take(&old);
    assert_int_equal(old.summary_count, 1);
    assert_int_equal(old.batch_count, 0);
    finish_rig(&old);
    finish_rig(&next);
}

static void two_runs_give_the_same_bytes(void **state)
{
    struct rig rigs[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        init_quantile_rig(&rigs[i], 30000, 64 * 1024, true, true);
        for (unsigned n = 0; n < 5000; n++)
            feed(&rigs[i], T0 + n * 37LL + (n % 500 == 0 ? n * 1000LL : 0), n * 7919 % 300);
        drain(&rigs[i]);
        (void)fflush(rigs[i].log);
        assert_int_equal(rigs[i].batched_count, rigs[i].summary_count);
    }
    assert_int_equal(rigs[0].text_length, rigs[1].text_length);
    assert_memory_equal(rigs[0].text, rigs[1].text, rigs[0].text_length);
    finish_rig(&rigs[0]);
    finish_rig(&rigs[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jump_over_a_hundred_thousand_years_is_no_walk),
        cmocka_unit_test(a_clock_that_goes_back_changes_nothing),
        cmocka_unit_test(a_step_of_the_clock_is_no_silence),
        cmocka_unit_test(what_fell_silent_before_a_step_closes),
        cmocka_unit_test(a_message_delivered_twice_counts_once),
        cmocka_unit_test(thousands_delivered_twice_count_once),
        cmocka_unit_test(losses_and_bad_messages_are_in_the_ledger),
        cmocka_unit_test(an_engine_that_adopts_goes_on_with_rows_and_numbers),
        cmocka_unit_test(windows_of_a_stream_that_changed_are_closed_before),
        cmocka_unit_test(two_runs_give_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
