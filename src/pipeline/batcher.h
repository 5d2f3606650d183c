/*
 * The engine's batch: rows gather in it until it is sealed; then it is given out, as JSON or in
 * compact form, which may take several batches.
 *
 * What writes takes the engine, for its configuration and for the names of its series.
 */
#ifndef WEIR_PIPELINE_BATCHER_H
#define WEIR_PIPELINE_BATCHER_H

#include "core/duplicate.h"
#include "format/batch.h"
#include "pipeline/compact_batch.h"
#include "pipeline/schedule.h"
#include "weir/engine.h"

/* All of the engine's state that is not its pipeline's. Up to writer it is adopted. */
struct weir_batcher {
    bool batching;
    bool sealing;                /* the next take gives the batch out */
    bool given;                  /* the batch was given out and is to be made anew */
    bool shifting;               /* the next take gives the shift out */
    uint32_t adopted_count;      /* rows of the batch that another configuration has made */
    enum weir_batch_clock clock; /* of the messages since the last batch */
    int64_t doubted_ms;          /* the first message whose time is in doubt; INT64_MAX: none is */
    uint64_t doubted_sequence;   /* of the batch under construction then */
    struct weir_schedule schedule; /* kept without batching too: the order of summaries is not to
                                    * hang on it */
    int64_t clock_ms;
    uint64_t epoch;
    uint64_t sequence; /* of the batch under construction */
    bool filling;      /* the next take gives out a batch for the numbers that are not used */
    struct weir_engine_numbers reserved; /* given away, and not settled */
    char filler[WEIR_BATCH_EMPTY_BYTES];
    struct weir_engine_shift shift;
    struct weir_ledger losses;
    struct weir_duplicates duplicates;
    uint32_t given_count; /* rows of the batch that have left in another: they were too large */
    uint32_t given_sketches_length;
    struct weir_compact_batch_written weighed; /* the newest in compact form */
    struct weir_naming naming;
    struct weir_batch batch;
    struct weir_compact_writer writer; /* no state: all zeros while nothing is written */
    uint32_t named_series[];           /* weir_naming_size bytes, if the format is compact */
};

/* Bytes, a multiple of 64. */
uint64_t weir_batcher_size(const struct weir_config *config);

/* In zeroed memory. */
void weir_batcher_init(struct weir_batcher *batcher, const struct weir_config *config,
                       uint64_t epoch, bool batching);

/* Takes over what a batcher of another configuration holds; the schedule is that of this one. */
void weir_batcher_adopt(struct weir_batcher *batcher, const struct weir_batcher *from,
                        const struct weir_config *config);

/* True when it has rows that no batch has left with. */
bool weir_batcher_holds_any(const struct weir_batcher *batcher);

/* The next take gives the batch out, as created at clock_ms. */
void weir_batcher_seal(struct weir_batcher *batcher, int64_t clock_ms);

/* Writes a row to the batch as it is. WEIR_FULL: there is no room. */
enum weir_status weir_batcher_write(struct weir_engine *engine, const struct weir_summary *row,
                                    const struct weir_sketch *sketch);

/* Takes a summary, if there is batching, into the batch or the next one, and seals what has come to
 * enough by it. WEIR_FULL: the batch has to be given out before. */
enum weir_status weir_batcher_accept(struct weir_engine *engine, const struct weir_summary *summary,
                                     const struct weir_sketch *sketch);

/* Gives the sealed batch out; it stays sealed while it has rows that did not fit. */
void weir_batcher_give(struct weir_engine *engine, struct weir_engine_output *output);

/* Gives out, in place of the reserved numbers that are not used, an empty batch. */
void weir_batcher_give_filler(struct weir_engine *engine, struct weir_engine_output *output);

#endif
