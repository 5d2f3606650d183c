/*
 * What Home Assistant is told so that it finds alerts and summaries by itself: for each alert a
 * binary_sensor of class problem, for each field of a live series a sensor. Field names and meaning
 * are those of Home Assistant's documentation of MQTT discovery; nothing expires, because a
 * retained state that is replayed would count as new.
 */
#ifndef WEIR_COMMAND_DISCOVERY_H
#define WEIR_COMMAND_DISCOVERY_H

#include "command/outlet.h"
#include "format/topic.h"

/* Announcing is on when the configuration names a prefix. */
bool weir_discovery_is_on(const struct weir_outlet *outlet);

/* Publish, retained, the description of an alert or of a field of a live series. WEIR_FULL as
 * weir_mqtt_publish. */
enum weir_status weir_discovery_send_alert(struct weir_outlet *outlet, uint32_t rule,
                                           uint32_t series);
enum weir_status weir_discovery_send_sensor(struct weir_outlet *outlet, uint32_t stream,
                                            uint32_t series, uint32_t field);

/* The topics under a prefix that descriptions of this gateway lie at; text has room for
 * WEIR_TOPIC_LENGTH_MAX + 1 bytes. component is binary_sensor or sensor. */
void weir_discovery_filter(const struct weir_config *config, const char *prefix,
                           const char *component, char *text);

/* True when the configuration has what a description at this topic (not NUL-terminated) is of: it
 * tells of the state at `state`. */
bool weir_discovery_stands(const struct weir_config *config, const char *topic, size_t length,
                           const struct weir_topic *state);

#endif
