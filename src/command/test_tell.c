#include "command/test_tell.h"

#include <stdio.h>
#include <string.h>

#include "command/test_feed.h"
#include "core/assert.h"

/* Lines that are as expected, around those that are not. */
#define CONTEXT_LINES 3

/* Values of a series that are shown before the first difference, and behind it. */
#define CONTEXT_VALUES 4

/* Differences that are shown; the rest is counted. */
#define SHOWN_MAX 50

/* A line being put together. */
struct line {
    char bytes[8192];
    struct weir_text text;
};

static struct weir_text *begin(struct line *line)
{
    weir_text_init(&line->text, line->bytes, sizeof(line->bytes));
    return &line->text;
}

static void put(const struct line *line)
{
    assert(!line->text.overflow);
    (void)fwrite(line->bytes, 1, line->text.length, stdout);
}

/* True when a line stands near one that is not as expected. */
static bool is_near(const struct weir_test_comparison *comparison, uint32_t index)
{
    uint32_t first = index > CONTEXT_LINES ? index - CONTEXT_LINES : 0;

    for (uint32_t i = first; i <= index + CONTEXT_LINES && i < comparison->count; i++) {
        if (comparison->lines[i].verdict != WEIR_TEST_SAME)
            return true;
    }
    return false;
}

static void tell_lines(const struct weir_test_result *result)
{
    static const char *const marks[] = {"      ", "    - ", "    + "};
    const struct weir_test_comparison *comparison = result->comparison;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < comparison->count; i++) {
        const struct weir_test_difference *difference = &comparison->lines[i];
        struct line line;

        if (!is_near(comparison, i))
            continue;
        if (difference->verdict != WEIR_TEST_SAME && ++shown > SHOWN_MAX)
            continue;
        weir_text_add(begin(&line), marks[difference->verdict]);
        weir_test_event_write(&line.text, result->config, difference->event);
        weir_text_add(&line.text, "\n");
        put(&line);
    }
    if (shown > SHOWN_MAX)
        printf("    and %u more\n", (unsigned)(shown - SHOWN_MAX));
    printf("    (- was expected and did not come, + came and was not expected)\n");
}

static void tell_message(const struct weir_test_result *result,
                         const struct weir_test_message *message)
{
    const struct weir_stream_config *stream = &result->config->streams[message->series->stream];
    struct line line;

    weir_text_add(begin(&line), "      ");
    weir_test_duration_write(&line.text, message->at_ms);
    for (uint32_t i = 0; i < message->count; i++) {
        weir_text_add(&line.text, " ");
        weir_text_add(&line.text, stream->fields[message->values[i].field].name);
        weir_text_add(&line.text, "=");
        if (message->values[i].null)
            weir_text_add(&line.text, "null");
        else
            weir_text_add_number(&line.text, message->values[i].number);
    }
    if (message->shift_ms != 0) {
        weir_text_add(&line.text, message->shift_ms < 0 ? " @-" : " @+");
        weir_test_duration_write(&line.text,
                                 message->shift_ms < 0 ? -message->shift_ms : message->shift_ms);
    }
    weir_text_add(&line.text, "\n");
    put(&line);
}

/* The next message of the series that an event is about; false: there is none. */
static bool take_of(struct weir_test_feed *feed, const struct weir_test_result *result,
                    const struct weir_test_event *event, struct weir_test_message *message)
{
    while (weir_test_feed_take(feed, message)) {
        if (message->series->stream == result->config->rules[event->rule].stream &&
            strcmp(message->series->name, event->series) == 0)
            return true;
    }
    return false;
}

/* The last values up to an event, and the first ones behind it. */
static void tell_values(const struct weir_test_result *result, const struct weir_test_event *event)
{
    struct weir_test_message before[CONTEXT_VALUES];
    struct weir_test_message message;
    struct weir_test_feed feed;
    uint32_t seen = 0;
    bool found;

    weir_test_feed_init(&feed, result->test);
    while ((found = take_of(&feed, result, event, &message)) && message.at_ms <= event->at_ms)
        before[seen++ % CONTEXT_VALUES] = message;
    if (!found && seen == 0)
        return;
    printf("    values of \"%s\" in stream \"%s\":\n", event->series,
           result->config->streams[result->config->rules[event->rule].stream].name);
    for (uint32_t i = seen > CONTEXT_VALUES ? seen - CONTEXT_VALUES : 0; i < seen; i++)
        tell_message(result, &before[i % CONTEXT_VALUES]);
    for (uint32_t left = CONTEXT_VALUES; found && left > 0; left--) {
        tell_message(result, &message);
        found = take_of(&feed, result, event, &message);
    }
}

void weir_test_tell(const struct weir_test_result *result)
{
    const struct weir_test *test = result->test;
    const struct weir_test_comparison *comparison = result->comparison;
    struct line line;

    if (result->passed) {
        printf("ok      %s\n", test->name);
        return;
    }
    printf("FAILED  %s (%s:%u)\n", test->name, test->place.file, (unsigned)test->place.line);
    if (result->run->refused) {
        weir_text_add(begin(&line), "    refused: ");
        weir_test_action_write(&line.text, result->config, result->run->refused);
        weir_text_add(&line.text, "\n");
        put(&line);
    }
    if (comparison->first < comparison->count) {
        tell_lines(result);
        tell_values(result, comparison->lines[comparison->first].event);
    }
    if (result->run->overflow)
        printf("    more than %u events came\n", (unsigned)WEIR_TEST_EVENT_COUNT_MAX);
}

static void add_event_json(struct weir_text *text, const struct weir_config *config,
                           const struct weir_test_event *event)
{
    weir_text_add(text, "\"at\":");
    weir_text_add_int(text, event->at_ms);
    weir_text_add(text, ",\"rule\":");
    weir_text_add_quoted(text, config->rules[event->rule].name);
    weir_text_add(text, ",\"series\":");
    weir_text_add_quoted(text, event->series);
    weir_text_add(text, ",\"event\":");
    weir_text_add_quoted(text, weir_event_name(event->event));
    if (event->has_level) {
        weir_text_add(text, ",\"level\":");
        weir_text_add_quoted(text, weir_level_name(event->level));
    }
    if (event->has_value) {
        weir_text_add(text, ",\"value\":");
        weir_text_add_number(text, event->value);
    }
}

static void tell_differences_json(const struct weir_test_result *result)
{
    const struct weir_test_comparison *comparison = result->comparison;

    for (uint32_t i = comparison->first; i < comparison->count; i++) {
        const struct weir_test_difference *difference = &comparison->lines[i];
        struct line line;

        if (difference->verdict == WEIR_TEST_SAME)
            continue;
        weir_text_add(begin(&line), i > comparison->first ? ",{\"kind\":" : "{\"kind\":");
        weir_text_add_quoted(&line.text,
                             difference->verdict == WEIR_TEST_MISSING ? "missing" : "unexpected");
        weir_text_add(&line.text, ",");
        add_event_json(&line.text, result->config, difference->event);
        weir_text_add(&line.text, "}");
        put(&line);
    }
}

void weir_test_tell_json(const struct weir_test_result *result)
{
    struct line line;
    struct weir_text *text = begin(&line);

    weir_text_add(text, "{\"type\":\"test\",\"file\":");
    weir_text_add_quoted(text, result->test->place.file);
    weir_text_add(text, ",\"line\":");
    weir_text_add_uint(text, result->test->place.line);
    weir_text_add(text, ",\"name\":");
    weir_text_add_quoted(text, result->test->name);
    weir_text_add(text, result->passed ? ",\"passed\":true" : ",\"passed\":false");
    weir_text_add(text, ",\"events\":");
    weir_text_add_uint(text, result->run->event_count);
    if (result->run->overflow)
        weir_text_add(text, ",\"overflow\":true");
    if (result->run->refused) {
        char action[WEIR_TEST_LINE_SIZE];
        struct weir_text action_text;

        weir_text_init(&action_text, action, sizeof(action) - 1);
        weir_test_action_write(&action_text, result->config, result->run->refused);
        action[action_text.length] = '\0';
        weir_text_add(text, ",\"refused\":");
        weir_text_add_quoted(text, action);
    }
    weir_text_add(text, ",\"differences\":[");
    put(&line);
    tell_differences_json(result);
    printf("]}\n");
}
