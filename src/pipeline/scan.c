/* What the clock does: one pass over the series of each stream with something due. */
#include <string.h>

#include "pipeline/rules.h"
#include "pipeline/windows.h"

static int64_t earlier(int64_t left_ms, int64_t right_ms)
{
    return left_ms < right_ms ? left_ms : right_ms;
}

/* What is due of one series. */
static enum weir_status scan_series(struct weir_pipeline *pipeline, uint32_t stream,
                                    uint32_t series, int64_t clock_ms)
{
    struct pipeline_state *state = state_of(pipeline);
    const struct stream_plan *plan = stream_plan_at(pipeline, stream);
    int64_t due_ms;

    if (weir_windows_advance(pipeline, stream, series, state->scan_now_ms) != WEIR_OK)
        return WEIR_FULL;
    if (state->scan_rules[stream]) {
        if (weir_rules_advance(pipeline, stream, series, clock_ms, &due_ms) != WEIR_OK)
            return WEIR_FULL;
        state->scan_rules_due_ms = earlier(state->scan_rules_due_ms, due_ms);
    }
    due_ms = windows_due(plan, window_of(pipeline, plan, series));
    state->scan_due_ms = earlier(state->scan_due_ms, due_ms);
    return WEIR_OK;
}

/* The scan's pass over the series of its stream, from where it stands. */
static enum weir_status scan_stream(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);
    uint32_t stream = state->scan_stream;
    struct stream_state *stream_state = &state->streams[stream];
    int64_t clock_ms = earlier(state->scan_now_ms, state->clock_ms);
    uint32_t series_count = index_of(pipeline, stream_plan_at(pipeline, stream))->count;

    for (; state->scan_series < series_count; state->scan_series++) {
        if (scan_series(pipeline, stream, state->scan_series, clock_ms) != WEIR_OK)
            return WEIR_FULL;
    }
    if (state->scan_rules[stream]) {
        int64_t due_ms;

        if (weir_rules_advance_storms(pipeline, stream, clock_ms, &due_ms) != WEIR_OK)
            return WEIR_FULL;
        stream_state->rules_due_ms = earlier(state->scan_rules_due_ms, due_ms);
    }
    stream_state->due_ms = earlier(state->scan_due_ms, stream_state->rules_due_ms);
    return WEIR_OK;
}

static void begin_stream(struct pipeline_state *state, uint32_t stream)
{
    state->scan_stream = stream;
    state->scan_series = 0;
    state->scan_due_ms = INT64_MAX;
    state->scan_rules_due_ms = INT64_MAX;
}

/* Goes on with the scan under way, if there is one, to its end. */
static enum weir_status finish_scan(struct weir_pipeline *pipeline)
{
    struct pipeline_state *state = state_of(pipeline);

    if (!state->scanning)
        return WEIR_OK;
    while (state->scan_stream < pipeline->config->stream_count) {
        if (state->scan_wanted[state->scan_stream] && scan_stream(pipeline) != WEIR_OK)
            return WEIR_FULL;
        begin_stream(state, state->scan_stream + 1);
    }
    state->scanning = false;
    state->due_ms = INT64_MAX;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        state->due_ms = earlier(state->due_ms, state->streams[i].due_ms);
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
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        state->scan_wanted[i] = wanted ? wanted[i] : state->streams[i].due_ms <= now_ms;
        state->scan_rules[i] = state->streams[i].rules_due_ms <= earlier(now_ms, state->clock_ms);
    }
    state->scanning = true;
    state->scan_now_ms = now_ms;
    begin_stream(state, 0);
    return finish_scan(pipeline);
}

enum weir_status weir_pipeline_advance(struct weir_pipeline *pipeline, int64_t now_ms)
{
    struct pipeline_state *state = state_of(pipeline);
    bool first = state->clock_ms == INT64_MIN;

    if (now_ms > state->clock_ms)
        state->clock_ms = now_ms;
    if (first && state->clock_ms != INT64_MIN)
        weir_alerts_arm(pipeline);
    /* What one series does can make something due for one that the scan has passed. */
    while (state->scanning || state->due_ms <= state->clock_ms) {
        if (scan_streams(pipeline, state->clock_ms, NULL) != WEIR_OK)
            return WEIR_FULL;
    }
    return WEIR_OK;
}

enum weir_status weir_pipeline_drain_arrival(struct weir_pipeline *pipeline)
{
    bool wanted[WEIR_STREAM_COUNT_MAX];

    for (uint32_t i = 0; i < pipeline->config->stream_count; i++)
        wanted[i] = stream_plan_at(pipeline, i)->time_unit == WEIR_TIME_ARRIVAL;
    return weir_pipeline_drain_streams(pipeline, wanted);
}

enum weir_status weir_pipeline_drain(struct weir_pipeline *pipeline)
{
    bool all[WEIR_STREAM_COUNT_MAX];

    memset(all, true, sizeof(all));
    return weir_pipeline_drain_streams(pipeline, all);
}

enum weir_status weir_pipeline_drain_streams(struct weir_pipeline *pipeline, const bool *wanted)
{
    if (scan_streams(pipeline, INT64_MAX, wanted) != WEIR_OK)
        return WEIR_FULL;
    for (uint32_t i = 0; i < pipeline->config->stream_count; i++) {
        if (wanted[i])
            weir_rules_reopen(pipeline, i);
    }
    return weir_pipeline_advance(pipeline, state_of(pipeline)->clock_ms);
}

int64_t weir_pipeline_deadline(const struct weir_pipeline *pipeline)
{
    return state_of(pipeline)->due_ms;
}
