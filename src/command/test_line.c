#include "command/test_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format/number.h"
#include "port/config_problem.h"
#include "port/config_value.h"

#define BLANKS " \t"

/* Of a value that was written by hand, against one that was computed. */
#define VALUE_TOLERANCE 1e-9

struct words {
    char *list[WEIR_TEST_WORD_COUNT_MAX];
    uint32_t count;
};

static const struct {
    const char *name;
    enum weir_test_action_kind kind;
} actions[] = {
    {"ack", WEIR_TEST_ACKNOWLEDGE}, {"shelve", WEIR_TEST_SHELVE},  {"unshelve", WEIR_TEST_UNSHELVE},
    {"restart", WEIR_TEST_RESTART}, {"link", WEIR_TEST_LINK_DOWN},
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

__attribute__((format(printf, 2, 3))) static bool complain(struct weir_test_complaint *complaint,
                                                           const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(complaint->text, sizeof(complaint->text), format, arguments);
    va_end(arguments);
    return false;
}

static bool complain_unknown(struct weir_test_complaint *complaint, const char *what,
                             const char *word, const char *const *names, size_t count)
{
    const char *nearest = weir_problem_nearest(word, names, count);

    return complain(complaint, "unknown %s \"%.63s\"%s%s%s", what, word,
                    nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                    nearest ? "\"?" : "");
}

/* Cuts a line into its words. */
static bool split(struct words *words, char *line, struct weir_test_complaint *complaint)
{
    words->count = 0;
    for (line += strspn(line, BLANKS); *line != '\0'; line += strspn(line, BLANKS)) {
        bool quoted = *line == '"' || *line == '\'';
        size_t length =
            quoted ? strcspn(line + 1, *line == '"' ? "\"" : "'") : strcspn(line, BLANKS);
        char *word = quoted ? line + 1 : line;

        if (quoted && word[length] == '\0')
            return complain(complaint, "a quote that is not closed");
        if (words->count == WEIR_TEST_WORD_COUNT_MAX)
            return complain(complaint, "too many words");
        words->list[words->count++] = word;
        line = word + length;
        if (*line != '\0')
            *line++ = '\0';
    }
    return true;
}

bool weir_test_duration_read(const char *text, size_t length, int64_t *ms)
{
    int64_t part_ms;
    char part[32];

    *ms = 0;
    if (length == 1 && *text == '0')
        return true;
    while (length > 0) {
        size_t digits = 0;
        size_t end;

        while (digits < length && text[digits] >= '0' && text[digits] <= '9')
            digits++;
        end = digits;
        while (end < length && (text[end] < '0' || text[end] > '9'))
            end++;
        if (digits == 0 || end >= sizeof(part))
            return false;
        memcpy(part, text, end);
        part[end] = '\0';
        if (digits == end || !weir_value_duration(part, &part_ms) ||
            part_ms > WEIR_TEST_DURATION_MS_MAX)
            return false;
        *ms += part_ms;
        if (*ms > WEIR_TEST_DURATION_MS_MAX)
            return false;
        text += end;
        length -= end;
        if (length == 0)
            return true;
    }
    return false;
}

void weir_test_duration_write(struct weir_text *text, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

    if (ms == 0)
        weir_text_add(text, "0s");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms / units[i].ms == 0)
            continue;
        weir_text_add_int(text, ms / units[i].ms);
        weir_text_add(text, units[i].name);
        ms %= units[i].ms;
    }
}

static bool read_time(const char *word, int64_t *at_ms, struct weir_test_complaint *complaint)
{
    if (weir_test_duration_read(word, strlen(word), at_ms))
        return true;
    return complain(complaint, "\"%.63s\" is no time since the start, such as 90s or 1m30s", word);
}

uint32_t weir_test_rule_find(const struct weir_config *config, const char *name,
                             struct weir_test_complaint *complaint)
{
    const char *names[WEIR_RULE_COUNT_MAX];

    for (uint32_t i = 0; i < config->rule_count; i++) {
        names[i] = config->rules[i].name;
        if (strcmp(names[i], name) == 0)
            return i;
    }
    (void)complain_unknown(complaint, "alert", name, names, config->rule_count);
    return config->rule_count;
}

static bool find_event(const char *word, enum weir_event *event,
                       struct weir_test_complaint *complaint)
{
    const char *names[WEIR_EVENT_STORM_END + 1];
    size_t count = 0;

    for (enum weir_event i = WEIR_EVENT_NONE + 1; i <= WEIR_EVENT_STORM_END; i++) {
        names[count++] = weir_event_name(i);
        *event = i;
        if (strcmp(weir_event_name(i), word) == 0)
            return true;
    }
    return complain_unknown(complaint, "event", word, names, count);
}

static bool find_level(const char *word, enum weir_level *level,
                       struct weir_test_complaint *complaint)
{
    const char *names[WEIR_LEVEL_COUNT];

    for (enum weir_level i = WEIR_LEVEL_OK; i < WEIR_LEVEL_COUNT; i++) {
        names[i] = weir_level_name(i);
        *level = i;
        if (strcmp(names[i], word) == 0)
            return true;
    }
    return complain_unknown(complaint, "level", word, names, WEIR_LEVEL_COUNT);
}

/* "critical" or "value=86" */
static bool read_detail(struct weir_test_event *event, const char *word,
                        struct weir_test_complaint *complaint)
{
    static const char prefix[] = "value=";
    const char *number = word + sizeof(prefix) - 1;

    if (strncmp(word, prefix, sizeof(prefix) - 1) == 0) {
        event->value = NAN;
        event->has_value =
            strcmp(number, "null") == 0 || weir_number_parse(number, strlen(number), &event->value);
        return event->has_value || complain(complaint, "\"%.63s\" is no number", number);
    }
    event->has_level = find_level(word, &event->level, complaint);
    return event->has_level;
}

bool weir_test_event_read(struct weir_test_event *event, char *line,
                          const struct weir_config *config, struct weir_test_complaint *complaint)
{
    struct words words;

    *event = (struct weir_test_event){0};
    if (!split(&words, line, complaint))
        return false;
    if (words.count < 4 || words.count > 6)
        return complain(complaint,
                        "%u words; expected: time alert series event [level] [value=...]",
                        (unsigned)words.count);
    if (!read_time(words.list[0], &event->at_ms, complaint))
        return false;
    event->rule = weir_test_rule_find(config, words.list[1], complaint);
    event->series = words.list[2];
    if (event->rule == config->rule_count || !find_event(words.list[3], &event->event, complaint))
        return false;
    for (uint32_t i = 4; i < words.count; i++) {
        if (!read_detail(event, words.list[i], complaint))
            return false;
    }
    return true;
}

static bool find_action(const char *word, enum weir_test_action_kind *kind,
                        struct weir_test_complaint *complaint)
{
    const char *names[ACTION_COUNT];

    for (size_t i = 0; i < ACTION_COUNT; i++) {
        names[i] = actions[i].name;
        *kind = actions[i].kind;
        if (strcmp(names[i], word) == 0)
            return true;
    }
    return complain_unknown(complaint, "action", word, names, ACTION_COUNT);
}

static bool read_link(struct weir_test_action *action, const char *word,
                      struct weir_test_complaint *complaint)
{
    bool up = strcmp(word, "up") == 0;

    action->kind = up ? WEIR_TEST_LINK_UP : WEIR_TEST_LINK_DOWN;
    return up || strcmp(word, "down") == 0 ||
           complain(complaint, "the link is \"%.63s\"; expected up or down", word);
}

static bool read_length(struct weir_test_action *action, const char *word,
                        struct weir_test_complaint *complaint)
{
    if (weir_test_duration_read(word, strlen(word), &action->duration_ms) &&
        action->duration_ms > 0)
        return true;
    return complain(complaint, "\"%.63s\" is no duration, such as 5m", word);
}

bool weir_test_action_read(struct weir_test_action *action, char *line,
                           const struct weir_config *config, struct weir_test_complaint *complaint)
{
    struct words words;
    uint32_t wanted = 4;

    *action = (struct weir_test_action){0};
    if (!split(&words, line, complaint))
        return false;
    if (words.count < 2)
        return complain(complaint, "expected a time and what is done");
    if (!read_time(words.list[0], &action->at_ms, complaint) ||
        !find_action(words.list[1], &action->kind, complaint))
        return false;
    if (action->kind == WEIR_TEST_SHELVE)
        wanted = 5;
    else if (action->kind == WEIR_TEST_RESTART || action->kind == WEIR_TEST_LINK_DOWN)
        wanted = 3;
    if (words.count != wanted)
        return complain(complaint,
                        "%u words; expected: time ack|unshelve alert series, time shelve alert "
                        "series duration, time restart duration, or time link up|down",
                        (unsigned)words.count);
    if (action->kind == WEIR_TEST_RESTART)
        return read_length(action, words.list[2], complaint);
    if (action->kind == WEIR_TEST_LINK_DOWN)
        return read_link(action, words.list[2], complaint);
    action->rule = weir_test_rule_find(config, words.list[2], complaint);
    action->series = words.list[3];
    if (action->rule == config->rule_count)
        return false;
    return action->kind != WEIR_TEST_SHELVE || read_length(action, words.list[4], complaint);
}

static bool values_equal(double a, double b)
{
    if (!isfinite(a) || !isfinite(b))
        return !isfinite(a) && !isfinite(b);
    return fabs(a - b) <= VALUE_TOLERANCE * fmax(fabs(a), fabs(b));
}

bool weir_test_event_fits(const struct weir_test_event *expected,
                          const struct weir_test_event *came)
{
    return expected->at_ms == came->at_ms && expected->rule == came->rule &&
           expected->event == came->event && strcmp(expected->series, came->series) == 0 &&
           (!expected->has_level || expected->level == came->level) &&
           (!expected->has_value || values_equal(expected->value, came->value));
}

void weir_test_word_write(struct weir_text *text, const char *word)
{
    const char *quote = strchr(word, '\'') ? "\"" : "'";
    bool bare = *word != '\0' && !strpbrk(word, BLANKS) && !strchr("'\"", *word);

    weir_text_add(text, bare ? "" : quote);
    weir_text_add(text, word);
    weir_text_add(text, bare ? "" : quote);
}

void weir_test_event_write(struct weir_text *text, const struct weir_config *config,
                           const struct weir_test_event *event)
{
    weir_test_duration_write(text, event->at_ms);
    weir_text_add(text, " ");
    weir_text_add(text, config->rules[event->rule].name);
    weir_text_add(text, " ");
    weir_test_word_write(text, event->series);
    weir_text_add(text, " ");
    weir_text_add(text, weir_event_name(event->event));
    if (event->has_level) {
        weir_text_add(text, " ");
        weir_text_add(text, weir_level_name(event->level));
    }
    if (event->has_value) {
        weir_text_add(text, " value=");
        weir_text_add_number(text, event->value);
    }
}

void weir_test_action_write(struct weir_text *text, const struct weir_config *config,
                            const struct weir_test_action *action)
{
    static const char names[][16] = {
        [WEIR_TEST_ACKNOWLEDGE] = " ack ",    [WEIR_TEST_SHELVE] = " shelve ",
        [WEIR_TEST_UNSHELVE] = " unshelve ",  [WEIR_TEST_RESTART] = " restart",
        [WEIR_TEST_LINK_DOWN] = " link down", [WEIR_TEST_LINK_UP] = " link up",
    };

    weir_test_duration_write(text, action->at_ms);
    weir_text_add(text, names[action->kind]);
    if (action->series) {
        weir_text_add(text, config->rules[action->rule].name);
        weir_text_add(text, " ");
        weir_test_word_write(text, action->series);
    }
    if (action->duration_ms > 0) {
        weir_text_add(text, " ");
        weir_test_duration_write(text, action->duration_ms);
    }
}
