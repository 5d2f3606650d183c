/*
 * Batches in compact form made from the engine's rows: which names travel with which, and what is
 * kept for that.
 *
 * Series are numbered as the pipeline numbers them; the numbering of a batch is its table, named by
 * the sequence of the first batch that had it. It changes with the epoch and with the configuration.
 *
 * A name travels with the first row of its series in a round. A round ends after
 * WEIR_NAMING_ROUND batches, and whenever batches were dropped, which may have held names. So what
 * a reader has to know is in batches no older than a round, and a batch that is lost costs names
 * until the next. Batches that are made coarser keep the names of those they stand for.
 */
#ifndef WEIR_PIPELINE_COMPACT_BATCH_H
#define WEIR_PIPELINE_COMPACT_BATCH_H

#include "format/compact.h"
#include "weir/pipeline.h"

/* Batches of a round: an hour at one a minute. A name weighs a few rows, so even where every series
 * has but one row in a batch, names are a tenth of what goes out. */
#define WEIR_NAMING_ROUND 64

/* Position-independent; zeroed memory is a beginning. */
struct weir_naming {
    /* private */
    uint64_t table;                          /* 0: the next batch begins one */
    uint64_t first;                          /* sequence of the first batch of the round */
    uint64_t dropped;                        /* batches, when the round began */
    uint32_t round;                          /* counts from 1 */
    uint32_t streams[WEIR_STREAM_COUNT_MAX]; /* the round in which each was named last */
};

/* Bytes of the rounds in which series were named last: a uint32_t each, zeroed at the beginning. */
uint64_t weir_naming_size(const struct weir_config *config);

/* Ends the numbering: there is another epoch. */
void weir_naming_end(struct weir_naming *naming);

struct weir_compact_batch {
    struct weir_naming *naming;
    uint32_t *series;                   /* weir_naming_size bytes */
    struct weir_compact_writer *writer; /* all zeros, before and after: it is no state */
    const struct weir_config *config;
    const struct weir_pipeline *pipeline;
};

/* Rows and their sketches, as they stand in an engine's batch. */
struct weir_compact_batch_rows {
    const struct weir_summary *rows;
    uint32_t row_count;
    const unsigned char *sketches; /* format/sketch_list.h */
    size_t sketches_length;
};

/* Where a batch goes. */
struct weir_compact_batch_room {
    void *bytes;
    size_t size;
    size_t enough; /* no row is added to a batch that has come to so many bytes */
};

struct weir_compact_batch_written {
    size_t length;
    size_t head_length; /* of it what does not grow with the rows, give or take a few bytes */
    uint32_t row_count;
};

/* Writes as many of the rows as there is room for: at least one. The head's table is filled in. */
struct weir_compact_batch_written
weir_compact_batch_write(const struct weir_compact_batch *batch, struct weir_compact_head *head,
                         const struct weir_compact_batch_rows *rows,
                         const struct weir_compact_batch_room *room);

/* Writes a batch without rows, at most WEIR_BATCH_EMPTY_BYTES; returns its length. */
size_t weir_compact_batch_write_empty(struct weir_compact_writer *writer,
                                      char bytes[static WEIR_BATCH_EMPTY_BYTES],
                                      const struct weir_batch_head *head);

#endif
