/*
 * A message as one stream reads it: event time and values.
 */
#ifndef WEIR_PIPELINE_DECODE_H
#define WEIR_PIPELINE_DECODE_H

#include "pipeline/layout.h"

struct reading {
    int64_t time_ms;
    uint32_t valid;   /* a bit 1 << field for each field that has a value, */
    uint32_t count;   /* so many */
    uint32_t invalid; /* a bit for each that has one of no use */
    bool past;        /* historical, or retained: it moves no alert */
    double values[WEIR_FIELD_COUNT_MAX];
};

static inline bool reading_has(const struct reading *reading, uint32_t field)
{
    return (reading->valid >> field & 1) != 0;
}

/* Counts the values in the ledger and keeps the valid ones. False: the message is not in the
 * stream's format, and nothing was counted. */
bool weir_decode_read(struct weir_pipeline *pipeline, struct stream_plan *plan,
                      const struct weir_message *message, struct reading *reading);

#endif
