/* The engine's batches in compact form: what is named in which, and that none is lost or differs. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/compact.h"
#include "format/sketch_list.h"
#include "pipeline/compact_batch.h"
#include "support/build.h"
#include "support/random.h"
#include "weir/engine.h"

#define EPOCH 0xfeed
#define T0 1700000040000

/* What a batch was found to be. */
struct found {
    uint64_t sequence;
    uint64_t table;
    uint32_t row_count;
    size_t length;
    uint32_t name_count; /* of series */
    uint32_t stream_count;
    uint32_t sketch_count; /* rows that have one */
};

struct rig {
    struct build build;
    struct weir_engine engine;
    void *arena;
    size_t arena_size;
    struct weir_compact_reader reader;
    struct found found[4096];
    uint32_t found_count;
    uint64_t summary_count;
    uint64_t row_count;
    FILE *log;
    char *text;
    size_t text_length;
};

static struct rig *set_up_with(uint64_t outbox_bytes, uint32_t quantile_count)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct weir_stream_config *stream;

    assert_non_null(rig);
    build_init(&rig->build);
    rig->build.config.uplink_format = WEIR_BATCH_COMPACT;
    rig->build.config.outbox_bytes = outbox_bytes;
    stream = build_stream(&rig->build, "s", "a/{b}");
    stream->max_series = 3000;
    stream->quantile_count = quantile_count;
    stream->quantiles[0] = 500;
    stream->quantiles[1] = 950;
    (void)build_field(stream, "v");
    build_on_arrival_time(stream);
    rig->arena_size = (size_t)weir_engine_size(&rig->build.config, NULL);
    rig->arena = aligned_alloc(64, rig->arena_size);
    assert_non_null(rig->arena);
    memset(rig->arena, 0, rig->arena_size);
    weir_engine_init(&rig->engine, &rig->build.config, rig->arena, rig->arena_size, EPOCH, true);
    rig->log = open_memstream(&rig->text, &rig->text_length);
    assert_non_null(rig->log);
    return rig;
}

static struct rig *set_up(uint64_t outbox_bytes)
{
    return set_up_with(outbox_bytes, 0);
}

static void tear_down(struct rig *rig)
{
    (void)fclose(rig->log);
    free(rig->text);
    free(rig->arena);
    free(rig);
}

/* It is the one that lies beside the row. */
static void check_sketch(const struct weir_compact_row *row, const struct weir_engine_batch *batch,
                         uint32_t index)
{
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    unsigned char bytes[WEIR_SKETCH_BYTES_MAX];
    bool sketched = false;

    weir_sketch_list_open(&list, batch->sketches, batch->sketches_length);
    for (uint32_t i = 0; i <= index; i++)
        sketched = weir_sketch_list_take(&list, i, &entry);
    assert_int_equal(sketched, row->has_sketch);
    if (!sketched)
        return;
    assert_int_equal(entry.quantile_count, row->stream.quantile_count);
    assert_int_equal(weir_sketch_write(&row->sketch, bytes), entry.length);
    assert_memory_equal(bytes, entry.bytes, entry.length);
}

static void note_batch(struct rig *rig, const struct weir_engine_batch *batch)
{
    struct found *found = &rig->found[rig->found_count++];
    struct weir_compact_row row;

    assert_null(weir_compact_reader_open(&rig->reader, batch->bytes, batch->length));
    *found = (struct found){.sequence = rig->reader.head.sequence,
                            .table = rig->reader.head.table,
                            .row_count = batch->row_count,
                            .length = batch->length};
    assert_int_equal(found->sequence, batch->sequence);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        assert_int_equal(weir_compact_reader_next(&rig->reader, &row), WEIR_COMPACT_ROW);
        assert_int_equal(row.summary.series, batch->rows[i].series);
        assert_int_equal(row.summary.start_ms, batch->rows[i].start_ms);
        assert_true(row.summary.sum == batch->rows[i].sum);
        found->name_count += row.series_text.there;
        found->stream_count += row.stream_text.there;
        found->sketch_count += row.has_sketch;
        check_sketch(&row, batch, i);
    }
    assert_int_equal(weir_compact_reader_next(&rig->reader, &row), WEIR_COMPACT_END);
    rig->row_count += batch->row_count;
    (void)fwrite(batch->bytes, 1, batch->length, rig->log);
}

static void take(struct rig *rig)
{
    struct weir_engine_output output;

    while (weir_engine_take(&rig->engine, &output)) {
        if (output.kind == WEIR_ENGINE_BATCH)
            note_batch(rig, &output.batch);
        else
            rig->summary_count++;
    }
}

static void advance(struct rig *rig, int64_t now_ms)
{
    while (weir_engine_advance(&rig->engine, now_ms) != WEIR_OK)
        take(rig);
    take(rig);
}

static void feed(struct rig *rig, int64_t now_ms, const char *series, const char *payload)
{
    char topic[WEIR_TOPIC_LENGTH_MAX];
    struct weir_message message = {.topic = topic,
                                   .payload = payload,
                                   .payload_length = strlen(payload),
                                   .arrived_ms = now_ms};

    message.topic_length = (size_t)snprintf(topic, sizeof(topic), "a/%s", series);
    while (weir_engine_accept(&rig->engine, &message) != WEIR_OK)
        take(rig);
    take(rig);
}

/* A minute in which each of so many series has a row, and its end. */
static void pass_minute(struct rig *rig, uint32_t minute, uint32_t series_count)
{
    int64_t now_ms = T0 + 60000 * (int64_t)minute;

    advance(rig, now_ms);
    for (uint32_t i = 0; i < series_count; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "device-%u", i);
        feed(rig, now_ms, name, i % 2 ? "{\"v\":21.5}" : "{\"v\":20.25}");
    }
    advance(rig, now_ms + 60000);
}

static void series_are_named_once_in_a_round(void **state)
{
    struct rig *rig = set_up(1 << 20);

    (void)state;
    for (uint32_t minute = 0; minute < 2 * WEIR_NAMING_ROUND + 2; minute++)
        pass_minute(rig, minute, 5);
    assert_int_equal(rig->found_count, 2 * WEIR_NAMING_ROUND + 2);
    for (uint32_t i = 0; i < rig->found_count; i++) {
        assert_int_equal(rig->found[i].name_count, i % WEIR_NAMING_ROUND == 0 ? 5 : 0);
        assert_int_equal(rig->found[i].stream_count, i % WEIR_NAMING_ROUND == 0);
        assert_int_equal(rig->found[i].table, 1);
    }
    tear_down(rig);
}

static void a_series_is_named_when_it_first_appears(void **state)
{
    struct rig *rig = set_up(1 << 20);

    (void)state;
    pass_minute(rig, 0, 5);
    pass_minute(rig, 1, 7);
    pass_minute(rig, 2, 7);
    assert_int_equal(rig->found[1].name_count, 2);
    assert_int_equal(rig->found[1].stream_count, 0);
    assert_int_equal(rig->found[2].name_count, 0);
    tear_down(rig);
}

static void what_was_dropped_is_named_again(void **state)
{
    const struct weir_ledger losses = {.batches_dropped = 1, .outbox_dropped = 5};
    struct rig *rig = set_up(1 << 20);

    (void)state;
    pass_minute(rig, 0, 5);
    pass_minute(rig, 1, 5);
    weir_engine_note_losses(&rig->engine, &losses);
    pass_minute(rig, 2, 5);
    pass_minute(rig, 3, 5);
    assert_int_equal(rig->found[1].name_count, 0);
    assert_int_equal(rig->found[2].name_count, 5);
    assert_int_equal(rig->found[2].table, 1);
    assert_int_equal(rig->found[3].name_count, 0);
    tear_down(rig);
}

static void another_epoch_has_another_table(void **state)
{
    struct rig *rig = set_up(1 << 20);

    (void)state;
    pass_minute(rig, 0, 5);
    weir_engine_reserve(&rig->engine, 10);
    pass_minute(rig, 1, 5);
    assert_int_equal(rig->found[1].sequence, 12);
    assert_int_equal(rig->found[1].table, 1);
    weir_engine_set_epoch(&rig->engine, EPOCH + 1);
    pass_minute(rig, 2, 5);
    assert_int_equal(rig->found[2].sequence, 1);
    assert_int_equal(rig->found[2].table, 1);
    assert_int_equal(rig->found[2].name_count, 5);
    tear_down(rig);
}

/* Doubles without pattern under long names: more rows than bytes have room for. */
static void fill_with_long_names(uint32_t quantile_count)
{
    struct test_random random = random_make(1);
    struct rig *rig = set_up_with(64 * 1024, quantile_count);

    advance(rig, T0);
    for (uint32_t i = 0; i < 1000; i++) {
        char name[300];
        char payload[64];

        for (size_t at = 0; at < sizeof(name) - 1; at++)
            name[at] = (char)('a' + random_below(&random, 26));
        name[sizeof(name) - 1] = '\0';
        (void)snprintf(payload, sizeof(payload), "{\"v\":%.17g}", 1e5 / (i + 3.7));
        feed(rig, T0, name, payload);
    }
    advance(rig, T0 + 60000);
    assert_true(rig->found_count >= 2);
    for (uint32_t i = 0; i < rig->found_count; i++)
        assert_int_equal(rig->found[i].sequence, i + 1);
    assert_int_equal(rig->row_count, rig->summary_count);
    for (uint32_t i = 0; i < rig->found_count; i++)
        assert_int_equal(rig->found[i].sketch_count,
                         quantile_count > 0 ? rig->found[i].row_count : 0);
    tear_down(rig);
}

static void rows_that_do_not_fit_go_in_the_next_batch(void **state)
{
    (void)state;
    fill_with_long_names(0);
    fill_with_long_names(2);
}

static void a_copy_of_the_state_goes_on_with_the_same_bytes(void **state)
{
    struct rig *rig = set_up(1 << 20);
    struct rig *copy = set_up(1 << 20);

    (void)state;
    for (uint32_t minute = 0; minute < 70; minute++) {
        pass_minute(rig, minute, minute % 9 + 1);
        if (minute == 30) {
            memcpy(copy->arena, rig->arena, rig->arena_size);
            (void)fflush(rig->log);
            (void)fwrite(rig->text, 1, rig->text_length, copy->log);
        }
        if (minute > 30)
            pass_minute(copy, minute, minute % 9 + 1);
    }
    (void)fflush(rig->log);
    (void)fflush(copy->log);
    assert_int_equal(copy->text_length, rig->text_length);
    assert_memory_equal(copy->text, rig->text, rig->text_length);
    tear_down(rig);
    tear_down(copy);
}

static void a_change_of_configuration_closes_the_batch(void **state)
{
    struct rig *old = set_up(1 << 20);
    struct rig *next = set_up(1 << 20);

    (void)state;
    pass_minute(old, 0, 5);
    advance(old, T0 + 61000);
    feed(old, T0 + 61000, "device-1", "{\"v\":1}");
    advance(old, T0 + 75000);
    assert_int_equal(old->found_count, 1);
    while (weir_engine_drain_changed(&old->engine, &next->build.config) != WEIR_OK)
        take(old);
    assert_int_equal(old->found_count, 2);
    assert_int_equal(old->row_count, old->summary_count);
    weir_engine_adopt(&next->engine, &old->engine);
    pass_minute(next, 2, 5);
    assert_int_equal(next->found[0].sequence, 3);
    assert_int_equal(next->found[0].table, 3);
    assert_int_equal(next->found[0].name_count, 5);
    tear_down(old);
    tear_down(next);
}

/* But for what is left when the clock says so; a row may be too much, and few are left over. A
 * minute's rows make several batches, so that most are not the minute's last. */
static void batches_come_to_what_is_enough(void **state)
{
    enum { ENOUGH = 1024, ROW_BYTES = 32 };
    struct rig *rig = set_up_with(1 << 20, 2);
    uint32_t full_count = 0;

    (void)state;
    rig->build.config.uplink_max_bytes = ENOUGH;
    for (uint32_t minute = 0; minute < 3; minute++)
        pass_minute(rig, minute, 3000);
    assert_int_equal(rig->row_count, rig->summary_count);
    for (uint32_t i = 0; i < rig->found_count; i++) {
        assert_in_range(rig->found[i].length, 1, ENOUGH + ROW_BYTES);
        full_count += rig->found[i].length > ENOUGH * 3 / 4;
    }
    assert_true(rig->found_count > 6);
    assert_in_range(full_count, rig->found_count / 2, rig->found_count);
    tear_down(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_named_once_in_a_round),
        cmocka_unit_test(a_series_is_named_when_it_first_appears),
        cmocka_unit_test(what_was_dropped_is_named_again),
        cmocka_unit_test(another_epoch_has_another_table),
        cmocka_unit_test(rows_that_do_not_fit_go_in_the_next_batch),
        cmocka_unit_test(a_copy_of_the_state_goes_on_with_the_same_bytes),
        cmocka_unit_test(a_change_of_configuration_closes_the_batch),
        cmocka_unit_test(batches_come_to_what_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
