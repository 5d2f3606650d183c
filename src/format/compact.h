/*
 * A batch in compact form, as docs/batch-format.md has it: written from summaries, read back into
 * them. What comes back shows what the JSON form (format/batch.h) shows; mean and deviation to
 * 1e-12 of their size, all else to the bit.
 *
 *     writer: init, prepare ... prepare, refine ... refine, begin, accept ... accept, seal
 *     reader: open, next ... next
 *
 * Both work in memory of the caller's, which may hold anything: 50 KiB of what is learned, and up to
 * 190 bytes for each field of a series. Neither is trusted by the other: whatever bytes a reader
 * is given, it takes no more memory, and time in proportion to WEIR_COMPACT_ROW_COUNT_MAX.
 */
#ifndef WEIR_FORMAT_COMPACT_H
#define WEIR_FORMAT_COMPACT_H

#include "format/batch.h"
#include "format/compact_lattice.h"
#include "format/compact_row.h"

/* The first bytes of a batch. The third is the version. */
#define WEIR_COMPACT_MAGIC "\xb7w"
#define WEIR_COMPACT_VERSION 3

/* Magic, version, length; checksum. */
#define WEIR_COMPACT_FRAME_BYTES_MAX (3 + 3 + 4)

/* A batch in all, at most. */
#define WEIR_COMPACT_BYTES_MAX WEIR_BATCH_BYTES_MAX

/* What a row takes at most, without names: every decision costs less than thirteen bits. A byte of a
 * name is eight decisions. */
#define WEIR_COMPACT_ROW_BYTES_MAX 9472
#define WEIR_COMPACT_NAME_BYTE_BYTES_MAX 13

/* Room for a batch, at least: the envelope, and one row with the longest names. */
#define WEIR_COMPACT_BYTES_MIN                                                                     \
    (WEIR_COMPACT_HEAD_BYTES_MAX + WEIR_COMPACT_ROW_BYTES_MAX +                                    \
     WEIR_COMPACT_NAME_BYTE_BYTES_MAX * (WEIR_COMPACT_STREAM_TEXT_MAX + WEIR_TOPIC_LENGTH_MAX))

/* The envelope with the longest name, the largest counts and all ranges, and the frame. */
#define WEIR_COMPACT_HEAD_BYTES_MAX 6144

/* What stands in front of the rows, as it is read. */
struct weir_compact_head {
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    uint64_t epoch;
    uint64_t sequence;
    uint64_t table; /* the sequence of the batch in which the numbering of its series began */
    int64_t created_ms;
    enum weir_batch_clock clock;
    struct weir_ledger ledger;
    struct weir_batch_range ranges[WEIR_BATCH_RANGE_COUNT_MAX];
    uint32_t range_count;
};

struct weir_compact_writer {
    /* private */
    uint8_t *bytes;
    size_t size;
    uint32_t prepared_count;
    uint32_t refined_count;
    uint32_t accepted_count;
    uint32_t found_count; /* tracks */
    uint16_t row_tracks[WEIR_COMPACT_ROW_COUNT_MAX];
    uint16_t slots[2 * WEIR_COMPACT_ROW_COUNT_MAX];
    uint16_t coded[WEIR_COMPACT_ROW_COUNT_MAX]; /* a track found: its index among the coded ones */
    struct weir_compact_found {
        uint32_t stream;
        uint32_t series;
        uint32_t field;
        bool begun;
        int64_t origin; /* ticks of the first value */
        struct weir_compact_grid grid;
    } found[WEIR_COMPACT_ROW_COUNT_MAX];
    union {
        struct weir_compact_lattice lattices[WEIR_COMPACT_ROW_COUNT_MAX]; /* until begin */
        struct weir_compact_rows rows;                                    /* from there on */
    };
};

/* Begins a batch of at most size bytes. With WEIR_COMPACT_BYTES_MIN there is room for envelope and
 * one row, whatever they are. */
void weir_compact_writer_init(struct weir_compact_writer *writer, void *bytes, size_t size);

/* Shows the writer a row, and its sketch, if it has one, so that it knows what grid its values lie on.
 * WEIR_FULL: it has seen WEIR_COMPACT_ROW_COUNT_MAX. */
enum weir_status weir_compact_writer_prepare(struct weir_compact_writer *writer,
                                             const struct weir_summary *summary,
                                             const struct weir_sketch *sketch);

/* Shows the writer a row and its sketch again, in the same order, when all have been prepared, so that
 * it finds steps that are no whole number of ticks; a row of such a series takes a byte less or more.
 * It may be left out, for all rows. */
void weir_compact_writer_refine(struct weir_compact_writer *writer,
                                const struct weir_summary *summary,
                                const struct weir_sketch *sketch);

void weir_compact_writer_begin(struct weir_compact_writer *writer,
                               const struct weir_compact_head *head);

/* Appends a row; the same, in the same order, as were prepared. The texts are borrowed for the call.
 * sketch: of the row's samples, as many as its count, if the stream has quantiles; NULL: the row has
 * none.
 * WEIR_FULL: it does not fit; nothing was changed. */
enum weir_status weir_compact_writer_accept(struct weir_compact_writer *writer,
                                            const struct weir_compact_stream *stream,
                                            const struct weir_compact_text *stream_text,
                                            const struct weir_compact_text *series_text,
                                            const struct weir_summary *summary,
                                            const struct weir_sketch *sketch);

/* Bytes of the batch as far as it is written, give or take a few. */
size_t weir_compact_writer_length(const struct weir_compact_writer *writer);

/* Ends the batch. Returns its length. */
size_t weir_compact_writer_seal(struct weir_compact_writer *writer);

struct weir_compact_reader {
    struct weir_compact_head head; /* to read, once open */
    /* private */
    uint32_t row_count;
    struct weir_compact_rows rows;
    char stream_text[WEIR_COMPACT_STREAM_TEXT_MAX];
    char series_text[WEIR_TOPIC_LENGTH_MAX];
};

/* The length of the batch that begins here, of which length bytes are there; 0: none does, or its
 * length is not there yet, or it is longer than a batch may be. */
size_t weir_compact_frame(const void *bytes, size_t length);

/* Looks at frame and checksum of exactly length bytes. Returns what is wrong, a static string; NULL:
 * nothing. */
const char *weir_compact_check(const void *bytes, size_t length);

/* Opens a batch of exactly length bytes, which stay the caller's and where they are. Returns what
 * is wrong, a static string; NULL: nothing. */
const char *weir_compact_reader_open(struct weir_compact_reader *reader, const void *bytes,
                                     size_t length);

enum weir_compact_outcome {
    WEIR_COMPACT_ROW,
    WEIR_COMPACT_END,
    WEIR_COMPACT_DAMAGED, /* what was read so far may be wrong as well */
};

/* Reads the next row. Its texts lie in the reader until the next call. */
enum weir_compact_outcome weir_compact_reader_next(struct weir_compact_reader *reader,
                                                   struct weir_compact_row *row);

#endif
