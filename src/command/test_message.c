#include "command/test_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/past.h"
#include "core/assert.h"
#include "core/filter.h"
#include "format/json.h"

/* A value and the keys that lead to it. */
struct member {
    struct step {
        const char *key;
        size_t length;
    } steps[WEIR_PATH_STEP_COUNT_MAX];
    uint32_t step_count;
    const struct weir_test_value *value; /* NULL: the time */
};

static bool is_wildcard(const char *level, size_t length, char mark)
{
    return length == 1 && level[0] == mark;
}

/* Puts a filter's levels and a series' labels together. False: they are not as many. */
static bool fill_filter(struct weir_text *topic, const char *filter, const char *series)
{
    const char *label = series;
    bool first = true;

    for (const char *level = filter; level; first = false) {
        const char *slash = strchr(level, '/');
        size_t length = slash ? (size_t)(slash - level) : strlen(level);
        bool rest = is_wildcard(level, length, '#');

        if (rest && !first)
            break;
        weir_text_add(topic, first ? "" : "/");
        if (rest || is_wildcard(level, length, '+')) {
            weir_text_add(topic, "x");
        } else if (length >= 2 && level[0] == '{') {
            size_t label_length = label ? strcspn(label, "/") : 0;

            if (!label)
                return false;
            weir_text_add_bytes(topic, label, label_length);
            label = label[label_length] == '/' ? label + label_length + 1 : NULL;
        } else {
            weir_text_add_bytes(topic, level, length);
        }
        level = slash ? slash + 1 : NULL;
    }
    return !label || (label == series && *series == '\0');
}

/* True when the stream takes the topic for the series: its first filter that matches decides. */
static bool leads_to(const struct weir_stream_config *stream, const char *topic, const char *series)
{
    for (uint32_t i = 0; i < stream->filter_count; i++) {
        struct weir_filter filter;
        struct weir_key key;

        if (weir_filter_compile(&filter, stream->filters[i]) == WEIR_OK &&
            weir_filter_match(&filter, topic, strlen(topic), &key))
            return key.length == strlen(series) && memcmp(key.text, series, key.length) == 0;
    }
    return false;
}

bool weir_test_topic_write(char topic[static WEIR_TOPIC_LENGTH_MAX + 1],
                           const struct weir_stream_config *stream, const char *series)
{
    for (uint32_t i = 0; i < stream->filter_count; i++) {
        struct weir_text text;

        weir_text_init(&text, topic, WEIR_TOPIC_LENGTH_MAX);
        if (!fill_filter(&text, stream->filters[i], series) || text.overflow || text.length == 0)
            continue;
        topic[text.length] = '\0';
        if (leads_to(stream, topic, series))
            return true;
    }
    return false;
}

static struct member make_member(const char *path, const struct weir_test_value *value)
{
    struct member member = {.value = value};

    while (path) {
        struct step *step = &member.steps[member.step_count++];
        bool found = weir_json_take_step(&path, &step->key, &step->length);

        assert(found);
        (void)found;
    }
    return member;
}

/* Steps that both begin with. */
static uint32_t count_common(const struct member *a, const struct member *b)
{
    uint32_t count = 0;

    while (count < a->step_count && count < b->step_count &&
           a->steps[count].length == b->steps[count].length &&
           memcmp(a->steps[count].key, b->steps[count].key, a->steps[count].length) == 0)
        count++;
    return count;
}

bool weir_test_paths_fit(const char *path, const char *other)
{
    const struct member a = make_member(path, NULL);
    const struct member b = make_member(other, NULL);
    uint32_t common = count_common(&a, &b);

    return common < a.step_count && common < b.step_count;
}

/* Those that share a beginning come to stand side by side. */
static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    uint32_t common = count_common(a, b);
    const struct step *a_step = &a->steps[common];
    const struct step *b_step = &b->steps[common];
    size_t length = a_step->length < b_step->length ? a_step->length : b_step->length;
    int order = memcmp(a_step->key, b_step->key, length);

    return order != 0 ? order
                      : (a_step->length > b_step->length) - (a_step->length < b_step->length);
}

static void write_time(struct weir_text *text, enum weir_time_unit unit, int64_t time_ms)
{
    char iso[WEIR_PAST_TIME_SIZE];

    switch (unit) {
    case WEIR_TIME_S:
        (void)snprintf(iso, sizeof(iso), "%lld.%03d", (long long)(time_ms / 1000),
                       (int)(time_ms % 1000));
        weir_text_add(text, iso);
        return;
    case WEIR_TIME_ISO8601:
        weir_past_write_time(iso, time_ms);
        weir_text_add_quoted(text, iso);
        return;
    default:
        weir_text_add_int(text, time_ms);
        weir_text_add(text, unit == WEIR_TIME_US ? "000" : unit == WEIR_TIME_NS ? "000000" : "");
    }
}

static void write_value(struct weir_text *text, const struct weir_test_value *value)
{
    if (value->null)
        weir_text_add(text, "null");
    else
        weir_text_add_number(text, value->number);
}

static void write_key(struct weir_text *text, const struct step *step)
{
    char key[WEIR_PATH_LENGTH_MAX + 1];

    memcpy(key, step->key, step->length);
    key[step->length] = '\0';
    weir_text_add_quoted(text, key);
    weir_text_add(text, ":");
}

static void write_members(struct weir_text *text, const struct member *members, uint32_t count,
                          enum weir_time_unit unit, int64_t time_ms)
{
    uint32_t depth = 0;

    weir_text_add(text, "{");
    for (uint32_t i = 0; i < count; i++) {
        const struct member *member = &members[i];
        uint32_t common = i > 0 ? count_common(&members[i - 1], member) : 0;

        for (; depth > common; depth--)
            weir_text_add(text, "}");
        weir_text_add(text, i > 0 ? "," : "");
        for (; depth + 1 < member->step_count; depth++) {
            write_key(text, &member->steps[depth]);
            weir_text_add(text, "{");
        }
        write_key(text, &member->steps[depth]);
        if (member->value)
            write_value(text, member->value);
        else
            write_time(text, unit, time_ms);
    }
    for (; depth > 0; depth--)
        weir_text_add(text, "}");
    weir_text_add(text, "}");
}

void weir_test_payload_write(struct weir_text *text, const struct weir_stream_config *stream,
                             const struct weir_test_value *values, uint32_t count, int64_t time_ms)
{
    struct member members[WEIR_FIELD_COUNT_MAX + 1];
    uint32_t member_count = 0;

    if (stream->format == WEIR_PAYLOAD_NUMBER) {
        assert(count == 1);
        write_value(text, &values[0]);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        members[member_count++] = make_member(stream->fields[values[i].field].path, &values[i]);
    if (stream->time_unit != WEIR_TIME_ARRIVAL)
        members[member_count++] = make_member(stream->time_path, NULL);
    qsort(members, member_count, sizeof(members[0]), compare_members);
    write_members(text, members, member_count, stream->time_unit, time_ms);
}
