#include "collect/batch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/decode_row.h"
#include "format/batch_read.h"
#include "format/compact.h"
#include "format/number.h"

#define ROW_COUNT_MAX WEIR_BATCH_ROW_COUNT_MAX

/* A message that the broker may send, and what its escapes can come to. */
#define TEXT_BYTES_MAX (256 * 1024)

/* Names of a batch: of a series at most one a row, of a stream at most one each. */
#define NAME_COUNT_MAX (ROW_COUNT_MAX + WEIR_STREAM_COUNT_MAX)

/* Bytes of these. A byte of a name costs a hundredth of one at the least. */
#define NAME_BYTES_MAX                                                                             \
    (ROW_COUNT_MAX * WEIR_TOPIC_LENGTH_MAX + WEIR_STREAM_COUNT_MAX * WEIR_COMPACT_STREAM_TEXT_MAX)

struct weir_collect_reader {
    struct weir_batch_reader batches;
    struct weir_row_reader texts;
    struct weir_compact_reader compact;
    uint32_t name_length;
    struct weir_collect_name names[NAME_COUNT_MAX];
    struct weir_collect_row rows[ROW_COUNT_MAX];
    char scratch[TEXT_BYTES_MAX];
    char name_bytes[NAME_BYTES_MAX];
};

struct weir_collect_reader *weir_collect_reader_create(void)
{
    struct weir_collect_reader *reader = malloc(sizeof(*reader));

    if (!reader)
        return NULL;
    weir_batch_reader_init(&reader->batches);
    weir_row_reader_init(&reader->texts, reader->scratch, sizeof(reader->scratch));
    return reader;
}

void weir_collect_reader_destroy(struct weir_collect_reader *reader)
{
    free(reader);
}

static bool has_room(uint64_t number)
{
    return number <= INT64_MAX;
}

/* A batch stands for earlier ones. If one could for those to come, they would be taken for repeated. */
static bool check_ranges(const struct weir_collect_batch *batch)
{
    for (uint32_t i = 0; i < batch->range_count; i++)
        if (batch->ranges[i].last >= batch->sequence)
            return false;
    return true;
}

/* --- compact --- */

/* Returns what is wrong; NULL: nothing. */
static const char *keep_name(struct weir_collect_reader *reader, struct weir_collect_batch *batch,
                             uint32_t stream, uint32_t series, const struct weir_compact_text *text)
{
    char *bytes = reader->name_bytes + reader->name_length;

    if (!text->there)
        return NULL;
    if (batch->name_count == NAME_COUNT_MAX || NAME_BYTES_MAX - reader->name_length < text->length)
        return "its names are too long";
    /* What is no text would end whoever reads the target, behind the names of all others. */
    if (!weir_json_is_text(text->bytes, text->length))
        return "its names are not UTF-8";
    memcpy(bytes, text->bytes, text->length);
    reader->name_length += text->length;
    reader->names[batch->name_count++] =
        (struct weir_collect_name){stream, series, bytes, text->length};
    return NULL;
}

/* Ends that are no numbers make quantiles that are none; these are left out, as aggregates are. */
static void take_quantiles(const struct weir_compact_row *from, struct weir_collect_row *row)
{
    const struct weir_compact_stream *stream = &from->stream;
    double quantiles[WEIR_QUANTILE_COUNT_MAX];

    row->quantile_count = 0;
    if (!from->has_sketch)
        return;
    weir_sketch_quantiles(&from->sketch, stream->quantiles, stream->quantile_count,
                          from->summary.min, from->summary.max, quantiles);
    for (uint32_t i = 0; i < stream->quantile_count; i++) {
        if (!isfinite(quantiles[i]))
            continue;
        row->thousandths[row->quantile_count] = stream->quantiles[i];
        row->quantiles[row->quantile_count++] = quantiles[i];
    }
}

static void take_compact_row(const struct weir_compact_row *from, struct weir_collect_row *row)
{
    const struct weir_summary *summary = &from->summary;

    row->track = NULL;
    row->stream = summary->stream;
    row->series = summary->series;
    row->field = summary->field;
    row->start_ms = summary->start_ms;
    row->end_ms = summary->end_ms;
    row->revision = summary->revision;
    row->count = summary->count;
    row->aggregates = 0;
    for (uint32_t i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (!(from->stream.aggregates & 1u << i))
            continue;
        row->values[i] = weir_summary_value(summary, (enum weir_aggregate)i);
        if (i == WEIR_AGGREGATE_COUNT || isfinite(row->values[i]))
            row->aggregates |= 1u << i;
    }
    take_quantiles(from, row);
}

static const char *read_compact(struct weir_collect_reader *reader, const char *bytes,
                                size_t length, struct weir_collect_batch *batch)
{
    const struct weir_compact_head *head = &reader->compact.head;
    const char *problem = weir_compact_reader_open(&reader->compact, bytes, length);
    enum weir_compact_outcome outcome;
    struct weir_compact_row row;
    struct weir_text ledger;

    if (problem)
        return problem;
    memcpy(batch->gateway, head->gateway, sizeof(batch->gateway));
    (void)snprintf(batch->epoch, sizeof(batch->epoch), "%016" PRIx64, head->epoch);
    batch->sequence = head->sequence;
    batch->created_ms = head->created_ms;
    batch->clock = weir_batch_clock_name(head->clock);
    memcpy(batch->ranges, head->ranges, sizeof(batch->ranges));
    batch->range_count = head->range_count;
    batch->table = head->table;
    weir_text_init(&ledger, batch->ledger, sizeof(batch->ledger) - 1);
    weir_text_add(&ledger, "{");
    weir_encode_ledger(&ledger, &head->ledger);
    weir_text_add(&ledger, "}");
    batch->ledger[ledger.length] = '\0';
    while ((outcome = weir_compact_reader_next(&reader->compact, &row)) == WEIR_COMPACT_ROW) {
        const struct weir_summary *summary = &row.summary;

        problem =
            keep_name(reader, batch, summary->stream, WEIR_COLLECT_NO_SERIES, &row.stream_text);
        if (!problem)
            problem = keep_name(reader, batch, summary->stream, summary->series, &row.series_text);
        if (problem)
            return problem;
        if (!has_room(summary->count))
            return "a count is too large";
        take_compact_row(&row, &reader->rows[batch->row_count++]);
    }
    return outcome == WEIR_COMPACT_DAMAGED ? "damaged: it cannot be read to its end" : NULL;
}

/* --- JSON --- */

static bool copy_text(const struct weir_json_value *value, char *out, size_t size)
{
    ptrdiff_t length = weir_json_unescape(value, out, size - 1);

    if (length <= 0 || memchr(out, '\0', (size_t)length))
        return false;
    out[length] = '\0';
    return true;
}

static bool read_column(const struct weir_row *from, enum weir_column column, uint64_t *number)
{
    struct weir_json_value value = {.kind = WEIR_JSON_NUMBER,
                                    .text = from->columns[column].text,
                                    .length = (uint32_t)from->columns[column].length};

    return weir_batch_read_count(&value, number) && has_room(*number);
}

static bool scan_number(const char *text, size_t length, double *number)
{
    return weir_number_scan(text, text + length, number) == text + length && isfinite(*number);
}

static bool find_track(struct weir_tracks *tracks, const struct weir_row *from,
                       struct weir_collect_row *row)
{
    static const struct {
        enum weir_column column;
        size_t length_max;
    } texts[WEIR_TRACK_TEXT_COUNT] = {
        [WEIR_TRACK_GATEWAY] = {WEIR_COLUMN_GATEWAY, WEIR_NAME_LENGTH_MAX},
        [WEIR_TRACK_STREAM] = {WEIR_COLUMN_STREAM, WEIR_NAME_LENGTH_MAX},
        [WEIR_TRACK_SERIES] = {WEIR_COLUMN_SERIES, WEIR_TOPIC_LENGTH_MAX},
        [WEIR_TRACK_FIELD] = {WEIR_COLUMN_FIELD, WEIR_NAME_LENGTH_MAX},
        [WEIR_TRACK_UNIT] = {WEIR_COLUMN_UNIT, WEIR_UNIT_LENGTH_MAX},
    };
    struct weir_text_part parts[WEIR_TRACK_TEXT_COUNT];

    for (int i = 0; i < WEIR_TRACK_TEXT_COUNT; i++) {
        const char *text = from->columns[texts[i].column].text;

        parts[i].text = text ? text : "";
        parts[i].length = from->columns[texts[i].column].length;
        if (parts[i].length > texts[i].length_max || memchr(parts[i].text, '\0', parts[i].length))
            return false;
    }
    row->track = weir_tracks_find(tracks, parts);
    return true;
}

static bool take_text_row(struct weir_tracks *tracks, const struct weir_row *from,
                          struct weir_collect_row *row)
{
    uint64_t start;
    uint64_t end;

    memset(row, 0, sizeof(*row));
    if (!find_track(tracks, from, row) || !read_column(from, WEIR_COLUMN_START, &start) ||
        !read_column(from, WEIR_COLUMN_END, &end) ||
        !read_column(from, WEIR_COLUMN_REVISION, &row->revision))
        return false;
    row->start_ms = (int64_t)start;
    row->end_ms = (int64_t)end;
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        enum weir_column column = (enum weir_column)(WEIR_COLUMN_COUNT + i);
        const char *text = from->columns[column].text;

        if (!text)
            continue;
        if (!(i == WEIR_AGGREGATE_COUNT
                  ? read_column(from, column, &row->count)
                  : scan_number(text, from->columns[column].length, &row->values[i])))
            return false;
        row->aggregates |= 1u << i;
    }
    row->quantile_count = from->quantile_count;
    for (uint32_t i = 0; i < from->quantile_count; i++) {
        row->thousandths[i] = from->quantiles[i].thousandths;
        if (!scan_number(from->quantiles[i].text, from->quantiles[i].length, &row->quantiles[i]))
            return false;
    }
    return true;
}

static const char *find_clock(const struct weir_json_value *value)
{
    for (int i = WEIR_BATCH_CLOCK_UNSYNCHRONISED; i <= WEIR_BATCH_CLOCK_CORRECTED; i++) {
        const char *name = weir_batch_clock_name((enum weir_batch_clock)i);

        if (value->kind == WEIR_JSON_STRING && value->length == strlen(name) &&
            memcmp(value->text, name, value->length) == 0)
            return name;
    }
    return NULL;
}

static bool read_head(const struct weir_batch_view *view, struct weir_collect_batch *batch)
{
    if (view->ledger.length >= sizeof(batch->ledger) ||
        !copy_text(&view->gateway, batch->gateway, sizeof(batch->gateway)) ||
        !copy_text(&view->epoch, batch->epoch, sizeof(batch->epoch)) ||
        !weir_batch_read_count(&view->sequence, &batch->sequence) ||
        !weir_batch_view_ranges(view, batch->ranges, &batch->range_count))
        return false;
    if (!weir_batch_read_int(&view->created, &batch->created_ms))
        batch->created_ms = 0;
    batch->clock = find_clock(&view->clock);
    /* Ends of lines may stand in it as blanks only. */
    for (uint32_t i = 0; i < view->ledger.length; i++) {
        char c = view->ledger.text[i];

        batch->ledger[i] = c == '\n' || c == '\r' ? ' ' : c;
    }
    batch->ledger[view->ledger.length] = '\0';
    return true;
}

static const char *read_json(struct weir_collect_reader *reader, struct weir_tracks *tracks,
                             const char *text, size_t length, struct weir_collect_batch *batch)
{
    struct weir_batch_view view;
    const char *problem = weir_batch_reader_open(&reader->batches, text, length, &view);
    const char *summary;
    size_t summary_length;
    struct weir_row row;

    if (problem)
        return problem;
    if (!read_head(&view, batch))
        return "its envelope lacks something, or has it in another kind";
    while (weir_batch_view_next(&view, &summary, &summary_length)) {
        if (batch->row_count == ROW_COUNT_MAX)
            return "it has too many summaries";
        if (!weir_row_reader_read(&reader->texts, &view, summary, summary_length, &row) ||
            !take_text_row(tracks, &row, &reader->rows[batch->row_count++]))
            return "a summary in it lacks something, or has it in another kind";
    }
    return NULL;
}

const char *weir_collect_reader_read(struct weir_collect_reader *reader, struct weir_tracks *tracks,
                                     const char *bytes, size_t length,
                                     struct weir_collect_batch *batch)
{
    const char *problem;

    batch->name_count = 0;
    batch->row_count = 0;
    batch->range_count = 0;
    batch->names = reader->names;
    batch->rows = reader->rows;
    batch->compact = length > 0 && bytes[0] == WEIR_COMPACT_MAGIC[0];
    reader->name_length = 0;
    weir_tracks_reserve(tracks, ROW_COUNT_MAX);
    problem = batch->compact ? read_compact(reader, bytes, length, batch)
                             : read_json(reader, tracks, bytes, length, batch);
    if (!problem && !has_room(batch->sequence))
        return "its number is too large";
    return problem || check_ranges(batch) ? problem : "it stands for batches that are to come";
}
