#include "command/test_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/timestamp.h"
#include "port/config_read.h"

/* Where a test begins unless it says otherwise: any day that begins at midnight is as good. */
#define START_DEFAULT_MS 1767225600000 /* 2026-01-01T00:00:00Z */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)

static const struct weir_setting test_settings[] = {
    {"name", WEIR_SETTING_TEXT, .required = true, .min = 1, VALUE(struct weir_test, name)},
    {"start", WEIR_SETTING_WORD, .min = 0},
    {"interval", WEIR_SETTING_DURATION, .min = 1, .max = WEIR_DURATION_MS_MAX, .initial = "1s",
     VALUE(struct weir_test, interval_ms)},
    {"until", WEIR_SETTING_WORD, .min = 0},
    {"series", WEIR_SETTING_LIST, .max = WEIR_TEST_SERIES_COUNT_MAX},
    {"rules", WEIR_SETTING_WORDS, .min = 1, .max = WEIR_RULE_COUNT_MAX},
    {"do", WEIR_SETTING_WORDS, .max = WEIR_TEST_LINE_COUNT_MAX},
    {"expect", WEIR_SETTING_WORDS, .required = true, .max = WEIR_TEST_LINE_COUNT_MAX},
};

static const struct weir_table test_table = {test_settings, COUNT(test_settings)};

const char *weir_test_text_of(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    if (!setting || config_setting_type(setting) != CONFIG_TYPE_STRING)
        return NULL;
    return config_setting_get_string(setting);
}

uint32_t weir_test_length_of(const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    return setting && config_setting_is_aggregate(setting) && !config_setting_is_group(setting)
               ? (uint32_t)config_setting_length(setting)
               : 0;
}

const config_setting_t *weir_test_element_of(const config_setting_t *group, const char *name,
                                             uint32_t index)
{
    return config_setting_get_elem(config_setting_get_member(group, name), index);
}

static void report_memory(struct weir_test_reading *reading)
{
    weir_problem_add(reading->problems, weir_source_place(reading->group), "out of memory");
}

static void read_all_series(struct weir_test_reading *reading)
{
    struct weir_test *test = reading->test;
    uint32_t count = weir_test_length_of(reading->group, "series");

    if (count == 0 || count > WEIR_TEST_SERIES_COUNT_MAX)
        return;
    test->series = calloc(count, sizeof(*test->series));
    if (!test->series) {
        report_memory(reading);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *group = weir_test_element_of(reading->group, "series", i);

        if (config_setting_is_group(group))
            weir_test_series_read(reading, group, &test->series[test->series_count++]);
    }
}

static void read_rules(struct weir_test_reading *reading)
{
    uint32_t count = weir_test_length_of(reading->group, "rules");

    reading->test->some = count > 0;
    for (uint32_t i = 0; i < count && reading->config; i++) {
        const config_setting_t *element = weir_test_element_of(reading->group, "rules", i);
        const char *name = config_setting_get_string(element);
        struct weir_test_complaint complaint;
        uint32_t rule;

        if (!name)
            continue;
        rule = weir_test_rule_find(reading->config, name, &complaint);
        if (rule < reading->config->rule_count)
            reading->test->wanted[rule] = true;
        else
            weir_problem_add(reading->problems, weir_source_value_place(element),
                             "'rules' in %s: %s", reading->label, complaint.text);
    }
}

/* A copy of a line that may be cut up; NULL: it is no text, or memory is short. */
static char *copy_line(struct weir_test_reading *reading, const config_setting_t *element)
{
    const char *text = config_setting_get_string(element);
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        report_memory(reading);
    if (copy)
        reading->test->lines[reading->test->line_count++] = copy;
    return copy;
}

/* Tells of a line that is wrong, or earlier than the one before. Returns whether it is neither. */
static bool judge_line(struct weir_test_reading *reading, const char *name,
                       const config_setting_t *element, const char *complaint, int64_t at_ms,
                       int64_t before_ms)
{
    if (complaint)
        weir_problem_add(reading->problems, weir_source_value_place(element), "'%s' in %s: %s",
                         name, reading->label, complaint);
    else if (at_ms < before_ms)
        weir_problem_add(reading->problems, weir_source_value_place(element),
                         "'%s' in %s goes back in time; expected lines in order of time", name,
                         reading->label);
    return !complaint && at_ms >= before_ms;
}

static void read_events(struct weir_test_reading *reading, uint32_t count)
{
    struct weir_test *test = reading->test;

    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = weir_test_element_of(reading->group, "expect", i);
        struct weir_test_event *event = &test->events[test->event_count];
        struct weir_test_complaint complaint;
        char *line = copy_line(reading, element);
        bool read = line && weir_test_event_read(event, line, reading->config, &complaint);

        if (line && read && test->some && !test->wanted[event->rule]) {
            (void)snprintf(complaint.text, sizeof(complaint.text),
                           "alert \"%s\" is not among its rules",
                           reading->config->rules[event->rule].name);
            read = false;
        }
        if (line && judge_line(reading, "expect", element, read ? NULL : complaint.text,
                               event->at_ms, test->event_count > 0 ? event[-1].at_ms : 0))
            test->event_count++;
    }
}

static void read_actions(struct weir_test_reading *reading, uint32_t count)
{
    struct weir_test *test = reading->test;

    for (uint32_t i = 0; i < count; i++) {
        const config_setting_t *element = weir_test_element_of(reading->group, "do", i);
        struct weir_test_action *action = &test->actions[test->action_count];
        struct weir_test_complaint complaint;
        char *line = copy_line(reading, element);
        bool read = line && weir_test_action_read(action, line, reading->config, &complaint);

        if (line && judge_line(reading, "do", element, read ? NULL : complaint.text, action->at_ms,
                               test->action_count > 0 ? action[-1].at_ms : 0))
            test->action_count++;
    }
}

static void read_lines(struct weir_test_reading *reading)
{
    struct weir_test *test = reading->test;
    uint32_t event_count = weir_test_length_of(reading->group, "expect");
    uint32_t action_count = weir_test_length_of(reading->group, "do");

    if (!reading->config || event_count > WEIR_TEST_LINE_COUNT_MAX ||
        action_count > WEIR_TEST_LINE_COUNT_MAX)
        return;
    test->lines = calloc(event_count + action_count + 1, sizeof(*test->lines));
    test->events = calloc(event_count + 1, sizeof(*test->events));
    test->actions = calloc(action_count + 1, sizeof(*test->actions));
    if (!test->lines || !test->events || !test->actions) {
        report_memory(reading);
        return;
    }
    read_events(reading, event_count);
    read_actions(reading, action_count);
}

static void read_start(struct weir_test_reading *reading)
{
    const char *text = weir_test_text_of(reading->group, "start");

    reading->test->start_ms = START_DEFAULT_MS;
    if (text && !weir_timestamp_parse(text, strlen(text), &reading->test->start_ms))
        weir_problem_add(
            reading->problems,
            weir_source_value_place(config_setting_get_member(reading->group, "start")),
            "'start' in %s is \"%.63s\"; expected a time such as "
            "2026-01-01T00:00:00Z",
            reading->label, text);
}

static void read_until(struct weir_test_reading *reading)
{
    const char *text = weir_test_text_of(reading->group, "until");

    if (text && !weir_test_duration_read(text, strlen(text), &reading->test->until_ms))
        weir_problem_add(
            reading->problems,
            weir_source_value_place(config_setting_get_member(reading->group, "until")),
            "'until' in %s is \"%.63s\"; expected a time since the start, such as "
            "10m or 1m30s",
            reading->label, text);
}

void weir_test_case_read(struct weir_test *test, const struct weir_config *config,
                         const config_setting_t *group, uint32_t number,
                         struct weir_problems *problems)
{
    struct weir_test_reading reading = {
        .config = config, .test = test, .group = group, .problems = problems};
    char where[WEIR_LABEL_SIZE + 32];

    reading.test->place = weir_source_place(group);
    weir_label_write(reading.label, "test", group, number, NULL);
    (void)snprintf(where, sizeof(where), "in %s", reading.label);
    weir_read_group(&test_table, group, reading.test, where, problems);
    read_start(&reading);
    read_until(&reading);
    read_all_series(&reading);
    read_rules(&reading);
    read_lines(&reading);
}

void weir_test_case_release(struct weir_test *test)
{
    for (uint32_t i = 0; i < test->series_count; i++)
        weir_test_values_release(&test->series[i].values);
    for (uint32_t i = 0; i < test->line_count; i++)
        free(test->lines[i]);
    free(test->series);
    free(test->events);
    free(test->actions);
    free(test->lines);
}
