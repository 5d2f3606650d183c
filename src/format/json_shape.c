#include "format/json_shape.h"

#include <float.h>
#include <string.h>

#include "format/number.h"

/* A shape is given up for another after so many texts that it did not fit: devices of two kinds
 * on one stream then do not cost a new shape with every text. */
#define MISS_COUNT_MAX 16

/* Digits whose number a double holds exactly, with powers of ten to match. */
#define PLAIN_DIGIT_COUNT 15

static const double powers[PLAIN_DIGIT_COUNT + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/*
 * [-]digits[.digits] of at most PLAIN_DIGIT_COUNT digits: mantissa and power of ten are both exact,
 * so that one division rounds once; not so in registers wider than a double, which round again when
 * the result leaves them. NULL: not of this kind, or not a number.
 */
static inline const char *scan_plain(const char *text, const char *end, double *number)
{
    const char *first;
    const char *point = NULL;
    uint64_t mantissa = 0;
    bool negative = text < end && *text == '-';
    double value;

    if (FLT_EVAL_METHOD != 0)
        return NULL;
    text += negative;
    first = text;
    for (; text < end; text++) {
        unsigned digit = (unsigned char)*text - (unsigned)'0';

        if (digit < 10)
            mantissa = mantissa * 10 + digit;
        else if (*text == '.' && !point)
            point = text;
        else
            break;
    }
    if (text - first > PLAIN_DIGIT_COUNT || text == first || first == point ||
        (*first == '0' && text - first > 1 && first[1] != '.') ||
        (text < end && (*text == 'e' || *text == 'E' || *text == '.')))
        return NULL;
    value = (double)mantissa;
    if (point) {
        if (point + 1 == text)
            return NULL;
        value /= powers[text - point - 1];
    }
    *number = negative ? -value : value;
    return text;
}

/* True when the text begins with the piece. */
static inline bool piece_fits(const char *piece, size_t length, const char *text, const char *end)
{
    return (size_t)(end - text) >= length && memcmp(piece, text, length) == 0;
}

static bool read_by_shape(const struct weir_json_shape *shape, const char *text, const char *end,
                          struct weir_json_value *values)
{
    const char *piece = shape->bytes;

    for (unsigned i = 0; i < shape->number_count; i++) {
        const struct weir_json_shape_number *slot = &shape->numbers[i];
        const char *start;
        double number;

        if (!piece_fits(piece, slot->piece_length, text, end))
            return false;
        piece += slot->piece_length;
        start = text + slot->piece_length;
        text = scan_plain(start, end, &number);
        if (!text)
            text = weir_number_scan(start, end, &number);
        if (!text)
            return false;
        if (slot->value >= 0)
            values[slot->value] = (struct weir_json_value){
                .kind = WEIR_JSON_NUMBER,
                .length = (uint32_t)(text - start),
                .text = start,
                .number = number,
            };
    }
    return (size_t)(end - text) == shape->tail_length &&
           memcmp(piece, text, shape->tail_length) == 0;
}

/* The next number of a valid text at or behind text, strings left out; end: none. */
static const char *find_number(const char *text, const char *end)
{
    bool quoted = false;

    for (; text < end; text++) {
        if (quoted && *text == '\\')
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && (*text == '-' || (*text >= '0' && *text <= '9')))
            break;
    }
    return text;
}

/* The path whose value is the number at text. */
static int16_t find_value(const struct weir_json_paths *paths, const struct weir_json_value *values,
                          const char *text)
{
    for (int16_t i = 0; i < (int16_t)paths->path_count; i++) {
        if (values[i].kind == WEIR_JSON_NUMBER && values[i].text == text)
            return i;
    }
    return -1;
}

/* Only a text whose wanted values are numbers, or missing, is told by its numbers alone. */
static bool is_learnable(const struct weir_json_paths *paths, size_t length,
                         const struct weir_json_value *values)
{
    if (length > WEIR_JSON_SHAPE_BYTES_MAX)
        return false;
    for (unsigned i = 0; i < paths->path_count; i++) {
        if (values[i].kind != WEIR_JSON_NUMBER && values[i].kind != WEIR_JSON_MISSING)
            return false;
    }
    return true;
}

/* Remembers the shape of a text that was found valid. */
static void learn(struct weir_json_shape *shape, const struct weir_json_paths *paths,
                  const char *text, size_t length, const struct weir_json_value *values)
{
    const char *end = text + length;
    char *bytes = shape->bytes;

    shape->miss_count = 0;
    shape->number_count = 0;
    if (!is_learnable(paths, length, values))
        return;
    for (;;) {
        const char *start = find_number(text, end);
        struct weir_json_shape_number *slot = &shape->numbers[shape->number_count];
        double ignored;

        memcpy(bytes, text, (size_t)(start - text));
        bytes += start - text;
        if (start == end) {
            shape->tail_length = (uint16_t)(start - text);
            return;
        }
        if (shape->number_count == WEIR_JSON_SHAPE_NUMBER_COUNT_MAX)
            break;
        slot->piece_length = (uint16_t)(start - text);
        slot->value = find_value(paths, values, start);
        text = weir_number_scan(start, end, &ignored);
        shape->number_count++;
    }
    shape->number_count = 0;
}

enum weir_status weir_json_shape_scan(struct weir_json_shape *shape,
                                      const struct weir_json_paths *paths, const char *text,
                                      size_t length, struct weir_json_value *values)
{
    enum weir_status status;

    if (shape->number_count > 0) {
        for (unsigned i = 0; i < paths->path_count; i++)
            values[i].kind = WEIR_JSON_MISSING;
        if (read_by_shape(shape, text, text + length, values)) {
            shape->miss_count = 0;
            return WEIR_OK;
        }
    }
    status = weir_json_scan(paths, text, length, values);
    if (status == WEIR_OK && (shape->number_count == 0 || ++shape->miss_count >= MISS_COUNT_MAX))
        learn(shape, paths, text, length, values);
    return status;
}
