#include "pipeline/layout.h"

#include <string.h>

#include "core/assert.h"

struct layout {
    uint64_t plans_offset;
    uint64_t outputs_offset;
    uint64_t sketches_offset; /* one for each output, if a stream asks for quantiles */
    uint64_t state_offset;
    uint64_t storms_offset;
    uint64_t records_offset; /* of the first index and its records */
    uint64_t total_size;
    uint32_t output_max;         /* a power of two */
    uint32_t message_output_max; /* outputs one message can cause */
};

/* Outputs that may wait at least: enough that closing many windows is not one call each. */
#define OUTPUT_COUNT_MIN 256

static uint64_t round_up_64(uint64_t bytes)
{
    return (bytes + 63) & ~(uint64_t)63;
}

static uint32_t count_stream_rules(const struct weir_config *config, uint32_t stream,
                                   bool on_window_only)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < config->rule_count; i++)
        count +=
            config->rules[i].stream == stream && (config->rules[i].on_window || !on_window_only);
    return count;
}

static struct weir_window_shape window_shape(const struct weir_stream_config *stream)
{
    return (struct weir_window_shape){
        .length_ms = stream->window_ms,
        .lateness_ms = stream->lateness_ms,
        .pane_count = weir_stream_pane_count(stream),
        .field_count = stream->field_count,
        .hold = stream->revise,
        .sketched = stream->quantile_count > 0,
    };
}

/* Where the rules' extras begin. */
static uint64_t extras_offset(const struct weir_config *config, uint32_t stream)
{
    struct weir_window_shape shape = window_shape(&config->streams[stream]);

    return count_stream_rules(config, stream, false) * sizeof(struct weir_alert_state) +
           weir_window_size(&shape);
}

static uint64_t record_size(const struct weir_config *config, uint32_t stream)
{
    uint64_t size = extras_offset(config, stream);

    if (count_stream_rules(config, stream, true) > 0)
        size += sizeof(struct series_live);
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (config->rules[i].stream == stream)
            size += weir_layout_rule_bytes(&config->rules[i]);
    }
    return round_up_64(size);
}

/* Outputs of rules: `fresh`, a change for each value judged, the storm that it may begin. */
static uint64_t rule_output_max(const struct weir_config *config,
                                const struct weir_rule_config *rule)
{
    return rule->on_window ? weir_stream_pane_count(&config->streams[rule->stream]) + 3 : 3;
}

static bool has_quantiles(const struct weir_config *config)
{
    bool found = false;

    for (uint32_t i = 0; i < config->stream_count; i++)
        found |= config->streams[i].quantile_count > 0;
    return found;
}

static void count_outputs(const struct weir_config *config, struct layout *layout)
{
    uint64_t message_max = 0;

    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        message_max += (uint64_t)(weir_stream_pane_count(stream) + 1) * stream->field_count;
    }
    for (uint32_t i = 0; i < config->rule_count; i++)
        message_max += rule_output_max(config, &config->rules[i]);
    layout->message_output_max = (uint32_t)message_max;
    layout->output_max = OUTPUT_COUNT_MIN;
    while (layout->output_max < message_max)
        layout->output_max *= 2;
}

static uint64_t sketch_size(const struct weir_stream_config *stream)
{
    if (stream->quantile_count == 0)
        return 0;
    return (uint64_t)weir_stream_pane_count(stream) * stream->field_count *
           sizeof(struct weir_sketch);
}

/* plans may be NULL. */
static void compute_layout(const struct weir_config *config, struct layout *layout,
                           struct weir_stream_plan *plans)
{
    uint64_t at = 0;

    count_outputs(config, layout);
    layout->plans_offset = at;
    at += round_up_64(config->stream_count * sizeof(struct stream_plan));
    for (uint32_t i = 0; i < config->stream_count; i++)
        at += round_up_64(config->streams[i].filter_count * sizeof(struct weir_filter));
    layout->outputs_offset = at;
    at += round_up_64(layout->output_max * sizeof(struct weir_output));
    layout->sketches_offset = at;
    if (has_quantiles(config))
        at += round_up_64(layout->output_max * sizeof(struct weir_sketch));
    layout->state_offset = at;
    at += round_up_64(sizeof(struct pipeline_state));
    layout->storms_offset = at;
    for (uint32_t i = 0; i < config->rule_count; i++)
        at += weir_alert_storm_size(config->rules[i].storm_count);
    at = round_up_64(at);
    layout->records_offset = at;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];
        uint64_t index = weir_series_size(stream->max_series);
        uint64_t records = stream->max_series * record_size(config, i);

        at += index + records;
        if (plans) {
            plans[i].record_bytes = record_size(config, i);
            plans[i].sketch_bytes = sketch_size(stream);
            plans[i].index_bytes = index;
            plans[i].decoder_bytes = round_up_64(sizeof(struct stream_plan)) +
                                     round_up_64(stream->filter_count * sizeof(struct weir_filter));
            plans[i].total_bytes = index + records + plans[i].decoder_bytes;
        }
    }
    layout->total_size = at;
}

uint64_t weir_pipeline_size(const struct weir_config *config, struct weir_stream_plan *plans)
{
    struct layout layout;

    compute_layout(config, &layout, plans);
    return layout.total_size;
}

static void plan_fields(struct stream_plan *plan, const struct weir_stream_config *stream)
{
    for (uint32_t i = 0; i < stream->field_count; i++) {
        const struct weir_field_config *field = &stream->fields[i];
        struct field_plan *out = &plan->fields[i];

        out->min = field->min;
        out->max = field->max;
        memcpy(out->invalid, field->invalid, sizeof(out->invalid));
        out->invalid_count = field->invalid_count;
    }
}

static void plan_paths(struct stream_plan *plan, const struct weir_stream_config *stream)
{
    const char *paths[WEIR_JSON_PATH_COUNT_MAX];
    uint32_t count = 0;
    enum weir_status status;

    if (stream->format != WEIR_PAYLOAD_JSON)
        return;
    for (; count < stream->field_count; count++)
        paths[count] = stream->fields[count].path;
    if (stream->time_unit != WEIR_TIME_ARRIVAL)
        paths[count++] = stream->time_path;
    if (stream->historical_path[0] != '\0') {
        plan->has_historical = true;
        paths[count++] = stream->historical_path;
    }
    status = weir_json_compile(&plan->paths, paths, count, WEIR_JSON_DEPTH_MAX, NULL);
    assert(status == WEIR_OK);
    (void)status;
}

static void plan_filters(struct stream_plan *plan, const struct weir_stream_config *stream,
                         unsigned char *arena)
{
    struct weir_filter *filters = (struct weir_filter *)(arena + plan->filters_offset);

    for (uint32_t i = 0; i < stream->filter_count; i++) {
        enum weir_status status = weir_filter_compile(&filters[i], stream->filters[i]);
        assert(status == WEIR_OK);
        (void)status;
    }
}

static void plan_stream(struct weir_pipeline *pipeline, uint32_t stream_index,
                        uint64_t storms_offset)
{
    const struct weir_stream_config *stream = &pipeline->config->streams[stream_index];
    struct stream_plan *plan = stream_plan_at(pipeline, stream_index);

    plan->shape = window_shape(stream);
    plan->format = stream->format;
    plan->time_unit = stream->time_unit;
    plan->max_future_ms = stream->max_future_ms;
    plan->idle_ms = stream->idle_ms;
    plan->filter_count = stream->filter_count;
    plan->field_count = stream->field_count;
    plan->max_past_ms = stream->max_past_ms;
    plan_fields(plan, stream);
    weir_layout_plan_rules(plan, pipeline->config, stream_index,
                           extras_offset(pipeline->config, stream_index), storms_offset);
    plan->record_size = (uint32_t)record_size(pipeline->config, stream_index);
    plan_paths(plan, stream);
    plan_filters(plan, stream, pipeline->arena);
    weir_series_init(index_of(pipeline, plan), stream->max_series);
    state_of(pipeline)->streams[stream_index] = (struct stream_state){INT64_MAX, INT64_MAX};
}

void weir_pipeline_init(struct weir_pipeline *pipeline, const struct weir_config *config,
                        void *arena, uint64_t arena_size)
{
    struct layout layout;
    uint64_t filters_at;
    uint64_t state_at;

    compute_layout(config, &layout, NULL);
    assert(arena_size >= layout.total_size && ((uintptr_t)arena & 63) == 0);
    (void)arena_size;
    *pipeline = (struct weir_pipeline){
        .config = config,
        .arena = arena,
        .plans_offset = layout.plans_offset,
        .outputs_offset = layout.outputs_offset,
        .sketches_offset = layout.sketches_offset,
        .state_offset = layout.state_offset,
        .output_max = layout.output_max,
        .message_output_max = layout.message_output_max,
    };
    filters_at = round_up_64(config->stream_count * sizeof(struct stream_plan));
    state_at = layout.records_offset;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];
        struct stream_plan *plan = stream_plan_at(pipeline, i);

        plan->filters_offset = filters_at;
        filters_at += round_up_64(stream->filter_count * sizeof(struct weir_filter));
        plan->index_offset = state_at;
        state_at += weir_series_size(stream->max_series);
        plan->records_offset = state_at;
        state_at += stream->max_series * record_size(config, i);
        plan_stream(pipeline, i, layout.storms_offset);
    }
    state_of(pipeline)->clock_ms = INT64_MIN;
    state_of(pipeline)->due_ms = INT64_MAX;
}

uint32_t weir_layout_make_series(const struct weir_pipeline *pipeline,
                                 const struct stream_plan *plan, const char *name, size_t length)
{
    struct weir_series_index *index = index_of(pipeline, plan);
    uint32_t count = index->count;
    uint32_t series = weir_series_insert(index, name, length, weir_series_hash(name, length));

    if (series != WEIR_SERIES_NONE && index->count > count)
        weir_window_init(window_of(pipeline, plan, series));
    return series;
}
