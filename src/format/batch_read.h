/*
 * A JSON batch (format/batch.h) taken apart: nothing is copied, what is found points into its text.
 * Members that are not known here are passed over.
 */
#ifndef WEIR_FORMAT_BATCH_READ_H
#define WEIR_FORMAT_BATCH_READ_H

#include "format/batch.h"
#include "format/json.h"

struct weir_batch_reader {
    /* private */
    struct weir_json_paths paths;
};

/* The envelope. seq is a number without sign, point and exponent; created, clock and replaces are what
 * they are, WEIR_JSON_MISSING included. */
struct weir_batch_view {
    struct weir_json_value gateway;
    struct weir_json_value epoch;
    struct weir_json_value sequence;
    struct weir_json_value created;
    struct weir_json_value clock;
    struct weir_json_value replaces;
    struct weir_json_value ledger;
    struct weir_json_value summaries;
    /* private */
    const char *next; /* where the search for the next summary begins */
};

void weir_batch_reader_init(struct weir_batch_reader *reader);

/* Reads the envelope and makes sure that every summary is an object. Returns what is wrong, a
 * static string; NULL: nothing. */
const char *weir_batch_reader_open(const struct weir_batch_reader *reader, const char *text,
                                   size_t length, struct weir_batch_view *view);

/* Moves on to the next summary: its object, brackets included. False: there is none left. */
bool weir_batch_view_next(struct weir_batch_view *view, const char **text, size_t *length);

/* Moves on to the next quantile of a summary, *at being its object's text at first: its value, and
 * its thousandths. 0: there is none left. */
uint16_t weir_batch_next_quantile(const char **at, struct weir_json_value *value);

/* The ranges of replaces as they stand there, at most WEIR_BATCH_RANGE_COUNT_MAX, and their number:
 * 0 without replaces. False: it is no list of ranges, or of too many. */
bool weir_batch_view_ranges(const struct weir_batch_view *view, struct weir_batch_range *ranges,
                            uint32_t *range_count);

/* True for a number that is written in digits alone. */
bool weir_batch_is_count(const struct weir_json_value *value);

/* The same, read; false also for what 64 bits do not hold. */
bool weir_batch_read_count(const struct weir_json_value *value, uint64_t *count);

/* An integer, read; false when it has a point or an exponent, or more than 64 bits. */
bool weir_batch_read_int(const struct weir_json_value *value, int64_t *number);

#endif
