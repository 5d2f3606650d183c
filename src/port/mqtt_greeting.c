#include "port/mqtt_greeting.h"

#include <stddef.h>
#include <stdint.h>

#include "port/mqtt_callbacks.h"
#include "port/mqtt_properties.h"

#define CONNECT_S_MAX 5 /* of patience; the library looks every 3 s */
#define SESSION_EXPIRY_S (7 * 24 * 3600)
#define RECEIVE_MAX 100               /* unacknowledged messages the broker may send */
#define PACKET_BYTES_MAX (256 * 1024) /* a packet it may send */

static bool add_properties(const struct weir_mqtt_greeting *greeting, MQTTProperties *properties)
{
    /* A will is not delayed beyond the end of the session. */
    uint32_t expiry_s = greeting->clean_start ? (uint32_t)greeting->will_delay_s : SESSION_EXPIRY_S;

    if (expiry_s > 0 && !weir_mqtt_properties_add_number(
                            properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, expiry_s))
        return false;
    return !greeting->receives ||
           (weir_mqtt_properties_add_number(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                                            RECEIVE_MAX) &&
            weir_mqtt_properties_add_number(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE,
                                            PACKET_BYTES_MAX));
}

static void set_credentials(const struct weir_mqtt_greeting *greeting,
                            MQTTAsync_connectOptions *options)
{
    const char *username = greeting->peer->config.username;

    options->username = username[0] != '\0' ? username : NULL;
    if (greeting->password->length > 0) {
        options->binarypwd.data = greeting->password->bytes;
        options->binarypwd.len = (int)greeting->password->length;
    }
}

bool weir_mqtt_greeting_send(const struct weir_mqtt_greeting *greeting, MQTTAsync handle,
                             struct weir_mqtt_exchange *exchange)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions options5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperties will_properties = MQTTProperties_initializer;
    int version = greeting->peer->config.version;
    bool sent = false;

    if (version >= MQTTVERSION_5) {
        if (!add_properties(greeting, &properties) ||
            !weir_mqtt_properties_add_number(&will_properties,
                                             MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL,
                                             (uint32_t)greeting->will_delay_s))
            goto finish;
        options = options5;
        options.cleanstart = greeting->clean_start;
        options.connectProperties = &properties;
        options.willProperties = greeting->will_topic ? &will_properties : NULL;
    } else {
        options.MQTTVersion = version;
        options.cleansession = greeting->clean_start;
    }
    options.keepAliveInterval = greeting->keepalive_s;
    options.connectTimeout = CONNECT_S_MAX;
    set_credentials(greeting, &options);
    if (greeting->will_topic) {
        will.topicName = greeting->will_topic;
        will.message = greeting->will_payload;
        will.retained = 1;
        will.qos = 1;
        options.will = &will;
    }
    if (greeting->peer->tls) {
        weir_mqtt_peer_set_tls(greeting->peer, &tls);
        weir_mqtt_callbacks_set_tls(&tls, exchange);
        options.ssl = &tls;
    }
    weir_mqtt_callbacks_set_connect(&options, version, exchange);
    sent = MQTTAsync_connect(handle, &options) == MQTTASYNC_SUCCESS;
finish:
    MQTTProperties_free(&will_properties);
    MQTTProperties_free(&properties);
    return sent;
}
