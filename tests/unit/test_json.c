/* What is JSON and what is not. */
#include <dirent.h>
#include <stdio.h>

#include "support/json_reference.h"
#include "support/json_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_documents_are_accepted_with_blanks_around_them),
        cmocka_unit_test(a_document_cut_at_any_byte_is_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_key_that_is_no_json_string_lends_nothing_its_validity),
        cmocka_unit_test(nesting_is_allowed_down_to_the_depth_and_no_further),
        cmocka_unit_test(a_hundred_thousand_brackets_are_refused),
        cmocka_unit_test(every_byte_at_every_place_of_a_string_is_judged_right),
        cmocka_unit_test(every_start_of_a_utf8_sequence_is_judged_right),
        cmocka_unit_test(the_json_test_suite_is_judged_right),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
