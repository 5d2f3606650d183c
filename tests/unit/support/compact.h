/* Batches in compact form, written and read by the row. */
#ifndef TESTS_SUPPORT_COMPACT_H
#define TESTS_SUPPORT_COMPACT_H

#include <math.h>
#include <string.h>

#include "format/compact.h"
#include "format/crc32c.h"
#include "random.h"
#include "unit.h"

enum { ALL_AGGREGATES = (1 << WEIR_AGGREGATE_KIND_COUNT) - 1 };

struct compact_rig {
    struct weir_compact_head head;
    struct weir_compact_stream streams[WEIR_STREAM_COUNT_MAX]; /* by index */
    struct weir_summary rows[WEIR_COMPACT_ROW_COUNT_MAX];
    struct weir_sketch sketches[WEIR_COMPACT_ROW_COUNT_MAX]; /* without samples: the row has none */
    uint32_t row_count;
    bool named; /* every name at its first row */
    struct weir_compact_writer writer;
    struct weir_compact_reader reader;
    unsigned char bytes[WEIR_COMPACT_BYTES_MAX];
    size_t length;
};

static inline void compact_init(struct compact_rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    weir_crc32c_init();
    rig->head = (struct weir_compact_head){
        .gateway = "gate", .epoch = 0xabcdef, .sequence = 41, .table = 7};
    rig->head.created_ms = 1700000000000;
    for (uint32_t i = 0; i < WEIR_STREAM_COUNT_MAX; i++)
        rig->streams[i] = (struct weir_compact_stream){
            .stream = i, .aggregates = ALL_AGGREGATES, .length_ms = 10000};
}

static inline uint32_t compact_name(char *name, const struct weir_summary *row)
{
    return (uint32_t)sprintf(name, "site/room-%u/device%u", row->series / 10, row->series);
}

static inline const struct weir_sketch *compact_sketch(const struct compact_rig *rig, uint32_t row)
{
    return rig->sketches[row].count > 0 ? &rig->sketches[row] : NULL;
}

/* Writes the rows, or as many as there is room for. Returns how many went in. */
static inline uint32_t compact_write(struct compact_rig *rig, size_t size)
{
    static char stream_name[] = "climate\0temperature\0Cel\0humidity\0";
    char series_name[64];
    uint32_t count = 0;

    weir_compact_writer_init(&rig->writer, rig->bytes, size);
    for (uint32_t i = 0; i < rig->row_count; i++)
        assert_int_equal(
            weir_compact_writer_prepare(&rig->writer, &rig->rows[i], compact_sketch(rig, i)),
            WEIR_OK);
    for (uint32_t i = 0; i < rig->row_count; i++)
        weir_compact_writer_refine(&rig->writer, &rig->rows[i], compact_sketch(rig, i));
    weir_compact_writer_begin(&rig->writer, &rig->head);
    for (; count < rig->row_count; count++) {
        const struct weir_summary *row = &rig->rows[count];
        struct weir_compact_text stream = {stream_name, sizeof(stream_name), rig->named};
        struct weir_compact_text series = {series_name, compact_name(series_name, row), rig->named};

        if (weir_compact_writer_accept(&rig->writer, &rig->streams[row->stream], &stream, &series,
                                       row, compact_sketch(rig, count)) != WEIR_OK)
            break;
    }
    rig->length = weir_compact_writer_seal(&rig->writer);
    assert_true(rig->length <= size);
    assert_int_equal(weir_compact_frame(rig->bytes, rig->length), rig->length);
    return count;
}

static inline bool compact_same(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static inline bool compact_near(double a, double b)
{
    return compact_same(a, b) || fabs(a - b) <= 1e-12 * fabs(b);
}

/* True when a row shows what the other does. */
static inline bool compact_equal(uint32_t aggregates, const struct weir_summary *out,
                                 const struct weir_summary *in)
{
    const struct {
        enum weir_aggregate aggregate;
        bool equal;
    } shown[] = {
        {WEIR_AGGREGATE_SUM, compact_same(out->sum, in->sum)},
        {WEIR_AGGREGATE_MIN, compact_same(out->min, in->min)},
        {WEIR_AGGREGATE_MAX, compact_same(out->max, in->max)},
        {WEIR_AGGREGATE_MEAN, compact_near(out->mean, in->mean)},
        {WEIR_AGGREGATE_STDDEV, compact_near(out->stddev, in->stddev)},
        {WEIR_AGGREGATE_FIRST, compact_same(out->first, in->first)},
        {WEIR_AGGREGATE_LAST, compact_same(out->last, in->last)},
        {WEIR_AGGREGATE_DELTA, compact_same(out->last - out->first, in->last - in->first)},
        {WEIR_AGGREGATE_RATE, (uint64_t)out->last_ms - (uint64_t)out->first_ms ==
                                      (uint64_t)in->last_ms - (uint64_t)in->first_ms &&
                                  compact_same(out->last - out->first, in->last - in->first)},
    };

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (aggregates & 1u << shown[i].aggregate && !shown[i].equal)
            return false;
    }
    return out->stream == in->stream && out->series == in->series && out->field == in->field &&
           out->revision == in->revision && out->start_ms == in->start_ms &&
           out->end_ms == in->end_ms && out->count == in->count;
}

/* True when two sketches hold the same, samples in any order. */
static inline bool compact_equal_sketches(const struct weir_sketch *a, const struct weir_sketch *b)
{
    unsigned char bytes[2][WEIR_SKETCH_BYTES_MAX];
    size_t length = weir_sketch_write(a, bytes[0]);

    return weir_sketch_write(b, bytes[1]) == length && memcmp(bytes[0], bytes[1], length) == 0;
}

/* Reads what was written and compares it with the first count rows. */
static inline void compact_check(struct compact_rig *rig, uint32_t count)
{
    struct weir_compact_row row;

    assert_null(weir_compact_reader_open(&rig->reader, rig->bytes, rig->length));
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(weir_compact_reader_next(&rig->reader, &row), WEIR_COMPACT_ROW);
        if (!compact_equal(rig->streams[rig->rows[i].stream].aggregates, &row.summary,
                           &rig->rows[i]))
            fail_msg("row %u does not come back", i);
        assert_int_equal(row.has_sketch, rig->sketches[i].count > 0);
        if (row.has_sketch && !compact_equal_sketches(&row.sketch, &rig->sketches[i]))
            fail_msg("the sketch of row %u does not come back", i);
    }
    assert_int_equal(weir_compact_reader_next(&rig->reader, &row), WEIR_COMPACT_END);
}

#endif
