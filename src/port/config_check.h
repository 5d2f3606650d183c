/*
 * What no single setting can get wrong, only several together: limits that contradict each other,
 * names that are taken or that nobody has, windows that do not fit.
 */
#ifndef WEIR_PORT_CONFIG_CHECK_H
#define WEIR_PORT_CONFIG_CHECK_H

#include "port/config_draft.h"

/*
 * Checks a stream that has been read into the configuration, against itself and against those with
 * a lower index; fills in what follows from other settings.
 */
void weir_check_stream(struct weir_draft *draft, uint32_t index);

/* Checks the schedule of the uplink; setting is its group. */
void weir_check_uplink(struct weir_draft *draft, const config_setting_t *setting);

/* Checks a peer; setting is its group. */
void weir_check_peer(struct weir_draft *draft, const struct weir_peer_config *peer,
                     const config_setting_t *setting, const char *where);

/*
 * Warns of topic filters of which neither covers the other, though a topic may match both: a broker
 * may then deliver a message twice. The configuration is free of errors.
 */
void weir_check_overlap(struct weir_draft *draft);

#endif
