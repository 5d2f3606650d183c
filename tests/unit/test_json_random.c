/* Random documents, whole and damaged, against a reader written for the test. */
#include "support/json_reference.h"
#include "support/json_rig.h"
#include "support/random.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_documents_agree_with_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
