#include "format/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "format/number.h"
#include "format/word.h"

/* No key of a path. */
#define NO_NODE (-1)

/* A container whose end has not been reached. */
struct frame {
    int16_t node;     /* NO_NODE: nothing below is wanted */
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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hexadecimal digits at text; -1: there are none. */
static int32_t read_unit(const char *text, const char *end)
{
    int32_t unit = 0;

    if (end - text < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* text is at a backslash. Returns the byte after the escape, NULL: it is none. */
static const char *skip_escape(const char *text, const char *end)
{
    if (end - text < 2)
        return NULL;
    switch (text[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return text + 2;
    case 'u':
        return read_unit(text + 2, end) >= 0 ? text + 6 : NULL;
    default:
        return NULL;
    }
}

/* text is at a byte of 0x80 or more. Returns the byte after the UTF-8 sequence, NULL: none. */
static const char *skip_sequence(const char *text, const char *end)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    int length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0xc2 || first > 0xf4 || end - text < length)
        return NULL;
    if (first == 0xe0)
        second_min = 0xa0;
    else if (first == 0xed)
        second_max = 0x9f;
    else if (first == 0xf0)
        second_min = 0x90;
    else if (first == 0xf4)
        second_max = 0x8f;
    if ((unsigned char)text[1] < second_min || (unsigned char)text[1] > second_max)
        return NULL;
    for (int i = 2; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return NULL;
    }
    return text + length;
}

bool weir_json_is_text(const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        bytes = (unsigned char)*bytes >= 0x80 ? skip_sequence(bytes, end) : bytes + 1;
        if (!bytes)
            return false;
    }
    return true;
}

/* text is behind the opening quote. Returns the closing one, NULL: the string is not valid. */
static inline const char *find_quote(const char *text, const char *end, bool *escaped)
{
    *escaped = false;
    for (;;) {
        uint64_t word = weir_word_load_within(text, end);
        uint64_t special = weir_word_mark_equal(word, '"') | weir_word_mark_equal(word, '\\') |
                           weir_word_mark_below(word, 0x20) | (word & WEIR_WORD_FILL(0x80));

        text += weir_word_first(special);
        if (!special)
            continue;
        if (text >= end)
            return NULL;
        if (*text == '"')
            return text;
        if (*text == '\\') {
            *escaped = true;
            text = skip_escape(text, end);
        } else {
            text = (unsigned char)*text >= 0x80 ? skip_sequence(text, end) : NULL;
        }
        if (!text)
            return NULL;
    }
}

static size_t put_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The character of a valid escape; *text is at its backslash and moved behind it. -1: lone
 * surrogate. */
static int32_t resolve_escape(const char **text, const char *end)
{
    static const char letters[] = "bfnrt";
    static const char controls[] = "\b\f\n\r\t";
    const char *cursor = *text;
    const char *letter;
    int32_t code;

    if (cursor[1] != 'u') {
        letter = strchr(letters, cursor[1]);
        *text = cursor + 2;
        return letter ? controls[letter - letters] : cursor[1];
    }
    code = read_unit(cursor + 2, end);
    *text = cursor + 6;
    if (code >= 0xd800 && code < 0xdc00 && end - cursor >= 12 && cursor[6] == '\\' &&
        cursor[7] == 'u') {
        int32_t low = read_unit(cursor + 8, end);

        if (low < 0xdc00 || low > 0xdfff)
            return -1;
        *text = cursor + 12;
        return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return code >= 0xd800 && code < 0xe000 ? -1 : code;
}

static ptrdiff_t unescape(const char *text, size_t length, char *out, size_t size)
{
    const char *end = text + length;
    size_t used = 0;

    while (text < end) {
        char piece[4];
        size_t piece_length = 1;

        if (*text == '\\') {
            int32_t code = resolve_escape(&text, end);

            if (code < 0)
                return -1;
            piece_length = put_utf8((uint32_t)code, piece);
        } else {
            piece[0] = *text++;
        }
        if (piece_length > size - used)
            return -1;
        memcpy(out + used, piece, piece_length);
        used += piece_length;
    }
    return (ptrdiff_t)used;
}

ptrdiff_t weir_json_unescape(const struct weir_json_value *value, char *out, size_t size)
{
    if (value->kind != WEIR_JSON_STRING)
        return -1;
    return unescape(value->text, value->length, out, size);
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

/* The key as an array index: digits without a leading zero. */
static int16_t read_element(const char *key, size_t length)
{
    int32_t element = 0;

    if (length == 0 || length > 5 || (length > 1 && key[0] == '0'))
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (key[i] < '0' || key[i] > '9')
            return -1;
        element = element * 10 + (key[i] - '0');
    }
    return element <= INT16_MAX ? (int16_t)element : -1;
}

static int16_t add_node(struct weir_json_paths *paths, int16_t parent, const char *key,
                        size_t length)
{
    int16_t index = (int16_t)paths->node_count;
    struct weir_json_node *node = &paths->nodes[index];
    char *copy = paths->keys + paths->key_bytes;
    int16_t *link = &paths->nodes[parent].child;
    bool escaped;

    /* Behind the last key stand the bytes of a word, for comparisons by words. */
    if (index == WEIR_JSON_NODE_COUNT_MAX ||
        paths->key_bytes + length + 1 + sizeof(uint64_t) > WEIR_JSON_KEY_BYTES_MAX)
        return NO_NODE;
    memcpy(copy, key, length);
    copy[length] = '"';
    *node = (struct weir_json_node){
        .key_offset = paths->key_bytes,
        .key_length = (uint16_t)length,
        .child = NO_NODE,
        .sibling = NO_NODE,
        .value = -1,
        .parent = parent,
        .element = read_element(key, length),
        .plain = find_quote(copy, copy + length + 1, &escaped) == copy + length && !escaped,
    };
    while (*link != NO_NODE)
        link = &paths->nodes[*link].sibling;
    *link = index;
    paths->node_count++;
    paths->key_bytes = (uint16_t)(paths->key_bytes + length + 1);
    return index;
}

static int16_t find_child(const struct weir_json_paths *paths, int16_t parent, const char *key,
                          size_t length)
{
    int16_t child = paths->nodes[parent].child;

    while (child != NO_NODE) {
        const struct weir_json_node *node = &paths->nodes[child];

        if (node->key_length == length && memcmp(paths->keys + node->key_offset, key, length) == 0)
            break;
        child = node->sibling;
    }
    return child;
}

bool weir_json_take_step(const char **text, const char **key, size_t *length)
{
    const char *stop;

    *key = *text;
    if (**text == '"') {
        ++*key;
        stop = strchr(*key, '"');
        if (!stop || (stop[1] != '.' && stop[1] != '\0'))
            return false;
        *length = (size_t)(stop - *key);
        stop++;
    } else {
        stop = *text + strcspn(*text, ".");
        *length = (size_t)(stop - *key);
    }
    *text = *stop == '.' ? stop + 1 : NULL;
    return *length > 0;
}

static bool add_path(struct weir_json_paths *paths, const char *text, int16_t path)
{
    int16_t node = 0;
    unsigned step_count = 0;

    if (strlen(text) > WEIR_PATH_LENGTH_MAX)
        return false;
    while (text) {
        int16_t child;
        const char *key;
        size_t length;

        if (!weir_json_take_step(&text, &key, &length) || ++step_count > WEIR_PATH_STEP_COUNT_MAX)
            return false;
        child = find_child(paths, node, key, length);
        if (child == NO_NODE)
            child = add_node(paths, node, key, length);
        if (child == NO_NODE)
            return false;
        node = child;
    }
    if (paths->nodes[node].value >= 0)
        return false;
    paths->nodes[node].value = path;
    paths->path_nodes[path] = node;
    return true;
}

enum weir_status weir_json_compile(struct weir_json_paths *paths, const char *const *texts,
                                   size_t count, unsigned depth_max, size_t *bad)
{
    assert(count <= WEIR_JSON_PATH_COUNT_MAX && depth_max <= WEIR_JSON_STACK_MAX);
    memset(paths, 0, sizeof(*paths));
    paths->nodes[0] = (struct weir_json_node){
        .child = NO_NODE, .sibling = NO_NODE, .value = -1, .parent = NO_NODE, .element = -1};
    paths->node_count = 1;
    paths->path_count = (uint16_t)count;
    paths->depth_max = (uint16_t)depth_max;
    for (size_t i = 0; i < count; i++) {
        if (!add_path(paths, texts[i], (int16_t)i)) {
            if (bad)
                *bad = i;
            return WEIR_REFUSED;
        }
    }
    return WEIR_OK;
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

    text = find_quote(text, scanner->end, &escaped);
    if (!text)
        return NULL;
    length = text - start;
    if (escaped) {
        length = unescape(start, (size_t)length, buffer, sizeof(buffer));
        start = buffer;
    }
    *node = length > 0 ? find_child(scanner->paths, parent, start, (size_t)length) : NO_NODE;
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
    *node = NO_NODE;
    if (frame->expected == NO_NODE) {
        text = find_quote(text, end, &escaped);
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
    if (*node != NO_NODE) {
        frame->expected = nodes[*node].sibling;
        if (frame->expected == NO_NODE)
            frame->expected = nodes[frame->node].child;
        if (nodes[*node].child != NO_NODE) {
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
    int16_t child = frame->expected == NO_NODE ? NO_NODE : paths->nodes[frame->node].child;

    while (child != NO_NODE && paths->nodes[child].element != (int64_t)frame->index)
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
    frame->expected = node == NO_NODE ? NO_NODE : scanner->paths->nodes[node].child;
    frame->value = node == NO_NODE ? -1 : scanner->paths->nodes[node].value;
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
        text = find_quote(start, end, &value->escaped);
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
    if (node != NO_NODE && scanner->paths->nodes[node].value >= 0)
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
