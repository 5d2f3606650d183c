/*
 * The request to connect: what a connection says of itself, and what it asks of the broker.
 */
#ifndef WEIR_PORT_MQTT_GREETING_H
#define WEIR_PORT_MQTT_GREETING_H

#include <MQTTAsync.h>
#include <stdbool.h>

#include "port/mqtt_exchange.h"
#include "port/mqtt_peer.h"

/* Everything is borrowed for the call. */
struct weir_mqtt_greeting {
    const struct weir_mqtt_peer *peer;
    const struct weir_mqtt_password *password;
    const char *will_topic; /* NULL: none */
    const char *will_payload;
    int will_delay_s; /* MQTT 5 */
    bool clean_start;
    bool receives; /* messages: the broker is told how many and how long */
    int keepalive_s;
};

/* Hands it to the library, which copies all of it and answers through the exchange. False: the
 * library did not take it. */
bool weir_mqtt_greeting_send(const struct weir_mqtt_greeting *greeting, MQTTAsync handle,
                             struct weir_mqtt_exchange *exchange);

#endif
