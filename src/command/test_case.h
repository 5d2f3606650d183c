/*
 * One test of a file on its way from there: its settings looked up in the configuration, its lines
 * and values read.
 */
#ifndef WEIR_COMMAND_TEST_CASE_H
#define WEIR_COMMAND_TEST_CASE_H

#include "command/test_line.h"
#include "command/test_values.h"
#include "port/config_check.h"
#include "port/config_source.h"
#include "weir/config.h"

/* Values that one test feeds are of so many fields and series at most: each message looks at all
 * of them. */
#define WEIR_TEST_SERIES_COUNT_MAX 256

/* Lines of expected events, and of actions: what an array of a file may hold. */
#define WEIR_TEST_LINE_COUNT_MAX WEIR_SCAN_ELEMENT_COUNT_MAX

/* What is fed to one field of one series. */
struct weir_test_series {
    uint32_t stream;
    uint32_t field;
    const char *name; /* borrowed from the file */
    char topic[WEIR_TOPIC_LENGTH_MAX + 1];
    int64_t interval_ms;
    struct weir_test_values values;
};

struct weir_test {
    char name[256];
    struct weir_place place;
    int64_t start_ms;
    int64_t interval_ms;
    int64_t until_ms; /* since the start; the clock runs at least to here */
    bool some;        /* only events of rules that are wanted count */
    bool wanted[WEIR_RULE_COUNT_MAX];
    struct weir_test_series *series;
    uint32_t series_count;
    struct weir_test_event *events; /* that are expected, in order of time */
    uint32_t event_count;
    struct weir_test_action *actions; /* in order of time */
    uint32_t action_count;
    /* private */
    char **lines; /* what events and actions borrow from */
    uint32_t line_count;
};

struct weir_test_reading {
    const struct weir_config *config; /* NULL: it was refused; nothing is looked up */
    struct weir_test *test;
    const config_setting_t *group;
    char label[WEIR_LABEL_SIZE]; /* what the report calls the test */
    struct weir_problems *problems;
};

/* Reads a test, the number-th from 1 of its file, into zeroed memory. It is to be released. */
void weir_test_case_read(struct weir_test *test, const struct weir_config *config,
                         const config_setting_t *group, uint32_t number,
                         struct weir_problems *problems);
void weir_test_case_release(struct weir_test *test);

/* Reads one of its series, which is the newest of the test's. */
void weir_test_series_read(struct weir_test_reading *reading, const config_setting_t *group,
                           struct weir_test_series *series);

/* The text of a setting of a group; NULL: there is none. */
const char *weir_test_text_of(const config_setting_t *group, const char *name);

/* The elements of a list or an array of a group; 0: there is none, or it is no such thing. */
uint32_t weir_test_length_of(const config_setting_t *group, const char *name);
const config_setting_t *weir_test_element_of(const config_setting_t *group, const char *name,
                                             uint32_t index);

#endif
