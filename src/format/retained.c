#include "format/retained.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "format/encode.h"

/* A schema grows; nesting it does not need. */
#define STATE_DEPTH_MAX 4

/* No alert has had more events. */
#define SEQUENCE_MAX (UINT32_MAX / 2)

/* Above this not every integer is a double. */
#define EXACT_MAX 9007199254740992.0

enum member {
    MEMBER_SCHEMA,
    MEMBER_GATEWAY,
    MEMBER_RULE,
    MEMBER_STREAM,
    MEMBER_SERIES,
    MEMBER_FIELD,
    MEMBER_ID,
    MEMBER_SEQ,
    MEMBER_LEVEL,
    MEMBER_SINCE,
    MEMBER_TS,
    MEMBER_VALUE,
    MEMBER_LIMIT,
    MEMBER_ACKED,
    MEMBER_COUNT,
};

void weir_retained_init(struct weir_retained *retained)
{
    static const char *const paths[MEMBER_COUNT] = {
        [MEMBER_SCHEMA] = "schema", [MEMBER_GATEWAY] = "gateway", [MEMBER_RULE] = "rule",
        [MEMBER_STREAM] = "stream", [MEMBER_SERIES] = "series",   [MEMBER_FIELD] = "field",
        [MEMBER_ID] = "id",         [MEMBER_SEQ] = "seq",         [MEMBER_LEVEL] = "level",
        [MEMBER_SINCE] = "since",   [MEMBER_TS] = "ts",           [MEMBER_VALUE] = "value",
        [MEMBER_LIMIT] = "limit",   [MEMBER_ACKED] = "acked",
    };
    enum weir_status status =
        weir_json_compile(&retained->state, paths, MEMBER_COUNT, STATE_DEPTH_MAX, NULL);

    assert(status == WEIR_OK);
    status = weir_json_compile(&retained->discovery, (const char *const[]){"state_topic"}, 1,
                               STATE_DEPTH_MAX, NULL);
    assert(status == WEIR_OK);
    (void)status;
}

static bool is_text(const struct weir_json_value *value, const char *text)
{
    char bytes[WEIR_TOPIC_LENGTH_MAX + 1];
    ptrdiff_t length = weir_json_unescape(value, bytes, sizeof(bytes));

    return length >= 0 && (size_t)length == strlen(text) &&
           memcmp(bytes, text, (size_t)length) == 0;
}

static bool read_integer(const struct weir_json_value *value, int64_t *number)
{
    if (value->kind != WEIR_JSON_NUMBER || value->number != floor(value->number) ||
        fabs(value->number) > EXACT_MAX)
        return false;
    *number = (int64_t)value->number;
    return true;
}

/* Null where it was not finite. */
static bool read_number(const struct weir_json_value *value, double *number)
{
    *number = value->kind == WEIR_JSON_NUMBER ? value->number : NAN;
    return value->kind == WEIR_JSON_NUMBER || value->kind == WEIR_JSON_NULL;
}

static bool read_level(const struct weir_json_value *value, enum weir_level *level)
{
    for (int i = 0; i < WEIR_LEVEL_COUNT; i++) {
        if (!is_text(value, weir_level_name((enum weir_level)i)))
            continue;
        *level = (enum weir_level)i;
        return true;
    }
    return false;
}

static bool read_id(const struct weir_json_value *value, uint64_t *id)
{
    *id = 0;
    if (value->kind != WEIR_JSON_STRING || value->length != 16)
        return false;
    for (uint32_t i = 0; i < value->length; i++) {
        char c = value->text[i];
        int digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : -1;

        if (digit < 0)
            return false;
        *id = *id << 4 | (uint64_t)digit;
    }
    return true;
}

/* True when the state is told of this rule on this series. */
static bool is_of(const struct weir_json_value *values, const struct weir_config *config,
                  const struct weir_rule_config *rule, const char *series)
{
    const struct weir_stream_config *stream = &config->streams[rule->stream];

    return is_text(&values[MEMBER_SCHEMA], WEIR_ENCODE_ALERT_SCHEMA) &&
           is_text(&values[MEMBER_GATEWAY], config->gateway) &&
           is_text(&values[MEMBER_RULE], rule->name) &&
           is_text(&values[MEMBER_STREAM], stream->name) &&
           is_text(&values[MEMBER_SERIES], series) &&
           (rule->form == WEIR_RULE_SILENCE
                ? values[MEMBER_FIELD].kind == WEIR_JSON_NULL
                : is_text(&values[MEMBER_FIELD], stream->fields[rule->field].name));
}

bool weir_retained_read_state(const struct weir_retained *retained, const char *payload,
                              size_t length, const struct weir_config *config,
                              const struct weir_rule_config *rule, const char *series,
                              struct weir_alert *alert)
{
    struct weir_json_value values[MEMBER_COUNT];
    int64_t sequence = 0;

    *alert = (struct weir_alert){0};
    if (weir_json_scan(&retained->state, payload, length, values) != WEIR_OK ||
        !is_of(values, config, rule, series) || !read_id(&values[MEMBER_ID], &alert->id) ||
        !read_integer(&values[MEMBER_SEQ], &sequence) || sequence < 0 || sequence > SEQUENCE_MAX ||
        !read_level(&values[MEMBER_LEVEL], &alert->level) ||
        !read_integer(&values[MEMBER_SINCE], &alert->since_ms) ||
        !read_integer(&values[MEMBER_TS], &alert->time_ms) ||
        !read_number(&values[MEMBER_VALUE], &alert->value) ||
        !read_number(&values[MEMBER_LIMIT], &alert->limit))
        return false;
    alert->sequence = (uint64_t)sequence;
    alert->acknowledged = values[MEMBER_ACKED].kind == WEIR_JSON_TRUE;
    return true;
}

bool weir_retained_read_state_topic(const struct weir_retained *retained, const char *payload,
                                    size_t length, char *topic, size_t size)
{
    struct weir_json_value value;
    ptrdiff_t written;

    if (weir_json_scan(&retained->discovery, payload, length, &value) != WEIR_OK)
        return false;
    written = weir_json_unescape(&value, topic, size - 1);
    if (written < 0)
        return false;
    topic[written] = '\0';
    return true;
}
