/*
 * A topic filter with labels, "sensors/{site}/{device}/telemetry": {x} takes one level of the topic
 * as a label, + takes one and # the rest unlabelled. The labels' values joined by / in their order
 * are the key of a series.
 */
#ifndef WEIR_CORE_FILTER_H
#define WEIR_CORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weir/flow.h"
#include "weir/limits.h"

/* Position-independent: it may lie in an arena. */
struct weir_filter {
    /* private */
    struct weir_filter_segment {
        uint8_t kind;
        uint16_t offset; /* of text, for literal segments */
        uint16_t length;
    } segments[WEIR_FILTER_SEGMENT_COUNT_MAX];
    uint16_t segment_count;
    uint16_t label_count;
    bool contiguous; /* the labels stand side by side in the topic: the key is a part of it */
    char text[WEIR_TOPIC_LENGTH_MAX + 1];
};

/* The key of a series: a part of the topic, or put together in buffer. Not NUL-terminated. */
struct weir_key {
    const char *text;
    size_t length;
    char buffer[WEIR_TOPIC_LENGTH_MAX];
};

/* Compiles text (NUL-terminated). WEIR_REFUSED: a level that mixes a wildcard with text, #
 * before the end, an unclosed brace, an empty or doubled label, no text at all, or more than
 * limits.h allows. */
enum weir_status weir_filter_compile(struct weir_filter *filter, const char *text);

/* True when the topic (at most WEIR_TOPIC_LENGTH_MAX bytes) matches, by MQTT's rules; *key is then
 * written and borrows from topic and itself. */
bool weir_filter_match(const struct weir_filter *filter, const char *topic, size_t length,
                       struct weir_key *key);

/* Writes the filter as MQTT knows it, labels as +, NUL-terminated; out has WEIR_TOPIC_LENGTH_MAX
 * + 1 bytes. */
void weir_filter_subscription(const struct weir_filter *filter, char *out);

#endif
