#include "command/explain_print.h"

#include <math.h>
#include <string.h>

#include "command/past.h"
#include "format/encode.h"
#include "port/config_value.h"

static void add_bool(struct weir_text *text, const char *key, bool value)
{
    weir_text_add_key(text, key);
    weir_text_add(text, value ? "true" : "false");
}

/* A time, or null when there is none. */
static void add_time(struct weir_text *text, const char *key, int64_t time_ms, bool known)
{
    weir_text_add_key(text, key);
    if (known)
        weir_text_add_int(text, time_ms);
    else
        weir_text_add(text, "null");
}

static bool has_low(const struct weir_rule_config *rule)
{
    return rule->comparison.op != WEIR_OPERATOR_ABOVE;
}

static bool has_high(const struct weir_rule_config *rule)
{
    return rule->comparison.op != WEIR_OPERATOR_BELOW;
}

static void add_levels(struct weir_text *text, const struct weir_rule_config *rule,
                       const struct weir_explanation *explanation)
{
    const char *separator = "";

    weir_text_add_key(text, "levels");
    weir_text_add(text, "[");
    for (int i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        const struct weir_limit *limit = &rule->comparison.limits[i];

        if (!explanation->levels[i].set)
            continue;
        weir_text_add(text, separator);
        weir_text_add(text, "{\"level\":");
        weir_text_add_quoted(text, weir_level_name((enum weir_level)i));
        if (has_low(rule)) {
            weir_text_add_key(text, "low");
            weir_text_add_number(text, limit->low);
        }
        if (has_high(rule)) {
            weir_text_add_key(text, "high");
            weir_text_add_number(text, limit->high);
        }
        add_bool(text, "beyond", explanation->levels[i].beyond);
        add_time(text, "since", explanation->levels[i].since_ms, true);
        weir_text_add(text, "}");
        separator = ",";
    }
    weir_text_add(text, "]");
}

static void add_next(struct weir_text *text, const struct weir_explanation *explanation)
{
    weir_text_add_key(text, "next");
    if (explanation->next == WEIR_EVENT_NONE) {
        weir_text_add(text, "null");
        return;
    }
    weir_text_add(text, "{\"event\":");
    weir_text_add_quoted(text, weir_event_name(explanation->next));
    weir_text_add_key(text, "level");
    weir_text_add_quoted(text, weir_level_name(explanation->next_level));
    add_time(text, "at", explanation->next_ms, true);
    weir_text_add_key(text, "by");
    weir_text_add(text, explanation->next_by_clock ? "\"clock\"}" : "\"sample\"}");
}

void weir_explain_write_json(struct weir_text *text, const struct weir_config *config,
                             const char *series, const struct weir_explanation *explanation)
{
    const struct weir_rule_config *rule = &config->rules[explanation->alert.rule];

    weir_text_add(text, "{\"schema\":\"weir.explanation/1\",\"alert\":");
    weir_encode_alert_payload(text, config, series, &explanation->alert);
    weir_text_add_key(text, "file");
    weir_text_add_quoted(text, rule->file);
    weir_text_add_key(text, "line");
    weir_text_add_int(text, rule->line);
    weir_text_add_key(text, "judged");
    weir_text_add_number(text, explanation->value);
    add_time(text, "evaluated", explanation->evaluated_ms, !isnan(explanation->value));
    weir_text_add_key(text, "deadband");
    weir_text_add_number(text, rule->comparison.deadband);
    add_time(text, "hold", rule->hold_ms, true);
    add_time(text, "clear_delay", rule->clear_delay_ms, true);
    add_levels(text, rule, explanation);
    add_bool(text, "and_beyond", explanation->and_beyond);
    add_next(text, explanation);
    add_time(text, "silence", explanation->silence_ms, explanation->silence_ms >= 0);
    add_time(text, "silent_at", explanation->silent_at_ms, explanation->silent_at_ms != INT64_MAX);
    add_bool(text, "link_up", explanation->link_up);
    weir_text_add(text, "}");
}

static void add_when(struct weir_text *text, int64_t time_ms)
{
    char bytes[WEIR_PAST_TIME_SIZE];

    weir_past_write_time(bytes, time_ms);
    weir_text_add(text, bytes);
}

static void add_span(struct weir_text *text, int64_t span_ms)
{
    char bytes[32];

    weir_value_print_duration(bytes, span_ms);
    weir_text_add(text, bytes);
}

static void begin_line(struct weir_text *text, const char *label)
{
    static const char blanks[] = "            ";

    weir_text_add(text, "  ");
    weir_text_add(text, label);
    weir_text_add(text, blanks + strlen(label));
}

static const char *field_name(const struct weir_config *config, const struct weir_rule_config *rule)
{
    return config->streams[rule->stream].fields[rule->field].name;
}

/* What the rule watches. */
static void write_rule(struct weir_text *text, const struct weir_config *config,
                       const struct weir_rule_config *rule)
{
    char name[WEIR_QUANTILE_NAME_SIZE];

    begin_line(text, "watches");
    if (rule->form == WEIR_RULE_SILENCE) {
        weir_text_add(text, "how long the series is silent, in seconds\n");
        return;
    }
    if (rule->form == WEIR_RULE_RATE)
        weir_text_add(text, "the slope of ");
    if (rule->form == WEIR_RULE_CHANGE)
        weir_text_add(text, "changes of ");
    if (rule->on_window) {
        weir_text_add(text, weir_rule_of_name(rule, name));
        weir_text_add(text, " of each window of ");
    }
    weir_text_add(text, field_name(config, rule));
    if (rule->has_minus) {
        weir_text_add(text, " less that of ");
        weir_text_add(text, rule->minus_series[0] != '\0'
                                ? rule->minus_series
                                : config->streams[rule->stream].fields[rule->minus_field].name);
    }
    if (rule->has_and) {
        weir_text_add(text, ", while ");
        weir_text_add(text, config->streams[rule->stream].fields[rule->and_field].name);
        weir_text_add(text, " is beyond its limit");
    }
    weir_text_add(text, "\n");
}

static void write_level(struct weir_text *text, const struct weir_rule_config *rule,
                        const struct weir_explanation *explanation, enum weir_level level)
{
    const struct weir_limit *limit = &rule->comparison.limits[level];

    begin_line(text, weir_level_name(level));
    weir_text_add(text, weir_operator_name(rule->comparison.op));
    weir_text_add(text, " ");
    if (has_low(rule))
        weir_text_add_number(text, limit->low);
    if (has_low(rule) && has_high(rule))
        weir_text_add(text, " to ");
    if (has_high(rule))
        weir_text_add_number(text, limit->high);
    weir_text_add(text, explanation->levels[level].beyond ? ": met since " : ": not met since ");
    add_when(text, explanation->levels[level].since_ms);
    weir_text_add(text, "\n");
}

static void write_state(struct weir_text *text, const struct weir_alert *alert)
{
    begin_line(text, "state");
    weir_text_add(text, weir_level_name(alert->level));
    weir_text_add(text, " (");
    weir_text_add(text, weir_condition_name(alert->condition));
    weir_text_add(text, ") since ");
    add_when(text, alert->since_ms);
    weir_text_add(text, ", quality ");
    weir_text_add(text, weir_quality_name(alert->quality));
    weir_text_add(text, alert->restored ? ", from before a restart" : "");
    weir_text_add(text, alert->flapping ? ", flapping: its events are held back" : "");
    weir_text_add(text, "\n");
    begin_line(text, "occurrence");
    weir_text_add_hex(text, alert->id);
    weir_text_add(text, alert->acknowledged ? ", acknowledged" : ", not acknowledged");
    weir_text_add(text, alert->latched ? ", latched until it is" : "");
    if (alert->shelved_until_ms != 0) {
        weir_text_add(text, ", shelved until ");
        add_when(text, alert->shelved_until_ms);
    }
    weir_text_add(text, "\n");
}

static void write_value(struct weir_text *text, const struct weir_rule_config *rule,
                        const struct weir_explanation *explanation)
{
    begin_line(text, "value");
    if (isnan(explanation->value)) {
        weir_text_add(text, "none yet\n");
    } else {
        weir_text_add_number(text, explanation->value);
        weir_text_add(text, " at ");
        add_when(text, explanation->evaluated_ms);
        weir_text_add(text, "\n");
    }
    begin_line(text, "timing");
    weir_text_add(text, "deadband ");
    weir_text_add_number(text, rule->comparison.deadband);
    weir_text_add(text, ", hold ");
    add_span(text, rule->hold_ms);
    weir_text_add(text, ", clear_delay ");
    add_span(text, rule->clear_delay_ms);
    weir_text_add(text, "\n");
    if (rule->has_and) {
        begin_line(text, "and");
        weir_text_add(text, explanation->and_beyond ? "the other field is beyond its limit\n"
                                                    : "the other field is not beyond its limit\n");
    }
}

static void write_next(struct weir_text *text, const struct weir_explanation *explanation)
{
    begin_line(text, "next");
    if (explanation->next == WEIR_EVENT_NONE) {
        weir_text_add(text, "nothing, unless another value comes\n");
        return;
    }
    weir_text_add(text, weir_event_name(explanation->next));
    weir_text_add(text, " (");
    weir_text_add(text, weir_level_name(explanation->next_level));
    weir_text_add(text, explanation->next_by_clock ? ") at " : ") by such a value at ");
    add_when(text, explanation->next_ms);
    weir_text_add(text, explanation->next_by_clock ? ", by the clock\n" : " or later\n");
}

static void write_silence(struct weir_text *text, const struct weir_explanation *explanation)
{
    begin_line(text, "silence");
    if (explanation->silence_ms < 0) {
        weir_text_add(text, "never heard");
    } else {
        weir_text_add(text, "heard ");
        add_span(text, explanation->silence_ms);
        weir_text_add(text, " ago");
    }
    if (explanation->silent_at_ms != INT64_MAX) {
        weir_text_add(text, "; too long at ");
        add_when(text, explanation->silent_at_ms);
    }
    weir_text_add(text, explanation->link_up ? "\n" : "; the broker cannot be heard now\n");
}

void weir_explain_write_text(struct weir_text *text, const struct weir_config *config,
                             const char *series, const struct weir_explanation *explanation)
{
    const struct weir_rule_config *rule = &config->rules[explanation->alert.rule];

    weir_text_add(text, rule->name);
    weir_text_add(text, " on ");
    weir_text_add(text, config->streams[rule->stream].name);
    weir_text_add(text, " ");
    weir_text_add(text, series);
    weir_text_add(text, " (");
    weir_text_add(text, rule->file);
    weir_text_add(text, ":");
    weir_text_add_int(text, rule->line);
    weir_text_add(text, ")\n");
    write_rule(text, config, rule);
    write_value(text, rule, explanation);
    for (int i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (explanation->levels[i].set)
            write_level(text, rule, explanation, (enum weir_level)i);
    }
    write_state(text, &explanation->alert);
    write_next(text, explanation);
    write_silence(text, explanation);
}
