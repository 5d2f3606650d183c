/*
 * What no single setting can get wrong, only several together: limits that contradict each other,
 * names that are taken or that nobody has, windows that do not fit.
 */
#ifndef WEIR_PORT_CONFIG_CHECK_H
#define WEIR_PORT_CONFIG_CHECK_H

#include <libconfig.h>

#include "port/config_problem.h"
#include "weir/config.h"

/* A configuration on its way: what has been read, and from which settings. */
struct weir_draft {
    struct weir_config *config;
    struct weir_problems *problems;
    const config_setting_t *streams[WEIR_STREAM_COUNT_MAX];
    const config_setting_t *rules[WEIR_RULE_COUNT_MAX];
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

/*
 * Checks a stream or a rule that has been read into the configuration, against itself and against
 * those with a lower index; fills in what follows from other settings. A rule's references are
 * resolved; all streams have been read by then.
 */
void weir_check_stream(struct weir_draft *draft, uint32_t index);
void weir_check_rule(struct weir_draft *draft, uint32_t index);

/* Checks a peer; setting is its group. */
void weir_check_peer(struct weir_draft *draft, const struct weir_peer_config *peer,
                     const config_setting_t *setting, const char *where);

/*
 * Warns of topic filters of which neither covers the other, though a topic may match both: a broker
 * may then deliver a message twice. The configuration is free of errors.
 */
void weir_check_overlap(struct weir_draft *draft);

#endif
