#include "port/config_rule.h"

#include <stdio.h>
#include <string.h>

#include "format/message.h"
#include "port/config_read.h"
#include "port/config_source.h"
#include "port/config_table.h"
#include "port/config_token.h"

static const config_setting_t *group_of(const config_setting_t *setting, const char *name)
{
    const config_setting_t *group = config_setting_get_member(setting, name);

    return group && config_setting_is_group(group) ? group : NULL;
}

/* Reads the group of that name; true: without an error. */
static bool read_part(struct weir_rule_draft *rule, const struct weir_table *table,
                      const char *name)
{
    struct weir_problems *problems = rule->draft->problems;
    uint32_t known = problems->error_count;
    char where[WEIR_LABEL_SIZE + 32];

    (void)snprintf(where, sizeof(where), "in %s of %s", name, rule->label);
    weir_read_group(table, group_of(rule->setting, name), rule, where, problems);
    return problems->error_count == known;
}

/* Nothing is held back of an alert unless somebody asked for it. */
static void read_calm(struct weir_rule_draft *rule)
{
    (void)read_part(rule, &weir_table_flap, "flap");
    (void)read_part(rule, &weir_table_storm, "storm");
    if (!config_setting_get_member(rule->setting, "flap")) {
        rule->rule.flap_count = rule->draft->flap_count;
        rule->rule.flap_ms = rule->draft->flap_ms;
    }
    if (!config_setting_get_member(rule->setting, "storm")) {
        rule->rule.storm_count = rule->draft->storm_count;
        rule->rule.storm_ms = rule->draft->storm_ms;
    }
}

void weir_rule_read_defaults(struct weir_draft *draft, const config_setting_t *alerting)
{
    struct weir_rule_draft rule = {.draft = draft, .setting = alerting, .label = "alerting"};

    if (!alerting)
        return;
    read_calm(&rule);
    draft->flap_count = rule.rule.flap_count;
    draft->flap_ms = rule.rule.flap_ms;
    draft->storm_count = rule.rule.storm_count;
    draft->storm_ms = rule.rule.storm_ms;
}

/* The groups inside come first: a word in the place of one overrides what it would say. */
static void read_settings(struct weir_rule_draft *rule)
{
    char where[WEIR_LABEL_SIZE + 8];

    read_calm(rule);
    (void)read_part(rule, &weir_table_minus, "minus");
    rule->and_fits = read_part(rule, &weir_table_and, "and");
    rule->rule.has_and = group_of(rule->setting, "and");
    if (!rule->rule.has_and)
        rule->rule.and_comparison = (struct weir_comparison){0};
    (void)snprintf(where, sizeof(where), "in %s", rule->label);
    weir_read_group(&weir_table_alert, rule->setting, rule, where, rule->draft->problems);
    if (rule->rule.flap_count == 0)
        rule->rule.flap_ms = 0;
    if (rule->rule.storm_count == 0)
        rule->rule.storm_ms = 0;
}

static void check_name(const struct weir_rule_draft *rule, uint32_t index)
{
    const struct weir_rule_config *rules = rule->draft->config->rules;

    for (uint32_t i = 0; i < index && rule->rule.name[0] != '\0'; i++) {
        if (strcmp(rules[i].name, rule->rule.name) != 0)
            continue;
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "name"),
                         "the name \"%s\" is taken by the alert at %s:%d; expected another",
                         rules[i].name, rules[i].file, rules[i].line);
        return;
    }
}

static void find_stream(struct weir_rule_draft *rule)
{
    const struct weir_config *config = rule->draft->config;
    const char *wanted = weir_draft_text(rule->setting, "stream");
    const char *names[WEIR_STREAM_COUNT_MAX];
    bool unnamed = config->stream_count == 0;

    for (uint32_t i = 0; wanted && i < config->stream_count; i++) {
        names[i] = config->streams[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0) {
            rule->rule.stream = i;
            rule->stream = &config->streams[i];
            return;
        }
    }
    if (wanted && !unnamed)
        weir_draft_refuse_name(rule->draft, rule->setting, "stream", rule->label, names,
                               config->stream_count);
}

static void check_neighbours(const struct weir_rule_draft *rule, uint32_t index)
{
    const struct weir_rule_config *rules = rule->draft->config->rules;
    uint32_t neighbours = 0;

    for (uint32_t i = 0; i < index; i++)
        neighbours += rules[i].stream == rule->rule.stream;
    if (neighbours == WEIR_STREAM_RULE_COUNT_MAX)
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "stream"),
                         "stream \"%s\" has more alerts than it may have; expected at most %u",
                         rule->stream->name, (unsigned)WEIR_STREAM_RULE_COUNT_MAX);
}

/* The field that group names, label being the group's. */
static uint32_t find_field(const struct weir_rule_draft *rule, const config_setting_t *group,
                           const char *label)
{
    const struct weir_stream_config *stream = rule->stream;
    const char *wanted = weir_draft_text(group, "field");
    const char *names[WEIR_FIELD_COUNT_MAX];
    bool unnamed = stream->field_count == 0;

    for (uint32_t i = 0; wanted && i < stream->field_count; i++) {
        names[i] = stream->fields[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0)
            return i;
    }
    if (wanted && !unnamed)
        weir_draft_refuse_name(rule->draft, group, "field", label, names, stream->field_count);
    return 0;
}

static void find_fields(struct weir_rule_draft *rule)
{
    const config_setting_t *and_group = group_of(rule->setting, "and");
    char label[WEIR_LABEL_SIZE + 16];

    if (rule->formed && rule->rule.form != WEIR_RULE_SILENCE &&
        !weir_draft_has(rule->setting, "field"))
        weir_problem_add(rule->draft->problems, weir_source_place(rule->setting),
                         "missing setting 'field' in %s; expected a name in quotes", rule->label);
    if (!rule->stream)
        return;
    if (rule->formed && rule->rule.form != WEIR_RULE_SILENCE)
        rule->rule.field = find_field(rule, rule->setting, rule->label);
    if (and_group) {
        (void)snprintf(label, sizeof(label), "and of %s", rule->label);
        rule->rule.and_field = find_field(rule, and_group, label);
    }
}

/* True when both groups have that setting, with the same text. */
static bool is_same_text(const config_setting_t *a, const config_setting_t *b, const char *name)
{
    const char *first = a ? weir_draft_text(a, name) : NULL;
    const char *second = weir_draft_text(b, name);

    return first && second && strcmp(first, second) == 0;
}

/* What a difference is taken to: another field, or another series, of which windows are kept. */
static void settle_minus(struct weir_rule_draft *rule)
{
    const config_setting_t *minus = config_setting_get_member(rule->setting, "minus");
    const config_setting_t *group = group_of(rule->setting, "minus");
    struct weir_problems *problems = rule->draft->problems;
    const char *series = rule->rule.minus_series;
    const char *wrong = NULL;
    char label[WEIR_LABEL_SIZE + 16];

    rule->rule.has_minus = minus != NULL;
    if (!minus)
        return;
    (void)snprintf(label, sizeof(label), "minus of %s", rule->label);
    if (group && !weir_draft_has(group, "series") && !weir_draft_has(group, "field"))
        weir_problem_add(problems, weir_source_place(group),
                         "nothing to take away in %s; expected 'field' or 'series'", label);
    if (group && weir_draft_has(group, "series") && weir_draft_has(group, "field"))
        weir_problem_add(problems, weir_draft_place(group, "field"),
                         "'field' in %s stands beside 'series', of which the alert's own field is "
                         "taken; expected one or the other",
                         label);
    if (!rule->stream)
        return;
    rule->rule.minus_field = rule->rule.field;
    if (weir_draft_has(group, "field"))
        rule->rule.minus_field = find_field(rule, group, label);
    if (series[0] != '\0')
        wrong = weir_rule_check_series(rule->stream, series);
    if (wrong)
        weir_problem_add(problems,
                         group ? weir_draft_place(group, "series")
                               : weir_draft_place(rule->setting, "minus"),
                         "'%s' in %s is \"%.100s\"; expected %s", group ? "series" : "minus",
                         group ? label : rule->label, series, wrong);
    if (!weir_draft_has(group, "series") && is_same_text(group, rule->setting, "field"))
        weir_problem_add(problems, weir_draft_place(group, "field"),
                         "'field' in %s is the alert's own; expected another, or a 'series'",
                         label);
}

/* What only windows have implies them. */
static void settle_source(struct weir_rule_draft *rule)
{
    const char *name = weir_draft_has(rule->setting, "of") ? "of" : NULL;

    rule->rule.of_quantile = (uint16_t)rule->of_quantile;
    if (rule->of_quantile > 0 && rule->stream && rule->stream->quantile_count == 0)
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "of"),
                         "'of' in %s is a quantile, and stream \"%s\" keeps none; expected one, "
                         "whichever, among its 'aggregates'",
                         rule->label, rule->stream->name);
    if (rule->rule.minus_series[0] != '\0')
        name = "minus";
    if (!name || rule->rule.on_window)
        return;
    if (weir_draft_has(rule->setting, "on"))
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "on"),
                         "'on' in %s is \"sample\", and '%s' takes values of windows; expected "
                         "\"window\"",
                         rule->label, name);
    rule->rule.on_window = true;
}

static void require(const struct weir_rule_draft *rule, const char *name, const char *other)
{
    if (weir_draft_has(rule->setting, name) && !weir_draft_has(rule->setting, other))
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, name),
                         "'%s' in %s stands alone; expected '%s' beside it", name, rule->label,
                         other);
}

static void settle_rate(struct weir_rule_draft *rule)
{
    if (rule->rule.slope_window_ms == 0 && !weir_draft_has(rule->setting, "window"))
        weir_problem_add(rule->draft->problems, weir_source_place(rule->setting),
                         "missing setting 'window' in %s; expected the time that the slope is "
                         "taken over, such as \"10m\"",
                         rule->label);
    if (rule->rule.counter && rule->rule.comparison.op == WEIR_OPERATOR_BELOW)
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "counter"),
                         "'counter' in %s has a falling 'rate', and a counter only rises; expected "
                         "one or the other",
                         rule->label);
}

/* From one window to the next it is never less than a window. */
static int64_t default_max_gap(const struct weir_rule_draft *rule)
{
    int64_t window_ms = rule->rule.on_window && rule->stream ? rule->stream->window_ms : 0;

    return rule->rule.silent_ms == 0 ? INT64_MAX : rule->rule.silent_ms + window_ms;
}

static void settle_silence(struct weir_rule_draft *rule)
{
    bool alone = rule->rule.form == WEIR_RULE_SILENCE;

    require(rule, "expect", "silent");
    require(rule, "grace", "expect");
    if (!alone && rule->formed) {
        rule->rule.silent_ms = rule->silences_ms[WEIR_LEVEL_OK];
        if (rule->silence_levels & ~(1u << WEIR_LEVEL_OK))
            weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "silent"),
                             "'silent' in %s has levels beside another condition; expected one "
                             "duration, or an alert of its own",
                             rule->label);
    }
    if (!weir_draft_has(rule->setting, "grace"))
        rule->rule.grace_ms = weir_draft_has(rule->setting, "expect") ? rule->rule.silent_ms : 0;
    if (rule->rule.max_gap_ms == 0)
        rule->rule.max_gap_ms = alone ? INT64_MAX : default_max_gap(rule);
}

/* A reminder without a level is one at each level that the rule has. */
static void settle_reminders(struct weir_rule_draft *rule)
{
    int64_t *remind_ms = rule->rule.remind_ms;

    for (uint32_t i = WEIR_LEVEL_INFO; rule->formed && i < WEIR_LEVEL_COUNT; i++) {
        bool used = rule->rule.comparison.limits[i].set;
        const config_setting_t *group = group_of(rule->setting, "remind");

        if (rule->remind_levels & 1u << WEIR_LEVEL_OK)
            remind_ms[i] = used ? remind_ms[WEIR_LEVEL_OK] : 0;
        else if (!used && remind_ms[i] > 0)
            weir_problem_warn(rule->draft->problems,
                              weir_draft_place(group, weir_level_name((enum weir_level)i)),
                              "'%s' of 'remind' in %s has no effect: the alert has no such level",
                              weir_level_name((enum weir_level)i), rule->label);
        if (!used)
            remind_ms[i] = 0;
    }
    remind_ms[WEIR_LEVEL_OK] = 0;
}

static void check_message(const struct weir_rule_draft *rule)
{
    struct weir_message_fault fault;
    const char *nearest = NULL;
    char name[WEIR_NAME_LENGTH_MAX + 1];
    char shown[64];

    if (!rule->stream ||
        weir_message_check(rule->rule.message, weir_rule_label_count(rule->stream), &fault))
        return;
    weir_token_quote(shown, fault.text, fault.length, 0);
    if (fault.expected) {
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "message"),
                         "'message' in %s has %s; expected %s", rule->label, shown, fault.expected);
        return;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)fault.length - 2, fault.text + 1);
    nearest = weir_problem_nearest(name, weir_message_names, WEIR_MESSAGE_NAME_COUNT);
    weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "message"),
                     "'message' in %s has %s, which is no placeholder; %s%s%s", rule->label, shown,
                     nearest ? "did you mean {"
                             : "expected rule, stream, series, field, level, "
                               "value, unit, limit or a label's position",
                     nearest ? nearest : "", nearest ? "}?" : "");
}

static void put_together(struct weir_rule_draft *rule)
{
    weir_rule_find_form(rule);
    find_fields(rule);
    weir_rule_place_limits(rule);
    settle_minus(rule);
    settle_source(rule);
    if (rule->rule.form == WEIR_RULE_RATE)
        settle_rate(rule);
    settle_silence(rule);
    settle_reminders(rule);
    check_message(rule);
}

void weir_rule_read(struct weir_draft *draft, uint32_t index)
{
    const config_setting_t *setting = draft->rules[index];
    struct weir_place place = weir_source_place(setting);
    char label[WEIR_LABEL_SIZE];
    struct weir_rule_draft rule = {
        .rule = {.stream = UINT32_MAX, .line = (int)place.line},
        .draft = draft,
        .setting = setting,
        .label = label,
    };

    weir_label_write(label, "alert", setting, index + 1, NULL);
    (void)snprintf(rule.rule.file, sizeof(rule.rule.file), "%s", place.file);
    read_settings(&rule);
    check_name(&rule, index);
    find_stream(&rule);
    put_together(&rule);
    if (rule.stream)
        check_neighbours(&rule, index);
    draft->config->rules[index] = rule.rule;
    if (draft->problems->error_count == 0)
        weir_rule_warn(&rule);
}
