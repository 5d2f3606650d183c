/* The configuration: what is taken, with which values; what is refused, with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/config.h"
#include "port/config_problem.h"
#include "port/config_value.h"

#define TEXT_SIZE 65536

#define FIELDS "fields = ( { name = \"t\"; path = \"t\"; } );"
#define WINDOW "window = { size = \"10s\"; };"
#define STREAM "{ name = \"s\"; topics = [ \"a/{b}\" ]; " FIELDS WINDOW " }"
#define SMALLEST "gateway = \"g\"; streams = ( " STREAM " );"
#define ALERT "alerts = ( { name = \"r\"; stream = \"s\"; field = \"t\"; above = 1.0; } );"

/* Parses a text that is to be taken without a word. */
static struct weir_config *parse_silently(const char *text)
{
    char report[1024] = "";
    FILE *stream = fmemopen(report, sizeof(report), "w");
    struct weir_config *config = weir_config_parse("test.conf", text, stream);

    assert_int_equal(fclose(stream), 0);
    assert_string_equal(report, "");
    assert_non_null(config);
    return config;
}

static uint64_t hash_of(const char *text)
{
    struct weir_config *config = parse_silently(text);
    uint64_t hash = config->hash;

    weir_config_destroy(config);
    return hash;
}

static void read_text(const char *name, char *text)
{
    FILE *stream = fopen(name, "r");
    size_t length;

    if (!stream)
        fail_msg("%s is missing", name);
    length = fread(text, 1, TEXT_SIZE - 1, stream);
    text[length] = '\0';
    assert_int_equal(fclose(stream), 0);
}

/* Loads one file of the test data and holds the report against the expected one. */
static void check_case(const char *path, const char *expected_path)
{
    static char expected[TEXT_SIZE];
    static char report[TEXT_SIZE];
    FILE *stream = fmemopen(report, sizeof(report), "w");
    struct weir_config *config;
    bool refused;

    report[0] = '\0';
    config = weir_config_load_offline(path, stream);
    refused = config == NULL;
    assert_int_equal(fclose(stream), 0);
    weir_config_destroy(config);
    read_text(expected_path, expected);
    if (strcmp(report, expected) != 0)
        fail_msg("%s\nis reported as\n%sand not as\n%s", path, report, expected);
    if (refused != (strstr(expected, " error: ") != NULL))
        fail_msg("%s is %s", path, refused ? "refused" : "taken");
}

static void enter_data(void)
{
    const char *data = getenv("WEIR_TEST_DATA");

    if (data) {
        assert_int_equal(chdir(data), 0);
        assert_int_equal(chdir("config"), 0);
    } else {
        print_message("WEIR_TEST_DATA is not set\n");
        skip();
    }
}

static void every_file_of_the_data_is_reported_as_expected(void **state)
{
    char here[4096];
    unsigned count = 0;
    const struct dirent *entry;
    DIR *directory;

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    enter_data();
    directory = opendir(".");
    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        size_t length = strlen(entry->d_name);
        char path[512];
        char stem[256];

        if (length < 9 || strcmp(entry->d_name + length - 9, ".expected") != 0)
            continue;
        (void)snprintf(stem, sizeof(stem), "%.*s", (int)length - 9, entry->d_name);
        (void)snprintf(path, sizeof(path), "%s.conf", stem);
        if (access(path, F_OK) != 0)
            (void)snprintf(path, sizeof(path), "%s/weir.conf", stem);
        check_case(path, entry->d_name);
        count++;
    }
    assert_int_equal(closedir(directory), 0);
    assert_true(count > 100);
    assert_int_equal(chdir(here), 0);
}

static void a_missing_file_and_a_directory_are_told_apart(void **state)
{
    char report[1024] = "";
    FILE *stream = fmemopen(report, sizeof(report), "w");

    (void)state;
    assert_null(weir_config_load("/nonexistent/weir.conf", stream));
    assert_null(weir_config_load("/", stream));
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(report, "/nonexistent/weir.conf: error: cannot open: No such file or "
                                "directory\n/: error: cannot read: Is a directory\n");
}

static void a_file_beyond_a_mebibyte_is_refused(void **state)
{
    size_t size = 10 * 1024 * 1024;
    char *text = malloc(size + 1);
    char report[1024] = "";
    FILE *stream = fmemopen(report, sizeof(report), "w");

    (void)state;
    assert_non_null(text);
    memset(text, ' ', size);
    text[size] = '\0';
    assert_null(weir_config_parse("test.conf", text, stream));
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(report, "test.conf: error: too long; expected at most 1 MiB\n");
    free(text);
}

static void what_is_not_written_has_its_default(void **state)
{
    struct weir_config *config = parse_silently(SMALLEST ALERT);
    const struct weir_stream_config *stream = config->streams;
    const struct weir_rule_config *rule = config->rules;

    (void)state;
    assert_string_equal(config->broker.url, "mqtt://127.0.0.1:1883");
    assert_string_equal(config->broker.client_id, "weir-g");
    assert_int_equal(config->broker.keepalive_s, 30);
    assert_int_equal(config->broker.version, 5);
    assert_int_equal(config->queue_bytes, 1024 * 1024);
    assert_string_equal(config->uplink.url, "");
    assert_int_equal(config->uplink_every_ms, 60000);
    assert_int_equal(config->uplink_jitter_ms, 0);
    assert_int_equal(config->uplink_max_bytes, WEIR_BATCH_BYTES_MAX);
    assert_int_equal(weir_hours_wait_ms(&config->uplink_hours, 1700000000000), 0);
    assert_int_equal(config->outbox_bytes, 4 * 1024 * 1024);
    assert_string_equal(config->storage_path, "");
    assert_int_equal(config->storage_sync_ms, 1000);
    assert_int_equal(stream->qos, 1);
    assert_int_equal(stream->format, WEIR_PAYLOAD_JSON);
    assert_int_equal(stream->time_unit, WEIR_TIME_ARRIVAL);
    assert_int_equal(stream->lateness_ms, 0);
    assert_false(stream->revise);
    assert_int_equal(stream->held_count, 0);
    assert_int_equal(stream->max_series, 1000);
    assert_int_equal(stream->aggregates, 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_MIN |
                                             1u << WEIR_AGGREGATE_MAX | 1u << WEIR_AGGREGATE_MEAN |
                                             1u << WEIR_AGGREGATE_LAST);
    assert_false(stream->live);
    assert_true(isinf(stream->fields[0].min) && stream->fields[0].min < 0);
    assert_true(isinf(stream->fields[0].max) && stream->fields[0].max > 0);
    assert_int_equal(rule->comparison.op, WEIR_OPERATOR_ABOVE);
    assert_true(rule->comparison.limits[WEIR_LEVEL_WARNING].high == 1.0);
    assert_true(rule->comparison.deadband == 0.0);
    assert_int_equal(rule->hold_ms, 0);
    assert_int_equal(rule->level, WEIR_LEVEL_WARNING);
    assert_string_equal(rule->file, "test.conf");
    assert_int_equal(rule->line, 1);
    weir_config_destroy(config);
}

static void check_everything_stream(const struct weir_stream_config *stream)
{
    const struct weir_field_config *fields = stream->fields;

    assert_int_equal(stream->filter_count, 2);
    assert_string_equal(stream->filters[1], "$SYS/#");
    assert_int_equal(stream->qos, 0);
    assert_int_equal(stream->time_unit, WEIR_TIME_ISO8601);
    assert_string_equal(stream->time_path, "meta.at");
    assert_int_equal(stream->max_future_ms, 0);
    assert_int_equal(stream->window_ms, 60000);
    assert_int_equal(stream->idle_ms, 3600000);
    assert_true(stream->revise);
    assert_int_equal(stream->held_count, 32);
    assert_int_equal(weir_stream_pane_count(stream), 33);
    assert_int_equal(stream->aggregates, 1u << WEIR_AGGREGATE_COUNT | 1u << WEIR_AGGREGATE_RATE);
    assert_int_equal(stream->quantile_count, 3);
    assert_int_equal(stream->quantiles[0], 50);
    assert_int_equal(stream->quantiles[1], 500);
    assert_int_equal(stream->quantiles[2], 999);
    assert_int_equal(stream->max_series, 5);
    assert_true(stream->live);
    assert_string_equal(fields[0].path, "params.\"temperature:0\".tC");
    assert_true(fields[0].min == -40.0 && fields[0].max == 125.0);
    assert_int_equal(fields[0].invalid_count, 1);
    assert_true(fields[0].invalid[0] == 999.0);
    assert_int_equal(fields[1].invalid_count, 3);
    assert_true(fields[1].invalid[1] == -1.5 && fields[1].invalid[2] == 5.0);
}

static void what_is_written_is_read(void **state)
{
    static char text[TEXT_SIZE];
    const struct weir_limit *limit;
    struct weir_config *config;

    (void)state;
    enter_data();
    read_text("everything.conf", text);
    config = parse_silently(text);
    check_everything_stream(config->streams);
    assert_string_equal(config->broker.url, "mqtts://[::1]:8883");
    assert_int_equal(config->broker.keepalive_s, 60);
    assert_int_equal(config->broker.version, 4);
    assert_int_equal(config->queue_bytes, 512 * 1024);
    assert_int_equal(config->uplink.keepalive_s, 60);
    assert_int_equal(config->uplink_jitter_ms, 1000);
    assert_int_equal(config->uplink_max_bytes, 1024);
    assert_int_equal(config->uplink_hours.from_ms, 22 * 3600000 + 30 * 60000);
    assert_int_equal(config->uplink_hours.to_ms, 24 * 3600000);
    assert_string_equal(config->uplink.client_id, "weir-plant-7-uplink");
    assert_int_equal(config->outbox_bytes, 1024 * 1024 * 1024);
    assert_int_equal(config->storage_sync_ms, -1);
    assert_int_equal(config->rules[0].comparison.op, WEIR_OPERATOR_OUTSIDE);
    limit = &config->rules[0].comparison.limits[config->rules[0].level];
    assert_true(limit->set && limit->low == -10.0 && limit->high == 30.0);
    assert_int_equal(config->rules[0].clear_delay_ms, 86400000);
    assert_string_equal(config->rules[0].message, "too \"hot\" \xc3\xa4");
    assert_int_equal(config->rules[1].stream, 1);
    limit = &config->rules[1].comparison.limits[config->rules[1].level];
    assert_true(limit->set && limit->low == 1.0 && limit->high == 2.5);
    weir_config_destroy(config);
}

static void files_of_conf_d_add_streams_and_alerts_in_the_order_of_their_names(void **state)
{
    struct weir_config *config;

    (void)state;
    enter_data();
    config = weir_config_load("parts/weir.conf", stderr);
    assert_non_null(config);
    assert_int_equal(config->stream_count, 2);
    assert_string_equal(config->streams[1].name, "pump");
    assert_int_equal(config->rule_count, 2);
    assert_int_equal(config->rules[1].stream, 1);
    assert_string_equal(config->rules[1].file, "parts/conf.d/20-alerts.conf");
    weir_config_destroy(config);
}

static void the_shipped_configuration_is_in_order(void **state)
{
    static char text[TEXT_SIZE];
    struct weir_config *config;

    (void)state;
    enter_data();
    read_text("../../../firmware/weir.conf", text);
    config = parse_silently(text);
    assert_int_equal(config->stream_count, 3);
    assert_string_equal(config->uplink.url, "mqtt://127.0.0.1:1884");
    assert_string_equal(config->storage_path, "");
    weir_config_destroy(config);
}

static void idle_is_half_a_minute_or_as_long_as_a_window_may_stay_open(void **state)
{
#define TIMED(window)                                                                              \
    "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{b}\" ]; " FIELDS                 \
    "time = { field = \"ts\"; }; window = { " window " }; } );"
    struct weir_config *config = parse_silently(TIMED("size = \"1s\""));

    (void)state;
    assert_int_equal(config->streams[0].idle_ms, 30000);
    weir_config_destroy(config);
    config = parse_silently(TIMED("size = \"1m\"; lateness = \"61s\""));
    assert_int_equal(config->streams[0].idle_ms, 121000);
    assert_int_equal(weir_stream_pane_count(&config->streams[0]), 3);
    weir_config_destroy(config);
}

static void two_peers_at_one_broker_have_two_client_ids(void **state)
{
    struct weir_config *config =
        parse_silently(SMALLEST "uplink = { url = \"mqtt://127.0.0.1:1883\"; };");

    (void)state;
    assert_string_equal(config->broker.client_id, "weir-g");
    assert_string_equal(config->uplink.client_id, "weir-g-uplink");
    weir_config_destroy(config);
}

static void the_hash_knows_no_order_and_no_comments(void **state)
{
#define OTHER "{ name = \"o\"; topics = [ \"c/{b}\" ]; " FIELDS WINDOW " }"
    uint64_t hash = hash_of(SMALLEST ALERT);

    (void)state;
    assert_true(hash == hash_of(ALERT "/* said twice */ streams : ( " STREAM " ) gateway = \"g\""));
    assert_true(hash == hash_of(SMALLEST "alerts = ( { above = 1; deadband = -0.0; field = \"t\"; "
                                         "stream = \"s\"; hold = \"0s\"; name = \"r\"; } );"));
    assert_true(hash_of("gateway = \"g\"; streams = ( " STREAM ", " OTHER " );") ==
                hash_of("gateway = \"g\"; streams = ( " OTHER ", " STREAM " );"));
}

/* The smallest configuration with a quantile, and an alert that says this as well. */
#define QUANTILE(more)                                                                             \
    "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{b}\" ]; "                        \
    "aggregates = [ \"p50\" ]; " FIELDS WINDOW " } ); "                                            \
    "alerts = ( { name = \"r\"; stream = \"s\"; field = \"t\"; above = 1.0; " more " } );"

static void the_hash_changes_with_every_value(void **state)
{
    static const char *const others[] = {
        "gateway = \"h\"; streams = ( " STREAM " );" ALERT,
        SMALLEST,
        SMALLEST "alerts = ( { name = \"r\"; stream = \"s\"; field = \"t\"; below = 1.0; } );",
        SMALLEST "alerts = ( { name = \"r\"; stream = \"s\"; field = \"t\"; above = 1.0; "
                 "message = \"m\"; } );",
        QUANTILE(""),
        QUANTILE("of = \"mean\";"),
        QUANTILE("of = \"p1\";"),
        QUANTILE("of = \"p99.9\";"),
        SMALLEST ALERT "broker = { keepalive = 31; };",
        SMALLEST ALERT "uplink = { url = \"mqtt://h\"; };",
        SMALLEST ALERT "uplink = { url = \"mqtt://h\"; jitter = \"1s\"; };",
        SMALLEST ALERT "uplink = { url = \"mqtt://h\"; max_bytes = \"1KiB\"; };",
        SMALLEST ALERT "uplink = { url = \"mqtt://h\"; window = \"00:00-01:00\"; };",
        SMALLEST ALERT "storage = { path = \"/p\"; };",
        "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{b}\" ]; live = true; " FIELDS
            WINDOW " } );" ALERT,
        "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{b}\" ]; qos = 2; " FIELDS
            WINDOW " } );" ALERT,
        "gateway = \"g\"; streams = ( { name = \"s\"; topics = [ \"a/{c}\" ]; " FIELDS WINDOW
        " } );" ALERT,
    };
    uint64_t hashes[sizeof(others) / sizeof(others[0]) + 1];
    size_t count = 0;

    (void)state;
    hashes[count++] = hash_of(SMALLEST ALERT);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint64_t hash = hash_of(others[i]);

        for (size_t j = 0; j < count; j++)
            assert_true(hashes[j] != hash);
        hashes[count++] = hash;
    }
}

static void windows_are_kept_when_only_delivery_changes(void **state)
{
    struct weir_config *config = parse_silently(SMALLEST);
    struct weir_stream_config stream = config->streams[0];
    uint64_t hash = weir_stream_hash(&stream);

    (void)state;
    stream.qos = 0;
    stream.live = true;
    stream.aggregates = 1u << WEIR_AGGREGATE_SUM;
    stream.quantiles[0] = 950;
    snprintf(stream.fields[0].unit, sizeof(stream.fields[0].unit), "other");
    assert_true(weir_stream_hash(&stream) == hash);
    stream.window_ms++;
    assert_false(weir_stream_hash(&stream) == hash);
    weir_config_destroy(config);
}

/* A window without a sketch cannot go on with one; with one it answers for any quantile. */
static void windows_are_kept_from_quantile_to_quantile(void **state)
{
    struct weir_config *none = parse_silently(SMALLEST);
    struct weir_stream_config stream = none->streams[0];
    uint64_t hash = weir_stream_hash(&stream);

    (void)state;
    stream.quantile_count = 1;
    stream.quantiles[0] = 500;
    assert_false(weir_stream_hash(&stream) == hash);
    hash = weir_stream_hash(&stream);
    stream.quantiles[0] = 950;
    assert_true(weir_stream_hash(&stream) == hash);
    weir_config_destroy(none);
}

static void durations_and_sizes_need_a_unit_and_fit(void **state)
{
    static const char *const refused[] = {"",     "10",  "10 s", "s",    "-1s",
                                          "1.5s", "10S", "1s1s", " 10s", "9223372036854775807d"};
    int64_t ms = -1;
    uint64_t bytes = 1;
    char text[32];

    (void)state;
    assert_true(weir_value_duration("0", &ms) && ms == 0);
    assert_true(weir_value_duration("250ms", &ms) && ms == 250);
    assert_true(weir_value_duration("366d", &ms) && ms == WEIR_DURATION_MS_MAX);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(weir_value_duration(refused[i], &ms));
    assert_true(weir_value_size("4096B", &bytes) && bytes == 4096);
    assert_true(weir_value_size("3GiB", &bytes) && bytes == 3ull * 1024 * 1024 * 1024);
    assert_false(weir_value_size("64MB", &bytes));
    assert_false(weir_value_size("99999999999GiB", &bytes));
    weir_value_print_duration(text, 90000);
    assert_string_equal(text, "90s");
    weir_value_print_size(text, 1024 * 1024);
    assert_string_equal(text, "1MiB");
}

static void hours_are_of_this_form_alone(void **state)
{
    static const char *const refused[] = {"",
                                          "1:00-5:00",
                                          "01:00",
                                          "01:00-01:00",
                                          "24:00-01:00",
                                          "01:00-24:01",
                                          "01:60-02:00",
                                          "01:00 - 02:00",
                                          "01-00-02:00",
                                          "01:00-02:000"};
    int32_t from_ms;
    int32_t to_ms;

    (void)state;
    assert_true(weir_value_hours("00:00-24:00", &from_ms, &to_ms));
    assert_true(from_ms == 0 && to_ms == 24 * 3600000);
    assert_true(weir_value_hours("23:59-00:00", &from_ms, &to_ms));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(weir_value_hours(refused[i], &from_ms, &to_ms));
}

/* Against the definition, minute by minute of two days, and of two before 1970. */
static void hours_are_waited_for(void **state)
{
    enum { MINUTE_MS = 60000, DAY_MINUTES = 24 * 60 };
    static const int32_t hours[][2] = {{0, 0},    {60, 300}, {1350, 300},
                                       {0, 1440}, {0, 1},    {1439, 1440}};

    (void)state;
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
        const struct weir_hours set = {hours[i][0] * MINUTE_MS, hours[i][1] * MINUTE_MS};

        for (int64_t minute = -2 * DAY_MINUTES; minute < 2 * DAY_MINUTES; minute++) {
            int64_t wait = 0;

            for (int64_t at = minute; wait < DAY_MINUTES; at++, wait++) {
                int64_t of_day = (at % DAY_MINUTES + DAY_MINUTES) % DAY_MINUTES;

                if (hours[i][0] < hours[i][1] ? of_day >= hours[i][0] && of_day < hours[i][1]
                                              : of_day >= hours[i][0] || of_day < hours[i][1])
                    break;
            }
            assert_int_equal(weir_hours_wait_ms(&set, minute * MINUTE_MS), wait * MINUTE_MS);
            if (wait > 0)
                assert_int_equal(weir_hours_wait_ms(&set, minute * MINUTE_MS + 1),
                                 wait * MINUTE_MS - 1);
        }
    }
}

static void the_nearest_name_is_at_most_two_slips_away(void **state)
{
    static const char *const names[] = {"above", "below", "deadband", "clear_delay"};

    (void)state;
    assert_string_equal(weir_problem_nearest("abvoe", names, 4), "above");
    assert_string_equal(weir_problem_nearest("Clear-Delay", names, 4), "clear_delay");
    assert_string_equal(weir_problem_nearest("deadbnd", names, 4), "deadband");
    assert_null(weir_problem_nearest("threshold", names, 4));
    assert_null(weir_problem_nearest("", names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_of_the_data_is_reported_as_expected),
        cmocka_unit_test(a_missing_file_and_a_directory_are_told_apart),
        cmocka_unit_test(a_file_beyond_a_mebibyte_is_refused),
        cmocka_unit_test(what_is_not_written_has_its_default),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(files_of_conf_d_add_streams_and_alerts_in_the_order_of_their_names),
        cmocka_unit_test(the_shipped_configuration_is_in_order),
        cmocka_unit_test(idle_is_half_a_minute_or_as_long_as_a_window_may_stay_open),
        cmocka_unit_test(two_peers_at_one_broker_have_two_client_ids),
        cmocka_unit_test(the_hash_knows_no_order_and_no_comments),
        cmocka_unit_test(the_hash_changes_with_every_value),
        cmocka_unit_test(windows_are_kept_when_only_delivery_changes),
        cmocka_unit_test(windows_are_kept_from_quantile_to_quantile),
        cmocka_unit_test(durations_and_sizes_need_a_unit_and_fit),
        cmocka_unit_test(hours_are_of_this_form_alone),
        cmocka_unit_test(hours_are_waited_for),
        cmocka_unit_test(the_nearest_name_is_at_most_two_slips_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
