#include "support/unit.h"

#include <stdio.h>

#include "core/filter.h"
#include "support/filter_reference.h"
#include "support/random.h"

static bool compiles(const char *text)
{
    struct weir_filter filter;

    return weir_filter_compile(&filter, text) == WEIR_OK;
}

/* The key as a string; NULL: no match. */
static const char *match(const char *text, const char *topic)
{
    static char key_text[WEIR_TOPIC_LENGTH_MAX + 1];
    struct weir_filter filter;
    struct weir_key key;

    assert_int_equal(weir_filter_compile(&filter, text), WEIR_OK);
    if (!weir_filter_match(&filter, topic, strlen(topic), &key))
        return NULL;
    memcpy(key_text, key.text, key.length);
    key_text[key.length] = '\0';
    return key_text;
}

static void assert_key(const char *filter, const char *topic, const char *key)
{
    const char *found = match(filter, topic);

    if (!found || strcmp(found, key) != 0)
        fail_msg("%s on %s: %s, not %s", filter, topic, found ? found : "no match", key);
}

static void assert_no_match(const char *filter, const char *topic)
{
    const char *found = match(filter, topic);

    if (found)
        fail_msg("%s on %s: %s, not refused", filter, topic, found);
}

static void filters_of_text_wildcards_and_labels_compile(void **state)
{
    static const char *const good[] = {
        "a",     "/",         "a/",     "/a",    "//",           "+",       "#",
        "a/#",   "+/#",       "+/+",    "{x}",   "{x}/{y}",      "a/{x}/b", "{site_1}/{B2}",
        "{x}/#", "{x}/+/{y}", "$SYS/#", "a b/c", "\xc3\xa4/{x}", "{x}//{y}"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!compiles(good[i]))
            fail_msg("refused: %s", good[i]);
    }
}

static void malformed_filters_are_refused(void **state)
{
    static const char *const bad[] = {"",     "a+",        "+a",     "a/#/b",  "#/",     "##",
                                      "a#",   "{",         "}",      "{}",     "{x",     "x}",
                                      "a{x}", "{x}a",      "{x}{y}", "{x y}",  "{x-y}",  "{x}/{x}",
                                      "{+}",  "{a}/b/{a}", "a\001b", "a/\x7f", "{\xc3}", "++"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (compiles(bad[i]))
            fail_msg("compiled: %s", bad[i]);
    }
}

static void a_filter_may_be_as_long_as_a_topic_and_no_longer(void **state)
{
    char text[WEIR_TOPIC_LENGTH_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[WEIR_TOPIC_LENGTH_MAX] = '\0';
    assert_true(compiles(text));
    assert_key(text, text, "");
    text[WEIR_TOPIC_LENGTH_MAX] = 'a';
    text[WEIR_TOPIC_LENGTH_MAX + 1] = '\0';
    assert_false(compiles(text));
}

static void a_filter_has_at_most_the_segments_of_the_limit(void **state)
{
    char text[WEIR_FILTER_SEGMENT_COUNT_MAX * 2 + 1] = "";

    (void)state;
    for (unsigned i = 0; i < WEIR_FILTER_SEGMENT_COUNT_MAX / 2; i++)
        memcpy(text + 2 * i, "+/", 3);
    assert_true(compiles(text));
    memcpy(text + strlen(text), "+", 2);
    assert_false(compiles(text));
}

static void labels_make_the_key(void **state)
{
    (void)state;
    assert_key("sensors/{site}/{device}/telemetry", "sensors/plant/dev42/telemetry", "plant/dev42");
    assert_key("{a}", "x", "x");
    assert_key("{a}/{b}/{c}", "x/y/z", "x/y/z");
    assert_key("{a}/m/{b}", "x/m/z", "x/z");
    assert_key("{a}/+/{b}", "x/m/z", "x/z");
    assert_key("{a}//{b}", "x//z", "x/z");
    assert_key("t/{a}/#", "t/x", "x");
    assert_key("t/{a}/#", "t/x/y/z", "x");
    assert_key("t/+/{a}", "t/u/x", "x");
    assert_key("t/+", "t/u", "");
}

static void an_empty_level_is_a_label_s_value_too(void **state)
{
    (void)state;
    assert_key("{a}", "", "");
    assert_key("t/{a}", "t/", "");
    assert_key("{a}/{b}", "/", "/");
    assert_key("{a}/t/{b}", "/t/", "/");
    assert_key("{a}/{b}", "/x", "/x");
}

static void wildcards_match_by_the_rules_of_mqtt(void **state)
{
    (void)state;
    assert_key("#", "a", "");
    assert_key("#", "/", "");
    assert_key("a/#", "a", "");
    assert_key("a/#", "a/", "");
    assert_key("a/#", "a/b/c", "");
    assert_no_match("a/#", "ab");
    assert_no_match("a/#", "b");
    assert_key("+/#", "a", "");
    assert_key("a/+/#", "a/b", "");
    assert_no_match("a/+/#", "a");
    assert_key("+", "", "");
    assert_no_match("+", "a/b");
    assert_no_match("+", "/a");
    assert_key("+/+", "/a", "");
    assert_key("/+", "/a", "");
    assert_key("a/+", "a/", "");
    assert_no_match("a/+", "a");
    assert_no_match("a/+/b", "a/b");
    assert_no_match("a", "a/");
    assert_no_match("a", "A");
    assert_no_match("a/{x}/b", "a/x/bc");
}

static void a_topic_of_the_broker_s_own_needs_a_filter_that_names_it(void **state)
{
    (void)state;
    assert_no_match("#", "$SYS/broker");
    assert_no_match("+/broker", "$SYS/broker");
    assert_no_match("{x}/broker", "$SYS/broker");
    assert_key("$SYS/#", "$SYS/broker", "");
    assert_key("$SYS/{x}", "$SYS/broker", "broker");
    assert_key("a/{x}", "a/$SYS", "$SYS");
}

static void a_key_of_the_longest_topic_fits(void **state)
{
    char topic[WEIR_TOPIC_LENGTH_MAX + 1];
    const char *key;

    (void)state;
    memset(topic, 'k', WEIR_TOPIC_LENGTH_MAX);
    topic[WEIR_TOPIC_LENGTH_MAX] = '\0';
    key = match("{x}", topic);
    assert_string_equal(key, topic);
    topic[200] = '/';
    topic[202] = '/';
    key = match("{x}/k/{y}", topic);
    assert_non_null(key);
    assert_int_equal(strlen(key), WEIR_TOPIC_LENGTH_MAX - 2);
}

static void a_filter_works_wherever_it_is_copied(void **state)
{
    struct weir_filter filter;
    struct weir_filter copy;
    struct weir_key key;

    (void)state;
    assert_int_equal(weir_filter_compile(&filter, "a/{x}/+/{y}"), WEIR_OK);
    memcpy(&copy, &filter, sizeof(copy));
    memset(&filter, 0xff, sizeof(filter));
    assert_true(weir_filter_match(&copy, "a/1/2/3", 7, &key));
    assert_int_equal(key.length, 3);
    assert_memory_equal(key.text, "1/3", 3);
}

static void labels_are_subscribed_to_as_plus(void **state)
{
    char out[WEIR_TOPIC_LENGTH_MAX + 1];
    struct weir_filter filter;

    (void)state;
    assert_int_equal(weir_filter_compile(&filter, "s/{site}/+/{device}//#"), WEIR_OK);
    weir_filter_subscription(&filter, out);
    assert_string_equal(out, "s/+/+/+//#");
}

static void draw(struct test_random *random, const char *const *levels, uint32_t level_max,
                 char *out)
{
    uint32_t count = 1 + random_below(random, 6);

    *out = '\0';
    for (uint32_t i = 0; i < count; i++) {
        const char *level = levels[random_below(random, level_max)];

        out += sprintf(out, "%s%s", i > 0 ? "/" : "", level);
    }
}

static void check_against_reference(const char *text, const char *topic)
{
    char expected[WEIR_TOPIC_LENGTH_MAX + 1];
    char out[WEIR_TOPIC_LENGTH_MAX + 1];
    size_t expected_length;
    struct weir_filter filter;
    struct weir_key key;
    bool matches;

    if ((weir_filter_compile(&filter, text) == WEIR_OK) != reference_compile(text))
        fail_msg("compiling %s", text);
    if (!reference_compile(text))
        return;
    weir_filter_subscription(&filter, out);
    reference_subscription(text, expected);
    assert_string_equal(out, expected);
    matches = weir_filter_match(&filter, topic, strlen(topic), &key);
    if (matches != reference_match(text, topic, strlen(topic), expected, &expected_length))
        fail_msg("matching %s on %s", text, topic);
    if (matches && (key.length != expected_length || memcmp(key.text, expected, key.length) != 0))
        fail_msg("key of %s on %s", text, topic);
}

static void random_filters_agree_with_the_reference(void **state)
{
    static const char *const levels[] = {"",    "a", "b",  "ab",  "$s", "+",  "+",  "{x}", "{y}",
                                         "{z}", "#", "{}", "a{x", "}",  "a+", "ab", "a",   "a"};
    static const char *const topic_levels[] = {"", "a", "b", "ab", "$s", "a", "a"};
    struct test_random random = random_make(1);
    char text[64];
    char topic[64];

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        draw(&random, levels, sizeof(levels) / sizeof(levels[0]), text);
        draw(&random, topic_levels, sizeof(topic_levels) / sizeof(topic_levels[0]), topic);
        check_against_reference(text, topic);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_of_text_wildcards_and_labels_compile),
        cmocka_unit_test(malformed_filters_are_refused),
        cmocka_unit_test(a_filter_may_be_as_long_as_a_topic_and_no_longer),
        cmocka_unit_test(a_filter_has_at_most_the_segments_of_the_limit),
        cmocka_unit_test(labels_make_the_key),
        cmocka_unit_test(an_empty_level_is_a_label_s_value_too),
        cmocka_unit_test(wildcards_match_by_the_rules_of_mqtt),
        cmocka_unit_test(a_topic_of_the_broker_s_own_needs_a_filter_that_names_it),
        cmocka_unit_test(a_key_of_the_longest_topic_fits),
        cmocka_unit_test(a_filter_works_wherever_it_is_copied),
        cmocka_unit_test(labels_are_subscribed_to_as_plus),
        cmocka_unit_test(random_filters_agree_with_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
