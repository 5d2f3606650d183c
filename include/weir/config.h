/*
 * A validated configuration as plain values: every limit of limits.h holds, every reference is an
 * index, every default is filled in. Whoever builds one by hand (a test, firmware) owes the same.
 *
 * Reading one from files is src/port/config.h.
 */
#ifndef WEIR_CONFIG_H
#define WEIR_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "weir/flow.h"
#include "weir/limits.h"

enum weir_payload_format { WEIR_PAYLOAD_JSON, WEIR_PAYLOAD_NUMBER };
enum weir_time_unit {
    WEIR_TIME_ARRIVAL, /* the stream is on arrival time */
    WEIR_TIME_S,
    WEIR_TIME_MS,
    WEIR_TIME_US,
    WEIR_TIME_NS,
    WEIR_TIME_ISO8601,
};

struct weir_field_config {
    char name[WEIR_NAME_LENGTH_MAX + 1];
    char path[WEIR_PATH_LENGTH_MAX + 1]; /* empty for format number */
    char unit[WEIR_UNIT_LENGTH_MAX + 1]; /* empty: none */
    double min;                          /* -INFINITY, INFINITY: unbounded */
    double max;
    double invalid[WEIR_INVALID_COUNT_MAX];
    uint32_t invalid_count;
};

struct weir_stream_config {
    char name[WEIR_NAME_LENGTH_MAX + 1];
    char filters[WEIR_FILTER_COUNT_MAX][WEIR_TOPIC_LENGTH_MAX + 1]; /* as written, with {labels} */
    uint32_t filter_count;
    int qos; /* 0, 1 or 2 */
    enum weir_payload_format format;
    enum weir_time_unit time_unit;
    char time_path[WEIR_PATH_LENGTH_MAX + 1];
    int64_t max_future_ms;
    int64_t max_past_ms; /* a time further before the arrival is historical; INT64_MAX: none is */
    char
        historical_path[WEIR_PATH_LENGTH_MAX + 1]; /* a true value there: historical; empty: none */
    struct weir_field_config *fields;
    uint32_t field_count;
    int64_t window_ms;
    int64_t lateness_ms; /* 0 on arrival time */
    int64_t idle_ms;     /* unused on arrival time */
    bool revise;         /* late = "revise" */
    uint32_t held_count; /* closed windows kept for revision; 0 unless revise */
    uint32_t aggregates; /* bit 1 << enum weir_aggregate */
    uint32_t quantile_count;
    uint16_t quantiles[WEIR_QUANTILE_COUNT_MAX]; /* thousandths, rising: 950 is p95 */
    uint32_t max_series;
    bool live; /* publish live/<stream>/<series> */
};

/* What a rule watches. */
enum weir_rule_form {
    WEIR_RULE_LIMIT,   /* a value against limits */
    WEIR_RULE_RATE,    /* the slope of the value against limits */
    WEIR_RULE_CHANGE,  /* a value other than the one before */
    WEIR_RULE_SILENCE, /* the time since a sample was heard */
};

/* The limits of one level; unused sides are infinite. */
struct weir_limit {
    bool set;
    double low;  /* of below, outside and inside */
    double high; /* of above, outside and inside */
};

/* A value held against limits. From each level to the next higher one the limits do not get wider:
 * what is beyond a level's limits is beyond those of every lower one. */
struct weir_comparison {
    enum weir_operator op;
    struct weir_limit limits[WEIR_LEVEL_COUNT]; /* by level; that of WEIR_LEVEL_OK is never set */
    double deadband;
};

/* The comparison with one limit, at one level. Of above and below one of low and high is used. */
struct weir_comparison weir_comparison_make(enum weir_operator op, double low, double high,
                                            double deadband, enum weir_level level);

struct weir_rule_config {
    char name[WEIR_NAME_LENGTH_MAX + 1];
    uint32_t stream;
    uint32_t field; /* of a silence rule: 0, and of no meaning */
    enum weir_rule_form form;
    enum weir_level level;             /* of a limit that is written without one */
    struct weir_comparison comparison; /* RATE: in units a slope_unit_ms; SILENCE: in seconds */

    bool on_window;         /* judged is `of` of every window as it closes; else every sample */
    uint16_t of_quantile;   /* in thousandths: judged is this quantile instead, and the stream has
                             * some; 0: none */
    enum weir_aggregate of; /* WEIR_AGGREGATE_MEAN unless set, and with a quantile */

    int64_t slope_window_ms; /* RATE: what the slope is taken over */
    int64_t slope_unit_ms;   /* RATE: 60,000 for "2.0/min" */
    bool counter;            /* RATE: the value only rises; a fall is a reset and is skipped */

    bool has_and; /* it counts only while the other field's newest value is beyond its limit, too */
    uint32_t and_field;
    struct weir_comparison and_comparison; /* with one level: WEIR_LEVEL_INFO */

    bool has_minus;                               /* judged is the value less another one */
    uint32_t minus_field;                         /* of the same message or window */
    char minus_series[WEIR_TOPIC_LENGTH_MAX + 1]; /* of another series; empty: the same. With
                                                    * on_window only, in the window of that time */

    bool on_change; /* devices send changes only: between samples the value holds, and hold and
                     * clear_delay run on the engine's clock */
    bool latch;     /* stays raised until it is acknowledged */
    int64_t hold_ms;
    int64_t clear_delay_ms;
    int64_t max_gap_ms; /* a longer gap between samples begins both anew; INT64_MAX: none does */
    int64_t silent_ms;  /* quality is stale after so long without a sample; 0: never. SILENCE: the
                         * shortest limit */
    int64_t grace_ms;   /* how long after the start an expected series may be silent */
    int64_t remind_ms[WEIR_LEVEL_COUNT]; /* by level; 0: no reminders */
    uint32_t flap_count;  /* more transitions than this in flap_ms are flapping; 0: never */
    uint32_t storm_count; /* more events than this in storm_ms are a storm; 0: never */
    int64_t flap_ms;
    int64_t storm_ms;
    char message[256]; /* text for people; empty: none */
    char file[256];    /* where the rule is written */
    int line;
};

/* A series that a rule expects to hear of, whether it ever has or not. */
struct weir_expected {
    uint32_t rule;
    char series[WEIR_TOPIC_LENGTH_MAX + 1];
};

/* An MQTT peer. Text fields are empty where unset. */
struct weir_peer_config {
    char url[256]; /* mqtt://, mqtts://, ws:// or wss:// */
    char client_id[WEIR_NAME_LENGTH_MAX * 2 + 1];
    char username[256];
    char password_file[256];
    char ca_file[256];
    char cert_file[256];
    char key_file[256];
    int keepalive_s;
    int version; /* 5 or 4, as MQTT numbers 3.1.1 */
};

enum weir_batch_format { WEIR_BATCH_JSON, WEIR_BATCH_COMPACT };

/* Hours of every day, UTC, in milliseconds since midnight: from `from` until before `to`, over midnight
 * if that is the smaller one. Both 0: all of them. */
struct weir_hours {
    int32_t from_ms;
    int32_t to_ms;
};

struct weir_config {
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    struct weir_peer_config broker;
    struct weir_peer_config uplink; /* url empty: no uplink */
    int64_t uplink_every_ms;
    int64_t uplink_jitter_ms;       /* at most uplink_every_ms */
    uint64_t uplink_max_bytes;      /* a batch that has come to so many leaves before its time */
    struct weir_hours uplink_hours; /* in which batches are sent */
    enum weir_batch_format uplink_format;
    uint64_t uplink_rate;   /* bytes a second */
    uint64_t outbox_bytes;  /* memory of the outbox */
    uint64_t queue_bytes;   /* memory of the log between MQTT and engine, without storage */
    char storage_path[256]; /* empty: no storage */
    uint64_t storage_journal_bytes;
    uint64_t storage_outbox_bytes;
    int64_t storage_sync_ms; /* 0: every record, -1: off */
    struct weir_stream_config *streams;
    uint32_t stream_count;
    struct weir_rule_config *rules;
    uint32_t rule_count;
    struct weir_expected *expected; /* in the order of rules */
    uint32_t expected_count;
    int64_t outage_tolerance_ms; /* a longer time between two processes begins hold anew */
    bool commands;               /* acknowledging and shelving over MQTT */
    int64_t shelve_max_ms;
    char discovery[WEIR_NAME_LENGTH_MAX + 1]; /* Home Assistant's topic prefix; empty: off */
    uint64_t hash; /* of everything that has a meaning; comments and order of settings have none */
};

/* The series record's share of a stream: windows that can be open at once, plus those held. */
uint32_t weir_stream_pane_count(const struct weir_stream_config *stream);

/* What a rule judges of a window, "mean" or "p95": name, or a static string. */
const char *weir_rule_of_name(const struct weir_rule_config *rule,
                              char name[static WEIR_QUANTILE_NAME_SIZE]);

/* "s", "min", "h" or "d", as slope_unit_ms has it; a static string. */
const char *weir_slope_unit_name(int64_t unit_ms);

/* A hash of all that a stream's windows depend on: equal means they may be kept. */
uint64_t weir_stream_hash(const struct weir_stream_config *stream);

/* True when the alerts of a rule of `from` go on as those of a rule of `to`: of the same name, on the
 * same stream and field. Silence is of no field. */
bool weir_rule_is_same(const struct weir_config *from, const struct weir_rule_config *rule,
                       const struct weir_config *to, const struct weir_rule_config *other);

/* How long after each multiple of uplink_every_ms batches are made: 0 <= offset < uplink_jitter_ms, or
 * 0 without one, by the gateway's name alone, so that gateways of a fleet do not send at once. */
int64_t weir_config_offset_ms(const struct weir_config *config);

/* Milliseconds from a time since the epoch until the hours begin; 0: it is within them. */
int64_t weir_hours_wait_ms(const struct weir_hours *hours, int64_t time_ms);

/* The hash of everything that has a meaning, as it stands in hash. */
uint64_t weir_config_hash(const struct weir_config *config);

#endif
