#include <string.h>

#include "core/assert.h"
#include "store/coarsen_run.h"

/* The longest of weir_coarsen_name, its kind and NULs included. */
#define NAME_BYTES_MAX (1 + 2 * (WEIR_NAME_LENGTH_MAX + 1) + WEIR_TOPIC_LENGTH_MAX + 1)

/* The members of a row; from KEY_AGGREGATE on in the order of enum weir_aggregate. */
enum key {
    KEY_STREAM,
    KEY_SERIES,
    KEY_FIELD,
    KEY_UNIT,
    KEY_START,
    KEY_END,
    KEY_REVISION,
    KEY_AGGREGATE,
    KEY_COUNT = KEY_AGGREGATE + WEIR_AGGREGATE_KIND_COUNT,
};

void weir_coarsen_init_json(struct weir_coarsen *coarsen)
{
    const char *paths[KEY_COUNT] = {
        [KEY_STREAM] = "stream",     [KEY_SERIES] = "series", [KEY_FIELD] = "field",
        [KEY_UNIT] = "unit",         [KEY_START] = "start",   [KEY_END] = "end",
        [KEY_REVISION] = "revision",
    };
    enum weir_status status;

    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++)
        paths[KEY_AGGREGATE + i] = weir_aggregate_name((enum weir_aggregate)i);
    status = weir_json_compile(&coarsen->row_paths, paths, KEY_COUNT, WEIR_JSON_STACK_MAX, NULL);
    assert(status == WEIR_OK);
    (void)status;
    weir_batch_reader_init(&coarsen->reader);
}

/* A name without its escapes and with a NUL behind it; out has length_max + 1 bytes. Returns its
 * length, NUL included; 0: it is none. */
static uint32_t read_name(const struct weir_json_value *value, char *out, size_t length_max)
{
    ptrdiff_t length = weir_json_unescape(value, out, length_max);

    if (length < 0 || memchr(out, '\0', (size_t)length))
        return 0;
    out[length] = '\0';
    return (uint32_t)length + 1;
}

/* A name of one text. */
static enum weir_status read_single(struct weir_coarsen *coarsen, char kind,
                                    const struct weir_json_value *value, size_t length_max,
                                    uint32_t *index)
{
    char *text = coarsen->text + coarsen->text_length;
    uint32_t length;

    if (coarsen->text_max - coarsen->text_length < NAME_BYTES_MAX)
        return WEIR_FULL;
    text[0] = kind;
    length = read_name(value, text + 1, length_max);
    if (length == 0)
        return WEIR_REFUSED;
    *index = weir_coarsen_keep_name(coarsen, length + 1);
    return *index == WEIR_COARSEN_NONE ? WEIR_FULL : WEIR_OK;
}

static enum weir_status read_track(struct weir_coarsen *coarsen,
                                   const struct weir_json_value *values, uint32_t *index)
{
    static const struct {
        enum key key;
        size_t length_max;
    } parts[] = {
        {KEY_STREAM, WEIR_NAME_LENGTH_MAX},
        {KEY_SERIES, WEIR_TOPIC_LENGTH_MAX},
        {KEY_FIELD, WEIR_NAME_LENGTH_MAX},
    };
    enum weir_status status;
    uint32_t length = 1;
    uint32_t stream;
    char *text;

    status = read_single(coarsen, WEIR_COARSEN_STREAM, &values[KEY_STREAM], WEIR_NAME_LENGTH_MAX,
                         &stream);
    if (status != WEIR_OK)
        return status;
    if (coarsen->text_max - coarsen->text_length < NAME_BYTES_MAX)
        return WEIR_FULL;
    text = coarsen->text + coarsen->text_length;
    text[0] = WEIR_COARSEN_TRACK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint32_t part = read_name(&values[parts[i].key], text + length, parts[i].length_max);

        if (part == 0)
            return WEIR_REFUSED;
        length += part;
    }
    *index = weir_coarsen_keep_name(coarsen, length);
    if (*index == WEIR_COARSEN_NONE)
        return WEIR_FULL;
    coarsen->names[*index].stream = stream;
    return WEIR_OK;
}

/* True when the row's text is of this summary; *shown is then what it shows. */
static bool matches(const struct weir_json_value *values, const struct weir_summary *summary,
                    uint32_t *shown)
{
    const struct weir_json_value *aggregates = &values[KEY_AGGREGATE];
    uint64_t revision;
    uint64_t count;
    int64_t start_ms;
    int64_t end_ms;

    if (!weir_batch_read_int(&values[KEY_START], &start_ms) || start_ms != summary->start_ms ||
        !weir_batch_read_int(&values[KEY_END], &end_ms) || end_ms != summary->end_ms ||
        !weir_batch_read_count(&values[KEY_REVISION], &revision) || revision != summary->revision)
        return false;
    *shown = 0;
    for (int i = 0; i < WEIR_AGGREGATE_KIND_COUNT; i++) {
        if (aggregates[i].kind == WEIR_JSON_NUMBER)
            *shown |= 1u << i;
        else if (aggregates[i].kind != WEIR_JSON_MISSING)
            return false;
    }
    if (*shown & 1u << WEIR_AGGREGATE_COUNT &&
        (!weir_batch_read_count(&aggregates[WEIR_AGGREGATE_COUNT], &count) ||
         count != summary->count))
        return false;
    return !(*shown & ~weir_encode_aggregates(summary));
}

static enum weir_status read_row(struct weir_coarsen *coarsen, const char *text, size_t length,
                                 const struct weir_summary *summary, struct weir_coarsen_row *row)
{
    static const struct weir_json_value none = {.kind = WEIR_JSON_STRING, .text = ""};
    struct weir_json_value values[KEY_COUNT];
    enum weir_status status;

    if (weir_json_scan(&coarsen->row_paths, text, length, values) != WEIR_OK ||
        !weir_coarsen_is_sound(summary) || !matches(values, summary, &row->shown))
        return WEIR_REFUSED;
    status = read_track(coarsen, values, &row->track);
    if (status != WEIR_OK)
        return status;
    if (values[KEY_UNIT].kind == WEIR_JSON_MISSING)
        values[KEY_UNIT] = none;
    return read_single(coarsen, WEIR_COARSEN_UNIT, &values[KEY_UNIT], WEIR_UNIT_LENGTH_MAX,
                       &row->unit);
}

/* Reads the rows behind those of the run, which does not count them yet. */
static enum weir_status read_rows(struct weir_coarsen *coarsen, struct weir_batch_view *view,
                                  const struct weir_summary *summaries, uint32_t row_count,
                                  struct weir_sketch_list *list)
{
    uint32_t read_count = 0;
    const char *text;
    size_t length;

    while (weir_batch_view_next(view, &text, &length)) {
        uint32_t at = coarsen->row_count + read_count;
        enum weir_status status;

        if (read_count == row_count)
            return WEIR_REFUSED;
        if (at == coarsen->row_max)
            return WEIR_FULL;
        status = read_row(coarsen, text, length, &summaries[read_count], &coarsen->rows[at]);
        if (status == WEIR_OK)
            status = weir_coarsen_read_sketch(coarsen, list, read_count, &summaries[read_count],
                                              &coarsen->rows[at]);
        if (status != WEIR_OK)
            return status;
        coarsen->summaries[at] = summaries[read_count++];
    }
    return read_count == row_count && weir_sketch_list_finished(list) ? WEIR_OK : WEIR_REFUSED;
}

struct head {
    char gateway[WEIR_NAME_LENGTH_MAX + 1];
    uint64_t epoch;
    int64_t created_ms;
    enum weir_batch_clock clock;
    struct weir_range_list ranges; /* the run's with the batch's joined in */
};

static bool read_epoch(const struct weir_json_value *value, uint64_t *epoch)
{
    static const char digits[] = "0123456789abcdef";

    if (value->length != WEIR_EPOCH_LENGTH)
        return false;
    *epoch = 0;
    for (uint32_t i = 0; i < value->length; i++) {
        const char *digit = memchr(digits, value->text[i], WEIR_EPOCH_LENGTH);

        if (!digit)
            return false;
        *epoch = *epoch << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

static bool read_clock(const struct weir_json_value *value, enum weir_batch_clock *clock)
{
    for (int i = WEIR_BATCH_CLOCK_UNSYNCHRONISED; i <= WEIR_BATCH_CLOCK_CORRECTED; i++) {
        const char *name = weir_batch_clock_name((enum weir_batch_clock)i);

        *clock = (enum weir_batch_clock)i;
        if (value->kind == WEIR_JSON_STRING && value->length == strlen(name) &&
            memcmp(value->text, name, value->length) == 0)
            return true;
    }
    *clock = WEIR_BATCH_CLOCK_RIGHT;
    return value->kind == WEIR_JSON_MISSING;
}

/* The batch's own seq and those it replaces. */
static bool read_ranges(const struct weir_batch_view *view, struct weir_range_list *list)
{
    struct weir_range_list listed;
    uint64_t sequence;

    list->count = 0;
    return weir_batch_read_count(&view->sequence, &sequence) &&
           weir_batch_view_ranges(view, listed.ranges, &listed.count) &&
           weir_range_accept(list, sequence, sequence) == WEIR_OK &&
           weir_coarsen_join_ranges(list, &listed) == WEIR_OK;
}

static enum weir_status read_head(const struct weir_coarsen *coarsen,
                                  const struct weir_batch_view *view, struct head *head)
{
    struct weir_range_list ranges;

    if (read_name(&view->gateway, head->gateway, WEIR_NAME_LENGTH_MAX) == 0 ||
        !read_epoch(&view->epoch, &head->epoch) ||
        !weir_batch_read_int(&view->created, &head->created_ms) ||
        !read_clock(&view->clock, &head->clock) || !read_ranges(view, &ranges) ||
        view->ledger.length > WEIR_BATCH_LEDGER_BYTES_MAX)
        return WEIR_REFUSED;
    if (coarsen->begun && (head->epoch != coarsen->epoch || head->clock != coarsen->clock ||
                           strcmp(head->gateway, coarsen->gateway) != 0))
        return WEIR_FULL;
    head->ranges = coarsen->ranges;
    return weir_coarsen_join_ranges(&head->ranges, &ranges);
}

enum weir_status weir_coarsen_accept_json(struct weir_coarsen *coarsen, const char *payload,
                                          size_t length, const struct weir_summary *rows,
                                          uint32_t row_count, struct weir_sketch_list *list)
{
    struct weir_batch_view view;
    enum weir_status status;
    struct head head;

    if (weir_batch_reader_open(&coarsen->reader, payload, length, &view))
        return WEIR_REFUSED;
    if (coarsen->begun && coarsen->compact)
        return WEIR_FULL;
    status = read_head(coarsen, &view, &head);
    if (status == WEIR_OK)
        status = read_rows(coarsen, &view, rows, row_count, list);
    if (status != WEIR_OK)
        return status;
    coarsen->begun = true;
    memcpy(coarsen->gateway, head.gateway, sizeof(coarsen->gateway));
    coarsen->epoch = head.epoch;
    coarsen->created_ms = head.created_ms;
    coarsen->clock = head.clock;
    coarsen->ranges = head.ranges;
    coarsen->ledger_length = view.ledger.length;
    memcpy(coarsen->ledger, view.ledger.text, view.ledger.length);
    weir_coarsen_shift_rows(coarsen, coarsen->row_count, row_count);
    coarsen->row_count += row_count;
    return WEIR_OK;
}

static enum weir_status encode_row(struct weir_coarsen *coarsen, uint32_t index)
{
    const struct weir_coarsen_row *row = &coarsen->rows[index];
    const char *stream = coarsen->text + coarsen->names[row->track].offset + 1;
    const char *series = stream + strlen(stream) + 1;
    const char *field = series + strlen(series) + 1;
    const char *unit = coarsen->text + coarsen->names[row->unit].offset + 1;
    struct weir_summary summary = coarsen->summaries[index];
    struct weir_sketch_list_entry entry;
    struct weir_sketch_list list;
    struct weir_sketch sketch;
    bool sketched;

    memcpy(coarsen->stream.name, stream, strlen(stream) + 1);
    memcpy(coarsen->field.name, field, strlen(field) + 1);
    memcpy(coarsen->field.unit, unit, strlen(unit) + 1);
    coarsen->stream.aggregates = row->shown;
    coarsen->stream.quantile_count = 0;
    sketched = weir_coarsen_sketch(coarsen, row, &list, &entry, &sketch);
    if (sketched) {
        coarsen->stream.quantile_count = entry.quantile_count;
        memcpy(coarsen->stream.quantiles, entry.quantiles,
               entry.quantile_count * sizeof(entry.quantiles[0]));
    }
    summary.field = 0;
    return weir_batch_accept(&coarsen->batch, &coarsen->stream, series, &summary,
                             sketched ? &sketch : NULL);
}

/* Fills the batch with rows from first on. Returns the first that it has no room for. */
static uint32_t fill_batch(struct weir_coarsen *coarsen, uint32_t first)
{
    uint64_t bytes_max = coarsen->batch_bytes_max;
    uint32_t next = first;

    if (first == 0)
        bytes_max -= (uint64_t)coarsen->ranges.count * WEIR_BATCH_RANGE_BYTES_MAX;
    weir_batch_init(&coarsen->batch, bytes_max);
    while (next < coarsen->row_count && encode_row(coarsen, next) == WEIR_OK)
        next++;
    assert(next > first);
    return next;
}

uint32_t weir_coarsen_seal_json(struct weir_coarsen *coarsen)
{
    uint32_t count = 0;

    for (uint32_t at = 0; at < coarsen->row_count; count++)
        at = fill_batch(coarsen, at);
    return count;
}

void weir_coarsen_take_json(struct weir_coarsen *coarsen, uint64_t sequence,
                            struct weir_coarsen_batch *batch)
{
    uint32_t first = coarsen->taken_count;
    struct weir_batch_head head = {
        .gateway = coarsen->gateway,
        .epoch = coarsen->epoch,
        .sequence = sequence,
        .created_ms = coarsen->created_ms,
        .clock = coarsen->clock,
        .ledger_text = coarsen->ledger,
        .ledger_length = coarsen->ledger_length,
        .ranges = coarsen->ranges.ranges,
        .range_count = first == 0 ? coarsen->ranges.count : 0,
    };

    if (coarsen->shift_ms != 0 && coarsen->clock == WEIR_BATCH_CLOCK_UNSYNCHRONISED) {
        head.created_ms += coarsen->shift_ms;
        head.clock = WEIR_BATCH_CLOCK_CORRECTED;
    }
    coarsen->taken_count = fill_batch(coarsen, first);
    batch->rows = coarsen->summaries + first;
    batch->row_count = coarsen->taken_count - first;
    batch->sketches = coarsen->batch.sketches;
    batch->sketches_length = coarsen->batch.sketches_length;
    batch->bytes = weir_batch_seal(&coarsen->batch, &head, &batch->length);
}
