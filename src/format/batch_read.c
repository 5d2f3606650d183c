#include "format/batch_read.h"

#include <string.h>

#include "core/assert.h"

static const char schema[] = "weir.batch/1";

enum key {
    KEY_SCHEMA,
    KEY_GATEWAY,
    KEY_EPOCH,
    KEY_SEQ,
    KEY_CREATED,
    KEY_CLOCK,
    KEY_REPLACES,
    KEY_LEDGER,
    KEY_SUMMARIES,
    KEY_COUNT,
};

static const char *const key_paths[KEY_COUNT] = {
    [KEY_SCHEMA] = "schema",     [KEY_GATEWAY] = "gateway", [KEY_EPOCH] = "epoch",
    [KEY_SEQ] = "seq",           [KEY_CREATED] = "created", [KEY_CLOCK] = "clock",
    [KEY_REPLACES] = "replaces", [KEY_LEDGER] = "ledger",   [KEY_SUMMARIES] = "summaries",
};

void weir_batch_reader_init(struct weir_batch_reader *reader)
{
    enum weir_status status =
        weir_json_compile(&reader->paths, key_paths, KEY_COUNT, WEIR_JSON_STACK_MAX, NULL);

    assert(status == WEIR_OK);
    (void)status;
}

bool weir_batch_is_count(const struct weir_json_value *value)
{
    if (value->kind != WEIR_JSON_NUMBER)
        return false;
    for (uint32_t i = 0; i < value->length; i++) {
        if (value->text[i] < '0' || value->text[i] > '9')
            return false;
    }
    return true;
}

/* Reads the digits at text, one or more; NULL: there are none, or too many. */
static const char *read_digits(const char *text, const char *end, uint64_t *number)
{
    const char *start = text;

    *number = 0;
    for (; text < end && *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*number > (UINT64_MAX - digit) / 10)
            return NULL;
        *number = *number * 10 + digit;
    }
    return text > start ? text : NULL;
}

bool weir_batch_read_count(const struct weir_json_value *value, uint64_t *count)
{
    const char *end;

    if (value->kind != WEIR_JSON_NUMBER)
        return false;
    end = value->text + value->length;
    return read_digits(value->text, end, count) == end;
}

bool weir_batch_read_int(const struct weir_json_value *value, int64_t *number)
{
    struct weir_json_value digits = *value;
    bool negative = value->kind == WEIR_JSON_NUMBER && value->text[0] == '-';
    uint64_t magnitude;

    if (negative) {
        digits.text++;
        digits.length--;
    }
    if (!weir_batch_read_count(&digits, &magnitude) || magnitude > INT64_MAX)
        return false;
    *number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && memchr(" \t\r\n", *text, 4))
        text++;
    return text;
}

/* The byte behind the mark, which may have blanks around it; NULL: something else stands there, or
 * text is NULL. */
static const char *skip_mark(const char *text, const char *end, char mark)
{
    if (!text)
        return NULL;
    text = skip_blanks(text, end);
    return text < end && *text == mark ? skip_blanks(text + 1, end) : NULL;
}

static const char *read_range(const char *text, const char *end, struct weir_batch_range *range)
{
    text = skip_mark(text, end, '[');
    text = text ? read_digits(text, end, &range->first) : NULL;
    text = skip_mark(text, end, ',');
    text = text ? read_digits(text, end, &range->last) : NULL;
    text = skip_mark(text, end, ']');
    return range->first <= range->last ? text : NULL;
}

bool weir_batch_view_ranges(const struct weir_batch_view *view, struct weir_batch_range *ranges,
                            uint32_t *range_count)
{
    const char *text;
    const char *next;
    const char *end;

    *range_count = 0;
    if (view->replaces.kind == WEIR_JSON_MISSING)
        return true;
    if (view->replaces.kind != WEIR_JSON_ARRAY)
        return false;
    end = view->replaces.text + view->replaces.length;
    text = skip_mark(view->replaces.text, end, '[');
    if (skip_mark(text, end, ']') == end)
        return true;
    do {
        struct weir_batch_range range = {0};

        text = read_range(text, end, &range);
        if (!text || *range_count == WEIR_BATCH_RANGE_COUNT_MAX)
            return false;
        ranges[(*range_count)++] = range;
        next = skip_mark(text, end, ',');
        text = next ? next : text;
    } while (next);
    return skip_mark(text, end, ']') == end;
}

/* The byte after the string that begins at text. */
static const char *skip_string(const char *text)
{
    for (text++; *text != '"'; text++)
        text += *text == '\\';
    return text + 1;
}

/* The byte after the object or array that begins at text, which is valid JSON. */
static const char *skip_object(const char *text)
{
    size_t depth = 0;

    do {
        if (*text == '"') {
            text = skip_string(text);
            continue;
        }
        depth += *text == '{' || *text == '[';
        depth -= *text == '}' || *text == ']';
        text++;
    } while (depth > 0);
    return text;
}

bool weir_batch_view_next(struct weir_batch_view *view, const char **text, size_t *length)
{
    const char *end = view->summaries.text + view->summaries.length - 1;
    const char *start = view->next;

    while (start < end && *start != '{')
        start++;
    if (start == end)
        return false;
    view->next = skip_object(start);
    *text = start;
    *length = (size_t)(view->next - start);
    return true;
}

/* The byte after the value that begins at text, inside an object that is valid JSON. */
static const char *skip_value(const char *text)
{
    if (*text == '"')
        return skip_string(text);
    if (*text == '{' || *text == '[')
        return skip_object(text);
    while (!memchr(" \t\r\n,}", *text, 6))
        text++;
    return text;
}

uint16_t weir_batch_next_quantile(const char **at, struct weir_json_value *value)
{
    const char *text = *at;
    uint16_t thousandths = 0;

    while (thousandths == 0) {
        const char *key;
        const char *colon;

        text += strcspn(text, "\"}");
        if (*text == '}')
            break;
        key = text + 1;
        colon = skip_string(text);
        thousandths = weir_quantile_find(key, (size_t)(colon - key) - 1);
        value->text = colon + strspn(colon, " \t\r\n:");
        text = skip_value(value->text);
    }
    value->kind = strchr("-0123456789", *value->text) ? WEIR_JSON_NUMBER : WEIR_JSON_NULL;
    value->length = (uint32_t)(text - value->text);
    *at = text;
    return thousandths;
}

/* True when there is nothing but objects in the array. */
static bool holds_objects(const struct weir_batch_view *view)
{
    const char *end = view->summaries.text + view->summaries.length - 1;
    const char *at = view->next;

    while (at < end) {
        if (*at == '{')
            at = skip_object(at);
        else if (memchr(" \t\r\n,", *at, 5))
            at++;
        else
            return false;
    }
    return true;
}

const char *weir_batch_reader_open(const struct weir_batch_reader *reader, const char *text,
                                   size_t length, struct weir_batch_view *view)
{
    struct weir_json_value values[KEY_COUNT];
    const struct weir_json_value *value = values;

    if (weir_json_scan(&reader->paths, text, length, values) != WEIR_OK)
        return "not valid JSON";
    if (value[KEY_SCHEMA].kind != WEIR_JSON_STRING)
        return "no batch: it has no schema";
    if (value[KEY_SCHEMA].length != strlen(schema) ||
        memcmp(value[KEY_SCHEMA].text, schema, strlen(schema)) != 0)
        return "its schema is not weir.batch/1";
    if (value[KEY_GATEWAY].kind != WEIR_JSON_STRING || value[KEY_EPOCH].kind != WEIR_JSON_STRING)
        return "a batch without gateway and epoch";
    if (!weir_batch_is_count(&value[KEY_SEQ]))
        return "a batch without seq";
    if (value[KEY_LEDGER].kind != WEIR_JSON_OBJECT)
        return "a batch without ledger";
    if (value[KEY_SUMMARIES].kind != WEIR_JSON_ARRAY)
        return "a batch without summaries";
    view->gateway = value[KEY_GATEWAY];
    view->epoch = value[KEY_EPOCH];
    view->sequence = value[KEY_SEQ];
    view->created = value[KEY_CREATED];
    view->clock = value[KEY_CLOCK];
    view->replaces = value[KEY_REPLACES];
    view->ledger = value[KEY_LEDGER];
    view->summaries = value[KEY_SUMMARIES];
    view->next = view->summaries.text + 1;
    return holds_objects(view) ? NULL : "a batch whose summaries are not all objects";
}
