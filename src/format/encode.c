#include "format/encode.h"

#include <math.h>

#include "format/message.h"

static void add_string(struct weir_text *text, const char *key, const char *value)
{
    weir_text_add_key(text, key);
    weir_text_add_quoted(text, value);
}

static void add_int(struct weir_text *text, const char *key, int64_t value)
{
    weir_text_add_key(text, key);
    weir_text_add_int(text, value);
}

static void add_aggregate(struct weir_text *text, const struct weir_summary *summary,
                          enum weir_aggregate aggregate)
{
    double value;

    if (aggregate == WEIR_AGGREGATE_COUNT) {
        weir_text_add_key(text, "count");
        weir_text_add_uint(text, summary->count);
        return;
    }
    value = weir_summary_value(summary, aggregate);
    if (!isfinite(value))
        return;
    weir_text_add_key(text, weir_aggregate_name(aggregate));
    weir_text_add_number(text, value);
}

uint32_t weir_encode_aggregates(const struct weir_summary *summary)
{
    uint32_t aggregates = 1u << WEIR_AGGREGATE_COUNT;

    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (isfinite(weir_summary_value(summary, (enum weir_aggregate)i)))
            aggregates |= 1u << i;
    }
    return aggregates;
}

static void add_quantiles(struct weir_text *text, const struct weir_stream_config *stream,
                          const struct weir_summary *summary, const struct weir_sketch *sketch)
{
    double quantiles[WEIR_QUANTILE_COUNT_MAX];
    char name[WEIR_QUANTILE_NAME_SIZE];

    weir_sketch_quantiles(sketch, stream->quantiles, stream->quantile_count, summary->min,
                          summary->max, quantiles);
    for (uint32_t i = 0; i < stream->quantile_count; i++) {
        weir_quantile_name(stream->quantiles[i], name);
        weir_text_add_key(text, name);
        weir_text_add_number(text, quantiles[i]);
    }
}

void weir_encode_summary(struct weir_text *text, const struct weir_stream_config *stream,
                         const char *series, const struct weir_summary *summary,
                         const struct weir_sketch *sketch)
{
    const struct weir_field_config *field = &stream->fields[summary->field];

    weir_text_add(text, "\"stream\":");
    weir_text_add_quoted(text, stream->name);
    add_string(text, "series", series);
    add_string(text, "field", field->name);
    if (field->unit[0] != '\0')
        add_string(text, "unit", field->unit);
    add_int(text, "start", summary->start_ms);
    add_int(text, "end", summary->end_ms);
    add_int(text, "revision", summary->revision);
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (stream->aggregates & 1u << i)
            add_aggregate(text, summary, (enum weir_aggregate)i);
    }
    if (sketch)
        add_quantiles(text, stream, summary, sketch);
}

void weir_encode_alert(struct weir_text *text, const struct weir_config *config, const char *series,
                       const struct weir_alert *alert)
{
    const struct weir_rule_config *rule = &config->rules[alert->rule];

    weir_text_add(text, "\"rule\":");
    weir_text_add_quoted(text, rule->name);
    add_string(text, "stream", config->streams[rule->stream].name);
    add_string(text, "series", series);
    add_string(text, "event", weir_event_name(alert->event));
    add_string(text, "level", weir_level_name(alert->level));
    add_int(text, "ts", alert->time_ms);
    weir_text_add_key(text, "value");
    weir_text_add_number(text, alert->value);
    weir_text_add_key(text, "limit");
    weir_text_add_number(text, alert->limit);
}

/* How a rule holds values against its limits: above, below, outside, inside, rate, change or
 * silent. */
static const char *name_op(const struct weir_rule_config *rule)
{
    switch (rule->form) {
    case WEIR_RULE_RATE:
        return "rate";
    case WEIR_RULE_CHANGE:
        return "change";
    case WEIR_RULE_SILENCE:
        return "silent";
    case WEIR_RULE_LIMIT:
        break;
    }
    return weir_operator_name(rule->comparison.op);
}

static void add_bool(struct weir_text *text, const char *key, bool value)
{
    weir_text_add_key(text, key);
    weir_text_add(text, value ? "true" : "false");
}

/* What operators and policies have done to it. */
static void add_handling(struct weir_text *text, const struct weir_alert *alert)
{
    add_bool(text, "acked", alert->acknowledged);
    add_bool(text, "latched", alert->latched);
    add_bool(text, "flapping", alert->flapping);
    add_bool(text, "restored", alert->restored);
    weir_text_add_key(text, "shelved_until");
    if (alert->shelved_until_ms != 0)
        weir_text_add_int(text, alert->shelved_until_ms);
    else
        weir_text_add(text, "null");
    add_int(text, "late", alert->ignored);
    if (alert->event == WEIR_EVENT_REMINDER)
        add_int(text, "n", alert->reminders);
    if (alert->event == WEIR_EVENT_STORM_END) {
        weir_text_add_key(text, "held_back");
        weir_text_add_uint(text, alert->held_back);
    }
}

/* What it is the state of. */
static void add_subject(struct weir_text *text, const struct weir_config *config,
                        const struct weir_rule_config *rule, const char *series)
{
    const struct weir_stream_config *stream = &config->streams[rule->stream];

    add_string(text, "gateway", config->gateway);
    add_string(text, "rule", rule->name);
    add_string(text, "stream", stream->name);
    add_string(text, "series", series);
    weir_text_add_key(text, "field");
    if (rule->form == WEIR_RULE_SILENCE)
        weir_text_add(text, "null");
    else
        weir_text_add_quoted(text, stream->fields[rule->field].name);
}

void weir_encode_alert_payload(struct weir_text *text, const struct weir_config *config,
                               const char *series, const struct weir_alert *alert)
{
    const struct weir_rule_config *rule = &config->rules[alert->rule];
    char unit[WEIR_MESSAGE_UNIT_SIZE];

    weir_message_unit(unit, config, alert->rule);
    weir_text_add(text, "{\"schema\":\"" WEIR_ENCODE_ALERT_SCHEMA "\"");
    add_subject(text, config, rule, series);
    weir_text_add_key(text, "id");
    weir_text_add(text, "\"");
    weir_text_add_hex(text, alert->id);
    weir_text_add(text, "\"");
    weir_text_add_key(text, "seq");
    weir_text_add_uint(text, alert->sequence);
    if (alert->event != WEIR_EVENT_NONE)
        add_string(text, "event", weir_event_name(alert->event));
    add_string(text, "level", weir_level_name(alert->level));
    add_string(text, "state", weir_condition_name(alert->condition));
    add_string(text, "quality", weir_quality_name(alert->quality));
    add_int(text, "since", alert->since_ms);
    add_int(text, "ts", alert->time_ms);
    weir_text_add_key(text, "value");
    weir_text_add_number(text, alert->value);
    if (unit[0] != '\0')
        add_string(text, "unit", unit);
    weir_text_add_key(text, "limit");
    weir_text_add_number(text, alert->limit);
    add_string(text, "op", name_op(rule));
    add_handling(text, alert);
    if (rule->message[0] != '\0') {
        weir_text_add_key(text, "message");
        weir_text_add(text, "\"");
        weir_message_add(text, config, series, alert);
        weir_text_add(text, "\"");
    }
    weir_text_add(text, "}");
}

void weir_encode_ledger(struct weir_text *text, const struct weir_ledger *ledger)
{
    const struct {
        const char *key;
        uint64_t count;
    } counts[] = {
        {"accepted", ledger->accepted},
        {"unmatched", ledger->unmatched},
        {"oversize", ledger->oversize},
        {"malformed", ledger->malformed},
        {"samples", ledger->samples},
        {"summarised", ledger->summarised},
        {"open", ledger->open},
        {"late_dropped", ledger->late_dropped},
        {"invalid", ledger->invalid},
        {"over_budget", ledger->over_budget},
        {"late", ledger->late},
        {"clock_ahead", ledger->clock_ahead},
        {"time_unreadable", ledger->time_unreadable},
        {"summaries", ledger->summaries},
        {"historical", ledger->historical},
        {"events_held_back", ledger->events_held_back},
        {"queue_dropped", ledger->queue_dropped},
        {"outbox_dropped", ledger->outbox_dropped},
        {"batches_dropped", ledger->batches_dropped},
        {"events_dropped", ledger->events_dropped},
        {"coarsened", ledger->coarsened},
        {"journal_lost", ledger->journal_lost},
        {"duplicates", ledger->duplicates},
    };

    weir_text_add(text, "\"received\":");
    weir_text_add_uint(text, ledger->received);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        weir_text_add_key(text, counts[i].key);
        weir_text_add_uint(text, counts[i].count);
    }
}

void weir_encode_topic_root(struct weir_text *text, const struct weir_config *config)
{
    weir_text_add(text, "weir/v1/");
    weir_text_add(text, config->gateway);
    weir_text_add(text, "/");
}

void weir_encode_alert_topic(struct weir_text *text, const struct weir_config *config,
                             const char *series, uint32_t rule)
{
    weir_encode_topic_root(text, config);
    weir_text_add(text, "alert/");
    weir_text_add(text, config->rules[rule].name);
    weir_text_add(text, "/");
    weir_encode_topic_level(text, series);
    weir_text_add(text, "/");
}

void weir_encode_topic_level(struct weir_text *text, const char *series)
{
    for (; *series; series++) {
        unsigned char c = (unsigned char)*series;
        char escape[3] = {'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]};

        if (c == '/')
            weir_text_add_bytes(text, ".", 1);
        else if (c == '+' || c == '#' || c == '%' || c == '.' || c < 0x20 || c == 0x7f)
            weir_text_add_bytes(text, escape, 3);
        else
            weir_text_add_bytes(text, series, 1);
    }
}
