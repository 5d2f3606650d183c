/* What a rule watches, and which settings go with that. */
#include <string.h>

#include "port/config_rule.h"
#include "port/config_source.h"

#define FORM(form) (1u << (form))
#define JUDGED (FORM(WEIR_RULE_LIMIT) | FORM(WEIR_RULE_RATE) | FORM(WEIR_RULE_CHANGE))

struct use {
    const char *name;
    uint32_t forms; /* that the setting goes with */
    const char *with;
};

static const struct use uses[] = {
    {"deadband", FORM(WEIR_RULE_LIMIT) | FORM(WEIR_RULE_RATE), "a limit or a rate"},
    {"hold", FORM(WEIR_RULE_LIMIT) | FORM(WEIR_RULE_RATE), "a limit or a rate"},
    {"window", FORM(WEIR_RULE_RATE), "a rate"},
    {"counter", FORM(WEIR_RULE_RATE), "a rate"},
    {"on", JUDGED, "a limit, a rate or a change"},
    {"of", JUDGED, "a limit, a rate or a change"},
    {"and", JUDGED, "a limit, a rate or a change"},
    {"minus", JUDGED, "a limit, a rate or a change"},
    {"max_gap", JUDGED, "a limit, a rate or a change"},
    {"reporting", JUDGED, "a limit, a rate or a change"},
};

static const char *form_name(enum weir_rule_form form)
{
    static const char *const names[] = {
        [WEIR_RULE_LIMIT] = "a limit",
        [WEIR_RULE_RATE] = "a rate",
        [WEIR_RULE_CHANGE] = "a change",
        [WEIR_RULE_SILENCE] = "silence alone",
    };

    return names[form];
}

static void check_uses(struct weir_rule_draft *rule)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        if (!weir_draft_has(rule->setting, uses[i].name) || (uses[i].forms & FORM(rule->rule.form)))
            continue;
        weir_problem_add(rule->draft->problems, weir_draft_place(rule->setting, uses[i].name),
                         "'%s' in %s has no use in an alert on %s; expected it in one on %s",
                         uses[i].name, rule->label, form_name(rule->rule.form), uses[i].with);
    }
}

static void refuse_both(struct weir_rule_draft *rule, const config_setting_t *group,
                        const char *label, const char *name, const char *other)
{
    weir_problem_add(rule->draft->problems, weir_draft_place(group, name),
                     "'%s' in %s stands beside '%s'; expected one or the other", name, label,
                     other);
}

const char *weir_rule_find_operator(struct weir_rule_draft *rule, const config_setting_t *group,
                                    const char *label, enum weir_operator *op)
{
    bool above = weir_draft_has(group, "above");
    bool below = weir_draft_has(group, "below");
    const char *single = above ? "above" : below ? "below" : NULL;
    const char *range = NULL;

    *op = above ? WEIR_OPERATOR_ABOVE : WEIR_OPERATOR_BELOW;
    if (above && below)
        *op = WEIR_OPERATOR_OUTSIDE;
    if (weir_draft_has(group, "inside")) {
        *op = WEIR_OPERATOR_INSIDE;
        range = "inside";
    }
    if (weir_draft_has(group, "outside")) {
        if (range) {
            refuse_both(rule, group, label, "outside", range);
            return NULL;
        }
        *op = WEIR_OPERATOR_OUTSIDE;
        range = "outside";
    }
    if (range && single) {
        refuse_both(rule, group, label, range, single);
        return NULL;
    }
    return range ? range : single;
}

/* The first setting of a condition other than a limit. */
static const char *find_other(const struct weir_rule_draft *rule)
{
    if (weir_draft_has(rule->setting, "rate"))
        return "rate";
    return rule->change ? "change" : NULL;
}

static const char *find_limit(const struct weir_rule_draft *rule)
{
    static const char *const names[] = {"outside", "inside", "above", "below"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (weir_draft_has(rule->setting, names[i]))
            return names[i];
    }
    return NULL;
}

void weir_rule_find_form(struct weir_rule_draft *rule)
{
    const char *limit = find_limit(rule);
    const char *other = find_other(rule);
    bool silent = weir_draft_has(rule->setting, "silent");

    if (other && limit) {
        refuse_both(rule, rule->setting, rule->label, other, limit);
    } else if (other && rule->change && strcmp(other, "rate") == 0) {
        refuse_both(rule, rule->setting, rule->label, "change", "rate");
    } else if (!other && !limit && !silent) {
        weir_problem_add(rule->draft->problems, weir_source_place(rule->setting),
                         "no condition in %s; expected 'above', 'below', 'outside', 'inside', "
                         "'rate', 'change' or 'silent'",
                         rule->label);
    } else {
        rule->formed = true;
        rule->rule.form = limit                        ? WEIR_RULE_LIMIT
                          : !other                     ? WEIR_RULE_SILENCE
                          : strcmp(other, "rate") == 0 ? WEIR_RULE_RATE
                                                       : WEIR_RULE_CHANGE;
        check_uses(rule);
    }
}
