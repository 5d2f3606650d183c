#include "format/message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"

const char *const weir_message_names[WEIR_MESSAGE_NAME_COUNT] = {
    "rule", "stream", "series", "field", "level", "value", "unit", "limit",
};

/* In the order of the names. */
enum placeholder { RULE, STREAM, SERIES, FIELD, LEVEL, VALUE, UNIT, LIMIT, LABEL };

/* A piece of a message: plain text, or a placeholder. */
struct piece {
    const char *text;
    size_t length;
    bool placeholder;
    enum placeholder kind;
    uint32_t label; /* from 1 */
};

/* The number in text, 0: it is none, or beyond any label. */
static uint32_t read_position(const char *text, size_t length)
{
    uint32_t number = 0;

    if (length == 0 || length > 3)
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    return number;
}

/* What stands between the braces; false: nothing that is known. */
static bool read_placeholder(struct piece *piece)
{
    const char *name = piece->text + 1;
    size_t length = piece->length - 2;

    for (int i = 0; i < WEIR_MESSAGE_NAME_COUNT; i++) {
        if (strlen(weir_message_names[i]) == length &&
            memcmp(weir_message_names[i], name, length) == 0) {
            piece->kind = (enum placeholder)i;
            return true;
        }
    }
    piece->kind = LABEL;
    piece->label = read_position(name, length);
    return piece->label > 0;
}

/* Takes the next piece of a message, the behind of which is returned. A placeholder that is not
 * closed reaches to the end. */
static const char *take_piece(const char *message, struct piece *piece)
{
    size_t plain = strcspn(message, "{");

    *piece = (struct piece){.text = message, .length = plain};
    if (plain > 0)
        return message + plain;
    if (message[1] == '{') {
        piece->length = 1;
        return message + 2;
    }
    piece->placeholder = true;
    piece->length = strcspn(message, "}");
    piece->length += message[piece->length] == '}';
    return message + piece->length;
}

bool weir_message_check(const char *message, uint32_t label_count, struct weir_message_fault *fault)
{
    unsigned count = 0;

    while (*message != '\0') {
        struct piece piece;

        message = take_piece(message, &piece);
        *fault = (struct weir_message_fault){.text = piece.text, .length = piece.length};
        if (!piece.placeholder)
            continue;
        if (piece.length < 2 || piece.text[piece.length - 1] != '}') {
            fault->expected = "a closing brace, or {{ for a brace that is none of a placeholder";
            return false;
        }
        if (!read_placeholder(&piece))
            return false;
        if (piece.kind == LABEL && piece.label > label_count) {
            fault->expected = "the position of a label that the stream's topics have";
            return false;
        }
        if (++count > WEIR_MESSAGE_PLACEHOLDER_COUNT_MAX) {
            fault->expected = "at most 8 placeholders";
            return false;
        }
    }
    return true;
}

void weir_message_unit(char *out, const struct weir_config *config, uint32_t rule)
{
    const struct weir_rule_config *rules = &config->rules[rule];
    const char *unit = config->streams[rules->stream].fields[rules->field].unit;
    enum weir_aggregate of = rules->on_window ? rules->of : WEIR_AGGREGATE_LAST;
    const char *per = "";
    const char *slash = "";

    if (rules->form == WEIR_RULE_RATE) {
        slash = "/";
        per = weir_slope_unit_name(rules->slope_unit_ms);
    }
    if (rules->form == WEIR_RULE_SILENCE)
        unit = "s";
    if (rules->form == WEIR_RULE_CHANGE || of == WEIR_AGGREGATE_COUNT)
        unit = "";
    (void)snprintf(out, WEIR_MESSAGE_UNIT_SIZE, "%s%s%s%s", unit,
                   of == WEIR_AGGREGATE_RATE ? "/s" : "", slash, per);
}

static void add_number(struct weir_text *text, double number)
{
    if (isfinite(number))
        weir_text_add_number(text, number);
    else
        weir_text_add(text, "-");
}

static void add_label(struct weir_text *text, const char *series, uint32_t label)
{
    for (; label > 1 && *series != '\0'; series++)
        label -= *series == '/';
    weir_text_add_escaped(text, series, strcspn(series, "/"));
}

static void add_placeholder(struct weir_text *text, const struct piece *piece,
                            const struct weir_config *config, const char *series,
                            const struct weir_alert *alert)
{
    const struct weir_rule_config *rule = &config->rules[alert->rule];
    const struct weir_stream_config *stream = &config->streams[rule->stream];
    char unit[WEIR_MESSAGE_UNIT_SIZE];

    switch (piece->kind) {
    case RULE:
        weir_text_add(text, rule->name);
        break;
    case STREAM:
        weir_text_add(text, stream->name);
        break;
    case SERIES:
        weir_text_add_escaped(text, series, strlen(series));
        break;
    case FIELD:
        if (rule->form != WEIR_RULE_SILENCE)
            weir_text_add(text, stream->fields[rule->field].name);
        break;
    case LEVEL:
        weir_text_add(text, weir_level_name(alert->level));
        break;
    case VALUE:
        add_number(text, alert->value);
        break;
    case UNIT:
        weir_message_unit(unit, config, alert->rule);
        weir_text_add_escaped(text, unit, strlen(unit));
        break;
    case LIMIT:
        add_number(text, alert->limit);
        break;
    case LABEL:
        add_label(text, series, piece->label);
        break;
    }
}

void weir_message_add(struct weir_text *text, const struct weir_config *config, const char *series,
                      const struct weir_alert *alert)
{
    const char *message = config->rules[alert->rule].message;

    while (*message != '\0') {
        struct piece piece;
        bool known;

        message = take_piece(message, &piece);
        if (!piece.placeholder) {
            weir_text_add_escaped(text, piece.text, piece.length);
            continue;
        }
        known = read_placeholder(&piece);
        assert(known);
        (void)known;
        add_placeholder(text, &piece, config, series, alert);
    }
}
