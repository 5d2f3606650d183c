/*
 * A shortcut for devices that send the same JSON over and over with other numbers in it.
 *
 * The shape of a text is everything but its numbers. A text of a known shape needs no scanner:
 * where the text between two numbers is the same to the byte, and a number stands where one stood,
 * it is valid because the first was, and its values lie where they lay. Any other text is for the
 * scanner, which always has the last word; the result is the same either way.
 */
#ifndef WEIR_FORMAT_JSON_SHAPE_H
#define WEIR_FORMAT_JSON_SHAPE_H

#include "format/json.h"

/* Bytes of a text that is worth remembering, and numbers in it. */
#define WEIR_JSON_SHAPE_BYTES_MAX 256
#define WEIR_JSON_SHAPE_NUMBER_COUNT_MAX 32

/* One remembered shape; position-independent. All zero: none. */
struct weir_json_shape {
    /* private */
    char bytes[WEIR_JSON_SHAPE_BYTES_MAX]; /* the pieces between the numbers, one after the other */
    struct weir_json_shape_number {
        uint16_t piece_length; /* of the piece in front of the number */
        int16_t value;         /* index of its path, -1: not wanted */
    } numbers[WEIR_JSON_SHAPE_NUMBER_COUNT_MAX];
    uint16_t number_count; /* 0: no shape is known */
    uint16_t tail_length;  /* of the piece behind the last number */
    uint16_t miss_count;   /* texts since the shape last fitted */
};

/* As weir_json_scan, by way of the shape, which is learned anew when it has not fitted for a
 * while. */
enum weir_status weir_json_shape_scan(struct weir_json_shape *shape,
                                      const struct weir_json_paths *paths, const char *text,
                                      size_t length, struct weir_json_value *values);

#endif
