#include <limits.h>
#include <string.h>

#include "core/assert.h"
#include "port/mqtt_callbacks.h"
#include "port/mqtt_connection.h"
#include "port/mqtt_properties.h"

#define PUBLISH_OVERHEAD_BYTES 16 /* of a publish packet, beside topic and payload, at most */

static bool is_too_long(const struct weir_mqtt *mqtt,
                        const struct weir_mqtt_publication *publication)
{
    size_t packet_max = mqtt->welcome.packet_max;
    size_t length =
        strlen(publication->topic) + publication->payload_length + PUBLISH_OVERHEAD_BYTES;

    if (publication->payload_length > INT_MAX / 2)
        return true;
    if (publication->properties)
        length += weir_mqtt_properties_length(publication->properties);
    return packet_max > 0 && length > packet_max;
}

/* Returns the library's result. */
static int hand_over(struct weir_mqtt *mqtt, const struct weir_mqtt_publication *publication,
                     struct weir_mqtt_request *request)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    const char *payload = publication->payload ? publication->payload : "";
    int result = MQTTASYNC_FAILURE;

    weir_mqtt_callbacks_set_publish(&response, mqtt->peer.config.version, request);
    if (mqtt->peer.config.version < MQTTVERSION_5 || !publication->properties ||
        weir_mqtt_properties_write(&response.properties, publication->properties))
        result = MQTTAsync_send(mqtt->handle, publication->topic, (int)publication->payload_length,
                                payload, publication->qos, publication->retain, &response);
    MQTTProperties_free(&response.properties);
    return result;
}

enum weir_status weir_mqtt_send(struct weir_mqtt *mqtt,
                                const struct weir_mqtt_publication *publication)
{
    bool answered = publication->qos == 1;
    size_t max_count = WEIR_MQTT_INFLIGHT_MAX;
    struct weir_mqtt_request *request;
    int result;

    assert(publication->qos == 0 || publication->qos == 1);
    assert(publication->topic[0] != '\0' && !strpbrk(publication->topic, "+#"));
    if (mqtt->state != WEIR_MQTT_CONNECTED)
        return WEIR_FULL;
    if (is_too_long(mqtt, publication))
        return WEIR_REFUSED;
    if (answered && mqtt->welcome.receive_max > 0 && mqtt->welcome.receive_max < max_count)
        max_count = mqtt->welcome.receive_max;
    request = weir_mqtt_exchange_reserve(
        &mqtt->exchange, answered ? WEIR_MQTT_REQUEST_QOS1 : WEIR_MQTT_REQUEST_QOS0, max_count,
        publication->payload_length, publication->token);
    if (!request)
        return WEIR_FULL;
    result = hand_over(mqtt, publication, request);
    if (result == MQTTASYNC_SUCCESS) {
        mqtt->inflight += answered;
        return WEIR_OK;
    }
    weir_mqtt_exchange_release(request);
    return result == MQTTASYNC_DISCONNECTED || result == MQTTASYNC_MAX_BUFFERED_MESSAGES ||
                   result == MQTTASYNC_NO_MORE_MSGIDS
               ? WEIR_FULL
               : WEIR_REFUSED;
}

enum weir_status weir_mqtt_publish(struct weir_mqtt *mqtt, const char *topic, const void *payload,
                                   size_t payload_length, int qos, bool retain, uint64_t token)
{
    const struct weir_mqtt_publication publication = {
        .topic = topic,
        .payload = payload,
        .payload_length = payload_length,
        .qos = qos,
        .retain = retain,
        .token = token,
    };

    return weir_mqtt_send(mqtt, &publication);
}

bool weir_mqtt_take_result(struct weir_mqtt *mqtt, struct weir_mqtt_result *result)
{
    bool taken = weir_mqtt_exchange_take_result(&mqtt->exchange, result);

    mqtt->inflight -= taken;
    return taken;
}

size_t weir_mqtt_inflight(const struct weir_mqtt *mqtt)
{
    return mqtt->inflight;
}
