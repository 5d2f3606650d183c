#include <string.h>

#include "core/assert.h"
#include "store/coarsen_run.h"

/* The longest name of a track: its kind, and three numbers. */
#define KEY_BYTES_MAX (1 + 3 * sizeof(uint32_t))

/* What the envelope may grow by once the part's own number is known. */
#define NUMBER_BYTES 32

/* The name of a stream, a series or a track: its kind and its numbers. */
static enum weir_status keep_numbers(struct weir_coarsen *coarsen, char kind,
                                     const uint32_t *numbers, uint32_t count, uint32_t *index)
{
    char *text = coarsen->text + coarsen->text_length;

    if (coarsen->text_max - coarsen->text_length < KEY_BYTES_MAX)
        return WEIR_FULL;
    text[0] = kind;
    if (count > 0)
        memcpy(text + 1, numbers, count * sizeof(numbers[0]));
    *index = weir_coarsen_keep_name(coarsen, 1 + count * (uint32_t)sizeof(numbers[0]));
    return *index == WEIR_COARSEN_NONE ? WEIR_FULL : WEIR_OK;
}

/* Keeps a name that came with a batch, for the one that is made of it. */
static enum weir_status keep_told(struct weir_coarsen *coarsen, uint32_t index,
                                  const struct weir_compact_text *text)
{
    struct weir_coarsen_name *name = &coarsen->names[index];

    if (!text->there || name->told_length > 0)
        return WEIR_OK;
    if (coarsen->text_max - coarsen->text_length < text->length + 1)
        return WEIR_FULL;
    memcpy(coarsen->text + coarsen->text_length, text->bytes, text->length);
    coarsen->text[coarsen->text_length + text->length] = '\0';
    name->told = coarsen->text_length;
    name->told_length = text->length + 1;
    coarsen->text_length += name->told_length;
    return WEIR_OK;
}

static enum weir_status read_names(struct weir_coarsen *coarsen, struct weir_coarsen_row *row)
{
    const struct weir_compact_row *read = &coarsen->compact_row;
    const uint32_t numbers[] = {read->summary.stream, read->summary.series, read->summary.field};
    uint32_t stream;
    uint32_t series;

    if (keep_numbers(coarsen, WEIR_COARSEN_STREAM, numbers, 1, &stream) != WEIR_OK ||
        keep_numbers(coarsen, WEIR_COARSEN_SERIES, numbers, 2, &series) != WEIR_OK ||
        keep_numbers(coarsen, WEIR_COARSEN_TRACK, numbers, 3, &row->track) != WEIR_OK ||
        keep_numbers(coarsen, WEIR_COARSEN_UNIT, NULL, 0, &row->unit) != WEIR_OK ||
        keep_told(coarsen, stream, &read->stream_text) != WEIR_OK ||
        keep_told(coarsen, series, &read->series_text) != WEIR_OK)
        return WEIR_FULL;
    coarsen->names[row->track].stream = stream;
    coarsen->names[row->track].series = series;
    coarsen->names[stream].aggregates = read->stream.aggregates;
    coarsen->names[stream].length_ms = read->stream.length_ms;
    coarsen->names[stream].quantile_count = read->stream.quantile_count;
    memcpy(coarsen->names[stream].quantiles, read->stream.quantiles,
           sizeof(read->stream.quantiles));
    return WEIR_OK;
}

/* True when the row that was read is this one. */
static bool matches(const struct weir_summary *read, const struct weir_summary *summary)
{
    return read->stream == summary->stream && read->series == summary->series &&
           read->field == summary->field && read->start_ms == summary->start_ms &&
           read->end_ms == summary->end_ms && read->revision == summary->revision &&
           read->count == summary->count;
}

static enum weir_status read_rows(struct weir_coarsen *coarsen,
                                  const struct weir_summary *summaries, uint32_t row_count,
                                  struct weir_sketch_list *list)
{
    const struct weir_compact_row *read = &coarsen->compact_row;
    enum weir_compact_outcome outcome;
    uint32_t count = 0;

    for (;; count++) {
        struct weir_coarsen_row *row = &coarsen->rows[coarsen->row_count + count];
        enum weir_status status;

        outcome = weir_compact_reader_next(&coarsen->compact_reader, &coarsen->compact_row);
        if (outcome != WEIR_COMPACT_ROW)
            break;
        if (count == row_count || !weir_coarsen_is_sound(&summaries[count]) ||
            !matches(&read->summary, &summaries[count]))
            return WEIR_REFUSED;
        if (coarsen->row_count + count == coarsen->row_max)
            return WEIR_FULL;
        row->shown = read->stream.aggregates & weir_encode_aggregates(&summaries[count]);
        status = read_names(coarsen, row);
        if (status == WEIR_OK)
            status = weir_coarsen_read_sketch(coarsen, list, count, &summaries[count], row);
        if (status != WEIR_OK)
            return status;
        coarsen->summaries[coarsen->row_count + count] = summaries[count];
    }
    return outcome == WEIR_COMPACT_END && count == row_count && weir_sketch_list_finished(list)
               ? WEIR_OK
               : WEIR_REFUSED;
}

enum weir_status weir_coarsen_accept_compact(struct weir_coarsen *coarsen, const char *payload,
                                             size_t length, const struct weir_summary *rows,
                                             uint32_t row_count, struct weir_sketch_list *list)
{
    const struct weir_compact_head *head = &coarsen->compact_reader.head;
    struct weir_range_list ranges = {0};
    struct weir_range_list joined = coarsen->ranges;
    enum weir_status status;

    if (weir_compact_reader_open(&coarsen->compact_reader, payload, length))
        return WEIR_REFUSED;
    if (coarsen->begun &&
        (!coarsen->compact || head->epoch != coarsen->head.epoch ||
         head->table != coarsen->head.table || head->clock != coarsen->head.clock ||
         strcmp(head->gateway, coarsen->head.gateway) != 0))
        return WEIR_FULL;
    ranges.count = head->range_count;
    memcpy(ranges.ranges, head->ranges, head->range_count * sizeof(head->ranges[0]));
    if (weir_range_accept(&ranges, head->sequence, head->sequence) != WEIR_OK)
        return WEIR_REFUSED;
    if (weir_coarsen_join_ranges(&joined, &ranges) != WEIR_OK)
        return WEIR_FULL;
    status = read_rows(coarsen, rows, row_count, list);
    if (status != WEIR_OK)
        return status;
    coarsen->begun = true;
    coarsen->compact = true;
    coarsen->head = *head;
    coarsen->ranges = joined;
    weir_coarsen_shift_rows(coarsen, coarsen->row_count, row_count);
    coarsen->row_count += row_count;
    return WEIR_OK;
}

/* The name to go with a row, if one was told and has not gone with this part. */
static struct weir_compact_text find_told(struct weir_coarsen *coarsen, uint32_t index)
{
    struct weir_coarsen_name *name = &coarsen->names[index];

    if (name->told_length == 0 || name->told_part == coarsen->pass)
        return (struct weir_compact_text){0};
    return (struct weir_compact_text){
        .bytes = coarsen->text + name->told,
        .length = name->told_length - 1,
        .there = true,
    };
}

/* The sketch of a row, in *sketch; NULL: it has none. */
static const struct weir_sketch *find_sketch(const struct weir_coarsen *coarsen, uint32_t index,
                                             struct weir_sketch *sketch)
{
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;

    return weir_coarsen_sketch(coarsen, &coarsen->rows[index], &list, &entry, sketch) ? sketch
                                                                                      : NULL;
}

/* Puts a row and its sketch beside the batch. WEIR_FULL: there is no room. */
static enum weir_status put_row(struct weir_coarsen *coarsen, uint32_t index,
                                const struct weir_coarsen_name *stream,
                                const struct weir_sketch *sketch)
{
    coarsen->stream.quantile_count = stream->quantile_count;
    memcpy(coarsen->stream.quantiles, stream->quantiles, sizeof(stream->quantiles));
    return weir_batch_accept_row(&coarsen->batch, &coarsen->stream, &coarsen->summaries[index],
                                 sketch);
}

static enum weir_status write_row(struct weir_coarsen *coarsen, uint32_t index)
{
    const struct weir_summary *summary = &coarsen->summaries[index];
    struct weir_coarsen_name *track = &coarsen->names[coarsen->rows[index].track];
    struct weir_coarsen_name *stream = &coarsen->names[track->stream];
    struct weir_compact_text stream_text = find_told(coarsen, track->stream);
    struct weir_compact_text series_text = find_told(coarsen, track->series);
    struct weir_compact_stream shape = {.stream = summary->stream,
                                        .aggregates = stream->aggregates,
                                        .length_ms = stream->length_ms,
                                        .quantile_count = stream->quantile_count};
    uint32_t sketches_length = coarsen->batch.sketches_length;
    struct weir_sketch room;
    const struct weir_sketch *sketch = find_sketch(coarsen, index, &room);

    memcpy(shape.quantiles, stream->quantiles, sizeof(shape.quantiles));
    if (put_row(coarsen, index, stream, sketch) != WEIR_OK)
        return WEIR_FULL;
    if (weir_compact_writer_accept(&coarsen->writer, &shape, &stream_text, &series_text, summary,
                                   sketch) != WEIR_OK) {
        coarsen->batch.sketches_length = sketches_length;
        return WEIR_FULL;
    }
    stream->told_part = coarsen->names[track->series].told_part = coarsen->pass;
    return WEIR_OK;
}

/* Writes a part of at most row_max rows from first on. Returns its length, and how many it has. */
static size_t write_part(struct weir_coarsen *coarsen, uint32_t first, uint32_t row_max,
                         uint64_t sequence, size_t size, uint32_t *row_count)
{
    struct weir_compact_head head;
    struct weir_sketch room;

    coarsen->pass++;
    coarsen->head.sequence = sequence;
    coarsen->head.range_count = first == 0 ? coarsen->ranges.count : 0;
    memcpy(coarsen->head.ranges, coarsen->ranges.ranges, sizeof(coarsen->head.ranges));
    weir_batch_init(&coarsen->batch, coarsen->batch_bytes_max);
    weir_compact_writer_init(&coarsen->writer, coarsen->batch.bytes, size);
    for (uint32_t i = 0; i < row_max; i++) {
        enum weir_status status =
            weir_compact_writer_prepare(&coarsen->writer, &coarsen->summaries[first + i],
                                        find_sketch(coarsen, first + i, &room));

        assert(status == WEIR_OK);
        (void)status;
    }
    for (uint32_t i = 0; i < row_max; i++)
        weir_compact_writer_refine(&coarsen->writer, &coarsen->summaries[first + i],
                                   find_sketch(coarsen, first + i, &room));
    head = coarsen->head;
    if (coarsen->shift_ms != 0 && head.clock == WEIR_BATCH_CLOCK_UNSYNCHRONISED) {
        head.created_ms += coarsen->shift_ms;
        head.clock = WEIR_BATCH_CLOCK_CORRECTED;
    }
    weir_compact_writer_begin(&coarsen->writer, &head);
    for (*row_count = 0; *row_count < row_max; ++*row_count) {
        if (write_row(coarsen, first + *row_count) != WEIR_OK)
            break;
    }
    assert(*row_count > 0);
    return weir_compact_writer_seal(&coarsen->writer);
}

static size_t part_size(const struct weir_coarsen *coarsen)
{
    return coarsen->batch_bytes_max < WEIR_COMPACT_BYTES_MIN + NUMBER_BYTES
               ? WEIR_COMPACT_BYTES_MIN + NUMBER_BYTES
               : (size_t)coarsen->batch_bytes_max;
}

/* How many rows from first on make a part. Those that do not fit had a say in the grids of those that
 * do, so these are tried by themselves, as they will be written. */
static uint32_t fit_part(struct weir_coarsen *coarsen, uint32_t first)
{
    uint32_t row_max = coarsen->row_count - first;
    uint32_t row_count;

    if (row_max > WEIR_COMPACT_ROW_COUNT_MAX)
        row_max = WEIR_COMPACT_ROW_COUNT_MAX;
    for (;; row_max = row_count) {
        (void)write_part(coarsen, first, row_max, coarsen->head.table,
                         part_size(coarsen) - NUMBER_BYTES, &row_count);
        if (row_count == row_max)
            return row_count;
    }
}

uint32_t weir_coarsen_seal_compact(struct weir_coarsen *coarsen)
{
    for (uint32_t at = 0; at < coarsen->row_count; coarsen->part_count++) {
        /* More than can be is as good as none: the run stays as it is. */
        if (coarsen->part_count == WEIR_COARSEN_PART_COUNT_MAX)
            return UINT32_MAX;
        coarsen->parts[coarsen->part_count] = fit_part(coarsen, at);
        at += coarsen->parts[coarsen->part_count];
    }
    return coarsen->part_count;
}

void weir_coarsen_take_compact(struct weir_coarsen *coarsen, uint64_t sequence,
                               struct weir_coarsen_batch *batch)
{
    uint32_t row_count = coarsen->parts[coarsen->taken_part++];
    uint32_t first = coarsen->taken_count;

    batch->length =
        write_part(coarsen, first, row_count, sequence, part_size(coarsen), &batch->row_count);
    assert(batch->row_count == row_count);
    batch->bytes = coarsen->batch.bytes;
    batch->rows = coarsen->summaries + first;
    batch->sketches = coarsen->batch.sketches;
    batch->sketches_length = coarsen->batch.sketches_length;
    coarsen->taken_count += row_count;
}
