/*
 * What came of a test: for people, with the difference and the values around it, or one JSON object
 * a line.
 */
#ifndef WEIR_COMMAND_TEST_TELL_H
#define WEIR_COMMAND_TEST_TELL_H

#include "command/test_difference.h"

/* One test with its result; passed: it has no difference, and all that was done was taken. */
struct weir_test_result {
    const struct weir_config *config;
    const struct weir_test *test;
    const struct weir_test_run *run;
    const struct weir_test_comparison *comparison;
    bool passed;
};

/* Both write to stdout. */
void weir_test_tell(const struct weir_test_result *result);
void weir_test_tell_json(const struct weir_test_result *result);

#endif
