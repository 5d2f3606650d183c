/*
 * Configurations put together by hand, with defaults that a test changes where it matters.
 */
#ifndef TESTS_SUPPORT_BUILD_H
#define TESTS_SUPPORT_BUILD_H

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "weir/config.h"

enum { BUILD_STREAM_MAX = 4, BUILD_FIELD_MAX = 4, BUILD_RULE_MAX = 12 };

/* Refers to itself: neither copied nor moved once streams are in. */
struct build {
    struct weir_config config;
    struct weir_stream_config streams[BUILD_STREAM_MAX];
    struct weir_field_config fields[BUILD_STREAM_MAX][BUILD_FIELD_MAX];
    struct weir_rule_config rules[BUILD_RULE_MAX];
};

static inline void build_init(struct build *build)
{
    memset(build, 0, sizeof(*build));
    (void)snprintf(build->config.gateway, sizeof(build->config.gateway), "gate");
    build->config.streams = build->streams;
    build->config.rules = build->rules;
    build->config.uplink_every_ms = 60000;
    build->config.uplink_max_bytes = WEIR_BATCH_BYTES_MAX;
    build->config.outbox_bytes = 1 << 20;
    build->config.queue_bytes = 1 << 20;
}

static inline void build_filter(struct weir_stream_config *stream, const char *filter)
{
    assert(stream->filter_count < WEIR_FILTER_COUNT_MAX);
    (void)snprintf(stream->filters[stream->filter_count++], sizeof(stream->filters[0]), "%s",
                   filter);
}

/* A stream of JSON with event time in "ts": windows of 10 s, nothing late, idle after 30 s. */
static inline struct weir_stream_config *build_stream(struct build *build, const char *name,
                                                      const char *filter)
{
    struct weir_stream_config *stream = &build->streams[build->config.stream_count];

    assert(build->config.stream_count < BUILD_STREAM_MAX);
    (void)snprintf(stream->name, sizeof(stream->name), "%s", name);
    (void)snprintf(stream->time_path, sizeof(stream->time_path), "ts");
    stream->format = WEIR_PAYLOAD_JSON;
    stream->time_unit = WEIR_TIME_MS;
    stream->max_future_ms = 300000;
    stream->max_past_ms = INT64_MAX;
    stream->fields = build->fields[build->config.stream_count++];
    stream->window_ms = 10000;
    stream->idle_ms = 30000;
    stream->aggregates = (1u << WEIR_AGGREGATE_KIND_COUNT) - 1;
    stream->max_series = 10;
    build_filter(stream, filter);
    return stream;
}

/* Asks for the median and p99.9. */
static inline void build_quantiles(struct weir_stream_config *stream)
{
    stream->quantile_count = 2;
    stream->quantiles[0] = 500;
    stream->quantiles[1] = 999;
}

/* A field without bounds, at the path of its name. */
static inline struct weir_field_config *build_field(struct weir_stream_config *stream,
                                                    const char *name)
{
    struct weir_field_config *field = &stream->fields[stream->field_count++];

    assert(stream->field_count <= BUILD_FIELD_MAX);
    memset(field, 0, sizeof(*field));
    (void)snprintf(field->name, sizeof(field->name), "%s", name);
    (void)snprintf(field->path, sizeof(field->path), "%s", name);
    field->min = -INFINITY;
    field->max = INFINITY;
    return field;
}

/* A rule above a limit, without deadband, hold and delay. */
static inline struct weir_rule_config *build_rule(struct build *build, const char *name,
                                                  uint32_t stream, uint32_t field, double high)
{
    struct weir_rule_config *rule = &build->rules[build->config.rule_count++];

    assert(build->config.rule_count <= BUILD_RULE_MAX);
    (void)snprintf(rule->name, sizeof(rule->name), "%s", name);
    rule->stream = stream;
    rule->field = field;
    rule->max_gap_ms = INT64_MAX;
    rule->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, high, 0, WEIR_LEVEL_CRITICAL);
    return rule;
}

static inline void build_on_arrival_time(struct weir_stream_config *stream)
{
    stream->time_unit = WEIR_TIME_ARRIVAL;
    stream->time_path[0] = '\0';
    stream->max_future_ms = 0;
    stream->lateness_ms = 0;
    stream->idle_ms = 0;
}

#endif
