/*
 * The text of an alert for people, with placeholders that stand for what the alert says:
 *
 *     {series} at {value} {unit}, limit {limit} ({level})
 *
 * Known are rule, stream, series, field, level, value, unit, limit, and a number from 1 on for the
 * label in that position of the series' name. {{ is a brace.
 */
#ifndef WEIR_FORMAT_MESSAGE_H
#define WEIR_FORMAT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/text.h"
#include "weir/config.h"
#include "weir/flow.h"

/* Placeholders of a message: at most a series each, escaped, they leave a payload of 64 KiB more
 * than half empty. */
#define WEIR_MESSAGE_PLACEHOLDER_COUNT_MAX 8

#define WEIR_MESSAGE_NAME_COUNT 8
extern const char *const weir_message_names[WEIR_MESSAGE_NAME_COUNT];

/* What is wrong with a message. */
struct weir_message_fault {
    const char *text; /* the placeholder, a part of the message */
    size_t length;
    const char *expected; /* NULL: its name is unknown; else completes "expected" */
};

/* False: the message is none, and *fault says why. Series have at most label_count labels. */
bool weir_message_check(const char *message, uint32_t label_count,
                        struct weir_message_fault *fault);

/*
 * Adds the message of the alert's rule as the inside of a JSON string: escaped, without quotes. The
 * message has been checked. A number that is not finite is written as "-", a label that this series
 * does not have as nothing.
 */
void weir_message_add(struct weir_text *text, const struct weir_config *config, const char *series,
                      const struct weir_alert *alert);

/* Bytes of a unit with its NUL: a field's, "/" and units of time. */
#define WEIR_MESSAGE_UNIT_SIZE (WEIR_UNIT_LENGTH_MAX + 8)

/* Writes the unit of what a rule judges: its field's; of a slope with its time ("Cel/min"); of
 * silence "s". Empty: it has none. */
void weir_message_unit(char *out, const struct weir_config *config, uint32_t rule);

#endif
