#include "port/mqtt_properties.h"

#include <string.h>

/* Of a property, beside its texts: its code and two lengths. */
#define OVERHEAD_BYTES 5

bool weir_mqtt_properties_add_number(MQTTProperties *properties, enum MQTTPropertyCodes code,
                                     uint32_t number)
{
    MQTTProperty property = {.identifier = code};

    switch (MQTTProperty_getType(code)) {
    case MQTTPROPERTY_TYPE_BYTE:
        property.value.byte = (unsigned char)number;
        break;
    case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
        property.value.integer2 = (unsigned short)number;
        break;
    default:
        property.value.integer4 = number;
        break;
    }
    return MQTTProperties_add(properties, &property) == 0;
}

/* The library copies the bytes, and does not write to them. */
static MQTTLenString borrow(const void *bytes, size_t length)
{
    MQTTLenString string = {.len = (int)length};

    memcpy(&string.data, &bytes, sizeof(string.data));
    return string;
}

static bool add_bytes(MQTTProperties *properties, enum MQTTPropertyCodes code, const void *bytes,
                      size_t length)
{
    MQTTProperty property = {.identifier = code};

    property.value.data = borrow(bytes, length);
    return MQTTProperties_add(properties, &property) == 0;
}

static bool add_pair(MQTTProperties *properties, const char *name, const char *value)
{
    MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_USER_PROPERTY};

    property.value.data = borrow(name, strlen(name));
    property.value.value = borrow(value, strlen(value));
    return MQTTProperties_add(properties, &property) == 0;
}

bool weir_mqtt_properties_write(MQTTProperties *properties, const struct weir_mqtt_properties *from)
{
    bool good = true;

    if (from->content_type)
        good = weir_mqtt_properties_add_number(properties,
                                               MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, 1) &&
               add_bytes(properties, MQTTPROPERTY_CODE_CONTENT_TYPE, from->content_type,
                         strlen(from->content_type));
    if (good && from->expiry_s > 0)
        good = weir_mqtt_properties_add_number(
            properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, from->expiry_s);
    if (good && from->correlation_length > 0)
        good = add_bytes(properties, MQTTPROPERTY_CODE_CORRELATION_DATA, from->correlation,
                         from->correlation_length);
    for (size_t i = 0; good && i < from->pair_count; i++)
        good = add_pair(properties, from->pairs[i].name, from->pairs[i].value);
    return good;
}

size_t weir_mqtt_properties_length(const struct weir_mqtt_properties *properties)
{
    size_t length = 4 * OVERHEAD_BYTES + properties->correlation_length;

    if (properties->content_type)
        length += strlen(properties->content_type);
    for (size_t i = 0; i < properties->pair_count; i++)
        length +=
            OVERHEAD_BYTES + strlen(properties->pairs[i].name) + strlen(properties->pairs[i].value);
    return length;
}

void weir_mqtt_properties_read_reply(struct weir_mqtt_reply *reply, MQTTProperties *properties)
{
    const MQTTProperty *topic =
        MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
    const MQTTProperty *correlation =
        MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_CORRELATION_DATA);

    *reply = (struct weir_mqtt_reply){0};
    if (topic && topic->value.data.len > 0) {
        reply->topic = topic->value.data.data;
        reply->topic_length = (size_t)topic->value.data.len;
    }
    if (correlation && correlation->value.data.len > 0) {
        reply->correlation = correlation->value.data.data;
        reply->correlation_length = (size_t)correlation->value.data.len;
    }
}
