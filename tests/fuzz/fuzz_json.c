/*
 * The scanner of JSON, and what reads its values. The first byte of the input chooses the paths,
 * the second the depth; the rest is the text.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/support/json_reference.h"
#include "format/json.h"
#include "format/number.h"
#include "format/timestamp.h"

enum { PATH_MAX_COUNT = 5, REFERENCE_LENGTH_MAX = 4096 };

static const char *const path_sets[][PATH_MAX_COUNT] = {
    {"ts", "temperature", "humidity"},
    {"a", "a.b", "a.b.c", "b", "0"},
    {"values.0.t", "values.1", "values", "env.rh"},
    {"1.a.0", "0.0", "0", "1"},
    {"params.temp", "\xc3\xa9", "a\"b"},
    {NULL},
};

#define SET_COUNT (sizeof(path_sets) / sizeof(path_sets[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void check_number(double number)
{
    char *text = malloc(WEIR_NUMBER_LENGTH_MAX);
    double back = NAN;
    size_t length;

    check(text != NULL, "memory");
    length = weir_number_format(number, text);
    check(length > 0 && length <= WEIR_NUMBER_LENGTH_MAX, "the length of a number");
    check(weir_number_scan(text, text + length, &back) == text + length, "a number is JSON");
    check(back == number && signbit(back) == signbit(number), "a number reads back");
    free(text);
}

static void check_time(const struct weir_json_value *value)
{
    for (int unit = WEIR_TIME_ARRIVAL; unit <= WEIR_TIME_ISO8601; unit++) {
        int64_t time_ms;

        if (weir_timestamp_read(value, (enum weir_time_unit)unit, &time_ms))
            check(time_ms >= 0 && time_ms <= WEIR_TIMESTAMP_MS_MAX, "a time is in its range");
    }
}

static void check_value(const struct weir_json_value *value, const char *text, size_t size)
{
    char buffer[64];
    double number;

    if (weir_json_number(value, &number))
        check_number(number);
    check_time(value);
    if (value->kind == WEIR_JSON_MISSING)
        return;
    check(value->text >= text && value->text <= text + size &&
              value->length <= (size_t)(text + size - value->text),
          "a value lies in the text");
    if (value->kind == WEIR_JSON_STRING)
        check(weir_json_unescape(value, buffer, sizeof(buffer)) <= (ptrdiff_t)value->length,
              "escapes are longer than what they stand for");
    if (value->kind == WEIR_JSON_NUMBER && value->length < sizeof(buffer)) {
        memcpy(buffer, value->text, value->length);
        buffer[value->length] = '\0';
        check(strtod(buffer, NULL) == value->number, "a number is the nearest");
    }
}

static void check_reference(const struct weir_json_value *value, const char *text, size_t size,
                            const char *path)
{
    struct weir_json_value wanted = reference_find(text, size, path);

    check(value->kind == wanted.kind && value->text == wanted.text &&
              value->length == wanted.length && value->escaped == wanted.escaped,
          "a value is the reference's");
}

static void check_scan(const char *text, size_t size, size_t set, unsigned depth_max)
{
    static struct weir_json_paths paths;
    struct weir_json_value values[PATH_MAX_COUNT];
    struct weir_json_value again;
    size_t count = 0;
    bool valid;

    while (count < PATH_MAX_COUNT && path_sets[set][count])
        count++;
    check(weir_json_compile(&paths, path_sets[set], count, depth_max, NULL) == WEIR_OK, "paths");
    valid = weir_json_scan(&paths, text, size, values) == WEIR_OK;
    check(valid == reference_valid(text, size, depth_max), "valid for one is valid for both");
    for (size_t i = 0; valid && i < count; i++) {
        check_value(&values[i], text, size);
        if (size <= REFERENCE_LENGTH_MAX)
            check_reference(&values[i], text, size, path_sets[set][i]);
    }
    check(weir_json_compile(&paths, path_sets[set], count > 0, depth_max, NULL) == WEIR_OK, "path");
    check((weir_json_scan(&paths, text, size, &again) == WEIR_OK) == valid,
          "what is wanted does not decide what is valid");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time_ms;
    double number;
    char *text;

    if (size < 2)
        return 0;
    /* A copy of the very size, so that a read beyond it is noticed. */
    text = malloc(size - 2 > 0 ? size - 2 : 1);
    check(text != NULL, "memory");
    memcpy(text, data + 2, size - 2);
    check_scan(text, size - 2, data[0] % SET_COUNT, data[1] % (WEIR_JSON_STACK_MAX + 1));
    if (weir_number_parse(text, size - 2, &number))
        check_number(number);
    if (weir_timestamp_parse(text, size - 2, &time_ms))
        check(time_ms >= 0 && time_ms <= WEIR_TIMESTAMP_MS_MAX, "a time is in its range");
    if (size >= 2 + sizeof(number)) {
        memcpy(&number, text, sizeof(number));
        if (isfinite(number))
            check_number(number);
    }
    free(text);
    return 0;
}
