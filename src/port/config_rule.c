#include <stdio.h>
#include <string.h>

#include "port/config_check.h"
#include "port/config_source.h"

/* False: there is none of that name, and this was reported. */
static bool find_stream(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_config *config = draft->config;
    const char *wanted = weir_draft_text(draft->rules[index], "stream");
    const char *names[WEIR_STREAM_COUNT_MAX];
    bool unnamed = config->stream_count == 0;

    for (uint32_t i = 0; wanted && i < config->stream_count; i++) {
        names[i] = config->streams[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0) {
            config->rules[index].stream = i;
            return true;
        }
    }
    if (wanted && !unnamed)
        weir_draft_refuse_name(draft, draft->rules[index], "stream", label, names,
                               config->stream_count);
    return false;
}

static bool find_field(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_stream_config *stream = &draft->config->streams[rule->stream];
    const char *wanted = weir_draft_text(draft->rules[index], "field");
    const char *names[WEIR_FIELD_COUNT_MAX];
    bool unnamed = stream->field_count == 0;

    for (uint32_t i = 0; wanted && i < stream->field_count; i++) {
        names[i] = stream->fields[i].name;
        unnamed = unnamed || names[i][0] == '\0';
        if (strcmp(names[i], wanted) == 0) {
            rule->field = i;
            return true;
        }
    }
    if (wanted && !unnamed)
        weir_draft_refuse_name(draft, draft->rules[index], "field", label, names,
                               stream->field_count);
    return false;
}

/* False: no form, or several. */
static bool find_form(struct weir_draft *draft, uint32_t index, const char *label)
{
    struct weir_rule_config *rule = &draft->config->rules[index];
    const config_setting_t *setting = draft->rules[index];
    bool above = weir_draft_has(setting, "above");
    bool below = weir_draft_has(setting, "below");

    if (weir_draft_has(setting, "outside")) {
        rule->comparison.op = WEIR_OPERATOR_OUTSIDE;
        if (above || below)
            weir_problem_add(draft->problems, weir_draft_place(setting, "outside"),
                             "'outside' in %s stands beside '%s'; expected one or the other", label,
                             above ? "above" : "below");
        return !above && !below;
    }
    if (!above && !below)
        weir_problem_add(draft->problems, weir_source_place(setting),
                         "missing setting 'above', 'below' or 'outside' in %s; expected a limit",
                         label);
    rule->comparison.op = above && below ? WEIR_OPERATOR_OUTSIDE
                          : above        ? WEIR_OPERATOR_ABOVE
                                         : WEIR_OPERATOR_BELOW;
    return above || below;
}

static const struct weir_limit *limit_of(const struct weir_rule_config *rule)
{
    return &rule->comparison.limits[rule->level];
}

/* The table has put the limit where there is no level yet. */
static void place_limit(struct weir_rule_config *rule)
{
    struct weir_limit *unplaced = &rule->comparison.limits[WEIR_LEVEL_OK];
    struct weir_limit limit = {.set = true, .low = unplaced->low, .high = unplaced->high};

    *unplaced = (struct weir_limit){0};
    rule->comparison.limits[rule->level] = limit;
}

static void check_limits(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_limit *limit = limit_of(rule);
    double deadband = rule->comparison.deadband;
    const config_setting_t *setting = draft->rules[index];
    const char *name = weir_draft_has(setting, "outside") ? "outside" : "below";

    if (rule->comparison.op != WEIR_OPERATOR_OUTSIDE)
        return;
    if (limit->low >= limit->high)
        weir_problem_add(
            draft->problems, weir_draft_place(setting, name),
            "the limits of %s leave nothing between them; expected the lower one, %.17g,"
            " below the upper one, %.17g",
            label, limit->low, limit->high);
    else if (limit->low + deadband > limit->high - deadband)
        weir_problem_add(draft->problems, weir_draft_place(setting, "deadband"),
                         "'deadband' in %s is %.17g, so that the alert could never clear; expected "
                         "at most half the way between the limits, %.17g",
                         label, deadband, (limit->high - limit->low) / 2);
}

/* A deadband that no valid value can come back by: what is raised once stays so for good. */
static void warn_never_clear(struct weir_draft *draft, const struct weir_rule_config *rule,
                             const struct weir_field_config *field, const config_setting_t *setting,
                             const char *label)
{
    double most = limit_of(rule)->high - rule->comparison.deadband;
    double least = limit_of(rule)->low + rule->comparison.deadband;
    bool above = rule->comparison.op != WEIR_OPERATOR_BELOW && most < field->min;
    bool below = rule->comparison.op != WEIR_OPERATOR_ABOVE && least > field->max;

    if (above || below)
        weir_problem_warn(
            draft->problems, weir_draft_place(setting, "deadband"),
            "%s can never clear: it would take a value of field \"%s\" of at %s %.17g, and its "
            "'%s' is %.17g",
            label, field->name, above ? "most" : "least", above ? most : least,
            above ? "min" : "max", above ? field->min : field->max);
}

/* A limit that no valid value can pass is a slip, most often of the unit; so is the deadband. */
static void warn_senseless(struct weir_draft *draft, uint32_t index, const char *label)
{
    const struct weir_rule_config *rule = &draft->config->rules[index];
    const struct weir_stream_config *stream = &draft->config->streams[rule->stream];
    const struct weir_field_config *field = &stream->fields[rule->field];
    const struct weir_limit *limit = limit_of(rule);
    bool above = rule->comparison.op != WEIR_OPERATOR_BELOW && limit->high >= field->max;
    bool below = rule->comparison.op != WEIR_OPERATOR_ABOVE && limit->low <= field->min;

    if (draft->problems->error_count > 0)
        return;
    if (!above && !below) {
        warn_never_clear(draft, rule, field, draft->rules[index], label);
        return;
    }
    weir_problem_warn(
        draft->problems, weir_source_place(draft->rules[index]),
        "no valid value of field \"%s\" can be %s %.17g, the limit of %s: its '%s' is "
        "%.17g",
        field->name, above ? "above" : "below", above ? limit->high : limit->low, label,
        above ? "max" : "min", above ? field->max : field->min);
}

static void check_rule_name(struct weir_draft *draft, uint32_t index)
{
    const struct weir_rule_config *rules = draft->config->rules;

    for (uint32_t i = 0; i < index && rules[index].name[0] != '\0'; i++) {
        if (strcmp(rules[i].name, rules[index].name) != 0)
            continue;
        weir_problem_add(draft->problems, weir_draft_place(draft->rules[index], "name"),
                         "the name \"%s\" is taken by the alert at %s:%d; expected another",
                         rules[i].name, rules[i].file, rules[i].line);
        return;
    }
}

void weir_check_rule(struct weir_draft *draft, uint32_t index)
{
    struct weir_rule_config *rules = draft->config->rules;
    struct weir_place place = weir_source_place(draft->rules[index]);
    uint32_t neighbours = 0;
    char label[WEIR_LABEL_SIZE];
    bool formed;

    weir_label_write(label, "alert", draft->rules[index], index + 1, NULL);
    (void)snprintf(rules[index].file, sizeof(rules[index].file), "%s", place.file);
    rules[index].line = (int)place.line;
    rules[index].stream = UINT32_MAX;
    check_rule_name(draft, index);
    formed = find_form(draft, index, label);
    place_limit(&rules[index]);
    if (formed)
        check_limits(draft, index, label);
    if (!find_stream(draft, index, label))
        return;
    for (uint32_t i = 0; i < index; i++)
        neighbours += rules[i].stream == rules[index].stream;
    if (neighbours == WEIR_STREAM_RULE_COUNT_MAX)
        weir_problem_add(draft->problems, weir_draft_place(draft->rules[index], "stream"),
                         "stream \"%s\" has more alerts than it may have; expected at most %u",
                         draft->config->streams[rules[index].stream].name,
                         (unsigned)WEIR_STREAM_RULE_COUNT_MAX);
    if (find_field(draft, index, label) && formed)
        warn_senseless(draft, index, label);
}
