#include <stdio.h>
#include <string.h>

#include "command/test_message.h"
#include "format/json.h"
#include "format/timestamp.h"
#include "support/build.h"
#include "support/random.h"
#include "support/unit.h"

static struct weir_stream_config make_stream(const char *const *filters)
{
    struct weir_stream_config stream = {0};

    for (; *filters; filters++)
        build_filter(&stream, *filters);
    return stream;
}

static void a_topic_leads_to_its_series(void **state)
{
    static const struct {
        const char *filters[3];
        const char *series;
        const char *topic; /* NULL: none does */
    } rows[] = {
        {{"sensors/{site}/{device}/telemetry"}, "a/b", "sensors/a/b/telemetry"},
        {{"sensors/{site}/{device}/telemetry"}, "a", NULL},
        {{"sensors/{site}/{device}/telemetry"}, "a/b/c", NULL},
        {{"sensors/{site}/{device}/telemetry"}, "a/", "sensors/a//telemetry"},
        {{"{site}/x/{device}"}, "a b/c", "a b/x/c"},
        {{"{site}"}, "a", "a"},
        {{"{site}"}, "", NULL},
        {{"power"}, "", "power"},
        {{"power"}, "a", NULL},
        {{"/{site}"}, "a", "/a"},
        {{"+/{site}/#"}, "a", "x/a"},
        {{"{site}/#"}, "a", "a"},
        {{"#"}, "", "x"},
        {{"one/{a}", "two/{a}/{b}"}, "p/q", "two/p/q"},
        {{"one/+/{a}", "one/x/{b}"}, "p", "one/x/p"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct weir_stream_config stream = make_stream(rows[i].filters);
        char topic[WEIR_TOPIC_LENGTH_MAX + 1];

        assert_int_equal(weir_test_topic_write(topic, &stream, rows[i].series),
                         rows[i].topic != NULL);
        if (rows[i].topic)
            assert_string_equal(topic, rows[i].topic);
    }
}

static void a_path_that_leads_through_another_does_not_fit(void **state)
{
    (void)state;
    assert_true(weir_test_paths_fit("a", "b"));
    assert_true(weir_test_paths_fit("a.b", "a.c"));
    assert_true(weir_test_paths_fit("a", "ab"));
    assert_false(weir_test_paths_fit("a", "a.b"));
    assert_false(weir_test_paths_fit("a.b.c", "\"a\".b"));
    assert_false(weir_test_paths_fit("a.b", "a.\"b\""));
}

static void values_are_found_where_the_stream_looks(void **state)
{
    static const char *const paths[] = {"t",
                                        "env.rh",
                                        "env.temp",
                                        "probes.0.t",
                                        "probes.1.t",
                                        "p.\"a.b\".c",
                                        "\"params\".\"temperature:0\".tC"};
    static const enum weir_time_unit units[] = {WEIR_TIME_S, WEIR_TIME_MS, WEIR_TIME_US,
                                                WEIR_TIME_NS, WEIR_TIME_ISO8601};
    enum { FIELD_COUNT = sizeof(paths) / sizeof(paths[0]) };
    struct weir_field_config fields[FIELD_COUNT] = {0};
    struct weir_stream_config stream = {.fields = fields, .field_count = FIELD_COUNT};
    const char *all[FIELD_COUNT + 1];
    struct test_random random = random_make(3);
    struct weir_json_paths compiled;

    (void)state;
    (void)snprintf(stream.time_path, sizeof(stream.time_path), "env.ts");
    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        (void)snprintf(fields[i].path, sizeof(fields[i].path), "%s", paths[i]);
        all[i] = paths[i];
    }
    all[FIELD_COUNT] = stream.time_path;
    assert_int_equal(weir_json_compile(&compiled, all, FIELD_COUNT + 1, 16, NULL), WEIR_OK);
    for (uint32_t round = 0; round < 2000; round++) {
        struct weir_json_value found[FIELD_COUNT + 1];
        struct weir_test_value values[FIELD_COUNT];
        int64_t time_ms = 1700000000000 + random_below(&random, 1000000000);
        uint32_t first = random_below(&random, FIELD_COUNT);
        uint32_t count = random_below(&random, FIELD_COUNT) + 1;
        char bytes[WEIR_TEST_PAYLOAD_SIZE];
        struct weir_text text;
        int64_t read_ms;

        for (uint32_t i = 0; i < count; i++)
            values[i] = (struct weir_test_value){
                .field = (first + i) % FIELD_COUNT,
                .null = random_below(&random, 5) == 0,
                .number = random_below(&random, 100000) / 7.0,
            };
        stream.time_unit = units[round % 5];
        weir_text_init(&text, bytes, sizeof(bytes));
        weir_test_payload_write(&text, &stream, values, count, time_ms);
        assert_false(text.overflow);
        assert_int_equal(weir_json_scan(&compiled, bytes, text.length, found), WEIR_OK);
        assert_true(weir_timestamp_read(&found[FIELD_COUNT], stream.time_unit, &read_ms));
        assert_int_equal(read_ms, time_ms);
        for (uint32_t i = 0; i < FIELD_COUNT; i++) {
            uint32_t at = (i + FIELD_COUNT - first) % FIELD_COUNT;

            if (at >= count) {
                assert_int_equal(found[i].kind, WEIR_JSON_MISSING);
            } else if (values[at].null) {
                assert_int_equal(found[i].kind, WEIR_JSON_NULL);
            } else {
                assert_int_equal(found[i].kind, WEIR_JSON_NUMBER);
                assert_true(found[i].number == values[at].number);
            }
        }
    }
}

static void a_bare_number_is_all_there_is(void **state)
{
    const struct weir_stream_config stream = {.format = WEIR_PAYLOAD_NUMBER};
    const struct weir_test_value number = {.number = 21.5};
    const struct weir_test_value null = {.null = true};
    char bytes[64];
    struct weir_text text;

    (void)state;
    weir_text_init(&text, bytes, sizeof(bytes));
    weir_test_payload_write(&text, &stream, &number, 1, 0);
    weir_text_add(&text, " ");
    weir_test_payload_write(&text, &stream, &null, 1, 0);
    assert_int_equal(text.length, strlen("21.5 null"));
    assert_memory_equal(bytes, "21.5 null", text.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_leads_to_its_series),
        cmocka_unit_test(a_path_that_leads_through_another_does_not_fit),
        cmocka_unit_test(values_are_found_where_the_stream_looks),
        cmocka_unit_test(a_bare_number_is_all_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
