#include "pipeline/compact_batch.h"

#include <string.h>

#include "core/assert.h"
#include "format/sketch_list.h"

uint64_t weir_naming_size(const struct weir_config *config)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < config->stream_count; i++)
        count += config->streams[i].max_series;
    return count * sizeof(uint32_t);
}

static void begin_round(struct weir_naming *naming, const struct weir_compact_head *head)
{
    naming->round++;
    naming->first = head->sequence;
    naming->dropped = head->ledger.batches_dropped;
}

void weir_naming_end(struct weir_naming *naming)
{
    naming->table = 0;
}

static void begin_batch(struct weir_naming *naming, struct weir_compact_head *head)
{
    if (naming->table == 0 || head->sequence - naming->first >= WEIR_NAMING_ROUND ||
        head->ledger.batches_dropped != naming->dropped)
        begin_round(naming, head);
    if (naming->table == 0)
        naming->table = head->sequence;
    head->table = naming->table;
}

static void add_text(char *text, uint32_t *length, const char *string)
{
    size_t size = strlen(string) + 1;

    memcpy(text + *length, string, size);
    *length += (uint32_t)size;
}

/* The names of a stream, as they travel; text has room for WEIR_COMPACT_STREAM_TEXT_MAX. */
static uint32_t write_stream_text(const struct weir_stream_config *stream, char *text)
{
    uint32_t length = 0;

    add_text(text, &length, stream->name);
    for (uint32_t i = 0; i < stream->field_count; i++) {
        add_text(text, &length, stream->fields[i].name);
        add_text(text, &length, stream->fields[i].unit);
    }
    return length;
}

/* The mark of a series: the round in which it was named last. */
static uint32_t *find_mark(const struct weir_compact_batch *batch, const struct weir_summary *row)
{
    uint32_t *mark = batch->series;

    for (uint32_t i = 0; i < row->stream; i++)
        mark += batch->config->streams[i].max_series;
    return mark + row->series;
}

static enum weir_status write_row(const struct weir_compact_batch *batch,
                                  const struct weir_summary *row, const struct weir_sketch *sketch)
{
    const struct weir_stream_config *config = &batch->config->streams[row->stream];
    const char *name = weir_pipeline_series_name(batch->pipeline, row->stream, row->series);
    struct weir_compact_stream stream = {.stream = row->stream,
                                         .aggregates = config->aggregates,
                                         .length_ms = config->window_ms,
                                         .quantile_count = config->quantile_count};
    uint32_t round = batch->naming->round;
    uint32_t *series_mark = find_mark(batch, row);
    uint32_t *stream_mark = &batch->naming->streams[row->stream];
    char stream_text[WEIR_COMPACT_STREAM_TEXT_MAX];
    char series_text[WEIR_TOPIC_LENGTH_MAX];
    struct weir_compact_text stream_name = {.bytes = stream_text, .there = *stream_mark != round};
    struct weir_compact_text series_name = {.bytes = series_text, .there = *series_mark != round};
    enum weir_status status;

    if (stream_name.there)
        stream_name.length = write_stream_text(config, stream_text);
    if (series_name.there) {
        series_name.length = (uint32_t)strlen(name);
        memcpy(series_text, name, series_name.length);
    }
    memcpy(stream.quantiles, config->quantiles, sizeof(stream.quantiles));
    status =
        weir_compact_writer_accept(batch->writer, &stream, &stream_name, &series_name, row, sketch);
    if (status == WEIR_OK)
        *series_mark = *stream_mark = round;
    return status;
}

/* The sketch of a row, in *sketch; NULL: it has none. Rows are asked for in rising order. */
static const struct weir_sketch *take_sketch(struct weir_sketch_list *list, uint32_t row,
                                             struct weir_sketch *sketch)
{
    struct weir_sketch_list_entry entry;

    if (!weir_sketch_list_take(list, row, &entry) ||
        weir_sketch_read(sketch, entry.bytes, entry.length) != WEIR_OK)
        return NULL;
    return sketch;
}

static void prepare_rows(const struct weir_compact_batch *batch,
                         const struct weir_compact_batch_rows *rows)
{
    struct weir_sketch_list list;
    struct weir_sketch sketch;

    weir_sketch_list_open(&list, rows->sketches, rows->sketches_length);
    for (uint32_t i = 0; i < rows->row_count; i++) {
        enum weir_status status = weir_compact_writer_prepare(batch->writer, &rows->rows[i],
                                                              take_sketch(&list, i, &sketch));

        assert(status == WEIR_OK);
        (void)status;
    }
    weir_sketch_list_open(&list, rows->sketches, rows->sketches_length);
    for (uint32_t i = 0; i < rows->row_count; i++)
        weir_compact_writer_refine(batch->writer, &rows->rows[i], take_sketch(&list, i, &sketch));
}

/* Writes rows until one does not fit, or it is enough. Returns their number. */
static uint32_t write_rows(const struct weir_compact_batch *batch,
                           const struct weir_compact_batch_rows *rows, size_t enough)
{
    struct weir_sketch_list list;
    struct weir_sketch sketch;
    uint32_t count = 0;

    weir_sketch_list_open(&list, rows->sketches, rows->sketches_length);
    while (count < rows->row_count &&
           (count == 0 || weir_compact_writer_length(batch->writer) < enough) &&
           write_row(batch, &rows->rows[count], take_sketch(&list, count, &sketch)) == WEIR_OK)
        count++;
    return count;
}

struct weir_compact_batch_written
weir_compact_batch_write(const struct weir_compact_batch *batch, struct weir_compact_head *head,
                         const struct weir_compact_batch_rows *rows,
                         const struct weir_compact_batch_room *room)
{
    struct weir_compact_batch_written written;

    begin_batch(batch->naming, head);
    weir_compact_writer_init(batch->writer, room->bytes, room->size);
    prepare_rows(batch, rows);
    weir_compact_writer_begin(batch->writer, head);
    written.head_length = weir_compact_writer_length(batch->writer);
    written.row_count = write_rows(batch, rows, room->enough);
    assert(written.row_count > 0);
    written.length = weir_compact_writer_seal(batch->writer);
    if (written.head_length > written.length)
        written.head_length = written.length;
    memset(batch->writer, 0, sizeof(*batch->writer));
    return written;
}

size_t weir_compact_batch_write_empty(struct weir_compact_writer *writer,
                                      char bytes[static WEIR_BATCH_EMPTY_BYTES],
                                      const struct weir_batch_head *head)
{
    struct weir_compact_head empty = {
        .epoch = head->epoch,
        .sequence = head->sequence,
        .table = head->sequence,
        .created_ms = head->created_ms,
        .clock = head->clock,
        .ledger = *head->ledger,
        .range_count = head->range_count,
    };
    size_t length;

    memcpy(empty.gateway, head->gateway, strlen(head->gateway));
    memcpy(empty.ranges, head->ranges, head->range_count * sizeof(head->ranges[0]));
    weir_compact_writer_init(writer, bytes, WEIR_BATCH_EMPTY_BYTES);
    weir_compact_writer_begin(writer, &empty);
    length = weir_compact_writer_seal(writer);
    memset(writer, 0, sizeof(*writer));
    return length;
}
