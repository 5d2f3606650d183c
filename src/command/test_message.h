/*
 * A message as a device would send it: the topic that leads to a series of a stream, and a payload
 * with values of its fields where the stream looks for them.
 */
#ifndef WEIR_COMMAND_TEST_MESSAGE_H
#define WEIR_COMMAND_TEST_MESSAGE_H

#include "format/text.h"
#include "weir/config.h"

/* One field's value. */
struct weir_test_value {
    uint32_t field;
    bool null; /* there, but no number */
    double number;
};

/* Bytes of a payload: every field of a stream under its longest path. */
#define WEIR_TEST_PAYLOAD_SIZE 65536

/*
 * Writes a topic that the stream takes for the series, NUL-terminated. A level that the filter does
 * not name becomes x; a # matches nothing more. False: none of the stream's filters leads to a
 * series of that name.
 */
bool weir_test_topic_write(char topic[static WEIR_TOPIC_LENGTH_MAX + 1],
                           const struct weir_stream_config *stream, const char *series);

/* True when values at both paths fit into one object: none is the same as the other, or leads
 * through it. */
bool weir_test_paths_fit(const char *path, const char *other);

/* Adds the payload. time_ms is written where the stream reads it from, if it does. */
void weir_test_payload_write(struct weir_text *text, const struct weir_stream_config *stream,
                             const struct weir_test_value *values, uint32_t count, int64_t time_ms);

#endif
