#include <stdio.h>
#include <string.h>

#include "command/test_case.h"
#include "command/test_message.h"
#include "port/config_read.h"
#include "port/config_token.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

static const struct weir_setting series_settings[] = {
    {"stream", WEIR_SETTING_WORD, .required = true},
    {"series", WEIR_SETTING_WORD, .required = true},
    {"field", WEIR_SETTING_WORD, .min = 0},
    {"values", WEIR_SETTING_WORD, .required = true},
    {"interval", WEIR_SETTING_DURATION, .min = 1, .max = WEIR_DURATION_MS_MAX,
     VALUE(struct weir_test_series, interval_ms)},
};

static const struct weir_table series_table = {series_settings, COUNT(series_settings)};

static struct weir_place place_of(const config_setting_t *group, const char *name)
{
    return weir_source_value_place(config_setting_get_member(group, name));
}

/* Returns count, and tells it, when there is none of that name. */
static uint32_t find_name(struct weir_test_reading *reading, const config_setting_t *group,
                          const char *what, const char *const *names, uint32_t count)
{
    const char *name = weir_test_text_of(group, what);
    const char *nearest;

    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    nearest = weir_problem_nearest(name, names, count);
    weir_problem_add(reading->problems, place_of(group, what), "unknown %s \"%.63s\" in %s%s%s%s",
                     what, name, reading->label, nearest ? "; did you mean \"" : "",
                     nearest ? nearest : "", nearest ? "\"?" : "");
    return count;
}

static bool find_stream(struct weir_test_reading *reading, const config_setting_t *group,
                        struct weir_test_series *series)
{
    const char *names[WEIR_STREAM_COUNT_MAX];

    if (!weir_test_text_of(group, "stream"))
        return false;
    for (uint32_t i = 0; i < reading->config->stream_count; i++)
        names[i] = reading->config->streams[i].name;
    series->stream = find_name(reading, group, "stream", names, reading->config->stream_count);
    return series->stream < reading->config->stream_count;
}

/* A stream of one field needs no name of it. */
static bool find_field(struct weir_test_reading *reading, const config_setting_t *group,
                       struct weir_test_series *series)
{
    const struct weir_stream_config *stream = &reading->config->streams[series->stream];
    const char *names[WEIR_FIELD_COUNT_MAX];

    if (!weir_test_text_of(group, "field")) {
        if (stream->field_count > 1)
            weir_problem_add(reading->problems, weir_source_place(group),
                             "missing setting 'field' in %s; the stream \"%s\" has %u fields",
                             reading->label, stream->name, (unsigned)stream->field_count);
        return stream->field_count == 1;
    }
    for (uint32_t i = 0; i < stream->field_count; i++)
        names[i] = stream->fields[i].name;
    series->field = find_name(reading, group, "field", names, stream->field_count);
    return series->field < stream->field_count;
}

static void check_name(struct weir_test_reading *reading, const config_setting_t *group,
                       struct weir_test_series *series)
{
    const struct weir_stream_config *stream = &reading->config->streams[series->stream];

    if (series->name && !weir_test_topic_write(series->topic, stream, series->name))
        weir_problem_add(reading->problems, place_of(group, "series"),
                         "no topic of stream \"%s\" leads to a series \"%.100s\"; expected the "
                         "values of the labels of %s, with / between them",
                         stream->name, series->name, stream->filters[0]);
}

/* A field has one source, and fields of one message fit into it. */
static void check_others(struct weir_test_reading *reading, const config_setting_t *group,
                         const struct weir_test_series *series)
{
    const struct weir_stream_config *stream = &reading->config->streams[series->stream];
    const char *path = stream->fields[series->field].path;

    for (const struct weir_test_series *other = reading->test->series; other < series; other++) {
        if (other->stream != series->stream || !other->name || !series->name ||
            strcmp(other->name, series->name) != 0)
            continue;
        if (other->field == series->field)
            weir_problem_add(reading->problems, weir_source_place(group),
                             "field \"%s\" of series \"%.100s\" has values already in %s",
                             stream->fields[series->field].name, series->name, reading->label);
        else if (!weir_test_paths_fit(stream->fields[other->field].path, path))
            weir_problem_add(reading->problems, weir_source_place(group),
                             "fields \"%s\" and \"%s\" of stream \"%s\" do not fit into one "
                             "message: one path leads through the other",
                             stream->fields[other->field].name, stream->fields[series->field].name,
                             stream->name);
    }
}

/* The place of a part of a text, or of the text where it is not written as it reads. */
static struct weir_place place_inside(const config_setting_t *setting, size_t offset)
{
    struct weir_place place = weir_source_value_place(setting);
    size_t length;

    (void)weir_source_value(setting, &length);
    if (length == strlen(config_setting_get_string(setting)) + 2)
        place.column += (uint32_t)offset + 1;
    return place;
}

static void check_length(struct weir_test_reading *reading, const config_setting_t *group,
                         const struct weir_test_series *series)
{
    int64_t count = 0;

    for (uint32_t i = 0; i < series->values.run_count; i++)
        count += series->values.runs[i].count;
    if (count * series->interval_ms > WEIR_TEST_DURATION_MS_MAX)
        weir_problem_add(reading->problems, place_of(group, "values"),
                         "'values' in %s go on for more than ten years", reading->label);
}

static void read_values(struct weir_test_reading *reading, const config_setting_t *group,
                        struct weir_test_series *series)
{
    const char *text = weir_test_text_of(group, "values");
    struct weir_test_fault fault;
    char shown[64];

    if (!text)
        return;
    fault = weir_test_values_read(&series->values, text);
    if (!fault.expected) {
        check_length(reading, group, series);
        return;
    }
    weir_token_quote(shown, text + fault.offset, fault.length, '"');
    weir_problem_add(reading->problems,
                     place_inside(config_setting_get_member(group, "values"), fault.offset),
                     "'values' in %s has %s; expected %s", reading->label, shown, fault.expected);
}

/* A value is late by its payload alone. */
static void check_shifts(struct weir_test_reading *reading, const config_setting_t *group,
                         const struct weir_test_series *series)
{
    const struct weir_stream_config *stream = &reading->config->streams[series->stream];

    for (uint32_t i = 0; i < series->values.run_count; i++) {
        if (series->values.runs[i].shift_ms == 0 || stream->time_unit != WEIR_TIME_ARRIVAL)
            continue;
        weir_problem_add(reading->problems, place_of(group, "values"),
                         "'values' in %s has @, but stream \"%s\" has no 'time' in its messages",
                         reading->label, stream->name);
        return;
    }
}

void weir_test_series_read(struct weir_test_reading *reading, const config_setting_t *group,
                           struct weir_test_series *series)
{
    char where[WEIR_LABEL_SIZE + 32];

    (void)snprintf(where, sizeof(where), "in series of %s", reading->label);
    weir_read_group(&series_table, group, series, where, reading->problems);
    if (series->interval_ms == 0)
        series->interval_ms = reading->test->interval_ms;
    series->name = weir_test_text_of(group, "series");
    read_values(reading, group, series);
    if (!reading->config || !find_stream(reading, group, series))
        return;
    check_name(reading, group, series);
    check_shifts(reading, group, series);
    if (find_field(reading, group, series))
        check_others(reading, group, series);
}
