/*
 * A batch as it arrived, JSON or compact, as rows of one kind.
 *
 * What is read is kept in the reader until its next call: rows, texts, and of a compact batch the
 * names that came with it.
 */
#ifndef WEIR_COLLECT_BATCH_H
#define WEIR_COLLECT_BATCH_H

#include "collect/track.h"
#include "format/batch.h"
#include "weir/limits.h"

/* In place of a series: the stream itself, and its fields. */
#define WEIR_COLLECT_NO_SERIES UINT32_MAX

/* An epoch as text. weir's have 16 digits. */
#define WEIR_COLLECT_EPOCH_LENGTH_MAX 64

/* A ledger as text. weir's take under 1 KiB. */
#define WEIR_COLLECT_LEDGER_LENGTH_MAX 4096

struct weir_collect_row {
    struct weir_track *track; /* of a compact batch: set by who knows the names */
    uint32_t stream;          /* of a compact batch: the numbers of its track */
    uint32_t series;
    uint32_t field;
    uint32_t aggregates; /* bit 1 << enum weir_aggregate: which of these there are */
    int64_t start_ms;
    int64_t end_ms;
    uint64_t revision;
    uint64_t count;
    double values[WEIR_AGGREGATE_KIND_COUNT];
    uint32_t quantile_count;
    uint16_t thousandths[WEIR_QUANTILE_COUNT_MAX];
    double quantiles[WEIR_QUANTILE_COUNT_MAX];
};

/* The name of a series, or of a stream and its fields, NUL-terminated each. */
struct weir_collect_name {
    uint32_t stream;
    uint32_t series; /* or WEIR_COLLECT_NO_SERIES */
    const char *text;
    size_t length;
};

struct weir_collect_batch {
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    char epoch[WEIR_COLLECT_EPOCH_LENGTH_MAX + 1];
    uint64_t sequence; /* at most INT64_MAX, as are all others */
    int64_t created_ms;
    const char *clock;                               /* a static string; NULL: it was right */
    char ledger[WEIR_COLLECT_LEDGER_LENGTH_MAX + 1]; /* JSON, braces included */
    struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
    uint32_t range_count;
    bool compact;
    uint64_t table; /* of a compact batch */
    const struct weir_collect_name *names;
    uint32_t name_count;
    struct weir_collect_row *rows;
    uint32_t row_count;
};

struct weir_collect_reader;

/* NULL: no memory. */
struct weir_collect_reader *weir_collect_reader_create(void);
void weir_collect_reader_destroy(struct weir_collect_reader *reader);

/* Reads a batch; tracks that its texts name are found in, or added to, tracks. Returns what is wrong,
 * a static string; NULL: nothing. */
const char *weir_collect_reader_read(struct weir_collect_reader *reader, struct weir_tracks *tracks,
                                     const char *bytes, size_t length,
                                     struct weir_collect_batch *batch);

#endif
