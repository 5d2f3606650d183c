/*
 * The windows of the streams' series: samples into them, rows out of them.
 */
#ifndef WEIR_PIPELINE_WINDOWS_H
#define WEIR_PIPELINE_WINDOWS_H

#include "pipeline/decode.h"

/* Moves the series' watermark to a reading, and closes what that makes due. There has to be room
 * for it. */
void weir_windows_observe(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                          const struct reading *reading);

/* Counts the values of a reading in their windows. */
void weir_windows_accept(struct weir_pipeline *pipeline, uint32_t stream, uint32_t series,
                         const struct reading *reading);

/* Closes what is due at now_ms, or all when it is INT64_MAX. WEIR_FULL: part of it waits. */
enum weir_status weir_windows_advance(struct weir_pipeline *pipeline, uint32_t stream,
                                      uint32_t series, int64_t now_ms);

/* When the windows of a series are due by the clock alone; INT64_MAX: never. */
static inline int64_t windows_due(const struct stream_plan *plan, const struct weir_window *window)
{
    if (window->open_count == 0)
        return INT64_MAX;
    return plan->time_unit == WEIR_TIME_ARRIVAL ? window->close_ms
                                                : window->touched_ms + plan->idle_ms;
}

#endif
