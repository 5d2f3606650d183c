/*
 * What was expected against what came, side by side by time: each line is in both, missing, or
 * unexpected. An event that came otherwise than expected is both of the latter.
 */
#ifndef WEIR_COMMAND_TEST_DIFFERENCE_H
#define WEIR_COMMAND_TEST_DIFFERENCE_H

#include "command/test_run.h"

enum weir_test_verdict { WEIR_TEST_SAME, WEIR_TEST_MISSING, WEIR_TEST_UNEXPECTED };

/* The line of an expected event or, where it is unexpected, of one that came. */
struct weir_test_difference {
    enum weir_test_verdict verdict;
    const struct weir_test_event *event;
};

struct weir_test_comparison {
    struct weir_test_difference *lines; /* on the heap */
    uint32_t count;
    uint32_t first; /* of those that are not the same; count: there is none */
};

/* False: no memory. The comparison is to be freed with free(lines), and borrows from both. */
bool weir_test_compare(struct weir_test_comparison *comparison, const struct weir_test *test,
                       const struct weir_test_run *run);

#endif
