/*
 * What the text of a setting may be: durations, sizes, slopes, names, addresses, topic filters. Each
 * check that can fail in more than one way says how: NULL when the text is in order, else a static
 * string that completes "... expected".
 */
#ifndef WEIR_PORT_CONFIG_VALUE_H
#define WEIR_PORT_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "250ms", "10s", "5m", "1h", "1d"; "0" as well. False: not of this form, or beyond 64 bits. */
bool weir_value_duration(const char *text, int64_t *ms);

/* "4096B", "512KiB", "64MiB", "1GiB". */
bool weir_value_size(const char *text, uint64_t *bytes);

/* "22:30-05:00", in milliseconds since midnight; they may end at 24:00. False: not of this form, or no
 * time at all. */
bool weir_value_hours(const char *text, int32_t *from_ms, int32_t *to_ms);

/* A number as the configuration writes one: decimal, hexadecimal, with a point, an exponent. */
bool weir_value_integer(const char *text, size_t length, int64_t *number);
bool weir_value_double(const char *text, size_t length, double *number);

/* The limit of a slope: number a unit of time of unit_ms milliseconds. */
struct weir_slope_limit {
    double number;
    int64_t unit_ms;
};

/* "2.0/min", "-5/h"; per s, min, h or d. NULL, or the form that was expected. */
const char *weir_value_read_slope(const char *text, struct weir_slope_limit *slope);

/* Writes a duration or size with the largest unit that divides it; out has 32 bytes. */
void weir_value_print_duration(char *out, int64_t ms);
void weir_value_print_size(char *out, uint64_t bytes);

/* Letters, digits, - _ . with at least one that is no dot; at most WEIR_NAME_LENGTH_MAX bytes. */
bool weir_value_is_name(const char *text);

/* Bytes of the UTF-8 sequence at text, of which left bytes may be read (at least 1); 0: it is none.
 * */
size_t weir_value_sequence_length(const char *text, size_t left);

/* Valid UTF-8 without control characters. */
bool weir_value_is_text(const char *text);

const char *weir_value_check_url(const char *text);
const char *weir_value_check_filter(const char *text);

#endif
