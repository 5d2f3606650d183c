/*
 * How the arena is divided. First the plans, which follow from the configuration
 * (and learn the shape of payloads, which changes no output); then the state: a
 * head, the storms of the rules, and for each stream its index of series and their records. A
 * record is the alert states of the stream's rules, the series' windows, and then what some rules
 * need besides. Everything is found by offset from the arena's start.
 */
#ifndef WEIR_PIPELINE_LAYOUT_H
#define WEIR_PIPELINE_LAYOUT_H

#include "core/alert_policy.h"
#include "core/alert_storm.h"
#include "core/filter.h"
#include "core/pairs.h"
#include "core/series.h"
#include "core/slope.h"
#include "core/window.h"
#include "format/json.h"
#include "format/json_shape.h"
#include "weir/pipeline.h"

/* A field's door: what may pass as a sample. */
struct field_plan {
    double min;
    double max;
    double invalid[WEIR_INVALID_COUNT_MAX];
    uint32_t invalid_count;
    uint32_t rule_first; /* the plain rules on this field: rules[rule_first .. +rule_count) */
    uint32_t rule_count;
};

/* A rule on samples of one field is plain; one that looks at windows, at other fields or at none is
 * not. Offsets are from the beginning of a record. */
struct rule_plan {
    struct weir_alert_rule rule;
    uint32_t config_index;
    uint32_t field;
    bool on_window;
    uint16_t of_quantile;
    enum weir_aggregate of;
    bool has_minus_field;
    bool has_minus_series;
    uint32_t minus_field;
    uint32_t and_field;
    uint32_t fields; /* bits 1 << field of those it looks at; with SILENCE all */
    struct weir_slope_shape slope;
    double slope_unit_ms;
    uint32_t flaps_offset;
    uint32_t slope_offset;
    uint32_t pairs_offset;
    uint32_t storm_count;
    int64_t storm_ms;
    uint64_t storm_offset; /* in the arena */
};

struct stream_plan {
    struct weir_window_shape shape;
    enum weir_payload_format format;
    enum weir_time_unit time_unit;
    int64_t max_future_ms;
    int64_t idle_ms;
    uint32_t filter_count;
    uint32_t field_count;
    uint32_t rule_count;
    uint32_t plain_count; /* of them; they come first, by field */
    uint32_t window_rule_count;
    uint32_t record_size;      /* a multiple of 64 */
    uint32_t live_offset;      /* in a record; with rules on windows */
    uint32_t close_output_max; /* outputs that closing one window can cause */
    bool has_historical;       /* the last of the paths tells it */
    int64_t max_past_ms;
    int64_t silence_min_ms;  /* no rule counts a shorter silence; INT64_MAX: none counts any */
    uint64_t filters_offset; /* struct weir_filter[filter_count] */
    uint64_t index_offset;
    uint64_t records_offset;
    struct field_plan fields[WEIR_FIELD_COUNT_MAX];
    struct rule_plan rules[WEIR_STREAM_RULE_COUNT_MAX];
    struct weir_json_shape shape_cache; /* of what the stream's devices send */
    struct weir_json_paths paths;       /* of the fields, of the time, of historical */
};

/* Which windows of a series hold samples that are not of the past: all from the first such sample
 * to the newest, but for those within the last gap that samples of the past have filled. */
struct series_live {
    int64_t first_ms; /* event times of such samples */
    int64_t newest_ms;
    int64_t gap_from_ms;
    int64_t gap_to_ms;
    uint64_t heard;
    uint64_t interrupted; /* a sample of the past came after the newest */
};

struct stream_state {
    int64_t due_ms;       /* nothing of the stream is due before */
    int64_t rules_due_ms; /* nothing of its rules is */
};

/* The head of the state. */
struct pipeline_state {
    int64_t clock_ms;     /* the newest time told */
    int64_t due_ms;       /* nothing at all is due before */
    int64_t skipped_ms;   /* of the clock's time: steps and pauses; the rest is up time */
    int64_t unheard_ms;   /* of up time: messages could not come */
    int64_t link_down_ms; /* up time at which the link went down, while it is */
    bool link_down;
    struct weir_ledger ledger;
    uint64_t output_first;
    uint64_t output_count;
    bool
        scanning; /* a scan was cut short: where it stands, its time, and the streams it is about */
    uint32_t scan_stream;
    uint32_t scan_series;
    int64_t scan_now_ms;
    int64_t scan_due_ms; /* the earliest found so far in scan_stream */
    int64_t scan_rules_due_ms;
    bool scan_wanted[WEIR_STREAM_COUNT_MAX];
    bool scan_rules[WEIR_STREAM_COUNT_MAX]; /* where rules are due, and not only windows */
    struct stream_state streams[WEIR_STREAM_COUNT_MAX];
};

/* The bytes that a rule needs in every record behind states and windows; and the plans of all rules
 * of a stream, with those bytes at extras_offset of the record. */
uint64_t weir_layout_rule_bytes(const struct weir_rule_config *config);
void weir_layout_plan_rules(struct stream_plan *plan, const struct weir_config *config,
                            uint32_t stream, uint64_t extras_offset, uint64_t storms_offset);

/* The series of this name, made if new; WEIR_SERIES_NONE: there is no room for it. */
uint32_t weir_layout_make_series(const struct weir_pipeline *pipeline,
                                 const struct stream_plan *plan, const char *name, size_t length);

/* Closes the open windows of the streams that are true in wanted, one entry a stream. WEIR_FULL as
 * weir_pipeline_advance. */
enum weir_status weir_pipeline_drain_streams(struct weir_pipeline *pipeline, const bool *wanted);

static inline struct stream_plan *stream_plan_at(const struct weir_pipeline *pipeline,
                                                 uint32_t stream)
{
    return (struct stream_plan *)(pipeline->arena + pipeline->plans_offset) + stream;
}

static inline struct pipeline_state *state_of(const struct weir_pipeline *pipeline)
{
    return (struct pipeline_state *)(pipeline->arena + pipeline->state_offset);
}

/* Something of the stream may be due at due_ms: of the scan under way, too. */
static inline void expect_due(struct weir_pipeline *pipeline, uint32_t stream, int64_t due_ms)
{
    struct pipeline_state *state = state_of(pipeline);

    if (due_ms < state->streams[stream].due_ms)
        state->streams[stream].due_ms = due_ms;
    if (state->scanning && state->scan_stream == stream && due_ms < state->scan_due_ms)
        state->scan_due_ms = due_ms;
    if (due_ms < state->due_ms)
        state->due_ms = due_ms;
}

/* Something of the stream's rules may be. */
static inline void expect_rules_due(struct weir_pipeline *pipeline, uint32_t stream, int64_t due_ms)
{
    struct pipeline_state *state = state_of(pipeline);

    if (due_ms < state->streams[stream].rules_due_ms)
        state->streams[stream].rules_due_ms = due_ms;
    if (state->scanning && state->scan_stream == stream && due_ms < state->scan_rules_due_ms)
        state->scan_rules_due_ms = due_ms;
    expect_due(pipeline, stream, due_ms);
}

static inline struct weir_series_index *index_of(const struct weir_pipeline *pipeline,
                                                 const struct stream_plan *plan)
{
    return (struct weir_series_index *)(pipeline->arena + plan->index_offset);
}

static inline struct weir_alert_state *alerts_of(const struct weir_pipeline *pipeline,
                                                 const struct stream_plan *plan, uint32_t series)
{
    return (struct weir_alert_state *)(pipeline->arena + plan->records_offset +
                                       (uint64_t)series * plan->record_size);
}

static inline struct weir_window *window_of(const struct weir_pipeline *pipeline,
                                            const struct stream_plan *plan, uint32_t series)
{
    return (struct weir_window *)(alerts_of(pipeline, plan, series) + plan->rule_count);
}

/* With rules on windows. */
static inline struct series_live *live_of(const struct weir_pipeline *pipeline,
                                          const struct stream_plan *plan, uint32_t series)
{
    return (struct series_live *)((char *)alerts_of(pipeline, plan, series) + plan->live_offset);
}

#endif
