/*
 * An alert on its way from the file to a rule: read, put together, checked. Each step is a file:
 * what the rule watches (config_form), its limits (config_limit), whose series it expects
 * (config_expect), what is in order and yet makes no sense (config_sense).
 */
#ifndef WEIR_PORT_CONFIG_RULE_H
#define WEIR_PORT_CONFIG_RULE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/config_draft.h"
#include "port/config_value.h"
#include "weir/config.h"

/*
 * What the tables fill in. A value by level has a place for each enum weir_level, the first for one
 * that is written without a level; bits 1 << level say which were read.
 */
struct weir_rule_draft {
    struct weir_rule_config rule;
    struct weir_slope_limit slopes[WEIR_LEVEL_COUNT];
    int64_t silences_ms[WEIR_LEVEL_COUNT];
    uint32_t above_levels;
    uint32_t below_levels;
    uint32_t range_levels; /* of outside or inside */
    uint32_t slope_levels;
    uint32_t silence_levels;
    uint32_t remind_levels;
    uint32_t of_quantile; /* as in rule */
    bool change;

    /* The rest is the readers'. */
    struct weir_draft *draft;
    const config_setting_t *setting;         /* the alert's group */
    const char *label;                       /* as in: alert "overheat" */
    const struct weir_stream_config *stream; /* NULL: none, and this was reported */
    bool formed;                             /* it has one form, and its limits were read */
    bool and_fits;                           /* so were those of `and` */
};

/* Reads what `alerting` says for alerts that say nothing themselves. NULL: there is no such
 * group. */
void weir_rule_read_defaults(struct weir_draft *draft, const config_setting_t *alerting);

/* Reads the alert with that index into the configuration's rules. All streams have been read. */
void weir_rule_read(struct weir_draft *draft, uint32_t index);

/* Finds out what the rule watches; refuses what does not go with it. */
void weir_rule_find_form(struct weir_rule_draft *rule);

/*
 * The setting that says which way values in group are held against limits, of above, below, outside
 * and inside; above and below together are outside. NULL: none or more than one is written; the
 * latter was reported, with label for the group.
 */
const char *weir_rule_find_operator(struct weir_rule_draft *rule, const config_setting_t *group,
                                    const char *label, enum weir_operator *op);

/* Puts the limits of a rule, and of its `and`, in their places, and checks them. */
void weir_rule_place_limits(struct weir_rule_draft *rule);

/* What is wrong with the name of a series of that stream, as it completes "expected"; NULL:
 * nothing. */
const char *weir_rule_check_series(const struct weir_stream_config *stream, const char *series);

/* Most labels that a series of the stream has. */
uint32_t weir_rule_label_count(const struct weir_stream_config *stream);

/* Reads the series that all rules expect. False: out of memory. */
bool weir_rule_read_expected(struct weir_draft *draft);

/* Warns of what makes no sense. The configuration is free of errors so far. */
void weir_rule_warn(const struct weir_rule_draft *rule);

#endif
