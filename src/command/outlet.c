#include "command/outlet.h"

#include "format/encode.h"

void weir_outlet_init(struct weir_outlet *outlet, struct weir_intake *intake,
                      const struct weir_config *config)
{
    outlet->intake = intake;
    outlet->config = config;
    outlet->mqtt = NULL;
}

static void begin(struct weir_outlet *outlet)
{
    /* Room is left for the closing NUL. */
    weir_text_init(&outlet->topic, outlet->topic_bytes, sizeof(outlet->topic_bytes) - 1);
    weir_text_init(&outlet->payload, outlet->payload_bytes, sizeof(outlet->payload_bytes));
}

void weir_outlet_begin_at(struct weir_outlet *outlet, const char *topic)
{
    begin(outlet);
    weir_text_add(&outlet->topic, topic);
}

void weir_outlet_begin(struct weir_outlet *outlet, const char *topic_end)
{
    begin(outlet);
    weir_encode_topic_root(&outlet->topic, outlet->config);
    weir_text_add(&outlet->topic, topic_end);
}

void weir_outlet_write_alert(struct weir_outlet *outlet, const struct weir_engine *engine,
                             const struct weir_alert *alert, const char *topic_end)
{
    uint32_t stream = outlet->config->rules[alert->rule].stream;
    const char *series = weir_pipeline_series_name(&engine->pipeline, stream, alert->series);

    begin(outlet);
    weir_encode_alert_topic(&outlet->topic, outlet->config, series, alert->rule);
    weir_text_add(&outlet->topic, topic_end);
    weir_encode_alert_payload(&outlet->payload, outlet->config, series, alert);
}

const char *weir_outlet_topic(struct weir_outlet *outlet)
{
    outlet->topic_bytes[outlet->topic.length] = '\0';
    return outlet->topic_bytes;
}

enum weir_status weir_outlet_send(struct weir_outlet *outlet, int qos, bool retain,
                                  enum weir_outlet_kind kind, uint64_t number)
{
    uint64_t token = (uint64_t)kind << WEIR_OUTLET_NUMBER_BITS | number;

    if (outlet->topic.overflow || outlet->payload.overflow)
        return WEIR_REFUSED;
    return weir_mqtt_publish(outlet->mqtt, weir_outlet_topic(outlet), outlet->payload.bytes,
                             outlet->payload.length, qos, retain, token);
}
