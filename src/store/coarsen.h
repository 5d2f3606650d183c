/*
 * Old batches made coarser: a run of consecutive batches becomes fewer, in which the rows of a
 * field of a series that fall into one bucket [k * window, (k + 1) * window) from the epoch are one
 * row. So a full outbox keeps the whole of its time, at less detail, where it would lose the
 * oldest.
 *
 *     init, accept ... accept, seal, take ... take
 *
 * A batch comes as its payload, JSON (format/batch.h) or compact (format/compact.h), and its side
 * table: one summary for each row, in the same order, with all moments, whichever of them the row
 * shows, and the sketches of the rows that show quantiles (format/sketch_list.h). Names, units and the
 * aggregates shown are read from JSON, quantiles from the sketches; stream, series and field of
 * the side table are only passed on. In compact form these are the numbers of the row, and the names
 * that came with a run go with what is made of it, no more and no fewer: whoever gets the new
 * batches in place of the old is told as much.
 *
 * What is made has the form of the run.
 *
 * A merged row has the smallest start and the largest end of the rows it stands for, revision 0,
 * their counts and sums added, the moments of all their samples together, and the very sketch that
 * all their samples would have made. So two parts of a
 * bucket, from two runs, stay two rows that do not overlap, and merge when they meet in a third.
 * It passes on stream, series and field of the newest row in it, and stands where the first stood.
 *
 * These rows pass unchanged:
 *   - whose window is the bucket's or longer, or does not lie within one bucket;
 *   - a revision without its row of revision 0 in front of it in the run. That one has left
 *     already, alone or in a merged row; merging its revision would count it twice;
 *   - what is alone in its bucket.
 * Of a window with all its revisions in the run the highest alone is merged. A second row of
 * revision 0 of the same window has other samples (the stream was changed within it): both count.
 *
 * A row says what its stream shows, but for what it had to leave out (a rate over no time). Such a
 * gap is filled from the stream's other rows; where none of the run shows the aggregate, a merged
 * row does not either. Rows of a stream that show different aggregates, quantiles or units do not
 * merge.
 *
 * The batches made have gateway, epoch, created and ledger of the newest batch of the run. The
 * first carries `replaces`: the seqs of all batches of the run, and of those that they replace. The
 * others carry none: batches leave in order and stay until acknowledged, so whoever has one of them
 * has the first.
 *
 * A run has one clock (format/batch.h), which the batches made have too: a batch with another ends
 * it. Rows whose times are in doubt and rows whose are not do not merge.
 *
 * Pure: no clock, no I/O, no heap. Nothing in a batch or its table is trusted.
 */
#ifndef WEIR_STORE_COARSEN_H
#define WEIR_STORE_COARSEN_H

#include "format/batch.h"

/* Rows of a run: no fewer, so that any one batch fits an empty run. */
#define WEIR_COARSEN_ROW_COUNT_MIN 8192

/* And no more: sizes stay within 32 bits. */
#define WEIR_COARSEN_ROW_COUNT_MAX (1 << 24)

/* Bytes of rows of a batch that is made: no fewer, so that any one row fits behind all ranges. */
#define WEIR_COARSEN_BATCH_BYTES_MIN 16384

struct weir_coarsen;

struct weir_coarsen_batch {
    const char *bytes; /* valid, as rows is, until the next take */
    size_t length;
    const struct weir_summary *rows; /* the side table */
    uint32_t row_count;
    const unsigned char *sketches; /* of the rows */
    uint32_t sketches_length;
};

/* What became of the rows of a run. */
struct weir_coarsen_counts {
    uint32_t shifted; /* rows whose times were put right */
    uint32_t rows_in;
    uint32_t rows_out;
    uint32_t coarsened; /* of rows_in: those that are one row with others now, revisions included */
};

/*
 * Bytes of work area for runs of at most row_max rows, of half as many series and fields, and of
 * names and sketches of 32 bytes a row on average each. 3.2 MiB for WEIR_COARSEN_ROW_COUNT_MIN, and
 * in proportion.
 */
uint64_t weir_coarsen_size(uint32_t row_max);

/*
 * Begins a run in weir_coarsen_size(row_max) bytes of 8-byte aligned memory, which may hold
 * anything. window_ms, 1 or more, is the bucket's length; the rows of each batch that is made take
 * at most batch_bytes_max bytes (and no more than WEIR_BATCH_BYTES_MAX) together with its replaces.
 * The run lies in that memory, and refers to itself by address.
 */
struct weir_coarsen *weir_coarsen_init(void *work, uint32_t row_max, int64_t window_ms,
                                       uint64_t batch_bytes_max);

/*
 * In place of making rows coarser, puts right the times of those that are in doubt: they, and the
 * time their batches were created at, are later by step_ms. Called behind init, with a window of
 * 1 ms, in which nothing merges.
 */
void weir_coarsen_shift(struct weir_coarsen *coarsen, int64_t step_ms);

/*
 * Adds the next batch, the oldest first. What it consists of is borrowed for the call.
 *
 * WEIR_FULL: it does not fit into this run any more; it is of another gateway or epoch, whose seqs
 * mean other batches, or has another clock; it is of another form, or of another table, whose numbers
 * mean other series; end the run before it. Never the answer to the first batch of a run.
 * WEIR_REFUSED: damaged, or text and side table disagree; or its names alone are too much for a run;
 * or it replaces what takes more than
 * WEIR_BATCH_RANGE_COUNT_MAX ranges by itself; the batch is to stay what it is, and the run ends
 * before it, since rows are not to change their order.
 * The run is unchanged in both cases.
 */
enum weir_status weir_coarsen_accept(struct weir_coarsen *coarsen, const char *payload,
                                     size_t length, const struct weir_summary *rows,
                                     uint32_t row_count, const unsigned char *sketches,
                                     uint32_t sketches_length);

/* Ends the run and merges. Returns the number of batches that take will give, 0 for a run without
 * rows. Called once. */
uint32_t weir_coarsen_seal(struct weir_coarsen *coarsen);

/* What sealing has come to. A caller to whom that is too little leaves the run where it is. */
void weir_coarsen_count(const struct weir_coarsen *coarsen, struct weir_coarsen_counts *counts);

/* Gives the next batch of the sealed run out under the given seq. False: all are taken. */
bool weir_coarsen_take(struct weir_coarsen *coarsen, uint64_t sequence,
                       struct weir_coarsen_batch *batch);

#endif
