/*
 * The lines of a test: what is expected to be announced, and what an operator or the world does.
 *
 *     8s overheat plant/dev42 raised critical value=86
 *     30s overheat plant/dev42 cleared
 *     12s ack overheat plant/dev42
 *     20s shelve overheat plant/dev42 5m
 *     60s restart 10s
 *
 * Words stand between blanks; one that holds blanks, or nothing, stands in quotes of either kind.
 * Times count from the start of the test: 90s, or 1m30s.
 */
#ifndef WEIR_COMMAND_TEST_LINE_H
#define WEIR_COMMAND_TEST_LINE_H

#include "format/text.h"
#include "weir/config.h"

/* Words of a line; one more than the longest line has. */
#define WEIR_TEST_WORD_COUNT_MAX 8

/* The series of an event that is about all series of its rule. */
#define WEIR_TEST_SERIES_ALL "*"

struct weir_test_event {
    int64_t at_ms; /* since the start of the test */
    uint32_t rule;
    const char *series; /* borrowed */
    enum weir_event event;
    bool has_level; /* an expected event may leave both open */
    bool has_value;
    enum weir_level level;
    double value;
};

enum weir_test_action_kind {
    WEIR_TEST_ACKNOWLEDGE,
    WEIR_TEST_SHELVE,
    WEIR_TEST_UNSHELVE,
    WEIR_TEST_RESTART,
    WEIR_TEST_LINK_DOWN,
    WEIR_TEST_LINK_UP,
};

struct weir_test_action {
    int64_t at_ms;
    enum weir_test_action_kind kind;
    uint32_t rule;       /* of the first three */
    const char *series;  /* of the first three; borrowed */
    int64_t duration_ms; /* of shelve; of restart: the time until it is there again */
};

/* What is wrong with a line: empty where nothing is. */
struct weir_test_complaint {
    char text[256];
};

/*
 * Reads a line, which is cut into its words on the way: what was read borrows from it. False: the
 * complaint says why. A rule has to be one of the configuration.
 */
bool weir_test_event_read(struct weir_test_event *event, char *line,
                          const struct weir_config *config, struct weir_test_complaint *complaint);
bool weir_test_action_read(struct weir_test_action *action, char *line,
                           const struct weir_config *config, struct weir_test_complaint *complaint);

/* The rule of that name; config->rule_count: there is none, and the complaint says what may have
 * been meant. */
uint32_t weir_test_rule_find(const struct weir_config *config, const char *name,
                             struct weir_test_complaint *complaint);

/* True when what came is what was expected. Values are equal to nine digits; null is any that is
 * not finite. */
bool weir_test_event_fits(const struct weir_test_event *expected,
                          const struct weir_test_event *came);

/* Adds the line, as it would be read. */
void weir_test_event_write(struct weir_text *text, const struct weir_config *config,
                           const struct weir_test_event *event);
void weir_test_action_write(struct weir_text *text, const struct weir_config *config,
                            const struct weir_test_action *action);

/* Bytes of such a line: the longest names, quoted. */
#define WEIR_TEST_LINE_SIZE 1024

/* Adds a word, in quotes where it needs them. */
void weir_test_word_write(struct weir_text *text, const char *word);

/* 0, "250ms", "1m30s": whole numbers, each with a unit. At most WEIR_TEST_DURATION_MS_MAX. */
#define WEIR_TEST_DURATION_MS_MAX (3660 * INT64_C(86400000))
bool weir_test_duration_read(const char *text, size_t length, int64_t *ms);
void weir_test_duration_write(struct weir_text *text, int64_t ms);

#endif
