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

struct weir_rule_config {
    char name[WEIR_NAME_LENGTH_MAX + 1];
    uint32_t stream;
    uint32_t field;
    enum weir_operator op;
    double low;  /* the limit of below, the lower one of outside */
    double high; /* the limit of above, the upper one of outside */
    double deadband;
    int64_t hold_ms;
    int64_t clear_delay_ms;
    enum weir_level level; /* info, warning or critical */
    char message[256];     /* text for people; empty: none */
    char file[256];        /* where the rule is written */
    int line;
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

struct weir_config {
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    struct weir_peer_config broker;
    struct weir_peer_config uplink; /* url empty: no uplink */
    int64_t uplink_every_ms;
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
    uint64_t hash; /* of everything that has a meaning; comments and order of settings have none */
};

/* The series record's share of a stream: windows that can be open at once, plus those held. */
uint32_t weir_stream_pane_count(const struct weir_stream_config *stream);

/* A hash of all that a stream's windows depend on: equal means they may be kept. */
uint64_t weir_stream_hash(const struct weir_stream_config *stream);

/* The hash of everything that has a meaning, as it stands in hash. */
uint64_t weir_config_hash(const struct weir_config *config);

#endif
