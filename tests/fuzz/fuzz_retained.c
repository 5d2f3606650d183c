/*
 * What a broker hands over as retained by us, which anybody may have written: a topic, a zero byte,
 * a payload.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/encode.h"
#include "format/retained.h"
#include "format/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_field_config field = {.name = "t"};
static struct weir_stream_config stream = {
    .name = "s", .fields = &field, .field_count = 1, .max_series = 1};
static struct weir_rule_config rule = {.name = "r"};
static struct weir_config config = {
    .gateway = "g", .streams = &stream, .stream_count = 1, .rules = &rule, .rule_count = 1};

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* A series that was read is written so that it is read again. */
static void check_series(const char *series)
{
    char level[3 * WEIR_TOPIC_LENGTH_MAX];
    char again[WEIR_TOPIC_LENGTH_MAX + 1];
    struct weir_text text;

    weir_text_init(&text, level, sizeof(level));
    weir_encode_topic_level(&text, series);
    check(!text.overflow, "a level is at most three times as long as its series");
    check(weir_topic_read_series(level, text.length, again, sizeof(again)) &&
              strcmp(series, again) == 0,
          "a series reads back");
}

static void check_state(const struct weir_retained *retained, const char *payload, size_t length,
                        const char *series)
{
    struct weir_alert alert;
    struct weir_alert again;
    char bytes[16384];
    struct weir_text text;

    if (!weir_retained_read_state(retained, payload, length, &config, &rule, series, &alert))
        return;
    weir_text_init(&text, bytes, sizeof(bytes));
    weir_encode_alert_payload(&text, &config, series, &alert);
    check(!text.overflow && weir_retained_read_state(retained, bytes, text.length, &config, &rule,
                                                     series, &again),
          "a state is told so that it is read again");
    check(again.id == alert.id && again.sequence == alert.sequence && again.level == alert.level &&
              again.since_ms == alert.since_ms && again.acknowledged == alert.acknowledged,
          "a state reads back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir_retained retained;
    static bool made;
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t topic_length = end ? (size_t)(end - data) : size;
    size_t length = end ? size - topic_length - 1 : 0;
    char *topic_text = malloc(topic_length + 1);
    char *payload = malloc(length + 1);
    struct weir_topic topic;
    char state_topic[64];

    check(topic_text && payload, "memory");
    memcpy(topic_text, data, topic_length);
    if (length > 0)
        memcpy(payload, end + 1, length);
    if (!made)
        weir_retained_init(&retained);
    made = true;
    weir_topic_read(&topic, &config, topic_text, topic_length);
    check_series(topic.series);
    check_state(&retained, payload, length, topic.series);
    if (weir_retained_read_state_topic(&retained, payload, length, state_topic,
                                       sizeof(state_topic)))
        check(strlen(state_topic) < sizeof(state_topic), "a topic ends");
    free(payload);
    free(topic_text);
    return 0;
}
