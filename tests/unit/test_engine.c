#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/batch_read.h"
#include "format/sketch_list.h"
#include "support/build.h"
#include "weir/engine.h"

#define EPOCH 0xfeed
#define T0 1700000040000 /* a multiple of a minute */

/* An engine, and what it has given out. */
struct rig {
    struct build build;
    struct weir_engine engine;
    struct weir_batch_reader reader;
    void *arena;
    uint64_t summary_count;
    uint64_t batch_count;
    uint64_t batched_count; /* rows of all batches */
    uint64_t next_sequence;
    int64_t created_ms;             /* of the newest batch */
    struct weir_engine_shift shift; /* the newest */
    uint32_t shift_count;
    bool summaries_only; /* what goes into the log */
    FILE *log;           /* what came out */
    char *text;
    size_t text_length;
};

static void init_quantile_rig(struct rig *rig, int64_t every_ms, uint64_t outbox_bytes,
                              bool batching, bool quantiles)
{
    struct weir_stream_config *stream;
    uint64_t size;

    memset(rig, 0, sizeof(*rig));
    build_init(&rig->build);
    rig->build.config.uplink_every_ms = every_ms;
    rig->build.config.outbox_bytes = outbox_bytes;
    stream = build_stream(&rig->build, "s", "a/{b}");
    stream->max_series = 1000;
    (void)build_field(stream, "v");
    build_on_arrival_time(stream);
    if (quantiles)
        build_quantiles(stream);
    size = weir_engine_size(&rig->build.config, NULL);
    rig->arena = aligned_alloc(64, size);
    assert_non_null(rig->arena);
    memset(rig->arena, 0, size);
    weir_engine_init(&rig->engine, &rig->build.config, rig->arena, size, EPOCH, batching);
    weir_batch_reader_init(&rig->reader);
    rig->next_sequence = 1;
    rig->log = open_memstream(&rig->text, &rig->text_length);
    assert_non_null(rig->log);
}

static void init_rig(struct rig *rig, int64_t every_ms, uint64_t outbox_bytes, bool batching)
{
    init_quantile_rig(rig, every_ms, outbox_bytes, batching, false);
}

static void finish_rig(struct rig *rig)
{
    (void)fclose(rig->log);
    free(rig->text);
    free(rig->arena);
}

static int64_t number_at(const char *text, size_t length, const char *path)
{
    static struct weir_json_paths paths;
    struct weir_json_value value;

    assert_int_equal(weir_json_compile(&paths, &path, 1, WEIR_JSON_STACK_MAX, NULL), WEIR_OK);
    assert_int_equal(weir_json_scan(&paths, text, length, &value), WEIR_OK);
    assert_int_equal(value.kind, WEIR_JSON_NUMBER);
    return (int64_t)value.number;
}

/* Every row has the sketch of its samples, or none has. */
static void note_sketches(const struct rig *rig, const struct weir_engine_batch *batch)
{
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    struct weir_sketch sketch;

    weir_sketch_list_open(&list, batch->sketches, batch->sketches_length);
    for (uint32_t i = 0; i < batch->row_count && rig->build.streams[0].quantile_count > 0; i++) {
        assert_true(weir_sketch_list_take(&list, i, &entry));
        assert_int_equal(entry.quantile_count, 2);
        assert_int_equal(entry.quantiles[1], 999);
        assert_int_equal(weir_sketch_read(&sketch, entry.bytes, entry.length), WEIR_OK);
        assert_int_equal(sketch.count, batch->rows[i].count);
    }
    assert_true(weir_sketch_list_finished(&list));
}

/* A batch is valid, is the one behind the last, and carries a ledger that balances and counts all
 * summaries so far. */
static void note_batch(struct rig *rig, const struct weir_engine_batch *batch)
{
    struct weir_batch_view view;
    struct weir_ledger ledger;
    const char *row;
    size_t length;
    uint32_t count = 0;

    assert_null(weir_batch_reader_open(&rig->reader, batch->bytes, batch->length, &view));
    assert_int_equal(batch->sequence, rig->next_sequence++);
    assert_int_equal(number_at(batch->bytes, batch->length, "seq"), batch->sequence);
    while (weir_batch_view_next(&view, &row, &length))
        count++;
    assert_int_equal(batch->row_count, count);
    note_sketches(rig, batch);
    assert_true(count > 0);
    weir_engine_ledger(&rig->engine, &ledger);
    assert_true(weir_ledger_balanced(&ledger));
    assert_int_equal(number_at(batch->bytes, batch->length, "ledger.summaries"), ledger.summaries);
    assert_int_equal(number_at(batch->bytes, batch->length, "ledger.received"), ledger.received);
    rig->created_ms = number_at(batch->bytes, batch->length, "created");
    rig->batch_count++;
    rig->batched_count += count;
    if (!rig->summaries_only)
        (void)fwrite(batch->bytes, 1, batch->length, rig->log);
}

static void take(struct rig *rig)
{
    struct weir_engine_output output;

    while (weir_engine_take(&rig->engine, &output)) {
        if (output.kind == WEIR_ENGINE_BATCH) {
            note_batch(rig, &output.batch);
        } else if (output.kind == WEIR_ENGINE_SHIFT) {
            rig->shift = output.shift;
            rig->shift_count++;
        } else {
            assert_int_equal(output.kind, WEIR_ENGINE_SUMMARY);
            rig->summary_count++;
            (void)fprintf(rig->log, "%u %lld %llu\n", output.summary.series,
                          (long long)output.summary.start_ms,
                          (unsigned long long)output.summary.count);
        }
    }
    assert_false(weir_engine_pending(&rig->engine));
}

static void advance(struct rig *rig, int64_t now_ms)
{
    while (weir_engine_advance(&rig->engine, now_ms) != WEIR_OK)
        take(rig);
    take(rig);
}

static void drain(struct rig *rig)
{
    while (weir_engine_drain(&rig->engine) != WEIR_OK)
        take(rig);
    take(rig);
}

/* A value of series number `series` arrives. */
static void feed(struct rig *rig, int64_t now_ms, unsigned series)
{
    char topic[32];
    struct weir_message message = {
        .topic = topic,
        .topic_length = (size_t)snprintf(topic, sizeof(topic), "a/dev%u", series),
        .payload = "{\"v\":21.5}",
        .payload_length = 10,
        .arrived_ms = now_ms,
    };

    advance(rig, now_ms);
    while (weir_engine_accept(&rig->engine, &message) != WEIR_OK)
        take(rig);
    take(rig);
}

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

static void a_jump_over_years_is_quick(void **state)
{
    struct rig rig;
    clock_t start = clock();

    (void)state;
    init_rig(&rig, 1000, 1 << 20, true);
    for (int64_t year = 0; year < 100; year++)
        feed(&rig, T0 + year * 366 * 86400000LL, 0);
    drain(&rig);
    assert_int_equal(rig.batch_count, 100);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 1);
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
        cmocka_unit_test(a_jump_over_years_is_quick),
        cmocka_unit_test(a_clock_that_goes_back_changes_nothing),
        cmocka_unit_test(a_step_of_the_clock_is_no_silence),
        cmocka_unit_test(what_fell_silent_before_a_step_closes),
        cmocka_unit_test(a_clock_that_is_set_puts_doubted_rows_right),
        cmocka_unit_test(a_clock_that_is_set_names_the_batches_that_left_in_doubt),
        cmocka_unit_test(a_clock_that_becomes_right_without_a_step_was_right),
        cmocka_unit_test(rows_of_another_configuration_leave_before_a_step),
        cmocka_unit_test(a_message_delivered_twice_counts_once),
        cmocka_unit_test(numbers_given_away_are_not_used_again),
        cmocka_unit_test(numbers_that_are_not_used_leave_no_gap),
        cmocka_unit_test(losses_and_bad_messages_are_in_the_ledger),
        cmocka_unit_test(an_engine_that_adopts_goes_on_with_rows_and_numbers),
        cmocka_unit_test(windows_of_a_stream_that_changed_are_closed_before),
        cmocka_unit_test(two_runs_give_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
