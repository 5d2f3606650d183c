/*
 * The rules of the streams: what samples, windows and the clock do to their alerts.
 */
#ifndef WEIR_PIPELINE_RULES_H
#define WEIR_PIPELINE_RULES_H

#include "pipeline/alerts.h"
#include "pipeline/decode.h"

/* Shows a reading to the rules of its fields. There has to be room for a message's outputs. */
void weir_rules_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                       const struct reading *reading);

/* Shows the rows of a window that has closed to the rules on windows. There has to be room for the
 * stream's close_output_max, less the rows. */
void weir_rules_close(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                      const struct weir_summary *rows, uint32_t count);

/* Windows of the stream were closed before their time: what comes of the rest of each is judged as a
 * window of its own. */
void weir_rules_reopen(struct weir_pipeline *pipeline, uint32_t stream);

/* Judges a value of a window that ended at end_ms. */
void weir_rules_judge_window(const struct alert_place *place, double value, int64_t end_ms,
                             const struct weir_alert_time *now);

/* Does what is due at clock_ms; WEIR_FULL: part of it waits. *due_ms: when there is more. */
enum weir_status weir_rules_advance(struct weir_pipeline *pipeline, uint32_t stream,
                                    uint32_t series, int64_t clock_ms, int64_t *due_ms);

/* The same for the storms of the stream's rules. */
enum weir_status weir_rules_advance_storms(struct weir_pipeline *pipeline, uint32_t stream,
                                           int64_t clock_ms, int64_t *due_ms);

#endif
