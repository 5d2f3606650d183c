/*
 * A JSON batch (format/batch.h) taken apart: nothing is copied, what is found points into its text.
 * Members that are not known here are passed over.
 */
#ifndef WEIR_FORMAT_BATCH_READ_H
#define WEIR_FORMAT_BATCH_READ_H

#include "format/json.h"

struct weir_batch_reader {
    /* private */
    struct weir_json_paths paths;
};

/* The envelope. seq is a number without sign, point and exponent. */
struct weir_batch_view {
    struct weir_json_value gateway;
    struct weir_json_value epoch;
    struct weir_json_value sequence;
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

/* True for a number that is written in digits alone. */
bool weir_batch_is_count(const struct weir_json_value *value);

#endif
