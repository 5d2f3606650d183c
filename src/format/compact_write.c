#include <math.h>
#include <string.h>

#include "core/assert.h"
#include "format/compact_head.h"
#include "format/crc32c.h"

#define SLOT_MASK (2 * WEIR_COMPACT_ROW_COUNT_MAX - 1)

/* Ahead of what is coded: magic, version and a length of three bytes. */
#define FRAME_BYTES 6

void weir_compact_writer_init(struct weir_compact_writer *writer, void *bytes, size_t size)
{
    assert(size > FRAME_BYTES + sizeof(uint32_t));
    writer->bytes = bytes;
    writer->size = size < WEIR_COMPACT_BYTES_MAX ? size : WEIR_COMPACT_BYTES_MAX;
    writer->prepared_count = 0;
    writer->refined_count = 0;
    writer->accepted_count = 0;
    writer->found_count = 0;
    memset(writer->slots, 0xff, sizeof(writer->slots));
    memset(writer->coded, 0xff, sizeof(writer->coded));
}

/* The track of a row among those found; it is added if it is new. */
static uint32_t find_track(struct weir_compact_writer *writer, const struct weir_summary *summary)
{
    uint32_t slot = (summary->series * 31 + summary->field) * 0x9e3779b1u + summary->stream;
    struct weir_compact_found *found;

    for (slot ^= slot >> 15;; slot++) {
        uint16_t index = writer->slots[slot & SLOT_MASK];

        if (index == UINT16_MAX)
            break;
        found = &writer->found[index];
        if (found->series == summary->series && found->field == summary->field &&
            found->stream == summary->stream)
            return index;
    }
    writer->slots[slot & SLOT_MASK] = (uint16_t)writer->found_count;
    weir_compact_lattice_init(&writer->lattices[writer->found_count]);
    writer->found[writer->found_count] = (struct weir_compact_found){
        .stream = summary->stream, .series = summary->series, .field = summary->field};
    return writer->found_count++;
}

/* False: what is on the grid already would be too many ticks. */
static bool move_scale(struct weir_compact_found *found, uint32_t scale)
{
    double factor = weir_compact_scale(scale) / weir_compact_scale(found->grid.scale);
    double origin = (double)found->origin * factor;
    double step = (double)found->grid.step * factor;

    if (fabs(origin) > (double)WEIR_COMPACT_TICKS_MAX)
        return false;
    found->origin = (int64_t)origin;
    found->grid.step = step < (double)WEIR_COMPACT_TICKS_MAX ? (int64_t)step : 1;
    found->grid.scale = scale;
    return true;
}

/* Has the grid go through a value, too, if there is a scale for it. */
static void widen(struct weir_compact_found *found, double value)
{
    int64_t ticks;
    uint32_t scale;

    if (!weir_compact_ticks(value, found->grid.scale, &ticks)) {
        if (!weir_compact_find_scale(value, found->begun ? found->grid.scale : 0, &scale) ||
            !weir_compact_ticks(value, scale, &ticks))
            return;
        if (!found->begun)
            found->grid.scale = scale;
        else if (!move_scale(found, scale))
            return;
    }
    if (!found->begun)
        found->origin = ticks;
    found->begun = true;
    if (found->grid.step != 1)
        found->grid.step = weir_compact_gcd(found->grid.step, ticks - found->origin);
}

enum weir_status weir_compact_writer_prepare(struct weir_compact_writer *writer,
                                             const struct weir_summary *summary,
                                             const struct weir_sketch *sketch)
{
    double samples[WEIR_SKETCH_EXACT_COUNT_MAX];
    struct weir_compact_found *found;
    uint32_t index;

    if (writer->prepared_count == WEIR_COMPACT_ROW_COUNT_MAX)
        return WEIR_FULL;
    index = find_track(writer, summary);
    found = &writer->found[index];
    widen(found, summary->min);
    widen(found, summary->max);
    widen(found, summary->first);
    widen(found, summary->last);
    if (sketch && sketch->count <= WEIR_SKETCH_EXACT_COUNT_MAX) {
        weir_sketch_sort(sketch, samples);
        for (uint64_t i = 0; i < sketch->count; i++)
            widen(found, samples[i]);
    }
    writer->row_tracks[writer->prepared_count++] = (uint16_t)index;
    return WEIR_OK;
}

void weir_compact_writer_refine(struct weir_compact_writer *writer,
                                const struct weir_summary *summary,
                                const struct weir_sketch *sketch)
{
    double samples[WEIR_SKETCH_EXACT_COUNT_MAX];
    uint32_t index = writer->row_tracks[writer->refined_count++];
    struct weir_compact_lattice *lattice = &writer->lattices[index];
    const struct weir_compact_grid *grid = &writer->found[index].grid;
    double scale = weir_compact_scale(grid->scale);

    assert(writer->refined_count <= writer->prepared_count);
    if (lattice->broken || grid->step != 1)
        return;
    weir_compact_lattice_accept(lattice, summary->min * scale);
    weir_compact_lattice_accept(lattice, summary->last * scale);
    weir_compact_lattice_accept(lattice, summary->first * scale);
    weir_compact_lattice_accept(lattice, summary->max * scale);
    if (sketch && sketch->count <= WEIR_SKETCH_EXACT_COUNT_MAX) {
        weir_sketch_sort(sketch, samples);
        for (uint64_t i = 0; i < sketch->count; i++)
            weir_compact_lattice_accept(lattice, samples[i] * scale);
    }
}

/* Makes of what the values had in common a grid that can be told: one value has no step. */
static void settle_step(struct weir_compact_found *found)
{
    struct weir_compact_grid *grid = &found->grid;

    if (!found->begun || grid->step == 0 || grid->step > WEIR_COMPACT_TICKS_MAX)
        grid->step = 1;
    grid->offset = found->origin % grid->step;
    if (grid->offset < 0)
        grid->offset += grid->step;
}

void weir_compact_writer_begin(struct weir_compact_writer *writer,
                               const struct weir_compact_head *head)
{
    struct weir_compact_head copy = *head;

    for (uint32_t i = 0; i < writer->found_count; i++) {
        settle_step(&writer->found[i]);
        if (writer->refined_count == writer->prepared_count && writer->found[i].begun)
            (void)weir_compact_lattice_settle(&writer->lattices[i], &writer->found[i].grid);
    }
    weir_coder_init_encode(&writer->rows.codec.coder, writer->bytes + FRAME_BYTES,
                           writer->size - FRAME_BYTES - sizeof(uint32_t));
    weir_compact_rows_init(&writer->rows, head->created_ms);
    weir_compact_code_head(&writer->rows.codec, &copy);
}

enum weir_status weir_compact_writer_accept(struct weir_compact_writer *writer,
                                            const struct weir_compact_stream *stream,
                                            const struct weir_compact_text *stream_text,
                                            const struct weir_compact_text *series_text,
                                            const struct weir_summary *summary,
                                            const struct weir_sketch *sketch)
{
    struct weir_compact_rows *rows = &writer->rows;
    struct weir_compact_row row;
    size_t room = WEIR_COMPACT_ROW_BYTES_MAX;
    uint32_t index;
    uint32_t known;

    assert(writer->accepted_count < writer->prepared_count);
    if (stream_text->there)
        room += (size_t)stream_text->length * WEIR_COMPACT_NAME_BYTE_BYTES_MAX;
    if (series_text->there)
        room += (size_t)series_text->length * WEIR_COMPACT_NAME_BYTE_BYTES_MAX;
    if (weir_coder_room(&rows->codec.coder) < room)
        return WEIR_FULL;
    row.summary = *summary;
    row.stream = *stream;
    row.stream_text = *stream_text;
    row.series_text = *series_text;
    row.has_sketch = sketch != NULL;
    if (sketch)
        row.sketch = *sketch;
    index = writer->row_tracks[writer->accepted_count++];
    known = writer->coded[index] == UINT16_MAX ? rows->track_count : writer->coded[index];
    (void)weir_compact_code_flag(&rows->codec, WEIR_COMPACT_FLAG_MORE, true);
    writer->coded[index] =
        (uint16_t)weir_compact_code_track(rows, &row, known, &writer->found[index].grid);
    weir_compact_code_row(rows, &rows->tracks[writer->coded[index]], &row);
    return WEIR_OK;
}

size_t weir_compact_writer_length(const struct weir_compact_writer *writer)
{
    const struct weir_coder *coder = &writer->rows.codec.coder;

    return FRAME_BYTES + coder->length + (size_t)coder->pending + sizeof(uint32_t);
}

size_t weir_compact_writer_seal(struct weir_compact_writer *writer)
{
    struct weir_coder *coder = &writer->rows.codec.coder;
    uint8_t *at = writer->bytes;
    size_t length;
    uint32_t crc;

    (void)weir_compact_code_flag(&writer->rows.codec, WEIR_COMPACT_FLAG_MORE, false);
    length = weir_coder_finish(coder);
    assert(!coder->failed);
    memcpy(at, WEIR_COMPACT_MAGIC, 2);
    at[2] = WEIR_COMPACT_VERSION;
    for (int i = 0; i < 3; i++)
        at[3 + i] = (uint8_t)(length >> 8 * i);
    crc = weir_crc32c(0, at, FRAME_BYTES + length);
    for (int i = 0; i < 4; i++)
        at[FRAME_BYTES + length + (size_t)i] = (uint8_t)(crc >> 8 * i);
    return FRAME_BYTES + length + sizeof(crc);
}
