/* What is in order and yet makes no sense: most often a slip of the unit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "port/config_rule.h"
#include "port/config_source.h"

/* The values that a rule can come to look at. */
struct span {
    double least;
    double most;
};

/* A comparison, with what it is held against and how a report calls it. */
struct watched {
    const struct weir_comparison *comparison;
    struct span span;
    const config_setting_t *group;
    char label[WEIR_LABEL_SIZE + 8];
};

static void warn(const struct weir_rule_draft *rule, const char *name, const char *text)
{
    weir_problem_warn(rule->draft->problems, weir_draft_place(rule->setting, name), "'%s' in %s %s",
                      name, rule->label, text);
}

static struct span span_of_field(const struct weir_rule_draft *rule, uint32_t field)
{
    const struct weir_field_config *fields = rule->stream->fields;
    struct span span = {fields[field].min, fields[field].max};

    if (!rule->rule.on_window)
        return span;
    switch (rule->rule.of) {
    case WEIR_AGGREGATE_COUNT:
        return (struct span){1, INFINITY};
    case WEIR_AGGREGATE_STDDEV:
        return (struct span){0, (span.most - span.least) / 2};
    case WEIR_AGGREGATE_DELTA:
        return (struct span){span.least - span.most, span.most - span.least};
    case WEIR_AGGREGATE_SUM:
    case WEIR_AGGREGATE_RATE:
        return (struct span){-INFINITY, INFINITY};
    default:
        return span;
    }
}

static struct span span_of_rule(const struct weir_rule_draft *rule)
{
    struct span span = span_of_field(rule, rule->rule.field);
    struct span other;

    if (rule->rule.form == WEIR_RULE_RATE)
        return (struct span){rule->rule.counter ? 0 : -INFINITY, INFINITY};
    if (!rule->rule.has_minus)
        return span;
    other = span_of_field(rule, rule->rule.minus_field);
    return (struct span){span.least - other.most, span.most - other.least};
}

/* True when no value of the span passes the limit, because the most or the least does not. */
static bool is_unreachable(enum weir_operator op, const struct weir_limit *limit,
                           const struct span *span, bool *by_most)
{
    if (op == WEIR_OPERATOR_INSIDE) {
        *by_most = limit->low > span->most;
        return *by_most || limit->high < span->least;
    }
    *by_most = op != WEIR_OPERATOR_BELOW && limit->high >= span->most;
    return *by_most || (op != WEIR_OPERATOR_ABOVE && limit->low <= span->least);
}

static void warn_unreachable(struct weir_problems *problems, const struct watched *watched,
                             const struct weir_limit *limit, bool by_most)
{
    char low[WEIR_DRAFT_NUMBER_SIZE];
    char high[WEIR_DRAFT_NUMBER_SIZE];
    char end[WEIR_DRAFT_NUMBER_SIZE];
    bool inside = watched->comparison->op == WEIR_OPERATOR_INSIDE;

    weir_draft_number(low, limit->low);
    weir_draft_number(high, limit->high);
    weir_draft_number(end, by_most ? watched->span.most : watched->span.least);
    weir_problem_warn(problems, weir_source_place(watched->group),
                      "no value that %s looks at can be %s %s%s%s: the %s is %s", watched->label,
                      inside    ? "inside"
                      : by_most ? "above"
                                : "below",
                      inside || !by_most ? low : high, inside ? " to " : "", inside ? high : "",
                      by_most ? "most" : "least", end);
}

/* What is raised once stays so for good where no value is far enough back. */
static void warn_never_clears(struct weir_problems *problems, const struct watched *watched,
                              const struct weir_limit *limit)
{
    const struct span *span = &watched->span;
    enum weir_operator op = watched->comparison->op;
    double most = limit->high - watched->comparison->deadband;
    double least = limit->low + watched->comparison->deadband;
    bool low = op != WEIR_OPERATOR_BELOW && most < span->least;
    bool high = op != WEIR_OPERATOR_ABOVE && least > span->most;
    char back[WEIR_DRAFT_NUMBER_SIZE];
    char end[WEIR_DRAFT_NUMBER_SIZE];

    if (!low && !high)
        return;
    weir_draft_number(back, low ? most : least);
    weir_draft_number(end, low ? span->least : span->most);
    weir_problem_warn(problems, weir_draft_place(watched->group, "deadband"),
                      "%s can never clear: it would take a value of at %s %s, and the %s is %s",
                      watched->label, low ? "most" : "least", back, low ? "least" : "most", end);
}

/* The same for a range that is raised inside, and cleared by a value on either side of it. */
static void warn_never_leaves(struct weir_problems *problems, const struct watched *watched,
                              const struct weir_limit *limit)
{
    double deadband = watched->comparison->deadband;
    char least[WEIR_DRAFT_NUMBER_SIZE];
    char most[WEIR_DRAFT_NUMBER_SIZE];

    if (limit->low - deadband > watched->span.least || limit->high + deadband < watched->span.most)
        return;
    weir_draft_number(least, watched->span.least);
    weir_draft_number(most, watched->span.most);
    weir_problem_warn(problems, weir_draft_place(watched->group, "inside"),
                      "%s can never clear: every value that it looks at, from %s to %s, is inside",
                      watched->label, least, most);
}

/* The lowest level is the last to clear. */
static void warn_of_limits(const struct weir_rule_draft *rule, const struct watched *watched)
{
    const struct weir_comparison *comparison = watched->comparison;
    const struct weir_limit *lowest = NULL;
    bool by_most;

    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        const struct weir_limit *limit = &comparison->limits[i];

        if (!limit->set)
            continue;
        lowest = lowest ? lowest : limit;
        if (is_unreachable(comparison->op, limit, &watched->span, &by_most)) {
            warn_unreachable(rule->draft->problems, watched, limit, by_most);
            return;
        }
    }
    assert(lowest);
    if (comparison->op == WEIR_OPERATOR_INSIDE)
        warn_never_leaves(rule->draft->problems, watched, lowest);
    else
        warn_never_clears(rule->draft->problems, watched, lowest);
}

static void warn_of_reach(const struct weir_rule_draft *rule)
{
    const struct weir_rule_config *config = &rule->rule;
    struct watched watched = {
        .comparison = &config->comparison,
        .span = span_of_rule(rule),
        .group = rule->setting,
    };

    (void)snprintf(watched.label, sizeof(watched.label), "%s", rule->label);
    if (config->form == WEIR_RULE_LIMIT || config->form == WEIR_RULE_RATE)
        warn_of_limits(rule, &watched);
    if (!config->has_and)
        return;
    watched.comparison = &config->and_comparison;
    watched.span = span_of_field(rule, config->and_field);
    watched.group = config_setting_get_member(rule->setting, "and");
    (void)snprintf(watched.label, sizeof(watched.label), "and of %s", rule->label);
    warn_of_limits(rule, &watched);
}

static void warn_of_windows(const struct weir_rule_draft *rule)
{
    const struct weir_rule_config *config = &rule->rule;
    int64_t window_ms = rule->stream->window_ms;

    if (!config->on_window || config->form == WEIR_RULE_SILENCE)
        return;
    if (config->max_gap_ms < window_ms && (config->hold_ms > 0 || config->clear_delay_ms > 0))
        warn(rule, "max_gap",
             "is shorter than a window of its stream: no 'hold' or 'clear_delay' "
             "would end");
    if (config->form == WEIR_RULE_RATE && config->slope_window_ms < 3 * window_ms)
        warn(rule, "window",
             "is shorter than three windows of its stream, and a slope takes three values");
}

static bool mentions(const struct weir_rule_draft *rule, const char *placeholder)
{
    return strstr(rule->rule.message, placeholder) != NULL;
}

static void warn_of_message(const struct weir_rule_draft *rule)
{
    const struct weir_rule_config *config = &rule->rule;
    const struct weir_field_config *field = &rule->stream->fields[config->field];
    bool silence = config->form == WEIR_RULE_SILENCE;
    bool count = config->on_window && config->of == WEIR_AGGREGATE_COUNT;

    if (mentions(rule, "{unit}") && !silence && config->form != WEIR_RULE_RATE &&
        (field->unit[0] == '\0' || count || config->form == WEIR_RULE_CHANGE))
        warn(rule, "message", "has {unit}, and what the alert looks at has none");
    if (mentions(rule, "{field}") && silence)
        warn(rule, "message", "has {field}, and an alert on silence alone has none");
}

void weir_rule_warn(const struct weir_rule_draft *rule)
{
    const struct weir_rule_config *config = &rule->rule;

    warn_of_reach(rule);
    if (config->form == WEIR_RULE_SILENCE && weir_draft_has(rule->setting, "field"))
        warn(rule, "field", "has no effect: a value of any field ends silence");
    if (config->form == WEIR_RULE_CHANGE && config->on_change)
        warn(rule, "reporting",
             "keeps the last value between samples, so that a change would "
             "not clear before the same value comes twice");
    warn_of_windows(rule);
    warn_of_message(rule);
}
