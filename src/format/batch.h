/*
 * A batch in JSON, put together row by row in one buffer: rows are appended behind a gap, and
 * sealing writes the envelope into the gap in front of them, so nothing is copied.
 *
 *     {"schema":"weir.batch/1","gateway":...,"epoch":...,"seq":...,"created":...,"ledger":{...},
 *      "summaries":[{...},...]}
 *
 * Behind created stand "clock":"unsynchronised" or "corrected", where it is one of these, and of a
 * batch that takes the place of others "replaces":[[FIRST,LAST],...]: the ranges of their seqs, both
 * ends included.
 */
#ifndef WEIR_FORMAT_BATCH_H
#define WEIR_FORMAT_BATCH_H

#include "format/encode.h"
#include "weir/limits.h"

/* Ranges of a batch: what falls out of an outbox is consecutive but for what left it otherwise. */
#define WEIR_BATCH_RANGE_COUNT_MAX 64

/* Bytes of a range: two numbers, brackets and commas. */
#define WEIR_BATCH_RANGE_BYTES_MAX 44

/* A ledger as text, braces included: every count at its longest, and room for counts to come. */
#define WEIR_BATCH_LEDGER_BYTES_MAX 1024

/* The gap: the envelope with the longest names and counts, the longest ledger and all ranges. */
#define WEIR_BATCH_HEAD_BYTES 4608

/* Bytes of an epoch as text. */
#define WEIR_EPOCH_LENGTH 16

/* Sequence numbers, first <= last. */
struct weir_batch_range {
    uint64_t first;
    uint64_t last;
};

/* Of the messages behind a batch. */
enum weir_batch_clock {
    WEIR_BATCH_CLOCK_RIGHT,
    WEIR_BATCH_CLOCK_UNSYNCHRONISED, /* some arrived before the clock was known to be right */
    WEIR_BATCH_CLOCK_CORRECTED,      /* and their times have been put right since */
};

struct weir_batch_head {
    const char *gateway;
    uint64_t epoch;
    uint64_t sequence;
    int64_t created_ms;
    enum weir_batch_clock clock;
    const struct weir_ledger *ledger;
    const char *ledger_text; /* in place of ledger, if not NULL: braces included, at most */
    size_t ledger_length;    /* WEIR_BATCH_LEDGER_BYTES_MAX */
    const struct weir_batch_range *ranges; /* of replaces */
    uint32_t range_count;                  /* 0: no replaces */
};

/* Rows of a batch at most. As JSON those of the shortest names fill it before; of the compact form
 * it is the limit. */
#define WEIR_BATCH_ROW_COUNT_MAX 1024

/* Sketches of a batch's rows: as much as of the rows themselves. Those of 60 samples that are all
 * different, the largest that are common, fill it with 120 rows. */
#define WEIR_BATCH_SKETCH_BYTES_MAX WEIR_BATCH_BYTES_MAX

/* A batch under construction; position-independent. */
struct weir_batch {
    uint32_t row_count; /* to read */
    /* private */
    uint32_t rows_length;
    uint32_t rows_max;
    uint32_t sketches_length; /* to read */
    uint32_t sketches_max;
    struct weir_summary rows[WEIR_BATCH_ROW_COUNT_MAX]; /* to read: what the text was made from */
    char bytes[WEIR_BATCH_HEAD_BYTES + WEIR_BATCH_BYTES_MAX];
    /* To read: as format/sketch_list.h. Last, so that without quantiles it is never touched. */
    unsigned char sketches[WEIR_BATCH_SKETCH_BYTES_MAX];
};

/* The word for a clock that is not right; NULL for one that is. */
const char *weir_batch_clock_name(enum weir_batch_clock clock);

/* Makes an empty batch whose rows take at most size_max bytes, and never more than
 * WEIR_BATCH_BYTES_MAX; their sketches likewise. */
void weir_batch_init(struct weir_batch *batch, uint64_t size_max);

/* Appends a row, and its sketch if it is not NULL. WEIR_FULL: they do not fit; nothing was
 * changed. */
enum weir_status weir_batch_accept(struct weir_batch *batch,
                                   const struct weir_stream_config *stream, const char *series,
                                   const struct weir_summary *summary,
                                   const struct weir_sketch *sketch);

/* Appends a row and its sketch, if it is not NULL, and no text: for a batch whose bytes are made
 * otherwise. */
enum weir_status weir_batch_accept_row(struct weir_batch *batch,
                                       const struct weir_stream_config *stream,
                                       const struct weir_summary *summary,
                                       const struct weir_sketch *sketch);

/* The envelope up to where the rows begin; they end with "]}". */
void weir_batch_write_head(struct weir_text *text, const struct weir_batch_head *head);

/* Closes the batch. Returns its bytes, which lie in the batch until it is made anew, and their
 * length. */
const char *weir_batch_seal(struct weir_batch *batch, const struct weir_batch_head *head,
                            size_t *length);

/* The longest batch without rows. */
#define WEIR_BATCH_EMPTY_BYTES (WEIR_BATCH_HEAD_BYTES + 2)

/* Writes a batch without rows; returns its length. */
size_t weir_batch_seal_empty(char bytes[static WEIR_BATCH_EMPTY_BYTES],
                             const struct weir_batch_head *head);

#endif
