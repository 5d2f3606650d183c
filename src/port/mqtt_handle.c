#include <string.h>

#include "port/mqtt_callbacks.h"
#include "port/mqtt_connection.h"
#include "port/mqtt_properties.h"

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    struct weir_mqtt *mqtt = context;
    struct weir_message message = {
        .topic = topic,
        .topic_length = topic_length > 0 ? (size_t)topic_length : strlen(topic),
        .payload = arrived->payload ? arrived->payload : "",
        .payload_length = (size_t)arrived->payloadlen,
        .packet_id = arrived->qos > 0 ? (uint16_t)arrived->msgid : 0,
        .retained = arrived->retained != 0,
        .duplicate = arrived->dup != 0,
    };

    if (mqtt->on_request) {
        struct weir_mqtt_reply reply;

        weir_mqtt_properties_read_reply(&reply, &arrived->properties);
        mqtt->on_request(mqtt->context, &message, &reply);
    } else if (mqtt->on_message) {
        mqtt->on_message(mqtt->context, &message);
    }
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    /* Anything else makes the library acknowledge later messages before it delivers them. */
    return 1;
}

static void on_lost(void *context, char *cause)
{
    struct weir_mqtt *mqtt = context;

    (void)cause;
    weir_mqtt_exchange_note_lost(&mqtt->exchange, "closed by the other side, or no answer");
}

bool weir_mqtt_create_handle(struct weir_mqtt *mqtt, MQTTAsync *handle)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;

    options.MQTTVersion = mqtt->peer.config.version;
    /* More than we ever give it at once: fullness is decided here, not there. */
    options.maxBufferedMessages = WEIR_MQTT_REQUEST_COUNT_MAX + 1;
    if (MQTTAsync_createWithOptions(handle, mqtt->peer.uri, mqtt->client_id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &options) != MQTTASYNC_SUCCESS)
        return false;
    if (MQTTAsync_setCallbacks(*handle, mqtt, on_lost, on_message, NULL) == MQTTASYNC_SUCCESS &&
        MQTTAsync_setDisconnected(*handle, &mqtt->exchange, weir_mqtt_callbacks_disconnected) ==
            MQTTASYNC_SUCCESS)
        return true;
    MQTTAsync_destroy(handle);
    return false;
}

/*
 * OpenSSL sets itself up when it is first used. Left to the library, it is set up for connections
 * without TLS too, which costs 1.5 MiB of resident memory.
 *
 * With its last handle the library takes down what its receiving thread may still write to. So
 * there is a handle that nobody uses and nobody destroys.
 */
void weir_mqtt_init_library(void)
{
    static MQTTAsync spare;
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;

    if (spare)
        return;
    MQTTAsync_global_init(&options);
    (void)MQTTAsync_create(&spare, "tcp://127.0.0.1:1", "weir-spare", MQTTCLIENT_PERSISTENCE_NONE,
                           NULL);
}

bool weir_mqtt_handle_connected(struct weir_mqtt *mqtt)
{
    return MQTTAsync_isConnected(mqtt->handle) != 0;
}

bool weir_mqtt_renew_handle(struct weir_mqtt *mqtt)
{
    MQTTAsync handle;

    if (!weir_mqtt_create_handle(mqtt, &handle))
        return false;
    /* The other order would stop the library's threads whenever this is the only connection. */
    MQTTAsync_destroy(&mqtt->handle);
    mqtt->handle = handle;
    weir_mqtt_exchange_abandon(&mqtt->exchange, MQTTASYNC_DISCONNECTED);
    return true;
}

/* What was sent, the library answers when it closes the session; what still waited in its queue it
 * would send on the next connection, on top of what its owner then sends again. */
bool weir_mqtt_settle_handle(struct weir_mqtt *mqtt)
{
    bool connected = weir_mqtt_handle_connected(mqtt);

    if (!connected && weir_mqtt_exchange_count(&mqtt->exchange) == 0)
        return true;
    return weir_mqtt_renew_handle(mqtt);
}
