#include "weir/config.h"

#include <math.h>
#include <string.h>

#include "core/fnv.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* The closing NUL goes in too: it keeps neighbours apart. */
static uint64_t add_text(uint64_t hash, const char *text)
{
    do
        hash = weir_fnv_add(hash, (unsigned char)*text);
    while (*text++ != '\0');
    return hash;
}

static uint64_t add_uint(uint64_t hash, uint64_t number)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        hash = weir_fnv_add(hash, (unsigned char)(number >> shift));
    return hash;
}

static uint64_t add_int(uint64_t hash, int64_t number)
{
    return add_uint(hash, (uint64_t)number);
}

static uint64_t add_double(uint64_t hash, double number)
{
    uint64_t bits;

    number += 0.0; /* -0 compares as 0 does */
    memcpy(&bits, &number, sizeof(bits));
    return add_uint(hash, bits);
}

/* Spreads a finished hash over all bits, so that a sum of several keeps each one's difference. */
static uint64_t spread(uint64_t hash)
{
    hash = (hash ^ (hash >> 31)) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9u;
    return hash ^ (hash >> 32);
}

static uint64_t add_field(uint64_t hash, const struct weir_field_config *field)
{
    hash = add_text(hash, field->name);
    hash = add_text(hash, field->path);
    hash = add_double(hash, field->min);
    hash = add_double(hash, field->max);
    hash = add_uint(hash, field->invalid_count);
    for (uint32_t i = 0; i < field->invalid_count; i++)
        hash = add_double(hash, field->invalid[i]);
    return hash;
}

static uint64_t add_time(uint64_t hash, const struct weir_stream_config *stream)
{
    hash = add_uint(hash, (uint64_t)stream->format);
    hash = add_uint(hash, (uint64_t)stream->time_unit);
    hash = add_text(hash, stream->time_path);
    return add_int(hash, stream->max_future_ms);
}

uint32_t weir_stream_pane_count(const struct weir_stream_config *stream)
{
    int64_t spanned = stream->lateness_ms / stream->window_ms;

    if (stream->lateness_ms % stream->window_ms != 0)
        spanned++;
    return (uint32_t)spanned + 1 + stream->held_count;
}

uint64_t weir_stream_hash(const struct weir_stream_config *stream)
{
    uint64_t hash = add_text(WEIR_FNV_START, stream->name);

    hash = add_uint(hash, stream->filter_count);
    for (uint32_t i = 0; i < stream->filter_count; i++)
        hash = add_text(hash, stream->filters[i]);
    hash = add_time(hash, stream);
    hash = add_uint(hash, stream->field_count);
    for (uint32_t i = 0; i < stream->field_count; i++)
        hash = add_field(hash, &stream->fields[i]);
    hash = add_int(hash, stream->window_ms);
    hash = add_int(hash, stream->lateness_ms);
    hash = add_int(hash, stream->idle_ms);
    hash = add_uint(hash, stream->revise);
    hash = add_uint(hash, stream->quantile_count > 0);
    hash = add_uint(hash, stream->held_count);
    hash = add_uint(hash, stream->max_series);
    return spread(hash);
}

bool weir_rule_is_same(const struct weir_config *from, const struct weir_rule_config *rule,
                       const struct weir_config *to, const struct weir_rule_config *other)
{
    const struct weir_stream_config *stream = &from->streams[rule->stream];
    const struct weir_stream_config *other_stream = &to->streams[other->stream];

    if (strcmp(rule->name, other->name) != 0 || strcmp(stream->name, other_stream->name) != 0 ||
        (rule->form == WEIR_RULE_SILENCE) != (other->form == WEIR_RULE_SILENCE))
        return false;
    return rule->form == WEIR_RULE_SILENCE ||
           strcmp(stream->fields[rule->field].name, other_stream->fields[other->field].name) == 0;
}

int64_t weir_config_offset_ms(const struct weir_config *config)
{
    uint64_t hash = spread(add_text(WEIR_FNV_START, config->gateway));

    return config->uplink_jitter_ms > 0 ? (int64_t)(hash % (uint64_t)config->uplink_jitter_ms) : 0;
}

int64_t weir_hours_wait_ms(const struct weir_hours *hours, int64_t time_ms)
{
    int64_t now_ms = (time_ms % DAY_MS + DAY_MS) % DAY_MS;
    int64_t since_ms = (now_ms - hours->from_ms + DAY_MS) % DAY_MS;
    int64_t length_ms = (hours->to_ms - hours->from_ms + DAY_MS) % DAY_MS;

    return length_ms == 0 || since_ms < length_ms ? 0 : DAY_MS - since_ms;
}

/* What changes how a stream is fetched and shown and what moves its alerts, but not its windows. */
static uint64_t hash_delivery(const struct weir_stream_config *stream)
{
    uint64_t hash = add_uint(WEIR_FNV_START, (uint64_t)stream->qos);

    hash = add_uint(hash, stream->live);
    hash = add_uint(hash, stream->aggregates);
    hash = add_uint(hash, stream->quantile_count);
    for (uint32_t i = 0; i < stream->quantile_count; i++)
        hash = add_uint(hash, stream->quantiles[i]);
    hash = add_int(hash, stream->max_past_ms);
    hash = add_text(hash, stream->historical_path);
    for (uint32_t i = 0; i < stream->field_count; i++)
        hash = add_text(hash, stream->fields[i].unit);
    return hash;
}

const char *weir_rule_of_name(const struct weir_rule_config *rule,
                              char name[static WEIR_QUANTILE_NAME_SIZE])
{
    if (rule->of_quantile == 0)
        return weir_aggregate_name(rule->of);
    weir_quantile_name(rule->of_quantile, name);
    return name;
}

const char *weir_slope_unit_name(int64_t unit_ms)
{
    return unit_ms == 1000 ? "s" : unit_ms == 60000 ? "min" : unit_ms == 3600000 ? "h" : "d";
}

struct weir_comparison weir_comparison_make(enum weir_operator op, double low, double high,
                                            double deadband, enum weir_level level)
{
    struct weir_comparison comparison = {.op = op, .deadband = deadband};

    comparison.limits[level] = (struct weir_limit){
        .set = true,
        .low = op == WEIR_OPERATOR_ABOVE ? -INFINITY : low,
        .high = op == WEIR_OPERATOR_BELOW ? INFINITY : high,
    };
    return comparison;
}

static uint64_t add_comparison(uint64_t hash, const struct weir_comparison *comparison)
{
    hash = add_uint(hash, (uint64_t)comparison->op);
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++) {
        hash = add_uint(hash, comparison->limits[i].set);
        if (!comparison->limits[i].set)
            continue;
        hash = add_double(hash, comparison->limits[i].low);
        hash = add_double(hash, comparison->limits[i].high);
    }
    return add_double(hash, comparison->deadband);
}

static uint64_t add_source(uint64_t hash, const struct weir_rule_config *rule,
                           const struct weir_field_config *fields)
{
    hash = add_uint(hash, rule->on_window);
    hash = add_uint(hash, (uint64_t)rule->of);
    hash = add_uint(hash, rule->of_quantile);
    hash = add_int(hash, rule->slope_window_ms);
    hash = add_int(hash, rule->slope_unit_ms);
    hash = add_uint(hash, rule->counter);
    hash = add_uint(hash, rule->has_and);
    if (rule->has_and) {
        hash = add_text(hash, fields[rule->and_field].name);
        hash = add_comparison(hash, &rule->and_comparison);
    }
    hash = add_uint(hash, rule->has_minus);
    if (rule->has_minus) {
        hash = add_text(hash, fields[rule->minus_field].name);
        hash = add_text(hash, rule->minus_series);
    }
    return hash;
}

static uint64_t add_behaviour(uint64_t hash, const struct weir_rule_config *rule)
{
    hash = add_int(hash, rule->hold_ms);
    hash = add_int(hash, rule->clear_delay_ms);
    hash = add_int(hash, rule->max_gap_ms);
    hash = add_int(hash, rule->silent_ms);
    hash = add_int(hash, rule->grace_ms);
    hash = add_uint(hash, rule->on_change);
    hash = add_uint(hash, rule->latch);
    for (uint32_t i = WEIR_LEVEL_INFO; i < WEIR_LEVEL_COUNT; i++)
        hash = add_int(hash, rule->remind_ms[i]);
    hash = add_uint(hash, rule->flap_count);
    hash = add_int(hash, rule->flap_ms);
    hash = add_uint(hash, rule->storm_count);
    hash = add_int(hash, rule->storm_ms);
    return add_text(hash, rule->message);
}

/* By names, because an index depends on the order in which the files were read. */
static uint64_t hash_rule(const struct weir_rule_config *rule,
                          const struct weir_stream_config *stream)
{
    uint64_t hash = add_text(WEIR_FNV_START, rule->name);

    hash = add_text(hash, stream->name);
    hash = add_uint(hash, (uint64_t)rule->form);
    if (rule->form != WEIR_RULE_SILENCE)
        hash = add_text(hash, stream->fields[rule->field].name);
    hash = add_comparison(hash, &rule->comparison);
    hash = add_source(hash, rule, stream->fields);
    return spread(add_behaviour(hash, rule));
}

static uint64_t add_peer(uint64_t hash, const struct weir_peer_config *peer)
{
    hash = add_text(hash, peer->url);
    hash = add_text(hash, peer->client_id);
    hash = add_text(hash, peer->username);
    hash = add_text(hash, peer->password_file);
    hash = add_text(hash, peer->ca_file);
    hash = add_text(hash, peer->cert_file);
    hash = add_text(hash, peer->key_file);
    hash = add_int(hash, peer->keepalive_s);
    return add_int(hash, peer->version);
}

uint64_t weir_config_hash(const struct weir_config *config)
{
    uint64_t hash = add_text(WEIR_FNV_START, config->gateway);
    uint64_t members = 0;

    hash = add_peer(hash, &config->broker);
    hash = add_peer(hash, &config->uplink);
    hash = add_int(hash, config->uplink_every_ms);
    hash = add_int(hash, config->uplink_jitter_ms);
    hash = add_uint(hash, config->uplink_max_bytes);
    hash = add_int(hash, config->uplink_hours.from_ms);
    hash = add_int(hash, config->uplink_hours.to_ms);
    hash = add_uint(hash, (uint64_t)config->uplink_format);
    hash = add_uint(hash, config->uplink_rate);
    hash = add_uint(hash, config->outbox_bytes);
    hash = add_uint(hash, config->queue_bytes);
    hash = add_text(hash, config->storage_path);
    hash = add_uint(hash, config->storage_journal_bytes);
    hash = add_uint(hash, config->storage_outbox_bytes);
    hash = add_int(hash, config->storage_sync_ms);
    hash = add_int(hash, config->outage_tolerance_ms);
    hash = add_uint(hash, config->commands);
    hash = add_int(hash, config->shelve_max_ms);
    hash = add_text(hash, config->discovery);

    /* A sum, because streams and rules mean the same in any order and from any file. */
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct weir_stream_config *stream = &config->streams[i];

        members += spread(add_uint(weir_stream_hash(stream), hash_delivery(stream)));
    }
    for (uint32_t i = 0; i < config->rule_count; i++) {
        const struct weir_rule_config *rule = &config->rules[i];

        members += hash_rule(rule, &config->streams[rule->stream]);
    }
    for (uint32_t i = 0; i < config->expected_count; i++) {
        const struct weir_expected *expected = &config->expected[i];
        uint64_t rule = add_text(WEIR_FNV_START, config->rules[expected->rule].name);

        members += spread(add_text(rule, expected->series));
    }
    return spread(add_uint(hash, members));
}
