/*
 * The rows of a compact batch, one after the other, by what the rows before say of them. Written
 * once for both directions: the codec of a writer takes what is in the row, that of a reader
 * puts it there.
 *
 * A track is a field of a series. What is remembered of each lasts for a batch.
 */
#ifndef WEIR_FORMAT_COMPACT_ROW_H
#define WEIR_FORMAT_COMPACT_ROW_H

#include "format/compact_grid.h"
#include "format/compact_model.h"
#include "weir/flow.h"
#include "weir/limits.h"
#include "weir/sketch.h"

/* Rows, and so tracks, of a batch at most: in a thousand rows most of what there is to learn has been
 * learned, and the tables stay small. */
#define WEIR_COMPACT_ROW_COUNT_MAX 1024

/* The names of a stream, each closed by a NUL: its own, then field and unit of every field. */
#define WEIR_COMPACT_STREAM_TEXT_MAX                                                               \
    (WEIR_NAME_LENGTH_MAX + 1 +                                                                    \
     WEIR_FIELD_COUNT_MAX * (WEIR_NAME_LENGTH_MAX + 1 + WEIR_UNIT_LENGTH_MAX + 1))

/* The columns of a row's values. */
enum weir_compact_column {
    WEIR_COMPACT_COLUMN_SUM,
    WEIR_COMPACT_COLUMN_MIN,
    WEIR_COMPACT_COLUMN_MAX,
    WEIR_COMPACT_COLUMN_MEAN,
    WEIR_COMPACT_COLUMN_STDDEV,
    WEIR_COMPACT_COLUMN_FIRST,
    WEIR_COMPACT_COLUMN_LAST,
    WEIR_COMPACT_COLUMN_SPAN,
};

/* What all rows of a stream have in common. */
struct weir_compact_stream {
    uint32_t stream;
    uint32_t aggregates; /* bit 1 << enum weir_aggregate: what the rows show */
    int64_t length_ms;   /* of a window, at least 1 */
    uint32_t quantile_count;
    uint16_t quantiles[WEIR_QUANTILE_COUNT_MAX]; /* thousandths, rising */
    /* private */
    uint32_t columns;
    uint32_t series;  /* declared last */
    int64_t start_ms; /* of the row before */
};

struct weir_compact_track {
    uint32_t slot; /* of the stream */
    uint32_t series;
    uint32_t field;
    uint16_t next; /* the track behind it, when it was seen last */
    bool raw;      /* its last row was not on the grid */
    bool known;    /* it has had a row on the grid */
    struct weir_compact_grid grid;
    int64_t start_ms;
    uint64_t count;
    int64_t span_ms;
    int64_t low;
    int64_t range;
    int64_t last; /* of its last row, in steps, as mean is */
    int64_t mean;
    uint32_t miss[4];     /* how far each guess of low has been off, lately, times 4 */
    uint32_t range_level; /* how large range has been, lately: its level times 32 */
    uint32_t turn;        /* what count did last: 0 stayed, 1 fell, 2 rose */
    double value;         /* of its last row, if that was not on the grid */
};

/* A text and its length; bytes are the writer's, or where a reader puts them. */
struct weir_compact_text {
    char *bytes;
    uint32_t length;
    bool there;
};

/* A row, with the names that travel with it. */
struct weir_compact_row {
    struct weir_summary summary; /* but for first_ms and last_ms; these only differ by the span */
    struct weir_compact_stream stream;
    struct weir_compact_text stream_text;
    struct weir_compact_text series_text;
    bool has_sketch; /* only where its stream has quantiles */
    struct weir_sketch sketch;
};

struct weir_compact_rows {
    struct weir_compact_codec codec;
    uint32_t stream_count;
    uint32_t track_count;
    uint32_t track;   /* of the row before, or where there is none, WEIR_COMPACT_ROW_COUNT_MAX */
    uint16_t kin[64]; /* tracks of the same field, and one more */
    int64_t created_ms;
    uint64_t count; /* of the row before */
    uint32_t name_length;
    char name[WEIR_TOPIC_LENGTH_MAX]; /* of a series, the one that was named last */
    struct weir_compact_stream streams[WEIR_STREAM_COUNT_MAX];
    struct weir_compact_track tracks[WEIR_COMPACT_ROW_COUNT_MAX];
};

/* Columns that rows with these aggregates have; quantiles lie between min and max. */
uint32_t weir_compact_columns(uint32_t aggregates, bool quantiles);

/* Makes a beginning. The codec's coder is initialised by itself. */
void weir_compact_rows_init(struct weir_compact_rows *rows, int64_t created_ms);

/* Codes where a row belongs: its track, stream and names, and returns the track's index. Encoding:
 * known is the index, below track_count or equal to it for a track that is new, whose grid is given.
 */
uint32_t weir_compact_code_track(struct weir_compact_rows *rows, struct weir_compact_row *row,
                                 uint32_t known, const struct weir_compact_grid *grid);

/* Codes the row's window, against those of its track and its stream; and its revision and count. */
void weir_compact_code_window(struct weir_compact_rows *rows, struct weir_compact_track *track,
                              struct weir_summary *summary);
void weir_compact_code_counts(struct weir_compact_rows *rows, struct weir_compact_track *track,
                              struct weir_summary *summary);

/* Codes the row's window, revision, count, values and sketch, and remembers them with the track. */
void weir_compact_code_row(struct weir_compact_rows *rows, struct weir_compact_track *track,
                           struct weir_compact_row *row);

#endif
