/*
 * Texts scanned for paths, and what is found.
 */
#ifndef TESTS_SUPPORT_JSON_RIG_H
#define TESTS_SUPPORT_JSON_RIG_H

#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "unit.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct weir_json_paths paths;
static struct weir_json_value values[WEIR_JSON_PATH_COUNT_MAX];

/* The text scanned last, a copy of its very size, so that a read beyond it is noticed. */
static char *scanned;

static inline bool compile(const char *const *texts, size_t count)
{
    return weir_json_compile(&paths, texts, count, WEIR_JSON_DEPTH_MAX, NULL) == WEIR_OK;
}

static inline bool scan_bytes(const char *text, size_t length)
{
    free(scanned);
    scanned = malloc(length > 0 ? length : 1);
    assert_non_null(scanned);
    memcpy(scanned, text, length);
    return weir_json_scan(&paths, scanned, length, values) == WEIR_OK;
}

static inline bool scan(const char *text)
{
    return scan_bytes(text, strlen(text));
}

/* Scans for one path and returns what it finds. */
static inline const struct weir_json_value *find(const char *path, const char *text)
{
    assert_true(compile(&path, 1));
    if (!scan(text))
        fail_msg("refused: %s", text);
    return values;
}

static inline void assert_found(const struct weir_json_value *value, enum weir_json_kind kind,
                                const char *text)
{
    if (value->kind != kind || value->length != strlen(text) ||
        (value->length > 0 && memcmp(value->text, text, value->length) != 0))
        fail_msg("kind %d, \"%.*s\", not kind %d, \"%s\"", (int)value->kind, (int)value->length,
                 value->text ? value->text : "", (int)kind, text);
}

static inline void assert_missing(const struct weir_json_value *value)
{
    assert_int_equal(value->kind, WEIR_JSON_MISSING);
}

static inline int teardown(void **state)
{
    (void)state;
    free(scanned);
    scanned = NULL;
    return 0;
}

#endif
