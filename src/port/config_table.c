#include "port/config_table.h"

#include <assert.h>
#include <string.h>

#include "port/config_rule.h"
#include "port/config_value.h"
#include "weir/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define ELEMENTS(type, member, number)                                                             \
    .offset = offsetof(type, member), .size = sizeof(((type *)0)->member[0]),                      \
    .count_offset = offsetof(type, number)
#define LEVELS(type, value, levels)                                                                \
    .level_stride = sizeof(value), .count_offset = offsetof(type, levels)
#define CHOICES(array) .choices = (array), .choice_count = COUNT(array)
#define TABLE(array)                                                                               \
    {                                                                                              \
        .settings = (array), .count = COUNT(array)                                                 \
    }

#define KIB 1024LL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define STREAM struct weir_stream_config
#define FIELD struct weir_field_config
#define RULE struct weir_rule_draft
#define CONFIG struct weir_config

static const struct weir_choice versions[] = {{"5", 5, NULL}, {"3.1.1", 4, NULL}};

static const struct weir_choice batch_formats[] = {
    {"compact", WEIR_BATCH_COMPACT, NULL},
    {"json", WEIR_BATCH_JSON, NULL},
};

static const struct weir_choice payload_formats[] = {
    {"json", WEIR_PAYLOAD_JSON, NULL},
    {"number", WEIR_PAYLOAD_NUMBER, NULL},
};

static const struct weir_choice time_units[] = {
    {"s", WEIR_TIME_S, NULL},   {"ms", WEIR_TIME_MS, NULL},           {"us", WEIR_TIME_US, NULL},
    {"ns", WEIR_TIME_NS, NULL}, {"iso8601", WEIR_TIME_ISO8601, NULL},
};

static const struct weir_choice window_kinds[] = {{"tumbling", 0, NULL}};

static const struct weir_choice late_policies[] = {{"drop", false, NULL}, {"revise", true, NULL}};

static const struct weir_choice sync_words[] = {{"off", -1, NULL}};

static const struct weir_choice levels[] = {
    {"info", WEIR_LEVEL_INFO, NULL},
    {"warning", WEIR_LEVEL_WARNING, NULL},
    {"critical", WEIR_LEVEL_CRITICAL, NULL},
};

static const struct weir_choice sources[] = {{"sample", false, NULL}, {"window", true, NULL}};

static const struct weir_choice reports[] = {{"periodic", false, NULL}, {"on_change", true, NULL}};

static const struct weir_choice off_words[] = {{"off", 0, NULL}};

static const struct weir_choice aggregates[] = {
    {"count", WEIR_AGGREGATE_COUNT, NULL}, {"sum", WEIR_AGGREGATE_SUM, NULL},
    {"min", WEIR_AGGREGATE_MIN, NULL},     {"max", WEIR_AGGREGATE_MAX, NULL},
    {"mean", WEIR_AGGREGATE_MEAN, NULL},   {"stddev", WEIR_AGGREGATE_STDDEV, NULL},
    {"first", WEIR_AGGREGATE_FIRST, NULL}, {"last", WEIR_AGGREGATE_LAST, NULL},
    {"delta", WEIR_AGGREGATE_DELTA, NULL}, {"rate", WEIR_AGGREGATE_RATE, NULL},
};

static const struct weir_setting top_settings[] = {
    {"gateway", WEIR_SETTING_NAME, .required = true, VALUE(CONFIG, gateway)},
    {"broker", WEIR_SETTING_GROUP, .required = false},
    {"streams", WEIR_SETTING_LIST, .max = WEIR_STREAM_COUNT_MAX},
    {"alerts", WEIR_SETTING_LIST, .max = WEIR_RULE_COUNT_MAX},
    {"uplink", WEIR_SETTING_GROUP, .required = false},
    {"storage", WEIR_SETTING_GROUP, .required = false},
    {"alerting", WEIR_SETTING_GROUP, .required = false},
    {"homeassistant", WEIR_SETTING_GROUP, .required = false},
};

static const struct weir_setting addition_settings[] = {
    {"streams", WEIR_SETTING_LIST, .max = WEIR_STREAM_COUNT_MAX},
    {"alerts", WEIR_SETTING_LIST, .max = WEIR_RULE_COUNT_MAX},
};

/* What the two MQTT peers have in common, but for the address. */
#define PEER(peer)                                                                                 \
    {"client_id", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.client_id)},                     \
        {"username", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.username)},                   \
        {"password_file", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.password_file)},         \
        {"ca_file", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.ca_file)},                     \
        {"cert_file", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.cert_file)},                 \
        {"key_file", WEIR_SETTING_TEXT, .min = 1, VALUE(CONFIG, peer.key_file)},                   \
        {"keepalive", WEIR_SETTING_SECONDS, .min = 5,                                              \
         .max = 3600, .initial = "30s",     VALUE(CONFIG, peer.keepalive_s)},                      \
    {                                                                                              \
        "version", WEIR_SETTING_CHOICE, .initial = "5", VALUE(CONFIG, peer.version),               \
                                        CHOICES(versions)                                          \
    }

static const struct weir_setting broker_settings[] = {
    {"url", WEIR_SETTING_URL, .initial = "mqtt://127.0.0.1:1883", VALUE(CONFIG, broker.url)},
    PEER(broker),
    {"queue", WEIR_SETTING_SIZE, .min = 256 * KIB, .max = 256 * MIB, .initial = "1MiB",
     VALUE(CONFIG, queue_bytes)},
};

static const struct weir_setting uplink_settings[] = {
    {"url", WEIR_SETTING_URL, .required = true, VALUE(CONFIG, uplink.url)},
    PEER(uplink),
    {"every", WEIR_SETTING_DURATION, .min = SECOND, .max = WEIR_DURATION_MS_MAX, .initial = "60s",
     VALUE(CONFIG, uplink_every_ms)},
    {"jitter", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, VALUE(CONFIG, uplink_jitter_ms)},
    {"max_bytes", WEIR_SETTING_SIZE, .min = WEIR_BATCH_BYTES_MIN, .max = WEIR_BATCH_BYTES_MAX,
     .initial = "62KiB", VALUE(CONFIG, uplink_max_bytes)},
    {"window", WEIR_SETTING_HOURS, VALUE(CONFIG, uplink_hours)},
    {"format", WEIR_SETTING_CHOICE, .initial = "compact", VALUE(CONFIG, uplink_format),
     CHOICES(batch_formats)},
    {"outbox", WEIR_SETTING_SIZE, .min = 64 * KIB, .max = GIB, .initial = "4MiB",
     VALUE(CONFIG, outbox_bytes)},
    {"rate", WEIR_SETTING_SIZE, .min = 128, .max = GIB, .initial = "1MiB",
     VALUE(CONFIG, uplink_rate)},
};

static const struct weir_setting storage_settings[] = {
    {"path", WEIR_SETTING_TEXT, .required = true, .min = 1, VALUE(CONFIG, storage_path)},
    {"journal", WEIR_SETTING_SIZE, .min = MIB, .max = 1024 * GIB, .initial = "64MiB",
     VALUE(CONFIG, storage_journal_bytes)},
    {"outbox", WEIR_SETTING_SIZE, .min = MIB, .max = 1024 * GIB, .initial = "256MiB",
     VALUE(CONFIG, storage_outbox_bytes)},
    {"sync", WEIR_SETTING_DURATION, .max = HOUR, .initial = "1s", VALUE(CONFIG, storage_sync_ms),
     CHOICES(sync_words)},
};

static const struct weir_setting alerting_settings[] = {
    {"outage_tolerance", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, .initial = "1h",
     VALUE(CONFIG, outage_tolerance_ms)},
    {"commands", WEIR_SETTING_BOOL, VALUE(CONFIG, commands)},
    {"shelve_max", WEIR_SETTING_DURATION, .min = SECOND, .max = WEIR_DURATION_MS_MAX,
     .initial = "24h", VALUE(CONFIG, shelve_max_ms)},
    {"flap", WEIR_SETTING_GROUP, .required = false},
    {"storm", WEIR_SETTING_GROUP, .required = false},
};

static const struct weir_setting discovery_settings[] = {
    {"prefix", WEIR_SETTING_NAME, .initial = "homeassistant", VALUE(CONFIG, discovery)},
};

static const struct weir_setting stream_settings[] = {
    {"name", WEIR_SETTING_NAME, .required = true, VALUE(STREAM, name)},
    {"topics", WEIR_SETTING_FILTERS, .required = true, .min = 1, .max = WEIR_FILTER_COUNT_MAX,
     ELEMENTS(STREAM, filters, filter_count)},
    {"qos", WEIR_SETTING_INTEGER, .max = 2, .initial = "1", VALUE(STREAM, qos)},
    {"format", WEIR_SETTING_CHOICE, .initial = "json", VALUE(STREAM, format),
     CHOICES(payload_formats)},
    {"time", WEIR_SETTING_GROUP, .required = false},
    {"historical", WEIR_SETTING_TEXT, .min = 1, VALUE(STREAM, historical_path)},
    {"fields", WEIR_SETTING_LIST, .required = true, .min = 1, .max = WEIR_FIELD_COUNT_MAX},
    {"window", WEIR_SETTING_GROUP, .required = true},
    {"aggregates", WEIR_SETTING_CHOICES, .max = WEIR_QUANTILE_COUNT_MAX,
     .initial = "count,min,max,mean,last", CHOICES(aggregates)},
    {"max_series", WEIR_SETTING_INTEGER, .min = 1, .max = WEIR_SERIES_COUNT_MAX, .initial = "1000",
     VALUE(STREAM, max_series)},
    {"live", WEIR_SETTING_BOOL, VALUE(STREAM, live)},
};

static const struct weir_setting time_settings[] = {
    {"field", WEIR_SETTING_TEXT, .required = true, .min = 1, VALUE(STREAM, time_path)},
    {"unit", WEIR_SETTING_CHOICE, .initial = "ms", VALUE(STREAM, time_unit), CHOICES(time_units)},
    {"max_future", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, .initial = "5m",
     VALUE(STREAM, max_future_ms)},
    {"max_past", WEIR_SETTING_DURATION, .min = 1, .max = WEIR_DURATION_MS_MAX,
     VALUE(STREAM, max_past_ms)},
};

/* The default of idle follows from size and lateness, and is filled in where they are checked. */
static const struct weir_setting window_settings[] = {
    {"kind", WEIR_SETTING_CHOICE, .initial = "tumbling", CHOICES(window_kinds)},
    {"size", WEIR_SETTING_DURATION, .required = true, .min = 10, .max = WEIR_DURATION_MS_MAX,
     VALUE(STREAM, window_ms)},
    {"lateness", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, VALUE(STREAM, lateness_ms)},
    {"idle", WEIR_SETTING_DURATION, .min = 10, .max = WEIR_DURATION_MS_MAX, VALUE(STREAM, idle_ms)},
    {"late", WEIR_SETTING_CHOICE, .initial = "drop", VALUE(STREAM, revise), CHOICES(late_policies)},
    {"held", WEIR_SETTING_INTEGER, .min = 1, .max = 32, .initial = "4", VALUE(STREAM, held_count)},
};

static const struct weir_setting field_settings[] = {
    {"name", WEIR_SETTING_NAME, .required = true, VALUE(FIELD, name)},
    {"path", WEIR_SETTING_TEXT, .min = 1, VALUE(FIELD, path)},
    {"unit", WEIR_SETTING_TEXT, VALUE(FIELD, unit)},
    {"min", WEIR_SETTING_DOUBLE, .initial = "-inf", VALUE(FIELD, min)},
    {"max", WEIR_SETTING_DOUBLE, .initial = "inf", VALUE(FIELD, max)},
    {"invalid", WEIR_SETTING_DOUBLES, .max = WEIR_INVALID_COUNT_MAX,
     ELEMENTS(FIELD, invalid, invalid_count)},
};

/* Series that one rule expects: as many as an array may have elements. */
#define EXPECT_COUNT_MAX 1024

/* outside = [ low, high ] goes to both at once. */
static_assert(offsetof(struct weir_limit, high) ==
                  offsetof(struct weir_limit, low) + sizeof(double),
              "limits lie apart");

/* A limit goes to where there is no level yet; its reader puts it in its place. */
static const struct weir_setting alert_settings[] = {
    {"name", WEIR_SETTING_NAME, .required = true, VALUE(RULE, rule.name)},
    {"stream", WEIR_SETTING_WORD, .required = true},
    {"field", WEIR_SETTING_WORD, .required = false},
    {"above", WEIR_SETTING_DOUBLE, .initial = "inf", VALUE(RULE, rule.comparison.limits[0].high),
     LEVELS(RULE, struct weir_limit, above_levels)},
    {"below", WEIR_SETTING_DOUBLE, .initial = "-inf", VALUE(RULE, rule.comparison.limits[0].low),
     LEVELS(RULE, struct weir_limit, below_levels)},
    {"outside", WEIR_SETTING_DOUBLES, .min = 2, .max = 2,
     VALUE(RULE, rule.comparison.limits[0].low), LEVELS(RULE, struct weir_limit, range_levels)},
    {"inside", WEIR_SETTING_DOUBLES, .min = 2, .max = 2, VALUE(RULE, rule.comparison.limits[0].low),
     LEVELS(RULE, struct weir_limit, range_levels)},
    {"rate", WEIR_SETTING_SLOPE, VALUE(RULE, slopes[0]),
     LEVELS(RULE, struct weir_slope_limit, slope_levels)},
    {"change", WEIR_SETTING_BOOL, VALUE(RULE, change)},
    {"silent", WEIR_SETTING_DURATION, .min = 10, .max = WEIR_DURATION_MS_MAX,
     VALUE(RULE, silences_ms[0]), LEVELS(RULE, int64_t, silence_levels)},
    {"deadband", WEIR_SETTING_DOUBLE, .max = INT64_MAX, VALUE(RULE, rule.comparison.deadband)},
    {"level", WEIR_SETTING_CHOICE, .initial = "warning", VALUE(RULE, rule.level), CHOICES(levels)},
    {"on", WEIR_SETTING_CHOICE, VALUE(RULE, rule.on_window), CHOICES(sources)},
    {"of", WEIR_SETTING_AGGREGATE, .initial = "mean", VALUE(RULE, rule.of),
     .count_offset = offsetof(RULE, of_quantile), CHOICES(aggregates)},
    {"window", WEIR_SETTING_DURATION, .min = 10, .max = WEIR_DURATION_MS_MAX,
     VALUE(RULE, rule.slope_window_ms)},
    {"counter", WEIR_SETTING_BOOL, VALUE(RULE, rule.counter)},
    {"and", WEIR_SETTING_GROUP, .required = false},
    {"minus", WEIR_SETTING_GROUP, .min = 1, VALUE(RULE, rule.minus_series)},
    {"hold", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, VALUE(RULE, rule.hold_ms)},
    {"clear_delay", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX,
     VALUE(RULE, rule.clear_delay_ms)},
    {"max_gap", WEIR_SETTING_DURATION, .min = 1, .max = WEIR_DURATION_MS_MAX,
     VALUE(RULE, rule.max_gap_ms)},
    {"reporting", WEIR_SETTING_CHOICE, VALUE(RULE, rule.on_change), CHOICES(reports)},
    {"expect", WEIR_SETTING_WORDS, .min = 1, .max = EXPECT_COUNT_MAX},
    {"grace", WEIR_SETTING_DURATION, .max = WEIR_DURATION_MS_MAX, VALUE(RULE, rule.grace_ms)},
    {"latch", WEIR_SETTING_BOOL, VALUE(RULE, rule.latch)},
    {"remind", WEIR_SETTING_DURATION, .min = SECOND, .max = WEIR_DURATION_MS_MAX,
     VALUE(RULE, rule.remind_ms[0]), LEVELS(RULE, int64_t, remind_levels)},
    {"flap", WEIR_SETTING_GROUP, VALUE(RULE, rule.flap_count), CHOICES(off_words)},
    {"storm", WEIR_SETTING_GROUP, VALUE(RULE, rule.storm_count), CHOICES(off_words)},
    {"message", WEIR_SETTING_TEXT, VALUE(RULE, rule.message)},
};

static const struct weir_setting and_settings[] = {
    {"field", WEIR_SETTING_WORD, .required = true},
    {"above", WEIR_SETTING_DOUBLE, .initial = "inf",
     VALUE(RULE, rule.and_comparison.limits[0].high)},
    {"below", WEIR_SETTING_DOUBLE, .initial = "-inf",
     VALUE(RULE, rule.and_comparison.limits[0].low)},
    {"outside", WEIR_SETTING_DOUBLES, .min = 2, .max = 2,
     VALUE(RULE, rule.and_comparison.limits[0].low)},
    {"inside", WEIR_SETTING_DOUBLES, .min = 2, .max = 2,
     VALUE(RULE, rule.and_comparison.limits[0].low)},
    {"deadband", WEIR_SETTING_DOUBLE, .max = INT64_MAX, VALUE(RULE, rule.and_comparison.deadband)},
};

static const struct weir_setting minus_settings[] = {
    {"field", WEIR_SETTING_WORD, .required = false},
    {"series", WEIR_SETTING_TEXT, .min = 1, VALUE(RULE, rule.minus_series)},
};

static const struct weir_setting flap_settings[] = {
    {"count", WEIR_SETTING_INTEGER, .min = 1, .max = WEIR_FLAP_COUNT_MAX, .initial = "5",
     VALUE(RULE, rule.flap_count)},
    {"within", WEIR_SETTING_DURATION, .min = SECOND, .max = WEIR_DURATION_MS_MAX, .initial = "10m",
     VALUE(RULE, rule.flap_ms)},
};

static const struct weir_setting storm_settings[] = {
    {"count", WEIR_SETTING_INTEGER, .min = 1, .max = WEIR_STORM_COUNT_MAX, .initial = "100",
     VALUE(RULE, rule.storm_count)},
    {"within", WEIR_SETTING_DURATION, .min = SECOND, .max = WEIR_DURATION_MS_MAX, .initial = "10s",
     VALUE(RULE, rule.storm_ms)},
};

const struct weir_table weir_table_top = TABLE(top_settings);
const struct weir_table weir_table_addition = TABLE(addition_settings);
const struct weir_table weir_table_broker = TABLE(broker_settings);
const struct weir_table weir_table_uplink = TABLE(uplink_settings);
const struct weir_table weir_table_storage = TABLE(storage_settings);
const struct weir_table weir_table_alerting = TABLE(alerting_settings);
const struct weir_table weir_table_discovery = TABLE(discovery_settings);
const struct weir_table weir_table_stream = TABLE(stream_settings);
const struct weir_table weir_table_time = TABLE(time_settings);
const struct weir_table weir_table_window = TABLE(window_settings);
const struct weir_table weir_table_field = TABLE(field_settings);
const struct weir_table weir_table_alert = TABLE(alert_settings);
const struct weir_table weir_table_and = TABLE(and_settings);
const struct weir_table weir_table_minus = TABLE(minus_settings);
const struct weir_table weir_table_flap = TABLE(flap_settings);
const struct weir_table weir_table_storm = TABLE(storm_settings);

const struct weir_setting *weir_table_find(const struct weir_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->settings[i].name, name) == 0)
            return &table->settings[i];
    }
    return NULL;
}

const struct weir_choice *weir_table_choose(const struct weir_setting *setting, const char *word,
                                            const char **refusal)
{
    *refusal = NULL;
    for (size_t i = 0; i < setting->choice_count; i++) {
        const struct weir_choice *choice = &setting->choices[i];

        if (strcmp(choice->name, word) != 0)
            continue;
        *refusal = choice->refusal;
        return choice->refusal ? NULL : choice;
    }
    return NULL;
}
