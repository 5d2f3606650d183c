#include "format/topic.h"

#include <string.h>

#include "format/encode.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool weir_topic_read_series(const char *level, size_t length, char *series, size_t size)
{
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        char c = level[i];

        if (written + 1 >= size)
            return false;
        if (c == '.') {
            c = '/';
        } else if (c == '%') {
            int high = i + 2 < length ? hex_digit(level[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(level[i + 2]) : -1;

            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        series[written++] = c;
    }
    series[written] = '\0';
    return true;
}

/* The text up to the next slash, which is left out; *rest goes on behind it. */
static size_t take_level(const char **rest, const char *end, const char **level)
{
    const char *slash = memchr(*rest, '/', (size_t)(end - *rest));
    const char *stop = slash ? slash : end;

    *level = *rest;
    *rest = slash ? slash + 1 : end;
    return (size_t)(stop - *level);
}

static bool is_word(const char *level, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(level, word, length) == 0;
}

/* Reads a name and a series; *rest is what stands behind them. */
static bool read_subject(struct weir_topic *topic, const char **rest, const char *end)
{
    const char *level;
    size_t length = take_level(rest, end, &level);

    if (length == 0 || length > WEIR_NAME_LENGTH_MAX)
        return false;
    memcpy(topic->name, level, length);
    topic->name[length] = '\0';
    if (*rest == end && (*rest)[-1] != '/')
        return false;
    length = take_level(rest, end, &level);
    return weir_topic_read_series(level, length, topic->series, sizeof(topic->series));
}

static bool has_root(const struct weir_config *config, const char **text, const char *end)
{
    char bytes[WEIR_NAME_LENGTH_MAX + sizeof("weir/v1//")];
    struct weir_text root;

    weir_text_init(&root, bytes, sizeof(bytes));
    weir_encode_topic_root(&root, config);
    if ((size_t)(end - *text) < root.length || memcmp(*text, bytes, root.length) != 0)
        return false;
    *text += root.length;
    return true;
}

static enum weir_topic_kind read_kind(struct weir_topic *topic, const char *text, const char *end)
{
    const char *level;
    size_t length = take_level(&text, end, &level);

    if (is_word(level, length, "info") && text == end)
        return WEIR_TOPIC_INFO;
    if (is_word(level, length, "live"))
        return read_subject(topic, &text, end) && text == end ? WEIR_TOPIC_LIVE
                                                              : WEIR_TOPIC_UNKNOWN;
    if (!is_word(level, length, "alert") || !read_subject(topic, &text, end))
        return WEIR_TOPIC_UNKNOWN;
    if (is_word(text, (size_t)(end - text), "state"))
        return WEIR_TOPIC_STATE;
    return is_word(text, (size_t)(end - text), "cmd") ? WEIR_TOPIC_COMMAND : WEIR_TOPIC_UNKNOWN;
}

void weir_topic_read(struct weir_topic *topic, const struct weir_config *config, const char *text,
                     size_t length)
{
    const char *end = text + length;

    *topic = (struct weir_topic){.kind = WEIR_TOPIC_OTHER};
    if (has_root(config, &text, end))
        topic->kind = read_kind(topic, text, end);
}
