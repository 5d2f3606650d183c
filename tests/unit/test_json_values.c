/* Text and numbers of values. */
#include <stdio.h>

#include "support/json_rig.h"

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
        cmocka_unit_test(bytes_are_text_when_a_string_can_hold_them),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(measurements_are_read_from_numbers_quotes_and_words),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
