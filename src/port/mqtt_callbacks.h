/*
 * What the library calls back: each notes what happened in the connection's exchange and returns.
 * Two of each kind, as the library has one for MQTT 5 and one for 3.1.1.
 */
#ifndef WEIR_PORT_MQTT_CALLBACKS_H
#define WEIR_PORT_MQTT_CALLBACKS_H

#include <MQTTAsync.h>

#include "port/mqtt_exchange.h"

/* Fill in who is called back. */
void weir_mqtt_callbacks_set_connect(MQTTAsync_connectOptions *options, int version,
                                     struct weir_mqtt_exchange *exchange);
void weir_mqtt_callbacks_set_publish(MQTTAsync_responseOptions *options, int version,
                                     struct weir_mqtt_request *request);
void weir_mqtt_callbacks_set_subscribe(MQTTAsync_responseOptions *options, int version,
                                       struct weir_mqtt_request *request);
void weir_mqtt_callbacks_set_unsubscribe(MQTTAsync_responseOptions *options, int version,
                                         struct weir_mqtt_request *request);
void weir_mqtt_callbacks_set_disconnect(MQTTAsync_disconnectOptions *options, int version,
                                        struct weir_mqtt_exchange *exchange);
void weir_mqtt_callbacks_set_tls(MQTTAsync_SSLOptions *options,
                                 struct weir_mqtt_exchange *exchange);

/* The broker ended the connection and said why; context is the exchange. */
MQTTAsync_disconnected weir_mqtt_callbacks_disconnected;

#endif
