/* What a path finds. */
#include <math.h>
#include <stdio.h>

#include "support/json_rig.h"

static void every_kind_of_value_is_found(void **state)
{
    (void)state;
    assert_found(find("a", "{\"a\":null}"), WEIR_JSON_NULL, "null");
    assert_found(find("a", "{\"a\":false}"), WEIR_JSON_FALSE, "false");
    assert_found(find("a", "{\"a\" : true }"), WEIR_JSON_TRUE, "true");
    assert_found(find("a", "{\"a\": -1.5e3 }"), WEIR_JSON_NUMBER, "-1.5e3");
    assert_true(values[0].number == -1500.0);
    assert_found(find("a", "{\"a\":1e999}"), WEIR_JSON_NUMBER, "1e999");
    assert_true(isinf(values[0].number));
    assert_found(find("a", "{\"a\":\"\"}"), WEIR_JSON_STRING, "");
    assert_found(find("a", "{\"a\":\"x y\"}"), WEIR_JSON_STRING, "x y");
    assert_false(values[0].escaped);
    assert_found(find("a", "{\"a\":\"x\\ny\"}"), WEIR_JSON_STRING, "x\\ny");
    assert_true(values[0].escaped);
    assert_found(find("a", "{\"a\":{}}"), WEIR_JSON_OBJECT, "{}");
    assert_found(find("a", "{\"a\":{ \"b\":[{}] } }"), WEIR_JSON_OBJECT, "{ \"b\":[{}] }");
    assert_found(find("a", "{\"a\":[ ],\"b\":1}"), WEIR_JSON_ARRAY, "[ ]");
    assert_found(find("a", "{\"a\":[1,[2]]}"), WEIR_JSON_ARRAY, "[1,[2]]");
    assert_missing(find("a", "{\"b\":1}"));
    assert_missing(find("a", "{}"));
    assert_missing(find("a", "[]"));
    assert_missing(find("a", "\"a\""));
    assert_missing(find("a", "5"));
}

static void paths_walk_objects_and_arrays(void **state)
{
    static const char *const texts[] = {"values.0.t", "values.1", "values.2.1", "env.rh",
                                        "env",        "values",   "7"};

    (void)state;
    assert_true(compile(texts, COUNT_OF(texts)));
    assert_true(scan("{\"values\":[{\"t\":1},\"x\",[3,4]],\"env\":{\"rh\":5},\"7\":6}"));
    assert_found(&values[0], WEIR_JSON_NUMBER, "1");
    assert_found(&values[1], WEIR_JSON_STRING, "x");
    assert_found(&values[2], WEIR_JSON_NUMBER, "4");
    assert_found(&values[3], WEIR_JSON_NUMBER, "5");
    assert_found(&values[4], WEIR_JSON_OBJECT, "{\"rh\":5}");
    assert_found(&values[5], WEIR_JSON_ARRAY, "[{\"t\":1},\"x\",[3,4]]");
    assert_found(&values[6], WEIR_JSON_NUMBER, "6");

    assert_true(scan("[0,1,2,3,4,5,6,[7],8]"));
    assert_found(&values[6], WEIR_JSON_ARRAY, "[7]");
    for (size_t i = 0; i < 6; i++)
        assert_missing(&values[i]);
    assert_true(scan("{\"values\":{\"0\":{\"t\":9}},\"env\":[1]}"));
    assert_found(&values[0], WEIR_JSON_NUMBER, "9");
    assert_missing(&values[3]);
    assert_found(&values[4], WEIR_JSON_ARRAY, "[1]");
}

static void a_path_through_a_value_of_another_kind_is_missing(void **state)
{
    static const char *const others[] = {"5", "\"b\"", "null", "true", "[1]", "[\"b\"]", "{}"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "{\"a\":%s}", others[i]);
        assert_missing(find("a.b", text));
        assert_missing(find("a.1", text));
        (void)snprintf(text, sizeof(text), "[0,%s]", others[i]);
        assert_missing(find("1.b", text));
    }
    assert_missing(find("01", "[1,2,3]"));
    assert_missing(find("-1", "[1,2,3]"));
    assert_missing(find("3", "[1,2,3]"));
    assert_missing(find("65536", "[1,2,3]"));
}

static void a_key_with_a_dot_is_quoted(void **state)
{
    const char *text = "{\"params\":{\"temperature:0\":{\"tC\":1.5},\"a.b\":2,\"c\":{\"d\":3}}}";

    (void)state;
    assert_found(find("params.\"temperature:0\".tC", text), WEIR_JSON_NUMBER, "1.5");
    assert_found(find("params.\"a.b\"", text), WEIR_JSON_NUMBER, "2");
    assert_found(find("\"params\".\"c\".d", text), WEIR_JSON_NUMBER, "3");
    assert_missing(find("params.a.b", text));
}

static void malformed_paths_are_refused_and_named(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "a.",
                                      ".a",
                                      "a..b",
                                      "\"a",
                                      "a.\"b",
                                      "\"a\"b",
                                      "\"\"",
                                      "a.\"\".b",
                                      "x",
                                      "\"x\"",
                                      "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17"};
    char longest[WEIR_PATH_LENGTH_MAX + 2];
    const char *texts[] = {"x", "y", NULL};
    size_t index = 99;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        texts[2] = bad[i];
        index = 99;
        if (weir_json_compile(&paths, texts, 3, 4, &index) != WEIR_REFUSED || index != 2)
            fail_msg("path %s: index %zu", bad[i], index);
        assert_false(compile(texts, 3));
    }
    texts[2] = "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16";
    assert_true(compile(texts, 3));
    memset(longest, 'k', sizeof(longest));
    longest[WEIR_PATH_LENGTH_MAX + 1] = '\0';
    texts[2] = longest;
    assert_false(compile(texts, 3));
    longest[WEIR_PATH_LENGTH_MAX] = '\0';
    assert_true(compile(texts, 3));
}

static void paths_beyond_the_nodes_or_key_bytes_are_refused(void **state)
{
    static char texts[WEIR_JSON_PATH_COUNT_MAX][WEIR_PATH_LENGTH_MAX + 1];
    const char *pointers[WEIR_JSON_PATH_COUNT_MAX];
    size_t index = 99;

    (void)state;
    for (int i = 0; i < WEIR_JSON_PATH_COUNT_MAX; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%c.b.c.d.e.f.g.h.i.j", 'A' + i);
        pointers[i] = texts[i];
    }
    assert_int_equal(weir_json_compile(&paths, pointers, COUNT_OF(pointers), 16, &index),
                     WEIR_REFUSED);
    assert_int_equal(index, 25);
    assert_true(compile(pointers, 25));
    for (int i = 0; i < WEIR_JSON_PATH_COUNT_MAX; i++) {
        memset(texts[i], 'A' + i, 254);
        texts[i][254] = '\0';
    }
    assert_int_equal(weir_json_compile(&paths, pointers, COUNT_OF(pointers), 16, &index),
                     WEIR_REFUSED);
    assert_int_equal(index, 16);
}

/* A step that has one with the count would not come past every key. */
static bool have_common_divisor(size_t a, size_t b)
{
    for (size_t divisor = 2; divisor <= a; divisor++) {
        if (a % divisor == 0 && b % divisor == 0)
            return true;
    }
    return false;
}

static void any_order_of_keys_and_paths_gives_the_same(void **state)
{
    static char names[WEIR_JSON_PATH_COUNT_MAX][16];
    const char *pointers[WEIR_JSON_PATH_COUNT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pointers); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%.*s%zu", (int)(i % 12), "keykeykeykey", i);
        pointers[i] = names[i];
    }
    assert_true(compile(pointers, COUNT_OF(pointers)));
    for (size_t step = 1; step < COUNT_OF(pointers); step++) {
        char text[2048] = "{";
        size_t used = 1;

        if (have_common_divisor(step, COUNT_OF(pointers)))
            continue;
        for (size_t i = 0; i < COUNT_OF(pointers); i++) {
            size_t k = i * step % COUNT_OF(pointers);

            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%s\":%zu",
                                     i > 0 ? ",\"other\":[{}]," : "", names[k], k);
        }
        (void)snprintf(text + used, sizeof(text) - used, "}");
        assert_true(scan(text));
        for (size_t i = 0; i < COUNT_OF(pointers); i++)
            assert_true(values[i].kind == WEIR_JSON_NUMBER && values[i].number == (double)i);
    }
}

static void the_last_of_equal_keys_counts_with_all_under_it(void **state)
{
    static const char *const texts[] = {"a", "a.b", "a.c.d", "e"};

    (void)state;
    assert_found(find("a", "{\"a\":1,\"a\":2}"), WEIR_JSON_NUMBER, "2");
    assert_found(find("a", "{\"a\":1,\"\\u0061\":2}"), WEIR_JSON_NUMBER, "2");
    assert_found(find("a", "{\"a\":1.5,\"a\":null}"), WEIR_JSON_NULL, "null");
    assert_missing(find("a.b", "{\"a\":{\"b\":1},\"a\":{\"c\":2}}"));
    assert_missing(find("a.b", "{\"a\":{\"b\":1},\"a\":5}"));
    assert_missing(find("a.0", "{\"a\":[1],\"a\":[]}"));
    assert_found(find("0.b", "[{\"b\":1,\"b\":{}},{\"b\":3}]"), WEIR_JSON_OBJECT, "{}");
    assert_true(compile(texts, COUNT_OF(texts)));
    assert_true(scan("{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"e\":3,\"a\":{\"c\":{\"d\":4},\"c\":{}}}"));
    assert_found(&values[0], WEIR_JSON_OBJECT, "{\"c\":{\"d\":4},\"c\":{}}");
    assert_missing(&values[1]);
    assert_missing(&values[2]);
    assert_found(&values[3], WEIR_JSON_NUMBER, "3");
    assert_true(scan("{\"a\":7,\"a\":{\"c\":{\"d\":1}},\"a\":{\"b\":2}}"));
    assert_found(&values[0], WEIR_JSON_OBJECT, "{\"b\":2}");
    assert_found(&values[1], WEIR_JSON_NUMBER, "2");
    assert_missing(&values[2]);
}

static void an_escaped_key_is_the_key_it_stands_for(void **state)
{
    (void)state;
    assert_found(find("ts", "{\"\\u0074s\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("ts", "{\"t\\u0073\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("a/b", "{\"a\\/b\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("\xc3\xa9", "{\"\\u00E9\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("\xc3\xa9", "{\"\xc3\xa9\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("\xf0\x9f\x8c\x8a", "{\"\\ud83c\\udf0a\":1}"), WEIR_JSON_NUMBER, "1");
    assert_missing(find("ts", "{\"\\\\u0074s\":1}"));
    assert_missing(find("ts", "{\"ts\\u0000\":1}"));
    assert_missing(find("ts", "{\"\\ud800\":1}"));
    assert_found(find("a\"b", "{\"a\\\"b\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("a\\b", "{\"a\\\\b\":1}"), WEIR_JSON_NUMBER, "1");
    assert_found(find("a\tb", "{\"a\\tb\":1}"), WEIR_JSON_NUMBER, "1");
}

static void compiled_paths_work_wherever_they_are_copied(void **state)
{
    struct weir_json_paths *copy = malloc(sizeof(*copy));
    static const char *const texts[] = {"a.b", "c"};
    const char *text = "{\"c\":1,\"a\":{\"b\":2}}";

    (void)state;
    assert_non_null(copy);
    assert_true(compile(texts, 2));
    *copy = paths;
    memset(&paths, 0xff, sizeof(paths));
    assert_int_equal(weir_json_scan(copy, text, strlen(text), values), WEIR_OK);
    assert_true(values[0].number == 2 && values[1].number == 1);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_found),
        cmocka_unit_test(paths_walk_objects_and_arrays),
        cmocka_unit_test(a_path_through_a_value_of_another_kind_is_missing),
        cmocka_unit_test(a_key_with_a_dot_is_quoted),
        cmocka_unit_test(malformed_paths_are_refused_and_named),
        cmocka_unit_test(paths_beyond_the_nodes_or_key_bytes_are_refused),
        cmocka_unit_test(any_order_of_keys_and_paths_gives_the_same),
        cmocka_unit_test(the_last_of_equal_keys_counts_with_all_under_it),
        cmocka_unit_test(an_escaped_key_is_the_key_it_stands_for),
        cmocka_unit_test(compiled_paths_work_wherever_they_are_copied),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
