/*
 * Doubles from text and to text. Both directions are exact: the nearest double in, the shortest
 * text that reads back to the same double out. Independent of the locale.
 */
#ifndef WEIR_FORMAT_NUMBER_H
#define WEIR_FORMAT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes a double can take as text, without a closing NUL. */
#define WEIR_NUMBER_LENGTH_MAX 25

/* A decimal number split as it is read: value = (negative ? -1 : 1) * mantissa * 10^exponent. */
struct weir_decimal {
    uint64_t mantissa;
    int32_t exponent;
    bool negative;
    bool exact; /* false: more digits than the mantissa holds were left out */
};

/*
 * Reads a JSON number (RFC 8259 section 6) at text; end is one past the last byte that may be read.
 * Returns the byte after it, or NULL when none starts here, as with 01, 1. and 1e. Writes the
 * nearest double, infinite when the magnitude is too large for one.
 */
const char *weir_number_scan(const char *text, const char *end, double *number);

/* The same, split; nothing is rounded where exact is true. */
const char *weir_decimal_scan(const char *text, const char *end, struct weir_decimal *decimal);

/* Bytes of a text that is read as people and devices write numbers. */
#define WEIR_NUMBER_TEXT_LENGTH_MAX 400

/*
 * Reads a whole text as people and devices write numbers: blanks around it, a leading plus, leading
 * zeros, a bare leading or trailing point, and the words true, false, on, off in any case (1 and
 * 0). False for anything else, for more than WEIR_NUMBER_TEXT_LENGTH_MAX bytes, and for what is not
 * finite.
 */
bool weir_number_parse(const char *text, size_t length, double *number);

/* The same without the words, split; finite or not. */
bool weir_decimal_parse(const char *text, size_t length, struct weir_decimal *decimal);

/*
 * Writes the decimal of the fewest digits that reads back to number, and of those the nearest,
 * valid as JSON, without a closing NUL: with an exponent below 1e-6 and from 1e21 on. out has at
 * least WEIR_NUMBER_LENGTH_MAX bytes. number is finite. Returns the length.
 */
size_t weir_number_format(double number, char *out);

#endif
