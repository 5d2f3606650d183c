/* The limits of a rule: from where they were read to their levels, and whether they agree. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "port/config_rule.h"
#include "port/config_source.h"

#define PLAIN (1u << WEIR_LEVEL_OK)

/* A comparison with the group that it was read from. */
struct limits {
    struct weir_comparison *comparison;
    const config_setting_t *group;
    const char *label;
    const char *name; /* the setting of the limits; that of the lower ones, where there are two */
    struct weir_problems *problems;
};

/* The levels that a value by level is written with, as bits; that of WEIR_LEVEL_OK: without one. */
static uint32_t read_levels(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);
    uint32_t levels = 0;

    if (!setting || !config_setting_is_group(setting))
        return setting ? PLAIN : 0;
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (weir_draft_has(setting, weir_level_name((enum weir_level)i)))
            levels |= 1u << i;
    }
    return levels;
}

/* Where the limit of a level is written. */
static struct weir_place place_of_level(const struct limits *limits, enum weir_level level)
{
    const config_setting_t *setting = config_setting_get_member(limits->group, limits->name);

    if (setting && config_setting_is_group(setting))
        return weir_draft_place(setting, weir_level_name(level));
    return weir_draft_place(limits->group, limits->name);
}

/* Writes what a higher level's limits would have to be. */
static void write_expected(char *out, size_t size, enum weir_operator op,
                           const struct weir_limit *lower)
{
    char low[WEIR_DRAFT_NUMBER_SIZE];
    char high[WEIR_DRAFT_NUMBER_SIZE];

    weir_draft_number(low, lower->low);
    weir_draft_number(high, lower->high);
    switch (op) {
    case WEIR_OPERATOR_ABOVE:
        (void)snprintf(out, size, "more than %s", high);
        break;
    case WEIR_OPERATOR_BELOW:
        (void)snprintf(out, size, "less than %s", low);
        break;
    case WEIR_OPERATOR_OUTSIDE:
        (void)snprintf(out, size, "a range around %s to %s", low, high);
        break;
    case WEIR_OPERATOR_INSIDE:
        (void)snprintf(out, size, "a range within %s to %s", low, high);
        break;
    }
}

/* How much further the higher level's limits lie on each side; a side without limits: infinite. */
static void find_distance(const struct weir_comparison *comparison, const struct weir_limit *lower,
                          const struct weir_limit *higher, double *low, double *high)
{
    bool inside = comparison->op == WEIR_OPERATOR_INSIDE;

    *low = inside ? higher->low - lower->low : lower->low - higher->low;
    *high = inside ? lower->high - higher->high : higher->high - lower->high;
    if (comparison->op == WEIR_OPERATOR_ABOVE)
        *low = INFINITY;
    if (comparison->op == WEIR_OPERATOR_BELOW)
        *high = INFINITY;
}

/* On one side of a range two levels may have the same limit: there the higher one counts. */
static bool check_distance(const struct limits *limits, enum weir_level lower,
                           enum weir_level higher)
{
    const struct weir_comparison *comparison = limits->comparison;
    double low;
    double high;
    double least;
    char text[WEIR_DRAFT_NUMBER_SIZE];
    char expected[96];

    find_distance(comparison, &comparison->limits[lower], &comparison->limits[higher], &low, &high);
    if (low < 0 || high < 0 || (low == 0 && high == 0) || (low == 0 && isinf(high)) ||
        (high == 0 && isinf(low))) {
        write_expected(expected, sizeof(expected), comparison->op, &comparison->limits[lower]);
        weir_problem_add(limits->problems, place_of_level(limits, higher),
                         "the limit of \"%s\" in %s does not lie beyond that of \"%s\"; expected "
                         "%s",
                         weir_level_name(higher), limits->label, weir_level_name(lower), expected);
        return false;
    }
    least = low == 0 ? high : high == 0 ? low : fmin(low, high);
    if (comparison->deadband < least)
        return true;
    weir_draft_number(text, least);
    weir_problem_add(limits->problems, weir_draft_place(limits->group, "deadband"),
                     "'deadband' in %s reaches from the limit of \"%s\" to that of \"%s\"; "
                     "expected less than %s, which lies between them",
                     limits->label, weir_level_name(higher), weir_level_name(lower), text);
    return false;
}

/* The two ends of a range; false: they do not fit, and this was reported. */
static bool check_range(const struct limits *limits, enum weir_level level)
{
    const struct weir_limit *limit = &limits->comparison->limits[level];
    char low[WEIR_DRAFT_NUMBER_SIZE];
    char high[WEIR_DRAFT_NUMBER_SIZE];

    if (limit->low < limit->high ||
        (limit->low == limit->high && limits->comparison->op == WEIR_OPERATOR_INSIDE))
        return true;
    weir_draft_number(low, limit->low);
    weir_draft_number(high, limit->high);
    weir_problem_add(limits->problems, place_of_level(limits, level),
                     "the limits of %s leave nothing between them; expected the lower one, %s, "
                     "below the upper one, %s",
                     limits->label, low, high);
    return false;
}

/* From outside a range there has to be a way back into it. */
static void check_way_back(const struct limits *limits, const struct weir_limit *limit)
{
    double deadband = limits->comparison->deadband;
    char written[WEIR_DRAFT_NUMBER_SIZE];
    char most[WEIR_DRAFT_NUMBER_SIZE];

    if (limit->low + deadband <= limit->high - deadband)
        return;
    weir_draft_number(written, deadband);
    weir_draft_number(most, (limit->high - limit->low) / 2);
    weir_problem_add(limits->problems, weir_draft_place(limits->group, "deadband"),
                     "'deadband' in %s is %s, so that the alert could never clear; expected at "
                     "most half the way between the limits, %s",
                     limits->label, written, most);
}

static void check_limits(const struct limits *limits)
{
    const struct weir_comparison *comparison = limits->comparison;
    bool range = comparison->op == WEIR_OPERATOR_OUTSIDE || comparison->op == WEIR_OPERATOR_INSIDE;
    enum weir_level lower = WEIR_LEVEL_OK;

    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        if (!comparison->limits[i].set)
            continue;
        if (range && !check_range(limits, (enum weir_level)i))
            return;
        if (lower != WEIR_LEVEL_OK && !check_distance(limits, lower, (enum weir_level)i))
            return;
        if (lower == WEIR_LEVEL_OK && comparison->op == WEIR_OPERATOR_OUTSIDE)
            check_way_back(limits, &comparison->limits[i]);
        lower = (enum weir_level)i;
    }
}

/* Keeps the limits of those levels; one that was written without a level goes to plain. */
static void settle_levels(struct weir_comparison *comparison, uint32_t levels,
                          enum weir_level plain)
{
    for (uint32_t i = 0; i < WEIR_LEVEL_COUNT; i++) {
        if (levels & 1u << i)
            comparison->limits[i].set = true;
        else
            comparison->limits[i] = (struct weir_limit){0};
    }
    if (levels & PLAIN) {
        comparison->limits[plain] = comparison->limits[WEIR_LEVEL_OK];
        comparison->limits[WEIR_LEVEL_OK] = (struct weir_limit){0};
    }
}

/* Which levels a rule's limits have; 0: this was reported, here or by the reader of a value. */
static uint32_t levels_of_limit(struct weir_rule_draft *rule, const char *name)
{
    uint32_t written = read_levels(rule->setting, name);
    uint32_t read = strcmp(name, "above") == 0   ? rule->above_levels
                    : strcmp(name, "below") == 0 ? rule->below_levels
                                                 : rule->range_levels;
    bool both = strcmp(name, "above") == 0 && weir_draft_has(rule->setting, "below");

    if (both && read_levels(rule->setting, "below") != written) {
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, "below"),
                         "'above' and 'below' in %s have different levels; expected the same, or "
                         "two alerts",
                         rule->label);
        return 0;
    }
    if (both && rule->below_levels != written)
        return 0;
    return read == written ? read : 0;
}

static uint32_t place_values(struct weir_rule_draft *rule, struct limits *limits)
{
    uint32_t levels;

    limits->name =
        weir_rule_find_operator(rule, limits->group, limits->label, &limits->comparison->op);
    if (!limits->name)
        return 0;
    levels = levels_of_limit(rule, limits->name);
    if (limits->comparison->op == WEIR_OPERATOR_OUTSIDE && strcmp(limits->name, "above") == 0)
        limits->name = "below";
    return levels;
}

/* Slopes of one rule have one direction and one unit: they are told in it. */
static uint32_t place_slopes(struct weir_rule_draft *rule, struct limits *limits)
{
    const struct weir_slope_limit *first = NULL;

    limits->name = "rate";
    for (uint32_t i = 0; i < WEIR_LEVEL_COUNT; i++) {
        const struct weir_slope_limit *slope = &rule->slopes[i];
        struct weir_limit *limit = &limits->comparison->limits[i];

        if (!(rule->slope_levels & 1u << i))
            continue;
        first = first ? first : slope;
        if (first->unit_ms != slope->unit_ms || (first->number < 0) != (slope->number < 0)) {
            weir_problem_add(limits->problems, place_of_level(limits, (enum weir_level)i),
                             "the slopes of 'rate' in %s differ in direction or unit of time; "
                             "expected the same sign and \"/%s\"",
                             rule->label, weir_slope_unit_name(first->unit_ms));
            return 0;
        }
        *limit = (struct weir_limit){
            .low = slope->number < 0 ? slope->number : -INFINITY,
            .high = slope->number < 0 ? INFINITY : slope->number,
        };
    }
    if (!first || rule->slope_levels != read_levels(rule->setting, "rate"))
        return 0;
    rule->rule.slope_unit_ms = first->unit_ms;
    limits->comparison->op = first->number < 0 ? WEIR_OPERATOR_BELOW : WEIR_OPERATOR_ABOVE;
    return rule->slope_levels;
}

static uint32_t place_silences(struct weir_rule_draft *rule, struct limits *limits)
{
    limits->name = "silent";
    limits->comparison->op = WEIR_OPERATOR_ABOVE;
    for (uint32_t i = 0; i < WEIR_LEVEL_COUNT; i++) {
        int64_t ms = rule->silences_ms[i];

        if (!(rule->silence_levels & 1u << i))
            continue;
        limits->comparison->limits[i] =
            (struct weir_limit){.low = -INFINITY, .high = (double)ms / 1000};
        if (rule->rule.silent_ms == 0 || ms < rule->rule.silent_ms)
            rule->rule.silent_ms = ms;
    }
    if (rule->silence_levels != read_levels(rule->setting, "silent"))
        return 0;
    return rule->silence_levels;
}

/* A change is judged as 1, and no change as 0. */
static uint32_t place_change(const struct weir_rule_draft *rule, struct limits *limits)
{
    *limits->comparison = weir_comparison_make(WEIR_OPERATOR_ABOVE, 0, 0, 0, rule->rule.level);
    return 1u << rule->rule.level;
}

static void check_level(struct weir_rule_draft *rule, const struct limits *limits, uint32_t levels)
{
    if (!weir_draft_has(rule->setting, "level") || levels & PLAIN ||
        rule->rule.form == WEIR_RULE_CHANGE)
        return;
    weir_problem_add(limits->problems, weir_draft_place(rule->setting, "level"),
                     "'level' in %s stands beside levels of '%s'; expected one or the other",
                     rule->label, limits->name);
}

static void place_and(struct weir_rule_draft *rule)
{
    char label[WEIR_LABEL_SIZE + 8];
    struct limits limits = {
        .comparison = &rule->rule.and_comparison,
        .group = config_setting_get_member(rule->setting, "and"),
        .label = label,
        .problems = rule->draft->problems,
    };
    uint32_t known = limits.problems->error_count;

    (void)snprintf(label, sizeof(label), "and of %s", rule->label);
    limits.name = weir_rule_find_operator(rule, limits.group, label, &limits.comparison->op);
    if (!limits.name && known == limits.problems->error_count)
        weir_problem_add(limits.problems, weir_source_place(limits.group),
                         "no condition in %s; expected 'above', 'below', 'outside' or 'inside'",
                         label);
    if (limits.name && limits.comparison->op == WEIR_OPERATOR_OUTSIDE &&
        strcmp(limits.name, "above") == 0)
        limits.name = "below";
    settle_levels(limits.comparison, PLAIN, WEIR_LEVEL_INFO);
    if (limits.name && rule->and_fits)
        check_limits(&limits);
}

void weir_rule_place_limits(struct weir_rule_draft *rule)
{
    struct limits limits = {
        .comparison = &rule->rule.comparison,
        .group = rule->setting,
        .label = rule->label,
        .problems = rule->draft->problems,
    };
    uint32_t levels = 0;

    if (rule->rule.has_and)
        place_and(rule);
    if (!rule->formed)
        return;
    switch (rule->rule.form) {
    case WEIR_RULE_LIMIT:
        levels = place_values(rule, &limits);
        break;
    case WEIR_RULE_RATE:
        levels = place_slopes(rule, &limits);
        break;
    case WEIR_RULE_CHANGE:
        levels = place_change(rule, &limits);
        break;
    case WEIR_RULE_SILENCE:
        levels = place_silences(rule, &limits);
        break;
    }
    rule->formed = levels != 0;
    if (!rule->formed)
        return;
    check_level(rule, &limits, levels);
    settle_levels(limits.comparison, levels, rule->rule.level);
    check_limits(&limits);
}
