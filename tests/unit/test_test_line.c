#include <stdio.h>
#include <string.h>

#include "command/test_line.h"
#include "support/random.h"
#include "support/unit.h"

static struct weir_rule_config rules[] = {{.name = "overheat"}, {.name = "frost"}};
static const struct weir_config config = {.rules = rules, .rule_count = 2};

static void durations_read_back(void **state)
{
    struct test_random random = random_make(5);

    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t ms = random_below(&random, 2000000000) >> random_below(&random, 30);
        struct weir_text text;
        char bytes[64];
        int64_t read_ms;

        weir_text_init(&text, bytes, sizeof(bytes));
        weir_test_duration_write(&text, ms);
        assert_true(weir_test_duration_read(bytes, text.length, &read_ms));
        assert_int_equal(read_ms, ms);
    }
}

static void a_duration_needs_its_units(void **state)
{
    static const char *const texts[] = {"", "5", "s", "1m30", "1.5s", "-5s", "5s ", "1w", "99999d"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(weir_test_duration_read(texts[i], strlen(texts[i]), &ms));
    assert_true(weir_test_duration_read("1h2m3s4ms", 9, &ms));
    assert_int_equal(ms, 3723004);
}

/* What a line says once it has been read, or why it was refused. */
static const char *say_event(const char *line)
{
    static char out[WEIR_TEST_LINE_SIZE];
    struct weir_test_complaint complaint;
    struct weir_test_event event;
    char copy[256];
    struct weir_text text;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    weir_text_init(&text, out, sizeof(out) - 1);
    if (weir_test_event_read(&event, copy, &config, &complaint))
        weir_test_event_write(&text, &config, &event);
    else
        weir_text_add(&text, complaint.text);
    out[text.length] = '\0';
    return out;
}

static const char *say_action(const char *line)
{
    static char out[WEIR_TEST_LINE_SIZE];
    struct weir_test_complaint complaint;
    struct weir_test_action action;
    char copy[256];
    struct weir_text text;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    weir_text_init(&text, out, sizeof(out) - 1);
    if (weir_test_action_read(&action, copy, &config, &complaint))
        weir_test_action_write(&text, &config, &action);
    else
        weir_text_add(&text, complaint.text);
    out[text.length] = '\0';
    return out;
}

static void events_are_written_as_they_are_read(void **state)
{
    static const char *const lines[] = {
        "8s overheat plant/dev42 raised critical value=86",
        "1m30s frost plant/dev42 cleared",
        "0s frost '' stale ok",
        "250ms frost 'hall 2/a' fresh value=null",
        "1d frost it's flapping warning",
        "1d frost \"'tis\" stale",
        "2s overheat * storm",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_string_equal(say_event(lines[i]), lines[i]);
    assert_string_equal(say_event(" 90s \t frost  \"a\" raised  value=0.5 info "),
                        "1m30s frost a raised info value=0.5");
}

static void actions_are_written_as_they_are_read(void **state)
{
    static const char *const lines[] = {
        "12s ack overheat plant/dev42",
        "20s shelve overheat plant/dev42 5m",
        "20s unshelve overheat ''",
        "1m restart 10s",
        "1m30s link down",
        "2m link up",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        assert_string_equal(say_action(lines[i]), lines[i]);
}

static void what_is_wrong_with_a_line_is_said(void **state)
{
    (void)state;
    assert_string_equal(say_event("8 overheat a raised"),
                        "\"8\" is no time since the start, such as 90s or 1m30s");
    assert_string_equal(say_event("8s overhaet a raised"),
                        "unknown alert \"overhaet\"; did you mean \"overheat\"?");
    assert_string_equal(say_event("8s frost a rased"),
                        "unknown event \"rased\"; did you mean \"raised\"?");
    assert_string_equal(say_event("8s frost a raised warn"),
                        "unknown level \"warn\"; did you mean \"warning\"?");
    assert_string_equal(say_event("8s frost a raised value=high"), "\"high\" is no number");
    assert_string_equal(say_event("8s frost 'a raised"), "a quote that is not closed");
    assert_string_equal(say_event("8s frost a"),
                        "3 words; expected: time alert series event [level] [value=...]");
    assert_string_equal(say_event("1 2 3 4 5 6 7 8 9"), "too many words");
    assert_string_equal(say_action("8s ak frost a"),
                        "unknown action \"ak\"; did you mean \"ack\"?");
    assert_string_equal(say_action("8s link sideways"),
                        "the link is \"sideways\"; expected up or down");
    assert_string_equal(say_action("8s shelve frost a 5"), "\"5\" is no duration, such as 5m");
    assert_string_equal(say_action("8s restart 0"), "\"0\" is no duration, such as 5m");
    assert_string_equal(say_action("8s"), "expected a time and what is done");
}

static void an_event_fits_what_was_left_open(void **state)
{
    const struct weir_test_event came = {.at_ms = 5,
                                         .series = "a",
                                         .event = WEIR_EVENT_RAISED,
                                         .has_level = true,
                                         .has_value = true,
                                         .level = WEIR_LEVEL_INFO,
                                         .value = 0.1 + 0.2};
    struct weir_test_event expected = {.at_ms = 5, .series = "a", .event = WEIR_EVENT_RAISED};

    (void)state;
    assert_true(weir_test_event_fits(&expected, &came));
    expected.has_value = true;
    expected.value = 0.3;
    assert_true(weir_test_event_fits(&expected, &came));
    expected.value = 0.3001;
    assert_false(weir_test_event_fits(&expected, &came));
    expected.has_value = false;
    expected.has_level = true;
    expected.level = WEIR_LEVEL_WARNING;
    assert_false(weir_test_event_fits(&expected, &came));
    expected.has_level = false;
    expected.at_ms = 6;
    assert_false(weir_test_event_fits(&expected, &came));
    expected.at_ms = 5;
    expected.series = "b";
    assert_false(weir_test_event_fits(&expected, &came));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read_back),
        cmocka_unit_test(a_duration_needs_its_units),
        cmocka_unit_test(events_are_written_as_they_are_read),
        cmocka_unit_test(actions_are_written_as_they_are_read),
        cmocka_unit_test(what_is_wrong_with_a_line_is_said),
        cmocka_unit_test(an_event_fits_what_was_left_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
