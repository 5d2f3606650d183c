#include "core/filter.h"

#include <string.h>

#include "core/assert.h"

enum segment_kind { SEGMENT_TEXT, SEGMENT_LABEL, SEGMENT_PLUS, SEGMENT_HASH };

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct weir_filter_segment *append_segment(struct weir_filter *filter, int kind)
{
    struct weir_filter_segment *segment;

    if (filter->segment_count == WEIR_FILTER_SEGMENT_COUNT_MAX)
        return NULL;
    segment = &filter->segments[filter->segment_count++];
    *segment = (struct weir_filter_segment){.kind = (uint8_t)kind};
    return segment;
}

/* Adds text to the open literal segment, or opens one. */
static bool append_text(struct weir_filter *filter, size_t offset, size_t length)
{
    struct weir_filter_segment *last = NULL;

    if (filter->segment_count > 0)
        last = &filter->segments[filter->segment_count - 1];
    if (!last || last->kind != SEGMENT_TEXT) {
        last = append_segment(filter, SEGMENT_TEXT);
        if (!last)
            return false;
        last->offset = (uint16_t)offset;
    }
    last->length = (uint16_t)(last->length + length);
    return true;
}

static bool label_is_new(const struct weir_filter *filter, const char *name, size_t length)
{
    for (unsigned i = 0; i < filter->segment_count; i++) {
        const struct weir_filter_segment *segment = &filter->segments[i];
        if (segment->kind == SEGMENT_LABEL && segment->length == length &&
            memcmp(filter->text + segment->offset, name, length) == 0)
            return false;
    }
    return true;
}

static bool append_label(struct weir_filter *filter, size_t offset, size_t length)
{
    struct weir_filter_segment *segment;
    const char *name = filter->text + offset;

    for (size_t i = 0; i < length; i++) {
        if (!is_label_char(name[i]))
            return false;
    }
    if (length == 0 || !label_is_new(filter, name, length))
        return false;
    segment = append_segment(filter, SEGMENT_LABEL);
    if (!segment)
        return false;
    segment->offset = (uint16_t)offset;
    segment->length = (uint16_t)length;
    filter->label_count++;
    return true;
}

/* One level of the filter: text, a wildcard or a label, and nothing mixed. */
static bool append_level(struct weir_filter *filter, size_t offset, size_t length, bool last)
{
    const char *level = filter->text + offset;

    if (length == 1 && level[0] == '+')
        return append_segment(filter, SEGMENT_PLUS) != NULL;
    if (length == 1 && level[0] == '#')
        return last && append_segment(filter, SEGMENT_HASH) != NULL;
    if (length >= 2 && level[0] == '{' && level[length - 1] == '}')
        return append_label(filter, offset + 1, length - 2);
    for (size_t i = 0; i < length; i++) {
        if (strchr("+#{}", level[i]) || (unsigned char)level[i] < 0x20 || level[i] == 0x7f)
            return false;
    }
    return length == 0 || append_text(filter, offset, length);
}

static bool labels_are_contiguous(const struct weir_filter *filter)
{
    unsigned seen = 0;

    for (unsigned i = 0; i < filter->segment_count; i++) {
        const struct weir_filter_segment *segment = &filter->segments[i];
        if (segment->kind == SEGMENT_LABEL) {
            seen++;
        } else if (seen > 0 && seen < filter->label_count) {
            if (segment->kind != SEGMENT_TEXT || segment->length != 1)
                return false;
        }
    }
    return true;
}

enum weir_status weir_filter_compile(struct weir_filter *filter, const char *text)
{
    size_t length = strlen(text);
    size_t offset = 0;

    if (length == 0 || length > WEIR_TOPIC_LENGTH_MAX)
        return WEIR_REFUSED;
    memset(filter, 0, sizeof(*filter));
    memcpy(filter->text, text, length);
    for (;;) {
        const char *slash = memchr(filter->text + offset, '/', length - offset);
        size_t end = slash ? (size_t)(slash - filter->text) : length;

        if (!append_level(filter, offset, end - offset, !slash))
            return WEIR_REFUSED;
        if (!slash)
            break;
        if (!append_text(filter, end, 1))
            return WEIR_REFUSED;
        offset = end + 1;
    }
    filter->contiguous = labels_are_contiguous(filter);
    return WEIR_OK;
}

static void key_add(struct weir_key *key, const char *text, size_t length, bool first)
{
    if (!first)
        key->buffer[key->length++] = '/';
    memcpy(key->buffer + key->length, text, length);
    key->length += length;
}

/* "a/#" also matches "a": the text before # may lack its closing slash where the topic ends. */
static bool matches_parent(const struct weir_filter *filter, unsigned i, const char *cursor,
                           const char *end)
{
    const struct weir_filter_segment *segment = &filter->segments[i];
    size_t left = (size_t)(end - cursor);

    return i + 2 == filter->segment_count && filter->segments[i + 1].kind == SEGMENT_HASH &&
           left + 1 == segment->length && memcmp(filter->text + segment->offset, cursor, left) == 0;
}

bool weir_filter_match(const struct weir_filter *filter, const char *topic, size_t length,
                       struct weir_key *key)
{
    const char *cursor = topic;
    const char *end = topic + length;
    unsigned labels = 0;

    assert(length <= WEIR_TOPIC_LENGTH_MAX);
    key->text = topic;
    key->length = 0;
    if (length > 0 && topic[0] == '$' && filter->segments[0].kind != SEGMENT_TEXT)
        return false;
    for (unsigned i = 0; i < filter->segment_count; i++) {
        const struct weir_filter_segment *segment = &filter->segments[i];
        const char *start = cursor;

        if (segment->kind == SEGMENT_TEXT) {
            if ((size_t)(end - cursor) < segment->length ||
                memcmp(cursor, filter->text + segment->offset, segment->length) != 0) {
                if (!matches_parent(filter, i, cursor, end))
                    return false;
                cursor = end;
                break;
            }
            cursor += segment->length;
            continue;
        }
        if (segment->kind == SEGMENT_HASH) {
            cursor = end;
            break;
        }
        while (cursor < end && *cursor != '/')
            cursor++;
        if (segment->kind == SEGMENT_PLUS)
            continue;
        if (!filter->contiguous) {
            key_add(key, start, (size_t)(cursor - start), labels == 0);
        } else {
            if (labels == 0)
                key->text = start;
            key->length = (size_t)(cursor - key->text);
        }
        labels++;
    }
    if (cursor != end)
        return false;
    if (!filter->contiguous)
        key->text = key->buffer;
    return true;
}

void weir_filter_subscription(const struct weir_filter *filter, char *out)
{
    size_t length = 0;

    for (unsigned i = 0; i < filter->segment_count; i++) {
        const struct weir_filter_segment *segment = &filter->segments[i];

        if (segment->kind == SEGMENT_TEXT) {
            memcpy(out + length, filter->text + segment->offset, segment->length);
            length += segment->length;
        } else {
            out[length++] = segment->kind == SEGMENT_HASH ? '#' : '+';
        }
    }
    out[length] = '\0';
}
