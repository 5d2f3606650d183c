/* The plans of a stream's rules. */

#include "pipeline/layout.h"

#include "core/assert.h"

/* What a rule needs in every record behind states and windows. */
struct rule_extras {
    uint32_t flaps;
    uint32_t slope;
    uint32_t pairs;
};

static struct rule_extras extras_of(const struct weir_rule_config *config)
{
    const struct weir_alert_rule rule = {.flap_count = config->flap_count};

    return (struct rule_extras){
        .flaps = (uint32_t)weir_alert_flaps_size(&rule),
        .slope = config->form == WEIR_RULE_RATE ? sizeof(struct weir_slope) : 0,
        .pairs =
            config->has_minus && config->minus_series[0] != '\0' ? sizeof(struct weir_pairs) : 0,
    };
}

uint64_t weir_layout_rule_bytes(const struct weir_rule_config *config)
{
    struct rule_extras extras = extras_of(config);

    return (uint64_t)extras.flaps + extras.slope + extras.pairs;
}

static bool is_plain(const struct weir_rule_config *config)
{
    return !config->on_window && !config->has_and && !config->has_minus &&
           config->form != WEIR_RULE_SILENCE;
}

static uint32_t fields_of(const struct weir_rule_config *config)
{
    uint32_t fields = 1u << config->field;

    if (config->form == WEIR_RULE_SILENCE)
        return UINT32_MAX;
    if (config->has_and)
        fields |= 1u << config->and_field;
    if (config->has_minus && config->minus_series[0] == '\0')
        fields |= 1u << config->minus_field;
    return fields;
}

/* The shortest silence that the rule counts. */
static int64_t silence_of(const struct weir_rule_config *config)
{
    return config->silent_ms > 0 ? config->silent_ms : INT64_MAX;
}

static void plan_storm(struct rule_plan *plan, const struct weir_config *config,
                       uint64_t storms_offset)
{
    const struct weir_rule_config *rule = &config->rules[plan->config_index];

    plan->storm_count = rule->storm_count;
    plan->storm_ms = rule->storm_ms;
    plan->storm_offset = storms_offset;
    for (uint32_t i = 0; i < plan->config_index; i++)
        plan->storm_offset += weir_alert_storm_size(config->rules[i].storm_count);
}

/* Takes bytes of the record; 0 bytes have no place. */
static uint32_t take_bytes(uint64_t *at, uint32_t bytes)
{
    uint32_t offset = (uint32_t)*at;

    *at += bytes;
    return bytes > 0 ? offset : 0;
}

static void plan_rule(struct stream_plan *stream, const struct weir_config *config, uint32_t index,
                      uint64_t *at)
{
    const struct weir_rule_config *rule = &config->rules[index];
    struct rule_plan *plan = &stream->rules[stream->rule_count];
    struct rule_extras extras = extras_of(rule);

    assert(stream->rule_count < WEIR_STREAM_RULE_COUNT_MAX);
    weir_alert_compile(&plan->rule, rule);
    plan->config_index = index;
    plan->field = rule->field;
    plan->on_window = rule->on_window;
    plan->of = rule->of;
    plan->of_quantile = rule->of_quantile;
    plan->has_minus_field = rule->has_minus && rule->minus_series[0] == '\0';
    plan->has_minus_series = rule->has_minus && rule->minus_series[0] != '\0';
    plan->minus_field = rule->minus_field;
    plan->and_field = rule->and_field;
    plan->fields = fields_of(rule);
    plan->slope = (struct weir_slope_shape){
        .window_ms = rule->slope_window_ms,
        .max_gap_ms = rule->max_gap_ms,
        .counter = rule->counter,
    };
    plan->slope_unit_ms = (double)rule->slope_unit_ms;
    plan->flaps_offset = take_bytes(at, extras.flaps);
    plan->slope_offset = take_bytes(at, extras.slope);
    plan->pairs_offset = take_bytes(at, extras.pairs);
    if (silence_of(rule) < stream->silence_min_ms)
        stream->silence_min_ms = silence_of(rule);
    stream->window_rule_count += rule->on_window;
    stream->rule_count++;
}

void weir_layout_plan_rules(struct stream_plan *plan, const struct weir_config *config,
                            uint32_t stream, uint64_t extras_offset, uint64_t storms_offset)
{
    uint64_t at = extras_offset;

    plan->silence_min_ms = INT64_MAX;
    for (uint32_t field = 0; field < plan->field_count; field++) {
        plan->fields[field].rule_first = plan->rule_count;
        for (uint32_t i = 0; i < config->rule_count; i++) {
            const struct weir_rule_config *rule = &config->rules[i];

            if (rule->stream == stream && is_plain(rule) && rule->field == field)
                plan_rule(plan, config, i, &at);
        }
        plan->fields[field].rule_count = plan->rule_count - plan->fields[field].rule_first;
    }
    plan->plain_count = plan->rule_count;
    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (config->rules[i].stream == stream && !is_plain(&config->rules[i]))
            plan_rule(plan, config, i, &at);
    }
    for (uint32_t i = 0; i < plan->rule_count; i++)
        plan_storm(&plan->rules[i], config, storms_offset);
    plan->live_offset = (uint32_t)at;
    plan->close_output_max = plan->field_count + 2 * plan->window_rule_count;
}
