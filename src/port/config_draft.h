/*
 * A configuration on its way from files to plain values: what has been read, from which settings,
 * and how a report speaks of them.
 */
#ifndef WEIR_PORT_CONFIG_DRAFT_H
#define WEIR_PORT_CONFIG_DRAFT_H

#include <libconfig.h>
#include <stdbool.h>

#include "port/config_problem.h"
#include "weir/config.h"

struct weir_draft {
    struct weir_config *config;
    struct weir_problems *problems;
    const config_setting_t *streams[WEIR_STREAM_COUNT_MAX];
    const config_setting_t *rules[WEIR_RULE_COUNT_MAX];
    uint32_t flap_count; /* of an alert that says nothing of it; and so on */
    uint32_t storm_count;
    int64_t flap_ms;
    int64_t storm_ms;
    bool connects; /* who reads it will: what that takes is looked at */
};

/* Bytes of what the report calls a group, such as: field "humidity" of stream "climate" */
#define WEIR_LABEL_SIZE 192

/*
 * Writes that. setting is the group (its setting `name` is used), kind its kind, number its
 * position from 1, which stands in for a name; outer is the label of what it belongs to, NULL:
 * none.
 */
void weir_label_write(char *label, const char *kind, const config_setting_t *setting,
                      unsigned number, const char *outer);

/* The value of the setting of that name, or the group itself where it is not written: a place to
 * point at. */
struct weir_place weir_draft_place(const config_setting_t *group, const char *name);

/* True when the group, which may be NULL, has a setting of that name. */
bool weir_draft_has(const config_setting_t *group, const char *name);

/* The text of a setting, NULL: it is not written, or is no text. */
const char *weir_draft_text(const config_setting_t *group, const char *name);

/* Bytes of a number as a report shows it, and its writer: the shortest form, NUL-terminated. */
#define WEIR_DRAFT_NUMBER_SIZE 32
void weir_draft_number(char *out, double number);

/*
 * Refuses a text that names nothing: what is its setting in the group that label stands for, and
 * names are those it could have been.
 */
void weir_draft_refuse_name(struct weir_draft *draft, const config_setting_t *group,
                            const char *what, const char *label, const char *const *names,
                            size_t count);

#endif
