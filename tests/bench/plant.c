#include "plant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void set_field(struct weir_field_config *field, const char *name)
{
    snprintf(field->name, sizeof(field->name), "%s", name);
    snprintf(field->path, sizeof(field->path), "%s", name);
    field->min = -INFINITY;
    field->max = INFINITY;
}

static void set_rule(struct weir_rule_config *rule, const char *name, uint32_t field, double high)
{
    snprintf(rule->name, sizeof(rule->name), "%s", name);
    rule->field = field;
    rule->max_gap_ms = INT64_MAX;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, high, 1, WEIR_LEVEL_WARNING);
}

void plant_config(struct weir_config *config, uint32_t series_count, bool with_rules)
{
    struct weir_stream_config *stream = calloc(1, sizeof(*stream));

    stream->fields = calloc(2, sizeof(*stream->fields));
    config->streams = stream;
    config->stream_count = 1;
    config->rules = calloc(2, sizeof(*config->rules));
    config->rule_count = with_rules ? 2 : 0;
    config->uplink_every_ms = 60000;
    config->uplink_max_bytes = WEIR_BATCH_BYTES_MAX;
    config->outbox_bytes = 1 << 20;
    snprintf(config->gateway, sizeof(config->gateway), "bench");
    snprintf(stream->name, sizeof(stream->name), "telemetry");
    snprintf(stream->filters[0], sizeof(stream->filters[0]), "sensors/{device}/telemetry");
    stream->filter_count = 1;
    stream->time_unit = WEIR_TIME_MS;
    snprintf(stream->time_path, sizeof(stream->time_path), "ts");
    stream->max_future_ms = 300000;
    stream->max_past_ms = INT64_MAX;
    stream->field_count = 2;
    set_field(&stream->fields[0], "temperature");
    set_field(&stream->fields[1], "humidity");
    stream->window_ms = 10000;
    stream->lateness_ms = 2000;
    stream->idle_ms = 30000;
    stream->aggregates = 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN |
                         1u << WEIR_AGGREGATE_MAX | 1u << WEIR_AGGREGATE_MEAN |
                         1u << WEIR_AGGREGATE_STDDEV;
    stream->max_series = series_count;
    set_rule(&config->rules[0], "hot", 0, 85);
    set_rule(&config->rules[1], "damp", 1, 95);
}
