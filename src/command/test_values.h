/*
 * The values that a test feeds to a field, in a text of runs with blanks between them, in the
 * manner of promtool's notation of series:
 *
 *     21.5          a value
 *     20x5          five times 20
 *     20+2x5        20 22 24 26 28; 90-2x5 falls
 *     _ _x3         a gap: nothing is sent; three of them
 *     null nullx3   a field without a number
 *     84@-5s        stamped five seconds before its place; @+5s after it. Behind any of the above
 *
 * Unlike promtool's the number behind x is that of all values, not of those behind the first.
 */
#ifndef WEIR_COMMAND_TEST_VALUES_H
#define WEIR_COMMAND_TEST_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of a text: a year of one each half a minute, and ten times that. */
#define WEIR_TEST_VALUE_COUNT_MAX 10000000

struct weir_test_value_run {
    enum { WEIR_TEST_NUMBER, WEIR_TEST_NULL, WEIR_TEST_GAP } kind;
    uint32_t count;
    double start;
    double step;
    int64_t shift_ms; /* of the time it is stamped with */
};

struct weir_test_values {
    struct weir_test_value_run *runs; /* on the heap */
    uint32_t run_count;
};

/* What is wrong with a text, and where. */
struct weir_test_fault {
    const char *expected; /* NULL: nothing is wrong */
    size_t offset;
    size_t length;
};

/* Reads a text; values is to be released either way. */
struct weir_test_fault weir_test_values_read(struct weir_test_values *values, const char *text);

void weir_test_values_release(struct weir_test_values *values);

#endif
