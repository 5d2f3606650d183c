#include "command/outlet.h"

#include <inttypes.h>
#include <stdio.h>

#include "format/encode.h"

/* News of yesterday is none: the state is retained. */
#define EVENT_EXPIRY_S (24 * 3600)

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
    outlet->properties = (struct weir_mqtt_properties){0};
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

void weir_outlet_describe(struct weir_outlet *outlet, const char *rule,
                          const struct weir_alert *alert)
{
    (void)snprintf(outlet->sequence, sizeof(outlet->sequence), "%" PRIu64, alert->sequence);
    outlet->properties = (struct weir_mqtt_properties){
        .content_type = "application/json",
        .expiry_s = alert->event == WEIR_EVENT_NONE ? 0 : EVENT_EXPIRY_S,
        .pairs = {{"schema", WEIR_ENCODE_ALERT_SCHEMA},
                  {"rule", rule},
                  {"level", weir_level_name(alert->level)},
                  {"seq", outlet->sequence}},
        .pair_count = 4,
    };
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
    weir_outlet_describe(outlet, outlet->config->rules[alert->rule].name, alert);
}

const char *weir_outlet_topic(struct weir_outlet *outlet)
{
    outlet->topic_bytes[outlet->topic.length] = '\0';
    return outlet->topic_bytes;
}

enum weir_status weir_outlet_send(struct weir_outlet *outlet, int qos, bool retain,
                                  enum weir_outlet_kind kind, uint64_t number)
{
    const struct weir_mqtt_publication publication = {
        .topic = weir_outlet_topic(outlet),
        .payload = outlet->payload.bytes,
        .payload_length = outlet->payload.length,
        .qos = qos,
        .retain = retain,
        .token = (uint64_t)kind << WEIR_OUTLET_NUMBER_BITS | number,
        .properties = &outlet->properties,
    };

    if (outlet->topic.overflow || outlet->payload.overflow)
        return WEIR_REFUSED;
    return weir_mqtt_send(outlet->mqtt, &publication);
}
