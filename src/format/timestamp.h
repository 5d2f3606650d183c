/*
 * Times in payloads: numbers in a configured unit, and ISO 8601.
 */
#ifndef WEIR_FORMAT_TIMESTAMP_H
#define WEIR_FORMAT_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/json.h"
#include "weir/config.h"

/* The range of readable times: the years 1970 to 9999. */
#define WEIR_TIMESTAMP_MS_MAX 253402300799999LL

/*
 * The time that a value states, in milliseconds, anything finer cut off; exact however many digits
 * the number has. A number may stand in quotes. False when the value is missing, of another kind,
 * out of range, or an ISO 8601 text without zone, and always for WEIR_TIME_ARRIVAL.
 */
bool weir_timestamp_read(const struct weir_json_value *value, enum weir_time_unit unit,
                         int64_t *time_ms);

/*
 * ISO 8601 calendar date and time with zone: 2025-03-02T07:14:09[.fraction](Z|+hh:mm|+hhmm|+hh), a
 * blank or t for T, z for Z, a comma for the point. Z followed by an offset, as mosquitto_sub
 * writes it, is the offset. A leap second, :60, is the second behind it. Nothing may stand around
 * the text.
 */
bool weir_timestamp_parse(const char *text, size_t length, int64_t *time_ms);

#endif
