#include "format/json.h"

#include <math.h>
#include <string.h>

#include "format/json_path.h"
#include "format/json_text.h"
#include "format/number.h"

/* A container whose end has not been reached. */
struct frame {
    int16_t node;     /* WEIR_JSON_NO_NODE: nothing below is wanted */
    int16_t expected; /* the child whose key is tried first */
    int16_t value;    /* index of the path that ends here, -1: none */
    bool object;
    uint32_t index; /* of the array's next element */
};

struct scanner {
    const struct weir_json_paths *paths;
    struct weir_json_value *values;
    const char *end;
    unsigned depth;
    uint32_t seen[WEIR_JSON_NODE_COUNT_MAX / 32]; /* inner nodes that have been met */
    struct frame frames[WEIR_JSON_STACK_MAX];
};

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && is_blank(*text))
        text++;
    return text;
}

bool weir_json_number(const struct weir_json_value *value, double *number)
{
    char buffer[WEIR_NUMBER_TEXT_LENGTH_MAX];
    ptrdiff_t length;

    switch (value->kind) {
    case WEIR_JSON_NUMBER:
        *number = value->number;
        return isfinite(value->number);
    case WEIR_JSON_FALSE:
    case WEIR_JSON_TRUE:
        *number = value->kind == WEIR_JSON_TRUE;
        return true;
    case WEIR_JSON_STRING:
        if (!value->escaped)
            return weir_number_parse(value->text, value->length, number);
        length = weir_json_unescape(value, buffer, sizeof(buffer));
        return length >= 0 && weir_number_parse(buffer, (size_t)length, number);
    default:
        return false;
    }
}

/* Forgets what was found at and under a node. */
static void reset_values(struct scanner *scanner, int16_t top)
{
    const struct weir_json_paths *paths = scanner->paths;

    for (unsigned i = 0; i < paths->path_count; i++) {
        int16_t node = paths->path_nodes[i];

        while (node > top)
            node = paths->nodes[node].parent;
        if (node == top)
            scanner->values[i] = (struct weir_json_value){.kind = WEIR_JSON_MISSING};
    }
}

/* True when text goes on with the key and its closing quote; false near the end of the text. */
static inline bool key_is_next(const char *key, size_t length, const char *text, const char *end)
{
    size_t room = (size_t)(end - text);

    if (room < length || room < sizeof(uint64_t))
        return false;
    if (length <= sizeof(uint64_t))
        return (weir_word_load(key) ^ weir_word_load(text)) << (64 - 8 * length) == 0;
    for (size_t i = 0; i < length - sizeof(uint64_t); i += sizeof(uint64_t)) {
        if (weir_word_load(key + i) != weir_word_load(text + i))
            return false;
    }
    return weir_word_load(key + length - sizeof(uint64_t)) ==
           weir_word_load(text + length - sizeof(uint64_t));
}

/* Reads a key that is not the expected one; text is behind its opening quote. */
static const char *read_other_key(struct scanner *scanner, const char *text, int16_t parent,
                                  int16_t *node)
{
    char buffer[WEIR_PATH_LENGTH_MAX];
    const char *start = text;
    ptrdiff_t length;
    bool escaped;

    text = weir_json_find_quote(text, scanner->end, &escaped);
    if (!text)
        return NULL;
    length = text - start;
    if (escaped) {
        length = weir_json_unescape_text(start, (size_t)length, buffer, sizeof(buffer));
        start = buffer;
    }
    *node = length > 0 ? weir_json_find_child(scanner->paths, parent, start, (size_t)length)
                       : WEIR_JSON_NO_NODE;
    return text + 1;
}

/* Reads a key, at its opening quote, up to the value behind it, and finds the key's node. */
static inline const char *read_key(struct scanner *scanner, const char *text, struct frame *frame,
                                   int16_t *node)
{
    const struct weir_json_node *nodes = scanner->paths->nodes;
    const char *end = scanner->end;
    bool escaped;

    if (text == end || *text != '"')
        return NULL;
    text++;
    *node = WEIR_JSON_NO_NODE;
    if (frame->expected == WEIR_JSON_NO_NODE) {
        text = weir_json_find_quote(text, end, &escaped);
        if (!text)
            return NULL;
        text++;
    } else {
        const struct weir_json_node *guess = &nodes[frame->expected];
        size_t length = (size_t)guess->key_length + 1;

        if (guess->plain &&
            key_is_next(scanner->paths->keys + guess->key_offset, length, text, end)) {
            *node = frame->expected;
            text += length;
        } else {
            text = read_other_key(scanner, text, frame->node, node);
            if (!text)
                return NULL;
        }
    }
    if (*node != WEIR_JSON_NO_NODE) {
        frame->expected = nodes[*node].sibling;
        if (frame->expected == WEIR_JSON_NO_NODE)
            frame->expected = nodes[frame->node].child;
        if (nodes[*node].child != WEIR_JSON_NO_NODE) {
            uint32_t bit = (uint32_t)1 << (*node % 32);

            if (scanner->seen[*node / 32] & bit)
                reset_values(scanner, *node);
            scanner->seen[*node / 32] |= bit;
        }
    }
    text = skip_blanks(text, end);
    if (text == end || *text != ':')
        return NULL;
    return skip_blanks(text + 1, end);
}

static int16_t find_element(const struct weir_json_paths *paths, const struct frame *frame)
{
    int16_t child =
        frame->expected == WEIR_JSON_NO_NODE ? WEIR_JSON_NO_NODE : paths->nodes[frame->node].child;

    while (child != WEIR_JSON_NO_NODE && paths->nodes[child].element != (int64_t)frame->index)
        child = paths->nodes[child].sibling;
    return child;
}

/* text is at an opening bracket. An empty container is read to its end, else a frame is made. */
static const char *open_container(struct scanner *scanner, const char *text, int16_t node,
                                  struct weir_json_value *value)
{
    bool object = *text == '{';
    const char *start = text;
    struct frame *frame;

    if (scanner->depth == scanner->paths->depth_max)
        return NULL;
    text = skip_blanks(text + 1, scanner->end);
    if (text == scanner->end)
        return NULL;
    if (value)
        *value = (struct weir_json_value){.kind = object ? WEIR_JSON_OBJECT : WEIR_JSON_ARRAY,
                                          .text = start};
    if (*text == (object ? '}' : ']')) {
        if (value)
            value->length = (uint32_t)(text + 1 - start);
        return text + 1;
    }
    frame = &scanner->frames[scanner->depth++];
    frame->node = node;
    frame->expected =
        node == WEIR_JSON_NO_NODE ? WEIR_JSON_NO_NODE : scanner->paths->nodes[node].child;
    frame->value = node == WEIR_JSON_NO_NODE ? -1 : scanner->paths->nodes[node].value;
    frame->object = object;
    frame->index = 0;
    return text;
}

static const char *read_word(const char *text, const char *end, const char *word, size_t length)
{
    if ((size_t)(end - text) < length || memcmp(text, word, length) != 0)
        return NULL;
    return text + length;
}

/* Reads a scalar to its end, into value unless that is NULL. */
static inline const char *read_scalar(const char *text, const char *end,
                                      struct weir_json_value *value)
{
    struct weir_json_value ignored;
    struct weir_decimal decimal;
    const char *start = text;

    if (!value)
        value = &ignored;
    value->escaped = false;
    value->number = 0.0;
    switch (*text) {
    case '"':
        start++;
        value->kind = WEIR_JSON_STRING;
        text = weir_json_find_quote(start, end, &value->escaped);
        value->text = start;
        value->length = text ? (uint32_t)(text - start) : 0;
        return text ? text + 1 : NULL;
    case 't':
        value->kind = WEIR_JSON_TRUE;
        text = read_word(text, end, "true", 4);
        break;
    case 'f':
        value->kind = WEIR_JSON_FALSE;
        text = read_word(text, end, "false", 5);
        break;
    case 'n':
        value->kind = WEIR_JSON_NULL;
        text = read_word(text, end, "null", 4);
        break;
    default:
        value->kind = WEIR_JSON_NUMBER;
        if (value == &ignored)
            text = weir_decimal_scan(text, end, &decimal);
        else
            text = weir_number_scan(text, end, &value->number);
        break;
    }
    value->text = start;
    value->length = text ? (uint32_t)(text - start) : 0;
    return text;
}

/* Reads the item at text, an element or a member: whole, or up to the first item inside it. */
static inline const char *read_item(struct scanner *scanner, const char *text, struct frame *frame)
{
    struct weir_json_value *value = NULL;
    int16_t node;

    if (frame->object) {
        text = read_key(scanner, text, frame, &node);
        if (!text)
            return NULL;
    } else {
        node = find_element(scanner->paths, frame);
        frame->index++;
    }
    if (text == scanner->end)
        return NULL;
    if (node != WEIR_JSON_NO_NODE && scanner->paths->nodes[node].value >= 0)
        value = &scanner->values[scanner->paths->nodes[node].value];
    if (*text == '{' || *text == '[')
        return open_container(scanner, text, node, value);
    return read_scalar(text, scanner->end, value);
}

/* text is behind an item. Closes what ends here and goes to the next item, or behind the last
 * bracket. */
static inline const char *leave_item(struct scanner *scanner, const char *text)
{
    while (scanner->depth > 0) {
        const struct frame *frame = &scanner->frames[scanner->depth - 1];

        text = skip_blanks(text, scanner->end);
        if (text == scanner->end)
            return NULL;
        if (*text == ',')
            return skip_blanks(text + 1, scanner->end);
        if (*text != (frame->object ? '}' : ']'))
            return NULL;
        text++;
        if (frame->value >= 0) {
            struct weir_json_value *value = &scanner->values[frame->value];

            value->length = (uint32_t)(text - value->text);
        }
        scanner->depth--;
    }
    return text;
}

enum weir_status weir_json_scan(const struct weir_json_paths *paths, const char *text,
                                size_t length, struct weir_json_value *values)
{
    struct scanner scanner;

    if (length == 0 || length >= UINT32_MAX)
        return WEIR_REFUSED;
    scanner.paths = paths;
    scanner.values = values;
    scanner.end = text + length;
    scanner.depth = 0;
    memset(scanner.seen, 0, sizeof(scanner.seen));
    for (unsigned i = 0; i < paths->path_count; i++)
        values[i] = (struct weir_json_value){.kind = WEIR_JSON_MISSING};
    text = skip_blanks(text, scanner.end);
    if (text == scanner.end)
        return WEIR_REFUSED;
    if (*text == '{' || *text == '[')
        text = open_container(&scanner, text, 0, NULL);
    else
        text = read_scalar(text, scanner.end, NULL);
    while (text && scanner.depth > 0) {
        unsigned depth = scanner.depth;

        text = read_item(&scanner, text, &scanner.frames[depth - 1]);
        if (text && scanner.depth == depth)
            text = leave_item(&scanner, text);
    }
    if (!text || skip_blanks(text, scanner.end) != scanner.end)
        return WEIR_REFUSED;
    return WEIR_OK;
}
