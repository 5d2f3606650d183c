/*
 * The messages that a test's values come to, in order of time: values of one series at one time,
 * with one time stamp, travel together.
 */
#ifndef WEIR_COMMAND_TEST_FEED_H
#define WEIR_COMMAND_TEST_FEED_H

#include "command/test_file.h"
#include "command/test_message.h"

struct weir_test_message {
    int64_t at_ms; /* since the start of the test */
    int64_t shift_ms;
    const struct weir_test_series *series; /* whose name, stream and topic it has */
    struct weir_test_value values[WEIR_FIELD_COUNT_MAX];
    uint32_t count;
};

struct weir_test_feed {
    /* private */
    const struct weir_test *test;
    struct weir_test_cursor {
        uint32_t run;
        uint32_t index; /* in the run */
        int64_t at_ms;  /* INT64_MAX: at the end */
    } cursors[WEIR_TEST_SERIES_COUNT_MAX];
};

void weir_test_feed_init(struct weir_test_feed *feed, const struct weir_test *test);

/* The time of the next message; INT64_MAX: there is none. */
int64_t weir_test_feed_time(const struct weir_test_feed *feed);

/* Takes the next message; false: there is none. */
bool weir_test_feed_take(struct weir_test_feed *feed, struct weir_test_message *message);

#endif
