#include "pipeline/decode.h"

#include <string.h>

#include "format/number.h"
#include "format/timestamp.h"

static bool value_is_valid(const struct field_plan *field, double value)
{
    if (!(value >= field->min && value <= field->max))
        return false;
    for (uint32_t i = 0; i < field->invalid_count; i++) {
        if (value == field->invalid[i])
            return false;
    }
    return true;
}

/* Counts one present value; keeps it when it is valid. */
static void read_value(struct weir_ledger *ledger, const struct stream_plan *plan, uint32_t field,
                       bool readable, double value, struct reading *reading)
{
    ledger->samples++;
    if (!readable || !value_is_valid(&plan->fields[field], value)) {
        ledger->invalid++;
        reading->invalid |= 1u << field;
        return;
    }
    reading->values[field] = value;
    reading->valid |= 1u << field;
    reading->count++;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0')
            return false;
    }
    return true;
}

static bool read_number(struct weir_pipeline *pipeline, const struct stream_plan *plan,
                        const struct weir_message *message, struct reading *reading)
{
    double value = 0;
    bool readable = weir_number_parse(message->payload, message->payload_length, &value);

    if (!readable && is_blank(message->payload, message->payload_length))
        return false;
    reading->time_ms = message->arrived_ms;
    read_value(&state_of(pipeline)->ledger, plan, 0, readable, value, reading);
    return true;
}

/* Event time: what the payload says, unless that cannot be. */
static int64_t event_time(struct weir_ledger *ledger, const struct stream_plan *plan,
                          const struct weir_message *message, const struct weir_json_value *value)
{
    int64_t time_ms;

    if (!weir_timestamp_read(value, plan->time_unit, &time_ms)) {
        ledger->time_unreadable++;
        return message->arrived_ms;
    }
    if (time_ms > message->arrived_ms && time_ms - message->arrived_ms > plan->max_future_ms) {
        ledger->clock_ahead++;
        return message->arrived_ms;
    }
    return time_ms;
}

/* The message says so, or its time is too far before its arrival. */
static bool is_historical(const struct stream_plan *plan, const struct weir_message *message,
                          const struct weir_json_value *told, int64_t time_ms)
{
    double value = 0;

    if (told && weir_json_number(told, &value) && value != 0)
        return true;
    return time_ms < message->arrived_ms && message->arrived_ms - time_ms > plan->max_past_ms;
}

static bool read_json(struct weir_pipeline *pipeline, struct stream_plan *plan,
                      const struct weir_message *message, struct reading *reading)
{
    struct weir_ledger *ledger = &state_of(pipeline)->ledger;
    struct weir_json_value values[WEIR_JSON_PATH_COUNT_MAX];
    const struct weir_json_value *time = &values[plan->field_count];
    const struct weir_json_value *historical = NULL;

    if (weir_json_shape_scan(&plan->shape_cache, &plan->paths, message->payload,
                             message->payload_length, values) != WEIR_OK)
        return false;
    reading->time_ms = message->arrived_ms;
    if (plan->time_unit != WEIR_TIME_ARRIVAL)
        reading->time_ms = event_time(ledger, plan, message, time);
    if (plan->has_historical)
        historical = plan->time_unit == WEIR_TIME_ARRIVAL ? time : time + 1;
    for (uint32_t i = 0; i < plan->field_count; i++) {
        double value = 0;
        bool readable;

        if (values[i].kind == WEIR_JSON_MISSING)
            continue;
        readable = weir_json_number(&values[i], &value);
        read_value(ledger, plan, i, readable, value, reading);
    }
    if (is_historical(plan, message, historical, reading->time_ms)) {
        reading->past = true;
        ledger->historical += reading->count;
    }
    return true;
}

bool weir_decode_read(struct weir_pipeline *pipeline, struct stream_plan *plan,
                      const struct weir_message *message, struct reading *reading)
{
    reading->valid = 0;
    reading->invalid = 0;
    reading->count = 0;
    reading->past = message->retained;
    return plan->format == WEIR_PAYLOAD_JSON ? read_json(pipeline, plan, message, reading)
                                             : read_number(pipeline, plan, message, reading);
}
