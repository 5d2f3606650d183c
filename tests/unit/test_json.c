#include "support/unit.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "support/json_reference.h"
#include "support/random.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct weir_json_paths paths;
static struct weir_json_value values[WEIR_JSON_PATH_COUNT_MAX];

/* The text scanned last, a copy of its very size, so that a read beyond it is noticed. */
static char *scanned;

static bool compile(const char *const *texts, size_t count)
{
    return weir_json_compile(&paths, texts, count, WEIR_JSON_DEPTH_MAX, NULL) == WEIR_OK;
}

static bool scan_bytes(const char *text, size_t length)
{
    free(scanned);
    scanned = malloc(length > 0 ? length : 1);
    assert_non_null(scanned);
    memcpy(scanned, text, length);
    return weir_json_scan(&paths, scanned, length, values) == WEIR_OK;
}

static bool scan(const char *text)
{
    return scan_bytes(text, strlen(text));
}

/* Scans for one path and returns what it finds. */
static const struct weir_json_value *find(const char *path, const char *text)
{
    assert_true(compile(&path, 1));
    if (!scan(text))
        fail_msg("refused: %s", text);
    return values;
}

static void assert_found(const struct weir_json_value *value, enum weir_json_kind kind,
                         const char *text)
{
    if (value->kind != kind || value->length != strlen(text) ||
        (value->length > 0 && memcmp(value->text, text, value->length) != 0))
        fail_msg("kind %d, \"%.*s\", not kind %d, \"%s\"", (int)value->kind, (int)value->length,
                 value->text ? value->text : "", (int)kind, text);
}

static void assert_missing(const struct weir_json_value *value)
{
    assert_int_equal(value->kind, WEIR_JSON_MISSING);
}

static int teardown(void **state)
{
    (void)state;
    free(scanned);
    scanned = NULL;
    return 0;
}

static const char *const documents[] = {
    "{\"ts\":1700000000123,\"temperature\":21.53,\"humidity\":45.2}",
    "{ \"ts\" : 1700000000123 ,\r\n\t\"temperature\" : -2.153e+1 , \"humidity\":4.52E1 }",
    "[1,2.5,[],{},[[]],\"\",null,true,false,-0,0e0]",
    "[ ]",
    "{ }",
    "{\"a\":{\"b\":{\"c\":[{\"d\":null}]}}}",
    "{\"caf\xc3\xa9\":\"\xe2\x82\xac \xf0\x9f\x8c\x8a\"}",
    "{\"\\u0074s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
    "\"a string of more than eight bytes, and \\ud83c\\udf0a\"",
    "[0.30000000000000004,12345678901234567890123,1e-400,1e400,123456789.123456789e-7]",
    "true",
    "false",
    "null",
};

static void valid_documents_are_accepted_with_blanks_around_them(void **state)
{
    const char *path = "temperature";

    (void)state;
    assert_true(compile(&path, 1));
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        char padded[256];

        assert_true(scan(documents[i]));
        (void)snprintf(padded, sizeof(padded), " \t\r\n%s\n\r\t ", documents[i]);
        assert_true(scan(padded));
    }
}

static void a_document_cut_at_any_byte_is_refused(void **state)
{
    const char *path = "temperature";

    (void)state;
    assert_true(compile(&path, 1));
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        for (size_t length = 0; length < strlen(documents[i]); length++) {
            if (scan_bytes(documents[i], length))
                fail_msg("accepted: %.*s", (int)length, documents[i]);
        }
    }
}

static const char *const malformed[] = {
    "",
    " ",
    "[",
    "]",
    "{",
    "}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{\"a\":1]",
    "{\"a\" 1}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:1}",
    "{\"a\"}",
    "[1]]",
    "[1] x",
    "1 2",
    "tru",
    "True",
    "truee",
    "nul",
    "fals",
    "nan",
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "-01",
    "00",
    "+1",
    ".5",
    "1.",
    "-",
    "1e",
    "1e+",
    "1.e1",
    "0x10",
    "1_000",
    "'a'",
    "\"a",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u12g4\"",
    "\"\\u123\"",
    "\"\\\n\"",
    "[1]//",
    "/**/[1]",
    "\xef\xbb\xbf[]",
    "\"\t\"",
    "\v1",
    "\302\2401",
    "[\"a\",\n4\n,1,",
    "{\"a\":1,,\"b\":2}",
    "[[]",
    "{\"a\":[}",
    "--1",
};

static void what_is_not_json_is_refused(void **state)
{
    const char *path = "a";

    (void)state;
    assert_true(compile(&path, 1));
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        if (scan(malformed[i]))
            fail_msg("accepted: %s", malformed[i]);
    }
    assert_false(scan_bytes("[1]\0", 4));
    assert_false(scan_bytes("[1\0]", 4));
    assert_false(scan_bytes("\"\0\"", 3));
}

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

static void a_key_that_is_no_json_string_lends_nothing_its_validity(void **state)
{
    static const char *const keys[] = {"a\"b", "a\\b", "a\tb", "a\377b", "a\\", "abcdefghi\x01"};
    char text[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_true(compile(&keys[i], 1));
        (void)snprintf(text, sizeof(text), "{\"%s\":1,\"and\":\"more\"}", keys[i]);
        assert_int_equal(scan(text), reference_valid(text, strlen(text), 16));
    }
}

static void nesting_is_allowed_down_to_the_depth_and_no_further(void **state)
{
    const char *path = "a";
    char text[2 * WEIR_JSON_STACK_MAX + 8];

    (void)state;
    for (unsigned depth_max = 0; depth_max <= WEIR_JSON_STACK_MAX; depth_max++) {
        assert_int_equal(weir_json_compile(&paths, &path, 1, depth_max, NULL), WEIR_OK);
        for (unsigned depth = 0; depth <= WEIR_JSON_STACK_MAX + 1; depth++) {
            memset(text, '[', depth);
            memset(text + depth, ']', depth);
            text[2 * depth] = '\0';
            if (depth == 0)
                memcpy(text, "1", 2);
            assert_int_equal(scan(text), depth <= depth_max);
        }
    }
    assert_int_equal(weir_json_compile(&paths, &path, 1, 2, NULL), WEIR_OK);
    assert_true(scan("{\"a\":[1,2],\"b\":{\"c\":3}}"));
    assert_false(scan("{\"a\":[1,2],\"b\":{\"c\":{}}}"));
}

static void a_hundred_thousand_brackets_are_refused(void **state)
{
    enum { LENGTH = 100000 };
    char *text = malloc(LENGTH);
    const char *path = "a";

    (void)state;
    assert_non_null(text);
    assert_true(compile(&path, 1));
    memset(text, '[', LENGTH);
    assert_false(scan_bytes(text, LENGTH));
    for (int i = 0; i + 5 <= LENGTH; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_false(scan_bytes(text, LENGTH));
    free(text);
}

static void every_byte_at_every_place_of_a_string_is_judged_right(void **state)
{
    const char *path = "k";

    (void)state;
    assert_true(compile(&path, 1));
    for (size_t length = 1; length <= 20; length++) {
        for (size_t place = 0; place < length; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[64] = "{\"k\":\"";

                memset(text + 6, 'x', length);
                text[6 + place] = (char)byte;
                memcpy(text + 6 + length, "\"}", 2);
                if (scan_bytes(text, length + 8) != reference_valid(text, length + 8, 16))
                    fail_msg("byte %02x at %zu of %zu", byte, place, length);
            }
        }
    }
}

static void every_start_of_a_utf8_sequence_is_judged_right(void **state)
{
    static const char *const tails[] = {"", "\x80", "\xbf\xbf", "\x80x", "\xbf\x7f", "\xc0\x80"};
    const char *path = "k";

    (void)state;
    assert_true(compile(&path, 1));
    for (unsigned pair = 0x8000; pair < 0x10000; pair++) {
        for (size_t i = 0; i < COUNT_OF(tails); i++) {
            char text[16];
            int length = snprintf(text, sizeof(text), "\"..%s\"", tails[i]);

            text[1] = (char)(pair >> 8);
            text[2] = (char)(pair & 0xff);
            if (scan_bytes(text, (size_t)length) != reference_valid(text, (size_t)length, 16))
                fail_msg("bytes %04x, tail %zu", pair, i);
        }
    }
}

static void assert_unescaped(const char *string, const char *wanted, size_t wanted_length)
{
    char text[128];
    char out[64];
    ptrdiff_t length;

    (void)snprintf(text, sizeof(text), "{\"k\":\"%s\"}", string);
    length = weir_json_unescape(find("k", text), out, sizeof(out));
    if (length != (ptrdiff_t)wanted_length || memcmp(out, wanted, wanted_length) != 0)
        fail_msg("%s: length %td", string, length);
    for (size_t size = 0; size < wanted_length; size++)
        assert_int_equal(weir_json_unescape(values, out, size), -1);
    assert_int_equal(weir_json_unescape(values, out, wanted_length), wanted_length);
}

static void escapes_are_resolved(void **state)
{
    static const char *const lone[] = {"\\ud800",       "\\udc00",        "\\ud800x",
                                       "\\ud800\\n",    "\\ud800\\ud800", "\\ud800\\u0041",
                                       "\\udc00\\ud800"};
    char out[16];

    (void)state;
    assert_unescaped("", "", 0);
    assert_unescaped("plain \xe2\x82\xac", "plain \xe2\x82\xac", 9);
    assert_unescaped("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8);
    assert_unescaped("\\u0000\\u001f\\u0041\\u007f",
                     "\0\x1f"
                     "A\x7f",
                     4);
    assert_unescaped("\\u0080\\u07fF\\u0800\\uFFFF", "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
                     10);
    assert_unescaped("\\ud800\\udc00\\uDBFF\\uDFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    for (size_t i = 0; i < COUNT_OF(lone); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "{\"k\":\"%s\"}", lone[i]);
        assert_int_equal(weir_json_unescape(find("k", text), out, sizeof(out)), -1);
    }
    assert_int_equal(weir_json_unescape(find("k", "{\"k\":5}"), out, sizeof(out)), -1);
    assert_int_equal(weir_json_unescape(find("k", "{}"), out, sizeof(out)), -1);
}

static void measurements_are_read_from_numbers_quotes_and_words(void **state)
{
    static const struct {
        const char *json;
        double number;
    } good[] = {{"21.5", 21.5},      {"-0", 0},        {"1e308", 1e308}, {"\"21.5\"", 21.5},
                {"\" +.5 \"", 0.5},  {"true", 1},      {"false", 0},     {"\"ON\"", 1},
                {"\"off\"", 0},      {"\"True\"", 1},  {"\"FALSE\"", 0}, {"\"\\u0031.5\"", 1.5},
                {"\"\\u006fN\"", 1}, {"\"1e3\"", 1000}};
    static const char *const bad[] = {"null",    "{}",      "[1]",         "\"\"",
                                      "\"nan\"", "\"inf\"", "1e309",       "\"1e309\"",
                                      "\"abc\"", "\"1 2\"", "\"\\ud800\"", "\"0x10\"",
                                      "\"1,5\"", "\"yes\"", "\"null\""};
    double number = 7;
    char text[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        (void)snprintf(text, sizeof(text), "{\"k\":%s}", good[i].json);
        if (!weir_json_number(find("k", text), &number) || number != good[i].number)
            fail_msg("%s: %.17g", text, number);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(text, sizeof(text), "{\"k\":%s}", bad[i]);
        if (weir_json_number(find("k", text), &number))
            fail_msg("%s: %.17g", text, number);
    }
    assert_false(weir_json_number(find("k", "{}"), &number));
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

/* A random document, by pieces. */
struct writer {
    struct test_random *random;
    char text[4096];
    size_t length;
};

static void put(struct writer *writer, const char *text)
{
    size_t length = strlen(text);

    if (writer->length + length <= sizeof(writer->text)) {
        memcpy(writer->text + writer->length, text, length);
        writer->length += length;
    }
}

static const char *pick(struct writer *writer, const char *const *choices, size_t count)
{
    return choices[random_below(writer->random, (uint32_t)count)];
}

static void put_blanks(struct writer *writer)
{
    static const char *const blanks[] = {"", "", "", "", " ", "\n  ", "\t", "\r\n"};

    put(writer, pick(writer, blanks, COUNT_OF(blanks)));
}

static void put_key(struct writer *writer)
{
    static const char *const keys[] = {"a",
                                       "b",
                                       "ab",
                                       "temperature",
                                       "0",
                                       "1",
                                       "",
                                       "\xc3\xa9",
                                       "temperatures",
                                       "temp",
                                       "aa",
                                       "12",
                                       "\\u0061",
                                       "t\\u0065mperature",
                                       "\\u00e9",
                                       "\\\"",
                                       "sensor_serial",
                                       "a\\ud800",
                                       "\\u0000",
                                       "b\\u0062"};

    put(writer, "\"");
    put(writer, pick(writer, keys, COUNT_OF(keys)));
    put(writer, "\"");
}

static void put_scalar(struct writer *writer)
{
    static const char *const scalars[] = {"0",
                                          "-0",
                                          "21.53",
                                          "1700000000123",
                                          "0.30000000000000004",
                                          "1e5",
                                          "-2.5E-3",
                                          "true",
                                          "false",
                                          "null",
                                          "\"\"",
                                          "\"ON\"",
                                          "\"text of some length\"",
                                          "\"\\n\"",
                                          "\"\xe2\x82\xac\"",
                                          "12345678901234567890123",
                                          "1e400",
                                          "\"]\"",
                                          "\"a\\\"}\""};

    put(writer, pick(writer, scalars, COUNT_OF(scalars)));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as it is told, four levels */
static void put_value(struct writer *writer, unsigned depth)
{
    bool object = random_once_in(writer->random, 3) == 0;
    uint32_t count = random_below(writer->random, 6);

    put_blanks(writer);
    if (depth == 0 || random_once_in(writer->random, 3)) {
        put_scalar(writer);
    } else {
        put(writer, object ? "{" : "[");
        put_blanks(writer);
        for (uint32_t i = 0; i < count; i++) {
            put(writer, i > 0 ? "," : "");
            if (object) {
                put_blanks(writer);
                put_key(writer);
                put_blanks(writer);
                put(writer, ":");
            }
            put_value(writer, depth - 1);
        }
        put(writer, object ? "}" : "]");
    }
    put_blanks(writer);
}

static const char *const path_pool[] = {
    "a",     "b",     "ab",      "temperature", "temperature.a", "a.b",  "a.b.a",        "a.a",
    "a.0",   "a.1.b", "0",       "1.a",         "0.0",           "b.b",  "bb",           "\xc3\xa9",
    "ab.ab", "b.0.a", "1.1.1.1", "12",          "temp",          "aa.b", "a.temperature"};

static void compare_with_reference(const struct writer *writer, const char *const *texts,
                                   size_t count)
{
    bool valid = reference_valid(writer->text, writer->length, 4);

    if (scan_bytes(writer->text, writer->length) != valid)
        fail_msg("valid: %d: %.*s", valid, (int)writer->length, writer->text);
    if (!valid)
        return;
    for (size_t i = 0; i < count; i++) {
        struct weir_json_value wanted = reference_find(scanned, writer->length, texts[i]);
        char number[64] = "";

        if (wanted.kind == WEIR_JSON_NUMBER) {
            memcpy(number, wanted.text, wanted.length);
            wanted.number = strtod(number, NULL);
        }
        if (wanted.kind != values[i].kind || wanted.text != values[i].text ||
            wanted.length != values[i].length || wanted.escaped != values[i].escaped ||
            wanted.number != values[i].number)
            fail_msg("path %s in %.*s: \"%.*s\"", texts[i], (int)writer->length, writer->text,
                     (int)values[i].length, values[i].text ? values[i].text : "");
    }
}

static void damage(struct writer *writer)
{
    static const char bytes[] = "{}[]:,\"\\ \n0123456789eE+-.tfnu\x01\x7f\x80\xc3\xff";
    size_t place = random_below(writer->random, (uint32_t)writer->length);
    char byte = bytes[random_below(writer->random, sizeof(bytes))];

    switch (random_below(writer->random, 3)) {
    case 0:
        writer->text[place] = byte;
        break;
    case 1:
        writer->length--;
        memmove(writer->text + place, writer->text + place + 1, writer->length - place);
        break;
    default:
        if (writer->length < sizeof(writer->text)) {
            memmove(writer->text + place + 1, writer->text + place, writer->length - place);
            writer->text[place] = byte;
            writer->length++;
        }
        break;
    }
}

static void random_documents_agree_with_the_reference(void **state)
{
    struct test_random random = random_make(1);
    struct writer writer = {.random = &random};

    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        const char *texts[COUNT_OF(path_pool)];
        size_t start = random_below(&random, COUNT_OF(path_pool));
        size_t count = 1 + random_below(&random, COUNT_OF(path_pool));

        for (size_t k = 0; k < count; k++)
            texts[k] = path_pool[(start + k) % COUNT_OF(path_pool)];
        assert_int_equal(weir_json_compile(&paths, texts, count, 4, NULL), WEIR_OK);
        writer.length = 0;
        put_value(&writer, 4);
        compare_with_reference(&writer, texts, count);
        for (unsigned k = 0; k < 6 && writer.length > 1; k++) {
            damage(&writer);
            compare_with_reference(&writer, texts, count);
        }
    }
}

static size_t read_file(const char *directory, const char *name, char *buffer, size_t size)
{
    char path[4096];
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    length = fread(buffer, 1, size, file);
    (void)fclose(file);
    return length;
}

static void the_json_test_suite_is_judged_right(void **state)
{
    static char buffer[1 << 20];
    const char *directory = getenv("WEIR_JSON_SUITE");
    const char *path = "a";
    const struct dirent *entry;
    unsigned count = 0;
    DIR *listing;

    (void)state;
    listing = directory ? opendir(directory) : NULL;
    if (!listing) {
        print_message("skipped: WEIR_JSON_SUITE names no directory\n");
        skip();
        return;
    }
    assert_int_equal(weir_json_compile(&paths, &path, 1, WEIR_JSON_STACK_MAX, NULL), WEIR_OK);
    while ((entry = readdir(listing)) != NULL) {
        const char *name = entry->d_name;
        bool accepted;

        if (!strchr("yni", name[0]) || name[1] != '_')
            continue;
        accepted = scan_bytes(buffer, read_file(directory, name, buffer, sizeof(buffer)));
        if (name[0] != 'i' && accepted != (name[0] == 'y'))
            fail_msg("%s: %s", name, accepted ? "accepted" : "refused");
        count++;
    }
    (void)closedir(listing);
    print_message("%u files\n", count);
    assert_true(count > 0);
}

static void bytes_are_text_when_a_string_can_hold_them(void **state)
{
    char bytes[4];

    (void)state;
    assert_true(weir_json_is_text("", 0));
    assert_true(weir_json_is_text("a\0\x1f\"\\\x7f", 6));
    for (uint32_t value = 0; value < 1 << 16; value++) {
        char document[] = {'"', 'a', (char)(value >> 8), (char)value, 'a', '"'};
        bool plain = true;

        memcpy(bytes, document + 1, sizeof(bytes));
        for (int i = 1; i < 3; i++)
            plain &= (unsigned char)bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\';
        if (plain)
            assert_int_equal(weir_json_is_text(bytes, sizeof(bytes)),
                             scan_bytes(document, sizeof(document)));
    }
    assert_true(weir_json_is_text("\xf0\x9f\x9a\xb0", 4));
    assert_false(weir_json_is_text("\xf0\x9f\x9a\xb0", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_documents_are_accepted_with_blanks_around_them),
        cmocka_unit_test(a_document_cut_at_any_byte_is_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(every_kind_of_value_is_found),
        cmocka_unit_test(paths_walk_objects_and_arrays),
        cmocka_unit_test(a_path_through_a_value_of_another_kind_is_missing),
        cmocka_unit_test(a_key_with_a_dot_is_quoted),
        cmocka_unit_test(malformed_paths_are_refused_and_named),
        cmocka_unit_test(paths_beyond_the_nodes_or_key_bytes_are_refused),
        cmocka_unit_test(any_order_of_keys_and_paths_gives_the_same),
        cmocka_unit_test(the_last_of_equal_keys_counts_with_all_under_it),
        cmocka_unit_test(an_escaped_key_is_the_key_it_stands_for),
        cmocka_unit_test(a_key_that_is_no_json_string_lends_nothing_its_validity),
        cmocka_unit_test(nesting_is_allowed_down_to_the_depth_and_no_further),
        cmocka_unit_test(a_hundred_thousand_brackets_are_refused),
        cmocka_unit_test(every_byte_at_every_place_of_a_string_is_judged_right),
        cmocka_unit_test(every_start_of_a_utf8_sequence_is_judged_right),
        cmocka_unit_test(bytes_are_text_when_a_string_can_hold_them),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(measurements_are_read_from_numbers_quotes_and_words),
        cmocka_unit_test(compiled_paths_work_wherever_they_are_copied),
        cmocka_unit_test(random_documents_agree_with_the_reference),
        cmocka_unit_test(the_json_test_suite_is_judged_right),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
