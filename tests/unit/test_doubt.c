/* What becomes of rows that were dated by a clock that turns out to have been wrong, or right. */
#include "support/engine_rig.h"

static int64_t start_of_first_row(struct rig *rig)
{
    const char *found;

    (void)fflush(rig->log);
    found = strstr(rig->text, "\"start\":");
    assert_non_null(found);
    return strtoll(found + strlen("\"start\":"), NULL, 10);
}

/* Two windows under a clock that is an hour slow: one is in the batch, one still open. */
static void run_doubted(struct rig *rig, bool unsynchronised, bool set)
{
    struct weir_message message = {.topic = "a/x",
                                   .topic_length = 3,
                                   .payload = "{\"v\":1}",
                                   .payload_length = 7,
                                   .unsynchronised = unsynchronised};

    init_quantile_rig(rig, 3600000, 1 << 20, true, true);
    for (int i = 0; i < 2; i++) {
        message.arrived_ms = T0 + 1000 + 60000 * i;
        advance(rig, message.arrived_ms);
        assert_int_equal(weir_engine_accept(&rig->engine, &message), WEIR_OK);
    }
    while (weir_engine_step_clock(&rig->engine, T0 + 62000 + 1234567, 1234567, set) != WEIR_OK)
        take(rig);
    drain(rig);
}

static void a_clock_that_is_set_puts_doubted_rows_right(void **state)
{
    struct rig rig;

    (void)state;
    run_doubted(&rig, true, true);
    assert_int_equal(rig.batch_count, 1);
    assert_int_equal(rig.batched_count, 2);
    assert_int_equal(start_of_first_row(&rig) % 1000, (T0 + 1234567) % 1000);
    finish_rig(&rig);
    run_doubted(&rig, false, true);
    assert_int_equal(start_of_first_row(&rig), T0);
    finish_rig(&rig);
    run_doubted(&rig, true, false);
    assert_int_equal(start_of_first_row(&rig), T0);
    finish_rig(&rig);
}

/* A value of an unsynchronised clock, whose window ends a second later. */
static void feed_doubted(struct rig *rig, int64_t time_ms, bool unsynchronised)
{
    struct weir_message message = {.topic = "a/x",
                                   .topic_length = 3,
                                   .payload = "{\"v\":1}",
                                   .payload_length = 7,
                                   .arrived_ms = time_ms,
                                   .unsynchronised = unsynchronised};

    advance(rig, time_ms);
    assert_int_equal(weir_engine_accept(&rig->engine, &message), WEIR_OK);
}

static void set_clock(struct rig *rig, int64_t now_ms, int64_t step_ms)
{
    while (weir_engine_step_clock(&rig->engine, now_ms, step_ms, true) != WEIR_OK)
        take(rig);
    take(rig);
}

static bool log_has(struct rig *rig, const char *text)
{
    (void)fflush(rig->log);
    return strstr(rig->text, text) != NULL;
}

static void a_clock_that_is_set_names_the_batches_that_left_in_doubt(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed_doubted(&rig, T0, false);
    feed_doubted(&rig, T0 + 60000, true);
    feed_doubted(&rig, T0 + 120000, true);
    feed_doubted(&rig, T0 + 180000, true);
    assert_int_equal(rig.batch_count, 3);
    set_clock(&rig, T0 + 181000 + 5000000, 5000000);
    assert_int_equal(rig.shift_count, 1);
    assert_int_equal(rig.shift.epoch, EPOCH);
    assert_int_equal(rig.shift.first, 2);
    assert_int_equal(rig.shift.last, 3);
    assert_int_equal(rig.shift.step_ms, 5000000);
    assert_true(log_has(&rig, "\"clock\":\"unsynchronised\""));
    assert_false(log_has(&rig, "\"clock\":\"corrected\""));
    drain(&rig);
    assert_true(log_has(&rig, "\"clock\":\"corrected\""));
    set_clock(&rig, T0 + 190000 + 10000000, 5000000);
    assert_int_equal(rig.shift_count, 1);
    finish_rig(&rig);
}

static void a_clock_that_becomes_right_without_a_step_was_right(void **state)
{
    struct rig rig;

    (void)state;
    init_rig(&rig, 60000, 1 << 20, true);
    feed_doubted(&rig, T0, true);
    feed_doubted(&rig, T0 + 60000, true);
    feed_doubted(&rig, T0 + 60001, false);
    set_clock(&rig, T0 + 61000 + 5000000, 5000000);
    assert_int_equal(rig.shift_count, 0);
    drain(&rig);
    assert_false(log_has(&rig, "\"clock\":\"corrected\""));
    finish_rig(&rig);
}

static void rows_of_another_configuration_leave_before_a_step(void **state)
{
    struct weir_engine next;
    struct rig rig;
    void *arena;
    uint64_t size;

    (void)state;
    init_rig(&rig, 3600000, 1 << 20, true);
    feed_doubted(&rig, T0, true);
    feed_doubted(&rig, T0 + 60000, true);
    take(&rig);
    size = weir_engine_size(&rig.build.config, NULL);
    arena = aligned_alloc(64, size);
    assert_non_null(arena);
    memset(arena, 0, size);
    weir_engine_init(&next, &rig.build.config, arena, size, EPOCH, true);
    weir_engine_adopt(&next, &rig.engine);
    rig.engine = next;
    set_clock(&rig, T0 + 61000 + 5000000, 5000000);
    assert_true(rig.batch_count >= 1);
    assert_int_equal(rig.shift.first, 1);
    assert_int_equal(rig.shift.last, rig.batch_count);
    free(arena);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_set_puts_doubted_rows_right),
        cmocka_unit_test(a_clock_that_is_set_names_the_batches_that_left_in_doubt),
        cmocka_unit_test(a_clock_that_becomes_right_without_a_step_was_right),
        cmocka_unit_test(rows_of_another_configuration_leave_before_a_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
