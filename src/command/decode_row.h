/*
 * A summary of a batch as columns of text, and the columns as a line of CSV or of InfluxDB's line
 * protocol.
 *
 * CSV is quoted as RFC 4180 says; its lines end with a newline alone. Its last column holds the
 * quantiles, however many a row has: p50=20.1;p99=22.4.
 *
 * In line protocol the measurement is the stream; gateway, series, field and unit are tags, and
 * window, its length in milliseconds; revision and the aggregates are fields, revision and count as
 * integers; the time is the window's start, in nanoseconds. A revision so takes the place of what it
 * revises. An empty tag is left out, and what a tag cannot hold (control characters, a backslash at
 * its end) is percent-encoded.
 */
#ifndef WEIR_COMMAND_DECODE_ROW_H
#define WEIR_COMMAND_DECODE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "command/writer.h"
#include "format/batch_read.h"

/* The columns, in the order of CSV. */
enum weir_column {
    WEIR_COLUMN_GATEWAY,
    WEIR_COLUMN_EPOCH,
    WEIR_COLUMN_SEQ,
    WEIR_COLUMN_STREAM,
    WEIR_COLUMN_SERIES,
    WEIR_COLUMN_FIELD,
    WEIR_COLUMN_UNIT,
    WEIR_COLUMN_START,
    WEIR_COLUMN_END,
    WEIR_COLUMN_REVISION,
    WEIR_COLUMN_COUNT,
    WEIR_COLUMN_SUM,
    WEIR_COLUMN_MIN,
    WEIR_COLUMN_MAX,
    WEIR_COLUMN_MEAN,
    WEIR_COLUMN_STDDEV,
    WEIR_COLUMN_FIRST,
    WEIR_COLUMN_LAST,
    WEIR_COLUMN_DELTA,
    WEIR_COLUMN_RATE,
    WEIR_COLUMN_KIND_COUNT,
};

/* Texts have their escapes resolved; numbers are as they stand in the batch. text NULL: absent. */
struct weir_row {
    struct {
        const char *text;
        size_t length;
    } columns[WEIR_COLUMN_KIND_COUNT];
    uint32_t quantile_count;
    struct {
        uint16_t thousandths;
        const char *text;
        size_t length;
    } quantiles[WEIR_QUANTILE_COUNT_MAX];
};

struct weir_row_reader {
    /* private */
    struct weir_json_paths paths;
    char *scratch; /* the caller's; as large as a batch can be */
    size_t scratch_size;
};

void weir_row_reader_init(struct weir_row_reader *reader, char *scratch, size_t scratch_size);

/* Reads one summary of a batch; the row points into its text and the scratch. False: it lacks a
 * name or a time, or something in it is not of the kind it has to be. */
bool weir_row_reader_read(const struct weir_row_reader *reader, const struct weir_batch_view *view,
                          const char *text, size_t length, struct weir_row *row);

void weir_row_write_csv_head(struct weir_writer *writer);
void weir_row_write_csv(struct weir_writer *writer, const struct weir_row *row);
void weir_row_write_line(struct weir_writer *writer, const struct weir_row *row);

#endif
