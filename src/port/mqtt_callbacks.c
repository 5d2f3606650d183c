#include "port/mqtt_callbacks.h"

#include <stdio.h>
#include <string.h>

#define REFUSAL 0x80

static const char *name_refusal(int code)
{
    /* CONNACK of 3.1.1; its codes and those of MQTT 5 do not overlap. */
    static const char old_names[][32] = {
        [1] = "unacceptable protocol version",
        [2] = "client identifier rejected",
        [3] = "server unavailable",
        [4] = "bad user name or password",
        [5] = "not authorized",
    };
    const char *name = NULL;

    if (code > 0 && (size_t)code < sizeof(old_names) / sizeof(old_names[0]))
        return old_names[code];
    if (code >= REFUSAL)
        name = MQTTReasonCode_toString((enum MQTTReasonCodes)code);
    return name ? name : "no known reason";
}

static void note_failure(struct weir_mqtt_exchange *exchange, int code, const char *message)
{
    char reason[WEIR_MQTT_REASON_SIZE];

    if (code > 0)
        snprintf(reason, sizeof(reason), "refused: %s (code %d)", name_refusal(code), code);
    else if (message && strstr(message, "timeout"))
        snprintf(reason, sizeof(reason), "no answer");
    else
        weir_mqtt_exchange_copy_suspicion(exchange, reason);
    weir_mqtt_exchange_note_failed(exchange, reason);
}

static void on_connect_failure(void *context, MQTTAsync_failureData *data)
{
    note_failure(context, data ? data->code : 0, data ? data->message : NULL);
}

static void on_connect_failure5(void *context, MQTTAsync_failureData5 *data)
{
    int code = 0;

    if (data)
        code = data->reasonCode >= REFUSAL ? (int)data->reasonCode : data->code;
    note_failure(context, code, data ? data->message : NULL);
}

static void on_connect(void *context, MQTTAsync_successData *data)
{
    struct weir_mqtt_welcome welcome = {.session_present = data->alt.connect.sessionPresent != 0};

    weir_mqtt_exchange_note_accepted(context, &welcome);
}

/* 0 when the broker did not send it. */
static uint32_t read_property(MQTTProperties *properties, enum MQTTPropertyCodes code)
{
    if (!MQTTProperties_hasProperty(properties, code))
        return 0;
    return (uint32_t)MQTTProperties_getNumericValue(properties, code);
}

static void on_connect5(void *context, MQTTAsync_successData5 *data)
{
    struct weir_mqtt_welcome welcome = {
        .session_present = data->alt.connect.sessionPresent != 0,
        .keepalive_s = (int)read_property(&data->properties, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE),
        .receive_max = read_property(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM),
        .packet_max = read_property(&data->properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE),
    };

    weir_mqtt_exchange_note_accepted(context, &welcome);
}

void weir_mqtt_callbacks_disconnected(void *context, MQTTProperties *properties,
                                      enum MQTTReasonCodes code)
{
    char reason[WEIR_MQTT_REASON_SIZE];

    (void)properties;
    snprintf(reason, sizeof(reason), "the broker ended it: %s%s (code %d)", name_refusal((int)code),
             code == MQTTREASONCODE_SESSION_TAKEN_OVER ? ", by another client of the same name"
                                                       : "",
             (int)code);
    weir_mqtt_exchange_note_lost(context, reason);
}

static void on_published(void *context, MQTTAsync_successData *data)
{
    (void)data;
    weir_mqtt_exchange_answer(context, true, 0);
}

static void on_published5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    weir_mqtt_exchange_answer(context, true, 0);
}

static void on_publish_failure(void *context, MQTTAsync_failureData *data)
{
    weir_mqtt_exchange_answer(context, false, data ? data->code : 0);
}

/* The library leaves the reason code unset where it is not the broker that refused. */
static void on_publish_failure5(void *context, MQTTAsync_failureData5 *data)
{
    int reason = 0;

    if (data)
        reason = data->code != 0 ? data->code : (int)data->reasonCode;
    weir_mqtt_exchange_answer(context, false, reason);
}

/* For several filters the library gives a list of codes without its length, which a broker that
 * answers wrongly makes shorter than it should be; so under 3.1.1 a request has one filter. */
static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    unsigned char code = (unsigned char)data->alt.qos;

    weir_mqtt_exchange_answer_chunk(context, &code, 1);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    struct weir_mqtt_request *request = context;
    unsigned char bytes[WEIR_MQTT_CHUNK_COUNT_MAX];
    size_t count = 0;

    if (data->alt.sub.reasonCodeCount <= 1)
        bytes[count++] = (unsigned char)data->reasonCode;
    else
        while (count < sizeof(bytes) && (int)count < data->alt.sub.reasonCodeCount) {
            bytes[count] = (unsigned char)data->alt.sub.reasonCodes[count];
            count++;
        }
    weir_mqtt_exchange_answer_chunk(request, bytes, count);
}

static void on_unsubscribed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    weir_mqtt_exchange_answer_chunk(context, NULL, 0);
}

static void on_unsubscribed5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    weir_mqtt_exchange_answer_chunk(context, NULL, 0);
}

/* A single filter that is refused comes as a failure, as does a connection that was lost. */
static void fail_chunk(struct weir_mqtt_request *request, int code)
{
    unsigned char byte = (unsigned char)code;

    if (code >= REFUSAL)
        weir_mqtt_exchange_answer_chunk(request, &byte, 1);
    else
        weir_mqtt_exchange_answer(request, false, code);
}

static void on_chunk_failure(void *context, MQTTAsync_failureData *data)
{
    fail_chunk(context, data ? data->code : 0);
}

static void on_chunk_failure5(void *context, MQTTAsync_failureData5 *data)
{
    fail_chunk(context, data && data->code == 0 ? (int)data->reasonCode : 0);
}

static void on_closed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    weir_mqtt_exchange_note_closed(context);
}

static void on_closed5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    weir_mqtt_exchange_note_closed(context);
}

/* OpenSSL's lines read thread:error:code:library:function:reason:file:line:; the reason is for
 * people. */
static int on_tls_error(const char *text, size_t length, void *context)
{
    const char *end = text + length;
    const char *field = text;
    const char *colon;

    for (int i = 0; i < 5; i++) {
        colon = memchr(field, ':', (size_t)(end - field));
        if (!colon)
            return 1;
        field = colon + 1;
    }
    colon = memchr(field, ':', (size_t)(end - field));
    weir_mqtt_exchange_note_tls_problem(context, field, (size_t)((colon ? colon : end) - field));
    return 1;
}

void weir_mqtt_callbacks_set_connect(MQTTAsync_connectOptions *options, int version,
                                     struct weir_mqtt_exchange *exchange)
{
    options->context = exchange;
    if (version >= MQTTVERSION_5) {
        options->onSuccess5 = on_connect5;
        options->onFailure5 = on_connect_failure5;
    } else {
        options->onSuccess = on_connect;
        options->onFailure = on_connect_failure;
    }
}

void weir_mqtt_callbacks_set_publish(MQTTAsync_responseOptions *options, int version,
                                     struct weir_mqtt_request *request)
{
    options->context = request;
    if (version >= MQTTVERSION_5) {
        options->onSuccess5 = on_published5;
        options->onFailure5 = on_publish_failure5;
    } else {
        options->onSuccess = on_published;
        options->onFailure = on_publish_failure;
    }
}

void weir_mqtt_callbacks_set_subscribe(MQTTAsync_responseOptions *options, int version,
                                       struct weir_mqtt_request *request)
{
    options->context = request;
    if (version >= MQTTVERSION_5) {
        options->onSuccess5 = on_subscribed5;
        options->onFailure5 = on_chunk_failure5;
    } else {
        options->onSuccess = on_subscribed;
        options->onFailure = on_chunk_failure;
    }
}

void weir_mqtt_callbacks_set_unsubscribe(MQTTAsync_responseOptions *options, int version,
                                         struct weir_mqtt_request *request)
{
    options->context = request;
    if (version >= MQTTVERSION_5) {
        options->onSuccess5 = on_unsubscribed5;
        options->onFailure5 = on_chunk_failure5;
    } else {
        options->onSuccess = on_unsubscribed;
        options->onFailure = on_chunk_failure;
    }
}

void weir_mqtt_callbacks_set_disconnect(MQTTAsync_disconnectOptions *options, int version,
                                        struct weir_mqtt_exchange *exchange)
{
    options->context = exchange;
    if (version >= MQTTVERSION_5)
        options->onSuccess5 = on_closed5;
    else
        options->onSuccess = on_closed;
}

void weir_mqtt_callbacks_set_tls(MQTTAsync_SSLOptions *options, struct weir_mqtt_exchange *exchange)
{
    options->ssl_error_cb = on_tls_error;
    options->ssl_error_context = exchange;
}
