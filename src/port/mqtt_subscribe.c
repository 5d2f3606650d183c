#include <string.h>

#include "port/log.h"
#include "port/mqtt_callbacks.h"
#include "port/mqtt_connection.h"

void weir_mqtt_answer_chunk(struct weir_mqtt *mqtt, const struct weir_mqtt_news *news)
{
    size_t refused[WEIR_MQTT_CHUNK_COUNT_MAX];
    size_t count = weir_mqtt_subscription_answer(&mqtt->subscription, news->codes,
                                                 sizeof(news->codes), refused);

    for (size_t i = 0; i < count; i++)
        weir_log_warning("%s: refuses the subscription to '%s' (code %d)", mqtt->label,
                         weir_mqtt_subscription_filter(&mqtt->subscription, refused[i]),
                         news->codes[refused[i]]);
}

static int send_chunk(struct weir_mqtt *mqtt, const struct weir_mqtt_chunk *chunk,
                      struct weir_mqtt_request *request)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTSubscribe_options plain = MQTTSubscribe_options_initializer;
    MQTTSubscribe_options options[WEIR_MQTT_CHUNK_COUNT_MAX];
    int version = mqtt->peer.config.version;

    if (chunk->removes) {
        weir_mqtt_callbacks_set_unsubscribe(&response, version, request);
        return MQTTAsync_unsubscribeMany(mqtt->handle, (int)chunk->count, chunk->filters,
                                         &response);
    }
    for (size_t i = 0; i < chunk->count; i++) {
        options[i] = plain;
        options[i].retainHandling = chunk->retained[i] ? 0 : 2;
        options[i].retainAsPublished = chunk->as_published[i];
    }
    response.subscribeOptions = options[0];
    response.subscribeOptionsCount = (int)chunk->count;
    response.subscribeOptionsList = options;
    weir_mqtt_callbacks_set_subscribe(&response, version, request);
    return MQTTAsync_subscribeMany(mqtt->handle, (int)chunk->count, chunk->filters, chunk->qos,
                                   &response);
}

void weir_mqtt_send_subscriptions(struct weir_mqtt *mqtt)
{
    size_t max = mqtt->peer.config.version >= MQTTVERSION_5 ? WEIR_MQTT_CHUNK_COUNT_MAX : 1;
    struct weir_mqtt_request *request;
    struct weir_mqtt_chunk chunk;
    struct weir_mqtt_news refusal;
    int result;

    request = weir_mqtt_exchange_reserve(&mqtt->exchange, WEIR_MQTT_REQUEST_SUBSCRIPTION, 1, 0, 0);
    if (!request)
        return;
    while (weir_mqtt_subscription_next(&mqtt->subscription, max, &chunk)) {
        result = send_chunk(mqtt, &chunk, request);
        if (result == MQTTASYNC_SUCCESS)
            return;
        if (result == MQTTASYNC_DISCONNECTED)
            break;
        memset(refusal.codes, MQTT_BAD_SUBSCRIBE, sizeof(refusal.codes));
        weir_mqtt_answer_chunk(mqtt, &refusal);
    }
    weir_mqtt_exchange_release(request);
}

void weir_mqtt_subscribe(struct weir_mqtt *mqtt, const struct weir_mqtt_filter *filters,
                         size_t count)
{
    if (!weir_mqtt_subscription_replace(&mqtt->subscription, filters, count)) {
        weir_log_error("%s: out of memory, the subscriptions stay as they were", mqtt->label);
        return;
    }
    if (mqtt->state == WEIR_MQTT_CONNECTED)
        weir_mqtt_send_subscriptions(mqtt);
}

bool weir_mqtt_subscribed(const struct weir_mqtt *mqtt)
{
    return weir_mqtt_connected(mqtt) && weir_mqtt_subscription_settled(&mqtt->subscription);
}
