/*
 * When batches leave: at offset_ms after every multiple of every_ms since the epoch.
 */
#ifndef WEIR_PIPELINE_SCHEDULE_H
#define WEIR_PIPELINE_SCHEDULE_H

#include "weir/config.h"

/* Part of a snapshot, hence without padding and position-independent. */
struct weir_schedule {
    int64_t every_ms;
    int64_t offset_ms;
    int64_t next_ms; /* INT64_MIN: the time is not known yet */
};

/* By the configuration, before the time is known. */
void weir_schedule_init(struct weir_schedule *schedule, const struct weir_config *config);

/* Sets next_ms to the first time after time_ms. */
void weir_schedule_advance(struct weir_schedule *schedule, int64_t time_ms);

#endif
