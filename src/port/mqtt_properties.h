/*
 * MQTT 5 properties, between the library's form and ours.
 */
#ifndef WEIR_PORT_MQTT_PROPERTIES_H
#define WEIR_PORT_MQTT_PROPERTIES_H

#include <MQTTAsync.h>
#include <stdbool.h>
#include <stddef.h>

#include "port/mqtt.h"

/* Adds a property that is a number. False: out of memory. */
bool weir_mqtt_properties_add_number(MQTTProperties *properties, enum MQTTPropertyCodes code,
                                     uint32_t number);

/* Writes what a publish carries; the library's copy is to be freed. False: out of memory. */
bool weir_mqtt_properties_write(MQTTProperties *properties,
                                const struct weir_mqtt_properties *from);

/* Bytes on the wire, at most. */
size_t weir_mqtt_properties_length(const struct weir_mqtt_properties *properties);

/* Where the sender of a message wants the answer. Points into the properties. */
void weir_mqtt_properties_read_reply(struct weir_mqtt_reply *reply, MQTTProperties *properties);

#endif
