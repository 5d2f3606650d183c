/*
 * Topic filters, done plainly: both texts are split at every `/` and compared level by level.
 */
#ifndef TESTS_SUPPORT_FILTER_REFERENCE_H
#define TESTS_SUPPORT_FILTER_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "weir/limits.h"

struct level {
    const char *text;
    size_t length;
};

/* The levels of a text, one by one. */
struct level_walk {
    const char *at;
    const char *end;
    bool over;
};

static inline bool level_next(struct level_walk *walk, struct level *level)
{
    if (walk->over)
        return false;
    level->text = walk->at;
    while (walk->at < walk->end && *walk->at != '/')
        walk->at++;
    level->length = (size_t)(walk->at - level->text);
    walk->over = walk->at == walk->end;
    if (!walk->over)
        walk->at++;
    return true;
}

static inline bool level_is(const struct level *level, const char *text)
{
    return level->length == strlen(text) && memcmp(level->text, text, level->length) == 0;
}

static inline bool level_is_label(const struct level *level)
{
    return level->length >= 2 && level->text[0] == '{' && level->text[level->length - 1] == '}';
}

static inline bool level_is_wild(const struct level *level)
{
    return level_is(level, "+") || level_is(level, "#") || level_is_label(level);
}

static inline bool level_is_well_formed(const struct level *level, bool last)
{
    static const char name_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    bool label = level_is_label(level);

    if (level_is(level, "+"))
        return true;
    if (level_is(level, "#"))
        return last;
    if (label && level->length == 2)
        return false;
    for (size_t i = label; i < level->length - label; i++) {
        unsigned char c = (unsigned char)level->text[i];

        if (label ? !memchr(name_bytes, c, sizeof(name_bytes) - 1)
                  : c < 0x20 || c == 0x7f || memchr("+#{}", c, 4))
            return false;
    }
    return true;
}

/* How often a level stands in a filter. */
static inline unsigned level_count(const char *filter, const struct level *wanted)
{
    struct level_walk walk = {filter, filter + strlen(filter), false};
    struct level level;
    unsigned count = 0;

    while (level_next(&walk, &level))
        count +=
            level.length == wanted->length && memcmp(level.text, wanted->text, level.length) == 0;
    return count;
}

/* True when the filter is to be compiled. */
static inline bool reference_compile(const char *filter)
{
    size_t length = strlen(filter);
    struct level_walk walk = {filter, filter + length, false};
    struct level level;
    unsigned segment_count = 0;
    bool in_text = false;

    if (length == 0 || length > WEIR_TOPIC_LENGTH_MAX)
        return false;
    while (level_next(&walk, &level)) {
        if (!level_is_well_formed(&level, walk.over))
            return false;
        if (level_is_label(&level) && level_count(filter, &level) > 1)
            return false;
        if (level_is_wild(&level)) {
            segment_count++;
            in_text = false;
        }
        /* What is no wildcard, the slash behind each level included, is text. */
        if ((!level_is_wild(&level) && level.length > 0) || !walk.over) {
            segment_count += !in_text;
            in_text = true;
        }
    }
    return segment_count <= WEIR_FILTER_SEGMENT_COUNT_MAX;
}

/* True when the topic matches; the labels' values joined by `/` are then in key. */
static inline bool reference_match(const char *filter, const char *topic, size_t topic_length,
                                   char *key, size_t *key_length)
{
    struct level_walk filter_walk = {filter, filter + strlen(filter), false};
    struct level_walk topic_walk = {topic, topic + topic_length, false};
    struct level pattern;
    struct level level;
    bool first = true;
    bool labelled = false;

    *key_length = 0;
    for (; level_next(&filter_walk, &pattern); first = false) {
        if (first && level_is_wild(&pattern) && topic_length > 0 && topic[0] == '$')
            return false;
        if (level_is(&pattern, "#"))
            return true;
        if (!level_next(&topic_walk, &level))
            return false;
        if (level_is_label(&pattern)) {
            if (labelled)
                key[(*key_length)++] = '/';
            memcpy(key + *key_length, level.text, level.length);
            *key_length += level.length;
            labelled = true;
        } else if (!level_is(&pattern, "+") && (pattern.length != level.length ||
                                                memcmp(pattern.text, level.text, level.length))) {
            return false;
        }
    }
    return topic_walk.over;
}

/* The filter as MQTT knows it. */
static inline void reference_subscription(const char *filter, char *out)
{
    struct level_walk walk = {filter, filter + strlen(filter), false};
    struct level level;

    while (level_next(&walk, &level)) {
        if (level_is_label(&level))
            level = (struct level){"+", 1};
        memcpy(out, level.text, level.length);
        out += level.length;
        if (!walk.over)
            *out++ = '/';
    }
    *out = '\0';
}

#endif
