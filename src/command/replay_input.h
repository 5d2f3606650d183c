/*
 * Recorded messages, one JSON object a line, read from a file descriptor in bounded memory.
 *
 *     {"topic":"sensors/plant/dev42/telemetry","at":1700000000123,"payload":"{\"temperature\":21.5}"}
 *
 * The arrival time is `at` (milliseconds) or else `tst` (ISO 8601 with zone). The message is
 * `payload`, a string for its text and any other value for the value's own text, or else
 * `payload_hex`. A null payload beside a `payloadlen` of 0 is an empty message, which is how
 * mosquitto_sub writes it; beside a `payloadlen` or a `topiclen` that is beyond limits.h it is a
 * message whose bytes were not kept. `retain`, `dup` and `unsynchronised` say what the message's
 * flags were, `mid` is its packet id. Other keys are ignored. An object with a `record` and no
 * `topic`, as `weir journal cat --all` prints them, is passed over.
 */
#ifndef WEIR_COMMAND_REPLAY_INPUT_H
#define WEIR_COMMAND_REPLAY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/json.h"
#include "weir/flow.h"

/* A line, in bytes: the largest payload that weir takes, every byte of it escaped in six, fits
 * twice. */
#define WEIR_REPLAY_LINE_MAX (1024 * 1024)

enum weir_replay_outcome {
    WEIR_REPLAY_MESSAGE,
    WEIR_REPLAY_BAD, /* a line that is no message; problem says why */
    WEIR_REPLAY_END,
    WEIR_REPLAY_FAILED, /* reading failed; problem says why */
};

struct weir_replay_input {
    uint64_t line_number; /* of the newest line, from 1 */
    uint64_t bytes_read;
    const char *problem;
    /* private */
    int fd;
    bool ended;
    bool skipping;  /* in a line that is too long */
    size_t first;   /* of the bytes not taken yet */
    size_t scanned; /* up to here there is no newline */
    size_t last;
    struct weir_json_paths paths;
    char text[WEIR_REPLAY_LINE_MAX]; /* topic and payload without their escapes */
    char bytes[WEIR_REPLAY_LINE_MAX + 1];
};

/* fd stays the caller's. */
void weir_replay_input_init(struct weir_replay_input *input, int fd);

/* Takes the next line that is neither blank nor passed over. The message points into input until the
 * next call. */
enum weir_replay_outcome weir_replay_input_next(struct weir_replay_input *input,
                                                struct weir_message *message);

#endif
