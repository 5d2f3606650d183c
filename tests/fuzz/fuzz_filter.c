/* A filter, a line feed, a topic: compiled and matched as the plain reference does it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/support/filter_reference.h"
#include "core/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Matching and the key; the topic ends where its memory ends. */
static void check_match(const struct weir_filter *filter, const char *text, const char *topic,
                        size_t length)
{
    char expected[WEIR_TOPIC_LENGTH_MAX];
    size_t expected_length;
    struct weir_key key;
    bool matches = weir_filter_match(filter, topic, length, &key);

    require(matches == reference_match(text, topic, length, expected, &expected_length));
    if (!matches)
        return;
    require(key.length == expected_length);
    require(memcmp(key.text, expected, expected_length) == 0);
}

/* What is subscribed to is a filter of the same topics without labels. */
static void check_subscription(const struct weir_filter *filter, const char *text,
                               const char *topic, size_t length)
{
    char expected[WEIR_TOPIC_LENGTH_MAX + 1];
    char out[WEIR_TOPIC_LENGTH_MAX + 1];
    struct weir_filter plain;
    struct weir_key key;
    struct weir_key plain_key;

    weir_filter_subscription(filter, out);
    reference_subscription(text, expected);
    require(strcmp(out, expected) == 0);
    require(weir_filter_compile(&plain, out) == WEIR_OK);
    require(weir_filter_match(&plain, topic, length, &plain_key) ==
            weir_filter_match(filter, topic, length, &key));
    require(plain_key.length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *feed = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t text_length = feed ? (size_t)(feed - data) : size;
    size_t length = feed ? size - text_length - 1 : 0;
    struct weir_filter filter;
    char *text = calloc(1, text_length + 1);
    char *topic;

    if (length > WEIR_TOPIC_LENGTH_MAX)
        length = WEIR_TOPIC_LENGTH_MAX;
    topic = malloc(length > 0 ? length : 1);
    require(text && topic);
    if (text_length > 0)
        memcpy(text, data, text_length);
    if (length > 0)
        memcpy(topic, feed + 1, length);
    require((weir_filter_compile(&filter, text) == WEIR_OK) == reference_compile(text));
    if (reference_compile(text)) {
        check_match(&filter, text, topic, length);
        check_subscription(&filter, text, topic, length);
    }
    free(text);
    free(topic);
    return 0;
}
