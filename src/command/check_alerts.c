#include "command/check_alerts.h"

#include <inttypes.h>
#include <stdio.h>

#include "format/message.h"
#include "port/config_value.h"

static void add_duration(struct weir_text *text, const char *what, int64_t ms)
{
    char duration[32];

    weir_value_print_duration(duration, ms);
    weir_text_add(text, what);
    weir_text_add(text, ms == 0 ? "0" : duration);
}

static void add_limit(struct weir_text *text, enum weir_operator op, const struct weir_limit *limit)
{
    if (op != WEIR_OPERATOR_ABOVE)
        weir_text_add_number(text, limit->low);
    if (op == WEIR_OPERATOR_OUTSIDE || op == WEIR_OPERATOR_INSIDE)
        weir_text_add(text, " to ");
    if (op != WEIR_OPERATOR_BELOW)
        weir_text_add_number(text, limit->high);
}

/* " above 60 Cel info, 75 Cel warning", and how far back ends it. */
static void add_comparison(struct weir_text *text, const struct weir_comparison *comparison,
                           const char *unit, bool levels)
{
    const char *separator = " ";

    weir_text_add(text, " ");
    weir_text_add(text, weir_operator_name(comparison->op));
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (!comparison->limits[i].set)
            continue;
        weir_text_add(text, separator);
        add_limit(text, comparison->op, &comparison->limits[i]);
        weir_text_add(text, unit[0] != '\0' ? " " : "");
        weir_text_add(text, unit);
        weir_text_add(text, levels ? " " : "");
        weir_text_add(text, levels ? weir_level_name((enum weir_level)i) : "");
        separator = ", ";
    }
    if (comparison->deadband > 0) {
        weir_text_add(text, ", deadband ");
        weir_text_add_number(text, comparison->deadband);
    }
}

/* The value, before it is held against limits. */
static void add_value(struct weir_text *text, const struct weir_rule_config *rule,
                      const struct weir_field_config *fields)
{
    char name[WEIR_QUANTILE_NAME_SIZE];

    if (rule->form == WEIR_RULE_CHANGE)
        weir_text_add(text, "any change of ");
    if (rule->form == WEIR_RULE_RATE)
        weir_text_add(text, rule->counter ? "slope of the counter " : "slope of ");
    if (rule->on_window) {
        weir_text_add(text, weir_rule_of_name(rule, name));
        weir_text_add(text, " of each window of ");
    }
    weir_text_add(text, fields[rule->field].name);
    if (rule->has_minus) {
        weir_text_add(text, " minus ");
        weir_text_add(text, fields[rule->minus_field].name);
    }
    if (rule->minus_series[0] != '\0') {
        weir_text_add(text, " of ");
        weir_text_add(text, rule->minus_series);
    }
    if (rule->form == WEIR_RULE_RATE)
        add_duration(text, " over ", rule->slope_window_ms);
}

static void add_level(struct weir_text *text, const struct weir_comparison *comparison)
{
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (comparison->limits[i].set) {
            weir_text_add(text, ", ");
            weir_text_add(text, weir_level_name((enum weir_level)i));
        }
    }
}

static void add_behaviour(struct weir_text *text, const struct weir_rule_config *rule)
{
    if (rule->hold_ms > 0)
        add_duration(text, "; hold ", rule->hold_ms);
    if (rule->clear_delay_ms > 0)
        add_duration(text, "; clear_delay ", rule->clear_delay_ms);
    if (rule->max_gap_ms != INT64_MAX)
        add_duration(text, "; max_gap ", rule->max_gap_ms);
    if (rule->silent_ms > 0 && rule->form != WEIR_RULE_SILENCE)
        add_duration(text, "; stale after ", rule->silent_ms);
    if (rule->on_change)
        weir_text_add(text, "; devices report changes only");
    if (rule->latch)
        weir_text_add(text, "; latched");
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (rule->remind_ms[i] == 0)
            continue;
        add_duration(text, "; reminder every ", rule->remind_ms[i]);
        weir_text_add(text, " while ");
        weir_text_add(text, weir_level_name((enum weir_level)i));
    }
}

static void add_expected(struct weir_text *text, const struct weir_config *config, uint32_t rule)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < config->expected_count; i++)
        count += config->expected[i].rule == rule;
    if (count == 0)
        return;
    weir_text_add(text, "; ");
    weir_text_add_uint(text, count);
    weir_text_add(text, " series expected");
    add_duration(text, ", the first time within ", config->rules[rule].grace_ms);
}

void weir_check_describe_alert(struct weir_text *text, const struct weir_config *config,
                               uint32_t rule)
{
    const struct weir_rule_config *rules = &config->rules[rule];
    const struct weir_field_config *fields = config->streams[rules->stream].fields;
    char unit[WEIR_MESSAGE_UNIT_SIZE];

    weir_message_unit(unit, config, rule);
    if (rules->form == WEIR_RULE_SILENCE)
        weir_text_add(text, "silence");
    else
        add_value(text, rules, fields);
    if (rules->form == WEIR_RULE_CHANGE)
        add_level(text, &rules->comparison);
    else
        add_comparison(text, &rules->comparison, unit, true);
    if (rules->has_and) {
        weir_text_add(text, ", while ");
        weir_text_add(text, fields[rules->and_field].name);
        add_comparison(text, &rules->and_comparison, fields[rules->and_field].unit, false);
    }
    add_behaviour(text, rules);
    add_expected(text, config, rule);
}

void weir_check_print_alerts(const struct weir_config *config)
{
    char bytes[WEIR_CHECK_ALERT_SIZE];

    if (config->rule_count > 0)
        printf("alerts, and how many series each may look at\n");
    for (uint32_t i = 0; i < config->rule_count; i++) {
        const struct weir_stream_config *stream = &config->streams[config->rules[i].stream];
        struct weir_text text;

        weir_text_init(&text, bytes, sizeof(bytes));
        weir_check_describe_alert(&text, config, i);
        printf("  %-40s %14" PRIu32 "\n    %.*s\n", config->rules[i].name, stream->max_series,
               (int)text.length, bytes);
    }
}
