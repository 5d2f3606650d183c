/*
 * A JSON text (RFC 8259), scanned once for a set of paths. No tree, no allocation, no recursion:
 * the whole text is validated while the values at the paths are picked up, so a text is either
 * wholly valid or refused.
 *
 * A path walks objects by `.` and arrays by index ("values.0.t"); a key that holds a dot is quoted:
 * params."temperature:0".tC
 */
#ifndef WEIR_FORMAT_JSON_H
#define WEIR_FORMAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/flow.h"
#include "weir/limits.h"

/* Values picked up from one text: the fields of a stream, its time, and whether it is historical. */
#define WEIR_JSON_PATH_COUNT_MAX (WEIR_FIELD_COUNT_MAX + 2)

/* Nodes of the compiled paths; paths that share a beginning share its nodes. */
#define WEIR_JSON_NODE_COUNT_MAX 256

/* Bytes of all keys of the compiled paths. */
#define WEIR_JSON_KEY_BYTES_MAX 4096

/* Depth the scanner can be told to allow: a payload's, and a few levels of an envelope. */
#define WEIR_JSON_STACK_MAX (WEIR_JSON_DEPTH_MAX + 8)

enum weir_json_kind {
    WEIR_JSON_MISSING,
    WEIR_JSON_NULL,
    WEIR_JSON_FALSE,
    WEIR_JSON_TRUE,
    WEIR_JSON_NUMBER,
    WEIR_JSON_STRING,
    WEIR_JSON_OBJECT,
    WEIR_JSON_ARRAY,
};

/*
 * A value at a path. text is the value as it stands in the scanned text: for a string what lies
 * between the quotes, still escaped; for an object or array from bracket to bracket. number is set
 * for numbers: the nearest double, infinite where none is near.
 */
struct weir_json_value {
    enum weir_json_kind kind;
    bool escaped; /* a string that holds a backslash */
    uint32_t length;
    const char *text;
    double number;
};

/* Compiled paths; position-independent, so it may lie in an arena. */
struct weir_json_paths {
    /* private */
    struct weir_json_node {
        uint16_t key_offset;
        uint16_t key_length;
        int16_t child;   /* first child, -1: none */
        int16_t sibling; /* next child of the same parent, -1: none */
        int16_t value;   /* index of the path that ends here, -1: none */
        int16_t parent;  /* always a smaller index; -1: the root */
        int16_t element; /* the key read as an array index, -1: it is none */
        bool plain;      /* the key stands in a JSON string as it is */
    } nodes[WEIR_JSON_NODE_COUNT_MAX];
    char keys[WEIR_JSON_KEY_BYTES_MAX]; /* each with a closing quote */
    int16_t path_nodes[WEIR_JSON_PATH_COUNT_MAX];
    uint16_t node_count;
    uint16_t key_bytes;
    uint16_t path_count;
    uint16_t depth_max;
};

/*
 * Compiles count paths (at most WEIR_JSON_PATH_COUNT_MAX); a text deeper than depth_max levels (at
 * most WEIR_JSON_STACK_MAX) will be refused. WEIR_REFUSED: a path is empty or longer than limits.h
 * allows, has an empty step, an unclosed quote, too many steps, is the same as another, or is the
 * first for which nodes or key bytes do not suffice; *bad, if not NULL, is its index.
 */
enum weir_status weir_json_compile(struct weir_json_paths *paths, const char *const *texts,
                                   size_t count, unsigned depth_max, size_t *bad);

/*
 * Finds the step of a path at *text: its key, not NUL-terminated, without the quotes it may have.
 * Moves *text to the next step, to NULL behind the last one. False: the step is empty, or its quote
 * is not closed.
 */
bool weir_json_take_step(const char **text, const char **key, size_t *length);

/*
 * Scans text[0..length). values has one entry for each path, in their order; all are written. Where
 * a key stands twice the last one counts, with all that lies under it. A path through a value of
 * another kind is missing. WEIR_REFUSED: not valid JSON, or 4 GiB and more; values then hold
 * nothing of use.
 */
enum weir_status weir_json_scan(const struct weir_json_paths *paths, const char *text,
                                size_t length, struct weir_json_value *values);

/*
 * The text of a string value with its escapes resolved, at most size bytes into out, as UTF-8.
 * Returns the length, or -1 when it is no string, does not fit or holds a lone surrogate.
 */
ptrdiff_t weir_json_unescape(const struct weir_json_value *value, char *out, size_t size);

/* True when the bytes are UTF-8, so that a string can hold them as they are, but for escapes. */
bool weir_json_is_text(const char *bytes, size_t length);

/*
 * What the value says as a measurement: numbers, numbers in quotes, true/false and "ON"/"OFF" (any
 * case, in or out of quotes) as 1 and 0. False for all else, and for what is not finite.
 */
bool weir_json_number(const struct weir_json_value *value, double *number);

#endif
