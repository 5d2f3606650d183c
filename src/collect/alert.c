#include "collect/alert.h"

#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "format/batch_read.h"

enum key {
    KEY_SCHEMA,
    KEY_GATEWAY,
    KEY_RULE,
    KEY_STREAM,
    KEY_SERIES,
    KEY_FIELD,
    KEY_EVENT,
    KEY_LEVEL,
    KEY_SEQ, /* from here on, numbers */
    KEY_TS,
    KEY_VALUE,
    KEY_LIMIT,
    KEY_COUNT,
};

static const char *const paths[KEY_COUNT] = {
    [KEY_SCHEMA] = "schema", [KEY_GATEWAY] = "gateway", [KEY_RULE] = "rule",
    [KEY_STREAM] = "stream", [KEY_SERIES] = "series",   [KEY_FIELD] = "field",
    [KEY_EVENT] = "event",   [KEY_LEVEL] = "level",     [KEY_SEQ] = "seq",
    [KEY_TS] = "ts",         [KEY_VALUE] = "value",     [KEY_LIMIT] = "limit",
};

void weir_alert_reader_init(struct weir_alert_reader *reader)
{
    enum weir_status status =
        weir_json_compile(&reader->paths, paths, KEY_COUNT, WEIR_JSON_STACK_MAX, NULL);

    assert(status == WEIR_OK);
    (void)status;
}

/* A rule of silence has no field, and a state no event. */
static bool read_texts(struct weir_alert_reader *reader, const struct weir_json_value *values,
                       const char *texts[KEY_SEQ])
{
    size_t used = 0;

    for (int i = 0; i < KEY_SEQ; i++) {
        bool left_out = (i == KEY_FIELD && values[i].kind == WEIR_JSON_NULL) ||
                        (i == KEY_EVENT && values[i].kind == WEIR_JSON_MISSING);
        ptrdiff_t length = 0;

        if (!left_out)
            length = weir_json_unescape(&values[i], reader->texts + used,
                                        sizeof(reader->texts) - used - 1);
        if (length < 0)
            return false;
        texts[i] = reader->texts + used;
        used += (size_t)length;
        reader->texts[used++] = '\0';
        if (used == sizeof(reader->texts))
            return false;
    }
    return strcmp(texts[KEY_SCHEMA], "weir.alert/1") == 0;
}

static double number_of(const struct weir_json_value *value)
{
    return value->kind == WEIR_JSON_NUMBER ? value->number : NAN;
}

bool weir_alert_reader_read(struct weir_alert_reader *reader, const char *bytes, size_t length,
                            struct weir_collect_alert *alert)
{
    struct weir_json_value values[KEY_COUNT];
    const char *texts[KEY_SEQ];

    if (length >= sizeof(reader->line) ||
        weir_json_scan(&reader->paths, bytes, length, values) != WEIR_OK ||
        !read_texts(reader, values, texts) ||
        !weir_batch_read_int(&values[KEY_SEQ], &alert->sequence) ||
        !weir_batch_read_int(&values[KEY_TS], &alert->ts_ms))
        return false;
    /* Ends of lines may stand in it as blanks only. */
    for (size_t i = 0; i < length; i++)
        reader->line[i] = (char)(bytes[i] == '\n' || bytes[i] == '\r' ? ' ' : bytes[i]);
    alert->gateway = texts[KEY_GATEWAY];
    alert->rule = texts[KEY_RULE];
    alert->stream = texts[KEY_STREAM];
    alert->series = texts[KEY_SERIES];
    alert->field = texts[KEY_FIELD];
    alert->event = texts[KEY_EVENT];
    alert->level = texts[KEY_LEVEL];
    alert->value = number_of(&values[KEY_VALUE]);
    alert->limit = number_of(&values[KEY_LIMIT]);
    alert->text = reader->line;
    alert->length = length;
    return true;
}
