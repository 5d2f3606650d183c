#include "collect/line.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command/decode_row.h"
#include "format/number.h"
#include "format/text.h"

static void add(struct weir_writer *writer, const char *text)
{
    weir_writer_add(writer, text, strlen(text));
}

/* What names a batch in a line: each byte of gateway and epoch may come to an escape of six. */
#define BATCH_BYTES_MAX (6 * (WEIR_NAME_LENGTH_MAX + WEIR_COLLECT_EPOCH_LENGTH_MAX) + 64)

/* --- NDJSON --- */

static void add_text(struct weir_text *text, const char *key, const char *value)
{
    weir_text_add_key(text, key);
    weir_text_add_quoted(text, value);
}

static void add_int(struct weir_text *text, const char *key, int64_t value)
{
    weir_text_add_key(text, key);
    weir_text_add_int(text, value);
}

static void add_batch(struct weir_text *text, const struct weir_collect_batch *batch)
{
    add_text(text, "gateway", batch->gateway);
    add_text(text, "epoch", batch->epoch);
    add_int(text, "seq", (int64_t)batch->sequence);
    weir_text_add(text, "}");
}

static void write_ndjson(struct weir_writer *writer, const struct weir_collect_batch *batch,
                         const struct weir_collect_row *row)
{
    struct weir_text *text = weir_writer_line(writer);
    char name[WEIR_QUANTILE_NAME_SIZE];

    weir_text_add(text, "{\"type\":\"summary\"");
    add_text(text, "stream", row->track->texts[WEIR_TRACK_STREAM]);
    add_text(text, "series", row->track->texts[WEIR_TRACK_SERIES]);
    add_text(text, "field", row->track->texts[WEIR_TRACK_FIELD]);
    if (row->track->lengths[WEIR_TRACK_UNIT] > 0)
        add_text(text, "unit", row->track->texts[WEIR_TRACK_UNIT]);
    add_int(text, "start", row->start_ms);
    add_int(text, "end", row->end_ms);
    add_int(text, "revision", (int64_t)row->revision);
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (!(row->aggregates & 1u << i))
            continue;
        weir_text_add_key(text, weir_aggregate_name((enum weir_aggregate)i));
        if (i == WEIR_AGGREGATE_COUNT)
            weir_text_add_uint(text, row->count);
        else
            weir_text_add_number(text, row->values[i]);
    }
    for (uint32_t i = 0; i < row->quantile_count; i++) {
        weir_quantile_name(row->thousandths[i], name);
        weir_text_add_key(text, name);
        weir_text_add_number(text, row->quantiles[i]);
    }
    add_batch(text, batch);
    weir_writer_end(writer);
}

/* --- line protocol --- */

/* Texts of numbers, of one row. */
struct numbers {
    size_t length;
    char bytes[(WEIR_COLUMN_KIND_COUNT + WEIR_QUANTILE_COUNT_MAX) * WEIR_NUMBER_LENGTH_MAX];
};

static const char *put_number(struct numbers *numbers, double value, size_t *length)
{
    char *text = numbers->bytes + numbers->length;

    *length = weir_number_format(value, text);
    numbers->length += *length;
    return text;
}

static const char *put_int(struct numbers *numbers, int64_t value, size_t *length)
{
    struct weir_text text;

    weir_text_init(&text, numbers->bytes + numbers->length, WEIR_NUMBER_LENGTH_MAX);
    weir_text_add_int(&text, value);
    *length = text.length;
    numbers->length += *length;
    return text.bytes;
}

static void write_line(struct weir_writer *writer, const struct weir_collect_row *row)
{
    static const enum weir_column columns[WEIR_TRACK_TEXT_COUNT] = {
        WEIR_COLUMN_GATEWAY, WEIR_COLUMN_STREAM, WEIR_COLUMN_SERIES, WEIR_COLUMN_FIELD,
        WEIR_COLUMN_UNIT};
    struct numbers numbers = {.length = 0};
    struct weir_row line = {.quantile_count = row->quantile_count};

    for (int i = 0; i < WEIR_TRACK_TEXT_COUNT; i++) {
        line.columns[columns[i]].text = row->track->texts[i];
        line.columns[columns[i]].length = row->track->lengths[i];
    }
    line.columns[WEIR_COLUMN_START].text =
        put_int(&numbers, row->start_ms, &line.columns[WEIR_COLUMN_START].length);
    line.columns[WEIR_COLUMN_END].text =
        put_int(&numbers, row->end_ms, &line.columns[WEIR_COLUMN_END].length);
    line.columns[WEIR_COLUMN_REVISION].text =
        put_int(&numbers, (int64_t)row->revision, &line.columns[WEIR_COLUMN_REVISION].length);
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        size_t *length = &line.columns[WEIR_COLUMN_COUNT + i].length;

        if (!(row->aggregates & 1u << i))
            continue;
        line.columns[WEIR_COLUMN_COUNT + i].text =
            i == WEIR_AGGREGATE_COUNT ? put_int(&numbers, (int64_t)row->count, length)
                                      : put_number(&numbers, row->values[i], length);
    }
    for (uint32_t i = 0; i < row->quantile_count; i++) {
        line.quantiles[i].thousandths = row->thousandths[i];
        line.quantiles[i].text = put_number(&numbers, row->quantiles[i], &line.quantiles[i].length);
    }
    weir_row_write_line(writer, &line);
}

/* Names of alerts pass as tags: what would end one goes behind a backslash. */
static void add_tag(struct weir_writer *writer, const char *key, const char *value)
{
    if (value[0] == '\0')
        return;
    add(writer, ",");
    add(writer, key);
    add(writer, "=");
    for (; *value != '\0'; value++) {
        if (strchr(",= ", *value))
            add(writer, "\\");
        weir_writer_add(writer, (unsigned char)*value < ' ' ? "_" : value, 1);
    }
    /* A backslash at the end would take the mark behind it. */
    if (value[-1] == '\\')
        add(writer, "_");
}

static void add_value(struct weir_writer *writer, const char *key, double value)
{
    char bytes[WEIR_NUMBER_LENGTH_MAX];

    if (!isfinite(value))
        return;
    add(writer, ",");
    add(writer, key);
    add(writer, "=");
    weir_writer_add(writer, bytes, weir_number_format(value, bytes));
}

static void write_alert_line(struct weir_writer *writer, const struct weir_collect_alert *alert)
{
    char number[32];

    add(writer, "weir_alert");
    add_tag(writer, "event", alert->event);
    add_tag(writer, "field", alert->field);
    add_tag(writer, "gateway", alert->gateway);
    add_tag(writer, "level", alert->level);
    add_tag(writer, "rule", alert->rule);
    add_tag(writer, "series", alert->series);
    add_tag(writer, "stream", alert->stream);
    (void)snprintf(number, sizeof(number), " seq=%lldi", (long long)alert->sequence);
    add(writer, number);
    add_value(writer, "value", alert->value);
    add_value(writer, "limit", alert->limit);
    (void)snprintf(number, sizeof(number), " %lld000000\n", (long long)alert->ts_ms);
    add(writer, number);
}

void weir_line_write_row(struct weir_writer *writer, enum weir_sink_form form,
                         const struct weir_collect_batch *batch, const struct weir_collect_row *row)
{
    if (form == WEIR_SINK_NDJSON)
        write_ndjson(writer, batch, row);
    else
        write_line(writer, row);
}

/* What stands between the braces of a JSON object, or NULL. */
static const char *members_of(const char *text, size_t length, size_t *members_length)
{
    const char *end = text + length;

    while (end > text && *end != '}')
        end--;
    while (text < end && *text != '{')
        text++;
    text++;
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    *members_length = end > text ? (size_t)(end - text) : 0;
    return text;
}

void weir_line_write_ledger(struct weir_writer *writer, enum weir_sink_form form,
                            const struct weir_collect_batch *batch)
{
    char bytes[BATCH_BYTES_MAX];
    struct weir_text text;
    const char *members;
    size_t length;

    if (form != WEIR_SINK_NDJSON)
        return;
    members = members_of(batch->ledger, strlen(batch->ledger), &length);
    add(writer, "{\"type\":\"ledger\"");
    add(writer, length > 0 ? "," : "");
    weir_writer_add(writer, members, length);
    weir_text_init(&text, bytes, sizeof(bytes));
    add_batch(&text, batch);
    assert(!text.overflow);
    weir_writer_add(writer, bytes, text.length);
    add(writer, "\n");
}

void weir_line_write_alert(struct weir_writer *writer, enum weir_sink_form form,
                           const struct weir_collect_alert *alert)
{
    const char *members;
    size_t length;

    if (form != WEIR_SINK_NDJSON) {
        write_alert_line(writer, alert);
        return;
    }
    members = members_of(alert->text, alert->length, &length);
    add(writer, "{\"type\":\"alert\",");
    weir_writer_add(writer, members, length);
    add(writer, "}\n");
}
