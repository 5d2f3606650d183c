#include "support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/timestamp.h"
#include "support/random.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What no call may leave behind. */
#define UNTOUCHED (-77)

/* The time of the JSON value at `t`; UNTOUCHED: none. */
static int64_t read_json(const char *json, enum weir_time_unit unit)
{
    static const char *const path = "t";
    static struct weir_json_paths paths;
    struct weir_json_value value;
    int64_t time_ms = UNTOUCHED;
    char text[600];
    int length = snprintf(text, sizeof(text), "{\"t\":%s}", json);

    assert_int_equal(weir_json_compile(&paths, &path, 1, 4, NULL), WEIR_OK);
    assert_int_equal(weir_json_scan(&paths, text, (size_t)length, &value), WEIR_OK);
    if (!weir_timestamp_read(&value, unit, &time_ms))
        assert_int_equal(time_ms, UNTOUCHED);
    return time_ms;
}

/* The time of a copy of the very size of the text; UNTOUCHED: none. */
static int64_t parse_bytes(const char *text, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    int64_t time_ms = UNTOUCHED;

    assert_non_null(copy);
    memcpy(copy, text, length);
    if (!weir_timestamp_parse(copy, length, &time_ms))
        assert_int_equal(time_ms, UNTOUCHED);
    free(copy);
    return time_ms;
}

static int64_t parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void numbers_are_exact_in_every_unit(void **state)
{
    static const struct {
        const char *json;
        enum weir_time_unit unit;
        int64_t time_ms;
    } cases[] = {
        {"1740899649.12", WEIR_TIME_S, 1740899649120},
        {"1740899649", WEIR_TIME_S, 1740899649000},
        {"1740899649.1239999", WEIR_TIME_S, 1740899649123},
        {"1740899649.00099999999999999999999999", WEIR_TIME_S, 1740899649000},
        {"1.74089964912e9", WEIR_TIME_S, 1740899649120},
        {"1700000000123", WEIR_TIME_MS, 1700000000123},
        {"1700000000123.9", WEIR_TIME_MS, 1700000000123},
        {"1700000000123456", WEIR_TIME_US, 1700000000123},
        {"1700000000123456789", WEIR_TIME_NS, 1700000000123},
        {"1700000000123999999", WEIR_TIME_NS, 1700000000123},
        {"1700000000123999999.99999999999", WEIR_TIME_NS, 1700000000123},
        {"1.7000000001239999e18", WEIR_TIME_NS, 1700000000123},
        {"1700000000123999999000000e-6", WEIR_TIME_NS, 1700000000123},
        {"0", WEIR_TIME_S, 0},
        {"-0", WEIR_TIME_MS, 0},
        {"0e99999999999", WEIR_TIME_MS, 0},
        {"1e-99999999999", WEIR_TIME_MS, 0},
        {"999999", WEIR_TIME_NS, 0},
        {"1e6", WEIR_TIME_NS, 1},
        {"253402300799.999", WEIR_TIME_S, WEIR_TIMESTAMP_MS_MAX},
        {"253402300799999", WEIR_TIME_MS, WEIR_TIMESTAMP_MS_MAX},
        {"253402300799999999", WEIR_TIME_US, WEIR_TIMESTAMP_MS_MAX},
        {"253402300799999999999", WEIR_TIME_NS, WEIR_TIMESTAMP_MS_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char quoted[128];
        int64_t time_ms = read_json(cases[i].json, cases[i].unit);

        (void)snprintf(quoted, sizeof(quoted), "\" %s\"", cases[i].json);
        if (time_ms != cases[i].time_ms || read_json(quoted, cases[i].unit) != cases[i].time_ms)
            fail_msg("%s: %" PRId64, cases[i].json, time_ms);
    }
    assert_int_equal(read_json("\"\\u0031700000000123\"", WEIR_TIME_MS), 1700000000123);
    assert_int_equal(read_json("\"+1740899649.\"", WEIR_TIME_S), 1740899649000);
}

static void numbers_out_of_range_are_refused(void **state)
{
    static const struct {
        const char *json;
        enum weir_time_unit unit;
    } cases[] = {
        {"-1", WEIR_TIME_S},
        {"-0.001", WEIR_TIME_S},
        {"-1", WEIR_TIME_NS},
        {"253402300800", WEIR_TIME_S},
        {"253402300800000", WEIR_TIME_MS},
        {"253402300800000000000", WEIR_TIME_NS},
        {"18446744073709551616", WEIR_TIME_MS},
        {"1e300", WEIR_TIME_MS},
        {"1e99999999999", WEIR_TIME_S},
        {"1844674407370955.1616e4", WEIR_TIME_MS},
        {"99999999999999999999999999999", WEIR_TIME_NS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(read_json(cases[i].json, cases[i].unit), UNTOUCHED);
}

static void values_that_state_no_time_are_refused(void **state)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "{}",
                                         "[1700000000123]",
                                         "\"\"",
                                         "\"now\"",
                                         "\"on\"",
                                         "\"true\"",
                                         "\"1700000000123x\"",
                                         "\"\\ud800\"",
                                         "\"2025-03-02T07:14:09\"",
                                         "\"0x10\"",
                                         "\"nan\""};
    struct weir_json_value missing = {.kind = WEIR_JSON_MISSING};
    int64_t time_ms;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (int unit = WEIR_TIME_ARRIVAL; unit <= WEIR_TIME_ISO8601; unit++) {
            if (read_json(values[i], (enum weir_time_unit)unit) != UNTOUCHED)
                fail_msg("%s in unit %d", values[i], unit);
        }
    }
    for (int unit = WEIR_TIME_ARRIVAL; unit <= WEIR_TIME_ISO8601; unit++)
        assert_false(weir_timestamp_read(&missing, (enum weir_time_unit)unit, &time_ms));
    assert_int_equal(read_json("1700000000123", WEIR_TIME_ARRIVAL), UNTOUCHED);
    assert_int_equal(read_json("1700000000123", WEIR_TIME_ISO8601), UNTOUCHED);
    assert_int_equal(read_json("\"2025-03-02T07:14:09Z\"", WEIR_TIME_S), UNTOUCHED);
}

static void iso_8601_is_read_in_all_its_spellings(void **state)
{
    static const struct {
        const char *text;
        int64_t time_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-03-02T07:14:09Z", 1740899649000},
        {"2025-03-02t07:14:09z", 1740899649000},
        {"2025-03-02 07:14:09Z", 1740899649000},
        {"2025-03-02T07:14:09.1Z", 1740899649100},
        {"2025-03-02T07:14:09,12Z", 1740899649120},
        {"2025-03-02T07:14:09.123456Z", 1740899649123},
        {"2025-03-02T07:14:09.1239999999999999999999Z", 1740899649123},
        {"2025-03-02T08:14:09+01:00", 1740899649000},
        {"2025-03-02T08:14:09+0100", 1740899649000},
        {"2025-03-02T08:14:09+01", 1740899649000},
        {"2025-03-02T08:14:09.123456Z+0100", 1740899649123},
        {"2025-03-02T08:14:09.123456Z+01:00", 1740899649123},
        {"2025-03-01T22:44:09-0830", 1740899649000},
        {"2025-03-02T12:44:09+05:30", 1740899649000},
        {"2025-03-02T07:14:09-00:00", 1740899649000},
        {"1969-12-31T23:30:00-01:00", 1800000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2038-01-19T03:14:08Z", 2147483648000},
        {"9999-12-31T23:59:59.999Z", WEIR_TIMESTAMP_MS_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char json[128];

        if (parse(cases[i].text) != cases[i].time_ms)
            fail_msg("%s: %" PRId64, cases[i].text, parse(cases[i].text));
        (void)snprintf(json, sizeof(json), "\"%s\"", cases[i].text);
        assert_int_equal(read_json(json, WEIR_TIME_ISO8601), cases[i].time_ms);
    }
    assert_int_equal(read_json("\"2025-03-02\\u005407:14:09Z\"", WEIR_TIME_ISO8601), 1740899649000);
}

static void what_is_no_instant_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "Z",
                                      "2025",
                                      "2025-03-02",
                                      "2025-03-02T07:14Z",
                                      "2025-03-02T07:14:09",
                                      "2025-03-02T07:14:09.5",
                                      "2025-03-02T07:14:09.Z",
                                      "2025-03-02T07:14:09+",
                                      "2025-03-02T07:14:09+1",
                                      "2025-03-02T07:14:09+01:",
                                      "2025-03-02T07:14:09+01:0",
                                      "2025-03-02T07:14:09+01:000",
                                      "2025-03-02T07:14:09+010",
                                      "2025-03-02T07:14:09+24:00",
                                      "2025-03-02T07:14:09+00:60",
                                      "2025-03-02T07:14:09Zx",
                                      "2025-03-02T07:14:09ZZ",
                                      "2025-03-02T07:14:09Z ",
                                      " 2025-03-02T07:14:09Z",
                                      "2025-03-02_07:14:09Z",
                                      "2025-03-02T24:00:00Z",
                                      "2025-03-02T07:60:09Z",
                                      "2025-03-02T07:14:61Z",
                                      "2025-00-02T07:14:09Z",
                                      "2025-13-02T07:14:09Z",
                                      "2025-03-00T07:14:09Z",
                                      "2025-03-32T07:14:09Z",
                                      "2025-04-31T07:14:09Z",
                                      "2025-02-29T07:14:09Z",
                                      "2100-02-29T07:14:09Z",
                                      "25-03-02T07:14:09Z",
                                      "2025-3-2T07:14:09Z",
                                      "20250302T071409Z",
                                      "2025/03/02T07:14:09Z",
                                      "-025-03-02T07:14:09Z",
                                      "+2025-03-02T07:14:09Z",
                                      "1969-12-31T23:59:59Z",
                                      "1970-01-01T00:30:00+01:00",
                                      "9999-12-31T23:30:00-01:00",
                                      "0000-01-01T00:00:00Z",
                                      "10000-01-01T00:00:00Z",
                                      "2025-03-02T07:14:09.1.2Z",
                                      "2025-03-02T07:14:09CET"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (parse(bad[i]) != UNTOUCHED)
            fail_msg("%s: %" PRId64, bad[i], parse(bad[i]));
    }
    assert_int_equal(parse_bytes("2025-03-02T07:14:09Z\0", 21), UNTOUCHED);
}

static void a_text_cut_short_is_refused_or_another_spelling(void **state)
{
    const char *text = "2025-03-02T08:14:09.123456Z+01:00";

    (void)state;
    for (size_t length = 0; length < strlen(text); length++) {
        int64_t time_ms = parse_bytes(text, length);
        bool utc = length == strlen("2025-03-02T08:14:09.123456Z");
        bool hours = length == strlen("2025-03-02T08:14:09.123456Z+01");

        assert_int_equal(time_ms, utc ? 1740903249123 : hours ? 1740899649123 : UNTOUCHED);
    }
}

static void random_times_agree_with_the_calendar_of_the_c_library(void **state)
{
    struct test_random random = random_make(1);

    (void)state;
    if (sizeof(time_t) < sizeof(int64_t)) {
        skip();
        return;
    }
    for (unsigned i = 0; i < 50000; i++) {
        int64_t time_ms = random_between(&random, 86400000, WEIR_TIMESTAMP_MS_MAX - 86400000);
        int offset = (int)random_between(&random, -23 * 60, 23 * 60);
        time_t local = (time_t)(time_ms / 1000 + offset * 60);
        struct tm tm;
        char text[64];
        size_t used;

        assert_non_null(gmtime_r(&local, &tm));
        used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        (void)snprintf(text + used, sizeof(text) - used, ".%03d%c%02d:%02d", (int)(time_ms % 1000),
                       offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
        if (parse(text) != time_ms)
            fail_msg("%s: %" PRId64 ", not %" PRId64, text, parse(text), time_ms);
    }
}

static void every_day_follows_the_one_before(void **state)
{
    int64_t time_ms = 0;

    (void)state;
    for (int year = 1970; year < 2405; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= 31; day++) {
                char text[32];

                (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z", year, month, day);
                if (parse(text) == UNTOUCHED) {
                    assert_true(day >= 29);
                    continue;
                }
                assert_int_equal(parse(text), time_ms);
                time_ms += 86400000;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact_in_every_unit),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(values_that_state_no_time_are_refused),
        cmocka_unit_test(iso_8601_is_read_in_all_its_spellings),
        cmocka_unit_test(what_is_no_instant_is_refused),
        cmocka_unit_test(a_text_cut_short_is_refused_or_another_spelling),
        cmocka_unit_test(random_times_agree_with_the_calendar_of_the_c_library),
        cmocka_unit_test(every_day_follows_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
