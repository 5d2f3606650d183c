/*
 * Batches in compact form. Input is what the range coder reads, without frame and checksum, so that
 * what the fuzzer changes is looked at and not merely refused. Rows that come out are written again,
 * and have to come out of that as they are.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/compact.h"
#include "format/crc32c.h"

#define FRAME_BYTES 6
#define CRC_BYTES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_compact_reader reader;
static struct weir_compact_writer writer;
static struct weir_compact_row rows[WEIR_COMPACT_ROW_COUNT_MAX];
static uint8_t bytes[WEIR_COMPACT_BYTES_MAX + FRAME_BYTES + CRC_BYTES];

static void write_crc(size_t length)
{
    uint32_t crc = weir_crc32c(0, bytes, length - CRC_BYTES);

    for (size_t i = 0; i < CRC_BYTES; i++)
        bytes[length - CRC_BYTES + i] = (uint8_t)(crc >> 8 * i);
}

static uint32_t read_rows(size_t length)
{
    uint32_t count = 0;

    if (weir_compact_reader_open(&reader, bytes, length))
        return 0;
    while (count < WEIR_COMPACT_ROW_COUNT_MAX &&
           weir_compact_reader_next(&reader, &rows[count]) == WEIR_COMPACT_ROW)
        count++;
    return count;
}

static uint32_t write_rows(uint32_t count, size_t *length)
{
    const struct weir_compact_text none = {0};
    uint32_t written = 0;

    weir_compact_writer_init(&writer, bytes, WEIR_COMPACT_BYTES_MAX);
    for (uint32_t i = 0; i < count; i++)
        (void)weir_compact_writer_prepare(&writer, &rows[i].summary,
                                          rows[i].has_sketch ? &rows[i].sketch : NULL);
    for (uint32_t i = 0; i < count; i++)
        weir_compact_writer_refine(&writer, &rows[i].summary,
                                   rows[i].has_sketch ? &rows[i].sketch : NULL);
    weir_compact_writer_begin(&writer, &reader.head);
    while (written < count &&
           weir_compact_writer_accept(
               &writer, &rows[written].stream, &none, &none, &rows[written].summary,
               rows[written].has_sketch ? &rows[written].sketch : NULL) == WEIR_OK)
        written++;
    *length = weir_compact_writer_seal(&writer);
    return written;
}

static void check_sketch(const struct weir_sketch *after, const struct weir_sketch *before)
{
    unsigned char left[WEIR_SKETCH_BYTES_MAX];
    unsigned char right[WEIR_SKETCH_BYTES_MAX];
    size_t length = weir_sketch_write(after, left);

    if (weir_sketch_write(before, right) != length || memcmp(left, right, length) != 0)
        abort();
}

static void check_row(const struct weir_compact_row *before)
{
    struct weir_compact_row after;
    uint32_t shown = before->stream.aggregates;

    if (weir_compact_reader_next(&reader, &after) != WEIR_COMPACT_ROW)
        abort();
    assert(after.summary.start_ms == before->summary.start_ms &&
           after.summary.end_ms == before->summary.end_ms &&
           after.summary.count == before->summary.count &&
           after.summary.revision == before->summary.revision);
    assert(after.has_sketch == before->has_sketch);
    if (before->has_sketch)
        check_sketch(&after.sketch, &before->sketch);
    if (shown & 1u << WEIR_AGGREGATE_MIN)
        assert(memcmp(&after.summary.min, &before->summary.min, sizeof(double)) == 0);
    if (shown & 1u << WEIR_AGGREGATE_LAST)
        assert(memcmp(&after.summary.last, &before->summary.last, sizeof(double)) == 0);
    if (shown & 1u << WEIR_AGGREGATE_STDDEV && isfinite(before->summary.stddev))
        assert(fabs(after.summary.stddev - before->summary.stddev) <=
               1e-12 * fabs(before->summary.stddev));
}

/* A stream's rows may only differ in what a stream has if its number does. */
static bool may_be_written(uint32_t count)
{
    for (uint32_t i = 0; i < reader.rows.stream_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (reader.rows.streams[i].stream == reader.rows.streams[j].stream)
                return false;
        }
    }
    return count > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = FRAME_BYTES + size + CRC_BYTES;
    uint32_t count;
    uint32_t written;

    if (size > WEIR_COMPACT_BYTES_MAX)
        return 0;
    weir_crc32c_init();
    memcpy(bytes, WEIR_COMPACT_MAGIC, 2);
    bytes[2] = WEIR_COMPACT_VERSION;
    for (int i = 0; i < 3; i++)
        bytes[3 + i] = (uint8_t)(size >> 8 * i);
    memcpy(bytes + FRAME_BYTES, data, size);
    write_crc(length);
    count = read_rows(length);
    if (!may_be_written(count))
        return 0;
    written = write_rows(count, &length);
    if (weir_compact_reader_open(&reader, bytes, length))
        abort();
    for (uint32_t i = 0; i < written; i++)
        check_row(&rows[i]);
    return 0;
}
