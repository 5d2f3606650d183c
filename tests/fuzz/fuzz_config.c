/* Any text at all is either refused with a report or becomes a configuration within its limits. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/filter.h"
#include "format/message.h"
#include "port/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stream(const struct weir_stream_config *stream)
{
    struct weir_filter filter;

    assert(stream->name[0] != '\0');
    assert(stream->filter_count >= 1 && stream->filter_count <= WEIR_FILTER_COUNT_MAX);
    for (uint32_t i = 0; i < stream->filter_count; i++)
        assert(weir_filter_compile(&filter, stream->filters[i]) == WEIR_OK);
    assert(stream->qos >= 0 && stream->qos <= 2);
    assert(stream->field_count >= 1 && stream->field_count <= WEIR_FIELD_COUNT_MAX);
    for (uint32_t i = 0; i < stream->field_count; i++) {
        const struct weir_field_config *field = &stream->fields[i];

        assert(field->name[0] != '\0' && field->min <= field->max);
        assert(field->invalid_count <= WEIR_INVALID_COUNT_MAX);
        assert((field->path[0] != '\0') == (stream->format == WEIR_PAYLOAD_JSON));
    }
    assert(stream->window_ms >= 10 && stream->window_ms <= WEIR_DURATION_MS_MAX);
    assert(stream->lateness_ms >= 0);
    assert(stream->time_unit != WEIR_TIME_ARRIVAL || stream->lateness_ms == 0);
    assert(stream->time_unit == WEIR_TIME_ARRIVAL || stream->idle_ms > 0);
    assert(stream->revise == (stream->held_count > 0));
    assert(weir_stream_pane_count(stream) <= WEIR_PANE_COUNT_MAX);
    assert(stream->aggregates != 0 && stream->aggregates >> WEIR_AGGREGATE_KIND_COUNT == 0);
    assert(stream->max_past_ms > 0);
    assert(stream->max_series >= 1 && stream->max_series <= WEIR_SERIES_COUNT_MAX);
}

/* Limits of higher levels lie within those of lower ones, and there is a way back from each. */
static void check_comparison(const struct weir_comparison *comparison)
{
    const struct weir_limit *lower = NULL;
    bool inside = comparison->op == WEIR_OPERATOR_INSIDE;

    assert(comparison->deadband >= 0);
    assert(!comparison->limits[WEIR_LEVEL_OK].set);
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        const struct weir_limit *limit = &comparison->limits[i];

        if (!limit->set)
            continue;
        assert(limit->low <= limit->high);
        if (lower && !inside)
            assert(limit->low <= lower->low && limit->high >= lower->high);
        if (lower && inside)
            assert(limit->low >= lower->low && limit->high <= lower->high);
        if (!lower && comparison->op == WEIR_OPERATOR_OUTSIDE)
            assert(limit->low + comparison->deadband <= limit->high - comparison->deadband);
        lower = limit;
    }
    assert(lower);
}

static void check_message(const struct weir_config *config, uint32_t rule)
{
    char bytes[65536];
    struct weir_text text;
    const struct weir_alert alert = {.rule = rule, .value = 0.1, .limit = 1e300};

    weir_text_init(&text, bytes, sizeof(bytes));
    weir_message_add(&text, config, "a/b/c", &alert);
    assert(!text.overflow);
}

static void check_rule(const struct weir_config *config, uint32_t index)
{
    const struct weir_rule_config *rule = &config->rules[index];

    assert(rule->name[0] != '\0' && rule->line > 0);
    assert(rule->stream < config->stream_count);
    assert(rule->field < config->streams[rule->stream].field_count);
    check_comparison(&rule->comparison);
    if (rule->has_and) {
        assert(rule->and_field < config->streams[rule->stream].field_count);
        check_comparison(&rule->and_comparison);
    }
    if (rule->has_minus)
        assert(rule->minus_field < config->streams[rule->stream].field_count);
    assert(rule->minus_series[0] == '\0' || rule->on_window);
    assert(rule->of_quantile == 0 ||
           (rule->on_window && config->streams[rule->stream].quantile_count > 0));
    assert(rule->hold_ms >= 0 && rule->clear_delay_ms >= 0 && rule->max_gap_ms > 0);
    assert(rule->form != WEIR_RULE_RATE || (rule->slope_window_ms > 0 && rule->slope_unit_ms > 0));
    assert(rule->form != WEIR_RULE_SILENCE || rule->silent_ms > 0);
    assert((rule->flap_count > 0) == (rule->flap_ms > 0));
    assert((rule->storm_count > 0) == (rule->storm_ms > 0));
    assert(rule->level != WEIR_LEVEL_OK);
    check_message(config, index);
}

static void check_expected(const struct weir_config *config)
{
    assert(config->expected_count <= WEIR_EXPECTED_COUNT_MAX);
    for (uint32_t i = 0; i < config->expected_count; i++) {
        const struct weir_expected *expected = &config->expected[i];

        assert(expected->rule < config->rule_count);
        assert(config->rules[expected->rule].silent_ms > 0);
        assert(i == 0 || expected[-1].rule <= expected->rule);
    }
}

static void check_config(const struct weir_config *config)
{
    assert(config->gateway[0] != '\0' && config->broker.url[0] != '\0');
    assert(config->stream_count >= 1 && config->stream_count <= WEIR_STREAM_COUNT_MAX);
    assert(config->rule_count <= WEIR_RULE_COUNT_MAX);
    assert(config->uplink_every_ms >= 1000);
    assert(config->uplink_jitter_ms <= config->uplink_every_ms);
    assert(config->hash == weir_config_hash(config));
    for (uint32_t i = 0; i < config->stream_count; i++)
        check_stream(&config->streams[i]);
    for (uint32_t i = 0; i < config->rule_count; i++)
        check_rule(config, i);
    check_expected(config);
}

/* Every line names the file, and a place in it or the file as a whole. */
static void check_report(const char *report, const struct weir_config *config)
{
    assert((strstr(report, "fuzz.conf:") == report) || report[0] == '\0');
    if (!config)
        assert(strstr(report, ": error: "));
    for (const char *line = report; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert(strncmp(line, "fuzz.conf:", 10) == 0);
        assert(strchr(line, '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *report = NULL;
    size_t report_length = 0;
    struct weir_config *config;
    FILE *stream = open_memstream(&report, &report_length);

    if (text && stream) {
        memcpy(text, data, size);
        text[size] = '\0';
        config = weir_config_parse("fuzz.conf", text, stream);
        (void)fclose(stream);
        check_report(report, config);
        if (config)
            check_config(config);
        weir_config_destroy(config);
    }
    free(report);
    free(text);
    return 0;
}
