#include "command/answer.h"

#include <string.h>

/* Who asks must not have us speak where only we may: our own topics, and the broker's. */
static bool may_answer_at(const char *topic, size_t length)
{
    static const char own[] = "weir/";

    return length > 0 && length <= WEIR_TOPIC_LENGTH_MAX && topic[0] != '$' &&
           !memchr(topic, '+', length) && !memchr(topic, '#', length) &&
           !memchr(topic, '\0', length) &&
           !(length >= strlen(own) && memcmp(topic, own, strlen(own)) == 0);
}

void weir_answer_put(struct weir_answer *answer, const struct weir_mqtt_reply *reply,
                     const struct weir_text *payload)
{
    if (!reply->topic || !may_answer_at(reply->topic, reply->topic_length) ||
        reply->correlation_length > sizeof(answer->correlation) || payload->overflow ||
        payload->length > sizeof(answer->payload))
        return;
    answer->waiting = true;
    memcpy(answer->topic, reply->topic, reply->topic_length);
    answer->topic[reply->topic_length] = '\0';
    memcpy(answer->payload, payload->bytes, payload->length);
    answer->payload_length = payload->length;
    answer->correlation_length = reply->correlation_length;
    if (reply->correlation_length > 0)
        memcpy(answer->correlation, reply->correlation, reply->correlation_length);
}

bool weir_answer_is_waiting(const struct weir_answer *answer)
{
    return answer->waiting;
}

void weir_answer_send(struct weir_answer *answer, struct weir_outlet *outlet)
{
    if (!answer->waiting)
        return;
    weir_outlet_begin_at(outlet, answer->topic);
    weir_text_add_bytes(&outlet->payload, answer->payload, answer->payload_length);
    outlet->properties.content_type = "application/json";
    outlet->properties.correlation = answer->correlation;
    outlet->properties.correlation_length = answer->correlation_length;
    answer->waiting = weir_outlet_send(outlet, 1, false, WEIR_OUTLET_ANSWER, 0) == WEIR_FULL;
}
