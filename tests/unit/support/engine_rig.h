/*
 * An engine of one stream on arrival time, fed by hand, and what it has given out: each batch is
 * held against its rows, its number and its ledger.
 */
#ifndef TESTS_SUPPORT_ENGINE_RIG_H
#define TESTS_SUPPORT_ENGINE_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "format/batch_read.h"
#include "format/sketch_list.h"
#include "unit.h"
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

static inline void init_quantile_rig(struct rig *rig, int64_t every_ms, uint64_t outbox_bytes,
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

static inline void init_rig(struct rig *rig, int64_t every_ms, uint64_t outbox_bytes, bool batching)
{
    init_quantile_rig(rig, every_ms, outbox_bytes, batching, false);
}

static inline void finish_rig(struct rig *rig)
{
    (void)fclose(rig->log);
    free(rig->text);
    free(rig->arena);
}

static inline int64_t number_at(const char *text, size_t length, const char *path)
{
    static struct weir_json_paths paths;
    struct weir_json_value value;

    assert_int_equal(weir_json_compile(&paths, &path, 1, WEIR_JSON_STACK_MAX, NULL), WEIR_OK);
    assert_int_equal(weir_json_scan(&paths, text, length, &value), WEIR_OK);
    assert_int_equal(value.kind, WEIR_JSON_NUMBER);
    return (int64_t)value.number;
}

/* Every row has the sketch of its samples, or none has. */
static inline void note_sketches(const struct rig *rig, const struct weir_engine_batch *batch)
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
static inline void note_batch(struct rig *rig, const struct weir_engine_batch *batch)
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

static inline void take(struct rig *rig)
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

static inline void advance(struct rig *rig, int64_t now_ms)
{
    while (weir_engine_advance(&rig->engine, now_ms) != WEIR_OK)
        take(rig);
    take(rig);
}

static inline void drain(struct rig *rig)
{
    while (weir_engine_drain(&rig->engine) != WEIR_OK)
        take(rig);
    take(rig);
}

/* A value of series number `series` arrives. */
static inline void feed(struct rig *rig, int64_t now_ms, unsigned series)
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

#endif
