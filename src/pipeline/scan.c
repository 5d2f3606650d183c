/* What the clock does: one pass over the series of each stream with something due. */
#include <assert.h>
#include <string.h>

#include "pipeline/layout.h"
#include "pipeline/windows.h"

/* The scan's pass over the series of its stream, from where it stands. */
static enum weir_status scan_stream(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);
    const struct stream_plan *plan = stream_plan_at(pipeline, state->scan_stream);
    uint32_t series_count = index_of(pipeline, plan)->count;

    for (; state->scan_series < series_count; state->scan_series++) {
        int64_t due_ms;

        if (weir_windows_advance(pipeline, state->scan_stream, state->scan_series,
                                 state->scan_now_ms) != WEIR_OK)
            return WEIR_FULL;
        due_ms = windows_due(plan, window_of(pipeline, plan, state->scan_series));
        if (due_ms < state->scan_due_ms)
            state->scan_due_ms = due_ms;
    }
    state->streams[state->scan_stream].due_ms = state->scan_due_ms;
    return WEIR_OK;
}

/* Goes on with the scan under way, if there is one, to its end. */
static enum weir_status finish_scan(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);

    if (!state->scanning)
        return WEIR_OK;
    for (; state->scan_stream < pipeline->config->stream_count; state->scan_stream++) {
        if (state->scan_wanted[state->scan_stream] && scan_stream(pipeline) != WEIR_OK)
            return WEIR_FULL;
        state->scan_series = 0;
        state->scan_due_ms = INT64_MAX;
    }
    state->scanning = false;
    state->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        if (state->streams[i].due_ms < state->due_ms)
            state->due_ms = state->streams[i].due_ms;
    }
    return WEIR_OK;
}

/*
 * Closes what is due at now_ms (INT64_MAX: all that is open) in the streams that `wanted` names
 * (NULL: those with something due). A scan that was cut short is finished first, at its own time:
 * the caller may have moved on to a later time, or to a drain.
 */
static enum weir_status scan_streams(struct weir_pipeline *pipeline, int64_t now_ms,
                                     const bool *wanted)
{
    struct pipeline_state *state = state_of(pipeline);

    if (finish_scan(pipeline) != WEIR_OK)
        return WEIR_FULL;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        state->scan_wanted[i] = wanted ? wanted[i] : state->streams[i].due_ms <= now_ms;
    state->scanning = true;
    state->scan_now_ms = now_ms;
    state->scan_stream = 0;
    state->scan_series = 0;
    state->scan_due_ms = INT64_MAX;
    return finish_scan(pipeline);
}

enum weir_status weir_pipeline_advance(struct weir_pipeline *pipeline, int64_t now_ms)
{
    struct pipeline_state *state = state_of(pipeline);

    if (now_ms > state->clock_ms)
        state->clock_ms = now_ms;
    if (!state->scanning && weir_pipeline_deadline(pipeline) > state->clock_ms)
        return WEIR_OK;
    return scan_streams(pipeline, state->clock_ms, NULL);
}

enum weir_status weir_pipeline_drain_arrival(struct weir_pipeline *pipeline)
{
    bool wanted[WEIR_STREAM_COUNT_MAX];

    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        wanted[i] = stream_plan_at(pipeline, i)->time_unit == WEIR_TIME_ARRIVAL;
    return weir_pipeline_drain_streams(pipeline, wanted);
}

void weir_pipeline_step_clock(struct weir_pipeline *pipeline, int64_t step_ms, bool set)
{
    (void)set;
    struct pipeline_state *state = state_of(pipeline);

    assert(!state->scanning);
    state->clock_ms += step_ms;
    state->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        const struct stream_plan *plan = stream_plan_at(pipeline, i);
        struct stream_state *stream = &state->streams[i];

        if (plan->time_unit != WEIR_TIME_ARRIVAL) {
            for (uint32_t j = 0; j < index_of(pipeline, plan)->count; j++)
                window_of(pipeline, plan, j)->touched_ms += step_ms;
            if (stream->due_ms != INT64_MAX)
                stream->due_ms += step_ms;
        }
        if (stream->due_ms < state->due_ms)
            state->due_ms = stream->due_ms;
    }
}

enum weir_status weir_pipeline_drain(struct weir_pipeline *pipeline)
{
    bool all[WEIR_STREAM_COUNT_MAX];

    memset(all, true, sizeof(all));
    return weir_pipeline_drain_streams(pipeline, all);
}

enum weir_status weir_pipeline_drain_streams(struct weir_pipeline *pipeline, const bool *wanted)
{
    return scan_streams(pipeline, INT64_MAX, wanted);
}

int64_t weir_pipeline_deadline(const struct weir_pipeline *pipeline)
{
    return state_of(pipeline)->due_ms;
}
