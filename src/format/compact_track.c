#include <string.h>

#include "format/compact_row.h"

/* Contexts of WEIR_COMPACT_DECLARE. */
enum {
    DECLARE_SLOT,
    DECLARE_STREAM,
    DECLARE_AGGREGATES,
    DECLARE_LENGTH,
    DECLARE_SERIES,
    DECLARE_FIELD,       /* of the series declared before */
    DECLARE_FIRST_FIELD, /* of another */
    DECLARE_SCALE,
    DECLARE_STEP,
    DECLARE_OFFSET,
    DECLARE_QUANTILE_COUNT,
    DECLARE_QUANTILE,
    DECLARE_PARTS,
};

/* Contexts of WEIR_COMPACT_TEXT. */
enum { TEXT_STREAM, TEXT_SHARED, TEXT_SERIES };

/* Contexts of WEIR_COMPACT_TIME. */
enum { TIME_STEPS, TIME_STEPS_AHEAD, TIME_STEPS_BEHIND, TIME_START, TIME_LENGTH };

#define NO_TRACK WEIR_COMPACT_ROW_COUNT_MAX

uint32_t weir_compact_columns(uint32_t aggregates, bool quantiles)
{
    const uint32_t ends = 1u << WEIR_COMPACT_COLUMN_FIRST | 1u << WEIR_COMPACT_COLUMN_LAST;
    static const uint32_t needs[WEIR_AGGREGATE_KIND_COUNT] = {
        [WEIR_AGGREGATE_SUM] = 1u << WEIR_COMPACT_COLUMN_SUM,
        [WEIR_AGGREGATE_MIN] = 1u << WEIR_COMPACT_COLUMN_MIN,
        [WEIR_AGGREGATE_MAX] = 1u << WEIR_COMPACT_COLUMN_MAX,
        [WEIR_AGGREGATE_MEAN] = 1u << WEIR_COMPACT_COLUMN_MEAN,
        [WEIR_AGGREGATE_STDDEV] = 1u << WEIR_COMPACT_COLUMN_STDDEV | 1u << WEIR_COMPACT_COLUMN_MIN |
                                  1u << WEIR_COMPACT_COLUMN_MAX,
        [WEIR_AGGREGATE_FIRST] = 1u << WEIR_COMPACT_COLUMN_FIRST,
        [WEIR_AGGREGATE_LAST] = 1u << WEIR_COMPACT_COLUMN_LAST,
    };
    uint32_t columns =
        quantiles ? 1u << WEIR_COMPACT_COLUMN_MIN | 1u << WEIR_COMPACT_COLUMN_MAX : 0;

    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (aggregates & 1u << i)
            columns |= needs[i];
    }
    if (aggregates & (1u << WEIR_AGGREGATE_DELTA | 1u << WEIR_AGGREGATE_RATE))
        columns |= ends;
    if (aggregates & 1u << WEIR_AGGREGATE_RATE)
        columns |= 1u << WEIR_COMPACT_COLUMN_SPAN;
    return columns;
}

void weir_compact_rows_init(struct weir_compact_rows *rows, int64_t created_ms)
{
    weir_compact_model_init(&rows->codec.model);
    rows->stream_count = 0;
    rows->track_count = 0;
    rows->track = NO_TRACK;
    memset(rows->kin, 0xff, sizeof(rows->kin));
    rows->created_ms = created_ms;
    rows->count = 1;
    rows->name_length = 0;
}

static void fail(struct weir_compact_rows *rows)
{
    rows->codec.coder.failed = true;
}

static uint32_t code_index(struct weir_compact_rows *rows, uint32_t context, uint32_t index)
{
    uint64_t read = weir_compact_code(&rows->codec, WEIR_COMPACT_DECLARE, context, index);

    if (read > INT32_MAX) {
        fail(rows);
        return 0;
    }
    return (uint32_t)read;
}

/* A text of at most length_max bytes, of which `shared` are there already. */
static void code_text(struct weir_compact_rows *rows, uint32_t context,
                      struct weir_compact_text *text, uint32_t shared, uint32_t length_max)
{
    uint64_t rest =
        weir_compact_code(&rows->codec, WEIR_COMPACT_TEXT, context, text->length - shared);

    if (rest > length_max - shared) {
        fail(rows);
        rest = 0;
    }
    text->length = shared + (uint32_t)rest;
    weir_compact_code_text(&rows->codec, text->bytes + shared, (size_t)rest);
}

static void code_stream_text(struct weir_compact_rows *rows, struct weir_compact_text *text)
{
    text->there = weir_compact_code_flag(&rows->codec, WEIR_COMPACT_FLAG_STREAM_NAMED, text->there);
    if (text->there)
        code_text(rows, TEXT_STREAM, text, 0, WEIR_COMPACT_STREAM_TEXT_MAX);
}

/* A series' name is what it has in common with the one before, and its own end. */
static void code_series_text(struct weir_compact_rows *rows, struct weir_compact_text *text)
{
    uint64_t shared = 0;

    text->there = weir_compact_code_flag(&rows->codec, WEIR_COMPACT_FLAG_SERIES_NAMED, text->there);
    if (!text->there)
        return;
    if (!rows->codec.coder.decoding) {
        while (shared < rows->name_length && shared < text->length &&
               rows->name[shared] == text->bytes[shared])
            shared++;
    }
    shared = weir_compact_code(&rows->codec, WEIR_COMPACT_TEXT, TEXT_SHARED, shared);
    if (shared > rows->name_length) {
        fail(rows);
        shared = 0;
    }
    if (rows->codec.coder.decoding)
        memcpy(text->bytes, rows->name, (size_t)shared);
    code_text(rows, TEXT_SERIES, text, (uint32_t)shared, WEIR_TOPIC_LENGTH_MAX);
    memcpy(rows->name, text->bytes, text->length);
    rows->name_length = text->length;
}

/* Which quantiles the rows of a stream have: thousandths, each above the one before. */
static void code_quantile_names(struct weir_compact_rows *rows,
                                const struct weir_compact_stream *given,
                                struct weir_compact_stream *stream)
{
    uint32_t newest = 0;

    stream->quantile_count = code_index(rows, DECLARE_QUANTILE_COUNT, given->quantile_count);
    if (stream->quantile_count > WEIR_QUANTILE_COUNT_MAX) {
        fail(rows);
        stream->quantile_count = 0;
    }
    for (uint32_t i = 0; i < stream->quantile_count; i++) {
        uint32_t step = code_index(rows, DECLARE_QUANTILE, given->quantiles[i] - newest - 1u);

        if (step > 998 - newest) {
            fail(rows);
            stream->quantile_count = 0;
            return;
        }
        newest += step + 1;
        stream->quantiles[i] = (uint16_t)newest;
    }
}

static void declare_stream(struct weir_compact_rows *rows, struct weir_compact_row *row)
{
    struct weir_compact_stream *stream = &rows->streams[rows->stream_count];
    uint64_t length;

    stream->stream = code_index(rows, DECLARE_STREAM, row->stream.stream);
    stream->aggregates = code_index(rows, DECLARE_AGGREGATES, row->stream.aggregates);
    length = weir_compact_code(&rows->codec, WEIR_COMPACT_DECLARE, DECLARE_LENGTH,
                               (uint64_t)row->stream.length_ms);
    if (stream->aggregates >> WEIR_AGGREGATE_KIND_COUNT != 0 || length == 0 ||
        length > WEIR_DURATION_MS_MAX) {
        fail(rows);
        length = 1;
    }
    stream->length_ms = (int64_t)length;
    code_quantile_names(rows, &row->stream, stream);
    stream->columns = weir_compact_columns(stream->aggregates, stream->quantile_count > 0);
    stream->series = 0;
    stream->start_ms = (int64_t)((uint64_t)rows->created_ms -
                                 (uint64_t)(rows->created_ms % stream->length_ms) - length);
    rows->stream_count++;
    code_stream_text(rows, &row->stream_text);
}

static uint32_t find_slot(const struct weir_compact_rows *rows, uint32_t stream)
{
    uint32_t slot = 0;

    while (slot < rows->stream_count && rows->streams[slot].stream != stream)
        slot++;
    return slot;
}

static uint32_t code_stream(struct weir_compact_rows *rows, struct weir_compact_row *row)
{
    uint32_t slot = rows->codec.coder.decoding ? 0 : find_slot(rows, row->stream.stream);

    slot = rows->stream_count - code_index(rows, DECLARE_SLOT, rows->stream_count - slot);
    if (slot > rows->stream_count || slot == WEIR_STREAM_COUNT_MAX) {
        fail(rows);
        slot = 0;
    }
    if (slot == rows->stream_count)
        declare_stream(rows, row);
    return slot;
}

static void code_grid(struct weir_compact_rows *rows, const struct weir_compact_track *kin,
                      const struct weir_compact_grid *given, struct weir_compact_grid *grid)
{
    struct weir_compact_codec *codec = &rows->codec;
    bool same = kin && given && kin->grid.scale == given->scale && kin->grid.step == given->step &&
                kin->grid.parts == given->parts;

    if (given)
        *grid = *given;
    if (kin && weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_KIN, same)) {
        grid->scale = kin->grid.scale;
        grid->step = kin->grid.step;
        grid->parts = kin->grid.parts;
    } else {
        grid->scale = code_index(rows, DECLARE_SCALE, grid->scale);
        grid->step = (int64_t)weir_compact_code(codec, WEIR_COMPACT_DECLARE, DECLARE_STEP,
                                                (uint64_t)grid->step - 1);
        grid->step = (int64_t)((uint64_t)grid->step + 1);
        grid->parts = code_index(rows, DECLARE_PARTS, grid->parts);
    }
    if (grid->scale >= WEIR_COMPACT_SCALE_COUNT || grid->parts > WEIR_COMPACT_PARTS_MAX ||
        grid->step < (int64_t)1 << grid->parts || grid->step > WEIR_COMPACT_TICKS_MAX) {
        fail(rows);
        *grid = (struct weir_compact_grid){.step = 1};
    }
    if (grid->step > 1)
        grid->offset = (int64_t)weir_compact_code(codec, WEIR_COMPACT_DECLARE, DECLARE_OFFSET,
                                                  (uint64_t)grid->offset);
    else
        grid->offset = 0;
    if (grid->offset < 0 || grid->offset >= grid->step) {
        fail(rows);
        grid->offset = 0;
    }
}

/* The newest track of the same field of its stream, if it is remembered. */
static const struct weir_compact_track *find_kin(struct weir_compact_rows *rows, uint32_t slot,
                                                 uint32_t field, uint32_t index)
{
    uint16_t *place = &rows->kin[(slot * 13 + field) % 64];
    const struct weir_compact_track *kin = &rows->tracks[*place % WEIR_COMPACT_ROW_COUNT_MAX];
    bool is_kin = *place != UINT16_MAX && kin->slot == slot && kin->field == field;

    *place = (uint16_t)index;
    return is_kin ? kin : NULL;
}

static void declare_track(struct weir_compact_rows *rows, struct weir_compact_row *row,
                          const struct weir_compact_grid *given)
{
    struct weir_compact_track *track = &rows->tracks[rows->track_count];
    uint32_t slot = code_stream(rows, row);
    struct weir_compact_stream *stream = &rows->streams[slot];
    const struct weir_compact_track *kin;
    struct weir_compact_grid grid = {.step = 1};
    int64_t step;
    uint32_t field;

    step = weir_compact_code_signed(&rows->codec, WEIR_COMPACT_DECLARE, DECLARE_SERIES,
                                    (int64_t)row->summary.series - stream->series);
    if (step < -(int64_t)stream->series || step > INT32_MAX) {
        fail(rows);
        step = 0;
    }
    field = code_index(rows, step == 0 ? DECLARE_FIELD : DECLARE_FIRST_FIELD, row->summary.field);
    if (field >= WEIR_FIELD_COUNT_MAX) {
        fail(rows);
        field = 0;
    }
    stream->series = (uint32_t)(stream->series + step);
    code_series_text(rows, &row->series_text);
    kin = find_kin(rows, slot, field, rows->track_count);
    code_grid(rows, kin, given, &grid);
    if (kin && kin->grid.scale == grid.scale && kin->grid.step == grid.step &&
        kin->grid.parts == grid.parts)
        *track = *kin;
    else
        *track = (struct weir_compact_track){.count = kin ? kin->count : 1};
    track->slot = slot;
    track->series = stream->series;
    track->field = field;
    track->next = NO_TRACK;
    track->grid = grid;
    track->start_ms = (int64_t)((uint64_t)stream->start_ms - (uint64_t)stream->length_ms);
    rows->track_count++;
}

uint32_t weir_compact_code_track(struct weir_compact_rows *rows, struct weir_compact_row *row,
                                 uint32_t known, const struct weir_compact_grid *grid)
{
    uint32_t next = rows->track < NO_TRACK ? rows->tracks[rows->track].next : NO_TRACK;
    uint64_t back;

    if (next < NO_TRACK &&
        weir_compact_code_flag(&rows->codec, WEIR_COMPACT_FLAG_NEXT, known == next)) {
        known = next;
    } else {
        back = rows->track_count - known;
        back = weir_compact_code(&rows->codec, WEIR_COMPACT_TRACK, 0, back);
        if (back > rows->track_count || (back == 0 && rows->track_count == NO_TRACK)) {
            fail(rows);
            back = rows->track_count > 0;
        }
        known = rows->track_count - (uint32_t)back;
        if (back == 0)
            declare_track(rows, row, grid);
    }
    if (rows->track < NO_TRACK)
        rows->tracks[rows->track].next = (uint16_t)known;
    rows->track = known;
    if (rows->codec.coder.decoding) {
        const struct weir_compact_track *track = &rows->tracks[known];

        row->stream = rows->streams[track->slot];
        row->summary.stream = row->stream.stream;
        row->summary.series = track->series;
        row->summary.field = (uint16_t)track->field;
    }
    return known;
}

void weir_compact_code_window(struct weir_compact_rows *rows, struct weir_compact_track *track,
                              struct weir_summary *summary)
{
    struct weir_compact_codec *codec = &rows->codec;
    struct weir_compact_stream *stream = &rows->streams[track->slot];
    uint64_t base = (uint64_t)track->start_ms + (uint64_t)stream->length_ms;
    int64_t ahead = (int64_t)((uint64_t)stream->start_ms - base);
    int64_t apart = (int64_t)((uint64_t)summary->start_ms - base);
    uint64_t length = (uint64_t)summary->end_ms - (uint64_t)summary->start_ms;
    bool regular = apart % stream->length_ms == 0 && length == (uint64_t)stream->length_ms;

    if (weir_compact_code_flag(codec, WEIR_COMPACT_FLAG_REGULAR, regular)) {
        uint32_t context = ahead == 0  ? TIME_STEPS
                           : ahead > 0 ? TIME_STEPS_AHEAD
                                       : TIME_STEPS_BEHIND;
        int64_t steps =
            weir_compact_code_signed(codec, WEIR_COMPACT_TIME, context, apart / stream->length_ms);

        summary->start_ms = (int64_t)(base + (uint64_t)steps * (uint64_t)stream->length_ms);
        length = (uint64_t)stream->length_ms;
    } else {
        apart = weir_compact_code_signed(codec, WEIR_COMPACT_TIME, TIME_START, apart);
        summary->start_ms = (int64_t)(base + (uint64_t)apart);
        length = weir_compact_code(codec, WEIR_COMPACT_TIME, TIME_LENGTH, length);
    }
    summary->end_ms = (int64_t)((uint64_t)summary->start_ms + length);
    if (summary->start_ms > track->start_ms)
        track->start_ms = summary->start_ms;
    stream->start_ms = summary->start_ms;
}

void weir_compact_code_counts(struct weir_compact_rows *rows, struct weir_compact_track *track,
                              struct weir_summary *summary)
{
    uint64_t revision =
        weir_compact_code(&rows->codec, WEIR_COMPACT_REVISION, 0, summary->revision);
    uint32_t context = track->count == rows->count ? 0 : track->count > rows->count ? 1 : 2;
    int64_t more;

    if (revision > UINT32_MAX)
        fail(rows);
    summary->revision = (uint32_t)revision;
    more = weir_compact_code_signed(&rows->codec, WEIR_COMPACT_COUNT, context + 3 * track->turn,
                                    (int64_t)(summary->count - track->count));
    summary->count = track->count + (uint64_t)more;
    track->count = summary->count;
    track->turn = more == 0 ? 0 : more < 0 ? 1 : 2;
    rows->count = summary->count;
}
