/*
 * The answer to a command that came by MQTT 5, on its way to where the sender wants it. One at a
 * time: the next command is looked at when it has left.
 */
#ifndef WEIR_COMMAND_ANSWER_H
#define WEIR_COMMAND_ANSWER_H

#include "command/outlet.h"

/* Bytes of an answer: a sentence, escaped. */
#define WEIR_ANSWER_SIZE 4096

/* Correlation data that is given back. Clients use up to a few dozen bytes. */
#define WEIR_ANSWER_CORRELATION_MAX 256

struct weir_answer {
    /* private */
    bool waiting;
    char topic[WEIR_TOPIC_LENGTH_MAX + 1];
    char payload[WEIR_ANSWER_SIZE];
    size_t payload_length;
    unsigned char correlation[WEIR_ANSWER_CORRELATION_MAX];
    size_t correlation_length;
};

/* Notes an answer, unless nobody asked for one, or its topic is ours or none to publish to, or the
 * correlation data is longer than is given back. */
void weir_answer_put(struct weir_answer *answer, const struct weir_mqtt_reply *reply,
                     const struct weir_text *payload);

bool weir_answer_is_waiting(const struct weir_answer *answer);

/* Sends it, if there is one and there is room. */
void weir_answer_send(struct weir_answer *answer, struct weir_outlet *outlet);

#endif
