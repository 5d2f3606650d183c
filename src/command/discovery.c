#include "command/discovery.h"

#include <string.h>

#include "core/assert.h"
#include "format/encode.h"

/* Bytes of an identifier that are readable; what is longer is cut and told apart by its hash. */
#define ID_LENGTH_MAX 80
#define ID_SIZE (ID_LENGTH_MAX + 10)

/* What Home Assistant calls a unit, and the device class that it implies. */
static const struct unit {
    char unit[8]; /* UCUM */
    char name[8];
    char device_class[16];
} units[] = {
    {"Cel", "°C", "temperature"},   {"[degF]", "°F", "temperature"},
    {"K", "K", "temperature"},      {"%RH", "%", "humidity"},
    {"Pa", "Pa", "pressure"},       {"hPa", "hPa", "pressure"},
    {"kPa", "kPa", "pressure"},     {"bar", "bar", "pressure"},
    {"mbar", "mbar", "pressure"},   {"V", "V", "voltage"},
    {"mV", "mV", "voltage"},        {"A", "A", "current"},
    {"mA", "mA", "current"},        {"W", "W", "power"},
    {"kW", "kW", "power"},          {"Hz", "Hz", "frequency"},
    {"lx", "lx", "illuminance"},    {"m/s", "m/s", "speed"},
    {"km/h", "km/h", "speed"},      {"W/m2", "W/m²", "irradiance"},
    {"dB", "dB", "sound_pressure"},
};

/* What a sensor shows of a summary: the first that the stream asks for. */
static const enum weir_aggregate shown[] = {
    WEIR_AGGREGATE_MEAN,  WEIR_AGGREGATE_LAST,   WEIR_AGGREGATE_MAX,
    WEIR_AGGREGATE_MIN,   WEIR_AGGREGATE_FIRST,  WEIR_AGGREGATE_SUM,
    WEIR_AGGREGATE_DELTA, WEIR_AGGREGATE_STDDEV, WEIR_AGGREGATE_RATE,
};

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 0x811c9dc5u; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x01000193u;
    return hash;
}

/* A name as Home Assistant takes it in topics: letters, digits, - and _. Where that changes it, a
 * hash keeps it apart from others. */
static void write_id(char id[static ID_SIZE], const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t length = strlen(name);
    size_t kept = length < ID_LENGTH_MAX ? length : ID_LENGTH_MAX;
    bool changed = kept < length;

    for (size_t i = 0; i < kept; i++) {
        bool is_plain = strchr(plain, name[i]) != NULL;

        id[i] = (char)(is_plain ? name[i] : '_');
        changed |= !is_plain;
    }
    if (changed) {
        uint32_t hash = hash_text(name);

        id[kept++] = '_';
        for (int i = 0; i < 8; i++, hash <<= 4)
            id[kept++] = "0123456789abcdef"[hash >> 28];
    }
    id[kept] = '\0';
}

/* The parts of a name joined by slashes, as an identifier. */
static void write_object_id(char id[static ID_SIZE], const char *first, const char *second,
                            const char *third)
{
    char bytes[2 * WEIR_NAME_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + 8];
    struct weir_text name;

    weir_text_init(&name, bytes, sizeof(bytes));
    weir_text_add(&name, first);
    weir_text_add(&name, "/");
    weir_text_add(&name, second);
    if (third) {
        weir_text_add(&name, "/");
        weir_text_add(&name, third);
    }
    weir_text_add_bytes(&name, "", 1);
    write_id(id, bytes);
}

static void add_topic(struct weir_text *topic, const struct weir_config *config, const char *prefix,
                      const char *component, const char *object)
{
    char node[ID_SIZE];

    write_id(node, config->gateway);
    weir_text_add(topic, prefix);
    weir_text_add(topic, "/");
    weir_text_add(topic, component);
    weir_text_add(topic, "/");
    weir_text_add(topic, node);
    weir_text_add(topic, "/");
    weir_text_add(topic, object);
    weir_text_add(topic, "/config");
}

bool weir_discovery_is_on(const struct weir_outlet *outlet)
{
    return outlet->config->discovery[0] != '\0';
}

static void add_member(struct weir_text *payload, const char *key, const char *value)
{
    weir_text_add(payload, payload->length == 0 ? "{" : ",");
    weir_text_add_quoted(payload, key);
    weir_text_add(payload, ":");
    weir_text_add_quoted(payload, value);
}

/* Begins a description: topic, name, identifier, and the device that all of a gateway belong to. */
static void begin(struct weir_outlet *outlet, const char *component, const char *object,
                  const char *name)
{
    const struct weir_config *config = outlet->config;
    struct weir_text *payload = &outlet->payload;
    char bytes[2 * ID_SIZE + 8];
    char node[ID_SIZE];
    struct weir_text id;

    weir_outlet_begin_at(outlet, "");
    add_topic(&outlet->topic, config, config->discovery, component, object);
    write_id(node, config->gateway);
    weir_text_init(&id, bytes, sizeof(bytes));
    weir_text_add(&id, "weir_");
    weir_text_add(&id, node);
    weir_text_add(&id, "_");
    weir_text_add(&id, object);
    weir_text_add_bytes(&id, "", 1);
    add_member(payload, "name", name);
    add_member(payload, "unique_id", bytes);
    weir_text_add(payload, ",\"device\":{\"identifiers\":[\"weir_");
    weir_text_add(payload, node);
    weir_text_add(payload, "\"],\"name\":");
    weir_text_add_quoted(payload, config->gateway);
    weir_text_add(payload,
                  ",\"manufacturer\":\"weir\",\"model\":\"gateway\",\"sw_version\":\"" WEIR_VERSION
                  "\"},\"origin\":{\"name\":\"weir\",\"sw_version\":\"" WEIR_VERSION "\"}");
}

/* A topic of ours as a member: the root, what is given, the series' level if any, and the end. */
static void add_own_topic(struct weir_outlet *outlet, const char *key, const char *kind,
                          const char *name, const char *series, const char *end)
{
    char bytes[WEIR_OUTLET_TOPIC_SIZE];
    struct weir_text topic;

    weir_text_init(&topic, bytes, sizeof(bytes) - 1);
    weir_encode_topic_root(&topic, outlet->config);
    weir_text_add(&topic, kind);
    weir_text_add(&topic, name);
    if (series) {
        weir_text_add(&topic, "/");
        weir_encode_topic_level(&topic, series);
    }
    weir_text_add(&topic, end);
    bytes[topic.length] = '\0';
    outlet->payload.overflow |= topic.overflow;
    add_member(&outlet->payload, key, bytes);
}

/* A name for people: first and second, if it is not empty, with a space between. */
static void join_name(char *bytes, size_t size, const char *first, const char *second)
{
    struct weir_text text;

    weir_text_init(&text, bytes, size - 1);
    weir_text_add(&text, first);
    if (second[0] != '\0') {
        weir_text_add(&text, " ");
        weir_text_add(&text, second);
    }
    bytes[text.length] = '\0';
}

/* What a silence rule raises says that the series is stale: that alone does not make it unknown. */
static const char *alert_template(enum weir_rule_form form)
{
    return form == WEIR_RULE_SILENCE
               ? "{{ None if value_json.state == 'unknown' else "
                 "'OFF' if value_json.level == 'ok' else 'ON' }}"
               : "{{ None if value_json.state == 'unknown' or value_json.quality == 'stale' else "
                 "'OFF' if value_json.level == 'ok' else 'ON' }}";
}

enum weir_status weir_discovery_send_alert(struct weir_outlet *outlet, uint32_t rule,
                                           uint32_t series)
{
    const struct weir_rule_config *config = &outlet->config->rules[rule];
    const struct weir_engine *engine = weir_intake_lock(outlet->intake);
    const char *name = weir_pipeline_series_name(&engine->pipeline, config->stream, series);
    char label[WEIR_NAME_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + 2];
    char object[ID_SIZE];

    write_object_id(object, config->name, name, NULL);
    join_name(label, sizeof(label), config->name, name);
    begin(outlet, "binary_sensor", object, label);
    add_member(&outlet->payload, "device_class", "problem");
    add_own_topic(outlet, "state_topic", "alert/", config->name, name, "/state");
    add_member(&outlet->payload, "value_template", alert_template(config->form));
    add_own_topic(outlet, "json_attributes_topic", "alert/", config->name, name, "/state");
    add_own_topic(outlet, "availability_topic", "status", "", NULL, "");
    weir_text_add(&outlet->payload, ",\"qos\":1}");
    weir_intake_unlock(outlet->intake);
    return weir_outlet_send(outlet, 1, true, WEIR_OUTLET_DISCOVERY, 0);
}

/* The aggregate that a sensor shows. */
static enum weir_aggregate choose_shown(const struct weir_stream_config *stream)
{
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (stream->aggregates & 1u << shown[i])
            return shown[i];
    }
    return WEIR_AGGREGATE_COUNT;
}

static void add_unit(struct weir_text *payload, const struct weir_field_config *field,
                     enum weir_aggregate aggregate)
{
    const char *unit = field->unit;
    bool is_value = aggregate == WEIR_AGGREGATE_MEAN || aggregate == WEIR_AGGREGATE_LAST ||
                    aggregate == WEIR_AGGREGATE_MAX || aggregate == WEIR_AGGREGATE_MIN ||
                    aggregate == WEIR_AGGREGATE_FIRST;

    if (!is_value || unit[0] == '\0')
        return;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].unit, unit) != 0)
            continue;
        add_member(payload, "unit_of_measurement", units[i].name);
        add_member(payload, "device_class", units[i].device_class);
        return;
    }
    add_member(payload, "unit_of_measurement", unit);
}

static void add_summary_template(struct weir_text *payload, const char *field,
                                 enum weir_aggregate aggregate)
{
    char bytes[512];
    struct weir_text text;

    weir_text_init(&text, bytes, sizeof(bytes) - 1);
    weir_text_add(&text, "{{ value_json.summaries | selectattr('field', 'eq', '");
    weir_text_add(&text, field);
    weir_text_add(&text, "') | map(attribute='");
    weir_text_add(&text, weir_aggregate_name(aggregate));
    weir_text_add(&text, "') | first | default(None) }}");
    bytes[text.length] = '\0';
    add_member(payload, "value_template", bytes);
}

enum weir_status weir_discovery_send_sensor(struct weir_outlet *outlet, uint32_t stream,
                                            uint32_t series, uint32_t field)
{
    const struct weir_stream_config *config = &outlet->config->streams[stream];
    const struct weir_engine *engine = weir_intake_lock(outlet->intake);
    const char *name = weir_pipeline_series_name(&engine->pipeline, stream, series);
    enum weir_aggregate aggregate = choose_shown(config);
    char label[WEIR_NAME_LENGTH_MAX + WEIR_TOPIC_LENGTH_MAX + 2];
    char object[ID_SIZE];

    assert(config->fields && field < config->field_count);
    write_object_id(object, config->name, name, config->fields[field].name);
    join_name(label, sizeof(label), config->fields[field].name, name);
    begin(outlet, "sensor", object, label);
    add_own_topic(outlet, "state_topic", "live/", config->name, name, "");
    add_summary_template(&outlet->payload, config->fields[field].name, aggregate);
    add_unit(&outlet->payload, &config->fields[field], aggregate);
    add_member(&outlet->payload, "state_class", "measurement");
    add_own_topic(outlet, "availability_topic", "status", "", NULL, "");
    weir_text_add(&outlet->payload, "}");
    weir_intake_unlock(outlet->intake);
    return weir_outlet_send(outlet, 1, true, WEIR_OUTLET_DISCOVERY, 0);
}

void weir_discovery_filter(const struct weir_config *config, const char *prefix,
                           const char *component, char *text)
{
    struct weir_text filter;

    weir_text_init(&filter, text, WEIR_TOPIC_LENGTH_MAX);
    add_topic(&filter, config, prefix, component, "+");
    text[filter.length] = '\0';
}

static bool is_announced_at(const struct weir_config *config, const char *component,
                            const char *object, const char *topic, size_t length)
{
    char bytes[WEIR_TOPIC_LENGTH_MAX];
    struct weir_text expected;

    weir_text_init(&expected, bytes, sizeof(bytes));
    add_topic(&expected, config, config->discovery, component, object);
    return expected.length == length && memcmp(bytes, topic, length) == 0;
}

static bool alert_stands(const struct weir_config *config, const char *topic, size_t length,
                         const struct weir_topic *state)
{
    char object[ID_SIZE];

    for (uint32_t i = 0; i < config->rule_count; i++) {
        if (strcmp(config->rules[i].name, state->name) != 0)
            continue;
        write_object_id(object, state->name, state->series, NULL);
        return is_announced_at(config, "binary_sensor", object, topic, length);
    }
    return false;
}

static bool sensor_stands(const struct weir_config *config, const char *topic, size_t length,
                          const struct weir_topic *state)
{
    char object[ID_SIZE];

    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        if (!stream->live || strcmp(stream->name, state->name) != 0)
            continue;
        for (uint32_t j = 0; j < stream->field_count; j++) {
            write_object_id(object, stream->name, state->series, stream->fields[j].name);
            if (is_announced_at(config, "sensor", object, topic, length))
                return true;
        }
    }
    return false;
}

bool weir_discovery_stands(const struct weir_config *config, const char *topic, size_t length,
                           const struct weir_topic *state)
{
    if (config->discovery[0] == '\0')
        return false;
    return state->kind == WEIR_TOPIC_STATE  ? alert_stands(config, topic, length, state)
           : state->kind == WEIR_TOPIC_LIVE ? sensor_stands(config, topic, length, state)
                                            : false;
}
